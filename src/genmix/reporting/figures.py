"""Figures of a comparison and of an ablation, as PNG and SVG, readable without the text.

Every mean stands with its interval and with the seeds that it comes from. Shapes and places carry
what colours carry, so a figure can be read in grey.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genmix.experiments.effects import Ablation, Factor, Pair
from genmix.experiments.findings import Comparison, Shots, Summary, ranked
from genmix.experiments.words import (
    MARKS,
    difference_text,
    finding,
    mean_text,
    seeds_text,
    shots_text,
)
from genmix.reporting.plotting import (
    COLOURS,
    DASHES,
    FAINT,
    GRID,
    INK,
    LINES,
    SHAPES,
    letters,
    new_figure,
    quiet_fonts,
    style,
    wrapped,
)
from genmix.statistics import Difference, Mean, Verdict
from genmix.storage import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_IN = 0.34
"""Height of a line of dots, in inches."""

_COLUMN_IN, _USUAL = 5.4, 21
"""Width of a column in inches, for names of so many letters; it grows with longer ones."""

_LETTER_IN, _BOLD_IN = 0.08, 0.082
"""Mean width of a letter at 10 points, and of one in bold."""

_NOTE, _TITLE = 13.0, 9.8
"""Letters of the note and of the title that an inch holds."""

_MOST = 34
"""Letters of a name that stand in one line."""

_FEW, _STRETCH = 3, 1.6
"""Fewer panels than that stand in one column, and more if one of two would be stretched so much."""

_BELOW = 0.24
"""How far below their mean the seeds' dots stand, in lines, so that its bar does not hide them."""


@style()
def draw_comparison(comparison: Comparison) -> "Figure":
    """Draw the primary metric of every arm: the seeds, the mean, and the difference.

    Left, a dot for each seed and the mean with its 95 % interval, best arm on top, the reference as
    a line. Right, the difference from the reference, paired by seed. Training set sizes stand
    below each other.
    """
    rows = len(comparison.shots)
    height = rows * (len(comparison.arms) * _ROW_IN + 0.75) + 0.95
    figure = new_figure(9.0, height)
    grid: Any = figure.subplots(rows, 2, squeeze=False, sharex="col", width_ratios=(1.25, 1))
    for (left, right), shots in zip(grid, comparison.shots, strict=True):
        metric = comparison.primary
        summaries = ranked(comparison.summaries(metric, shots), metric)[::-1]
        _draw_arms(left, comparison, summaries, shots)
        _draw_differences(right, summaries)
        if rows > 1:
            left.set_title(shots_text(shots), loc="left", fontsize=10, fontweight="bold")
    grid[-1][0].set_xlabel("%")
    grid[-1][1].set_xlabel(f"minus {comparison.reference}, percentage points")
    title = f"{comparison.primary.title}, %"
    seeds = seeds_text(len(comparison.seeds))
    note = f"dots: one seed each; bars: mean and 95 % interval over {seeds}"
    if len(comparison.seeds) == 1:
        note = ""
    _title(
        figure, title, note if rows > 1 else f"{finding(comparison, comparison.shots[0])}\n{note}"
    )
    return figure


