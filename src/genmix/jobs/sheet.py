"""The contact sheet of an output: some photos of every class beside what was made of them.

Which photos and pictures are shown depends on the manifest alone; where a photo itself comes from
is the caller's business.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from genmix.datasets import Photo
from genmix.datasets.layout import PROMPTS, RECIPE, SHEET
from genmix.datasets.manifest import iterate_rows
from genmix.errors import GenmixError, ImageError
from genmix.images import Image, decode, encode_png, prepare
from genmix.jobs.plan import spread
from genmix.prompts import load_library
from genmix.recipe import Recipe, load_recipe
from genmix.sheets import SheetRow, draw_sheet
from genmix.storage import write_whole

Original: TypeAlias = Callable[[Photo], Image | str]
"""Returns a photo, made square, or why there is none."""


def write_sheet(
    out: Path,
    parts: Iterable[Path],
    photos: Sequence[Photo],
    prompts: Mapping[str, str],
    original: Original | None,
    *,
    same_for_all: bool,
) -> bool:
    """Draw the contact sheet and write it, if there is anything to show.

    Args:
        out: The output; the pictures are in their places.
        parts: Its manifest, or all parts of it.
        photos: What was planned. Photos without a row, such as withdrawn ones, are not shown.
        prompts: Names of the prompts, by their ids, in the plan's order.
        original: Gives the photos; the sheet is of pictures alone when left out.
        same_for_all: Whether every photo has all prompts, so that one heading serves all rows.

    Returns:
        Whether there is a sheet.

    Raises:
        OutputError: If it cannot be written.
        ImageError: If a picture is damaged.
    """
    shown = spread(photos, _ROWS)
    made: dict[str, dict[str, dict[str, Any]]] = {photo.path: {} for photo in shown}
    for part in parts:
        for row in iterate_rows(part, ["source", "prompt", "variant", "output", "reason"]):
            if row["source"] in made and row["variant"] == 0:
                made[row["source"]][row["prompt"]] = row
    first = [] if original is None else ["original"]
    rows = []
    for photo in filter(lambda photo: made[photo.path], shown):
        ids = list(made[photo.path])[:_COLUMNS]
        cells = [] if original is None else [original(photo)]
        cells += [_outcome(out, made[photo.path][prompt]) for prompt in ids]
        captions = () if same_for_all else [*first, *(prompts[prompt] for prompt in ids)]
        rows.append(SheetRow(photo.label, cells, captions=captions))
    if not rows:
        return False
    columns = [*first, *list(prompts.values())[:_COLUMNS]] if same_for_all else []
    write_whole(out / SHEET, encode_png(draw_sheet(rows, columns)))
    return True


def redraw_sheet(out: Path, manifest: Path) -> bool:
    """Draw the contact sheet of a finished output anew, from what lies in it alone.

    Photos stand in it if the output holds them; else it is of the pictures alone.

    Args:
        out: The output.
        manifest: Its manifest, which may not be in its place yet.

    Returns:
        Whether there is a sheet; False also where a file that is needed was changed or removed.
    """
    try:
        recipe = load_recipe(out / RECIPE)
        prompts = {p.id: p.name.en for p in load_library(str(out / PROMPTS)).prompts}
        photos = _planned(manifest)
        stored = _stored(manifest, spread(photos, _ROWS))
        return write_sheet(
            out,
            [manifest],
            photos,
            prompts,
            _reader(out, stored, recipe) if stored else None,
            same_for_all=recipe.prompts.per_photo is None,
        )
    except (GenmixError, OSError, KeyError):
        return False


_ROWS = 8
_COLUMNS = 9


def _outcome(out: Path, row: dict[str, Any]) -> Image | str:
    if row["output"] is None:
        return f"{row['reason'].partition(':')[0]}: left out"
    return decode((out / row["output"]).read_bytes())


def _planned(manifest: Path) -> list[Photo]:
    """List the photos of a manifest; the rows of a photo follow each other."""
    photos: list[Photo] = []
    for row in iterate_rows(manifest, ["source", "label"]):
        if not photos or photos[-1].path != row["source"]:
            photos.append(Photo(row["source"], row["label"]))
    return photos


def _stored(manifest: Path, photos: Sequence[Photo]) -> dict[str, str]:
    """Return where in the output photos lie, if it holds them."""
    wanted = {photo.path for photo in photos}
    return {
        row["source"]: row["output"]
        for row in iterate_rows(manifest, ["kind", "source", "output"])
        if row["kind"] == "original" and row["output"] is not None and row["source"] in wanted
    }


def _reader(out: Path, stored: Mapping[str, str], recipe: Recipe) -> Original:
    def original(photo: Photo) -> Image | str:
        if photo.path not in stored:
            return "not in the output"
        try:
            data = (out / stored[photo.path]).read_bytes()
            return prepare(decode(data), recipe.size, recipe.fit)
        except ImageError as error:
            return f"failed: {error}"

    return original
