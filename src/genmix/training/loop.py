"""The training loop: one run of settings over pictures, which goes on exactly where it was stopped.

Chance has no state: batches, transforms, mixers and dropout draw from generators keyed by the seed
and the step, so going on takes weights, the optimizer's memory and the number of the step.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, astuple, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from torch.utils.tensorboard import SummaryWriter

from genmix.errors import GenmixError, OutputError, TrainingError
from genmix.mixing import SoftTargetLoss, mixed_accuracy
from genmix.mixing.base import Mixer
from genmix.networks.models import Classifier
from genmix.networks.shortage import shortage_as
from genmix.seeding import generator, seed_of
from genmix.training.averaging import WeightAverage
from genmix.training.building import (
    build_accelerator,
    build_classifier,
    build_optimizer,
    build_schedule,
)
from genmix.training.checkpoint import RECORD, RunFolder, load_checkpoint
from genmix.training.data import TrainingData, TrainingSet, begin_worker
from genmix.training.memory import memory_kept
from genmix.training.mixers import create_mixer
from genmix.training.settings import TrainSettings

SAVE_SECONDS = 30.0
"""How often a run writes down what to go on from: what a kill costs at most."""

_READ_EVERY = 10
"""Steps after which losses are read from a GPU, so that it does not wait at each."""

_VALIDATIONS = 10
"""How often in a run the model is validated at most."""


@dataclass(frozen=True)
class Moment:
    """One step of a run.

    Attributes:
        step: Steps done, from 1.
        loss: Of the batch, as it was trained on.
        accuracy: Of the batch in [0, 1]; of a mixed one the expected accuracy.
        lr: Learning rate; of a pre-trained model's new last layer it is ten times that.
        val_accuracy: Top-1 on the validation pictures in [0, 1], where it was measured.
    """

    step: int
    loss: float
    accuracy: float
    lr: float
    val_accuracy: float | None = None


@dataclass(frozen=True)
class Trained:
    """A finished run.

    Attributes:
        model: On the CPU, in `eval()`, as it lies in the run's folder.
        history: Every step.
        seconds: Time that training took, all parts of a resumed run together.
    """

    model: Classifier
    history: tuple[Moment, ...]
    seconds: float


def train(
    settings: TrainSettings,
    data: TrainingData,
    val: TrainingData | None,
    out: str | Path,
    on_step: Callable[[Moment], None] | None = None,
    *,
    save_seconds: float = SAVE_SECONDS,
) -> Trained:
    """Train a classifier, or go on with a run that was stopped, or return one that is finished.

    The same settings and pictures give the same bytes on a CPU (with as many threads), for any
    number of workers, and however often the run was killed. Started by `accelerate launch`, it uses
    all processes; each takes its part of every batch.

    Args:
        settings: What to do.
        data: Pictures to train on, of `settings.size`.
        val: Pictures to watch accuracy on, never mixed nor transformed, with the same classes; they
            change nothing in the model.
        out: The run's folder: the model, `history.json`, TensorBoard's logs.
        on_step: Called after each step.
        save_seconds: Write down what to go on from so often.

    Raises:
        TrainingError: If data, settings and machine do not fit together, memory does not suffice,
            or the loss, a weight or the model's outputs are no numbers.
        OutputError: If the folder is another run's, or cannot be written.
        KeyboardInterrupt: After Ctrl-C and the end of the step; what is done is kept.
    """
    _check(settings, data, val)
    accelerator = build_accelerator(settings)
    folder = RunFolder(Path(out))
    identity = _identity(settings, data, val, accelerator.num_processes)
    with _claimed(folder, identity, accelerator):
        if (record := folder.record()) is None:
            with (
                torch.random.fork_rng(devices=[]),
                _memory_for(accelerator),
                shortage_as(TrainingError, accelerator.device, _smaller(settings)),
            ):
                run = _Run(settings, data, val, folder, accelerator)
                record = run.to_the_end(on_step or (lambda _: None), save_seconds)
        accelerator.wait_for_everyone()
        return _trained(folder, record)


class _Run:
    """All that a run holds while it goes on."""

    def __init__(
        self,
        settings: TrainSettings,
        data: TrainingData,
        val: TrainingData | None,
        folder: RunFolder,
        accelerator: Accelerator,
    ) -> None:
        self.settings = settings
        self.data = data
        self.val = val
        self.folder = folder
        self.accelerator = accelerator
        self.classifier = build_classifier(settings, data)
        optimizer = build_optimizer(settings, self.classifier)
        self.schedule = build_schedule(settings, optimizer)
        self.model, self.optimizer = accelerator.prepare(self.classifier, optimizer)
        self.mixer = create_mixer(settings.mixer, len(data.classes)) if settings.mixer else None
        self.criterion = SoftTargetLoss(settings.loss, label_smoothing=settings.label_smoothing)
        self.average = WeightAverage(self.classifier) if settings.average else None
        self.finite = _finite(self.classifier)
        self.history: list[Moment] = []
        self.seconds = 0.0
        self._resume()

    def to_the_end(self, on_step: Callable[[Moment], None], save_seconds: float) -> dict[str, Any]:
        """Train what is left, write the model, return the run's record."""
        before, began = self.seconds, time.monotonic()
        saved = began
        with _interruptible() as asked, self._log() as log:
            for moments in self._moments():
                self.history += moments
                for moment in moments:
                    log(moment)
                    on_step(moment)
                now, stops = time.monotonic(), asked()
                self.seconds = before + now - began
                if stops or now - saved >= save_seconds:
                    self._save()
                    saved = time.monotonic()
                if stops:
                    raise KeyboardInterrupt
        self._check_model()
        return self._finish()

    def _moments(self) -> Iterator[list[Moment]]:
        """Train; yield what happened whenever it has been read from the device."""
        every = 1 if self.accelerator.device.type == "cpu" else _READ_EVERY
        waiting: list[tuple[Tensor, Tensor, float]] = []
        self.model.train()
        left = range(len(self.history), self.settings.steps)
        for step, (pictures, labels) in enumerate(self._batches(left), left.start + 1):
            waiting.append(self._step(step, pictures, labels))
            validates = self._validates_at(step)
            if validates or len(waiting) == every or step == self.settings.steps:
                moments = self._read(waiting, step - len(waiting) + 1)
                if validates:
                    moments[-1] = replace(moments[-1], val_accuracy=self._validate())
                waiting = []
                yield moments

    def _step(self, step: int, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, float]:
        """Train on one batch; return loss, accuracy and learning rate."""
        process = self.accelerator.process_index
        torch.manual_seed(seed_of("step", self.settings.seed, step, process))
        self.schedule.step_update(step - 1)
        pictures, targets = self._placed(pictures), labels.to(self.accelerator.device)
        if self.mixer is not None:
            drawn_by = torch.Generator().manual_seed(
                seed_of("mix", self.settings.seed, step, process)
            )
            pictures, targets = _mixed(self.mixer, drawn_by, pictures, targets)
        with self.accelerator.autocast():
            logits = self.model(pictures)
        loss = self.criterion(logits, targets)
        self.accelerator.backward(loss)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._average_at(step)
        rate = float(self.optimizer.param_groups[0]["lr"])
        return loss.detach(), mixed_accuracy(logits, targets), rate

    def _average_at(self, step: int) -> None:
        """Take the weights into the average, where it has begun; at the end, take the average."""
        steps, share = self.settings.steps, self.settings.average
        if self.average is not None and step > steps * (1 - share):
            self.average.add(self.classifier)
            if step == steps:
                self.average.copy_to(self.classifier)

    def _placed(self, pictures: Tensor) -> Tensor:
        """Bring a batch to the device, as float in [0, 1]."""
        placed = pictures.to(self.accelerator.device, non_blocking=True)
        return placed.to(torch.float32, memory_format=torch.channels_last).div_(255)

    def _read(self, waiting: list[tuple[Tensor, Tensor, float]], first: int) -> list[Moment]:
        """Read from the device what steps gave.

        Raises:
            TrainingError: If a loss is no number: the weights are lost.
        """
        moments = []
        for step, (loss, accuracy, rate) in enumerate(waiting, first):
            if not math.isfinite(loss.item()):
                raise self._diverged(f"the loss is {loss.item()} at step {step}")
            moments.append(Moment(step, loss.item(), accuracy.item(), rate))
        return moments

    def _diverged(self, how: str) -> TrainingError:
        return TrainingError(
            f"{how}: set a lower learning rate (it was {self.settings.learning_rate:g}) and choose "
            "a new folder"
        )

    @torch.no_grad()
    def _check_model(self) -> None:
        """Judge the last batch as `load_checkpoint` gives the model to others.

        Raises:
            TrainingError: If the model is lost; the last loss shows neither what the step made of
                the weights, nor the statistics that now stand for those of the batch.
        """
        self._share_statistics()
        self.classifier.eval()
        steps = self.settings.steps
        pictures, _ = next(self._batches(range(steps - 1, steps)))
        lost = ~self.classifier(self._placed(pictures)).isfinite().all()
        if self.accelerator.reduce(lost.int(), "sum") or self.finite - _finite(self.classifier):
            raise self._diverged("the trained model's outputs are no numbers")

    def _batches(self, steps: range) -> Iterator[tuple[Tensor, Tensor]]:
        """Load the batches of some steps, from 0, this process's part of each."""
        workers, accelerator = self.settings.workers, self.accelerator
        batches = _Batches(
            len(self.data),
            self.settings.batch_size,
            steps,
            self.settings.seed,
            (accelerator.process_index, accelerator.num_processes),
        )
        loader = DataLoader(
            TrainingSet(self.data, self.settings.transform, self.settings.seed),
            batch_sampler=batches,
            num_workers=workers,
            pin_memory=accelerator.device.type == "cuda",
            worker_init_fn=begin_worker,
        )
        try:
            yield from loader
        except GenmixError as error:
            if not workers:
                raise
            # A worker's error comes with its traceback in the message; the last line is the error.
            _, _, message = str(error).strip().splitlines()[-1].partition(": ")
            raise type(error)(message) from error

    def _validates_at(self, step: int) -> bool:
        """Tell whether to validate: after each epoch, but ten times at most, and at the end."""
        epoch = math.ceil(len(self.data) / self.settings.batch_size)
        every = max(epoch, math.ceil(self.settings.steps / _VALIDATIONS))
        return self.val is not None and (step % every == 0 or step == self.settings.steps)

    @torch.no_grad()
    def _validate(self) -> float:
        """Measure top-1 on the validation pictures, each process a part.

        Raises:
            TrainingError: If the model's outputs are no numbers, of which none is the largest.
        """
        assert self.val is not None  # noqa: S101 (see _validates_at)
        accelerator = self.accelerator
        part = range(accelerator.process_index, len(self.val), accelerator.num_processes)
        loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
            self.val,  # type: ignore[arg-type]  # it has what a map-style data set must have
            self.settings.batch_size,
            sampler=part,
            num_workers=self.settings.workers,
            worker_init_fn=begin_worker,
        )
        right = torch.zeros((), device=accelerator.device)
        lost = torch.zeros((), device=accelerator.device)
        self._share_statistics()
        self.classifier.eval()
        for pictures, labels in loader:
            with accelerator.autocast():
                logits = self.classifier(self._placed(pictures))
            right += (logits.argmax(1) == labels.to(accelerator.device)).sum()
            lost += logits.isnan().sum()
        self.classifier.train()
        if accelerator.reduce(lost, "sum"):
            raise self._diverged("the model's outputs for the validation pictures are no numbers")
        return float(accelerator.reduce(right, "sum")) / len(self.val)

    def _share_statistics(self) -> None:
        """Give all processes the first one's statistics, which are written with the model."""
        for statistics in self.classifier.buffers():
            broadcast(statistics)

    def _resume(self) -> None:
        state = self.folder.load_state()
        if state is None:
            return
        self.classifier.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.history = [Moment(*values) for values in state["history"]]
        self.seconds = state["seconds"]

    def _save(self) -> None:
        """Write down what to go on from; all processes hold the same."""
        if not self.accelerator.is_main_process:
            return
        scaler = self.accelerator.scaler
        self.folder.save_state(
            {
                "model": self.classifier.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "average": None if self.average is None else self.average.state_dict(),
                "scaler": None if scaler is None else scaler.state_dict(),
                "history": [astuple(moment) for moment in self.history],
                "seconds": self.seconds,
            }
        )

    def _finish(self) -> dict[str, Any]:
        record = {"seconds": self.seconds, "history": [asdict(moment) for moment in self.history]}
        if self.accelerator.is_main_process:
            settings = self.settings.model_dump(mode="json", exclude={"workers"})
            settings["lr"] = self.settings.learning_rate
            self.folder.finish(self.classifier, settings, record)
        return record

    @contextmanager
    def _log(self) -> Iterator[Callable[[Moment], None]]:
        """Open TensorBoard's log; what a killed run logged beyond its last saved step is hidden."""
        if not self.accelerator.is_main_process:
            yield lambda _: None
            return
        place = str(self.folder.path / "tensorboard")
        with (
            _writers_thread_silenced(),
            SummaryWriter(place, purge_step=len(self.history) + 1) as writer,
        ):

            def log(moment: Moment) -> None:
                writer.add_scalar("train/loss", moment.loss, moment.step)
                writer.add_scalar("train/accuracy", moment.accuracy, moment.step)
                writer.add_scalar("train/lr", moment.lr, moment.step)
                if moment.val_accuracy is not None:
                    writer.add_scalar("val/accuracy", moment.val_accuracy, moment.step)

            yield log


