"""A run while it goes on: its steps, its validation, and what it is gone on with from.

Chance has no state: batches, transforms, mixers and dropout draw from generators keyed by the seed
and the step, so going on takes weights, the optimizer's memory and the number of the step.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, astuple, replace
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor
from torch.utils.data import DataLoader

from genmix.errors import TrainingError
from genmix.mixing import SoftTargetLoss, mixed_accuracy
from genmix.mixing.base import Mixer
from genmix.networks.models import Classifier
from genmix.seeding import seed_of
from genmix.training.averaging import WeightAverage
from genmix.training.batches import begin_worker, load_batches
from genmix.training.building import build_classifier, build_optimizer, build_schedule
from genmix.training.checkpoint import RunFolder
from genmix.training.data import TrainingData
from genmix.training.interrupts import interruptible
from genmix.training.mixers import create_mixer
from genmix.training.moments import Moment, logged
from genmix.training.settings import TrainSettings

_READ_EVERY = 10
"""Steps after which losses are read from a GPU, so that it does not wait at each."""

_VALIDATIONS = 10
"""How often in a run the model is validated at most."""


class Run:
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
        with interruptible() as asked, self._log() as log:
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

    def _batches(self, steps: range) -> Iterator[tuple[Tensor, Tensor]]:
        """Load the batches of some steps, from 0, this process's part of each."""
        accelerator = self.accelerator
        process = (accelerator.process_index, accelerator.num_processes)
        pinned = accelerator.device.type == "cuda"
        return load_batches(self.data, self.settings, steps, process, pinned=pinned)

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

    def _log(self) -> AbstractContextManager[Callable[[Moment], None]]:
        """Open the log, which one process writes."""
        if not self.accelerator.is_main_process:
            return nullcontext(lambda _: None)
        return logged(self.folder.path / "tensorboard", len(self.history))


def _mixed(
    mixer: Mixer, drawn_by: torch.Generator, pictures: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Mix a batch with draws from a generator."""
    for module in mixer.modules():
        if isinstance(module, Mixer):
            module.generator = drawn_by
    return mixer(pictures, labels)


def _finite(model: Classifier) -> set[str]:
    """Name the weights and statistics that are numbers throughout."""
    return {name for name, values in model.state_dict().items() if values.isfinite().all()}
