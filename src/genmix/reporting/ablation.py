"""The report of an ablation: what each part of a recipe does, and what is worth changing."""

from collections.abc import Iterator
from statistics import median

from genmix.experiments.effects import Ablation, Factor, Level, Pair
from genmix.experiments.findings import Comparison, Summary
from genmix.experiments.words import percent, points
from genmix.reporting.comparison import in_sentence
from genmix.reporting.document import (
    Block,
    Bullets,
    Card,
    Cell,
    Glance,
    Paragraph,
    Report,
    Section,
    Table,
)
from genmix.reporting.naming import changed_level, factor_name, level_name, metric_name, short
from genmix.reporting.parts import (
    TONES,
    cost_section,
    differences_figure,
    interval_row,
    judged_cells,
    limits_section,
    metric_tables,
    more_seeds,
    not_measured,
    photos_line,
    repeat_section,
)
from genmix.reporting.wording import MARKS, Words
from genmix.statistics import SIGNIFICANCE, Difference, Verdict

_LEVELS_A_TABLE = 6
"""Columns of a pair's table that fit a page."""


def ablation_glance(ablation: Ablation, words: Words) -> Glance:
    """Say what a report of an ablation says first."""
    verdict, change = _strongest(ablation)
    return Glance(
        about=photos_line(ablation.comparison, words),
        compared=short([factor_name(factor, words) for factor in ablation.factors], words),
        decision=_finding(ablation, verdict, change, words),
        tone=TONES[verdict],
    )


def ablation_report(ablation: Ablation, words: Words) -> Report:
    """Make the report of an ablation.

    Args:
        ablation: What was found.
        words: The language.
    """
    comparison = ablation.comparison
    shots = comparison.shots[0]
    glance = ablation_glance(ablation, words)
    recipe = comparison.about.get("arms", {}).get(comparison.reference, {}).get("recipe")
    chance = percent(1 - (1 - SIGNIFICANCE) ** len(ablation.factors))
    own = [words("limits.factors", count=len(ablation.factors), chance=chance)]
    sections = [
        _parts(ablation, words),
        *_pairs(ablation, words),
        _side(ablation, words),
        cost_section(comparison, _that_matter(ablation, words), shots, words),
        limits_section(comparison, own if len(comparison.seeds) > 1 else [], shots, words),
        _next(ablation, words),
        _numbers(ablation, words),
        repeat_section(comparison, recipe, words),
    ]
    return Report(
        language=words.language,
        title=words("ablate.title"),
        about=glance.about,
        decision=glance.decision,
        tone=glance.tone,
        why=_resolution(comparison, words),
        cards=tuple(_cards(ablation, words)),
        sections=tuple(sections),
        made_by=words("made_by", version=comparison.about.get("versions", {}).get("genmix", "")),
    )


def _changes(ablation: Ablation) -> list[tuple[Factor, Level, Difference]]:
    """List every change to the recipe with what it does, factor by factor."""
    return [
        (factor, level, summary.against_reference)
        for factor in ablation.factors
        for level, summary in ablation.effects(factor)
        if summary.against_reference is not None
    ]


def _of(ablation: Ablation, verdict: Verdict) -> list[tuple[Factor, Level, Difference]]:
    """List the changes of a verdict, the largest difference first."""
    found = [change for change in _changes(ablation) if change[2].verdict == verdict]
    return sorted(found, key=lambda change: -abs(change[2].value))


def _strongest(
    ablation: Ablation,
) -> tuple[Verdict, tuple[Factor, Level, Difference] | None]:
    """Return the change that the finding names: what helps most or, failing that, hurts most."""
    verdicts: tuple[Verdict, ...] = ("better", "worse")
    for verdict in verdicts:
        if found := _of(ablation, verdict):
            return verdict, found[0]
    return "no evidence", None


def _finding(
    ablation: Ablation,
    verdict: Verdict,
    change: tuple[Factor, Level, Difference] | None,
    words: Words,
) -> str:
    comparison, count = ablation.comparison, len(_changes(ablation))
    if len(comparison.seeds) == 1:
        return words("ablation.one_seed", count=count)
    metric = in_sentence(comparison, words)
    if change is None:
        return words("ablation.no evidence", count=count, metric=metric)
    factor, level, found = change
    return words(
        f"ablation.{verdict}",
        metric=metric,
        level=changed_level(factor, level, words, "level.when"),
        interval=words.interval(found),
    )


def _resolution(comparison: Comparison, words: Words) -> str:
    width = comparison.resolution(comparison.shots[0])
    if width is None:
        return ""
    return words("why.resolution", count=len(comparison.seeds), width=percent(width))


def _cards(ablation: Ablation, words: Words) -> Iterator[Card]:
    comparison = ablation.comparison
    mean = ablation.reference.mean
    metric = metric_name(comparison.primary, comparison, words)
    note = words("list.semicolon").join((metric, words.mean(mean)))
    yield Card(words("ablate.card"), words.percent(percent(mean.value)), note)
    total = len(_changes(ablation))
    verdicts: tuple[Verdict, ...] = ("better", "worse")
    for verdict in verdicts:
        count = len(_of(ablation, verdict))
        value = words("ablate.card_of", count=count, total=total)
        names = [
            factor_name(f, words)
            for f in dict.fromkeys(factor for factor, _, _ in _of(ablation, verdict))
        ]
        tone = TONES[verdict] if count else "open"
        yield Card(words(f"ablate.card_{verdict}"), value, words("list.comma").join(names), tone)


