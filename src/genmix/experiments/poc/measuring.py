"""Measuring this machine: a few seconds of what the proof of concept will do, on its own photos."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import numpy as np
import torch

from genmix.datasets import Photo
from genmix.datasets.layout import class_folder
from genmix.errors import ImageError, SourceError
from genmix.experiments.parallel import threads_of
from genmix.experiments.poc.photos import Opened, read_square
from genmix.experiments.poc.plan import Machine
from genmix.experiments.poc.settings import PocSettings
from genmix.images import encode_png
from genmix.jobs import estimate
from genmix.jobs.augment import open_bank
from genmix.jobs.plan import spread
from genmix.processes import available_cpus, worker_pool
from genmix.recipe import Recipe
from genmix.storage import writing
from genmix.training.checkpoint import load_checkpoint
from genmix.training.data import Photos
from genmix.training.evaluation import predict
from genmix.training.loop import Moment, train
from genmix.training.settings import TrainSettings

_PHOTOS = 64
"""Photos to measure with, more where there are more classes."""

_EDITS_SECONDS = 15.0
"""Edits are measured for about so long, however slow the editor is; one is made at least."""

_JUDGED = 256
"""Views that are judged, of the same photos: about what a model is shown later in one go."""

_STEPS = 6
_ENOUGH_SECONDS = 12.0
"""So many steps are measured, or as many as fit into this time, two at least."""


def measure(
    settings: PocSettings, opened: Opened, recipe: Recipe, jobs: int, workers: int
) -> Machine:
    """Measure what a step, a judged photo, an edit and a photo read take, with all jobs at work.

    Args:
        settings: Model, size and photos.
        opened: The photos.
        recipe: Whose edits are made.
        jobs: How many trainings will go on at a time.
        workers: How many processes will edit.

    Raises:
        GenmixError: If the model does not exist or fit, or no photo can be read.
    """
    photos = opened.data.photos
    sample = spread(photos, max(_PHOTOS, 2 * len(opened.classes)))
    open_bank(recipe, workers, lambda *_: None)  # drawn once a machine, and not to be counted later
    with writing(Path(gettempdir())), TemporaryDirectory() as scratch:
        folder = Path(scratch) / "photos"
        read_seconds = _write(opened, sample, settings, folder)
        edit_seconds = _edit_seconds(folder, Path(scratch) / "out", recipe)
        train_settings = settings.training(max(_STEPS, settings.train.warmup_steps + 1))
        times, crew_seconds = _at_once(jobs, train_settings, folder)
    return Machine(
        device="cuda" if torch.cuda.is_available() else "cpu",
        cpus=available_cpus(),
        jobs=jobs,
        workers=workers,
        step_seconds=max(each.step for each in times),
        photo_seconds=max(each.photo for each in times),
        edit_seconds=edit_seconds,
        read_seconds=read_seconds,
        start_seconds=max(each.start for each in times),
        load_seconds=max(each.load for each in times),
        crew_seconds=crew_seconds,
    )


def _edit_seconds(folder: Path, out: Path, recipe: Recipe) -> float:
    """Measure an edit on one, on those of one photo, then on more, as long as there is time."""
    first = recipe.chosen_prompts()[0].id
    one = recipe.changed(prompts={"only": [first], "per_photo": None}, variants=1)
    tried = [(one, 1), (recipe, 1), (recipe, None)]
    seconds, began = 0.0, time.monotonic()
    for chosen, limit in tried:
        found = estimate(folder, out, chosen, workers=1, limit=limit)
        seconds = found.seconds / found.items
        # The next one is of about nine times as many.
        if time.monotonic() - began + 9 * found.items * seconds > _EDITS_SECONDS:
            break
    return seconds


@dataclass(frozen=True, slots=True)
class _Times:
    """What one job measured, in seconds; `began` is a moment of the machine's clock."""

    step: float
    photo: float
    start: float
    load: float
    began: float


class _EnoughError(Exception):
    """Raised when enough steps were measured."""


def _at_once(jobs: int, settings: TrainSettings, folder: Path) -> tuple[list[_Times], float]:
    """Measure in as many processes as there will be jobs; return also what starting one takes."""
    if jobs == 1:
        return [_measure(settings, folder)], 0.0
    before = time.time()
    with worker_pool(jobs, torch.set_num_threads, threads_of(jobs), option="--jobs") as pool:
        waiting = [pool.submit(_measure, settings, folder) for _ in range(jobs)]
        times = [future.result() for future in waiting]
    return times, max(0.0, max(each.began for each in times) - before)


def _measure(settings: TrainSettings, folder: Path) -> _Times:
    began = time.time()
    photos = Photos(folder, settings.size)
    for k in range(len(photos)):
        _ = photos[k]  # decoded once, as in a training
    moments: list[float] = []

    def on_step(_: Moment) -> None:
        moments.append(time.monotonic())
        if len(moments) > 2 and moments[-1] - moments[0] > _ENOUGH_SECONDS:
            raise _EnoughError

    start = time.monotonic()
    with TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        try:
            model = train(settings, photos, None, run, on_step).model
            written = time.monotonic() - moments[-1]
        except _EnoughError:
            model, written = None, 0.0
        step = (moments[-1] - moments[0]) / (len(moments) - 1)
        first = max(0.0, moments[0] - start - step)
        if model is None:
            return _Times(step, step / settings.batch_size, first, first, began)
        opened = time.monotonic()
        load_checkpoint(run)
        load = time.monotonic() - opened
        views = photos.subset(np.arange(_JUDGED) % len(photos))
        predict(model, photos)  # takes the memory
        judged = time.monotonic()
        predict(model, views)
        photo = (time.monotonic() - judged) / len(views)
    return _Times(step, photo, first + written, load, began)


def _write(opened: Opened, sample: Sequence[Photo], settings: PocSettings, folder: Path) -> float:
    """Write the sample made square, a folder for each class; return the seconds that each took."""
    began, reason = time.monotonic(), ""
    for number, photo in enumerate(sample):
        try:
            *_, image = read_square(opened.data, photo, settings)
        except ImageError as error:
            reason = reason or f"{photo.path}: {error}"
            continue
        place = folder / class_folder(photo.label)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes(encode_png(image))
    if not folder.exists() or len(list(folder.iterdir())) < 2:
        raise SourceError(f"hardly a photo can be read; the first: {reason}")
    return (time.monotonic() - began) / len(sample)
