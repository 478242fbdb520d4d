"""Boxes, M x 4: first and last row, first and last column, ends excluded."""

import math

import numpy as np
import numpy.typing as npt

from genmix.mixing.compiled import compiled

Floats = npt.NDArray[np.float64]
Boxes = npt.NDArray[np.int64]


@compiled
def boxes_around(places: Floats, shares: Floats, height: int, width: int) -> Boxes:
    """Make boxes around pixels; what lies outside of the picture is cut off.

    Args:
        places: Of the middles, 2 x M, shares of the height and of the width.
        shares: Of the picture's area that the boxes have as long as they are whole, M.
        height: Of the picture, in pixels.
        width: Likewise.
    """
    boxes = np.empty((len(shares), 4), np.int64)
    for i in range(len(shares)):
        half = 0.5 * math.sqrt(shares[i])
        for axis, side in enumerate((height, width)):
            middle, reach = int(places[axis, i] * side), int(half * side)
            boxes[i, 2 * axis] = max(0, middle - reach)
            boxes[i, 2 * axis + 1] = min(side, middle + reach)
    return boxes


@compiled
def boxes_within(places: Floats, shares: Floats, height: int, width: int) -> Boxes:
    """Make boxes that lie whole in the picture, of one pixel or more.

    Args:
        places: 2 x M, shares of the rows and of the columns that a box can begin at.
        shares: Of the picture's area that the boxes have, M.
        height: Of the picture, in pixels.
        width: Likewise.
    """
    boxes = np.empty((len(shares), 4), np.int64)
    for i in range(len(shares)):
        root = math.sqrt(shares[i])
        for axis, side in enumerate((height, width)):
            size = max(1, int(root * side))
            start = int(places[axis, i] * (side - size + 1))
            boxes[i, 2 * axis], boxes[i, 2 * axis + 1] = start, start + size
    return boxes


@compiled
def first_outside(boxes: Boxes, height: int, width: int) -> int:
    """Return the number of the first box with an edge outside of the picture, or -1."""
    for i in range(len(boxes)):
        for k in range(4):
            if not 0 <= boxes[i, k] <= (height if k < 2 else width):
                return i
    return -1
