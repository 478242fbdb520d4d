"""The three stages: train without and with, choose prompts, choose how they are mixed.

All of it on validation photos alone. What was trained is read back from the runs, so the same runs
always lead to the same choice.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from genmix.experiments.arms import SHARE, Arm, parse_arm
from genmix.experiments.poc.bench import CHOICE, VAL, Planes
from genmix.experiments.poc.gains import Interval, gain, interval
from genmix.experiments.poc.looking import (
    Looked,
    candidates,
    design,
    look_at,
    with_prompts,
)
from genmix.experiments.poc.plan import BASELINE, MIXING, PROMPTS, SCREENED
from genmix.experiments.poc.records import read_record
from genmix.experiments.poc.result import Metric, Row, Stage
from genmix.experiments.poc.rules import (
    Reason,
    best_change,
    better,
    in_order,
    judge_stage,
    learnt,
    prompt_set,
    unfit,
)
from genmix.experiments.poc.trials import CHOOSING, Trials
from genmix.networks.checkpoint import load_checkpoint
from genmix.recipe import Recipe
from genmix.storage import write_whole
from genmix.training.data import Photos
from genmix.training.evaluation import stratified

PLAIN = parse_arm("baseline")
MIXERS = (parse_arm("mixup"), parse_arm("cutmix"))


@dataclass
class Choice:
    """What the stages go on with.

    Attributes:
        trials: Trains arms.
        default: genmix with its ready-made recipe.
        arm: The best so far.
        val: The photos to choose by.
        looks: Ids of the looks kept for judging.
        targets: Pictures of other domains, without labels.
        record: Where it is written down what was seen of the prompts.
        tell: Told how many prompts have been looked at.
        stages: Those that are over.
    """

    trials: Trials
    default: Arm
    arm: Arm
    val: Photos
    looks: tuple[str, ...]
    targets: Callable[[], Mapping[str, Planes]]
    record: Path
    tell: Callable[[int, int], None]
    stages: list[Stage] = field(default_factory=list)

    @property
    def recipe(self) -> Recipe:
        """The recipe so far."""
        return recipe_of(self.arm)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What is measured in these stages."""
        count = len(self.val)
        return (
            Metric(CHOICE, "choice", count),
            Metric(VAL, "val", count),
            Metric("looks", "looks", count),
            *(Metric(look, "look", count) for look in self.looks),
        )


def default_arm(recipe: Recipe) -> Arm:
    """Return genmix as it comes."""
    return Arm("genmix", recipe=recipe, share=SHARE)


def first_stage(choice: Choice) -> Stage:
    """Train without augmentation, with mixup, with cutmix, and with genmix at its defaults."""
    trials, arms = choice.trials, (PLAIN, *MIXERS, choice.default)
    for seed in range(trials.budget.plan.shape.seeds):
        # Three seeds make an interval; whether there is time for more is seen after each.
        if seed >= trials.budget.check(BASELINE).seeds:
            break
        trials.train(BASELINE, arms, [seed])
    trials.budget.over(BASELINE)
    seeds = trials.finished(arms, range(trials.budget.plan.shape.seeds))
    if not seeds:
        return _stage(choice, BASELINE, (), None)
    plain = trials.views(PLAIN, seeds)
    rows = [
        _row(choice, arm, kind, seeds)
        for arm, kind in zip(arms, ("baseline", "mixer", "mixer", "genmix"), strict=True)
    ]
    rows[-1] = replace(rows[-1], chosen=True)
    majority = float(np.bincount(choice.val.labels).max() / len(choice.val))
    knows = learnt(interval([plain[VAL]]), majority)
    return _stage(choice, BASELINE, rows, rows[-1].gains[CHOICE], learnt=knows)


