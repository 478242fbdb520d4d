"""Figures of a report: inline SVG whose text is text and whose colours are those of the page.

They are narrow, so that they can be read on a phone; every number in them stands beside them in a
table or in their description.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from genmix.reporting.plotting import (
    BETTER,
    COLOURS,
    DASHES,
    FAINT,
    GRID,
    INK,
    LINES,
    PAPER,
    SHAPES,
    WORSE,
    letters,
    new_figure,
    quiet_fonts,
    style,
    wrapped,
)
from genmix.statistics import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH_IN = 3.9
_TEXT_PT = 8.5
_LINE_IN = 0.165
"""Height of a line of text."""

_ABOVE_IN = 0.09
"""Height between a mark and the text above it."""

_MOST = 38
"""Latin letters that fit a line before the numbers at its end."""

_SHORT = 14
"""Latin letters of a name that leaves room beside it for the marks and the numbers."""

_PAGE_COLOURS = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    GRID: "var(--grid)",
    PAPER: "var(--paper)",
    BETTER: "var(--better)",
    WORSE: "var(--worse)",
}


@dataclass(frozen=True, slots=True)
class Interval:
    """A line of a chart of differences.

    Attributes:
        name: What differs.
        text: The difference in words.
        value: In percentage points.
        half_width: Of its 95 % interval, in points; None where there is none.
        verdict: What it is judged to be; None for what the others are compared with.
    """

    name: str
    text: str
    value: float
    half_width: float | None
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Axis:
    """What stands below an axis of differences.

    Attributes:
        what: The differences, and their unit.
        worse: What lies to the left of zero.
        better: What lies to the right.
    """

    what: str
    worse: str
    better: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of a chart of curves.

    Attributes:
        name: What it is.
        means: At each place.
        half_widths: Of their 95 % intervals; None where there is none.
    """

    name: str
    means: tuple[float, ...]
    half_widths: tuple[float | None, ...]


@style()
def intervals_svg(name: str, title: str, rows: Sequence[Interval], axis: Axis, said: str) -> str:
    """Draw differences with their intervals around a line at zero.

    Names stand beside their marks where all are short, else above them. What is proven is a filled
    diamond, what is not an open circle.

    Args:
        name: Of the figure, for its anchors; unique on its page.
        title: What it shows.
        rows: From top to bottom, each with its name above it.
        axis: What stands below it.
        said: The same in words, for those who cannot see it.

    Returns:
        An SVG element.
    """
    named = [wrapped(row.name, _MOST) for row in rows]
    beside = max(letters(row.name) for row in rows) <= _SHORT
    places, height = _places([0 if beside else len(lines) for lines in named])
    figure = new_figure(_WIDTH_IN, height + 0.78)
    axes = figure.subplots()
    axes.axvline(0, color=INK, linestyle="--", linewidth=0.9, zorder=1)
    for row, lines, place in zip(rows, named, places, strict=True):
        _draw_interval(axes, row, place)
        if beside:
            _write_beside(axes, row, place)
        else:
            _write_above(axes, lines, row.text, place)
    reach = max(abs(row.value) + (row.half_width or 0) for row in rows) or 1.0
    axes.set_xlim(-1.08 * reach, 1.08 * reach)
    axes.set_ylim(height, 0)
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    _finish_axes(axes)
    _write_below(axes, axis)
    return _inline(figure, name, title, said)


