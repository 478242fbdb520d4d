"""Blending levels into batches: the sums of AugMix, the rounds of PixMix, the patches of IPMix.

Pictures are rows of values here, and only `mix_patches` looks at their rows and columns. Images are
uint8, or floats in [0, 1]; floats from 0 to 255 are blended, of the type of the images or float32.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from genmix.mixing.compiled import compiled, compiled_part
from genmix.mixing.steps import NONE, Codes, Numbers

Bytes = npt.NDArray[np.uint8]
Values = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]
Real = float | np.floating[Any]

ADD, MULTIPLY, SWAP_PIXELS, SWAP_VALUES = range(4)
"""Ways of mixing."""

GREY = 127.5

BLACK = 1e-37 * GREY
"""What black counts as, so that a negative power of it is finite; it is the authors' value."""

_LENGTH = 1024
"""Values that are blended at once, which stay in the nearest cache."""

_LOGS: Numbers = np.log2(np.maximum(np.arange(256), BLACK))
"""Of each level."""


@compiled
def round_to_levels(values: Values, scale: Real, levels: Bytes) -> None:
    """Round floats times a scale, of their type, to 256 levels."""
    black, white = values.dtype.type(0), values.dtype.type(255)
    for i in range(values.size):
        # What is not a number becomes black.
        levels[i] = np.uint8(np.rint(min(max(black, values[i] * scale), white)))


@compiled
def add_up(images: Values, levels: Bytes, shares: Values, top: Real, mixed: Values) -> None:
    """Compute s_0 x + Σ_k s_k x_k, cut to the images' range.

    Args:
        images: x, N x P.
        levels: x_k, K x N x P.
        shares: s, N x (1 + K), of the type to compute with; those of levels turn them into the
            images' range.
        top: Of the images' range; of the same type.
        mixed: As the images, written to; may be the images.
    """
    count, size = images.shape
    number = shares.dtype.type
    line = np.empty(_LENGTH, shares.dtype)
    for n in range(count):
        for start in range(0, size, _LENGTH):
            own = images[n, start : start + _LENGTH]
            exact = line[: own.size]
            for i in range(own.size):
                exact[i] = shares[n, 0] * _cut(number(own[i]), top)
            for k in range(len(levels)):
                share, each = shares[n, k + 1], levels[k, n, start : start + _LENGTH]
                for i in range(each.size):
                    exact[i] += share * number(each[i])
            _write(exact, number(1), top, mixed[n, start : start + _LENGTH])


@compiled
def mix_rounds(
    images: Values,
    augmented: Bytes,
    pictures: Bytes,
    places: Indices,
    methods: Codes,
    a: Values,
    b: Values,
    scale: Real,
    mixed: Values,
) -> None:
    """Blend pictures, or augmented copies, into each image in rounds.

    Args:
        images: N x P.
        augmented: M x P.
        pictures: N x P.
        places: N x (1 + R); which copy each image begins as, and which is mixed in in each round;
            negative where it is the image itself, or its picture.
        methods: N x R; `ADD`, `MULTIPLY` or `NONE`.
        a: N x R, of the image's coefficients; of the type to compute with.
        b: N x R, of what is mixed in.
        scale: From the images' range to 255, of the same type.
        mixed: As the images, written to; may be the images.
    """
    count, rounds = methods.shape
    size = images.shape[1]
    number = a.dtype.type
    line, terms = np.empty(_LENGTH, a.dtype), np.empty(_LENGTH, a.dtype)
    tables = np.empty((rounds, 256), a.dtype)
    ones, powers = np.empty(_LENGTH, np.float32), np.empty(_LENGTH, np.float32)
    for n in range(count):
        for r in range(rounds):
            if methods[n, r] == MULTIPLY:
                _fill(a[n, r], b[n, r], tables[r])
        for start in range(0, size, _LENGTH):
            end = min(start + _LENGTH, size)
            exact = line[: end - start]
            if places[n, 0] < 0:
                own = images[n, start:end]
                for i in range(own.size):
                    exact[i] = _cut(number(own[i]) * scale, number(255))
            else:
                copy = augmented[places[n, 0], start:end]
                for i in range(copy.size):
                    exact[i] = copy[i]
            for r in range(rounds):
                if methods[n, r] != NONE:
                    place = places[n, r + 1]
                    other = pictures[n, start:end] if place < 0 else augmented[place, start:end]
                    table, coefficients = tables[r], (a[n, r], b[n, r])
                    _blend(methods[n, r], exact, other, *coefficients, table, terms, ones, powers)
            _write(exact, 1 / scale, number(255), mixed[n, start:end])


