"""What the stages call chosen is what they go on with; trainings are pretended, by a score each."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from genmix.experiments.arms import Arm
from genmix.experiments.poc.bench import CHOICE, VAL
from genmix.experiments.poc.choosing import Choice, default_arm, recipe_of, third_stage
from genmix.experiments.poc.clock import Clock
from genmix.experiments.poc.gains import Right
from genmix.experiments.poc.plan import Shape
from genmix.experiments.poc.result import Row
from genmix.experiments.poc.trials import Budget, Trials
from genmix.recipe import load_recipe
from genmix.training.data import Photos
from tests.experiments.poc.quick import MACHINE, TASK, plan_of

PHOTOS = 200


class Pretended:
    """Trials whose models see the share of photos right that a function says."""

    over = False

    def __init__(self, folder: Path, score: Callable[[Arm], float]) -> None:
        plan = plan_of(Shape(seeds=3, choosing_seeds=2, prompts=2, dials=2), steps=6)
        self.budget = Budget(plan, MACHINE, TASK, Clock(folder / "clock"), folder / "dropped")
        self.score = score

    def train(self, *_: object) -> None:
        """Nothing to do."""

    def finished(self, _: object, seeds: Sequence[int]) -> list[int]:
        return list(seeds)

    def results(self, _: object, seeds: Sequence[int]) -> list[dict[str, Any]]:
        return [{"seconds": 1.0}] * len(seeds)

    def views(self, arm: Arm, seeds: Sequence[int]) -> dict[str, Right]:
        seen = np.arange(PHOTOS) < self.score(arm) * PHOTOS
        right: Right = np.tile(seen, (len(seeds), 1)).astype(np.float64)
        return {CHOICE: right, VAL: right, "looks": right}


def third(folder: Path, score: Callable[[Arm], float]) -> tuple[Arm, tuple[Row, ...]]:
    """Go through stage 3; return what it goes on with, and its table."""
    default = default_arm(load_recipe("classification"))
    choice = Choice(
        trials=cast(Trials, Pretended(folder, score)),
        default=default,
        arm=default,
        val=cast(Photos, range(PHOTOS)),
        looks=(),
        targets=dict,
        record=folder / "looked.json",
        tell=lambda *_: None,
    )
    stage = third_stage(choice)
    assert stage is not None
    assert stage.chosen == choice.arm.name
    return choice.arm, stage.rows


def chosen(rows: Sequence[Row]) -> list[str]:
    return [row.arm for row in rows if row.chosen]


def test_every_change_that_was_taken_is_shown_as_chosen_not_the_last_one_alone(
    tmp_path: Path,
) -> None:
    def score(arm: Arm) -> float:
        if arm.recipe is None:
            return 0.5
        whole, many = recipe_of(arm).hybrid_share == 0.0, arm.share == 0.9
        return 0.6 + 0.1 * whole + 0.1 * many

    arm, rows = third(tmp_path, score)
    assert (recipe_of(arm).hybrid_share, arm.share) == (0.0, 0.9)
    assert chosen(rows) == ["whole-edits", "composites-0.9"]


def test_where_no_change_helps_what_was_there_is_what_stays(tmp_path: Path) -> None:
    arm, rows = third(tmp_path, lambda arm: 0.5 if arm.recipe is None else 0.6)
    assert arm.name == "genmix"
    assert chosen(rows) == ["genmix"]
