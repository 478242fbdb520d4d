"""The sets of edits that runs compose: made once, and made whole where the cache was cleared."""

from collections.abc import Callable
from pathlib import Path

from genmix.datasets.layout import MANIFEST
from genmix.datasets.manifest import iterate_rows
from genmix.editing.cache import EditCache
from genmix.errors import ExperimentError
from genmix.jobs import augment
from genmix.jobs.edit import edit
from genmix.jobs.folder import OutputFolder
from genmix.recipe import Recipe


def make_set(
    source: str | Path,
    out: Path,
    recipe: Recipe,
    edits: Path,
    *,
    workers: int,
    progress: Callable[[int, int], None],
) -> None:
    """Make a set of edits, and those that it had and the cache lost.

    Args:
        source: The photos.
        out: The set; what is there is kept.
        recipe: What makes it.
        edits: The folder of the edit cache.
        workers: Processes.
        progress: Told how many of how many are done.

    Raises:
        GenmixError: A subclass that says what is wrong, where, and what to do.
    """

    def on_pictures(stage: str, done: int, total: int) -> None:
        if stage in {"pictures", "edits"}:
            progress(done, total)

    augment(source, out, recipe, workers=workers, edits=edits, progress=on_pictures)
    cache = EditCache(edits)
    if not _lost(out, cache):
        return
    edit(source, edits, recipe, workers=workers, progress=on_pictures)
    for withdrawn in OutputFolder(out).forgotten():
        cache.forget(withdrawn)
    if lost := _lost(out, cache):
        raise ExperimentError(
            f"{lost:,} edits of {out} are no longer in {edits} and cannot be made again, for their "
            "photos have changed since: put the photos back as they were, or choose a new folder"
        )


def _lost(out: Path, cache: EditCache) -> int:
    """Count the edits that a set is composed of and the cache does not have."""
    rows = iterate_rows(out / MANIFEST, ["edit_key", "decision"])
    keys = (row["edit_key"] for row in rows if row["decision"] == "written")
    return sum(not cache.path(key).exists() for key in keys if key is not None)
