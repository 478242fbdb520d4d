"""Three screens that need no model: blank edits, unchanged edits, edits whose structure is lost.

They catch what goes wrong with editors of every kind, in about a millisecond a pair. Whether an
edit still shows the same thing to a network is for the screens with an encoder to say.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from genmix.images import Image
from genmix.screening.screen import Screen, Verdict

_Field = npt.NDArray[np.float32]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BlankSettings(_Settings):
    """When an edit counts as blank.

    Attributes:
        min_contrast: Least contrast of an edit that is kept, in levels of 255; see `contrast`.
    """

    min_contrast: float = Field(default=4.0, ge=0, le=128)


class UnchangedSettings(_Settings):
    """When an edit counts as its original over again.

    Attributes:
        min_difference: Least difference of an edit that is kept, in levels of 255; see
            `difference`.
    """

    min_difference: float = Field(default=4.0, ge=0, le=255)


class StructureSettings(_Settings):
    """When an edit counts as a picture of something else.

    Attributes:
        min_similarity: Least similarity of an edit that is kept, in [-1, 1]; see `similarity`.
    """

    min_similarity: float = Field(default=0.2, ge=-1, le=1)


class ScreenSettings(_Settings):
    """Which screens look at the edits, and their limits; None turns one off."""

    blank: BlankSettings | None = BlankSettings()
    unchanged: UnchangedSettings | None = UnchangedSettings()
    structure: StructureSettings | None = StructureSettings()


def open_screens(settings: ScreenSettings) -> list[Screen]:
    """Open the screens that are turned on, the cheapest to explain first."""
    screens: list[Screen] = []
    if settings.blank:
        screens.append(BlankScreen(settings.blank))
    if settings.unchanged:
        screens.append(UnchangedScreen(settings.unchanged))
    if settings.structure:
        screens.append(StructureScreen(settings.structure))
    return screens


class BlankScreen:
    """Rejects blank and near-constant edits of any colour; its score is `contrast`."""

    name = "blank"

    def __init__(self, settings: BlankSettings | None = None) -> None:
        self.settings = settings or BlankSettings()

    def judge(self, originals: Sequence[Image], edits: Sequence[Image]) -> list[Verdict]:
        """Judge each edit by itself; see `Screen`."""
        _check(originals, edits)
        limit = self.settings.min_contrast
        return [_verdict("blank: contrast", contrast(edit), limit) for edit in edits]


class UnchangedScreen:
    """Rejects edits that equal their original up to recompression; its score is `difference`."""

    name = "unchanged"

    def __init__(self, settings: UnchangedSettings | None = None) -> None:
        self.settings = settings or UnchangedSettings()

    def judge(self, originals: Sequence[Image], edits: Sequence[Image]) -> list[Verdict]:
        """Judge each edit against the original at the same position; see `Screen`."""
        _check(originals, edits)
        limit = self.settings.min_difference
        return [
            _verdict("unchanged: difference", difference(original, edit), limit)
            for original, edit in zip(originals, edits, strict=True)
        ]


class StructureScreen:
    """Rejects edits in which the original's layout is lost; its score is `similarity`."""

    name = "structure"

    def __init__(self, settings: StructureSettings | None = None) -> None:
        self.settings = settings or StructureSettings()

    def judge(self, originals: Sequence[Image], edits: Sequence[Image]) -> list[Verdict]:
        """Judge each edit against the original at the same position; see `Screen`."""
        _check(originals, edits)
        limit = self.settings.min_similarity
        return [
            _verdict("structure: similarity", similarity(original, edit), limit, digits=2)
            for original, edit in zip(originals, edits, strict=True)
        ]


