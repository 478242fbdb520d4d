"""The preview: what a recipe does to a few photos, step by step, as one sheet."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genmix.compose import hybrid, mask_of
from genmix.datasets import Ignored, Photo
from genmix.editing.cache import EditCache
from genmix.errors import ImageError
from genmix.images import Image
from genmix.jobs.augment import Progress, default_edits, open_bank
from genmix.jobs.pipeline import Edited, Pipeline, Task
from genmix.jobs.plan import items_of
from genmix.recipe import Recipe
from genmix.sheets import SheetRow, draw_sheet

_STEPS = ("edit", "mask", "hybrid", "fractal", "composite")


def preview(
    photos: Sequence[str | Path],
    recipe: Recipe,
    *,
    edits: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Image:
    """Draw what becomes of each photo by each prompt, step by step.

    Args:
        photos: Picture files.
        recipe: What to do; of several variants, the first is shown.
        edits: The folder of the edit cache; in the user's cache folder when left out.
        progress: Told (stage, done, total).

    Returns:
        The sheet: uint8, height x width x 3, RGB.

    Raises:
        ImageError: If a photo cannot be used; the message names it.
        GenmixError: If the recipe, its prompts or its editor cannot be used.
    """
    recipe = recipe.changed(variants=1, output={"originals": "none"})
    prompts = recipe.chosen_prompts()
    recipe.editor.open().check(prompts)
    bank = open_bank(recipe, 1, progress)
    pipeline = Pipeline(_Files(), recipe, prompts, bank, EditCache(edits or default_edits()))
    rows: list[SheetRow] = []
    for done, path in enumerate(photos):
        progress("photos", done, len(photos))
        photo = Photo(str(path), "")
        try:
            ready = pipeline.read(photo)
        except ImageError as error:
            raise ImageError(f"cannot use {path}: {error}") from error
        tasks = [
            Task(ready, item.prompt, item.variant)
            for item in items_of(photo, recipe, prompts)
            if item.prompt is not None
        ]
        edited = pipeline.edit(tasks)
        rows += _photo_rows("/".join(Path(path).parts[-2:]), edited, pipeline)
    progress("photos", len(photos), len(photos))
    shown_prompts = [] if recipe.prompts.per_photo else [prompt.name.en for prompt in prompts]
    return draw_sheet(rows, ["original", *shown_prompts])


def _photo_rows(name: str, edited: Sequence[Edited], pipeline: Pipeline) -> list[SheetRow]:
    """Return a photo's lines: one for each step, the original at the head of the first."""
    columns = [_steps(one, pipeline) for one in edited]
    rejected = [f"rejected ({one.rejected.reason})" if one.rejected else "" for one in edited]
    return [
        SheetRow(
            title=step,
            cells=[
                edited[0].task.ready.image if k == 0 else "",
                *(column[k] for column in columns),
            ],
            heading=name if k == 0 else None,
            captions=["", *rejected] if k == 0 and any(rejected) else (),
        )
        for k, step in enumerate(_STEPS)
    ]


def _steps(edited: Edited, pipeline: Pipeline) -> list[Image | str]:
    """Return the pictures of `_STEPS`; the mask is white where the edit is."""
    recipe, original = pipeline.recipe, edited.task.ready.image
    drawn, composite = pipeline.compose(edited)
    mask = mask_of(
        drawn, recipe.size, recipe.size, seam=recipe.seam.width, profile=recipe.seam.profile
    )
    weights = np.ones(original.shape[:2]) if mask is None else mask.weights
    fractal = "none" if drawn.fractal is None else pipeline.bank[drawn.fractal]
    return [
        edited.edit,
        np.repeat(np.rint(weights[..., None] * 255).astype(np.uint8), 3, axis=2),
        hybrid(original, edited.edit, mask),
        fractal,
        composite,
    ]


class _Files:
    """Single picture files as a source; their labels play no part."""

    photos: Sequence[Photo] = ()
    ignored: Sequence[Ignored] = ()

    def read(self, photo: Photo) -> bytes:
        try:
            return Path(photo.path).read_bytes()
        except OSError as error:
            raise ImageError(str(error.strerror)) from error

    def locate(self, photo: Photo) -> Path | None:
        return Path(photo.path)
