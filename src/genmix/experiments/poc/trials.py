"""Trainings of a proof of concept, a lot at a time, and how the time for them is kept."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from genmix.experiments.arms import Arm, same_edits
from genmix.experiments.parallel import Crew
from genmix.experiments.poc.bench import views_of
from genmix.experiments.poc.clock import Clock
from genmix.experiments.poc.gains import Right
from genmix.experiments.poc.plan import Machine, Plan, Shape, Task, remaining, trim
from genmix.experiments.poc.records import read_record
from genmix.experiments.poc.result import Dropped
from genmix.experiments.running import FINISHED, Planned, Status
from genmix.experiments.runs import RESULT, ExperimentFolder
from genmix.experiments.runs import Task as RunTask
from genmix.experiments.sets import make_set
from genmix.networks.checkpoint import CARD, WEIGHTS
from genmix.storage import write_whole

LOTS = "lots.json"
"""Which trainings were begun in which stage, beside the runs."""

CHOOSING = 1000
"""The first seed of candidates; seeds of the final judgement are from 0 on and choose nothing."""


class OutOfTimeError(Exception):
    """Raised where runs are under way when no time is left for them."""


class Budget:
    """Keeps a proof of concept within its time: what is still to be done, and when to stop.

    What was dropped is written down, so that the next start does not do it after all.
    """

    def __init__(self, plan: Plan, machine: Machine, task: Task, clock: Clock, path: Path) -> None:
        """Take the plan, and what was dropped from it before.

        Args:
            plan: What was planned.
            machine: What was measured.
            task: What there is.
            clock: What has been spent.
            path: Where it is written down what was dropped.
        """
        self.plan = plan
        self.machine = machine
        self.task = task
        self.clock = clock
        self.dropped: list[Dropped] = _read(path)
        self.slowness = 1.0
        self._path = path
        self._over: set[str] = set()
        self._finished: dict[str, set[Path]] = {}

    @property
    def shape(self) -> Shape:
        """How much is still to be done."""
        return self.dropped[-1].kept if self.dropped else self.plan.shape

    @property
    def done(self) -> dict[str, int]:
        """How many trainings of each stage are finished; more than any has where it is over."""
        found = {stage: len(places) for stage, places in self._finished.items()}
        return found | dict.fromkeys(self._over, _ALL)

    @property
    def seconds_left(self) -> float:
        """What the rest is reckoned to take."""
        rest = remaining(self.plan, self.machine, self.task, self.shape, self.done)
        return rest * max(1.0, self.slowness)

    def check(self, stage: str) -> Shape:
        """Drop what does not fit into the rest of the time; return how much is to be done."""
        left = self.plan.budget_seconds - self.clock.spent
        now = replace(self.plan, shape=self.shape)
        kept = trim(now, self.machine, self.task, self.done, left, max(1.0, self.slowness))
        if kept != self.shape:
            self.dropped.append(Dropped(stage, self.shape, kept, self.slowness))
            rows = [asdict(each) for each in self.dropped]
            write_whole(self._path, json.dumps(rows, indent=1).encode())
        return kept

    def training_ends(self) -> float:
        """Return the seconds after which nothing more is trained, so that testing has time."""
        over = dict.fromkeys(self.shape.runs(), _ALL)
        testing = remaining(self.plan, self.machine, self.task, self.shape, over)
        return self.plan.budget_seconds - testing * max(1.0, self.slowness)

    def measured(self, seconds: Sequence[float]) -> None:
        """Learn from the seconds that trainings took."""
        expected = self.plan.run_seconds - self.machine.start_seconds
        if seconds and expected > 0:
            self.slowness = sum(seconds) / len(seconds) / expected

    def note(self, stage: str, finished: set[Path]) -> None:
        """Note which trainings of a stage are finished."""
        self._finished.setdefault(stage, set()).update(finished)

    def over(self, stage: str) -> None:
        """Note that a stage is over, whatever of it was done."""
        self._over.add(stage)


_ALL = 10**6
"""More trainings than any stage has."""


@dataclass
class Trials:
    """Trains arms and remembers what came of it.

    Attributes:
        folder: Where runs lie.
        photos: The photos that are trained on.
        edits: The edit cache.
        workers: Processes that edit.
        crew: Does the runs.
        budget: The time.
        tell: Told how far it is.
        over: Whether the time for training has run out.
        finished_before: How many trainings were finished before the lot that goes on.
    """

    folder: ExperimentFolder
    photos: Path
    edits: Path
    workers: int
    crew: Crew
    budget: Budget
    tell: Callable[[Status], None]
    over: bool = False
    finished_before: int = 0

    def __post_init__(self) -> None:
        """Reckon with what earlier starts have finished."""
        for stage, places in self._lots().items():
            self._note(stage, places)
        self._measure()

    def train(self, stage: str, arms: Sequence[Arm], seeds: Sequence[int]) -> None:
        """Train what is not trained yet, seed by seed, unless the time runs out."""
        tasks = [RunTask(arm, None, seed) for seed in seeds for arm in arms]
        todo = [task for task in tasks if self.folder.read(task) is None]
        if todo and not self.over:
            self.folder.claim(arms)
            self._begin(stage, tasks)
            self.finished_before = len(self._all())
            planned = [self._planned(number, task) for number, task in enumerate(todo, 1)]
            try:
                self._make_edits(planned)
                self.crew(planned, self._told)
            except OutOfTimeError:
                self.over = True
        self._note(stage, [task.place for task in tasks])
        self._measure()

    def views(self, arm: Arm, seeds: Sequence[int]) -> dict[str, Right]:
        """Return what an arm's models saw right; every seed must be trained."""
        return views_of(self.results(arm, seeds))

    def results(self, arm: Arm, seeds: Sequence[int]) -> list[dict[str, Any]]:
        """Return the results of an arm's finished seeds."""
        tasks = [RunTask(arm, None, seed) for seed in seeds]
        return [result for task in tasks if (result := self.folder.read(task)) is not None]

    def finished(self, arms: Sequence[Arm], seeds: Sequence[int]) -> list[int]:
        """Return the seeds that all of these arms were trained with."""
        return [seed for seed in seeds if all(self.results(arm, [seed]) for arm in arms)]

    def model(self, arm: Arm, seed: int) -> Path:
        """Return the folder of a trained model."""
        return self.folder.path / "runs" / RunTask(arm, None, seed).place

    def forget_models(self, *, choosing: bool) -> None:
        """Remove the weights of candidates, or of all; what was measured stays."""
        for path in (self.folder.path / "runs").glob(f"*/*/*/{WEIGHTS}"):
            if not choosing or int(path.parent.name) >= CHOOSING:
                path.unlink()
                (path.parent / CARD).unlink(missing_ok=True)

    def forget_sets(self) -> None:
        """Remove what was composed to learn which edits are good; edits stay in their cache."""
        shutil.rmtree(self.folder.path / "sets", ignore_errors=True)

    def _begin(self, stage: str, tasks: Sequence[RunTask]) -> None:
        """Write down which trainings belong to a stage, for the next start."""
        lots = self._lots()
        lots[stage] = sorted({*lots.get(stage, ()), *(task.place.as_posix() for task in tasks)})
        write_whole(self.folder.path / LOTS, json.dumps(lots, indent=1).encode())

    def _lots(self) -> dict[str, list[str]]:
        path = self.folder.path / LOTS
        return read_record(path, dict) if path.exists() else {}

    def _note(self, stage: str, places: Iterable[str | Path]) -> None:
        """Note which of some trainings are finished."""
        runs = self.folder.path / "runs"
        finished = {Path(place) for place in places if (runs / place / RESULT).exists()}
        self.budget.note(stage, finished)

    def _measure(self) -> None:
        """Learn from what all finished trainings took."""
        self.budget.measured([run["seconds"] for run in self._all()])

    def _planned(self, number: int, task: RunTask) -> Planned:
        """Number a training among all that are still planned."""
        number += self.finished_before
        runs = max(number, sum(self.budget.shape.runs().values()))
        name = f"{task.arm.name}, seed {task.seed}"
        left = self.budget.seconds_left
        status = Status(
            number, runs, name, "training", done=self.finished_before, seconds_left=left
        )
        return Planned(task, status)

    def _told(self, status: Status) -> None:
        self.tell(status)
        if status.stage != FINISHED and self.budget.clock.spent > self.budget.training_ends():
            raise OutOfTimeError

    def _make_edits(self, todo: Sequence[Planned]) -> None:
        """Make the edits that runs compose, once for all that share them."""
        recipes = {
            self.folder.set_of(recipe): (same_edits(recipe), planned.status)
            for planned in todo
            if (recipe := planned.task.arm.recipe) is not None
        }
        for made, (recipe, status) in recipes.items():

            def on_edits(done: int, total: int, status: Status = status) -> None:
                self._told(replace(status, stage="edits", step=done, steps=total))

            make_set(
                self.photos,
                made,
                recipe,
                self.edits,
                workers=self.workers,
                progress=on_edits,
            )

    def _all(self) -> list[Mapping[str, Any]]:
        paths = sorted((self.folder.path / "runs").glob(f"*/*/*/{RESULT}"))
        return [read_record(path, dict) for path in paths]


def _read(path: Path) -> list[Dropped]:
    if not path.exists():
        return []
    return read_record(path, lambda rows: list(map(_dropped, rows)))


def _dropped(row: Mapping[str, Any]) -> Dropped:
    planned, kept = Shape(**row["planned"]), Shape(**row["kept"])
    return Dropped(row["stage"], planned, kept, float(row["slowness"]))