def _finite(model: Classifier) -> set[str]:
    """Name the weights and statistics that are numbers throughout."""
    return {name for name, values in model.state_dict().items() if values.isfinite().all()}


class _Batches(Sampler[list[tuple[int, int]]]):
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


@lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    return generator("order", seed, epoch).permutation(count)


def _smaller(settings: TrainSettings) -> str:
    """Advise what to do where memory does not suffice."""
    return (
        f"for {settings.model} and batches of {settings.batch_size} at {settings.size} pixels: set "
        "a smaller batch size, size or model, or precision bf16, and choose a new folder"
    )


def _check(settings: TrainSettings, data: TrainingData, val: TrainingData | None) -> None:
    if data.size != settings.size:
        raise TrainingError(
            f"the pictures have {data.size} pixels and the model {settings.size}: open them at the "
            "model's size"
        )
    empty = set(range(len(data.classes))) - set(data.labels.tolist())
    if empty:
        raise TrainingError(
            f"class {data.classes[min(empty)]!r} has no picture to train on: add some, or leave it "
            "out of the classes"
        )
    if val is not None and val.classes != data.classes:
        raise TrainingError(
            f"the validation pictures have the classes {', '.join(val.classes)} and the training "
            f"pictures {', '.join(data.classes)}: open both with the same"
        )