@style()
def curves_svg(
    name: str,
    title: str,
    curves: Sequence[Curve],
    places: Mapping[str, float],
    axes_names: tuple[str, str],
    said: str,
) -> str:
    """Draw means with their intervals over a logarithmic axis, a line for each name.

    Args:
        name: Of the figure, for its anchors; unique on its page.
        title: What it shows.
        curves: As many means in each as there are places.
        places: On the horizontal axis, by what is written there; above 0.
        axes_names: Of the horizontal axis and of the vertical one.
        said: The same in words, for those who cannot see it.

    Returns:
        An SVG element.
    """
    columns = 2 if max(letters(curve.name) for curve in curves) <= _MOST // 2 else 1
    lines = -(-len(curves) // columns)
    figure = new_figure(_WIDTH_IN, 2.9 + lines * _LINE_IN)
    axes = figure.subplots()
    for k, curve in enumerate(curves):
        moved = 1.025 ** (k - (len(curves) - 1) / 2)  # so that bars do not hide each other
        axes.errorbar(
            [place * moved for place in places.values()],
            curve.means,
            yerr=[half or 0 for half in curve.half_widths],
            color=LINES[k % len(LINES)],
            marker=SHAPES[k % len(SHAPES)],
            linestyle=DASHES[k % len(DASHES)],
            markersize=4.5,
            linewidth=1.3,
            elinewidth=1,
            capsize=2,
            label="\n".join(wrapped(curve.name, _MOST)),
        )
    axes.set_xscale("log")
    axes.set_xticks(list(places.values()), list(places))
    axes.minorticks_off()
    axes.grid(color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    _finish_axes(axes)
    axes.set_xlabel(axes_names[0], fontsize=_TEXT_PT)
    axes.set_ylabel(axes_names[1], fontsize=_TEXT_PT)
    figure.legend(
        loc="outside lower left",
        ncols=columns,
        frameon=False,
        fontsize=_TEXT_PT,
        labelcolor=INK,
        handlelength=3.2,
    )
    return _inline(figure, name, title, said)


def _places(lines: Sequence[int]) -> tuple[list[float], float]:
    """Return where each row's mark stands below the top, and the height of all, in inches.

    Args:
        lines: Of text above each mark.
    """
    places, top = [], 0.0
    for count in lines:
        places.append(top + count * _LINE_IN + _ABOVE_IN)
        top = places[-1] + 0.12
    return places, top


def _draw_interval(axes: "Axes", row: Interval, place: float) -> None:
    verdict = row.verdict or "no evidence"
    proven = verdict != "no evidence"
    colour = COLOURS[verdict]
    axes.errorbar(
        [row.value],
        [place],
        xerr=[row.half_width] if row.half_width else None,
        fmt="s" if row.verdict is None else "D" if proven else "o",
        mfc=colour if proven or row.verdict is None else PAPER,
        mec=colour,
        ecolor=colour,
        ms=5,
        elinewidth=1.6,
    )


def _write_above(axes: "Axes", lines: Sequence[str], text: str, place: float) -> None:
    """Write a row's name at the left, above its mark, and its number at the right."""
    for k, line in enumerate(reversed(lines)):
        _write(axes, 0, place - _ABOVE_IN - k * _LINE_IN, line, "left")
    _write(axes, 1, place - _ABOVE_IN, text, "right")


def _write_beside(axes: "Axes", row: Interval, place: float) -> None:
    for x, text, side, away_pt in ((0, row.name, "right", -6), (1, row.text, "left", 6)):
        axes.annotate(
            text,
            (x, place),
            xycoords=("axes fraction", "data"),
            xytext=(away_pt, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=_TEXT_PT,
            color=INK,
            annotation_clip=False,
        )


def _write_below(axes: "Axes", axis: Axis) -> None:
    """Write which way is better below the ticks, and what the axis is below that."""
    for x, text, side in ((0, f"← {axis.worse}", "left"), (1, f"{axis.better} →", "right")):
        axes.annotate(
            text,
            (x, 0),
            xycoords="axes fraction",
            xytext=(0, -18),
            textcoords="offset points",
            ha=side,
            va="top",
            fontsize=_TEXT_PT,
            color=INK,
        )
    axes.set_xlabel(axis.what, fontsize=_TEXT_PT, labelpad=17)


def _write(axes: "Axes", x: float, y: float, text: str, side: str) -> None:
    axes.annotate(
        text,
        (x, y),
        xycoords=("axes fraction", "data"),
        ha=side,
        va="bottom",
        fontsize=_TEXT_PT,
        color=INK,
        annotation_clip=False,
    )


def _finish_axes(axes: "Axes") -> None:
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=_TEXT_PT, colors=INK, length=3)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.spines[:].set_color(FAINT)


def _inline(figure: "Figure", name: str, title: str, said: str) -> str:
    """Return a figure as an SVG element for a page: the same figure gives the same bytes."""
    import matplotlib as mpl

    data = io.BytesIO()
    figure.patch.set_visible(False)
    for axes in figure.axes:
        axes.patch.set_visible(False)
    as_text = mpl.rc_context({"svg.hashsalt": "genmix", "svg.fonttype": "none"})
    with as_text, quiet_fonts():
        figure.savefig(data, format="svg", metadata={"Date": None})
    root = Xml.fromstring(data.getvalue())  # noqa: S314 (made a line above)
    for part in ("{*}metadata", "{*}defs"):  # the first defs is a style of the whole page
        root.remove(root.findall(part)[0])
    _rename(root, lambda anchor: f"{name}-{anchor}")
    for size in ("width", "height", "version"):
        del root.attrib[size]
    root.attrib |= {"role": "img", "aria-labelledby": f"{name}-title {name}-said"}
    for place, (tag, text) in enumerate((("title", title), ("desc", said))):
        element = Xml.Element(tag, id=f"{name}-{'title' if tag == 'title' else 'said'}")
        element.text = text
        root.insert(place, element)
    svg = Xml.tostring(root, encoding="unicode")
    return re.sub("|".join(_PAGE_COLOURS), lambda found: _PAGE_COLOURS[found[0]], svg)


def _rename(root: Xml.Element, new: Callable[[str], str]) -> None:
    """Make the anchors of an SVG its own, and write its names as HTML has them."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        if element.tag in {"g", "svg"}:
            attributes.pop("id", None)  # what is named "axes_1" in every figure
        for key, value in attributes.items():
            if key == "id":
                attributes[key] = new(value)
            elif key == "href":
                attributes[key] = f"#{new(value[1:])}"
            else:
                attributes[key] = re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{new(m[1])})", value)
        element.attrib.clear()
        element.attrib.update(attributes)
