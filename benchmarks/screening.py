"""Measure the screens that need no model, on photos in class folders, by every shipped look.

True pairs are a photo and its own edit; shuffled pairs are a photo and the edit of another photo,
of the same class or of another. Prints how well each look's true pairs stand apart, what share of
each a screen at its default limit rejects, what it does with edits that must be rejected, and what
a pair costs.

    python benchmarks/screening.py FOLDER... [--photos 100] [--size 512] [--look ID]...
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from genmix.editing import Editor, open_editor
from genmix.images import EXTENSIONS, Image, decode, encode_jpeg, prepare
from genmix.prompts import Prompt, load_library, shipped_libraries
from genmix.screening import Screen, ScreenSettings, open_screens
from genmix.seeding import generator, seed_of

SHUFFLES = 4
"""Photos of another class, and at most as many of the same, that each edit is shown with."""


@dataclass(frozen=True)
class Labelled:
    """A prepared photo; two photos are of the same class if folder and label agree."""

    image: Image
    folder: Path
    label: str


@dataclass
class Scores:
    """What the screens said of one look's pairs, one score a pair."""

    true: dict[str, list[float]] = field(default_factory=dict)
    same_class: list[float] = field(default_factory=list)
    other_class: list[float] = field(default_factory=list)
    kept: dict[str, list[bool]] = field(default_factory=dict)


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--photos", default=100, show_default=True, help="Photos taken from each folder.")
@click.option("--size", default=512, show_default=True, help="Side of the prepared photos.")
@click.option("--look", "looks", multiple=True, help="Only the looks of these prompt ids.")
@click.option("--strength", default=1.0, show_default=True, help="Strength of the edits.")
def main(
    folders: tuple[Path, ...], photos: int, size: int, looks: tuple[str, ...], strength: float
) -> None:
    """Measure the screens on FOLDERS of class folders of photos."""
    cv2.setNumThreads(1)
    console = Console(width=150)
    sample = [photo for folder in folders for photo in take(folder, photos, size)]
    screens = {
        screen.name: screen
        for screen in open_screens(ScreenSettings())
        if isinstance(screen, Screen)
    }
    editor = open_editor("procedural", strength=strength)
    by_look = {
        prompt.id: measure(sample, prompt, editor, screens)
        for prompt in prompts()
        if not looks or prompt.id in looks
    }
    console.print(structure_table(by_look, f"structure, {len(sample)} photos at {size}"))
    console.print(limit_table(by_look))
    console.print(level_table(by_look))
    console.print(failure_table(sample, screens))
    console.print(move_table(sample, screens["structure"]))
    console.print(cost_table(sample, screens))


def take(folder: Path, count: int, size: int) -> list[Labelled]:
    """Take photos from a folder of class folders, each class in turn, at random but repeatably."""
    classes = []
    for index, path in enumerate(sorted(p for p in folder.iterdir() if p.is_dir())):
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in EXTENSIONS)
        order = generator("benchmark", index).permutation(len(files))
        classes.append([files[i] for i in order])
    turns = max(map(len, classes), default=0)
    files = [one[turn] for turn in range(turns) for one in classes if turn < len(one)]
    return [
        Labelled(prepare(decode(file.read_bytes()), size, "crop"), folder, file.parent.name)
        for file in files[:count]
    ]


def prompts() -> Iterator[Prompt]:
    """Yield every prompt of the shipped libraries."""
    for library in shipped_libraries():
        yield from load_library(library).prompts


def cached(edit: Image) -> Image:
    """Return an edit as it comes back from the cache of edits."""
    return decode(encode_jpeg(edit, quality=95, full_colour=True))


def measure(
    sample: Sequence[Labelled], prompt: Prompt, editor: Editor, screens: dict[str, Screen]
) -> Scores:
    """Judge one look's true pairs by every screen, and its shuffled pairs by structure."""
    scores = Scores()
    edits = [
        cached(editor.edit([photo.image], [prompt], [seed_of("benchmark", prompt.id, index)])[0])
        for index, photo in enumerate(sample)
    ]
    originals = [photo.image for photo in sample]
    for name, screen in screens.items():
        verdicts = screen.judge(originals, edits)
        scores.true[name] = [verdict.score for verdict in verdicts]
        scores.kept[name] = [verdict.keep for verdict in verdicts]
    for index, photo in enumerate(sample):
        for others, into in (
            (others_of(sample, index, same=True), scores.same_class),
            (others_of(sample, index, same=False), scores.other_class),
        ):
            found = screens["structure"].judge(
                [photo.image] * len(others), [edits[i] for i in others]
            )
            into.extend(verdict.score for verdict in found)
    return scores


