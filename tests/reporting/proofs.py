"""Proofs of concept with everything that a report may have to say of them."""

from collections.abc import Mapping
from dataclasses import replace

from genmix.experiments.poc.gains import Interval
from genmix.experiments.poc.plan import STAGES, Machine, Plan, Shape
from genmix.experiments.poc.result import Cost, Dropped, Full, Metric, Poc, Prepared, Row, Stage
from genmix.experiments.poc.rules import Guarded, Reason, Rival, Verdict, decide, judge_stage
from genmix.recipe import load_recipe

METRICS = (
    Metric("target cartoon", "target", 1000),
    Metric("clean", "clean", 267),
    Metric("corrupted", "corrupted", 64),
    Metric("fgsm@2/255", "attacked", 64),
)
CHOICE = (Metric("choice", "choice", 160),)
SHAPE = Shape(seeds=5, choosing_seeds=1, prompts=2, dials=1)


def interval(value: float, half_width: float | None = 0.031, seeds: int = 5) -> Interval:
    """An interval of this width."""
    return Interval(value, half_width, (half_width or 0.0) / 2, seeds, 200)


def proof(
    gains: Mapping[str, float] | None = None,
    *,
    seeds: int = 5,
    half_width: float | None = 0.031,
    learnt: bool = True,
    lead: float = 0.012,
    target: str = "labelled",
    stages: bool = True,
    prices: bool = True,
    dropped: bool = False,
) -> Poc:
    """Make a proof of concept as `genmix poc` writes it.

    Args:
        gains: Of the chosen recipe, by metric; 0.05 where it says nothing.
        seeds: Of the final judgement.
        half_width: Of all intervals of the final judgement; None where there is no spread.
        learnt: Whether the classifiers learnt anything.
        lead: Of the chosen recipe over mixup.
        target: "labelled", "unlabelled" or "none".
        stages: Whether there was time for prompts and mixing.
        prices: Whether hours have a price.
        dropped: Whether something was left out.
    """
    metrics = METRICS if target == "labelled" else METRICS[1:]
    final = _final(metrics, gains or {}, seeds, half_width, lead, learnt=learnt)
    found = [_first(), *([_prompts(), _mixing()] if stages else []), final]
    counts = {"train": 400, "val": 160, "test": 267}
    counts |= {} if target == "none" else {"target cartoon": 1000}
    recipe = load_recipe("domain-adaptation").model_dump(mode="json")
    less = replace(SHAPE, seeds=4, dials=0)
    return Poc(
        command=("genmix", "poc", "/data/my photos", "-o", "/data/proof", "--budget", "30m"),
        settings={
            "train": {
                "model": "efficientnet_lite0", "weights": "fine-tune", "size": 64, "batch_size": 32
            }
        },
        versions={"genmix": "0.1.0", "python": "3.11.7"},
        machine=Machine("cpu", 2, 2, 2, 0.9, 0.014, 0.028, 0.006, 2.1, 0.7, 28.5),
        plan=Plan(1800.0, SHAPE, 69, 400, 160, 267, 1000, 64, dict.fromkeys(STAGES, 300.0), 80.0),
        dropped=(Dropped("baseline", SHAPE, less, 1.7),) if dropped else (),
        photos=Prepared(
            counts, 1670, 2, 1, {"a.jpg": "unreadable"},
            ("cartoon",) if target == "labelled" else (), ("dog", "elephant"),
        ),
        preset="domain-adaptation",
        looks=("mosaic",),
        stages=tuple(found),
        recipe=recipe,
        share=0.6,
        prompts=("graffiti", "chalk-drawing"),
        examples=(),
        cost=_cost(prices=prices),
    )  # fmt: skip


def large(found: Poc) -> Poc:
    """Add as many candidates as the longest proof of concept has."""
    first, prompts, mixing, final = found.stages
    row = next(row for row in prompts.rows if row.arm == "graffiti")
    names = ("chalk-drawing", "retro-comic", "crayon-sketch", "sunset", "aurora", "rainbow", "dusk")
    more = tuple(replace(row, arm=name, chosen=False) for name in names)
    dials = ("composites-0.9", "composites-0.3", "no-fractal", "strong-fractal", "halves", "circle")
    settings = tuple(_row(name, "setting", 0.07, -0.011) for name in dials)
    cutmix = _row("cutmix", "mixer", 0.004)
    first = replace(first, rows=(*first.rows[:2], cutmix, *first.rows[2:]))
    prompts = replace(prompts, rows=(*prompts.rows, *more))
    mixing = replace(mixing, rows=(*mixing.rows, *settings))
    return replace(found, stages=(first, prompts, mixing, final))


def unlearnt(found: Poc) -> Poc:
    """Let nothing be learnt in stage 1."""
    first = replace(found.stages[0], verdict=judge_stage(None, learnt=False))
    return replace(found, stages=(first, *found.stages[1:]))


