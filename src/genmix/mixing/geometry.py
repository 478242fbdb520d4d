"""Operations on places: pictures that are mirrored, moved, sheared or turned.

They are torch's, for devices other than the CPU. Which operation takes which, and how strong it may
be, is for `genmix.mixing.operations`.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from genmix.mixing.steps import OPERATIONS, Numbers, Operation, Steps

ENTRIES: dict[Operation, tuple[int, int]] = {
    "shear_x": (0, 1),
    "shear_y": (1, 0),
    "translate_x": (0, 2),
    "translate_y": (1, 2),
}
"""Where in the identity an operation's magnitude goes."""


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