def others_of(sample: Sequence[Labelled], index: int, *, same: bool) -> list[int]:
    """Draw other photos of the same folder, of the same or of another class."""
    photo = sample[index]
    others = [
        i
        for i, other in enumerate(sample)
        if i != index and other.folder == photo.folder and (other.label == photo.label) == same
    ]
    rng = generator("shuffle", index)
    return [others[i] for i in rng.permutation(len(others))[:SHUFFLES]]


def auc(true: Sequence[float], shuffled: Sequence[float]) -> float:
    """Return the probability that a true pair scores above a shuffled one (ROC AUC)."""
    if not shuffled:
        return float("nan")
    ordered = np.sort(shuffled)
    below = np.searchsorted(ordered, true, "left") + np.searchsorted(ordered, true, "right")
    return float(below.mean() / 2 / len(ordered))


def structure_table(by_look: dict[str, Scores], title: str) -> Table:
    """Tabulate how far true pairs stand from shuffled ones, a row a look and one for all."""
    limit = ScreenSettings().structure.min_similarity  # type: ignore[union-attr]
    table = Table(title=f"{title}, limit {limit:g}")
    table.add_column("look")
    for heading in (
        "true: least",
        "true: 1 %",
        "true: median",
        "AUC same class",
        "AUC other class",
        "true rejected",
        "same class rejected",
        "other class rejected",
    ):
        table.add_column(heading, justify="right")
    rows = dict(by_look)
    rows["all"] = Scores(
        true={"structure": [s for one in by_look.values() for s in one.true["structure"]]},
        same_class=[s for one in by_look.values() for s in one.same_class],
        other_class=[s for one in by_look.values() for s in one.other_class],
    )
    for name, scores in rows.items():
        true = scores.true["structure"]
        if name == "all":
            table.add_section()
        table.add_row(
            name,
            f"{min(true):.2f}",
            f"{np.quantile(true, 0.01):.2f}",
            f"{np.median(true):.2f}",
            f"{auc(true, scores.same_class):.4f}",
            f"{auc(true, scores.other_class):.4f}",
            *(share(x < limit for x in xs) for xs in (true, scores.same_class, scores.other_class)),
        )
    return table


LIMITS = (0.10, 0.15, 0.20, 0.25, 0.30, 0.35)


def limit_table(by_look: dict[str, Scores]) -> Table:
    """Tabulate what other limits of the structure screen would reject, all looks together."""
    table = Table(title="structure, by limit")
    for heading in (
        "limit",
        "true rejected",
        "true rejected, worst look",
        "worst look",
        "same class rejected",
        "other class rejected",
    ):
        table.add_column(heading, justify="right")
    for limit in LIMITS:
        rejected = {
            look: float(np.mean(np.array(scores.true["structure"]) < limit))
            for look, scores in by_look.items()
        }
        worst = max(rejected, key=lambda look: rejected[look])
        table.add_row(
            f"{limit:.2f}",
            f"{np.mean(list(rejected.values())):.2%}",
            f"{rejected[worst]:.1%}",
            worst if rejected[worst] else "–",
            share(score < limit for scores in by_look.values() for score in scores.same_class),
            share(score < limit for scores in by_look.values() for score in scores.other_class),
        )
    return table


def level_table(by_look: dict[str, Scores]) -> Table:
    """Tabulate contrast and difference of every look's edits, in levels."""
    table = Table(title="blank and unchanged, true pairs, levels of 255")
    table.add_column("look")
    for heading in (
        "contrast: least",
        "contrast: 1 %",
        "rejected as blank",
        "difference: least",
        "difference: 1 %",
        "rejected as unchanged",
    ):
        table.add_column(heading, justify="right")
    for name, scores in by_look.items():
        cells: list[str] = []
        for screen in ("blank", "unchanged"):
            levels = scores.true[screen]
            cells += [f"{min(levels):.1f}", f"{np.quantile(levels, 0.01):.1f}"]
            cells.append(share(not kept for kept in scores.kept[screen]))
        table.add_row(name, *cells)
    return table


def noisy(colour: tuple[int, int, int], sigma: float) -> Callable[[Image, int], Image]:
    """Return what makes a blank picture of one colour with sensor noise."""

    def make(image: Image, index: int) -> Image:
        noise = generator("noise", index).normal(0, sigma, image.shape)
        return np.clip(np.rint(noise + colour), 0, 255).astype(np.uint8)

    return make


