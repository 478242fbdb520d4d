"""The operations of `genmix.mixing.steps` on planes of levels, and chains of them on a batch.

A plane is one channel of a picture: H x W uint8. Each operation reads one and writes another.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from genmix.mixing.compiled import compiled, compiled_part
from genmix.mixing.steps import NONE, OPERATIONS, Codes, Numbers

Plane = npt.NDArray[np.uint8]
Row = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Words = npt.NDArray[np.int32]
Unsigned = npt.NDArray[np.uint32]
Number = int | np.integer[Any]

(
    AUTOCONTRAST,
    EQUALIZE,
    INVERT,
    MIRROR,
    POSTERIZE,
    ROTATE,
    SHEAR_X,
    SHEAR_Y,
    SOLARIZE,
    TRANSLATE_X,
    TRANSLATE_Y,
) = range(len(OPERATIONS))


def apply_chains(levels: Plane, sources: Indices, codes: Codes, magnitudes: Numbers) -> Plane:
    """Apply chains of steps, each to a copy of a picture.

    Args:
        levels: N x C x H x W uint8, contiguous.
        sources: J indices of pictures.
        codes: J x depth; indices in `OPERATIONS`, or `NONE`.
        magnitudes: J x depth.

    Returns:
        J x C x H x W.
    """
    channels, height, width = levels.shape[1:]
    changed = np.empty((len(sources), channels, height, width), np.uint8)
    _apply(
        levels,
        np.ascontiguousarray(sources),
        np.ascontiguousarray(codes),
        np.ascontiguousarray(magnitudes),
        changed,
        np.empty((height, width), np.uint8),
        np.empty(256, np.uint8),
        np.empty((4, 256), np.uint32),
        np.empty((height + 1) * (width + 1) + 1, np.uint32),
        np.empty(width + 2, np.uint8),
        np.empty(width, np.uint8),
        np.empty(width, np.uint16),
        np.empty(width, np.int32),
        np.empty(width + 1, np.int32),
        np.empty(width, np.int32),
        np.empty(width, np.uint32),
    )
    return changed


@compiled
def _apply(
    levels: Plane,
    sources: Indices,
    codes: Codes,
    magnitudes: Numbers,
    changed: Plane,
    spare: Plane,
    table: Row,
    counts: Unsigned,
    corners: Unsigned,
    above: Row,
    here: Row,
    shares: npt.NDArray[np.uint16],
    places: Words,
    across: Words,
    down: Words,
    picked: Unsigned,
) -> None:
    """Write changed pictures, J x C x H x W; what comes after them is room to work in."""
    for j in range(len(sources)):
        steps = 0
        for d in range(codes.shape[1]):
            steps += codes[j, d] != NONE
        for c in range(levels.shape[1]):
            plane = levels[sources[j], c]
            if steps == 0:
                _translate(plane, 0, 0, changed[j, c])
            left = steps
            for d in range(codes.shape[1]):
                code, magnitude = codes[j, d], magnitudes[j, d]
                if code == NONE:
                    continue
                left -= 1
                into = spare if left % 2 else changed[j, c]
                if code in (AUTOCONTRAST, EQUALIZE):
                    if code == AUTOCONTRAST:
                        _stretch(plane, table)
                    else:
                        _even(plane, counts, table)
                    _look_up(plane, table, into)
                elif code in (INVERT, SOLARIZE):
                    _solarize(plane, np.int64(0 if code == INVERT else magnitude), into)
                elif code == MIRROR:
                    _mirror(plane, into)
                elif code == POSTERIZE:
                    _posterize(plane, np.int64(magnitude), into)
                elif code == ROTATE:
                    _pack_corners(plane, above, corners)
                    angle = math.radians(magnitude)
                    _rotate(corners, angle, places, across, down, picked, into)
                elif code == SHEAR_X:
                    _shear_x(plane, magnitude, above, into)
                elif code == SHEAR_Y:
                    _shear_y(plane, magnitude, above, here, shares, places, across, into)
                else:
                    pixels = np.int64(magnitude)
                    right = pixels if code == TRANSLATE_X else 0
                    _translate(plane, right, pixels - right, into)
                plane = into


@compiled_part
def _stretch(plane: Plane, table: Row) -> None:
    """Fill the table that stretches a plane's levels to the whole range."""
    values = plane.reshape(-1)
    low, high = np.uint8(255), np.uint8(0)
    for i in range(values.size):
        low = min(low, values[i])
        high = max(high, values[i])
    scale = 255 / np.float64(high - low)
    for level in range(256):
        stretched = level * scale - low * scale
        table[level] = np.uint8(min(max(stretched, 0.0), 255.0)) if low < high else level


