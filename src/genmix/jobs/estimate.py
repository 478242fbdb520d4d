"""What a run would cost: a few photos are made for real, in memory, and the rest is reckoned."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from genmix.datasets import Photo, Source
from genmix.editing.cache import EditCache
from genmix.jobs.augment import default_edits, make_plan, open_bank, sensible_workers
from genmix.jobs.folder import WHOLE, OutputFolder, Share, keep_apart, keep_edits_apart
from genmix.jobs.likeness import class_gaussians
from genmix.jobs.pipeline import Pipeline
from genmix.jobs.plan import Plan, spread
from genmix.recipe import Recipe, load_recipe

_SAMPLE_ITEMS = 48
_PATIENCE_SECONDS = 5.0
"""For one picture; where it takes longer, as with a diffusion model and no GPU, it must do."""

_COMPARED_CLASSES = 4
_COMPARED_PHOTOS = 4


@dataclass(frozen=True)
class Estimate:
    """What a run would do.

    Attributes:
        photos: Photos that would be used.
        classes: Their classes.
        items: Pictures that would be planned, in this share.
        sampled: Pictures that were made to measure, for nothing else.
        seconds: Expected time if no edit is cached.
        seconds_cached: Expected time if every edit is cached.
        output_bytes: Expected size of the output.
        cache_bytes: Expected size of the edits in the cache.
        free_bytes: Free space where the output would lie.
        ignored: What in the source is no labelled photo, with the reason.
    """

    photos: int
    classes: int
    items: int
    sampled: int
    seconds: float
    seconds_cached: float
    output_bytes: int
    cache_bytes: int
    free_bytes: int
    ignored: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def estimate(
    source: str | Path,
    out: str | Path,
    recipe: Recipe | str | Path = "classification",
    *,
    workers: int = 1,
    limit: int | None = None,
    share: Share = WHOLE,
    edits: Path | None = None,
) -> Estimate:
    """Estimate a run without writing anything to its output or to the edit cache.

    Args and errors are those of `genmix.jobs.augment`. The time does not count what happens once a
    machine: drawing fractals, and encoding the photos that the density screen compares.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    keep_apart(source, out)
    keep_edits_apart(source, edits or default_edits())
    OutputFolder(Path(out)).check()
    plan, photos = make_plan(source, recipe, limit)
    items = plan.items_per_photo * sum(
        len(plan.shard(k)) for k in range(plan.shard_count) if share.takes(k)
    )
    with TemporaryDirectory() as scratch:
        sample = _Sample.of(plan, photos, Path(scratch))
    share_of_time = items / sample.items / sensible_workers(recipe.editor.open(), workers)
    return Estimate(
        photos=len(plan.photos),
        classes=len({photo.label for photo in plan.photos}),
        items=items,
        sampled=sample.items,
        seconds=sample.seconds * share_of_time,
        seconds_cached=sample.seconds_cached * share_of_time,
        output_bytes=round(sample.output_bytes / sample.items * items),
        cache_bytes=round(sample.cache_bytes / sample.items * items),
        free_bytes=_free_bytes(Path(out)),
        ignored={entry.path: entry.reason for entry in photos.ignored},
    )


@dataclass(frozen=True)
class _Sample:
    """What some items took: the first time, and again with their edits cached."""

    items: int
    seconds: float
    seconds_cached: float
    output_bytes: int
    cache_bytes: int

    @classmethod
    def of(cls, plan: Plan, source: Source, scratch: Path) -> "_Sample":
        """Make some items; of an editor that is slow even once, one picture alone."""
        # A few fractals take the time of many: only the drawing differs, and it is not counted.
        count = min(plan.recipe.fractals.count, 4)
        recipe = plan.recipe.changed(fractals={"count": count})
        bank = open_bank(recipe, 1, lambda *_: None)
        pipeline = Pipeline(source, recipe, plan.prompts, bank, EditCache(scratch / "some"))
        pipeline.gaussians = class_gaussians(_few_of_a_few_classes(plan), source)
        sample = spread(plan.photos, max(1, _SAMPLE_ITEMS // plan.items_per_photo))
        one_picture = recipe.changed(variants=1, output={"originals": "none"})
        for name in ("first", "second"):  # the first one also loads the model
            cache = EditCache(scratch / name)
            one = replace(pipeline, recipe=one_picture, prompts=plan.prompts[:1], cache=cache)
            one.editor = pipeline.editor
            alone = cls._made(one, sample[:1])
            if alone.seconds < _PATIENCE_SECONDS:
                return cls._made(pipeline, sample)
        return alone

    @classmethod
    def _made(cls, pipeline: Pipeline, photos: Sequence[Photo]) -> "_Sample":
        times, made = [], []
        for _ in range(2):
            started = time.perf_counter()
            made = list(pipeline.run(photos))
            times.append(time.perf_counter() - started)
        return cls(
            items=len(made),
            seconds=times[0],
            seconds_cached=times[1],
            output_bytes=sum(len(one.data) for one in made if one.data is not None),
            cache_bytes=sum(f.stat().st_size for f in pipeline.cache.folder.rglob("*.jpg")),
        )


def _few_of_a_few_classes(plan: Plan) -> Plan:
    """Plan so few photos that comparing them takes a moment, with two of a class if there are."""
    classes: dict[str, list[Photo]] = {}
    for photo in plan.photos:
        classes.setdefault(photo.label, []).append(photo)
    largest = sorted(classes.values(), key=len, reverse=True)[:_COMPARED_CLASSES]
    photos = [photo for some in largest for photo in some[:_COMPARED_PHOTOS]]
    return Plan(photos, plan.recipe, plan.prompts)


def _free_bytes(place: Path) -> int:
    place = place.resolve()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
