"""What a picture looks like in five numbers, and whether it is there twice. No model in here."""

from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from genmix.auditing.certainty import Floats
from genmix.images import Image, resize

MEASURES = ("brightness", "contrast", "colour", "warmth", "sharpness")
"""What `describe` measures, in order; see there."""


def describe(picture: Image) -> Floats:
    """Measure a picture, in a copy of at most 256 pixels a side, in the colour space CIELAB.

    Args:
        picture: uint8, height x width x 3, RGB.

    Returns:
        For each of `MEASURES`: brightness, the mean lightness L*, 0 to 100; contrast, the standard
        deviation of L*; colour, the mean chroma, 0 for grey; warmth, the mean b*, from blue (below
        0) to yellow; sharpness, log2 of the variance of L*'s Laplacian (Pech-Pacheco et al., ICPR
        2000), so that 1 more is twice the variance.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    small = resize(picture, max(1, round(height * scale)), max(1, round(width * scale)))
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    light, across = lab[..., 0], lab[..., 1:]
    edges = float(cv2.Laplacian(light, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE).var())
    return np.array(
        [
            light.mean(dtype=np.float64),
            light.std(dtype=np.float64),
            np.sqrt(np.square(across).sum(axis=2)).mean(dtype=np.float64),
            lab[..., 2].mean(dtype=np.float64),
            np.log2(edges + _FLAT),
        ]
    )


def thumbnail(picture: Image) -> Image:
    """Return a copy of 16 x 16 pixels, by which `twins` compares, as a row of 768."""
    return cv2.resize(picture, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA).reshape(-1)


def twins(
    hashes: Sequence[str], thumbnails: npt.NDArray[np.uint8]
) -> tuple[list[bool], list[bool]]:
    """Find the pictures that are there twice.

    Args:
        hashes: Of each picture's bytes.
        thumbnails: Pictures x 768, as `thumbnail` gives them.

    Returns:
        For each picture, whether another has the same bytes; and whether another is nearly the
        same: no cell of a grid of 16 x 16 differs by more than 6 levels of 255, as in the screen
        `duplicates`. A picture with the same bytes is nearly the same, too.
    """
    counts = Counter(hashes)
    near = np.zeros(len(hashes), bool)
    values = thumbnails.astype(np.float32)
    squares = np.square(values).sum(axis=1)
    for start in range(0, len(values), _ROWS):
        rows = values[start : start + _ROWS]
        apart = squares[start : start + _ROWS, None] + squares - 2 * rows @ values.T
        # If no cell differs by more than the limit, neither do all of them on average.
        ones, others = np.nonzero(apart <= values.shape[1] * _NEAR**2 + 1)
        for one, other in zip((ones + start).tolist(), others.tolist(), strict=True):
            known = one >= other or (near[one] and near[other])
            if not known and _most_changed(values[one], values[other]) <= _NEAR:
                near[[one, other]] = True
    return [counts[name] > 1 for name in hashes], near.tolist()


_SIDE = 256
_CELLS = 16
_ROWS = 256

_NEAR = 6.0
"""Levels of 255; the limit of the screen `duplicates`."""

_FLAT = 2.0**-10
"""Keeps the logarithm of a flat picture's sharpness finite: -10."""


def _most_changed(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """Return the root mean square over the channels in the cell where it is greatest."""
    return float(np.sqrt(np.square(one - other).reshape(-1, 3).mean(axis=1).max()))