def contrast(picture: Image) -> float:
    """Measure how far a picture is from one flat colour.

    The standard deviation of a small copy in its liveliest channel, from the covariance of
    neighbours instead of the variance: noise from pixel to pixel has none, so that a blank picture
    stays blank under sensor noise and compression.

    Args:
        picture: uint8, height x width x 3.

    Returns:
        Levels of 255, 0 for a flat picture.
    """
    small = _shrink(picture, _BLANK_SIDE).astype(np.float32)
    small -= small.mean(axis=(0, 1))
    together = [
        np.einsum("ijc,ijc->c", ahead, behind) / max(1, ahead.shape[0] * ahead.shape[1])
        for ahead, behind in ((small[1:], small[:-1]), (small[:, 1:], small[:, :-1]))
    ]
    return float(np.sqrt(max(0.0, float(np.mean(together, axis=0).max()))))


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
    gap = cv2.absdiff(original, edit)
    squares = cv2.multiply(gap, gap, dtype=cv2.CV_16U)
    cells = _shrink(squares, _CHANGE_SIDE)
    return float(np.sqrt(cells.mean(axis=2, dtype=np.float64).max()))


def similarity(original: Image, edit: Image) -> float:
    """Measure how much of the original's layout of edges is still there.

    Args:
        original: uint8, height x width x 3.
        edit: Of the same size.

    Returns:
        In [-1, 1]: 1 for the same layout, about 0 for another picture's. Where the original has no
        structure to keep, 1.
    """
    before = _edges(original)
    if not before.any():
        return 1.0
    after = _edges(edit)
    norm = float(np.linalg.norm(before)) * float(np.linalg.norm(after))
    return float(np.clip(float(np.vdot(before, after)) / norm, -1, 1)) if norm > 0 else 0.0


_BLANK_SIDE = 64
"""Side of the copy in which contrast is measured."""

_CHANGE_SIDE = 32
"""Cells a side of the grid in which changes are sought."""

_EDGE_SIDE = 128
"""Side of the copy in which edges are found."""

_CELLS = 16
"""Cells a side of the grid in which edges are counted."""

_FAINT = 12.0
"""Strength of an edge, in levels a pixel of the copy, at which it counts half."""


def _edges(picture: Image) -> _Field:
    """Describe the layout of edges: cells x cells x (strength and direction modulo 180°).

    A double angle turns opposite gradients into the same direction, so that inverted contrast
    (chalk on a board) changes nothing. Centred over the cells; all zero without edges.
    """
    grey = cv2.cvtColor(_shrink(picture, _EDGE_SIDE), cv2.COLOR_RGB2GRAY).astype(np.float32)
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=0.25)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.25)
    strength = cv2.magnitude(across, down)
    weight = 1 / (strength + _FAINT)
    per_strength = weight / np.maximum(strength, 1e-6)
    planes = cv2.merge(
        [
            strength * weight,
            (across * across - down * down) * per_strength,
            2 * across * down * per_strength,
        ]
    )
    cells = _shrink(planes, _CELLS)
    return cells - cells.mean(axis=(0, 1))


def _shrink(picture: npt.NDArray[np.generic], side: int) -> npt.NDArray[np.generic]:
    """Average a picture, or planes, down to at most `side` rows and columns."""
    height, width = min(picture.shape[0], side), min(picture.shape[1], side)
    if picture.shape[:2] == (height, width):
        return picture
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def _verdict(what: str, score: float, limit: float, digits: int = 1) -> Verdict:
    if score >= limit:
        return Verdict(True, score)
    return Verdict(False, score, f"{what} {score:.{digits}f} below {limit:.{digits}f}")


def _check(originals: Sequence[Image], edits: Sequence[Image]) -> None:
    """Refuse pairs that do not fit, before any is judged."""
    if len(originals) != len(edits):
        raise ValueError(f"{len(originals)} originals but {len(edits)} edits: give pairs")
    for original, edit in zip(originals, edits, strict=True):
        if original.shape != edit.shape:
            sizes = " and ".join("x".join(map(str, p.shape)) for p in (original, edit))
            raise ValueError(f"an original and its edit differ in size: {sizes}")
