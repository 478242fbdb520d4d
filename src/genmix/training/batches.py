"""Which pictures each step of a run reads, and by which chance: all of it keyed by the seed."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from genmix.errors import GenmixError
from genmix.processes import follow_parent
from genmix.seeding import generator, seed_of
from genmix.training.data import TrainingData
from genmix.training.settings import TrainSettings
from genmix.training.transforms import create_transform


def load_batches(
    data: TrainingData,
    settings: TrainSettings,
    steps: range,
    process: tuple[int, int],
    *,
    pinned: bool,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Load the batches of some steps, uint8 N x 3 x size x size and labels.

    Args:
        data: The pictures.
        settings: Of the run.
        steps: Which, from 0.
        process: Which process reads, and of how many; each loads its part of every batch.
        pinned: Keep the batches where a GPU fetches them without waiting.

    Raises:
        ImageError: If a picture cannot be read; the message names it.
    """
    loader = DataLoader(
        TrainingSet(data, settings.transform, settings.seed),
        batch_sampler=Batches(len(data), settings.batch_size, steps, settings.seed, process),
        num_workers=settings.workers,
        pin_memory=pinned,
        worker_init_fn=begin_worker,
    )
    try:
        yield from loader
    except GenmixError as error:
        if not settings.workers:
            raise
        # A worker's error comes with its traceback in the message; the last line is the error.
        _, _, message = str(error).strip().splitlines()[-1].partition(": ")
        raise type(error)(message) from error


class Batches(Sampler[list[tuple[int, int]]]):
    """(epoch, index) of what is in each step's batch; a pure function of seed and step.

    Epochs follow each other without a gap, so every batch is full, and a set may be smaller than a
    batch.
    """

    def __init__(
        self, count: int, batch_size: int, steps: range, seed: int, process: tuple[int, int]
    ) -> None:
        self.count = count
        self.batch_size = batch_size
        self.steps = steps
        self.seed = seed
        self.index, self.processes = process

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        share = self.batch_size // self.processes
        for step in self.steps:
            first = step * self.batch_size + self.index * share
            yield [self._item(position) for position in range(first, first + share)]

    def _item(self, position: int) -> tuple[int, int]:
        epoch, place = divmod(position, self.count)
        return epoch, int(_order(self.count, self.seed, epoch)[place])


class TrainingSet(Dataset[tuple[Tensor, int]]):
    """Pictures as one run reads them: an item is (epoch, index), and its chance is keyed by both.

    Args:
        data: The pictures.
        transform: A name of `genmix.training.transforms`.
        seed: Of every random choice.
    """

    def __init__(self, data: TrainingData, transform: str, seed: int) -> None:
        self.data = data
        self.transform = create_transform(transform, data.size)
        self.seed = seed

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, int]:
        """Return a picture, uint8 3 x size x size, and its class's number."""
        epoch, index = item
        with drawing_by("item", self.seed, epoch, index):
            picture, label = self.data[index]
            return self.transform(picture), label


@contextmanager
def drawing_by(*key: str | int) -> Iterator[None]:
    """Let torch's CPU generator draw by a key for a while, then go on as if nothing had been."""
    before = torch.get_rng_state()
    # Not torch.manual_seed: that also seeds the GPU, whose draws belong to the loop.
    torch.default_generator.manual_seed(seed_of(*key))
    try:
        yield
    finally:
        torch.set_rng_state(before)


def begin_worker(worker: int) -> None:  # noqa: ARG001
    """Make a loader's worker end with the training process, whose lock it inherits."""
    follow_parent()


@lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    return generator("order", seed, epoch).permutation(count)
