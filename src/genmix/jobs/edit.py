"""The job `edit`: fills the edit cache from a source and a recipe, and makes nothing else."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import cv2

from genmix.datasets import Photo, Source
from genmix.editing import Editor
from genmix.editing.cache import EditCache
from genmix.errors import ImageError, SourceError
from genmix.images import Image
from genmix.jobs.augment import Progress, make_plan, sensible_workers
from genmix.jobs.edits import EditCount, Task, Wanted, look_up, read_photo
from genmix.jobs.folder import WHOLE, Share, keep_edits_apart, open_edits
from genmix.jobs.local import Tick, run_local
from genmix.jobs.overlap import overlapping
from genmix.jobs.plan import items_of
from genmix.prompts import Prompt
from genmix.recipe import Recipe, load_recipe


@dataclass
class EditSummary:
    """What filling the cache came to.

    Attributes:
        edits: The folder of the edit cache.
        planned: Edits that the recipe asks for, in this share.
        made: Edits made now.
        reused: Edits that were there.
        failed_photos: Photos that could not be used, with the reason.
        ignored: What in the source is no labelled photo, with the reason.
        seconds: How long it took.
    """

    edits: Path
    planned: int = 0
    made: int = 0
    reused: int = 0
    failed_photos: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return vars(self) | {"edits": str(self.edits)}


def edit(
    source: str | Path,
    edits: str | Path,
    recipe: Recipe | str | Path = "classification",
    *,
    workers: int = 1,
    limit: int | None = None,
    share: Share = WHOLE,
    progress: Progress = lambda *_: None,
) -> EditSummary:
    """Make every edit that a recipe asks for and the cache does not have yet.

    Running it again goes on where it was stopped; `genmix.jobs.augment` with the same recipe and
    `edits` then makes none.

    Args:
        source: As `genmix.jobs.augment` takes it.
        edits: The folder of the edit cache; made if missing.
        recipe: A recipe, a preset's name or a recipe file.
        workers: Processes. With more than one, a script needs `if __name__ == "__main__":`, as each
            imports it anew.
        limit: Use at most this many photos, spread evenly over the classes.
        share: Which part to do; several may fill one cache at once.
        progress: Told how far it is; the stage is "edits".

    Returns:
        What it came to.

    Raises:
        GenmixError: A subclass that says what is wrong, where, and what to do.
    """
    started = time.monotonic()
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    recipe = recipe.changed(output={"originals": "none"})  # which need no edit
    keep_edits_apart(source, Path(edits))
    plan, photos = make_plan(source, recipe, limit)
    open_edits(Path(edits))
    shards = [plan.shard(k) for k in range(plan.shard_count) if share.takes(k)]
    chosen = sum(map(len, shards))
    summary = EditSummary(Path(edits), chosen * plan.items_per_photo)
    summary.ignored = {entry.path: entry.reason for entry in photos.ignored}
    work = _EditWork(photos, recipe, plan.prompts, Path(edits))
    processes = sensible_workers(recipe.editor.open(), workers)

    def on_items(finished: int) -> None:
        progress("edits", finished, summary.planned)

    on_items(0)
    for counts in run_local(work, shards, processes, on_items):
        summary.made += counts.made
        summary.reused += counts.reused
        summary.failed_photos |= counts.failed_photos
    on_items(summary.planned)
    summary.seconds = time.monotonic() - started
    if chosen and len(summary.failed_photos) == chosen:
        path, reason = next(iter(summary.failed_photos.items()))
        raise SourceError(
            f"none of the {chosen} photos could be used; the first is {path} ({reason})"
        )
    return summary


@dataclass
class _Counts:
    """What some photos came to."""

    made: int = 0
    reused: int = 0
    failed_photos: dict[str, str] = field(default_factory=dict)


@dataclass
class _EditWork:
    """Edits some photos; picklable, and opens the editor in its own process."""

    source: Source
    recipe: Recipe
    prompts: tuple[Prompt, ...]
    edits: Path

    def __call__(self, photos: Sequence[Photo], tick: Tick) -> _Counts:
        cv2.setNumThreads(1)  # the workers are the parallelism
        counts, count = _Counts(), EditCount()
        tasks = self._tasks(photos, counts)
        batches = iter(lambda: list(islice(tasks, self._editor.batch_size)), [])
        cache, fingerprint = EditCache(self.edits), self._editor.fingerprint
        wanted = (look_up(batch, self.recipe, fingerprint, cache) for batch in batches)

        def edit(asked: Wanted) -> list[Image]:
            return asked.made_by(self._editor)

        def store(asked: Wanted, made: list[Image]) -> int:
            return len(asked.stored(made, cache, count))

        if getattr(self._editor, "overlap", False):
            finished = overlapping(wanted, edit, store)
        else:
            finished = (store(asked, edit(asked)) for asked in wanted)
        for pictures in finished:
            for _ in range(pictures):
                tick()
        counts.made, counts.reused = count.made, count.reused
        return counts

    def _tasks(self, photos: Sequence[Photo], counts: _Counts) -> Iterator[Task]:
        for photo in photos:
            try:
                ready = read_photo(self.source, photo, self.recipe)
            except ImageError as error:
                counts.failed_photos[photo.path] = str(error)
                continue
            for item in items_of(photo, self.recipe, self.prompts):
                if item.prompt is not None:
                    yield Task(ready, item.prompt, item.variant)

    @cached_property
    def _editor(self) -> Editor:
        return self.recipe.editor.open()