@compiled_part
def _even(plane: Plane, counts: Unsigned, table: Row) -> None:
    """Fill the table that evens a plane's histogram by Pillow's rule.

    It leaves out the brightest level that occurs. Neighbours are counted apart, in 4 histograms:
    they are often alike, and would wait for one another.
    """
    values = plane.reshape(-1)
    for level in range(256):
        for k in range(4):
            counts[k, level] = 0
    whole = values.size // 4 * 4
    for i in range(0, whole, 4):
        counts[0, values[i]] += 1
        counts[1, values[i + 1]] += 1
        counts[2, values[i + 2]] += 1
        counts[3, values[i + 3]] += 1
    for i in range(whole, values.size):
        counts[0, values[i]] += 1
    brightest = np.uint32(0)
    for level in range(256):
        counts[0, level] += counts[1, level] + counts[2, level] + counts[3, level]
        brightest = counts[0, level] if counts[0, level] > 0 else brightest
    step = (values.size - np.int64(brightest)) // 255
    below = step // 2
    for level in range(256):
        # Floats divide several times as fast as whole numbers.
        share = np.float64(below) / np.float64(step)
        table[level] = np.uint8(min(share, 255.0)) if step > 0 else level
        below += np.int64(counts[0, level])


@compiled_part
def _look_up(plane: Plane, table: Row, into: Plane) -> None:
    """Replace levels by a table's."""
    values, looked_up = plane.reshape(-1), into.reshape(-1)
    for i in range(values.size):
        looked_up[i] = table[values[i]]


@compiled_part
def _posterize(plane: Plane, bits: Number, into: Plane) -> None:
    """Keep so many of the highest bits."""
    values, kept = plane.reshape(-1), into.reshape(-1)
    mask = np.uint8(256 - (1 << (8 - bits)))
    for i in range(values.size):
        kept[i] = values[i] & mask


@compiled_part
def _solarize(plane: Plane, threshold: Number, into: Plane) -> None:
    """Negate the levels from a threshold on."""
    values, negated = plane.reshape(-1), into.reshape(-1)
    # No byte holds a threshold of 256, which no level reaches.
    first, flipped = np.uint8(min(threshold, 255)), np.uint8(255 if threshold < 256 else 0)
    for i in range(values.size):
        negated[i] = values[i] ^ (flipped if values[i] >= first else np.uint8(0))


@compiled_part
def _mirror(plane: Plane, into: Plane) -> None:
    """Swap left and right."""
    height, width = plane.shape
    for y in range(height):
        row, mirrored = plane[y], into[y]
        for x in range(width):
            mirrored[np.uint64(width - 1 - x)] = row[x]


@compiled_part
def _translate(plane: Plane, right: Number, down: Number, into: Plane) -> None:
    """Move by whole pixels."""
    height, width = plane.shape
    first, end = max(0, min(width, right)), max(0, min(width, width + right))
    for y in range(height):
        moved = into[y]
        if not 0 <= y - down < height or first >= end:
            for x in range(width):
                moved[x] = 0
            continue
        row, part = plane[y - down, first - right :], moved[first:end]
        for x in range(first):
            moved[x] = 0
        for x in range(part.size):
            part[x] = row[x]
        for x in range(end, width):
            moved[x] = 0


@compiled_part
def _shear_x(plane: Plane, share: float, padded: Row, into: Plane) -> None:
    """Move each row right by its distance from the top, in steps of 1/256 pixel."""
    height, width = plane.shape
    padded[0] = padded[width + 1] = 0
    inner = padded[1:]
    for y in range(height):
        row, moved = plane[y], into[y]
        move = share * (y + 0.5)
        whole = math.floor(move)
        near = np.uint16((move - whole) * 256 + 0.5)
        pixels = max(-width - 1, min(width, whole))
        for x in range(width):
            inner[x] = row[x]
        first, end = max(0, pixels), min(width, pixels + width + 1)
        for x in range(first):
            moved[x] = 0
        part, left, right = moved[first:end], padded[first - pixels :], inner[first - pixels :]
        for x in range(part.size):
            part[x] = _between(right[x], left[x], near)
        for x in range(end, width):
            moved[x] = 0


