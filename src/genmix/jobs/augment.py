"""The main job: from a source of labelled photos to a finished training set."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from genmix.datasets import Photo, Source, open_source
from genmix.editing import Editor
from genmix.errors import GenmixError, SourceError
from genmix.fractals import FractalBank
from genmix.jobs.finish import finish
from genmix.jobs.folder import (
    BLENDED,
    FRACTALS,
    OWN_CHECKER,
    WHOLE,
    OutputFolder,
    Share,
    keep_apart,
    keep_edits_apart,
    open_edits,
)
from genmix.jobs.likeness import class_gaussians
from genmix.jobs.local import run_local
from genmix.jobs.plan import Plan, listing_digest, spread
from genmix.jobs.rights import check_rights
from genmix.jobs.shard import ShardWork
from genmix.jobs.summary import Summary, Tally
from genmix.provenance.metadata import CREATOR
from genmix.provenance.signing import Signing
from genmix.recipe import Recipe, load_recipe
from genmix.screening import screen_models
from genmix.storage import cache_folder, is_utf8, printable

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told (stage, done, total) as a run goes on; stages are "fractals" and "pictures"."""


def augment(
    source: str | Path,
    out: str | Path,
    recipe: Recipe | str | Path = "classification",
    *,
    workers: int = 1,
    limit: int | None = None,
    share: Share = WHOLE,
    edits: Path | None = None,
    signing: Signing | None = None,
    progress: Progress = lambda *_: None,
) -> Summary:
    """Make a training set of a source of labelled photos.

    Running it again with the same arguments goes on where it was stopped, and leaves a finished
    output as it is. The result does not depend on `workers`, nor on how shares were cut.

    Args:
        source: Class folders, a Hugging Face imagefolder with metadata, or Parquet.
        out: The output folder; made if missing.
        recipe: A recipe, a preset's name or a recipe file.
        workers: Processes. With more than one, a script needs `if __name__ == "__main__":`, as each
            imports it anew.
        limit: Use at most this many photos, spread evenly over the classes.
        share: Which part of the shards to do. Whichever share ends last finishes the output.
        edits: The folder of the edit cache; in the user's cache folder when left out.
        signing: Sign every composite as C2PA asks; see `genmix.provenance.signing.open_signing`.
        progress: Told how far the run is.

    Returns:
        What it came to.

    Raises:
        GenmixError: A subclass that says what is wrong, where, and what to do.
    """
    started = time.monotonic()
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    plan, photos = make_plan(source, recipe, limit)
    folder = OutputFolder(Path(out))
    keep_apart(source, out)
    edits = edits or default_edits()
    keep_edits_apart(source, edits)
    folder.open()
    folder.check_classes({photo.label for photo in plan.photos})
    open_edits(edits)
    with folder.locked(share):
        editor = recipe.editor.open()
        identity = _identity(plan, editor, signing)
        folder.refuse_another(identity, hint=_HINT, but=FRACTALS)  # before they are drawn
        bank = open_bank(recipe, workers, progress)
        folder.claim({**identity, FRACTALS: bank.fingerprint}, hint=_HINT)
        folder.clean(share)
        folder.forget_incomplete(plan.shard_count)
        work = ShardWork(photos, recipe, plan.prompts, bank, edits, folder, share)
        work.forgotten, work.signing = folder.forgotten(), signing
        work.gaussians = class_gaussians(plan, photos, work.forgotten)
        summary = _run(plan, work, sensible_workers(editor, workers), progress)
        summary.finished = finish(folder, plan, photos, editor)
        shards = range(plan.shard_count)
        counted = shards if summary.finished else filter(share.takes, shards)
        summary.tally = Tally.of(folder.part(k) for k in counted)
        summary.forgotten = len(work.forgotten)
    summary.fractals_left_out = dict(bank.unreadable)
    summary.ignored = {entry.path: entry.reason for entry in photos.ignored}
    summary.seconds = time.monotonic() - started
    if 0 < len(summary.tally.failed_photos) == len(plan.photos) - summary.forgotten:
        path, reason = next(iter(summary.tally.failed_photos.items()))
        raise SourceError(
            f"none of the {len(plan.photos)} photos could be used; the first is {path} ({reason})"
        )
    return summary


