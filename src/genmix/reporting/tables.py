"""Terminal tables of a comparison and of an ablation, for a console of any width from 80 on."""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.text import Text

from genmix.experiments.effects import Ablation, Factor, Pair
from genmix.experiments.findings import Comparison, Metric, Shots, Summary, ranked
from genmix.experiments.words import (
    MARKS,
    NO_INTERVAL,
    difference_text,
    finding,
    mean_text,
    p_text,
    seeds_text,
    shots_text,
)
from genmix.reporting.plain import PlainTable
from genmix.statistics import Difference, Verdict

_Against: TypeAlias = Literal["reference", "rival"]
_ANY_WIDTH = 1_000

_STYLES: dict[Verdict, str] = {"better": "bold", "worse": "bold", "no evidence": "dim"}


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print what was found: for each training set size the primary metric, then all others."""
    seeds = seeds_text(len(comparison.seeds))
    _heading(console, f"{comparison.primary.title}, %", f"primary metric, {seeds}")
    for shots in comparison.shots:
        if len(comparison.shots) > 1:
            console.print(Text(shots_text(shots), style="bold"))
        for table in primary_tables(comparison, shots, console):
            console.print(table)
        _say(console, finding(comparison, shots))
        console.print()
    if len(comparison.metrics) > 1:
        _heading(console, "Everything that was measured, %", seeds)
        for shots in comparison.shots:
            if len(comparison.shots) > 1:
                console.print(Text(shots_text(shots), style="bold"))
            for table in metric_tables(comparison, shots, console.width):
                console.print(table)
    _say(console, _key(comparison))


def primary_tables(
    comparison: Comparison, shots: Shots, console: Console
) -> Sequence[RenderableType]:
    """Return the table of the primary metric: arms from best to worst, with what they differ by.

    On a narrow console it comes in two, one for each arm that the others are compared with, and
    where that is not enough names run over several lines.
    """
    whole = _primary_table(comparison, shots, ("reference", "rival"), whole_names=True)
    if _fits(whole, console):
        return [whole]
    halves = []
    for against in ("reference", "rival"):
        half = _primary_table(comparison, shots, [against], whole_names=True)
        if not _fits(half, console):
            half = _primary_table(comparison, shots, [against], whole_names=False)
        halves.append(half)
    return halves


def _fits(table: PlainTable, console: Console) -> bool:
    wanted = console.measure(table, options=console.options.update(max_width=_ANY_WIDTH))
    return wanted.maximum <= console.width


def _primary_table(
    comparison: Comparison, shots: Shots, against: Sequence[_Against], *, whole_names: bool
) -> PlainTable:
    judged = len(comparison.seeds) > 1
    table = _table()
    table.add_column("arm", no_wrap=whole_names, overflow="fold")
    table.add_column("mean", no_wrap=True)
    if "reference" in against:
        table.add_column(f"minus {comparison.reference}", min_width=13)
        if judged:
            table.add_column("p (Holm)", justify="right", no_wrap=True)
            table.add_column("verdict", no_wrap=True)
    if "rival" in against:
        table.add_column("minus best other", min_width=13)
        if judged:
            table.add_column("verdict", no_wrap=True)
    metric = comparison.primary
    for summary in ranked(comparison.summaries(metric, shots), metric):
        cells: list[str | Text] = []
        if "reference" in against:
            cells += _judged(summary.against_reference, judged=judged, with_p=True)
        if "rival" in against:
            cells += _judged(summary.against_rival, judged=judged, with_p=False)
        table.add_row(summary.arm, mean_text(summary.mean), *cells)
    return table


def metric_tables(
    comparison: Comparison, shots: Shots = None, width: int = 100
) -> Iterator[RenderableType]:
    """Yield tables of all metrics, as many columns in each as fit the width."""
    arms = [
        summary.arm
        for summary in ranked(comparison.summaries(comparison.primary, shots), comparison.primary)
    ]
    columns = [(metric, _column(comparison, metric, shots)) for metric in comparison.metrics]
    first = max(len(arm) for arm in [*arms, "arm"]) + 3
    for part in _that_fit(columns, width - first):
        table = _table()
        table.add_column("arm", no_wrap=first < width // 2, overflow="fold")
        for metric, _ in part:
            table.add_column(metric.heading)
        for arm in arms:
            table.add_row(arm, *(cells[arm] for _, cells in part))
        yield table


def print_ablation(ablation: Ablation, console: Console) -> None:
    """Print, for each factor and pair, what every level does, and a sentence that sums it up."""
    comparison = ablation.comparison
    _heading(
        console,
        f"{comparison.primary.title}, %",
        f"one thing of the recipe changed at a time, {seeds_text(len(comparison.seeds))}",
    )
    _say(console, f"The recipe as it is: {mean_text(ablation.reference.mean)} %")
    for factor in ablation.factors:
        _say(console, f"• {ablation.sentence(factor)}")
    console.print()
    for factor in ablation.factors:
        console.print(Text(factor.title, style="bold"))
        console.print(factor_table(ablation, factor))
    for pair in ablation.pairs:
        console.print(Text(f"{pair.rows.title}, and {pair.columns.title.lower()}", style="bold"))
        console.print(pair_table(ablation, pair))
    _say(console, _intervals(comparison))


def factor_table(ablation: Ablation, factor: Factor) -> RenderableType:
    """Return the table of one factor: each level, its mean, and its difference to the recipe."""
    table = _table()
    table.add_column(factor.name, overflow="fold")
    table.add_column("mean")
    table.add_column("minus the recipe")
    table.add_column("p (Holm)", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for level, summary in ablation.effects(factor):
        against = summary.against_reference
        table.add_row(
            level.name,
            mean_text(summary.mean),
            *(
                ("", "", "the recipe")
                if against is None
                else (difference_text(against), p_text(against.adjusted_p), _verdict(against))
            ),
        )
    return table


def pair_table(ablation: Ablation, pair: Pair) -> RenderableType:
    """Return the table of a pair: the difference to the recipe at each combination."""
    table = _table()
    table.add_column(f"{pair.rows.name} \\ {pair.columns.name}")
    for level in pair.columns.levels:
        table.add_column(level.name)
    for level, row in zip(pair.rows.levels, ablation.cells(pair), strict=True):
        table.add_row(level.name, *map(_cell, row))
    return table


def _cell(summary: Summary) -> str:
    against = summary.against_reference
    if against is None:
        return "the recipe"
    return difference_text(against) + MARKS[against.verdict]


def _column(comparison: Comparison, metric: Metric, shots: Shots) -> dict[str, str]:
    """Write a metric's cells, with a mark where an arm differs from the reference."""
    return {
        summary.arm: mean_text(summary.mean)
        + (MARKS[summary.against_reference.verdict] if summary.against_reference else "")
        for summary in comparison.summaries(metric, shots)
    }


