"""What every family hands to the palette, and the steps that families share."""

from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Plane: TypeAlias = npt.NDArray[np.float32]
Points: TypeAlias = npt.NDArray[np.complex128]


class Field(NamedTuple):
    """A picture before it has colours.

    Attributes:
        phase: float32, side x side: the place in the palette in whole turns, so 0.25 and 1.25 are
            the same colour.
        light: float32, side x side: 0 is black, 1 the palette's own colour, 2 white.
    """

    phase: Plane
    light: Plane


def samples(size: int) -> int:
    """Return how many points a family samples along an edge of `size` pixels.

    One and a half a pixel: with `calm` that looks like two, for half the work.
    """
    return size + size // 2


def view(side: int, centre: complex, width: float, angle: float) -> Points:
    """Lay a square grid of sample points on the complex plane.

    Args:
        side: Points along an edge.
        centre: The middle of the square.
        width: Its edge, in units of the plane.
        angle: By how much it is turned, in radians.

    Returns:
        complex128, side x side.
    """
    steps = ((np.arange(side) + 0.5) / side - 0.5) * width
    turn = complex(np.cos(angle), np.sin(angle))
    return centre + turn * (steps[None, :] + 1j * steps[:, None])


def equalise(values: Plane, bins: int = 2048) -> Plane:
    """Spread values over [0, 1] so that each tenth of the range covers a tenth of the area.

    Args:
        values: float32, any shape, not empty, finite.
        bins: How finely the distribution is taken.

    Returns:
        float32 in [0, 1], the same shape, increasing with `values`.
    """
    low, high = values.min(), values.max()
    if high <= low:
        return np.zeros_like(values)
    place = np.float32(bins) * ((values - low) / (high - low))
    cell = np.minimum(place, bins - 1).astype(np.intp)
    share = (np.bincount(cell.ravel(), minlength=bins) / values.size).astype(np.float32)
    below = np.cumsum(share, dtype=np.float32) - share
    return below.take(cell) + (place - cell.astype(np.float32)) * share.take(cell)


def calm(values: Plane, contrast: float) -> Plane:
    """Take the mean of neighbours where they differ by more than a palette can show.

    Next to its boundary a fractal changes faster than any grid; single samples of it are grain.

    Args:
        values: float32, side x side.
        contrast: The difference among neighbours at which half of it is taken away.

    Returns:
        float32, side x side.
    """
    mean = _blurred(values, 1.5)
    deviation = _blurred(np.abs(values - mean), 1.5)
    return values + deviation / (deviation + np.float32(contrast)) * (mean - values)


def relief(height: Plane, azimuth: float, strength: float) -> Plane:
    """Light a surface from the side, as a hill is shaded on a map.

    Args:
        height: float32, side x side.
        azimuth: Where the light comes from, in radians.
        strength: 0 for none; at 1 a slope of twice the median is tilted by 45 degrees.

    Returns:
        float32, side x side, 1 on level ground, in [0.3, 1.7].
    """
    east = cv2.Scharr(height, cv2.CV_32F, 1, 0)
    north = cv2.Scharr(height, cv2.CV_32F, 0, 1)
    steepness = cv2.magnitude(east, north)
    scale = np.float32(strength / (2 * float(np.median(steepness)) + 1e-9))
    towards = np.float32(np.cos(azimuth)) * east + np.float32(np.sin(azimuth)) * north
    return 1 + np.float32(0.7) * scale * towards / np.sqrt(1 + np.square(scale * steepness))


def _blurred(values: Plane, sigma: float) -> Plane:
    return cv2.GaussianBlur(values, (0, 0), sigma).astype(np.float32, copy=False)
