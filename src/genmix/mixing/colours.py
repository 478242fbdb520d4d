"""Operations on levels: each pixel of a channel by its level alone, and by the channel's others.

Those that end in `_` change NumPy's pictures in place, on the CPU; `…_many` are their counterparts
in torch for another device. Which operation takes which, and how strong it may be, is for
`genmix.mixing.operations`.
"""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genmix.mixing.levels import Levels
from genmix.mixing.steps import Numbers, Steps


def autocontrast_(pictures: Levels, _: Numbers) -> None:
    """Stretch the levels of each channel to the whole range."""
    rows = _rows(pictures)
    low = rows.min(axis=1).astype(np.float64)[:, None]
    high = rows.max(axis=1).astype(np.float64)[:, None]
    scale = 255 / np.maximum(high - low, 1)
    tables = np.clip(_RAMP * scale - low * scale, 0, 255).astype(np.uint8)
    tables[(high == low)[:, 0]] = _RAMP
    _look_up_(rows, tables)


def equalize_(pictures: Levels, _: Numbers) -> None:
    """Even the histogram by Pillow's rule, which leaves out the brightest level that occurs."""
    rows = _rows(pictures)
    counts = _histograms(rows)
    brightest = 255 - (counts[:, ::-1] > 0).argmax(axis=1)
    others = counts.sum(axis=1) - counts[np.arange(len(counts)), brightest]
    step = (others // 255)[:, None]
    below = counts.cumsum(axis=1) - counts
    # Rounded down when it is stored; floats divide several times as fast as whole numbers.
    tables = np.minimum((below + step // 2) / np.maximum(step, 1), 255).astype(np.uint8)
    tables[step[:, 0] == 0] = _RAMP
    _look_up_(rows, tables)


def posterize_(pictures: Levels, magnitudes: Numbers) -> None:
    """Keep so many of the highest bits."""
    pictures &= _column(_kept_bits(magnitudes))


def solarize_(pictures: Levels, magnitudes: Numbers) -> None:
    """Negate the levels from the threshold on."""
    # A negative is 255 - x, which is x ^ 255; no level reaches a threshold of 256.
    bright = pictures >= _column(np.minimum(magnitudes, 255).astype(np.uint8))
    pictures ^= bright * _column(np.where(magnitudes > 255, 0, 255).astype(np.uint8))


def invert_(pictures: Levels, _: Numbers) -> None:
    """Negate all levels."""
    np.invert(pictures, out=pictures)


def autocontrast_many(levels: Tensor, _: Steps) -> Tensor:
    """Look levels up in the same tables as `autocontrast_`; float64 makes them the same."""
    flat = levels.flatten(2)
    low, high = (edge.double() for edge in torch.aminmax(flat, dim=2, keepdim=True))
    # `255 / x` would be 255 times a rounded 1 / x.
    scale = torch.full_like(high, 255) / (high - low).clamp_min(1)
    ramp = torch.arange(256, device=levels.device)
    stretched = (ramp * scale - low * scale).clamp_(0, 255)
    tables = torch.where(high > low, stretched, ramp.double()).to(torch.uint8)
    return tables.gather(2, flat.long()).view_as(levels)


def equalize_many(levels: Tensor, _: Steps) -> Tensor:
    """Even the histogram of each channel as Pillow does."""
    from torchvision.transforms.v2 import functional as vision

    return vision.equalize(levels)


def posterize_many(levels: Tensor, steps: Steps) -> Tensor:
    """Keep so many of the highest bits."""
    bits = torch.from_numpy(_kept_bits(steps.magnitudes)).to(levels.device, non_blocking=True)
    return levels & bits.view(-1, 1, 1, 1)


def solarize_many(levels: Tensor, steps: Steps) -> Tensor:
    """Negate the levels from the threshold on."""
    # A threshold may be 256, which no byte holds.
    thresholds = torch.from_numpy(steps.magnitudes.astype(np.int16))
    thresholds = thresholds.to(levels.device, non_blocking=True).view(-1, 1, 1, 1)
    return torch.where(levels >= thresholds, 255 - levels, levels)


def invert_many(levels: Tensor, _: Steps) -> Tensor:
    """Negate all levels."""
    return 255 - levels


_RAMP = np.arange(256, dtype=np.uint8)


def _rows(pictures: Levels) -> Levels:
    """View each channel of each picture as a row."""
    return pictures.reshape(-1, pictures.shape[2] * pictures.shape[3])


def _histograms(rows: Levels) -> npt.NDArray[np.int64]:
    """Count the levels in each row."""
    if rows.shape[1] > _LONG:
        each = [cv2.calcHist([row], [0], None, [256], [0, 256]).ravel() for row in rows]
        return np.stack(each).astype(np.int64)
    counts = np.empty((len(rows), 256), np.int64)
    for at in _pieces(rows):
        into = counts[at]
        places = torch.from_numpy((rows[at] + 256 * np.arange(len(into))[:, None]).ravel())
        into[:] = torch.bincount(places, minlength=into.size).view(into.shape).numpy()
    return counts


def _look_up_(rows: Levels, tables: Levels) -> None:
    """Replace each row's levels by its table's."""
    if rows.shape[1] > _LONG:
        for row, table in zip(rows, tables, strict=True):
            cv2.LUT(row, table, dst=row)
        return
    for at in _pieces(rows):
        values = torch.from_numpy(rows[at])
        values.copy_(torch.from_numpy(tables[at]).gather(1, values.long()))


_LONG = 5000
"""Pixels from which OpenCV, channel by channel, is quicker than torch is with many at once."""


def _pieces(rows: Levels) -> Iterator[slice]:
    """Cut rows into pieces that torch does not divide among threads.

    On a busy machine these wait for one another, for longer than all the work takes.
    """
    length = 32_768 // rows.shape[1]
    return (slice(k, k + length) for k in range(0, len(rows), length))


def _kept_bits(magnitudes: Numbers) -> Levels:
    return (256 - 2 ** (8 - magnitudes)).astype(np.uint8)


def _column(values: Levels) -> Levels:
    return values[:, None, None, None]
