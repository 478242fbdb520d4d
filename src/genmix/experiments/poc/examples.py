"""A few pictures of what the chosen recipe does, kept for people to look at."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from genmix.compose import hybrid, mask_of
from genmix.datasets import Photo, open_source
from genmix.editing.cache import EditCache
from genmix.experiments.poc.result import Example
from genmix.images import Image, encode_jpeg
from genmix.jobs.augment import open_bank
from genmix.jobs.edits import Task
from genmix.jobs.pipeline import Pipeline
from genmix.jobs.plan import spread
from genmix.recipe import Recipe
from genmix.storage import write_whole

EXAMPLES = "examples"

_COUNT = 6


def write_examples(
    out: Path, recipe: Recipe, edits: Path, unfit: frozenset[str] = frozenset()
) -> tuple[Example, ...]:
    """Write original, edit, hybrid and composite of some training photos, a prompt each.

    A hybrid is shown of each, also where the recipe takes some edits whole; one that the screens
    reject is left out.

    Args:
        out: The folder of the proof of concept.
        recipe: What was chosen.
        edits: The edit cache.
        unfit: Ids of prompts to show only where there are no others.
    """
    shown = recipe.changed(hybrid_share=1.0)
    source, prompts = open_source(out / "photos" / "train"), recipe.chosen_prompts()
    bank = open_bank(shown, 1, lambda *_: None)
    pipeline = Pipeline(source, shown, prompts, bank, EditCache(edits))
    fit = [prompt for prompt in prompts if prompt.id not in unfit] or prompts
    found: list[Example] = []
    # More photos than are shown, for the screens may reject some edits.
    for number, photo in enumerate(_class_by_class(spread(source.photos, 4 * _COUNT))):
        if len(found) == _COUNT:
            break
        task = Task(pipeline.read(photo), fit[number % len(fit)], 0)
        (edited,) = pipeline.edit([task])
        if edited.rejected:
            continue
        drawn, composite = pipeline.compose(edited)
        mask = mask_of(
            drawn, shown.size, shown.size, seam=shown.seam.width, profile=shown.seam.profile
        )
        joined = hybrid(task.ready.image, edited.edit, mask)
        pictures = (task.ready.image, edited.edit, joined, composite)
        names = _written(out, len(found) + 1, pictures)
        found.append(Example(photo.label, task.prompt.id, *names))
    return tuple(found)


def _class_by_class(photos: Sequence[Photo]) -> list[Photo]:
    """Put the first photo of every class before the second of any."""
    seen: Counter[str] = Counter()
    ranked = []
    for photo in photos:
        ranked.append((seen[photo.label], photo))
        seen[photo.label] += 1
    return [photo for _, photo in sorted(ranked)]


_STEPS = ("original", "edit", "hybrid", "composite")


def _written(out: Path, number: int, pictures: tuple[Image, ...]) -> list[str]:
    names = [f"{EXAMPLES}/{number:02d}-{step}.jpg" for step in _STEPS]
    for name, picture in zip(names, pictures, strict=True):
        write_whole(out / name, encode_jpeg(picture))
    return names
