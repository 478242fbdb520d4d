"""Three screens that need no model: blank edits, unchanged edits, edits whose structure is lost.

They catch what goes wrong with editors of every kind, in about a millisecond a pair. Whether an
edit still shows the same thing to a network is for the screens with an encoder to say.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from genmix.images import Image
from genmix.screening.screen import Verdict, at_least, check_pairs
from genmix.screening.settings import BlankSettings, StructureSettings, UnchangedSettings


class BlankScreen:
    """Rejects blank and near-constant edits of any colour; its score is `contrast`."""

    name = "blank"

    def __init__(self, settings: BlankSettings | None = None) -> None:
        self.limit = (settings or BlankSettings()).min_contrast

    def judge(self, originals: Sequence[Image], edits: Sequence[Image]) -> list[Verdict]:
        """Judge each edit by itself; see `Screen`."""
        check_pairs(originals, edits)
        return [at_least("blank: contrast", contrast(edit), self.limit) for edit in edits]


class UnchangedScreen:
    """Rejects edits that equal their original up to recompression; its score is `difference`."""

    name = "unchanged"

    def __init__(self, settings: UnchangedSettings | None = None) -> None:
        self.limit = (settings or UnchangedSettings()).min_difference

    def judge(self, originals: Sequence[Image], edits: Sequence[Image]) -> list[Verdict]:
        """Judge each edit against the original at the same position; see `Screen`."""
        check_pairs(originals, edits)
        return [
            at_least("unchanged: difference", difference(original, edit), self.limit)
            for original, edit in zip(originals, edits, strict=True)
        ]


class StructureScreen:
    """Rejects edits in which the original's layout is lost; its score is `similarity`."""

    name = "structure"

    def __init__(self, settings: StructureSettings | None = None) -> None:
        self.limit = (settings or StructureSettings()).min_similarity

    def judge(self, originals: Sequence[Image], edits: Sequence[Image]) -> list[Verdict]:
        """Judge each edit against the original at the same position; see `Screen`."""
        check_pairs(originals, edits)
        return [
            at_least("structure: similarity", similarity(original, edit), self.limit, digits=2)
            for original, edit in zip(originals, edits, strict=True)
        ]


def contrast(picture: Image) -> float:
    """Measure how far a picture is from one flat colour.

    The standard deviation of a small copy in its liveliest channel, without what is mere noise:
    a blank picture stays blank under sensor noise and compression.

    Args:
        picture: uint8, height x width x 3.

    Returns:
        Levels of 255, 0 for a flat picture.
    """
    return round(_spread(_shrink(picture, _BLANK_SIDE)), _DIGITS)


def difference(original: Image, edit: Image) -> float:
    """Measure how much an edit changed where it changed most.

    The root mean square of the difference in the most changed cell of a grid: recompression
    spreads thin over the picture, a real edit shows somewhere.

    Args:
        original: uint8, height x width x 3.
        edit: Of the same size.

    Returns:
        Levels of 255, 0 for an equal picture.
    """
    squares = np.square(cv2.absdiff(original, edit), dtype=np.uint16)
    cells = _shrink(squares, _CHANGE_CELLS, least_px=_CODEC_BLOCK_PX)
    return round(math.sqrt(float(cells.mean(axis=2, dtype=np.float64).max())), _DIGITS)


def similarity(original: Image, edit: Image) -> float:
    """Measure how much of the original's layout of edges is still there.

    Compared is which way edges run, cell by cell, most where the original has most
    of them: what an edit adds elsewhere is not held against it. Once for fine and once for coarse
    edges, and the greater counts: tiles or snow may bury the fine ones, lines of chalk the coarse.
    Colour, brightness and inverted contrast make no difference.

    Args:
        original: uint8, height x width x 3.
        edit: Of the same size.

    Returns:
        In [-1, 1]: 1 for the same layout, about 0 for another picture's or a blank one's. Where
        the original is flat, or even all over (a bare surface, stripes, a smooth slope of light),
        it has no layout that could be lost: 1.
    """
    before = _layouts(original)
    if before.coarse.variation < _EVEN:
        return 1.0
    after = _layouts(edit)
    fine = _agreement(before.fine, after.fine)
    coarse = _agreement(before.coarse, after.coarse)
    return round(max(fine, coarse), _DIGITS)


_DIGITS = 4
"""Decimals of every score: further ones differ between processors."""

_BLANK_SIDE = 64
"""Side, in pixels, of the copy in which contrast is measured."""

_CHANGE_CELLS = 32
"""Most cells a side of the grid in which changes are sought."""

_CODEC_BLOCK_PX = 8
"""Side of JPEG's blocks: over less than one, its error is not spread evenly."""

_FINE_SIDE = 128
"""Side, in pixels, of the copy in which fine edges are found."""

