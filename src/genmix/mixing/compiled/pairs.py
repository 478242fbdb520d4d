"""Mixing each sample of a batch with its partner, in one pass over the batch.

Images are planes of values, N x P x L, or of rows, N x P x H x W. A batch in channels-last order
has one plane, in which all channels of a pixel stand together. `out` may be the images themselves:
samples are then mixed in an order in which each finds its partner as it was. Partners are N indices
in [0, N - 1]; what there is one of for all samples comes as an array of length 1.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from genmix.mixing.compiled import compiled, compiled_part

Batch: TypeAlias = npt.NDArray[Any]
Indices: TypeAlias = npt.NDArray[np.int64]

_PIECE = 4096
"""Values that a core has at hand, to be copied and then mixed."""

_LONG = 48
"""Values in a row from which it is copied by itself; many short ones take longer than a mask."""


@compiled
def blend(out: Batch, values: Batch, partners: Indices, shares: Batch, inplace: bool) -> None:
    """Write share x_i + (1 - share) x_j, for images as for targets.

    Args:
        out: N x L, float or uint8, which is rounded.
        values: x, likewise.
        partners: j of each i.
        shares: Of each sample or of all, float; in whose type the sum is done.
        inplace: Whether `out` is `values`.
    """
    held = np.empty_like(values[0])
    for i, j, leads in _turns(partners, inplace):
        if leads:
            _hold(held, values[i])
        other = held if j < 0 else values[j]
        share = shares[i % len(shares)]
        for start in range(0, len(held), _PIECE):
            mixed = out[i, start : start + _PIECE]
            if not inplace:
                _copy(mixed, values[i, start : start + _PIECE])
            _lerp(mixed, other[start : start + _PIECE], share)


@compiled
def blend_spots(
    out: Batch, images: Batch, partners: Indices, tall: Batch, wide: Batch, inplace: bool
) -> None:
    """Write w x_i + (1 - w) x_j, the weight w of a value being that of its row by its column's.

    Args:
        out: N x P x L, float or uint8, which is rounded.
        images: x, likewise.
        partners: j of each i.
        tall: Weights of rows, float, N or 1 x H; H W = L.
        wide: Weights of columns, float, N or 1 x W.
        inplace: Whether `out` is `images`.
    """
    weights = np.empty(tall.shape[1] * wide.shape[1], wide.dtype)
    if len(tall) == 1:
        _multiply(weights, tall[0], wide[0])
    held = np.empty_like(images[0])
    for i, j, leads in _turns(partners, inplace):
        if leads:
            _hold(held, images[i])
        other = held if j < 0 else images[j]
        if len(tall) > 1:
            _multiply(weights, tall[i], wide[i])
        for p in range(images.shape[1]):
            mixed = out[i, p]
            if not inplace:
                _copy(mixed, images[i, p])
            _lerp_each(mixed, other[p], weights)


@compiled
def select(
    out: Batch, images: Batch, partners: Indices, taken: npt.NDArray[np.bool_], inplace: bool
) -> None:
    """Write x_j where a mask says so, else x_i.

    Args:
        out: N x P x L, whole numbers as wide as the values.
        images: x, likewise.
        partners: j of each i.
        taken: N or 1 x L, true where a value is the partner's.
        inplace: Whether `out` is `images`.
    """
    bits = np.empty_like(images[0, 0])
    if len(taken) == 1:
        _spread(bits, taken[0])
    held = np.empty_like(images[0])
    for i, j, leads in _turns(partners, inplace):
        if leads:
            _hold(held, images[i])
        other = held if j < 0 else images[j]
        if len(taken) > 1:
            _spread(bits, taken[i])
        for p in range(images.shape[1]):
            mixed, theirs = out[i, p], other[p]
            if not inplace:
                _copy(mixed, images[i, p])
            _select(mixed, theirs, bits)


@compiled
def paste(
    out: Batch, images: Batch, partners: Indices, boxes: Indices, width: int, inplace: bool
) -> None:
    """Write x_i, and in its box x_j.

    Args:
        out: N x P x L, whole numbers as wide as the values.
        images: x, likewise.
        partners: j of each i.
        boxes: First and last row, first and last column, ends excluded: N or 1 x 4.
        width: Values in a row.
        inplace: Whether `out` is `images`.
    """
    bits = np.empty_like(images[0, 0])
    masks = width < _LONG
    if masks and len(boxes) == 1:
        _draw_box(bits, boxes[0], width)
    held = np.empty_like(images[0])
    for i, j, leads in _turns(partners, inplace):
        if leads:
            _hold(held, images[i])
        other = held if j < 0 else images[j]
        top, bottom, left, right = boxes[i % len(boxes)]
        if masks and len(boxes) > 1:
            _draw_box(bits, boxes[i], width)
        for p in range(len(held)):
            mixed, theirs = out[i, p], other[p]
            if not inplace:
                _copy(mixed, images[i, p])
            if masks:
                start, end = top * width, bottom * width
                _select(mixed[start:end], theirs[start:end], bits[start:end])
                continue
            for start in range(top * width + left, bottom * width + left, width):
                end = start + max(0, right - left)
                _copy(mixed[start:end], theirs[start:end])


@compiled
def paste_resized(
    out: Batch, images: Batch, partners: Indices, boxes: Indices, channels: int, inplace: bool
) -> None:
    """Write x_i, and in its box all of x_j, resized to the nearest pixel.

    Pixel (y, x) of a box of h x w is x_j's at floor((y + ½) H / h) and floor((x + ½) W / w).

    Args:
        out: N x P x H x W C, of any type.
        images: x, likewise.
        partners: j of each i.
        boxes: First and last row, first and last column, ends excluded, in pixels: N or 1 x 4.
        channels: C, values of a pixel that stand together.
        inplace: Whether `out` is `images`.
    """
    height, width = images.shape[2], images.shape[3] // channels
    sources = np.empty(images.shape[3], np.uint64)
    held = np.empty_like(images[0])
    for i, j, leads in _turns(partners, inplace):
        if leads:
            _hold(held, images[i])
        other = held if j < 0 else images[j]
        top, bottom, left, right = boxes[i % len(boxes)]
        tall, wide = bottom - top, right - left
        for x in range(wide):
            nearest = (2 * x + 1) * width // (2 * wide)
            for c in range(channels):
                sources[x * channels + c] = nearest * channels + c
        for p in range(len(held)):
            if not inplace:
                _copy_rows(out[i, p], images[i, p])
            into = out[i, p, top:bottom, left * channels : right * channels]
            for y in range(into.shape[0]):
                row = other[p, (2 * y + 1) * height // (2 * tall)]
                for x in range(into.shape[1]):
                    into[y, x] = row[sources[x]]


@compiled_part
def _turns(partners: Indices, inplace: bool) -> Indices:
    """Order samples so that each comes before its partner, unless both are in one circle.

    Of a circle, the one that comes first leads: what it was is to be held, for the last.

    Returns:
        N x 3: the samples in their order, of each its partner, or -1 where that is what is held,
        and 1 if it leads a circle. Without `inplace` as they stand, and none leads.
    """
    count = len(partners)
    turns = np.zeros((count, 3), np.int64)
    if not inplace:
        turns[:, 0], turns[:, 1] = np.arange(count), partners
        return turns
    wanted = np.zeros(count, np.int64)
    for i in range(count):
        wanted[partners[i]] += 1
    done = 0
    for start in range(count):
        i = start
        while wanted[i] == 0:
            wanted[i] = -1
            turns[done, 0], turns[done, 1] = i, partners[i]
            done += 1
            i = partners[i]
            wanted[i] -= 1
    for start in range(count):
        i = start
        while wanted[i] > 0:
            wanted[i] = -1
            turns[done, 0], turns[done, 2] = i, i == start
            i = partners[i]
            turns[done, 1] = -1 if i == start else i
            done += 1
    return turns


@compiled_part
def _hold(held: Batch, sample: Batch) -> None:
    _copy(held.reshape(-1), sample.reshape(-1))


@compiled_part
def _lerp(mixed: Batch, other: Batch, share: Any) -> None:
    """Move values towards others, of which 1 - share is taken: of equal ones, nothing changes."""
    number = type(share)
    rest = number(1) - share
    if mixed.itemsize == 1:
        for x in range(len(mixed)):
            first = number(other[x])
            mixed[x] = np.int32(np.rint(first + share * (number(mixed[x]) - first)))
    elif share < 0.5:
        for x in range(len(mixed)):
            mixed[x] = other[x] + share * (mixed[x] - other[x])
    else:
        for x in range(len(mixed)):
            mixed[x] -= rest * (mixed[x] - other[x])


@compiled_part
def _lerp_each(mixed: Batch, other: Batch, shares: Batch) -> None:
    """Do as `_lerp`, each value with a share of its own."""
    number = shares.dtype.type
    half, one = number(0.5), number(1)
    for x in range(len(mixed)):
        first, last = number(other[x]), number(mixed[x])
        if shares[x] < half:
            value = first + shares[x] * (last - first)
        else:
            value = last - (one - shares[x]) * (last - first)
        mixed[x] = np.int32(np.rint(value)) if mixed.itemsize == 1 else value


@compiled_part
def _multiply(weights: Batch, tall: Batch, wide: Batch) -> None:
    for y in range(len(tall)):
        for x in range(len(wide)):
            weights[y * len(wide) + x] = tall[y] * wide[x]


@compiled_part
def _select(mixed: Batch, other: Batch, bits: Batch) -> None:
    for x in range(len(bits)):
        mixed[x] ^= (mixed[x] ^ other[x]) & bits[x]


@compiled_part
def _draw_box(bits: Batch, box: Indices, width: int) -> None:
    """Set all bits of the numbers in a box, and none of others."""
    top, bottom, left, right = box
    for x in range(len(bits)):
        bits[x] = 0
    for start in range(top * width, bottom * width, width):
        row = bits[start + left : start + max(left, right)]
        for x in range(len(row)):
            row[x] = -1


@compiled_part
def _spread(bits: Batch, taken: npt.NDArray[np.bool_]) -> None:
    """Set all bits of a number where the mask is true, else none."""
    for x in range(len(bits)):
        bits[x] = -np.int64(taken[x])


@compiled_part
def _copy(into: Batch, values: Batch) -> None:
    for x in range(len(into)):
        into[x] = values[x]


@compiled_part
def _copy_rows(into: Batch, values: Batch) -> None:
    for y in range(into.shape[0]):
        for x in range(into.shape[1]):
            into[y, x] = values[y, x]
