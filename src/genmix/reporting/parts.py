"""Sections that the reports share: what every metric says, what it costs, limits, how to repeat it.

Each takes what was found and the words of a language, and returns parts of a report.
"""

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

import yaml

from genmix.experiments.findings import Comparison, Metric, Shots, Summary
from genmix.experiments.words import p_text, percent, points
from genmix.reporting.charts import Axis, Interval, intervals_svg
from genmix.reporting.document import (
    Block,
    Bullets,
    Card,
    Cell,
    Code,
    Figure,
    Paragraph,
    Section,
    Table,
    Tone,
)
from genmix.reporting.naming import KINDS, Kind, kind_of, metric_name, short
from genmix.reporting.wording import MARKS, Words
from genmix.statistics import POWER, Difference, Verdict, seeds_to_show

TONES: dict[Verdict, Tone] = {"better": "good", "worse": "bad", "no evidence": "open"}

_ARMS_A_TABLE = 3
"""Columns beside the reference that fit a page."""

_FEW_SEEDS = 5
_MANY_SEEDS = 30


def summary_of(comparison: Comparison, metric: Metric, shots: Shots, arm: str) -> Summary:
    """Return what the seeds say about one arm."""
    found = comparison.summaries(metric, shots)
    return next(summary for summary in found if summary.arm == arm)


def differences_figure(
    name: str, title: str, rows: Sequence[Interval], axis: str, words: Words, note: str = ""
) -> Figure:
    """Return a figure of differences, in words too."""
    around = Axis(axis, words("verdict.worse"), words("verdict.better"))
    lines = [words("list.named", name=row.name, text=row.text) for row in rows]
    said = words("list.semicolon").join(lines)
    return Figure(title, intervals_svg(name, title, rows, around, said), said, note)


def interval_row(name: str, difference: Difference | None, words: Words) -> Interval:
    """Return a line of such a figure; without a difference, what the others are compared with."""
    if difference is None:
        return Interval(name, words("table.reference"), 0.0, None, None)
    half = None if difference.half_width is None else 100 * difference.half_width
    text = words.difference(difference)
    if difference.half_width is not None:
        text = f"{text}  {words.verdict(difference)}"
    return Interval(name, text, 100 * difference.value, half, difference.verdict)


def judged_cells(difference: Difference | None, words: Words) -> tuple[Cell, ...]:
    """Return the cells of a difference: itself, its p, and its verdict."""
    if difference is None:
        return (Cell("–"), Cell("–"), Cell(words("table.reference")))
    return (
        Cell(words.difference(difference)),
        Cell(p_text(difference.adjusted_p)),
        Cell(words.verdict(difference), TONES[difference.verdict]),
    )


def card(label: str, summary: Summary, before: Summary | None, words: Words) -> Card:
    """Return the card of a metric: what changed, or the mean where there is nothing before it."""
    found = summary.against_reference
    if found is None or before is None:
        return Card(label, words.percent(percent(summary.mean.value)), words.mean(summary.mean))
    return Card(
        label,
        words("card.points", value=points(found.value)),
        words(
            "card.change" if found.half_width is not None else "card.bare",
            before=percent(before.mean.value),
            after=percent(summary.mean.value),
            ends=words.ends(found),
        ),
        TONES[found.verdict],
    )


def first_of_kinds(comparison: Comparison) -> list[Metric]:
    """Return the metric that stands for each kind of picture, the primary one first."""
    chosen = {kind_of(comparison.primary): comparison.primary}
    for kind in KINDS:
        for metric in comparison.metrics:
            if kind_of(metric) == kind:
                chosen.setdefault(kind, metric)
    return list(chosen.values())


def by_kind(comparison: Comparison) -> list[Metric]:
    """Sort metrics by the kind of pictures they are of, the calibration error last."""
    order: list[Kind] = [*KINDS, "calibration"]
    return sorted(comparison.metrics, key=lambda metric: order.index(kind_of(metric)))


def metric_tables(
    comparison: Comparison, arms: Mapping[str, str], shots: Shots, words: Words
) -> Iterator[Table]:
    """Yield tables of every metric of some arms, a column for each, as many as fit a page.

    Args:
        comparison: What was found.
        arms: Names of the arms for people, by what the comparison calls them.
        shots: The size of the training set.
        words: The language.
    """
    others = [arm for arm in arms if arm != comparison.reference]
    count = max(1, math.ceil(len(others) / _ARMS_A_TABLE))
    size = math.ceil(len(others) / count)
    parts = [others[k * size : (k + 1) * size] for k in range(count)]
    for number, part in enumerate(parts, 1):
        shown = [comparison.reference, *part]
        key = "metrics.title" if len(parts) == 1 else "metrics.part"
        yield Table(
            words(key, number=number, parts=len(parts)),
            (words("metrics.head"), *(arms[arm] for arm in shown)),
            tuple(
                _metric_row(comparison, metric, shown, shots, words)
                for metric in by_kind(comparison)
            ),
            words("metrics.note", reference=arms[comparison.reference])
            if len(comparison.seeds) > 1
            else words("metrics.one_seed"),
        )


