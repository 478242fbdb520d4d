"""One run of a comparison, from its photos to its result on disk, in whichever process.

Which runs there are, and which process does which, is settled elsewhere.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch

from genmix.errors import GenmixError, OutputError
from genmix.experiments.arms import Arm
from genmix.experiments.bench import Bench, CompareSettings
from genmix.experiments.runs import ExperimentFolder, Task
from genmix.mixing import GenMixDataset
from genmix.training.checkpoint import CARD, WEIGHTS
from genmix.training.loop import Moment

TRAINING = "training"
FINISHED = "finished"
"""Stages of a run."""


@dataclass(frozen=True, slots=True)
class Status:
    """How far a comparison is.

    Attributes:
        run: Which run this is about, counted from 1; finished ones of earlier times count.
        runs: How many there are.
        name: What the run is: arm, photos, seed.
        stage: "edits", "training", "judging" and on what, or "finished".
        step: Of the stage.
        steps: Steps of the stage.
        loss: Of the last batch in training.
        accuracy: Of the last batch in training, in [0, 1].
        job: Which of the runs that go on side by side, counted from 0.
        done: How many runs are finished.
        seconds_left: For all runs, reckoned from those that ended this time; None before.
    """

    run: int
    runs: int
    name: str
    stage: str
    step: int = 0
    steps: int = 1
    loss: float | None = None
    accuracy: float | None = None
    job: int = 0
    done: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A run to do, and how to speak of it.

    Attributes:
        task: The run.
        status: Its number and name.
    """

    task: Task
    status: Status


class Runner:
    """Does runs, one after the other."""

    def __init__(
        self, bench: Bench, folder: ExperimentFolder, edits: Path, *, keep_models: bool
    ) -> None:
        """Take what all runs share.

        Args:
            bench: What they are trained and judged on.
            folder: Where they go, with the sets of edits that they need.
            edits: The folder of the edit cache.
            keep_models: Keep the weights of every run.
        """
        self._bench = bench
        self._folder = folder
        self._edits = edits
        self._keep_models = keep_models
        self._opened: dict[str, GenMixDataset] = {}

    @classmethod
    def open(
        cls, settings: CompareSettings, folder: ExperimentFolder, edits: Path, *, keep_models: bool
    ) -> Self:
        """Make one from what can be sent to another process."""
        return cls(Bench(settings), folder, edits, keep_models=keep_models)

    def run(self, planned: Planned, tell: Callable[[Status], None]) -> None:
        """Train and judge a model, or go on with it, and write down what was measured.

        Args:
            planned: The run.
            tell: Told how far it is, every step.

        Raises:
            OutputError: If something cannot be written.
            GenmixError: If photos cannot be read, or the training fails; it names the run.
        """
        try:
            self._run(planned, tell)
        except OutputError:
            raise  # a full disk is not the run's fault
        except GenmixError as error:
            error.args = (f"{planned.status.name}: {error}",)
            raise

    def _run(self, planned: Planned, tell: Callable[[Status], None]) -> None:
        task, status = planned.task, planned.status
        steps = self._bench.settings.train.steps

        def on_step(moment: Moment) -> None:
            loss, accuracy = moment.loss, moment.accuracy
            tell(replace(status, step=moment.step, steps=steps, loss=loss, accuracy=accuracy))

        def on_judged(what: str, done: int, total: int) -> None:
            tell(replace(status, stage=f"judging, {what}", step=done, steps=total))

        threads = self._folder.note_threads(task, torch.get_num_threads())
        work = self._folder.training(task)
        trained = self._bench.fit_model(task, work, self._composites(task.arm), on_step)
        began = time.monotonic()
        judged = self._bench.judge(trained.model, on_judged)
        result = {
            "name": task.arm.name,
            "arm": task.arm.identity(),
            "shots": task.shots,
            "seed": task.seed,
            "scores": judged.scores,
            "seconds": trained.seconds + time.monotonic() - began,
            "threads": threads,
            "loss of the last step": trained.history[-1].loss,
            "evaluation": judged.details,
        }
        keep = [work / CARD, work / WEIGHTS] if self._keep_models else []
        self._folder.finish(task, result, keep)
        tell(replace(status, stage=FINISHED, step=1, steps=1))

    def _composites(self, arm: Arm) -> GenMixDataset | None:
        """Open the edits that an arm composes, once."""
        if arm.recipe is None:
            return None
        if arm.name not in self._opened:
            self._opened[arm.name] = GenMixDataset(
                self._bench.settings.data,
                self._folder.set_of(arm.recipe),
                recipe=arm.recipe,
                probability=arm.share,
                edits=self._edits,
            )
        return self._opened[arm.name]