def _that_fit(
    columns: Sequence[tuple[Metric, dict[str, str]]], width: int
) -> Iterator[list[tuple[Metric, dict[str, str]]]]:
    part: list[tuple[Metric, dict[str, str]]] = []
    used = 0
    for metric, cells in columns:
        needed = max(len(text) for text in [metric.heading, *cells.values()]) + 3
        if part and used + needed > width:
            yield part
            part, used = [], 0
        part.append((metric, cells))
        used += needed
    yield part


def _key(comparison: Comparison) -> str:
    if len(comparison.seeds) == 1:
        return f"{NO_INTERVAL}: run more seeds in the same folder to know what is chance."
    marks = (
        f" ✓ ✗ better or worse than {comparison.reference} by that rule, each column for itself."
        if len(comparison.metrics) > 1
        else ""
    )
    return f"{_intervals(comparison)}{marks}"


def _intervals(comparison: Comparison) -> str:
    if len(comparison.seeds) == 1:
        return f"{NO_INTERVAL}: run more seeds in the same folder to know what is chance."
    return (
        "± is the 95 % interval over seeds (Student's t). Differences are paired by seed. A "
        "verdict needs p below 0.05 after Holm's correction."
    )


def _judged(found: Difference | None, *, judged: bool, with_p: bool) -> list[str | Text]:
    """Write the cells of a difference: itself, its p, its verdict."""
    if found is None:
        return [""] * (1 + judged + (judged and with_p))
    p = [p_text(found.adjusted_p)] if judged and with_p else []
    return [difference_text(found), *p, *([_verdict(found)] if judged else [])]


def _verdict(found: Difference) -> Text:
    return Text(found.verdict, style=_STYLES[found.verdict])


def _table() -> PlainTable:
    return PlainTable(box=SIMPLE_HEAD, pad_edge=False)


def _heading(console: Console, title: str, note: str) -> None:
    console.print(Text.assemble((title, "bold"), f"  ({note})"))


def _say(console: Console, sentence: str) -> None:
    console.print(Text(sentence))
