"""Measure the screens with an encoder, on photos in class folders, by some looks.

True pairs are a photo and its own edit; shuffled pairs are a photo and the edit of a photo of
another class, all of them. Prints which share of the true pairs is kept and which of the shuffled
is rejected, by limit, for all looks together and for each.

    python -m benchmarks.encoder_screening FOLDER [--encoder NAME] [--photos 140] [--size 160]
"""

from collections.abc import Sequence
from pathlib import Path

import click
import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.screening import Labelled, cached, prompts, take
from genmix.editing import open_editor
from genmix.prompts import Prompt
from genmix.screening import ClassGaussians, fit_gaussians
from genmix.screening.encoders import open_encoder
from genmix.screening.features import Encode, Features
from genmix.seeding import seed_of

LOOKS = ("snowy", "watercolor-art", "sunset", "mosaic", "crayon-sketch", "retro-comic")
COSINES = (0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.22, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8)
DENSITIES = (0.01, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 1.0)

Scores = npt.NDArray[np.float64]


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--encoder", default="efficientnet_lite0", show_default=True, help="Which encoder.")
@click.option("--photos", default=140, show_default=True, help="Photos, evenly over the classes.")
@click.option("--size", default=160, show_default=True, help="Side of the prepared photos.")
@click.option("--look", "looks", multiple=True, default=LOOKS, help="Prompt ids.")
def main(folder: Path, encoder: str, photos: int, size: int, looks: tuple[str, ...]) -> None:
    """Measure similarity and density on FOLDER of class folders of photos."""
    cv2.setNumThreads(1)
    console = Console(width=150)
    sample = take(folder, photos, size)
    encode = open_encoder(encoder)
    chosen = [prompt for prompt in prompts() if prompt.id in looks]
    before = encode([photo.image for photo in sample])
    after = np.stack([edited(sample, prompt, encode) for prompt in chosen], axis=1)
    labels = np.array([photo.label for photo in sample])
    gaussians = fit_gaussians({str(c): before[labels == c] for c in sorted(set(labels))})
    for label in sorted(set(labels)):
        mean, sd = gaussians.of(str(label))
        console.print(f"{label}: similarities {mean:.2f} ± {sd:.2f}")
    true, shuffled = pairs(before, after, labels)
    by_density = density(true, gaussians, labels), density(shuffled, gaussians, labels)
    console.print(limits("similarity", true, shuffled, COSINES))
    console.print(limits("density", *by_density, DENSITIES))
    console.print(look_table([p.id for p in chosen], (true, shuffled), by_density, encode.limits))


def edited(sample: Sequence[Labelled], prompt: Prompt, encode: Encode) -> Features:
    """Edit every photo by one prompt; return the features."""
    editor = open_editor("procedural")
    seeds = [seed_of("benchmark", prompt.id, k) for k in range(len(sample))]
    edits = [
        cached(editor.edit([photo.image], [prompt], [seed])[0])
        for photo, seed in zip(sample, seeds, strict=True)
    ]
    return encode(edits)


def pairs(before: Features, after: Features, labels: npt.NDArray[np.str_]) -> tuple[Scores, Scores]:
    """Return the similarities of true pairs, N x 1 x P, and of shuffled ones, N x N x P.

    Row i is seen as photo i; pairs of the same class are nan.
    """
    everything = np.einsum("if,jpf->ijp", before, after).astype(np.float64)
    true = np.einsum("iip->ip", everything)[:, None].copy()
    everything[labels[:, None] == labels] = np.nan
    return true, everything


def density(scores: Scores, gaussians: ClassGaussians, labels: npt.NDArray[np.str_]) -> Scores:
    """Return the share of the peak; nan stays."""
    means, sds = np.array([gaussians.of(str(label)) for label in labels]).T[..., None, None]
    below = np.maximum(0, (means - scores) / sds)
    return np.exp(-0.5 * np.square(below))


def limits(name: str, true: Scores, shuffled: Scores, steps: Sequence[float]) -> Table:
    """Tabulate the curve: what each limit keeps and rejects."""
    table = Table(title=name)
    for heading in ("limit", "true kept", "shuffled rejected"):
        table.add_column(heading, justify="right")
    for step in steps:
        table.add_row(f"{step:g}", *kept_and_rejected(true, shuffled, step))
    return table


def look_table(
    looks: Sequence[str],
    cosines: tuple[Scores, Scores],
    densities: tuple[Scores, Scores],
    at: tuple[float, float],
) -> Table:
    """Tabulate each look at the encoder's own limits."""
    table = Table(title=f"similarity at {at[0]:g}, density at {at[1]:g}")
    table.add_column("look")
    for heading in (
        "true: 10 %",
        "true: median",
        "shuffled: median",
        "shuffled: 90 %",
        "similarity: true kept",
        "shuffled rejected",
        "density: true kept",
        "shuffled rejected",
    ):
        table.add_column(heading, justify="right")
    for k, look in enumerate(looks):
        true, shuffled = cosines[0][..., k], cosines[1][..., k]
        table.add_row(
            look,
            *(f"{np.nanquantile(true, share):.2f}" for share in (0.1, 0.5)),
            *(f"{np.nanquantile(shuffled, share):.2f}" for share in (0.5, 0.9)),
            *kept_and_rejected(true, shuffled, at[0]),
            *kept_and_rejected(densities[0][..., k], densities[1][..., k], at[1]),
        )
    return table


def kept_and_rejected(true: Scores, shuffled: Scores, limit: float) -> tuple[str, str]:
    """Return the share of true pairs kept, and of shuffled ones rejected, in percent."""
    rejected = shuffled[~np.isnan(shuffled)] < limit
    return f"{(true >= limit).mean():.1%}", f"{rejected.mean():.1%}"


if __name__ == "__main__":
    main()