@compiled
def mix_patches(
    levels: Bytes,
    pictures: Bytes,
    methods: Codes,
    boxes: Indices,
    a: Numbers,
    b: Numbers,
    starts: Indices,
    limits: Indices,
    noise: Bytes,
) -> None:
    """Mix patches of pictures into changed copies of images, one after the other.

    Args:
        levels: K x N x C x H x W, written to.
        pictures: N x C x H x W.
        methods: N x K x depth; `NONE` where there is no patch.
        boxes: N x K x depth x 4; top, bottom, left, right.
        a: N x K x depth, of the coefficients to add and multiply with.
        b: N x K x depth.
        starts: N x K x depth, where each patch's noise starts.
        limits: N x K x depth; where noise is lower, what is there stays.
        noise: Bytes for the pixels and values of patches that swap, row by row.
    """
    count, width, depth = methods.shape
    channels, columns = levels.shape[2], levels.shape[4]
    line, terms = np.empty(columns, np.float32), np.empty(columns, np.float32)
    ones, powers = np.empty(columns, np.float32), np.empty(columns, np.float32)
    table = np.empty(256, np.float32)
    for n in range(count):
        for k in range(width):
            for d in range(depth):
                method = methods[n, k, d]
                if method == NONE:
                    continue
                top, bottom, left, right = boxes[n, k, d]
                coefficients = np.float32(a[n, k, d]), np.float32(b[n, k, d])
                if method == MULTIPLY:
                    _fill(*coefficients, table)
                exact = line[: right - left]
                at, limit = starts[n, k, d], limits[n, k, d]
                for c in range(channels):
                    if method == SWAP_PIXELS:
                        at = starts[n, k, d]
                    for y in range(top, bottom):
                        mine, other = levels[k, n, c, y, left:right], pictures[n, c, y, left:right]
                        if method in (ADD, MULTIPLY):
                            for i in range(mine.size):
                                exact[i] = mine[i]
                            _blend(method, exact, other, *coefficients, table, terms, ones, powers)
                            _write(exact, np.float32(1), np.float32(255), mine)
                        else:
                            drawn = noise[at : at + right - left]
                            at += right - left
                            for i in range(mine.size):
                                mine[i] = mine[i] if drawn[i] < limit else other[i]


@compiled_part
def _cut(value: Real, top: Real) -> Real:
    """Cut to 0 and the top; what is not a number stays so."""
    return min(max(value, top - top), top)


@compiled_part
def _write(exact: Values, scale: Real, top: Real, values: Values) -> None:
    """Write floats, cut to 0 and the top, times a scale; rounded where they become uint8."""
    if values.itemsize == 1:
        for i in range(values.size):
            values[i] = np.uint8(np.rint(_cut(exact[i], top)))
    else:
        for i in range(values.size):
            values[i] = _cut(exact[i], top) * scale


@compiled_part
def _fill(a: Real, b: Real, table: Values) -> None:
    """Fill a table with what each level adds to the logarithm of a product."""
    rest = (1 - np.float64(a) - np.float64(b)) * np.log2(GREY)
    for level in range(256):
        table[level] = b * _LOGS[level] + rest


@compiled_part
def _blend(
    method: int,
    exact: Values,
    other: Bytes,
    a: Real,
    b: Real,
    table: Values,
    terms: Values,
    ones: Values,
    powers: Values,
) -> None:
    """Blend floats with levels in place, and cut to 0 and 255; the last three are room to work."""
    number = exact.dtype.type
    if method == ADD:
        rest = (number(1) - a - b) * number(GREY)
        for i in range(exact.size):
            exact[i] = a * exact[i] + b * number(other[i]) + rest
    else:
        for i in range(exact.size):
            terms[i] = table[other[i]]
        if exact.itemsize == 8:
            for i in range(exact.size):
                exact[i] = np.exp2(a * np.log2(max(exact[i], BLACK)) + terms[i])
        else:
            _multiply(exact, a, terms, ones, powers)
    for i in range(exact.size):
        exact[i] = _cut(exact[i], number(255))


@compiled_part
def _multiply(exact: Values, a: Real, terms: Values, ones: Values, powers: Values) -> None:
    """Compute 2^(a log2 x + terms) of float32 in place, many at once, by short series.

    A number is m 2^e with m in [1/√2, √2): its logarithm is e + 2/ln 2 (t + t³/3 + …) with
    t = (m - 1) / (m + 1); a power of 2 is that of its whole part times a series of the rest.
    """
    bits, whole = ones.view(np.int32), powers.view(np.int32)
    for i in range(exact.size):
        ones[i] = max(exact[i], np.float32(BLACK))
    for i in range(exact.size):
        e = np.int32(np.int32(bits[i] - np.int32(0x3F3504F3)) >> 23)
        exact[i] = e
        bits[i] = np.int32(bits[i] - np.int32(e << 23))
    for i in range(exact.size):
        t = (ones[i] - np.float32(1)) / (ones[i] + np.float32(1))
        s = t * t
        series = (np.float32(2 / 9) * s + np.float32(2 / 7)) * s + np.float32(2 / 5)
        series = (series * s + np.float32(2 / 3)) * s + np.float32(2)
        power = a * (exact[i] + t * series * np.float32(1 / np.log(2))) + terms[i]
        power = min(max(power, np.float32(-126)), np.float32(127))
        nearest = np.rint(power)
        whole[i] = np.int32(np.int32(np.int32(nearest) + 127) << 23)
        x = (power - nearest) * np.float32(np.log(2))
        series = ((x * np.float32(1 / 720) + np.float32(1 / 120)) * x + np.float32(1 / 24)) * x
        series = ((series + np.float32(1 / 6)) * x + np.float32(1 / 2)) * x + np.float32(1)
        exact[i] = series * x + np.float32(1)
    for i in range(exact.size):
        exact[i] *= powers[i]
