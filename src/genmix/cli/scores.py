"""Tables of an evaluation for the terminal: shares in percent, each with its 95 % interval."""

from collections.abc import Iterator
from statistics import fmean

from rich.box import SIMPLE_HEAD
from rich.console import Console

from genmix.cli.console import print_whole
from genmix.reporting.plain import PlainTable
from genmix.statistics import wilson
from genmix.training.evaluation import Evaluation
from genmix.training.metrics import Scores

_MOST_CLASSES = 20


def print_evaluation(found: Evaluation, console: Console) -> None:
    """Print every set of photos that was scored, then classes, then corruptions."""
    print_whole(_overall(found), console)
    print_whole(_classes(found.clean, found.classes), console)
    if found.corruptions and found.subset is not None:
        print_whole(_corruptions(found, found.subset), console)


def _overall(found: Evaluation) -> PlainTable:
    table = _table("Accuracy", "", "photos", "top-1", "95 % interval", "top-5", "macro", "ECE")
    for name, scores in _sets(found):
        table.add_row(
            name,
            f"{scores.count:,}",
            _percent(scores.top1),
            _interval(scores.top1, scores.count),
            "–" if scores.top5 is None else _percent(scores.top5),
            _percent(scores.macro),
            _percent(scores.ece),
        )
    return table


def _sets(found: Evaluation) -> Iterator[tuple[str, Scores]]:
    """Yield what has a row in the first table: corruptions have a table of their own."""
    yield "clean", found.clean
    if found.subset is not None and found.subset.count < found.clean.count:
        yield "clean, of these", found.subset
    yield from found.attacks.items()
    for name, scores in found.domains.items():
        yield f"domain {name}", scores


def _classes(scores: Scores, classes: list[str]) -> PlainTable:
    """Tabulate the classes, or the hardest of many, and what each is most often taken for."""
    names = list(scores.per_class)
    title = "Classes, clean"
    if len(names) > _MOST_CLASSES:
        names = sorted(names, key=lambda name: scores.per_class[name])[:_MOST_CLASSES]
        title = f"The {_MOST_CLASSES} hardest of {len(scores.per_class):,} classes, clean"
    table = _table(title, "class", "photos", "top-1", "95 % interval", "most often taken for")
    table.columns[-1].justify, table.columns[-1].no_wrap = "left", False
    for name in names:
        number = classes.index(name)
        row = scores.confusion[number]
        wrong = [0 if k == number else count for k, count in enumerate(row)]
        worst = max(range(len(wrong)), key=wrong.__getitem__)
        table.add_row(
            name,
            f"{sum(row):,}",
            _percent(scores.per_class[name]),
            _interval(scores.per_class[name], sum(row)),
            f"{classes[worst]} ({wrong[worst]:,})" if wrong[worst] else "–",
        )
    return table


def _corruptions(found: Evaluation, subset: Scores) -> PlainTable:
    severities = [str(severity) for severity in found.severities]
    table = _table("Top-1 under corruption, by severity", "", *severities, "mean")
    for name, rates in found.corruptions.items():
        table.add_row(name.replace("_", " "), *map(_percent, rates), _percent(fmean(rates)))
    columns = [fmean(rates) for rates in zip(*found.corruptions.values(), strict=True)]
    table.add_section()
    table.add_row("mean", *map(_percent, columns), _percent(fmean(columns)))
    low, high = wilson(0.5, subset.count)
    table.caption = (
        f"{subset.count:,} photos, {_percent(subset.top1)} % of them right when clean; the 95 % "
        f"interval of a corruption at one severity reaches {50 * (high - low):.1f} points at most"
    )
    return table


def _table(title: str, *columns: str) -> PlainTable:
    """Make a table whose first column is words, and all others numbers."""
    table = PlainTable(box=SIMPLE_HEAD, title=title, title_justify="left", caption_justify="left")
    for k, name in enumerate(columns):
        table.add_column(name, justify="right" if k else "left", overflow="fold", no_wrap=k > 0)
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _interval(share: float, count: int) -> str:
    low, high = wilson(share, count)
    return f"{100 * low:.1f} to {100 * high:.1f}"
