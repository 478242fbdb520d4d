"""Operations on places: pictures that are mirrored, moved, sheared or turned.

Those that end in `_` change NumPy's pictures in place, on the CPU; `…_many` are their counterparts
in torch for another device. Which operation takes which, and how strong it may be, is for
`genmix.mixing.operations`.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from genmix.mixing.levels import Levels, plane
from genmix.mixing.steps import OPERATIONS, Numbers, Operation, Steps

ENTRIES: dict[Operation, tuple[int, int]] = {
    "shear_x": (0, 1),
    "shear_y": (1, 0),
    "translate_x": (0, 2),
    "translate_y": (1, 2),
}
"""Where in the identity an operation's magnitude goes."""


def mirror_(pictures: Levels, _: Numbers) -> None:
    """Swap left and right."""
    pictures[:] = cv2.flip(plane(pictures), 1).reshape(pictures.shape)


def translate_(pictures: Levels, magnitudes: Numbers, *, axis: int) -> None:
    """Copy what stays; the pixels are whole, so there is nothing to interpolate."""
    unmoved, side = pictures.copy(), pictures.shape[axis]
    pictures[:] = 0
    for pixels in set(magnitudes.astype(int).tolist()):
        at: list[Any] = [np.flatnonzero(magnitudes == pixels), *[slice(None)] * (axis - 1)]
        into = slice(max(0, pixels), max(0, side + pixels))
        source = slice(max(0, -pixels), max(0, side - pixels))
        pictures[*at, into] = unmoved[*at, source]


def shear_(pictures: Levels, magnitudes: Numbers, *, axis: int) -> None:
    """Move each row right (axis 3), or each column down (2), by its distance from the corner."""
    count, channels, height, width = pictures.shape
    if axis == 3:
        moves = magnitudes[:, None, None] * (np.arange(height) + 0.5)
        shape = (count, channels, height)
        sheared = _move(plane(pictures), np.broadcast_to(moves, shape).ravel())
    else:
        # Turned all at once, columns are rows of one line after the other: width x N x C.
        turned = cv2.transpose(plane(pictures))
        moves = magnitudes[None, :, None] * (np.arange(width)[:, None, None] + 0.5)
        moves = np.broadcast_to(moves, (width, count, channels)).ravel()
        sheared = cv2.transpose(_move(turned.reshape(-1, height), moves).reshape(turned.shape))
    pictures[:] = sheared.reshape(pictures.shape)


def rotate_(pictures: Levels, magnitudes: Numbers) -> None:
    """Turn about the centre, counterclockwise, by degrees."""
    count, channels, height, width = pictures.shape
    matrices = _sources("rotate", magnitudes, height, width)
    # OpenCV counts from the middle of the first pixel, `_sources` from its corner.
    matrices[:, :, 2] += (matrices[:, :, 0] + matrices[:, :, 1] - 1) / 2
    for k in range(0, channels, 4):
        planes = [plane(pictures[:, c]) for c in range(k, min(k + 4, channels))]
        # Four channels are warped in half the time of three.
        spare = [np.empty_like(planes[0]) for _ in range(4 - len(planes))] if channels > 1 else []
        tall = cv2.merge([*planes, *spare])
        merged = tall.reshape(count, height, width, -1)
        rotated = np.empty_like(merged)
        for picture, matrix, into in zip(merged, matrices, rotated, strict=True):
            cv2.warpAffine(picture, matrix, (width, height), dst=into, flags=_FLAGS)
        cv2.split(rotated.reshape(tall.shape), [*planes, *spare])
        if count > 1:  # of one picture, planes are views
            for c, each in enumerate(planes, start=k):
                pictures[:, c] = each.reshape(count, height, width)


def mirror_many(levels: Tensor, _: Steps) -> Tensor:
    """Swap left and right."""
    return levels.flip(-1)


def warp_many(levels: Tensor, steps: Steps) -> Tensor:
    """Turn, shear or move each picture by its own operation and magnitude."""
    height, width = levels.shape[-2:]
    matrices = np.zeros((len(levels), 2, 3))
    for operation in ("rotate", *ENTRIES):
        members = np.flatnonzero(steps.operations == OPERATIONS.index(operation))
        matrices[members] = _sources(operation, steps.magnitudes[members], height, width)
    # Torch counts both sides from -1 to 1.
    matrices[:, :, 2] += matrices[:, :, 0] * width / 2 + matrices[:, :, 1] * height / 2
    matrices *= [width / 2, height / 2, 1]
    matrices /= np.array([[width / 2], [height / 2]])
    matrices[:, :, 2] -= 1
    theta = torch.from_numpy(matrices.astype(np.float32)).to(levels.device, non_blocking=True)
    a, b, c = theta[:, None, None].unbind(-1)
    # Not `affine_grid`: it multiplies matrices, in a precision that users may have lowered.
    grid = a * _middles(width, levels)[:, None] + b * _middles(height, levels)[:, None, None] + c
    return grid_sample(levels.float(), grid, align_corners=False).round_().to(torch.uint8)


def _move(lines: Levels, moves: Numbers) -> Levels:
    """Move each line right, by pixels that need not be whole; what comes in is black."""
    count, length = lines.shape
    whole = np.floor(moves)
    # Between two pixels in steps of 1/256, which byte by byte is twice as fast as floats are.
    share = ((moves - whole) * 256 + 0.5).astype(np.uint16)[:, None]
    whole = whole.clip(-length - 1, length).astype(np.int64)
    margin = int(np.abs(whole).max()) + 1
    wide = np.zeros((count, length + 2 * margin), np.uint8)
    wide[:, margin:-margin] = lines
    # Each begins one pixel before the one that comes first.
    starts = np.arange(margin - 1, wide.size, wide.shape[1]) - whole
    windows = np.ndarray((wide.size - length, length + 1), np.uint8, wide, strides=(1, 1))
    near = windows[starts]
    mixed = near[:, 1:] * (256 - share) + near[:, :-1] * share + np.uint16(128)
    return (mixed >> 8).astype(np.uint8)


_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


def _sources(
    operation: Operation, magnitudes: Numbers, height: int, width: int
) -> npt.NDArray[np.float64]:
    """Return N x 2 x 3, (a, b, c; d, e, f): (x, y) comes from (a x + b y + c, d x + e y + f)."""
    sources = np.zeros((len(magnitudes), 2, 3))
    sources[:, 0, 0] = sources[:, 1, 1] = 1
    if operation != "rotate":
        sources[:, *ENTRIES[operation]] = -magnitudes
        return sources
    angles = np.radians(magnitudes)
    cos, sin = np.cos(angles), np.sin(angles)
    sources[:, 0, 0] = sources[:, 1, 1] = cos
    sources[:, 0, 1], sources[:, 1, 0] = -sin, sin
    x, y = width / 2, height / 2
    sources[:, 0, 2], sources[:, 1, 2] = x - cos * x + sin * y, y - sin * x - cos * y
    return sources


def _middles(count: int, like: Tensor) -> Tensor:
    """Return where the middles of pixels lie, from -1 to 1."""
    return (2 * torch.arange(count, device=like.device) + 1) / count - 1