@style()
def draw_learning_curves(comparison: Comparison) -> "Figure":
    """Draw the primary metric over the number of training photos of a class, a line for each arm.

    Bars are 95 % intervals over seeds; arms are set a little apart so that bars do not hide each
    other.
    """
    figure = new_figure(7.6, 4.8)
    axes = figure.subplots()
    sizes = np.array(comparison.sizes)
    ends: list[tuple[float, float, str, str]] = []
    for k, arm in enumerate(comparison.arms):
        means = [
            100 * each.mean.value
            for shots in comparison.shots
            for each in comparison.summaries(comparison.primary, shots)
            if each.arm == arm
        ]
        widths = [_half_width(comparison, arm, shots) for shots in comparison.shots]
        colour = LINES[k % len(LINES)]
        places = sizes * 1.025 ** (k - (len(comparison.arms) - 1) / 2)
        axes.errorbar(
            places,
            means,
            yerr=widths,
            color=colour,
            marker=SHAPES[k % len(SHAPES)],
            linestyle=DASHES[k % len(DASHES)],
            markersize=5.5,
            linewidth=1.5,
            elinewidth=1.1,
            capsize=2.5,
        )
        ends.append((means[-1], places[-1], arm, colour))
    axes.set_xscale("log")
    axes.set_xticks(sizes, [_size_text(s, n) for s, n in zip(comparison.shots, sizes, strict=True)])
    axes.minorticks_off()
    axes.set_xlabel("training photos of each class (log scale)")
    axes.set_ylabel("%")
    axes.grid(color=GRID)
    _label_ends(axes, ends)
    note = f"mean and 95 % interval over {seeds_text(len(comparison.seeds))}"
    _title(
        figure,
        f"{comparison.primary.title}, %",
        note if len(comparison.seeds) > 1 else seeds_text(1),
    )
    return figure


@style()
def draw_factors(ablation: Ablation) -> "Figure":
    """Draw what each level of each factor changes, a panel for each factor on one scale.

    The line at zero is the recipe as it is; its own level stands on it.
    """
    columns = _columns(ablation.factors)
    heights = [sum(map(_height_in, column)) for column in columns]
    widths = [_COLUMN_IN + _LETTER_IN * max(0, _longest(column) - _USUAL) for column in columns]
    figure = new_figure(sum(widths), max(heights) + 1.0)
    parts = figure.subfigures(1, len(columns), squeeze=False, width_ratios=widths)[0]
    limit = max(_reach(s) for factor in ablation.factors for _, s in ablation.effects(factor))
    for part, column in zip(parts, columns, strict=True):
        lines = [len(factor.levels) + 0.2 for factor in column]
        grid: Any = part.subplots(len(column), 1, squeeze=False, height_ratios=lines)
        room = int((_COLUMN_IN - _LETTER_IN * min(_longest(column), _USUAL)) / _BOLD_IN)
        for axes, factor in zip(grid[:, 0], column, strict=True):
            _draw_factor(axes, ablation, factor, room)
            axes.set_xlim(-1.1 * limit, 1.1 * limit)
        grid[-1, 0].set_xlabel("percentage points, minus the recipe")
    comparison = ablation.comparison
    seeds = seeds_text(len(comparison.seeds))
    _title(
        figure,
        f"{comparison.primary.title}: what one change to the recipe does",
        f"zero: the recipe as it is, {mean_text(ablation.reference.mean)} %; "
        + (f"bars: 95 % interval, paired over {seeds}" if len(comparison.seeds) > 1 else seeds),
    )
    return figure


@style()
def draw_pair(ablation: Ablation, pair: Pair) -> "Figure":
    """Draw two factors changed together as a map: the difference to the recipe in every cell."""
    cells = ablation.cells(pair)
    figure = new_figure(1.6 * len(pair.columns.levels) + 2.2, 0.75 * len(pair.rows.levels) + 1.9)
    axes = figure.subplots()
    values = np.array([[100 * cell.mean.value for cell in row] for row in cells])
    image = axes.imshow(values, cmap="cividis", aspect="auto")
    middle = (values.min() + values.max()) / 2
    for (row, column), value in np.ndenumerate(values):
        axes.text(
            column,
            row,
            _cell_text(cells[row][column]),
            ha="center",
            va="center",
            fontsize=8.5,
            color="black" if value > middle else "white",
        )
    axes.set_xticks(range(len(pair.columns.levels)), [level.name for level in pair.columns.levels])
    axes.set_yticks(range(len(pair.rows.levels)), [level.name for level in pair.rows.levels])
    axes.set_xlabel(pair.columns.title)
    axes.set_ylabel("\n".join(wrapped(pair.rows.title, 12 * len(pair.rows.levels))))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, label="%", shrink=0.85)
    seeds = seeds_text(len(ablation.comparison.seeds))
    note = f"in each cell: mean, and points minus the recipe ({seeds}); ✓ better, ✗ worse"
    _title(figure, f"{ablation.comparison.primary.title}, %", note)
    return figure