def _trained(folder: RunFolder, record: dict[str, Any]) -> Trained:
    try:
        history = tuple(Moment(**moment) for moment in record["history"])
        seconds = float(record["seconds"])
    except (KeyError, TypeError, ValueError) as error:
        raise OutputError(
            f"{folder.path / RECORD} is damaged: remove {folder.path} and train again"
        ) from error
    return Trained(load_checkpoint(folder.path), history, seconds)


def _memory_for(accelerator: Accelerator) -> AbstractContextManager[None]:
    return memory_kept() if accelerator.device.type == "cpu" else nullcontext()


def _identity(
    settings: TrainSettings, data: TrainingData, val: TrainingData | None, processes: int
) -> dict[str, Any]:
    """Say what a run's result depends on; what is compared when it is gone on with."""
    return {
        "job": "training",
        "settings": settings.model_dump(mode="json", exclude={"workers"}),
        "training pictures": data.fingerprint,
        "validation pictures": None if val is None else val.fingerprint,
        "number of processes": processes,
    }


@contextmanager
def _claimed(
    folder: RunFolder, identity: dict[str, Any], accelerator: Accelerator
) -> Iterator[None]:
    """Let the main process claim the folder, and the others go on when it has."""
    if accelerator.is_main_process:
        with folder.claimed(identity):
            accelerator.wait_for_everyone()
            yield
    else:
        accelerator.wait_for_everyone()
        yield


def _mixed(
    mixer: Mixer, drawn_by: torch.Generator, pictures: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Mix a batch with draws from a generator."""
    for module in mixer.modules():
        if isinstance(module, Mixer):
            module.generator = drawn_by
    return mixer(pictures, labels)


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether Ctrl-C was pressed; a second one does not wait."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    asked = threading.Event()

    def ask(number: int, frame: Any) -> None:
        if asked.is_set():
            signal.default_int_handler(number, frame)
        asked.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _writers_thread_silenced() -> Iterator[None]:
    """Keep TensorBoard's thread from printing the error that it raises in the caller, too."""
    before = threading.excepthook

    def tell(error: threading.ExceptHookArgs) -> None:
        if not type(error.thread).__module__.startswith("tensorboard."):
            before(error)

    threading.excepthook = tell
    try:
        yield
    finally:
        threading.excepthook = before
