"""The plan of a proof of concept: what fits into the time given, and what is left out first.

Pure functions of what was measured on the machine and of how many photos there are. Nothing is
run or read here.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from genmix.errors import ExperimentError
from genmix.training.weights import Weights

BASELINE, PROMPTS, MIXING, FINAL = STAGES = ("baseline", "prompts", "mixing", "final")
"""The stages, in their order; the last one is the judgement on the test photos."""

PREPARING = "preparing"

RESERVE = 0.15
"""Share of the budget that is not planned with: machines are noisy."""

ARMS = 4
"""What stage 1 trains: baseline, mixup, cutmix, genmix at its defaults."""

JUDGED = ARMS + 1
"""What the final judgement looks at: those, and the recipe that was chosen."""

LEVELS = 2
"""Other settings that are tried of a dial."""

VAL_SHARE, TEST_SHARE = 0.15, 0.25
"""Of the photos, where they are many enough."""

MOST_VAL, MOST_TEST, MOST_TARGET, MOST_ROBUST = 300, 1000, 1000, 64
"""Photos that are judged at most: to choose by, to test on, of all targets, and attacked."""

CORRUPTIONS = 8
"""Kinds in which a photo is judged; see `genmix.experiments.poc.testing`."""

ATTACK_PASSES = 5
"""A photo under FGSM takes about as long as so many plain ones."""

SCREENED = 48
"""Photos on which every candidate prompt is looked at before any is trained with."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What was measured on this machine, with as many jobs at work as later.

    Attributes:
        device: "cpu" or "cuda".
        cpus: Processors.
        jobs: Trainings that go on at a time.
        workers: Processes that edit.
        step_seconds: A training step, in one job.
        photo_seconds: A photo judged, in one job.
        edit_seconds: An edit made, screened, composed and written, in one worker.
        read_seconds: A photo read and made square.
        start_seconds: A training before its first step and after its last.
        load_seconds: A trained model read.
        crew_seconds: A process started.
    """

    device: str
    cpus: int
    jobs: int
    workers: int
    step_seconds: float
    photo_seconds: float
    edit_seconds: float
    read_seconds: float
    start_seconds: float
    load_seconds: float
    crew_seconds: float


@dataclass(frozen=True, slots=True)
class Task:
    """What the plan depends on, beside the machine and the budget.

    Attributes:
        photos: Labelled photos that there are.
        classes: Their classes.
        test: Photos of a test folder; None if the test photos are taken from `photos`.
        targets: Pictures of all targets together.
        labelled: Whether a target has labels.
        prompts: Of the recipe, by which each photo is edited.
        candidates: Prompts that are looked at.
        looks: Looks that are kept for judging.
        batch_size: Of a training step.
        weights: What training starts from.
        steps: Of a training, where the user says so.
        variants: Edits of a photo by each prompt.
    """

    photos: int
    classes: int
    test: int | None
    targets: int
    labelled: bool
    prompts: int
    candidates: int
    looks: int
    batch_size: int
    weights: Weights
    steps: int | None = None
    variants: int = 1


@dataclass(frozen=True, slots=True)
class Shape:
    """How much is tried.

    Attributes:
        seeds: Trainings of every arm that is judged in the end.
        choosing_seeds: Trainings of every candidate.
        prompts: Prompts that are trained with alone; 0 leaves stage 2 out.
        dials: Things of the recipe that are turned in stage 3; 0 leaves it out.
    """

    seeds: int
    choosing_seeds: int
    prompts: int
    dials: int

    def runs(self) -> dict[str, int]:
        """Count the trainings of each stage."""
        alone = self.prompts + 3 if self.prompts else 0  # with the baseline, the recipe, the set
        return {
            BASELINE: ARMS * self.seeds,
            PROMPTS: alone * self.choosing_seeds,
            MIXING: LEVELS * self.dials * self.choosing_seeds,
            FINAL: self.seeds,
        }


SHAPES = (
    Shape(3, 0, 0, 0),
    Shape(3, 1, 2, 0),
    Shape(3, 1, 3, 1),
    Shape(4, 1, 3, 1),
    Shape(5, 1, 3, 1),
    Shape(5, 1, 4, 2),
    Shape(5, 1, 4, 3),
    Shape(5, 2, 4, 3),
    Shape(5, 2, 6, 4),
    Shape(7, 3, 6, 4),
    Shape(10, 3, 8, 4),
)
"""What is tried, from the least to the most. No number falls from one to the next, so more time
never means fewer seeds or candidates, and what is dropped for want of time is dropped in the
order from the last shape to the first."""

_USUAL = 4
"""The shape from which on more photos come before more seeds and candidates."""

_EPOCHS: dict[Weights, tuple[int, int]] = {
    "scratch": (15, 60),
    "fine-tune": (5, 15),
    "linear-probe": (5, 15),
}
"""The fewest and the most times that a training sees each photo. With fewer, what makes training
harder, as every augmentation does, has no chance."""

_LEAST_STEPS: dict[Weights, int] = {"scratch": 100, "fine-tune": 60, "linear-probe": 60}

_FEW_PHOTOS, _FEW_OF_A_CLASS = 200, 10
_SOME_PHOTOS, _SOME_OF_A_CLASS = 600, 15
"""Photos to train on in the smallest plan, and before there are more candidates or seeds."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done.

    Attributes:
        budget_seconds: The time given.
        shape: How much is tried.
        steps: Of every training.
        train_photos: To train on, at most.
        val_photos: To choose by, at most.
        test_photos: To test on, at most.
        target_photos: Of each target, at most.
        robust_photos: Of the test photos, those that are corrupted and attacked.
        seconds: What each part is reckoned to take.
        run_seconds: What a training is reckoned to take, with its judging.
    """

    budget_seconds: float
    shape: Shape
    steps: int
    train_photos: int
    val_photos: int
    test_photos: int
    target_photos: int
    robust_photos: int
    seconds: Mapping[str, float]
    run_seconds: float

    @property
    def total_seconds(self) -> float:
        """What all of it is reckoned to take."""
        return sum(self.seconds.values())


def make_plan(task: Task, machine: Machine, budget_seconds: float, spent: float = 0.0) -> Plan:
    """Plan the most that fits into the time given, less a reserve.

    Args:
        task: What there is.
        machine: What was measured.
        budget_seconds: The time given.
        spent: Of it, already gone, for measuring.

    Raises:
        ExperimentError: If not even the least fits; the message says what would be needed.
    """
    time = budget_seconds * (1 - RESERVE) - spent
    least = [
        _planned(task, machine, budget_seconds, shape, photos, _steps(task, photos)[0])
        for shape, photos in _rungs(task)
    ]
    if least[0].total_seconds > time:
        raise ExperimentError(_too_little(least[0], budget_seconds, spent))
    best = next(
        before
        for before, after in zip(least, [*least[1:], None], strict=True)
        if after is None or after.total_seconds > time
    )
    fewest, most = _steps(task, best.train_photos)

    def with_steps(steps: int) -> Plan:
        return _planned(task, machine, budget_seconds, best.shape, best.train_photos, steps)

    each = with_steps(fewest + 1).total_seconds - best.total_seconds
    more = int((time - best.total_seconds) / each) if each > 0 else most
    return with_steps(max(fewest, min(most, fewest + more)))


def trim(
    plan: Plan,
    machine: Machine,
    task: Task,
    done: Mapping[str, int],
    seconds_left: float,
    slowness: float,
) -> Shape:
    """Say how much of a plan can still be done, when things take longer than was measured.

    Args:
        plan: What was planned, as far as it has not been trimmed.
        machine: What was measured.
        task: What there is.
        done: Finished trainings of each stage, and stages that are over in `done` with all theirs.
        seconds_left: To the end of the budget.
        slowness: How many times as long as planned a training takes.

    Returns:
        The largest shape, up to the plan's, whose rest fits; the least one if none does.
    """
    shapes = [shape for shape in SHAPES if _within(shape, plan.shape)] or [plan.shape]
    if plan.shape not in shapes:
        shapes.append(plan.shape)
    for shape in reversed(shapes):
        if slowness * remaining(plan, machine, task, shape, done) <= seconds_left:
            return shape
    return shapes[0]


def remaining(
    plan: Plan, machine: Machine, task: Task, shape: Shape, done: Mapping[str, int]
) -> float:
    """Return what is left to do of a shape, in seconds, if all goes as it was measured."""
    left = {stage: max(0, runs - done.get(stage, 0)) for stage, runs in shape.runs().items()}
    training = math.ceil(sum(left.values()) / machine.jobs) * plan.run_seconds
    edits = 0.0
    if shape.prompts and not done.get(PROMPTS):
        edits = _edit_seconds(task, machine, plan.train_photos * shape.prompts)
    return training + edits + _judging(task, machine, plan, shape.seeds)


def _rungs(task: Task) -> Iterator[tuple[Shape, int]]:
    """Yield (shape, photos to train on) from the least to the most; neither ever falls."""
    most = task.photos - _val(task) - _test(task)
    few = min(most, max(_FEW_PHOTOS, _FEW_OF_A_CLASS * task.classes))
    some = min(most, max(_SOME_PHOTOS, _SOME_OF_A_CLASS * task.classes))
    for photos in _doubled(few, some):
        yield SHAPES[0], photos
    for shape in SHAPES[1 : _USUAL + 1]:
        yield shape, some
    for photos in _doubled(some, most):
        yield SHAPES[_USUAL], photos
    for shape in SHAPES[_USUAL + 1 :]:
        yield shape, most


def _doubled(first: int, last: int) -> Iterator[int]:
    while first < last:
        yield first
        first *= 2
    yield last


def _steps(task: Task, photos: int) -> tuple[int, int]:
    if task.steps is not None:
        return task.steps, task.steps
    epochs = _EPOCHS[task.weights]
    fewest, most = (
        max(_LEAST_STEPS[task.weights], math.ceil(each * photos / task.batch_size))
        for each in epochs
    )
    return fewest, most


def _planned(
    task: Task, machine: Machine, budget: float, shape: Shape, photos: int, steps: int
) -> Plan:
    """Reckon what a shape takes."""
    val, test = _val(task), min(MOST_TEST, _test(task) if task.test is None else task.test)
    views = val * (1 + task.looks)
    run = machine.start_seconds + steps * machine.step_seconds + views * machine.photo_seconds
    runs = {stage: math.ceil(n / machine.jobs) * run for stage, n in shape.runs().items()}
    plan = Plan(
        budget_seconds=budget,
        shape=shape,
        steps=steps,
        train_photos=photos,
        val_photos=val,
        test_photos=test,
        target_photos=MOST_TARGET,
        robust_photos=min(MOST_ROBUST, test),
        seconds={},
        run_seconds=run,
    )
    read = photos + val + test + min(MOST_TARGET, task.targets)
    screened = task.candidates * min(SCREENED, val) if shape.prompts else 0
    seconds = {
        PREPARING: read * machine.read_seconds
        + val * task.looks * machine.edit_seconds
        + machine.crew_seconds,
        BASELINE: runs[BASELINE] + _edit_seconds(task, machine, photos * task.prompts),
        PROMPTS: runs[PROMPTS]
        + screened * (machine.edit_seconds + 2 * machine.photo_seconds)
        + _edit_seconds(task, machine, photos * shape.prompts),
        MIXING: runs[MIXING],
        FINAL: runs[FINAL] + _judging(task, machine, plan, shape.seeds),
    }
    return replace(plan, seconds=seconds)


def _judging(task: Task, machine: Machine, plan: Plan, seeds: int) -> float:
    """Reckon the final judgement of all models."""
    targets = min(MOST_TARGET, task.targets) if task.labelled else 0
    views = plan.test_photos + targets + plan.robust_photos * (CORRUPTIONS + ATTACK_PASSES)
    each = machine.load_seconds + views * machine.photo_seconds
    return math.ceil(JUDGED * seeds / machine.jobs) * each + machine.crew_seconds


def _edit_seconds(task: Task, machine: Machine, prompted: int) -> float:
    """Reckon the edits of so many pairs of photo and prompt."""
    return prompted * task.variants * machine.edit_seconds / machine.workers


def _val(task: Task) -> int:
    wanted = min(MOST_VAL, round(VAL_SHARE * task.photos))
    return min(max(task.classes, wanted), max(1, task.photos // 3))


def _test(task: Task) -> int:
    if task.test is not None:
        return 0
    wanted = min(MOST_TEST, round(TEST_SHARE * task.photos))
    return min(max(task.classes, wanted), max(1, task.photos // 3))


def _within(shape: Shape, other: Shape) -> bool:
    return all(getattr(shape, key) <= getattr(other, key) for key in Shape.__slots__)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def _too_little(least: Plan, budget: float, spent: float) -> str:
    needed = math.ceil((least.total_seconds + spent) / (1 - RESERVE) / 60)
    return (
        f"a budget of {_time(budget)} is too little here: the least that says anything "
        f"({least.shape.seeds} seeds of {JUDGED} ways of training, {least.steps} steps each) takes "
        f"about {needed} min on this machine; give --budget {needed}m, or a smaller --size or "
        "--model"
    )
