"""What a worker does with a shard: run it through the pipeline and write it whole."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2

from genmix.datasets import Photo, Source
from genmix.datasets.manifest import schema
from genmix.editing.cache import EditCache
from genmix.fractals import FractalBank
from genmix.jobs.folder import OutputFolder, Share
from genmix.jobs.local import Tick
from genmix.jobs.pipeline import Made, Pipeline
from genmix.prompts import Prompt
from genmix.provenance.signing import Signing
from genmix.recipe import Recipe
from genmix.screening import ClassGaussians


@dataclass
class ShardCounts:
    """What a shard came to.

    Attributes:
        decisions: Items by decision.
        edits_made: Edits that were made.
        edits_reused: Edits that the cache had.
    """

    decisions: Counter[str] = field(default_factory=Counter)
    edits_made: int = 0
    edits_reused: int = 0


@dataclass
class ShardWork:
    """Runs shards; picklable, and opens editor, screens and fractals in its own process."""

    source: Source
    recipe: Recipe
    prompts: tuple[Prompt, ...]
    bank: FractalBank
    edits: Path
    out: OutputFolder
    share: Share
    gaussians: ClassGaussians | None = None
    forgotten: frozenset[str] = frozenset()
    signing: Signing | None = None

    def __call__(self, task: tuple[int, Sequence[Photo]], tick: Tick) -> ShardCounts:
        """Run one shard, given as its index and its photos."""
        index, photos = task
        counts = ShardCounts()
        before = (self._pipeline.edits.made, self._pipeline.edits.reused)
        made = _counted(self._pipeline.run(photos), counts, tick)
        columns = schema([screen.name for screen in self._pipeline.screens])
        self.out.write_shard(index, self.share, made, columns)
        counts.edits_made = self._pipeline.edits.made - before[0]
        counts.edits_reused = self._pipeline.edits.reused - before[1]
        return counts

    @cached_property
    def _pipeline(self) -> Pipeline:
        cv2.setNumThreads(1)  # the workers are the parallelism
        cache = EditCache(self.edits)
        pipeline = Pipeline(self.source, self.recipe, self.prompts, self.bank, cache)
        pipeline.gaussians = self.gaussians
        pipeline.forgotten, pipeline.signing = self.forgotten, self.signing
        return pipeline


def _counted(made: Iterable[Made], counts: ShardCounts, tick: Tick) -> Iterator[Made]:
    for one in made:
        counts.decisions[one.row["decision"]] += 1
        yield one
        tick()
