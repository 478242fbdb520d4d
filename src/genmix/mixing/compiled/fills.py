"""Filling boxes of pictures, in one pass over the batch.

Images are N x P x H x W: planes of rows. A batch in channels-last order has one plane, whose rows
hold all channels of each pixel, W C values.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from genmix.mixing.compiled import compiled, compiled_part

Values: TypeAlias = npt.NDArray[Any]


@compiled
def fill_boxes(
    out: Values,
    images: Values,
    boxes: npt.NDArray[np.int64],
    filling: Values,
    channels: int,
    inplace: bool,
) -> None:
    """Write x, and in its box what hides it.

    Args:
        out: N x P x H x W C, of any type.
        images: x, likewise.
        boxes: First and last row, first and last column, ends excluded, in pixels: N or 1 x 4.
        filling: What hides, P or 1 x values that repeat along a row.
        channels: C, values of a pixel that stand together.
        inplace: Whether `out` is `images`.
    """
    rows = _repeat(filling, out.shape[3])
    for i in range(len(out)):
        top, bottom, left, right = boxes[i % len(boxes)]
        start, end = left * channels, right * channels
        for p in range(out.shape[1]):
            row = rows[p % len(rows), start:end]
            if not inplace:
                for y in range(out.shape[2]):
                    _copy(out[i, p, y], images[i, p, y])
            for y in range(top, bottom):
                _copy(out[i, p, y, start:end], row)


@compiled_part
def _repeat(values: Values, length: int) -> Values:
    rows = np.empty((len(values), length), values.dtype)
    for p in range(len(values)):
        for x in range(length):
            rows[p, x] = values[p, x % values.shape[1]]
    return rows


@compiled_part
def _copy(into: Values, values: Values) -> None:
    for x in range(len(into)):
        into[x] = values[x]