def keeping(found: Poc, unfit: str) -> Poc:
    """Let the ready-made recipe stay, with one of its prompts in which the class is lost."""
    prompts = found.stages[1]
    kept = {"genmix", "graffiti", unfit}
    reasons = (Reason("class-lost", {"seen": 0.1, "least": 0.2}),)
    rows = [replace(row, chosen=row.arm in kept) for row in prompts.rows]
    rows.append(Row(unfit, "prompt", {}, {}, measures=_SEEN, chosen=True, reasons=reasons))
    prompts = replace(prompts, rows=tuple(rows), chosen="genmix")
    stages = (found.stages[0], prompts, *found.stages[2:])
    return replace(found, stages=stages, prompts=("graffiti", unfit))


def _cost(*, prices: bool) -> Cost:
    full = Full(
        1670, 10020, 0.05, 0.25, "cpu", 0.0, 1.23 if prices else None, 2.78,
        5.57 if prices else None,
    )  # fmt: skip
    spent = {"preparing": 74.0, **dict.fromkeys(STAGES, 317.0)}
    return Cost(spent, 1800.0, 0.0, 4.56 if prices else None, "EUR", full)


def _row(arm: str, kind: str, gain: float, change: float | None = None, **more: object) -> Row:
    row = Row(
        arm,
        kind,
        {"choice": interval(0.61 + gain, seeds=1)},
        {} if kind == "baseline" else {"choice": interval(gain, seeds=1)},
        None if change is None else interval(change, seeds=1),
        seconds=50.0,
    )
    return replace(row, **more)  # type: ignore[arg-type]


def _stage(name: str, rows: tuple[Row, ...], verdict: Verdict, chosen: str) -> Stage:
    return Stage(name, "choice", CHOICE, rows, verdict, chosen, 317.0, 300.0)


def _first() -> Stage:
    rows = (
        _row("baseline", "baseline", 0),
        _row("mixup", "mixer", 0.012),
        _row("genmix", "genmix", 0.043, chosen=True),
    )
    return _stage("baseline", rows, judge_stage(interval(0.043)), "genmix")


_SEEN = {"kept": 0.9, "seen": 0.6, "known": 0.8, "diversity": 0.71, "closeness": 0.29}


def _prompts() -> Stage:
    out = Reason("screened-out", {"kept": 0.3, "least_kept": 0.5})
    rows = (
        _row("baseline", "baseline", 0),
        _row("genmix", "genmix", 0.043),
        _row("prompts", "set", 0.064, 0.021, chosen=True),
        _row("graffiti", "prompt", 0.051, measures=_SEEN, chosen=True),
        Row("fog", "prompt", {}, {}, measures=_SEEN, reasons=(out,)),
        Row("snowy", "prompt", {}, {}, measures=_SEEN, reasons=(Reason("class-lost"),)),
        Row("rain", "prompt", {}, {}, measures=_SEEN, reasons=(Reason("untried"),)),
    )
    return _stage("prompts", rows, judge_stage(interval(0.064, seeds=1)), "prompts")


def _mixing() -> Stage:
    rows = (
        _row("baseline", "baseline", 0),
        _row("prompts", "genmix", 0.064),
        _row("whole-edits", "setting", 0.081, 0.017, chosen=True),
        _row("all-hybrids", "setting", 0.055, -0.009),
    )
    return _stage("mixing", rows, judge_stage(interval(0.081, seeds=1)), "whole-edits")


def _final(
    metrics: tuple[Metric, ...],
    gains: Mapping[str, float],
    seeds: int,
    half_width: float | None,
    lead: float,
    *,
    learnt: bool,
) -> Stage:
    def row(arm: str, kind: str, shift: float) -> Row:
        found = {m.key: gains.get(m.key, 0.05) + shift for m in metrics}
        scores = {key: interval(0.523 + gain, half_width, seeds) for key, gain in found.items()}
        made = {key: interval(gain, half_width, seeds) for key, gain in found.items()}
        return Row(arm, kind, scores, made, chosen=arm == "chosen", seconds=60.0)

    bare = {metric.key: interval(0.523, half_width, seeds) for metric in metrics}
    rows = (
        Row("baseline", "baseline", bare, {}),
        row("mixup", "mixer", -0.012),
        row("genmix", "genmix", -0.007),
        row("chosen", "chosen", 0.0),
    )
    chosen, first = rows[-1].gains, metrics[0].key
    verdict = decide(
        chosen[first],
        [Guarded(m.key, m.kind, chosen[m.key]) for m in metrics[1:]],
        [Rival("mixup", rows[1].gains[first], interval(lead, half_width, seeds))],
        learnt=learnt,
    )
    return Stage("final", first, metrics, rows, verdict, "chosen", 317.0, 300.0)