def make_plan(source: str | Path, recipe: Recipe, limit: int | None) -> tuple[Plan, Source]:
    """Open a source and plan a recipe on it; nothing is written.

    Raises:
        GenmixError: If source, prompts or editor are not usable, or their licences not allowed.
    """
    prompts = recipe.chosen_prompts()
    editor = recipe.editor.open()
    editor.check(prompts)
    photos = open_source(source)
    used: Sequence[Photo] = photos.photos if limit is None else spread(photos.photos, limit)
    check_rights(used, recipe, editor)
    return Plan(used, recipe, prompts), photos


def open_bank(recipe: Recipe, workers: int, progress: Progress) -> FractalBank:
    """Open the fractals that a recipe names, drawing them if they are not cached."""
    if recipe.fractals.folder is not None:
        folder = Path(recipe.fractals.folder)
        if not is_utf8(folder.absolute()):
            raise GenmixError(
                f"the folder of fractals {printable(folder.absolute())} has no UTF-8 name, and no "
                "recipe can name it: rename it"
            )
        return FractalBank.from_folder(folder, recipe.size)
    return FractalBank.open(
        recipe.fractals.count,
        recipe.size,
        recipe.seed,
        families=recipe.fractals.families,
        palettes=recipe.fractals.palettes,
        workers=workers,
        progress=lambda done, total: progress("fractals", done, total),
    )


def sensible_workers(editor: Editor, wanted: int) -> int:
    """Return how many processes to use: as many as wanted, unless the editor wants fewer."""
    most: int | None = getattr(editor, "processes", None)
    return wanted if most is None else min(wanted, most)


def default_edits() -> Path:
    """Return the folder of the edit cache in the user's cache folder."""
    return cache_folder() / "edits"


def _run(plan: Plan, work: ShardWork, workers: int, progress: Progress) -> Summary:
    mine = [k for k in range(plan.shard_count) if work.share.takes(k)]
    done = {k for k in mine if work.out.done(k)}
    items = {k: len(plan.shard(k)) * plan.items_per_photo for k in mine}
    kept = sum(items[k] for k in done)
    summary = Summary(work.out.path, planned=sum(items.values()), kept_from_before=kept)

    def tasks() -> Iterator[tuple[int, Sequence[Photo]]]:
        return ((k, plan.shard(k)) for k in mine if k not in done)

    def on_items(finished: int) -> None:
        progress("pictures", kept + finished, summary.planned)

    on_items(0)
    for counts in run_local(work, tasks(), workers, on_items):
        summary.edits_made += counts.edits_made
        summary.edits_reused += counts.edits_reused
    progress("pictures", summary.planned, summary.planned)
    return summary


_HINT = " (edits are cached and will not be made again)"


def _identity(plan: Plan, editor: Editor, signing: Signing | None) -> dict[str, Any]:
    """Everything that the output's bytes depend on but the fractals, as plain values.

    Of the editor's settings the fingerprint has those that change a picture; the others, such as
    the size of a batch, may change from one run to the next. So may the way to a folder of
    fractals, as long as their own fingerprint is the same. The models of the screens are opened
    here, so that one which cannot be had is told of before any edit is made.
    """
    recipe = plan.recipe
    judges = {
        "screen models": screen_models(recipe.screens),
        OWN_CHECKER: getattr(editor, "refuses", False),
    }
    folder = recipe.fractals.folder
    left_out = {"prompts": {"library"}, "editor": {"settings"}, "fractals": {"folder"}}
    return {
        "format": 3,
        "made by": CREATOR,
        "certificate": None if signing is None else signing.fingerprint,
        **recipe.model_dump(mode="json", exclude=left_out),
        "prompt list": [prompt.id for prompt in plan.prompts],
        "prompt texts": [[prompt.prompt, prompt.instruction] for prompt in plan.prompts],
        "editor version": editor.fingerprint,
        **{key: value for key, value in judges.items() if value},
        BLENDED: None if folder is None else str(Path(folder).absolute()),
        "number of photos": len(plan.photos),
        "listing of photos": listing_digest(plan.photos),
    }