_COARSE_SIDE = 32
"""Side, in pixels, of the copy in which coarse edges are found."""

_SMOOTHING = 0.7
"""Standard deviation, in pixels of a copy, of the blur that quietens texture."""

_LAYOUT_CELLS = 16
"""Cells a side of the grid over which edges are summed up."""

_FAINT = 6.0
"""Slope of an edge, in levels a pixel of the copy, at which it counts half of the steepest."""

_EVEN = 0.16
"""An original whose coarse edges vary less than this has no layout; photos vary by 0.3 and more."""


class _Layout(NamedTuple):
    """Where edges are and which way they run, modulo 180°, cell by cell.

    Attributes:
        strengths: How many and how strong they are, cells x cells, in [0, 1).
        ways: Their mean (cos 2t, sin 2t) times their strength, t their angle, cells x cells x 2;
            centred over the cells.
    """

    strengths: npt.NDArray[np.float64]
    ways: npt.NDArray[np.float64]

    @property
    def variation(self) -> float:
        """Root mean square of the ways where there are edges, in [0, 1); 0 without any."""
        total = float(self.strengths.sum())
        return math.sqrt(self.product(self, self.strengths) / total) if total > 0 else 0.0

    def product(self, other: "_Layout", weights: npt.NDArray[np.float64]) -> float:
        """Return the inner product of the ways, cells weighted."""
        return float(np.vdot(self.ways * weights[..., None], other.ways))


class _Layouts(NamedTuple):
    fine: _Layout
    coarse: _Layout


def _agreement(before: _Layout, after: _Layout) -> float:
    """Return the cosine between two layouts, cells weighted by the first one's edges.

    Returns:
        In [-1, 1], exactly 1 for equal layouts; 0 where one is empty.
    """
    weights = before.strengths
    norms = before.product(before, weights) * after.product(after, weights)
    cosine = before.product(after, weights) / math.sqrt(norms) if norms > 0 else 0.0
    return min(1.0, max(-1.0, cosine))


def _layouts(picture: Image) -> _Layouts:
    fine = _shrink(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), _FINE_SIDE).astype(np.float32)
    return _Layouts(_layout(fine), _layout(_shrink(fine, _COARSE_SIDE)))


def _layout(grey: npt.NDArray[np.float32]) -> _Layout:
    """Find the layout of a small copy, height x width, in levels of 255.

    The double angle makes opposite gradients equal, so that inverted contrast changes nothing, and
    lets crossing ones cancel where a cell is averaged, as those of flakes and grain do. Strength
    saturates, so that few hard edges do not outvote the rest.
    """
    grey = cv2.GaussianBlur(grey, (0, 0), _SMOOTHING)
    # Replicated, since a mirrored border has no gradient across it: a layout of its own.
    border = cv2.BORDER_REPLICATE
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8, borderType=border)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8, borderType=border)
    slope = cv2.magnitude(across, down)
    strength = slope / (slope + _FAINT)
    by_slope = strength / np.maximum(slope * slope, 1e-6)
    edges = cv2.merge(
        [strength, (across * across - down * down) * by_slope, 2 * across * down * by_slope]
    )
    cells = _shrink(edges, _LAYOUT_CELLS).astype(np.float64)
    ways = cells[..., 1:]
    return _Layout(cells[..., 0], ways - ways.mean(axis=(0, 1)))


def _spread(small: npt.NDArray[Any]) -> float:
    """Return the standard deviation of the liveliest channel without noise, in its own unit.

    It is taken from the covariance of pixels one or two apart instead of the variance of each:
    what differs at random from pixel to pixel has none. (Two, and either sign: the stripes whose
    covariance one apart is nil or negative are full of it two apart.)

    Args:
        small: height x width, or height x width x channels.
    """
    centred = small - small.mean(axis=(0, 1), dtype=np.float32)
    centred = centred.reshape(*small.shape[:2], -1)
    return math.sqrt(max(_covariance(centred, apart) for apart in (1, 2)))


def _covariance(centred: npt.NDArray[np.float32], apart: int) -> float:
    """Return the greatest covariance, without sign, that a channel has with itself shifted."""
    pairs = [
        (centred[apart:], centred[:-apart]),
        (centred[:, apart:], centred[:, :-apart]),
    ]
    count = sum(one.shape[0] * one.shape[1] for one, _ in pairs)
    shared = sum(np.einsum("ijc,ijc->c", one, other) for one, other in pairs)
    return float(np.abs(shared).max()) / max(1, count)


def _shrink(picture: npt.NDArray[Any], side: int, least_px: int = 1) -> npt.NDArray[Any]:
    """Average a picture down to at most `side` rows and columns of `least_px` pixels or more."""
    height, width = (max(1, min(side, length // least_px)) for length in picture.shape[:2])
    if picture.shape[:2] == (height, width):
        return picture
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
