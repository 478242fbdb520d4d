"""Figures: that they can be drawn of anything, hold what they should, and change no settings."""

import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

from genmix.experiments.findings import Comparison, Metric
from genmix.images import decode
from genmix.reporting.figures import (
    draw_comparison,
    draw_factors,
    draw_learning_curves,
    draw_pair,
    save,
)
from tests.experiments.made import VAL, ablation, comparison
from tests.reporting.made import ablated

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def words(figure: "Figure") -> list[str]:
    """Everything that is written in a figure."""
    return [text.get_text() for text in figure.findobj(Text)]


@pytest.mark.parametrize(
    "found",
    [
        comparison({"genmix": 0.1}),
        comparison(seeds=1),
        comparison(seeds=2, noise=0.0),
        comparison(arms=("baseline",)),
        comparison(shots=(5, None)),
        comparison(arms=("baseline", "genmix:犬と猫.yaml@0.8+cutmix")),
    ],
)
def test_every_comparison_can_be_drawn_as_png_and_svg(found: Comparison, tmp_path: Path) -> None:
    png, svg = save(draw_comparison(found), tmp_path / "comparison")
    assert decode(png.read_bytes()).std() > 5
    assert svg.read_text().startswith("<?xml")


def test_the_figure_of_a_comparison_says_what_is_shown_and_what_was_found() -> None:
    found = comparison({"genmix": 0.1, "mixup": -0.1})
    said = words(draw_comparison(found))
    assert "Accuracy on held-out photos, %" in said
    for arm in found.arms:
        assert arm in said
    assert any(text.endswith("  better") for text in said)
    assert any(text.endswith("  worse") for text in said)
    assert any("95 % interval over 5 seeds" in text for text in said)
    assert any(text.startswith("genmix has the highest mean") for text in said)


def test_there_is_a_dot_for_each_seed_and_arms_stand_best_on_top() -> None:
    found = comparison({"genmix": 0.1, "mixup": -0.1})
    left = draw_comparison(found).axes[0]
    dots = [line for line in left.lines if line.get_markerfacecolor() == "white"]
    places = [np.sort(np.asarray(line.get_xdata(), np.float64)) for line in dots]
    assert [len(each) for each in places] == [5, 5, 5]
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["mixup", "baseline", "genmix"]
    expected = sorted(100 * value for value in found.values("genmix", None, VAL).values())
    assert places[-1] == pytest.approx(expected)


def test_learning_curves_stand_over_the_photos_of_a_class_on_a_log_scale() -> None:
    found = comparison({"genmix": 0.1}, shots=(5, 20, None))
    figure = draw_learning_curves(found)
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["5", "20", "all (40)"]
    assert set(found.arms) <= set(words(figure))


@pytest.mark.parametrize("seeds", [1, 3])
def test_an_ablation_has_a_panel_for_each_factor_and_a_map_for_each_pair(
    seeds: int, tmp_path: Path
) -> None:
    found = ablation({"seam=0": -0.1}, seeds=seeds)
    figure = draw_factors(found)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [title for title in titles if title] == ["The seam", "The screens"]
    assert words(figure).count("the recipe") == 2
    chart = draw_pair(found, found.pairs[0])
    assert sum("\n" in text and text[0].isdigit() for text in words(chart)) == 6
    for name, each in (("factors", figure), ("pair", chart)):
        save(each, tmp_path / name)
        assert decode((tmp_path / f"{name}.png").read_bytes()).std() > 5


@pytest.mark.parametrize(
    ("factors", "columns"),
    [
        (("screens",), 1),
        (("seam", "screens"), 1),
        (("masks", "fractal", "screens"), 2),
        (("prompts", "screens", "strength"), 1),
        (("seam", "fractal", "hybrid-share", "prompts"), 2),
        (("masks", "seam", "fractal", "screens", "composites"), 2),
        (("prompts", "masks", "seam", "fractal", "hybrid-share", "screens", "strength"), 2),
    ],
)
def test_the_panels_of_an_ablation_fill_the_figure_and_none_leaves_it(
    factors: Sequence[str], columns: int
) -> None:
    figure = draw_factors(ablated(factors=factors, pairs=()))
    figure.savefig(BytesIO())  # which lays out its parts
    assert all(axes.axison and axes.get_title(loc="left") for axes in figure.axes)
    boxes = [axes.get_window_extent() for axes in figure.axes]
    assert len({round(box.x0) for box in boxes}) == columns
    lowest, *others = sorted(box.y0 for box in boxes)[:columns]
    assert all(other - lowest < 5 for other in others)
    highest, *others = sorted((box.y1 for box in boxes), reverse=True)[:columns]
    assert all(highest - other < 5 for other in others)
    drawn = figure.get_tightbbox()
    assert drawn.x0 >= 0
    assert drawn.x1 <= figure.get_figwidth()
    counts = [len(axes.get_yticks()) for axes in figure.axes]
    rows = [box.height / count for box, count in zip(boxes, counts, strict=True)]
    assert min(rows) > 20
    assert max(rows) < 2 * min(rows)


def test_japanese_names_are_drawn_with_japanese_letters() -> None:
    metrics = [Metric("target 線画", "Accuracy on 線画", "線画")]
    found = comparison(arms=("baseline", "genmix:犬と猫.yaml"), metrics=metrics, shots=(5, None))
    for figure in (draw_comparison(found), draw_learning_curves(found)):
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Glyph .* missing")
            figure.savefig(BytesIO(), format="png")
    # The machine of a user may have no Japanese font: one comes with the extra.
    assert any("matplotlib_fontja" in font.fname for font in fontManager.ttflist)


def test_a_dollar_in_a_name_is_a_dollar(tmp_path: Path) -> None:
    found = comparison(arms=("baseline", r"genmix:$a\b$.yaml"))
    assert save(draw_comparison(found), tmp_path / "comparison")[0].is_file()


def test_the_same_comparison_gives_the_same_bytes_and_leaves_settings_alone(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    first = save(draw_comparison(comparison()), tmp_path / "a")
    second = save(draw_comparison(comparison()), tmp_path / "b")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert dict(mpl.rcParams) == before