def second_stage(choice: Choice) -> Stage | None:
    """Look at prompts, train with the most promising ones alone, and choose a set."""
    trials = choice.trials
    if not trials.budget.check(PROMPTS).prompts or trials.over:
        return None
    trials.train(PROMPTS, [PLAIN, choice.default], [CHOOSING])
    if not trials.finished([PLAIN, choice.default], [CHOOSING]):
        return None
    looked = _looked(choice)
    reasons = _reasons(choice, looked)
    fit = {
        name: each.diversity if each.closeness is None else each.closeness
        for name, each in looked.items()
        if name not in reasons
    }
    tried = in_order(fit)[: trials.budget.check(PROMPTS).prompts]
    alone = {name: _alone(choice.default, name) for name in tried}
    seeds = _train_alone(choice, list(alone.values()))
    if not seeds:
        return None
    views = {name: trials.views(arm, seeds)[CHOICE] for name, arm in alone.items()}
    plain = trials.views(PLAIN, seeds)
    gains = {name: gain([view], [plain[CHOICE]]) for name, view in views.items()}
    row, rest = _try_set(choice, prompt_set(gains), seeds)
    trials.budget.over(PROMPTS)
    in_use = {prompt.id for prompt in choice.recipe.chosen_prompts()}
    rows = [_row(choice, PLAIN, "baseline", seeds), row, *rest]
    for name in (*tried, *(name for name in looked if name not in tried)):
        found = Row(name, "prompt", {}, {}, reasons=(reasons.get(name) or Reason("untried"),))
        if name in tried:
            found = replace(_row(choice, alone[name], "prompt", seeds), arm=name)
        measures = _measures(looked[name])
        rows.append(replace(found, measures=measures, chosen=name in in_use))
    best = next(row for row in rows if row.arm == choice.arm.name)
    return _stage(choice, PROMPTS, rows, best.gains[CHOICE])


def _train_alone(choice: Choice, alone: Sequence[Arm]) -> list[int]:
    """Train with each of some prompts alone; return the seeds that all were trained with."""
    trials, arms = choice.trials, [PLAIN, choice.default, *alone]
    for seed in _seeds(choice):
        if seed - CHOOSING >= trials.budget.check(PROMPTS).choosing_seeds:
            break
        trials.train(PROMPTS, arms, [seed])
    return trials.finished(arms, _seeds(choice))


def _try_set(choice: Choice, prompts: Sequence[str], seeds: Sequence[int]) -> tuple[Row, list[Row]]:
    """Train with the prompts that helped, together, and go on with them if that is better.

    Returns:
        The row of the ready-made recipe, and that of the set, if there is one to try.
    """
    trials, default = choice.trials, choice.default
    before = replace(_row(choice, default, "genmix", seeds), chosen=True)
    own = {prompt.id for prompt in choice.recipe.chosen_prompts()}
    if not prompts or set(prompts) == own:
        return before, []
    recipe = with_prompts(choice.recipe, prompts)
    together = replace(default, name="prompts", recipe=recipe)
    trials.train(PROMPTS, [together], seeds)
    if trials.finished([together], seeds) != list(seeds):
        return before, []
    change = gain([trials.views(together, seeds)[CHOICE]], [trials.views(default, seeds)[CHOICE]])
    row = replace(_row(choice, together, "set", seeds), change=change)
    if not better(change):
        return before, [row]
    choice.arm = together
    return replace(before, chosen=False), [replace(row, chosen=True)]


def third_stage(choice: Choice) -> Stage | None:
    """Turn one dial after the other, each from the best so far."""
    trials, plan = choice.trials, choice.trials.budget.plan
    seeds = trials.finished([PLAIN, choice.arm], _seeds(choice))
    dials = design()["dials"][: plan.shape.dials]
    if not dials or not seeds or trials.over:
        return None
    rows = [
        _row(choice, PLAIN, "baseline", seeds),
        _row(choice, choice.arm, "genmix", seeds),
    ]
    taken: set[str] = set()
    for number, dial in enumerate(dials):
        if number >= trials.budget.check(MIXING).dials:
            break
        arms = [arm for each in dial["settings"] if (arm := _turned(choice.arm, each)) is not None]
        trials.train(MIXING, arms, seeds)
        if trials.finished(arms, seeds) != seeds:
            break
        before = trials.views(choice.arm, seeds)[CHOICE]
        gains = {arm.name: gain([trials.views(arm, seeds)[CHOICE]], [before]) for arm in arms}
        rows += [
            replace(_row(choice, arm, "setting", seeds), change=gains[arm.name]) for arm in arms
        ]
        if (best := best_change(gains)) is not None:
            taken.add(best)
            choice.arm = next(arm for arm in arms if arm.name == best)
    trials.budget.over(MIXING)
    if len(rows) == 2:
        return None
    rows = [replace(row, chosen=row.arm in (taken or {choice.arm.name})) for row in rows]
    found = next(row for row in rows if row.arm == choice.arm.name)
    return _stage(choice, MIXING, rows, found.gains[CHOICE])


