"""The preview: what a recipe does to a few photos, step by step, as one sheet."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genmix.compose import hybrid, mask_of
from genmix.datasets import Ignored, Photo, Source, open_source
from genmix.editing.cache import EditCache
from genmix.errors import ImageError, SourceError
from genmix.images import Image
from genmix.jobs.augment import Progress, default_edits, open_bank
from genmix.jobs.edits import Edited, Ready, Task, read_photo
from genmix.jobs.folder import keep_edits_apart
from genmix.jobs.likeness import class_gaussians
from genmix.jobs.pipeline import Pipeline
from genmix.jobs.plan import Plan, items_of
from genmix.recipe import Recipe
from genmix.sheets import SheetRow, draw_sheet

_STEPS = ("edit", "mask", "hybrid", "fractal", "composite")


def preview(
    photos: Sequence[str | Path],
    recipe: Recipe,
    *,
    source: str | Path | None = None,
    edits: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Image:
    """Draw what becomes of each photo by each prompt, step by step.

    Args:
        photos: Picture files.
        recipe: What to do; of several variants, the first is shown.
        source: The set that the photos are of. Then they become what `genmix.jobs.augment` makes of
            them there, and the screens know their classes; without, the screen `density` is left
            out.
        edits: The folder of the edit cache; in the user's cache folder when left out.
        progress: Told (stage, done, total).

    Returns:
        The sheet: uint8, height x width x 3, RGB.

    Raises:
        ImageError: If a photo cannot be used; the message names it.
        SourceError: If a photo is not in the source.
        OutputError: If the edit cache lies in the source, or around it.
        GenmixError: If the recipe, its prompts or its editor cannot be used.
    """
    recipe = recipe.changed(variants=1, output={"originals": "none"})
    edits = edits or default_edits()
    if source is not None:
        keep_edits_apart(source, edits)
    prompts = recipe.chosen_prompts()
    recipe.editor.open().check(prompts)
    known = _Files() if source is None else open_source(source)
    chosen = _chosen(photos, None if source is None else known)
    usable = [_read(known, path, photo, recipe) for path, photo in chosen.items()]
    bank = open_bank(recipe, 1, progress)
    pipeline = Pipeline(known, recipe, prompts, bank, EditCache(edits))
    if source is not None:
        pipeline.gaussians = class_gaussians(Plan(known.photos, recipe, prompts), known)
    rows: list[SheetRow] = []
    for done, (path, ready) in enumerate(zip(chosen, usable, strict=True)):
        progress("photos", done, len(photos))
        tasks = [
            Task(ready, item.prompt, item.variant)
            for item in items_of(ready.photo, recipe, prompts)
            if item.prompt is not None
        ]
        edited = pipeline.edit(tasks)
        rows += _photo_rows("/".join(path.parts[-2:]), edited, pipeline)
    progress("photos", len(photos), len(photos))
    shown_prompts = [] if recipe.prompts.per_photo else [prompt.name.en for prompt in prompts]
    return draw_sheet(rows, ["original", *shown_prompts])


def _chosen(photos: Sequence[str | Path], source: Source | None) -> dict[Path, Photo]:
    """Find each picture file in its source, if that is given."""
    paths = list(map(Path, photos))
    if source is None:
        return {path: Photo(str(path), "") for path in paths}
    places = {place.resolve(): p for p in source.photos if (place := source.locate(p)) is not None}
    for path in paths:
        if path.resolve() not in places:
            raise SourceError(f"{path} is none of the photos of the source: give the set it is of")
    return {path: places[path.resolve()] for path in paths}


def _read(source: Source, path: Path, photo: Photo, recipe: Recipe) -> Ready:
    """Read a photo, before fractals are drawn for it."""
    try:
        return read_photo(source, photo, recipe)
    except ImageError as error:
        raise ImageError(f"cannot use {path}: {error}") from error


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
        except IsADirectoryError as error:
            raise ImageError("it is a folder: give its photos") from error
        except OSError as error:
            raise ImageError(str(error.strerror)) from error

    def locate(self, photo: Photo) -> Path | None:
        return Path(photo.path)
