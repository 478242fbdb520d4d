"""Soft masks that say where a hybrid image shows the edit, and the seam between the parts.

A mask M is 1 where the edit is and 0 where the original stays (GenMix, arXiv 2412.02366, the mask
set of section 3: four halves and a circle). What is done with a mask lives in `compose`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from genmix.errors import RecipeError

MaskFamily: TypeAlias = Literal["left", "right", "top", "bottom", "circle"]
SeamProfile: TypeAlias = Literal["linear", "smooth"]
Weights: TypeAlias = npt.NDArray[np.float32]

FAMILIES: tuple[MaskFamily, ...] = get_args(MaskFamily)


@dataclass(frozen=True, eq=False)
class Region:
    """A rectangle of a mask: all edit, all original, or a mixture.

    Attributes:
        rows: The rows it covers.
        columns: The columns it covers.
        edit: Weight of the edit: 1.0, 0.0, or an array of the rectangle's size.
        original: Weight of the original, 1 - edit.
    """

    rows: slice
    columns: slice
    edit: float | Weights
    original: float | Weights


@dataclass(frozen=True, eq=False)
class Mask:
    """The weight of the edit at every pixel.

    Attributes:
        weights: float32, height x width, in [0, 1]; read-only.
        regions: The same, cut into rectangles that cover every pixel once. Most of a mask is
            plainly 0 or 1, and `compose` need only copy there.
    """

    weights: Weights
    regions: tuple[Region, ...]

    @classmethod
    def of(cls, weights: Weights) -> "Mask":
        """Make a mask of a copy of any weights, float32, height x width, in [0, 1].

        Raises:
            RecipeError: If they have another shape, no pixels, or values outside [0, 1] or NaN.
        """
        weights = np.array(weights, np.float32, order="C")
        if weights.ndim != 2 or not weights.size:
            raise RecipeError(f"weights have the shape {weights.shape}: expected height x width")
        if not ((weights >= 0) & (weights <= 1)).all():
            raise RecipeError(
                f"weights run from {weights.min()} to {weights.max()}: they must lie in [0, 1]"
            )
        weights.setflags(write=False)
        return cls(weights, tuple(_cut(weights)))


@lru_cache(maxsize=64)
def make_mask(
    family: MaskFamily,
    height: int,
    width: int,
    *,
    seam: float = 0.04,
    profile: SeamProfile = "linear",
    inverted: bool = False,
) -> Mask:
    """Make a mask of one of the paper's families.

    Args:
        family: Where the edit is: one half, or a circle (an ellipse when not square) in the middle
            that covers half the area.
        height: Rows, 1 or more.
        width: Columns, 1 or more.
        seam: Width of the soft edge as a share of the side that it crosses (of the shorter side
            for the circle), in [0, 1]; 0 is a hard edge. The paper's is 20 pixels at 512.
        profile: "linear", or "smooth" (3t² - 2t³, without a kink at either end).
        inverted: Swap the parts: 1 - M, so the edit is outside.

    Returns:
        The mask. `left` and `right`, `top` and `bottom`, and every mask and its inverse, sum to 1.

    Raises:
        RecipeError: For an unknown family or profile, or a seam outside [0, 1].
    """
    if family not in _SHAPES or profile not in get_args(SeamProfile) or not 0 <= seam <= 1:
        raise RecipeError(
            f"no mask '{family}' with a {profile} seam of {seam}: families are "
            f"{', '.join(FAMILIES)}, profiles linear and smooth, seams in [0, 1]"
        )
    shape = _SHAPES[family]
    weights = _soften(*shape.distance(height, width), seam, profile)
    if shape.inverted != inverted:
        weights = 1 - weights
    return Mask.of(np.broadcast_to(weights, (height, width)))


@dataclass(frozen=True)
class _Shape:
    """A family: its signed distance (negative where the edit is), and whether it is the inverse."""

    distance: Callable[[int, int], tuple[Weights, int]]
    inverted: bool = False


def _soften(distance: Weights, side: int, seam: float, profile: SeamProfile) -> Weights:
    """Turn signed distances in pixels into weights that fall from 1 to 0 across the seam."""
    seam_px = seam * side
    if seam_px < _HARD_PX:
        return (distance < 0).astype(np.float32)
    ramp = np.clip(0.5 - distance / seam_px, 0, 1, dtype=np.float32)
    return ramp * ramp * (3 - 2 * ramp) if profile == "smooth" else ramp


_HARD_PX = 1e-3
"""A seam narrower than this, in pixels, is a hard edge."""


def _from_middle(length: int) -> Weights:
    """Return the distance of each pixel's centre from the middle, in pixels."""
    return np.arange(length, dtype=np.float32) + np.float32(0.5 - length / 2)


def _across(height: int, width: int) -> tuple[Weights, int]:  # noqa: ARG001
    return _from_middle(width)[None, :], width


def _down(height: int, width: int) -> tuple[Weights, int]:  # noqa: ARG001
    return _from_middle(height)[:, None], height


def _radial(height: int, width: int) -> tuple[Weights, int]:
    """Distance from an ellipse of half the area: semi-axes side / sqrt(2 pi)."""
    side = min(height, width)
    scale = np.float32(np.sqrt(2 * np.pi))
    y = _from_middle(height)[:, None] * scale / height
    x = _from_middle(width)[None, :] * scale / width
    return (np.sqrt(x * x + y * y) - 1) * (side / scale), side


_SHAPES: dict[str, _Shape] = {
    "left": _Shape(_across),
    "right": _Shape(_across, inverted=True),
    "top": _Shape(_down),
    "bottom": _Shape(_down, inverted=True),
    "circle": _Shape(_radial),
}

_TILE_PX = 24
"""Grid in which plain rectangles are looked for; finer saves pixels, coarser saves calls."""


def _cut(weights: Weights) -> list[Region]:
    """Cut weights into rectangles, merging neighbouring tiles that are plain in the same way."""
    height, width = weights.shape
    row_edges = _edges(height)
    column_edges = _edges(width)
    low = _by_tile(np.minimum, weights, row_edges, column_edges)
    high = _by_tile(np.maximum, weights, row_edges, column_edges)
    kinds = np.where(low == 1, 1, np.where(high == 0, 0, _MIXED))
    regions = []
    for top, bottom in _runs(kinds):
        for left, right in _runs(kinds[top].T[:, None]):
            rows = slice(row_edges[top], row_edges[bottom])
            columns = slice(column_edges[left], column_edges[right])
            regions.append(_region(weights, rows, columns, int(kinds[top, left])))
    return regions


def _region(weights: Weights, rows: slice, columns: slice, kind: int) -> Region:
    if kind != _MIXED:
        return Region(rows, columns, float(kind), 1.0 - kind)
    edit = np.ascontiguousarray(weights[rows, columns])
    return Region(rows, columns, edit, 1 - edit)


_MIXED = 2


def _edges(length: int) -> list[int]:
    tiles = max(1, length // _TILE_PX)
    return [length * cut // tiles for cut in range(tiles + 1)]


def _by_tile(
    reduce: np.ufunc, weights: Weights, row_edges: list[int], column_edges: list[int]
) -> Weights:
    bands = reduce.reduceat(weights, row_edges[:-1], axis=0)
    tiles: Weights = reduce.reduceat(bands, column_edges[:-1], axis=1)
    return tiles


def _runs(kinds: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return (start, stop) of each run of equal rows."""
    changes = np.flatnonzero(np.any(kinds[1:] != kinds[:-1], axis=1)) + 1
    stops = [*changes.tolist(), len(kinds)]
    return list(zip([0, *stops[:-1]], stops, strict=True))