def cost_section(
    comparison: Comparison, arms: Mapping[str, str], shots: Shots, words: Words
) -> Section:
    """Say how long each arm was trained and judged."""
    seconds = {arm: _usual_seconds(comparison, arm, shots) for arm in arms}
    start = seconds[comparison.reference]
    rows = tuple(
        (
            Cell(name),
            Cell(words.duration(seconds[arm])),
            Cell("1" if arm == comparison.reference else f"{seconds[arm] / start:.2f}"),
        )
        for arm, name in arms.items()
    )
    head = (
        words("table.arm"),
        words("cost.each"),
        words("cost.ratio", reference=arms[comparison.reference]),
    )
    device = comparison.about.get("device", "")
    total = words(
        "cost.total",
        time=words.duration(sum(run.seconds for run in comparison.runs)),
        count=len(comparison.runs),
        device=words.get(f"device.{device}", words("device.unknown")),
    )
    return Section(
        "cost",
        words("cost.title"),
        (Paragraph(total), Table(words("cost.table"), head, rows, words("cost.note"))),
    )


def time_card(comparison: Comparison, arm: str, shots: Shots, words: Words) -> Card:
    """Return the card of an arm's training time."""
    before, after = (_usual_seconds(comparison, a, shots) for a in (comparison.reference, arm))
    note = words("card.time", before=words.duration(before), after=words.duration(after))
    return Card(words("card.time_label"), words("card.times", ratio=f"{after / before:.2f}"), note)


def limits_section(
    comparison: Comparison, own: Sequence[str], shots: Shots, words: Words
) -> Section:
    """Say what the numbers do not say.

    Args:
        comparison: What was found.
        own: What this kind of experiment must say beside.
        shots: The size of the training set that the report is about.
        words: The language.
    """
    items = [
        words("limits.one_seed")
        if len(comparison.seeds) == 1
        else words("limits.seeds", count=len(comparison.seeds))
    ]
    if 1 < len(comparison.seeds) < _FEW_SEEDS:
        items.append(words("limits.few_seeds", count=len(comparison.seeds)))
    items += [*_of_the_photos(comparison, shots, words), *own]
    items += [words("limits.overfitting"), *_of_the_measures(comparison, words)]
    if any((arm or {}).get("recipe") for arm in comparison.about.get("arms", {}).values()):
        items.append(words("limits.patent"))
    return Section("limits", words("limits.title"), (Bullets(tuple(items)),))


def not_measured(comparison: Comparison, words: Words) -> list[str]:
    """Return what to do about kinds of pictures that were not measured."""
    measured = {kind_of(metric) for metric in comparison.metrics}
    return [words(f"next.measure_{kind}") for kind in KINDS if kind not in measured]


def more_seeds(found: Difference, comparisons: int, words: Words) -> str:
    """Say how many seeds would show a difference as large as the one that was seen.

    Args:
        found: The difference.
        comparisons: How many were made together.
        words: The language.
    """
    if found.half_width is None or found.value == 0:
        return words("next.seeds", seeds=max(_FEW_SEEDS, 2 * found.count))
    value = percent(abs(found.value))
    if seeds := seeds_to_show(found, comparisons, at_most=_MANY_SEEDS):
        return words("next.seeds_needed", seeds=seeds, value=value, power=round(100 * POWER))
    return words("next.seeds_hopeless", value=value, seeds=_MANY_SEEDS)


def repeat_section(
    comparison: Comparison, recipe: Mapping[str, Any] | None, words: Words
) -> Section:
    """Give the command, the settings, the versions and the recipe.

    Args:
        comparison: What was found.
        recipe: Of the arm that the report is about; None if it has none.
        words: The language.
    """
    about = comparison.about
    blocks: list[Block] = []
    if command := about.get("command"):
        text = command if isinstance(command, str) else shell_text(command)
        blocks += [Code(words("repeat.command"), text), Paragraph(words("repeat.same"), quiet=True)]
    if facts := _facts(comparison, words):
        head = (words("repeat.what"), words("repeat.value"))
        blocks.append(Table(words("repeat.facts"), head, facts, words=True))
    if settings := _settings(about.get("settings", {})):
        blocks.append(Code(words("repeat.settings"), yaml_text(settings)))
    if recipe:
        blocks.append(Code(words("repeat.recipe"), yaml_text(recipe)))
    return Section("repeat", words("repeat.title"), tuple(blocks), detail=True)