@compiled_part
def _shear_y(
    plane: Plane,
    share: float,
    above: Row,
    here: Row,
    near: npt.NDArray[np.uint16],
    pixels: Words,
    starts: Words,
    into: Plane,
) -> None:
    """Move each column down by its distance from the left, in steps of 1/256 pixel.

    Columns that move by the same whole pixels are a run, and copied together.
    """
    height, width = plane.shape
    runs = 0
    for x in range(width):
        move = share * (x + 0.5)
        whole = math.floor(move)
        near[x] = np.uint16((move - whole) * 256 + 0.5)
        pixels[x] = max(-height - 1, min(height, whole))
        if x == 0 or pixels[x] != pixels[x - 1]:
            starts[runs] = x
            runs += 1
    starts[runs] = width
    for y in range(-1, height):
        for k in range(runs):
            first, end = starts[k], starts[k + 1]
            source, run = y - pixels[first], here[first:end]
            if 0 <= source < height:
                row = plane[source, first:end]
                for x in range(run.size):
                    run[x] = row[x]
            else:
                for x in range(run.size):
                    run[x] = 0
        if y >= 0:
            moved = into[y]
            for x in range(width):
                moved[x] = _between(here[x], above[x], near[x])
        above, here = here, above


@compiled_part
def _between(one: Number, other: Number, share: Number) -> Number:
    """Go from one level to another by a share of 256."""
    return np.uint8((one * np.uint16(256 - share) + other * share + 128) >> 8)


@compiled_part
def _pack_corners(plane: Plane, black: Row, corners: Unsigned) -> None:
    """Put the four pixels around each corner between pixels into one number, black outside.

    The lowest byte is the upper left one. There are (H + 1) x (W + 1), and a black one at the end.
    """
    height, width = plane.shape
    for x in range(width):
        black[x] = 0
    corners[corners.size - 1] = 0
    for y in range(height + 1):
        packed = corners[y * (width + 1) : (y + 1) * (width + 1)]
        upper, lower = plane[y - 1] if y > 0 else black, plane[y] if y < height else black
        packed[0] = upper[0] << 8 | lower[0] << 24
        for x in range(1, width):
            packed[x] = (
                np.uint32(upper[x - 1])
                | np.uint32(upper[x] << 8)
                | np.uint32(lower[x - 1] << 16)
                | np.uint32(lower[x] << 24)
            )
        packed[width] = upper[width - 1] | lower[width - 1] << 16


@compiled_part
def _rotate(
    corners: Unsigned,
    angle: float,
    places: Words,
    across: Words,
    down: Words,
    picked: Unsigned,
    into: Plane,
) -> None:
    """Turn about the centre, counterclockwise, between pixels in steps of 1/2048.

    One loop finds where pixels come from, one looks them up, one interpolates: the first and the
    last do many at once.
    """
    height, width = into.shape
    wide, nowhere = np.int32(width + 1), np.int32(corners.size - 1)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    step_x, step_y = math.cos(angle) * 2048, math.sin(angle) * 2048
    for y in range(height):
        start_x = (middle_x + 1) * 2048 + 0.5 - step_x * middle_x - step_y * (y - middle_y)
        start_y = (middle_y + 1) * 2048 + 0.5 - step_y * middle_x + step_x * (y - middle_y)
        for x in range(width):
            from_x = np.int32(start_x + np.int32(x) * step_x)
            from_y = np.int32(start_y + np.int32(x) * step_y)
            row, column = np.int32(from_y >> 11), np.int32(from_x >> 11)
            inside = (from_x >= 0) & (from_y >= 0) & (column <= width) & (row <= height)
            places[x] = np.int32(row * wide + column) if inside else nowhere
            across[x] = from_x & 2047
            down[x] = from_y & 2047
        for x in range(width):
            picked[x] = corners[np.uint32(places[x])]
        turned = into[y]
        for x in range(width):
            four = picked[x]
            upper = _along(np.int32(four & 255), np.int32((four >> 8) & 255), across[x])
            lower = _along(np.int32((four >> 16) & 255), np.int32(four >> 24), across[x])
            turned[x] = np.uint8((_along(upper, lower, down[x]) + (1 << 21)) >> 22)


@compiled_part
def _along(one: Number, other: Number, share: Number) -> Number:
    """Go from one number to another by a share of 2048; the outcome is 2048 times as large."""
    return np.int32(np.int32(one << 11) + np.int32(np.int32(other - one) * share))