def save(figure: "Figure", path: str | Path) -> tuple[Path, Path]:
    """Write a figure as PNG and as SVG; the same figure gives the same bytes.

    Args:
        figure: The figure.
        path: Where, without a suffix.

    Returns:
        Both files.

    Raises:
        OutputError: If they cannot be written.
    """
    import matplotlib as mpl

    path = Path(path)
    files = path.with_name(f"{path.name}.png"), path.with_name(f"{path.name}.svg")
    with (
        mpl.rc_context({"svg.hashsalt": "genmix", "svg.fonttype": "path"}),
        quiet_fonts(),
    ):
        for file, about in zip(files, ({"Software": None}, {"Date": None}), strict=True):
            data = io.BytesIO()
            figure.savefig(data, format=file.suffix[1:], dpi=160, metadata=about)
            write_whole(file, data.getvalue())
    return files


def _draw_arms(
    axes: "Axes", comparison: Comparison, summaries: Sequence[Summary], shots: Shots
) -> None:
    """Draw a line of dots for each arm, the first at the bottom."""
    for place, summary in enumerate(summaries):
        is_reference = summary.against_reference is None
        verdict = "no evidence" if is_reference else _verdict(summary.against_reference)
        numbers = comparison.values(summary.arm, shots, comparison.primary).values()
        axes.plot(
            [100 * n for n in numbers],
            [place - _BELOW] * len(numbers),
            "o",
            mfc="white",
            mec=FAINT,
            ms=4.5,
        )
        _draw_mean(axes, summary.mean, place, COLOURS[verdict], is_reference)
        axes.annotate(
            mean_text(summary.mean),
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            annotation_clip=False,
        )
        if is_reference:
            axes.axvline(100 * summary.mean.value, color=INK, linestyle="--", linewidth=1, zorder=0)
    _name_rows(axes, [summary.arm for summary in summaries])


def _draw_differences(axes: "Axes", summaries: Sequence[Summary]) -> None:
    axes.axvline(0, color=INK, linestyle="--", linewidth=1, zorder=1)
    for place, summary in enumerate(summaries):
        if summary.against_reference is not None:
            _draw_difference(axes, summary.against_reference, place)
    _name_rows(axes, [""] * len(summaries))


def _draw_difference(axes: "Axes", difference: Difference, place: float) -> None:
    """Draw a difference and its interval, filled where there is evidence; its verdict beside it."""
    colour = COLOURS[difference.verdict]
    proven = difference.verdict != "no evidence"
    value, half = 100 * difference.value, 100 * (difference.half_width or 0)
    axes.errorbar(
        [value],
        [place],
        xerr=[half] if half else None,
        fmt="D" if proven else "o",
        mfc=colour if proven else "white",
        mec=colour,
        ecolor=colour,
        ms=6,
        elinewidth=1.8,
    )
    axes.annotate(
        f"{difference_text(difference)}  {difference.verdict}",
        (1, place),
        xycoords=("axes fraction", "data"),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
        color=colour,
        annotation_clip=False,
    )


def _draw_mean(axes: "Axes", mean: Mean, place: float, colour: str, is_reference: bool) -> None:
    half = 100 * (mean.half_width or 0)
    axes.errorbar(
        [100 * mean.value],
        [place],
        xerr=[half] if half else None,
        fmt="s" if is_reference else "D",
        color=colour,
        ms=6,
        elinewidth=1.8,
    )


