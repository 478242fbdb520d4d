"""The last stage: the chosen recipe trained anew, then all tested once on what nothing chose by."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from genmix.errors import ExperimentError
from genmix.experiments.arms import Arm
from genmix.experiments.parallel import Crew
from genmix.experiments.poc.choosing import MIXERS, PLAIN
from genmix.experiments.poc.gains import Interval, Right, gain, interval
from genmix.experiments.poc.plan import FINAL
from genmix.experiments.poc.result import Metric, Row, Stage
from genmix.experiments.poc.rules import Guarded, Reason, Rival, Verdict, decide, learnt
from genmix.experiments.poc.testing import ATTACK, CLEAN, CORRUPTED, Exam, rights_of
from genmix.experiments.poc.trials import OutOfTimeError, Trials
from genmix.experiments.running import Planned, Status
from genmix.experiments.runs import Task

TARGETS = "targets"

_SURE_SEEDS = 2
"""Models of so many seeds are tested even if the time is over: nothing could be said without."""

_LATE = 1.06
"""No further model is tested after so many times the budget."""

Blocks: TypeAlias = Mapping[str, Sequence[Right]]
"""By metric, one block for each set of pictures that it is the mean of."""


@dataclass(frozen=True)
class Tested:
    """What the models of some arms saw right.

    Attributes:
        arms: The baseline first, what was chosen last.
        seeds: That all of them have.
        blocks: Of each arm.
        chosen: What was chosen, or what stands for it.
        replaced: Whether there was no time to train what was chosen.
    """

    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    blocks: Mapping[str, Blocks]
    chosen: Arm
    replaced: bool


def final_arm(default: Arm, arm: Arm) -> Arm:
    """Name what was chosen, before any test photo is seen."""
    return default if arm.identity() == default.identity() else replace(arm, name="chosen")


def train_chosen(trials: Trials, default: Arm, chosen: Arm, seeds: Sequence[int]) -> list[Arm]:
    """Train what was chosen with the seeds of the others; return the arms to test."""
    arms = [PLAIN, *MIXERS, default]
    if chosen is default:
        return arms
    trials.train(FINAL, [chosen], seeds)
    return [*arms, chosen]


def test_all(
    trials: Trials,
    exam: Exam,
    arms: Sequence[Arm],
    crew: Callable[[int], AbstractContextManager[Crew]],
    tell: Callable[[Status], None],
) -> Tested:
    """Test the models of all arms, seed by seed.

    Args:
        trials: Where the models are.
        exam: What they are tested on.
        arms: Which; the baseline first, what was chosen last.
        crew: Opens processes for so many models.
        tell: Told how far it is.

    Raises:
        ExperimentError: If there is no seed that the baseline and genmix were trained with.
    """
    budget = trials.budget
    every = range(budget.plan.shape.seeds)
    named, chosen = list(arms), arms[-1]
    replaced = len(trials.finished(named, every)) < min(_SURE_SEEDS, budget.plan.shape.seeds)
    if replaced and len(named) > len(MIXERS) + 2:
        named, chosen = named[:-1], named[-2]
    seeds = trials.finished(named, every)
    if not seeds:
        raise ExperimentError(
            "the time was over before one seed of all ways of training was done: choose a new "
            "folder and give a larger --budget"
        )
    tasks = [Task(arm, None, seed) for seed in seeds for arm in named]
    todo = [task for task in tasks if exam.read(task) is None]

    def told(status: Status) -> None:
        tell(status)
        late = budget.clock.spent > _LATE * budget.plan.budget_seconds
        if late and all(map(exam.read, tasks[: _SURE_SEEDS * len(named)])):
            raise OutOfTimeError

    planned = [
        Planned(task, Status(k, len(todo), f"{task.arm.name}, seed {task.seed}", "testing"))
        for k, task in enumerate(todo, 1)
    ]
    if planned:
        try:
            with crew(len(planned)) as work:
                work(planned, told)
        except OutOfTimeError:
            pass  # the seeds that are whole speak
    whole = tuple(s for s in seeds if all(exam.read(Task(arm, None, s)) for arm in named))
    blocks = {arm.name: _blocks(exam, arm, whole) for arm in named}
    return Tested(tuple(named), whole, blocks, chosen, replaced and chosen is not arms[-1])


def judge_all(trials: Trials, exam: Exam, tested: Tested) -> Stage:
    """Compare every arm with the baseline on every metric, and decide on the chosen one."""
    metrics = _metrics(tested.blocks[PLAIN.name], exam)
    labels = exam.photos().labels
    verdict = _decided(tested, metrics, float(np.bincount(labels).max() / len(labels)))
    kinds = ["baseline", *("mixer" for _ in MIXERS), "genmix", "chosen"]
    rows = [_row(trials, tested, arm, kind) for arm, kind in zip(tested.arms, kinds, strict=False)]
    budget = trials.budget
    return Stage(
        name=FINAL,
        primary=metrics[0].key,
        metrics=metrics,
        rows=tuple(rows),
        verdict=verdict,
        chosen=tested.chosen.name,
        seconds=budget.clock.seconds.get(FINAL, 0.0),
        planned_seconds=budget.plan.seconds[FINAL],
    )


def _decided(tested: Tested, metrics: Sequence[Metric], majority: float) -> Verdict:
    """Decide on the chosen arm; simpler ones count that learnt something."""
    base, chosen = tested.blocks[PLAIN.name], tested.blocks[tested.chosen.name]
    primary = metrics[0].key

    def guarded(arm: Blocks) -> list[Guarded]:
        return [Guarded(m.key, m.kind, gain(arm[m.key], base[m.key])) for m in metrics[1:]]

    def knows(arm: Blocks) -> bool:
        return learnt(interval(arm[CLEAN]), majority)

    rivals = [
        Rival(
            arm.name,
            gain(blocks[primary], base[primary]),
            gain(chosen[primary], blocks[primary]),
            guarded(blocks),
        )
        for arm, blocks in ((arm, tested.blocks[arm.name]) for arm in MIXERS)
        if knows(blocks)
    ]
    gained = gain(chosen[primary], base[primary])
    verdict = decide(gained, guarded(chosen), rivals, learnt=knows(chosen))
    if tested.replaced:
        verdict = replace(verdict, reasons=(*verdict.reasons, Reason("replaced")))
    return verdict


def _blocks(exam: Exam, arm: Arm, seeds: Sequence[int]) -> Blocks:
    found = [found for seed in seeds if (found := exam.read(Task(arm, None, seed))) is not None]
    rights = rights_of(found)
    blocks: dict[str, Sequence[Right]] = {key: [right] for key, right in rights.items()}
    if len(exam.targets) > 1:
        blocks[TARGETS] = [rights[f"target {name}"] for name in exam.targets]
    return blocks


def _metrics(blocks: Blocks, exam: Exam) -> tuple[Metric, ...]:
    """List what was measured, what decides first: other domains if any has labels."""
    targets = [f"target {name}" for name in exam.targets]
    every = [*([TARGETS] if len(targets) > 1 else []), *targets, CLEAN, CORRUPTED, ATTACK]
    kinds = {CLEAN: "clean", CORRUPTED: "corrupted", ATTACK: "attacked"}
    return tuple(
        Metric(key, kinds.get(key, "target"), sum(block.shape[1] for block in blocks[key]))
        for key in every
    )


def _row(trials: Trials, tested: Tested, arm: Arm, kind: str) -> Row:
    blocks, base = tested.blocks[arm.name], tested.blocks[PLAIN.name]
    gains: dict[str, Interval] = {}
    if arm.name != PLAIN.name:
        gains = {key: gain(blocks[key], base[key]) for key in blocks}
    return Row(
        arm=arm.name,
        kind=kind,
        scores={key: interval(found) for key, found in blocks.items()},
        gains=gains,
        chosen=arm is tested.chosen,
        seconds=sum(result["seconds"] for result in trials.results(arm, tested.seeds)),
    )