FAILURES: dict[str, Callable[[Image, int], Image]] = {
    "black": noisy((0, 0, 0), 0),
    "white": noisy((255, 255, 255), 0),
    "blue": noisy((30, 60, 200), 0),
    "grey, noise of 10 levels": noisy((128, 128, 128), 10),
    "grey, noise of 25 levels": noisy((128, 128, 128), 25),
    "the original": lambda image, _: image,
    "the original, JPEG quality 90 first": lambda image, _: decode(
        encode_jpeg(image, quality=90, full_colour=True)
    ),
}
"""Edits that must not be kept, before they pass through the cache."""


def failure_table(sample: Sequence[Labelled], screens: dict[str, Screen]) -> Table:
    """Tabulate what share of failed edits each screen rejects."""
    table = Table(title="failed edits: share rejected, and the score nearest to the limit")
    table.add_column("edit")
    for name in screens:
        table.add_column(f"{name} rejects", justify="right")
        table.add_column("greatest score", justify="right")
    originals = [photo.image for photo in sample]
    for what, make in FAILURES.items():
        edits = [cached(make(image, index)) for index, image in enumerate(originals)]
        cells = []
        for screen in screens.values():
            verdicts = screen.judge(originals, edits)
            cells.append(share(not verdict.keep for verdict in verdicts))
            cells.append(f"{max(verdict.score for verdict in verdicts):.2f}")
        table.add_row(what, *cells)
    return table


def warped(matrix: npt.NDArray[np.float64]) -> Callable[[Image], Image]:
    """Return what moves a picture by a 2 x 3 matrix in units of its side, about its middle."""

    def move(image: Image) -> Image:
        height, width = image.shape[:2]
        middle = np.array([width, height]) / 2
        in_px = matrix.copy()
        in_px[:, 2] = matrix[:, 2] * (width, height) + middle - matrix[:, :2] @ middle
        return cv2.warpAffine(image, in_px, (width, height), borderMode=cv2.BORDER_REFLECT)

    return move


def turned(degrees: float) -> npt.NDArray[np.float64]:
    """Return the matrix of a turn."""
    turn = np.deg2rad(degrees)
    return np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0]])


MOVES: dict[str, Callable[[Image], Image]] = {
    "shifted by 2 % of the side": warped(np.array([[1, 0, 0.02], [0, 1, 0]])),
    "shifted by 4 %": warped(np.array([[1, 0, 0.04], [0, 1, 0]])),
    "shifted by 8 %": warped(np.array([[1, 0, 0.08], [0, 1, 0]])),
    "enlarged by 10 %": warped(np.array([[1.1, 0, 0], [0, 1.1, 0]])),
    "enlarged by 20 %": warped(np.array([[1.2, 0, 0], [0, 1.2, 0]])),
    "turned by 5°": warped(turned(5)),
    "turned by 10°": warped(turned(10)),
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
}
"""Edits that keep the object but not its place, as generative editors may."""


def move_table(sample: Sequence[Labelled], structure: Screen) -> Table:
    """Tabulate what the structure screen makes of photos that were moved."""
    table = Table(title="structure, the original moved")
    for heading in ("edit", "least", "median", "rejected"):
        table.add_column(heading, justify="left" if heading == "edit" else "right")
    originals = [photo.image for photo in sample]
    for what, move in MOVES.items():
        verdicts = structure.judge(originals, [cached(move(image)) for image in originals])
        scores = [verdict.score for verdict in verdicts]
        rejected = share(not verdict.keep for verdict in verdicts)
        table.add_row(what, f"{min(scores):.2f}", f"{np.median(scores):.2f}", rejected)
    return table


def cost_table(sample: Sequence[Labelled], screens: dict[str, Screen]) -> Table:
    """Tabulate the time of a pair on one core: median of the pairs, best of three rounds."""
    table = Table(title="milliseconds a pair, one core")
    originals = [photo.image for photo in sample]
    edits = [cached(image[::-1]) for image in originals]
    costs = {
        name: min(median_ms(screen, originals, edits) for _ in range(3))
        for name, screen in screens.items()
    }
    costs["all"] = sum(costs.values())
    for name in costs:
        table.add_column(name, justify="right")
    table.add_row(*(f"{cost:.2f}" for cost in costs.values()))
    return table


def median_ms(screen: Screen, originals: Sequence[Image], edits: Sequence[Image]) -> float:
    """Time a screen pair by pair."""
    times: list[float] = []
    for original, edit in zip(originals, edits, strict=True):
        start = time.perf_counter()
        screen.judge([original], [edit])
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e3


def share(hits: Iterator[bool]) -> str:
    """Write the share of hits, or a dash if there is nothing to count."""
    values: npt.NDArray[np.bool_] = np.fromiter(hits, np.bool_)
    return f"{values.mean():.1%}" if len(values) else "–"


if __name__ == "__main__":
    main()