def _draw_factor(axes: "Axes", ablation: Ablation, factor: Factor, room: int) -> None:
    """Draw a factor's levels, under a title with so many letters in a line."""
    effects = ablation.effects(factor)[::-1]
    axes.axvline(0, color=INK, linestyle="--", linewidth=1, zorder=1)
    for place, (_, summary) in enumerate(effects):
        if summary.against_reference is None:
            axes.plot([0], [place], "s", color=INK, ms=6)
            axes.annotate(
                "the recipe",
                (1, place),
                xycoords=("axes fraction", "data"),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8.5,
                annotation_clip=False,
            )
        else:
            _draw_difference(axes, summary.against_reference, place)
    _name_rows(axes, [level.name for level, _ in effects])
    title = "\n".join(wrapped(factor.title, room))
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")


def _name_rows(axes: "Axes", names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), ["\n".join(wrapped(name, _MOST)) for name in names])
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _label_ends(axes: "Axes", ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write each line's name at its right end, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    gap = (high - low) * 0.052
    below = -np.inf
    for value, x, arm, colour in sorted(ends):
        below = max(value, below + gap)
        axes.annotate(
            arm,
            (x, value),
            xytext=(1.03, below),
            textcoords=("axes fraction", "data"),
            va="center",
            fontsize=9,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.8,
                "relpos": (0, 0.5),  # at the name's beginning, not through it
            },
        )
    axes.spines[["top", "right"]].set_visible(False)


def _title(figure: "Figure", title: str, note: str) -> None:
    """Write above and below a figure; each line but the first makes it higher."""
    width = figure.get_figwidth()
    heading = wrapped(title, int(width * _TITLE))
    lines = [line for part in note.split("\n") for line in wrapped(part, int(width * _NOTE))]
    figure.suptitle("\n".join(heading), x=0.01, ha="left", fontsize=12, fontweight="bold")
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=8.5, color=INK)
    further = 0.2 * (len(heading) - 1) + 0.14 * (len(lines) - 1)
    figure.set_figheight(figure.get_figheight() + further)


def _half_width(comparison: Comparison, arm: str, shots: Shots) -> float:
    found = next(s for s in comparison.summaries(comparison.primary, shots) if s.arm == arm)
    return 100 * (found.mean.half_width or 0)


def _size_text(shots: Shots, size: float) -> str:
    return f"{size:.0f}" if shots is not None else f"all ({size:.0f})"


def _cell_text(summary: Summary) -> str:
    against = summary.against_reference
    below = "the recipe" if against is None else difference_text(against) + MARKS[against.verdict]
    return f"{mean_text(summary.mean)}\n{below}"


def _verdict(difference: Difference | None) -> Verdict:
    return difference.verdict if difference is not None else "no evidence"


def _reach(summary: Summary) -> float:
    """Return how far from zero a difference and its interval go, in points."""
    against = summary.against_reference
    return 0.1 if against is None else 100 * (abs(against.value) + (against.half_width or 0))


def _columns(factors: Sequence[Factor]) -> list[Sequence[Factor]]:
    """Deal factors out to two columns of about the same height, the order kept.

    The lower column is stretched to the other's height, so if that is much, or they are few, there
    is one column.
    """
    heights = [_height_in(factor) for factor in factors]
    if len(factors) < _FEW:
        return [factors]
    cuts = range(1, len(factors))
    stretch, cut = min((_stretch(heights[:cut], heights[cut:]), cut) for cut in cuts)
    return [factors] if stretch > _STRETCH else [factors[:cut], factors[cut:]]


def _stretch(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how much the lower of two columns grows when it gets the height of the other."""
    return max(sum(one), sum(other)) / min(sum(one), sum(other))


def _height_in(factor: Factor) -> float:
    """Return the height of a factor's panel, with its title and its scale."""
    return len(factor.levels) * _ROW_IN + 0.75


def _longest(factors: Sequence[Factor]) -> int:
    """Return how long the longest line of a level's name is, in letters."""
    names = [level.name for factor in factors for level in factor.levels]
    return max(letters(line) for name in names for line in wrapped(name, _MOST))