def recipe_of(arm: Arm) -> Recipe:
    """Return the recipe of an arm that has one."""
    if arm.recipe is None:
        raise ValueError(f"the arm '{arm.name}' has no recipe")
    return arm.recipe


def _seeds(choice: Choice) -> range:
    return range(CHOOSING, CHOOSING + choice.trials.budget.plan.shape.choosing_seeds)


def _alone(default: Arm, prompt: str) -> Arm:
    recipe = with_prompts(recipe_of(default), [prompt])
    return replace(default, name=f"prompt {prompt}", recipe=recipe)


def _turned(arm: Arm, setting: Mapping[str, Any]) -> Arm | None:
    """Return the arm with another setting; None if it has it already."""
    recipe: dict[str, Any] = setting.get("recipe", {})
    turned = replace(arm.changed(setting.get("share"), **recipe), name=setting["id"])
    return None if turned.identity() == arm.identity() else turned


def _looked(choice: Choice) -> dict[str, Looked]:
    """Look at every candidate prompt, once."""
    if choice.record.exists():
        return read_record(
            choice.record, lambda rows: {name: Looked(**row) for name, row in rows.items()}
        )
    chosen = stratified(choice.val.labels, SCREENED, seed=0)
    photos = choice.val.subset(chosen)
    images = [
        np.ascontiguousarray(photos[k][0].permute(1, 2, 0).numpy()) for k in range(len(photos))
    ]
    found = look_at(
        candidates(choice.recipe, choice.looks),
        choice.recipe,
        images,
        [photo.path for photo in photos.photos],
        photos.labels,
        choice.targets(),
        load_checkpoint(choice.trials.model(PLAIN, CHOOSING)),
        choice.tell,
    )
    rows = {name: asdict(looked) for name, looked in found.items()}
    write_whole(choice.record, json.dumps(rows, indent=1).encode())
    return found


def _reasons(choice: Choice, looked: Mapping[str, Looked]) -> dict[str, Reason]:
    chance = float(np.bincount(choice.val.labels).max() / len(choice.val))
    found = {name: unfit(each.kept, each.seen, each.known, chance) for name, each in looked.items()}
    return {name: reason for name, reason in found.items() if reason is not None}


def _measures(looked: Looked) -> dict[str, float]:
    return {key: value for key, value in asdict(looked).items() if value is not None}


def _row(choice: Choice, arm: Arm, kind: str, seeds: Sequence[int]) -> Row:
    trials = choice.trials
    views, plain = trials.views(arm, seeds), trials.views(PLAIN, seeds)
    scores = {metric.key: interval([views[metric.key]]) for metric in choice.metrics}
    gains: dict[str, Interval] = {}
    if arm is not PLAIN:
        gains = {key: gain([views[key]], [plain[key]]) for key in scores}
    seconds = sum(result["seconds"] for result in trials.results(arm, seeds))
    return Row(arm.name, kind, scores, gains, seconds=seconds)


def _stage(
    choice: Choice,
    name: str,
    rows: Sequence[Row],
    found: Interval | None,
    *,
    learnt: bool = True,
) -> Stage:
    budget = choice.trials.budget
    return Stage(
        name=name,
        primary=CHOICE,
        metrics=choice.metrics,
        rows=tuple(rows),
        verdict=judge_stage(found, learnt=learnt),
        chosen=choice.arm.name,
        seconds=budget.clock.seconds.get(name, 0.0),
        planned_seconds=budget.plan.seconds[name],
    )
