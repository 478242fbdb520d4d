"""The report of a comparison: which way of training is better, on what pictures, at what cost."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from genmix.experiments.findings import Comparison, Shots, Summary, ranked
from genmix.experiments.words import percent
from genmix.reporting.charts import Curve, curves_svg
from genmix.reporting.document import (
    Block,
    Bullets,
    Card,
    Cell,
    Figure,
    Glance,
    Paragraph,
    Picture,
    Pictures,
    Report,
    Section,
    Table,
    Tone,
)
from genmix.reporting.naming import arm_text, kind_of, metric_name, short, shots_name
from genmix.reporting.parts import (
    TONES,
    by_kind,
    card,
    cost_section,
    differences_figure,
    first_of_kinds,
    interval_row,
    judged_cells,
    limits_section,
    metric_tables,
    more_seeds,
    not_measured,
    photos_line,
    repeat_section,
    summary_of,
    time_card,
)
from genmix.reporting.wording import Words


def comparison_glance(comparison: Comparison, words: Words) -> Glance:
    """Say what a report of a comparison says first."""
    lead = leading(comparison, comparison.shots[-1])
    return Glance(
        about=photos_line(comparison, words),
        compared=short(comparison.arms, words),
        decision=finding(comparison, lead, words),
        tone=_tone(lead),
    )


def comparison_report(
    comparison: Comparison, words: Words, examples: Sequence[Picture] = ()
) -> Report:
    """Make the report of a comparison.

    It is about the arm with the highest mean among those that are better than the reference or,
    where none is, among all others; and about the largest training set.

    Args:
        comparison: What was found.
        words: The language.
        examples: Pictures that arms trained on.
    """
    shots = comparison.shots[-1]
    lead = leading(comparison, shots)
    glance = comparison_glance(comparison, words)
    recipe = comparison.about.get("arms", {}).get(lead.arm, {}).get("recipe")
    sections = [
        _gained(comparison, lead, shots, words),
        _arms(comparison, words),
        *_examples(examples, words),
        cost_section(comparison, _same(comparison), shots, words),
        limits_section(comparison, [words("limits.holm")], shots, words),
        _next(comparison, lead, recipe, words),
        repeat_section(comparison, recipe, words),
    ]
    return Report(
        language=words.language,
        title=words("compare.title"),
        about=glance.about,
        decision=glance.decision,
        tone=glance.tone,
        why=_why(comparison, lead, shots, words),
        cards=tuple(_cards(comparison, lead, shots, words)),
        sections=tuple(sections),
        made_by=words("made_by", version=comparison.about.get("versions", {}).get("genmix", "")),
    )


def leading(comparison: Comparison, shots: Shots) -> Summary:
    """Return the arm that a report is about; the reference, if there is no other."""
    order = ranked(comparison.summaries(comparison.primary, shots), comparison.primary)
    others = [summary for summary in order if summary.against_reference is not None]
    proven = [
        summary
        for summary in others
        if summary.against_reference and summary.against_reference.verdict == "better"
    ]
    return (proven or others or order)[0]


def finding(comparison: Comparison, lead: Summary, words: Words) -> str:
    """Say in one sentence what was found."""
    found = lead.against_reference
    gaps = {
        "arm": lead.arm,
        "reference": comparison.reference,
        "metric": in_sentence(comparison, words),
    }
    if found is None:
        return words("finding.alone", mean=words.mean(lead.mean), **gaps)
    gaps["interval"] = words.interval(found)
    if len(comparison.seeds) == 1:
        return words("finding.one_seed", **gaps)
    return words(f"finding.{found.verdict}", **gaps)


def in_sentence(comparison: Comparison, words: Words) -> str:
    """Name the pictures of the primary metric as they stand in a sentence."""
    kind, _, name = comparison.primary.key.partition(" ")
    return words(f"accuracy.{kind}", name=name)


def _tone(lead: Summary) -> Tone:
    return TONES[lead.against_reference.verdict] if lead.against_reference else "open"


def _why(comparison: Comparison, lead: Summary, shots: Shots, words: Words) -> str:
    sentences = []
    if lead.against_reference is not None:
        before = summary_of(comparison, comparison.primary, shots, comparison.reference)
        sentences.append(
            words(
                "why.means",
                arm=lead.arm,
                reference=comparison.reference,
                before=words.mean(before.mean),
                after=words.mean(lead.mean),
                shots=shots_name(shots, words),
            )
        )
    if (width := comparison.resolution(shots)) is not None:
        seeds = len(comparison.seeds)
        sentences.append(words("why.resolution", count=seeds, width=percent(width)))
    return words("list.sentences").join(sentences)


def _cards(comparison: Comparison, lead: Summary, shots: Shots, words: Words) -> Iterator[Card]:
    for metric in first_of_kinds(comparison):
        reference = summary_of(comparison, metric, shots, comparison.reference)
        summary = summary_of(comparison, metric, shots, lead.arm)
        yield card(metric_name(metric, comparison, words), summary, reference, words)
    if lead.against_reference is not None:
        yield time_card(comparison, lead.arm, shots, words)


def _gained(comparison: Comparison, lead: Summary, shots: Shots, words: Words) -> Section:
    blocks: list[Block] = []
    if lead.against_reference is not None:
        gaps = {"arm": lead.arm, "reference": comparison.reference}
        blocks.append(Paragraph(words("gained.what", **gaps)))
        rows = [
            interval_row(
                metric_name(metric, comparison, words),
                summary_of(comparison, metric, shots, lead.arm).against_reference,
                words,
            )
            for metric in by_kind(comparison)
            if kind_of(metric) != "calibration"
        ]
        title, axis = (
            words("gained.figure", **gaps),
            words("axis.minus", reference=gaps["reference"]),
        )
        blocks.append(
            differences_figure("gained", title, rows, axis, words, _key(comparison, words))
        )
    blocks += metric_tables(comparison, _same(comparison), shots, words)
    return Section("gained", words("gained.title"), tuple(blocks))


def _arms(comparison: Comparison, words: Words) -> Section:
    """Show all arms on the primary metric, for each size of the training set."""
    blocks: list[Block] = []
    if identities := comparison.about.get("arms"):
        blocks.append(_what_arms_do(comparison, identities, words))
    if len(comparison.shots) > 1:
        blocks.append(_curves(comparison, words))
    for shots in comparison.shots:
        blocks += _one_size(comparison, shots, words)
    return Section("arms", words("arms.title"), tuple(blocks))


def _what_arms_do(comparison: Comparison, identities: Mapping[str, Any], words: Words) -> Table:
    rows = tuple(
        (Cell(arm), Cell(arm_text(identities[arm], words)))
        for arm in comparison.arms
        if arm in identities
    )
    head = (words("table.arm"), words("arms.does"))
    return Table(words("arms.what"), head, rows, words("arms.budget"), words=True)


def _one_size(comparison: Comparison, shots: Shots, words: Words) -> Iterator[Block]:
    metric = comparison.primary
    order = ranked(comparison.summaries(metric, shots), metric)
    what = metric_name(metric, comparison, words)
    title = words("arms.table", metric=what)
    if len(comparison.shots) > 1:
        title = words("arms.table_of", metric=what, shots=shots_name(shots, words))
    others = [summary for summary in order if summary.against_reference is not None]
    drawn = others and shots == comparison.shots[-1]
    if drawn:
        rows = [interval_row(each.arm, each.against_reference, words) for each in others]
        axis = words("axis.minus", reference=comparison.reference)
        yield differences_figure("arms-all", title, rows, axis, words)
    table = tuple(
        (
            Cell(summary.arm),
            Cell(words.mean(summary.mean)),
            *judged_cells(summary.against_reference, words),
        )
        for summary in order
    )
    head = (
        words("table.arm"),
        words("table.mean"),
        words("table.minus", reference=comparison.reference),
        words("table.p"),
        words("table.verdict"),
    )
    if drawn:
        title = words("table.numbers")
    yield Table(title, head, table, words("table.note") if len(comparison.seeds) > 1 else "")
    best = order[0]
    if best.against_rival is not None and best.rival != comparison.reference:
        found = words.interval(best.against_rival)
        verdict = words.verdict(best.against_rival)
        yield Paragraph(
            words("arms.rival", arm=best.arm, rival=best.rival, interval=found, verdict=verdict)
        )


def _curves(comparison: Comparison, words: Words) -> Figure:
    means = {
        arm: [summary_of(comparison, comparison.primary, s, arm).mean for s in comparison.shots]
        for arm in comparison.arms
    }
    curves = [
        Curve(
            arm,
            tuple(100 * mean.value for mean in found),
            tuple(None if m.half_width is None else 100 * m.half_width for m in found),
        )
        for arm, found in means.items()
    ]
    places = {
        f"{size:.0f}" if shots is not None else words("curves.all", size=f"{size:.0f}"): size
        for shots, size in zip(comparison.shots, comparison.sizes, strict=True)
    }
    title = words("curves.title", metric=metric_name(comparison.primary, comparison, words))
    said = words("list.semicolon").join(
        words("list.named", name=arm, text=words("list.comma").join(map(words.mean, found)))
        for arm, found in means.items()
    )
    names = words("curves.photos"), words("curves.accuracy")
    svg = curves_svg("curves", title, curves, places, names, said)
    return Figure(title, svg, said, words("curves.note"))


def _examples(examples: Sequence[Picture], words: Words) -> Iterator[Section]:
    if examples:
        block = Pictures(words("examples.caption"), tuple(examples), words("examples.note"))
        yield Section("examples", words("examples.title"), (block,))


def _next(
    comparison: Comparison, lead: Summary, recipe: Mapping[str, Any] | None, words: Words
) -> Section:
    found, items = lead.against_reference, []
    if found is None:
        items.append(words("next.compare"))
    elif len(comparison.seeds) == 1 or found.verdict == "no evidence":
        items.append(more_seeds(found, len(comparison.arms) - 1, words))
    elif found.verdict == "better":
        items += [
            words("next.confirm", arm=lead.arm),
            words("next.use_recipe" if recipe else "next.use_mixer", arm=lead.arm),
        ]
    else:
        items.append(words("next.keep", reference=comparison.reference))
    items += not_measured(comparison, words)
    if recipe:
        items.append(words("next.ablate", arm=lead.arm))
    return Section("next", words("next.title"), (Bullets(tuple(items)),))


def _same(comparison: Comparison) -> dict[str, str]:
    """Return the arms by their own names."""
    return {arm: arm for arm in (comparison.reference, *comparison.arms)}


def _key(comparison: Comparison, words: Words) -> str:
    return words("figure.key") if len(comparison.seeds) > 1 else words("figure.one_seed")
