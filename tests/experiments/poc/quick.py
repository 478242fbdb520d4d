"""Proofs of concept with a plan made by hand, so that no machine's speed changes what is done."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from genmix.experiments.compare import write_json
from genmix.experiments.poc.engine import Planning, poc
from genmix.experiments.poc.plan import PREPARING, STAGES, Machine, Plan, Shape, Task
from genmix.experiments.poc.result import Poc
from genmix.experiments.poc.settings import PocSettings
from genmix.jobs.folder import OutputFolder
from genmix.training.settings import TrainSettings

BUDGET = 3600.0
BATCH = 16

MACHINE = Machine(
    device="cpu",
    cpus=2,
    jobs=1,
    workers=1,
    step_seconds=0.01,
    photo_seconds=0.0005,
    edit_seconds=0.003,
    read_seconds=0.001,
    start_seconds=0.1,
    load_seconds=0.1,
    crew_seconds=0.0,
)

TASK = Task(120, 3, None, 90, True, 6, 26, 4, BATCH, "scratch")


def plan_of(shape: Shape, steps: int) -> Plan:
    """A plan for so much, in which everything is reckoned to take long."""
    return Plan(
        budget_seconds=BUDGET,
        shape=shape,
        steps=steps,
        train_photos=72,
        val_photos=18,
        test_photos=30,
        target_photos=90,
        robust_photos=6,
        seconds=dict.fromkeys([PREPARING, *STAGES], 60.0),
        run_seconds=20.0,
    )


QUICK = plan_of(Shape(seeds=1, choosing_seeds=1, prompts=2, dials=1), steps=12)
"""One seed: for what is done, not for what is found."""

SURE = plan_of(Shape(seeds=3, choosing_seeds=0, prompts=0, dials=0), steps=60)
"""Three seeds and no choices: for what is found."""


def settings(
    data: Path, plan: Plan, target: Path | None = None, recipe: str | None = None
) -> PocSettings:
    """What the command line would read of `options`."""
    train = TrainSettings(
        model="test_resnet", weights="scratch", size=32, batch_size=BATCH, steps=10**6
    )
    return PocSettings(
        data=str(data),
        targets={} if target is None else {target.name: str(target)},
        recipe=recipe,
        train=train,
        steps=plan.steps,
        budget_seconds=plan.budget_seconds,
    )


def options(plan: Plan) -> list[str]:
    """The same for a command line."""
    return [
        "--model", "test_resnet", "--weights", "scratch", "--size", "32", "--batch-size",
        str(BATCH), "--steps", str(plan.steps), "--budget", f"{plan.budget_seconds:.0f}s",
        "--workers", "1",
    ]  # fmt: skip


def prepare(out: Path, plan: Plan, target: Path | None = None) -> None:
    """Put the plan where it is looked for before anything is measured."""
    OutputFolder(out).open()
    task = replace(TASK, steps=plan.steps, targets=90 if target else 0, labelled=bool(target))
    write_json(out / "plan.json", asdict(Planning(plan, MACHINE, task)))


def run(
    data: Path, out: Path, plan: Plan, target: Path | None = None, recipe: str | None = None
) -> Poc:
    """Do a proof of concept by this plan, in this process."""
    prepare(out, plan, target)
    return poc(settings(data, plan, target, recipe), out, edits=data.parent / "edits")


def choices(found: Poc) -> dict[str, Any]:
    """All that was found before the last stage, and what was chosen; without times."""
    return {
        "stages": [_timeless(asdict(stage)) for stage in found.stages[:-1]],
        "recipe": found.recipe,
        "share": found.share,
        "prompts": found.prompts,
    }


def numbers(found: Poc) -> dict[str, Any]:
    """The same with the last stage."""
    return choices(found) | {"final": _timeless(asdict(found.final))}


def _timeless(stage: dict[str, Any]) -> dict[str, Any]:
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in stage["rows"]]
    return {k: v for k, v in stage.items() if "seconds" not in k} | {"rows": rows}
