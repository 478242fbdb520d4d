"""What `genmix poc` prints: the plan before it starts, and a table for each stage after it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from genmix.cli.console import duration
from genmix.experiments.poc.gains import Interval
from genmix.experiments.poc.plan import BASELINE, FINAL, JUDGED, PROMPTS, Shape
from genmix.experiments.poc.result import Poc, Row, Stage
from genmix.experiments.poc.rules import SIMPLER, finding
from genmix.experiments.poc.saying import Language, in_words, metric_name, said
from genmix.experiments.words import percent, points
from genmix.reporting.naming import prompt_name
from genmix.reporting.plain import PlainTable
from genmix.reporting.poc_stages import arm_name
from genmix.reporting.wording import Words

if TYPE_CHECKING:
    from genmix.experiments.poc.engine import Planning


def plan_in_words(planning: "Planning", lang: Language) -> Iterable[str]:
    """Say what will be done, before it is begun."""
    plan, machine, task = planning.plan, planning.machine, planning.task
    if planning.spent_seconds:
        yield said("plan-spent", lang, spent=_time(planning.spent_seconds, lang))
    yield said(
        "plan-machine",
        lang,
        step=machine.step_seconds,
        photo=1000 * machine.photo_seconds,
        edit=1000 * machine.edit_seconds,
        jobs=machine.jobs,
    )
    yield said(
        "plan-photos",
        lang,
        train=f"{plan.train_photos:,}",
        val=f"{plan.val_photos:,}",
        test=f"{plan.test_photos:,}",
        photos=f"{task.photos:,}",
    )
    most = task.photos - plan.val_photos - (plan.test_photos if task.test is None else 0)
    if plan.train_photos < most:
        yield said("plan-few-photos", lang)
    yield said(
        "plan-runs",
        lang,
        judged=JUDGED,
        seeds=plan.shape.seeds,
        steps=plan.steps,
        epochs=f"{plan.steps * task.batch_size / plan.train_photos:.1f}",
    )
    if plan.shape.prompts:
        shape = plan.shape
        yield said(
            "plan-choices",
            lang,
            prompts=shape.prompts,
            dials=shape.dials,
            choosing=shape.choosing_seeds,
        )
    else:
        yield said("plan-no-choices", lang)
    yield said(
        "plan-time",
        lang,
        total=_time(plan.total_seconds, lang),
        budget=_time(plan.budget_seconds, lang),
    )


def print_poc(found: Poc, console: Console, lang: Language) -> None:
    """Print every stage, then the decision and what it cost."""
    for stage in found.stages:
        _say(console, said(f"stage-{stage.name}", lang), style="bold", end="")
        took = said(
            "took",
            lang,
            seconds=_time(stage.seconds, lang),
            planned=_time(stage.planned_seconds, lang),
        )
        _say(console, took)
        for table in _tables(stage, lang):
            console.print(table)
        _say(console, _verdict(stage, lang))
        console.print()
    for each in found.dropped:
        pairs = [
            said(f"dropped-{name}", lang, pair=f"{before} → {after}")
            for name in Shape.__slots__
            if (before := getattr(each.planned, name)) != (after := getattr(each.kept, name))
        ]
        what = ("、" if lang == "ja" else ", ").join(pairs)
        _say(console, said("dropped", lang, slowness=each.slowness, what=what))
    _say(console, _cost(found, lang))


def _tables(stage: Stage, lang: Language) -> Iterable[Table]:
    if stage.name == FINAL:
        yield _final(stage, lang, gains=False)
        yield _final(stage, lang, gains=True)
    elif stage.name == BASELINE:
        yield _compared(stage, lang)
    elif stage.name == PROMPTS:
        yield _compared(stage, lang, kinds=("baseline", "genmix", "set"))
        yield _prompts(stage, lang)
    else:
        yield _compared(stage, lang)


def _compared(stage: Stage, lang: Language, kinds: tuple[str, ...] = ()) -> Table:
    """Return the table of what was trained: scores, gain over the baseline, change."""
    rows = [row for row in stage.rows if row.scores and (not kinds or row.kind in kinds)]
    changes = any(row.change is not None for row in rows)
    table = _table(said("arm", lang))
    for key in ("choice", "val", "looks", "gained", *(["change"] if changes else [])):
        _column(table, said(key, lang))
    for row in rows:
        cells = [_mean(row.scores[key]) for key in ("choice", "val", "looks")]
        gain = row.gains.get(stage.primary)
        cells.append("" if gain is None else _gain(gain))
        if changes:
            cells.append("" if row.change is None else _gain(row.change))
        table.add_row(_name(row, lang), *cells, style="bold" if row.chosen else "")
    return table


def _prompts(stage: Stage, lang: Language) -> Table:
    """Return the table of prompts: what was seen of each, and what training with it gave."""
    rows = [row for row in stage.rows if row.kind == "prompt"]
    table = _table(said("prompt", lang))
    known = [k for k in ("kept", "seen", "diversity", "closeness") if k in (rows[0].measures or {})]
    for key in known:
        _column(table, said(key, lang), "right")
    for key in ("gained", "chosen"):
        _column(table, said(key, lang))
    for row in rows:
        measures = row.measures or {}
        cells = [_measure(key, measures[key]) for key in known]
        gain = row.gains.get(stage.primary)
        table.add_row(
            prompt_name(row.arm, lang),
            *cells,
            "" if gain is None else _gain(gain),
            _chosen(row, lang),
            style="bold" if row.chosen else "dim" if not row.scores else "",
        )
    return table


def _measure(key: str, value: float) -> str:
    if key in ("diversity", "closeness"):
        return f"{value:.2f}".replace("-", "−")
    return f"{100 * value:.0f} %"


def _chosen(row: Row, lang: Language) -> str:
    if row.chosen:
        why = row.unfit and said(row.unfit.rule, lang)
        return said("yes-unfit", lang, why=why) if why else said("yes", lang)
    if row.unfit:
        return said("out", lang)
    return said("untried", lang) if row.reasons else ""


def _final(stage: Stage, lang: Language, *, gains: bool) -> Table:
    """Return the table of the decision: accuracies, or gains over the baseline."""
    table = _table(said("gain" if gains else "accuracy", lang))
    for metric in stage.metrics:
        _column(table, metric_name(metric.key, lang))
    for row in stage.rows:
        found = row.gains if gains else row.scores
        if found:
            write = _gain if gains else _mean
            cells = [write(found[metric.key]) for metric in stage.metrics]
            table.add_row(_name(row, lang), *cells, style="bold" if row.chosen else "")
    return table


def _name(row: Row, lang: Language) -> str:
    return arm_name(row.arm, Words(lang))


def _verdict(stage: Stage, lang: Language) -> str:
    between, stop = ("", "。") if lang == "ja" else (" ", ". ")
    reasons = between.join(in_words(reason, lang) for reason in stage.verdict.reasons)
    first = finding(stage.verdict)
    key = first.rule if first.rule in SIMPLER else stage.verdict.decision
    return f"{said(key, lang, **first.values)}{stop}{reasons}"


def _cost(found: Poc, lang: Language) -> str:
    cost, full = found.cost, found.cost.full
    price = "" if full.money is None else f"{full.money:,.2f} {cost.currency}"
    money = said("money", lang, price=price) if price else ""
    return said(
        "cost",
        lang,
        total=_time(sum(cost.seconds.values()), lang),
        edits=f"{full.edits:,}",
        edit_time=_time(3600 * full.edit_hours, lang),
        train_time=_time(3600 * full.train_hours, lang),
        money=money,
    )


def _time(seconds: float, lang: Language) -> str:
    """Write a time as people say it."""
    text = duration(seconds)
    if lang == "ja":
        for unit, word in ((" min", " 分"), (" h", " 時間"), (" s", " 秒")):
            text = text.replace(unit, word)
    return text


def _mean(found: Interval) -> str:
    spread = "" if found.half_width is None else f" ± {percent(found.half_width)}"
    return f"{percent(found.value)}{spread}"


def _gain(found: Interval) -> str:
    spread = "" if found.half_width is None else f" ± {percent(found.half_width)}"
    return f"{points(found.value)}{spread}"


def _table(first: str) -> Table:
    table = PlainTable(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column(first, min_width=min(12, cell_len(first)), overflow="fold")
    return table


def _column(table: Table, head: str, justify: Literal["left", "right"] = "left") -> None:
    """Add a column whose head is folded where it is narrow: Japanese has no spaces to break at."""
    table.add_column(head, justify=justify, overflow="fold", max_width=20)


def _say(console: Console, text: str, style: str = "", end: str = "\n") -> None:
    console.print(Text(text, style=style), end=end)