def _parts(ablation: Ablation, words: Words) -> Section:
    """Show what each factor does: a figure, and what it comes to in words."""
    figures = [
        differences_figure(
            f"factor-{factor.name}",
            factor_name(factor, words),
            [
                interval_row(
                    level_name(factor, level.name, words), summary.against_reference, words
                )
                for level, summary in ablation.effects(factor)
            ],
            words("axis.recipe"),
            words,
            _sentence(ablation, factor, words),
        )
        for factor in ablation.factors
    ]
    key = words("figure.key" if len(ablation.comparison.seeds) > 1 else "figure.one_seed")
    blocks: tuple[Block, ...] = (Paragraph(key, quiet=True), *figures)
    return Section("parts", words("ablate.parts"), blocks)


def _numbers(ablation: Ablation, words: Words) -> Section:
    """Show every level of every factor in numbers."""
    rows: list[tuple[Cell, ...]] = []
    for factor in ablation.factors:
        rows.append((Cell(factor_name(factor, words)),))
        rows += [
            (
                Cell(level_name(factor, level.name, words)),
                Cell(words.mean(summary.mean)),
                *judged_cells(summary.against_reference, words),
            )
            for level, summary in ablation.effects(factor)
        ]
    head = (
        words("ablate.level"),
        words("table.mean"),
        words("ablate.minus"),
        words("table.p"),
        words("table.verdict"),
    )
    note = words("ablate.note") if len(ablation.comparison.seeds) > 1 else ""
    metric = metric_name(ablation.comparison.primary, ablation.comparison, words)
    table = Table(metric, head, tuple(rows), note)
    return Section("numbers", words("ablate.numbers"), (table,), detail=True)


def _sentence(ablation: Ablation, factor: Factor, words: Words) -> str:
    """Say which levels help, which hurt, and for which there is no evidence."""
    if len(ablation.comparison.seeds) == 1:
        return words("sentence.one_seed")
    changes = [change for change in _changes(ablation) if change[0] == factor]
    if all(found.verdict == "no evidence" for _, _, found in changes):
        return _no_effect([found for _, _, found in changes], words)
    said = []
    verdicts: dict[Verdict, str] = {"better": "better", "worse": "worse", "no evidence": "unclear"}
    for verdict, key in verdicts.items():
        levels = [
            words(
                "sentence.level",
                level=level_name(factor, level.name, words),
                interval=words.interval(found),
            )
            if verdict != "no evidence"
            else level_name(factor, level.name, words)
            for _, level, found in changes
            if found.verdict == verdict
        ]
        between = words("list.comma" if verdict == "no evidence" else "list.semicolon")
        if levels:
            said.append(words(f"sentence.{key}", levels=between.join(levels)))
    return words("list.sentences").join(said)


def _no_effect(found: list[Difference], words: Words) -> str:
    widths = [each.half_width for each in found if each.half_width is not None]
    if not widths:
        return words("sentence.none_alike")
    values = [each.value for each in found]
    return words(
        "sentence.none" if len(found) > 1 else "sentence.none_of_one",
        low=points(min(values)),
        high=points(max(values)),
        width=percent(median(widths)),
    )


def _pairs(ablation: Ablation, words: Words) -> Iterator[Section]:
    if ablation.pairs:
        tables = [table for pair in ablation.pairs for table in _pair(ablation, pair, words)]
        yield Section("pairs", words("ablate.pairs"), tuple(tables))


def _pair(ablation: Ablation, pair: Pair, words: Words) -> Iterator[Table]:
    """Show every combination, as many columns in a table as fit a page."""

    def names(factor: Factor) -> list[str]:
        return [level_name(factor, level.name, words) for level in factor.levels]

    title = words(
        "ablate.pair", rows=factor_name(pair.rows, words), columns=factor_name(pair.columns, words)
    )
    cells = ablation.cells(pair)
    for first in range(0, len(pair.columns.levels), _LEVELS_A_TABLE):
        part = slice(first, first + _LEVELS_A_TABLE)
        rows = tuple(
            (Cell(name), *(_pair_cell(summary, words) for summary in row[part]))
            for name, row in zip(names(pair.rows), cells, strict=True)
        )
        yield Table(title, ("", *names(pair.columns)[part]), rows, words("ablate.pair_note"))


def _pair_cell(summary: Summary, words: Words) -> Cell:
    found = summary.against_reference
    mean = words.mean(summary.mean)
    if found is None:
        return Cell(f"{mean} / {words('ablate.recipe')}")
    text = f"{mean} / {words.difference(found)}{MARKS[found.verdict]}"
    return Cell(text, TONES[found.verdict] if found.verdict != "no evidence" else None)


def _side(ablation: Ablation, words: Words) -> Section:
    """Show what the changes that matter do on everything else that was measured."""
    comparison, arms = ablation.comparison, _that_matter(ablation, words)
    what = Paragraph(words("ablate.side_what" if len(arms) > 1 else "ablate.side_none"))
    tables = metric_tables(comparison, arms, comparison.shots[0], words)
    return Section("side", words("ablate.side"), (what, *tables))


def _that_matter(ablation: Ablation, words: Words) -> dict[str, str]:
    """Name the recipe and the changes that make it better or worse, by their arms."""
    matter = [*_of(ablation, "better"), *_of(ablation, "worse")]
    return {ablation.comparison.reference: words("ablate.recipe")} | {
        level.arm: changed_level(factor, level, words) for factor, level, _ in matter
    }


def _next(ablation: Ablation, words: Words) -> Section:
    comparison = ablation.comparison
    items = []
    if _of(ablation, "better"):
        items.append(words("next.change"))
    else:
        if changes := _changes(ablation):
            factor, _, found = max(changes, key=lambda change: change[2].value)
            if len(comparison.seeds) == 1 or found.value > 0:
                together = sum(of is factor for of, _, _ in changes)
                items.append(more_seeds(found, together, words))
        items.append(words("next.no_change"))
    items += not_measured(comparison, words)
    return Section("next", words("next.title"), (Bullets(tuple(items)),))