def photos_line(comparison: Comparison, words: Words) -> str:
    """Say on how many photos, of what classes, and how often."""
    about = comparison.about
    seeds = words("about.seeds", count=len(comparison.seeds))
    if "photos" not in about or "classes" not in about:
        return seeds
    return words(
        "about.photos",
        train=f"{about['photos']['train']:,}",
        classes=len(about["classes"]),
        seeds=seeds,
    )


def shell_text(command: Sequence[str]) -> str:
    """Write a command as it is typed, a line for each option."""
    words = [shlex.quote(word) for word in command]
    return "".join(
        f" \\\n  {word}" if word.startswith("-") else f" {word}" for word in words
    ).strip()


def yaml_text(values: Mapping[str, Any]) -> str:
    """Write plain values as they stand in a recipe file."""
    return yaml.safe_dump(
        dict(values), sort_keys=False, allow_unicode=True, default_flow_style=None, width=72
    ).strip()


def _metric_row(
    comparison: Comparison, metric: Metric, arms: Sequence[str], shots: Shots, words: Words
) -> tuple[Cell, ...]:
    summaries = {summary.arm: summary for summary in comparison.summaries(metric, shots)}
    cells = []
    for arm in arms:
        against = summaries[arm].against_reference
        verdict: Verdict = against.verdict if against else "no evidence"
        text = words.mean(summaries[arm].mean) + MARKS[verdict]
        cells.append(Cell(text, TONES[verdict] if verdict != "no evidence" else None))
    return (Cell(metric_name(metric, comparison, words)), *cells)


def _usual_seconds(comparison: Comparison, arm: str, shots: Shots) -> float:
    seconds = [run.seconds for run in comparison.runs if (run.arm, run.shots) == (arm, shots)]
    return median(seconds)


def _of_the_photos(comparison: Comparison, shots: Shots, words: Words) -> Iterator[str]:
    """Say what another draw of the photos to test on would change; the smallest set says it."""
    counts = comparison.about.get("photos", {})
    sets = {
        metric.key: counts[metric.key]
        for metric in comparison.metrics
        if kind_of(metric) in {"clean", "domain"} and metric.key in counts
    }
    if not sets:
        return
    key = min(sets, key=lambda each: sets[each])
    metric = next(metric for metric in comparison.metrics if metric.key == key)
    share = min(
        max(summary_of(comparison, metric, shots, comparison.reference).mean.value, 0.05), 0.95
    )
    yield words(
        "limits.photos",
        metric=metric_name(metric, comparison, words),
        count=f"{sets[key]:,}",
        one=f"{100 / sets[key]:.2g}",
        chance=percent(1.96 * math.sqrt(share * (1 - share) / sets[key])),
    )


def _of_the_measures(comparison: Comparison, words: Words) -> Iterator[str]:
    """Say what the measures leave open."""
    measured = {kind_of(metric) for metric in comparison.metrics}
    missing = [words(f"kind.{kind}") for kind in KINDS if kind not in measured]
    if missing:
        yield words("limits.not_measured", kinds=words.listed(missing))
    if "attacked" in measured:
        yield words("limits.attacks")
    limit = comparison.about.get("settings", {}).get("limit")
    if limit and measured & {"attacked", "corrupted"}:
        yield words("limits.subset", limit=f"{limit:,}")


def _facts(comparison: Comparison, words: Words) -> tuple[tuple[Cell, ...], ...]:
    about = comparison.about
    counts, versions = about.get("photos", {}), about.get("versions", {})
    train = about.get("settings", {}).get("train")
    facts = []
    if counts:
        tests = [
            words(
                "facts.count",
                what=metric_name(metric, comparison, words),
                count=f"{counts[metric.key]:,}",
            )
            for metric in comparison.metrics
            if metric.key in counts
        ]
        count = words("facts.train_value", count=f"{counts['train']:,}")
        facts.append(("facts.train", count))
        facts.append(("facts.test", words("list.semicolon").join(tests)))
    if "classes" in about:
        facts.append(("facts.classes", short(about["classes"], words)))
    if train:
        facts.append(("facts.model", words("facts.model_value", **train)))
        facts.append(("facts.budget", words("facts.budget_value", **train)))
    facts.append(("facts.seeds", ", ".join(map(str, comparison.seeds))))
    if about.get("threads"):
        device = words.get(f"device.{about['device']}", about["device"])
        threads = ", ".join(map(str, about["threads"]))
        facts.append(
            ("facts.machine", words("facts.machine_value", device=device, threads=threads))
        )
    if versions:
        facts.append(("facts.versions", ", ".join(f"{k} {v}" for k, v in versions.items())))
    return tuple((Cell(words(name)), Cell(value)) for name, value in facts)


def _settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what the command says, where the photos lie, and what each arm has of its own."""
    own = {"data", "val", "targets"}
    train = {
        key: value
        for key, value in settings.get("train", {}).items()
        if key not in {"mixer", "transform", "seed", "workers"}
    }
    return {**train, **{k: v for k, v in settings.items() if k not in own and k != "train"}}
