"""The figure that helps to choose a screen's limit: scores of true pairs and of shuffled ones."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK = "#202124"
_TRUE, _SHUFFLED = "#0072B2", "#D55E00"
_BINS = 50


def draw_scores(
    true: Mapping[str, Sequence[float]],
    shuffled: Mapping[str, Sequence[float]],
    limits: Mapping[str, float | None],
) -> "Figure":
    """Draw a histogram for each screen: its scores, its limit, and what lies on which side.

    Args:
        true: By screen, the scores of edits beside their own originals.
        shuffled: By screen, the scores of edits beside photos of another class; none where that
            says nothing.
        limits: By screen; None where no number parts the edits.

    Returns:
        The figure; `genmix.reporting.figures.save` writes it.
    """
    from matplotlib.figure import Figure

    figure = Figure((8.0, 2.5 * len(true) + 0.4), layout="constrained", facecolor="white")
    grid = figure.subplots(len(true), 1, squeeze=False)
    for axes, (name, scores) in zip(grid[:, 0], true.items(), strict=True):
        _draw(axes, name, np.array(scores), np.array(shuffled.get(name, [])), limits[name])
    return figure


def _draw(
    axes: "Axes",
    name: str,
    true: npt.NDArray[np.float64],
    shuffled: npt.NDArray[np.float64],
    limit: float | None,
) -> None:
    low, high = np.min([*true, *shuffled]), np.max([*true, *shuffled])
    bins = np.linspace(low, high if high > low else low + 1, _BINS)
    for scores, colour, filled, what in (
        (true, _TRUE, True, "edits beside their photo"),
        (shuffled, _SHUFFLED, False, "beside a photo of another class"),
    ):
        if len(scores):
            axes.hist(
                scores,
                bins.tolist(),
                weights=np.full(len(scores), 100 / len(scores)),
                histtype="stepfilled" if filled else "step",
                color=colour,
                alpha=0.55 if filled else 1,
                linewidth=1.8,
                label=f"{what}{_share(scores, limit, name)}",
            )
    if limit is not None:
        axes.axvline(limit, color=_INK, linestyle="--", linewidth=1.2, label=f"limit {limit:g}")
    axes.set_title(name, loc="left", fontsize=10, fontweight="bold")
    axes.set_ylabel("% of pairs", fontsize=8.5)
    axes.set_xlabel(_SCORES.get(name, "score"), fontsize=8.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def _share(scores: npt.NDArray[np.float64], limit: float | None, name: str) -> str:
    if limit is None:
        return ""
    kept = scores <= limit if name == "safety" else scores >= limit
    return f":\n{100 * kept.mean():.1f} % of {len(scores):,} kept"


_SCORES = {
    "blank": "contrast, levels of 255",
    "unchanged": "difference, levels of 255",
    "structure": "similarity of the layout of edges",
    "similarity": "cosine of features",
    "density": "density of the class's Gaussian, share of the peak",
    "label": "probability of the class",
    "duplicates": "difference from the photo's other edits, levels of 255",
    "safety": "how surely it must not be shown",
}
