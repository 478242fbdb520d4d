"""The common corruptions of ImageNet-C: fifteen kinds in five severities, the same for a seed.

Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations" (ICLR 2019, arXiv 1903.12261). The arithmetic is that of imagecorruptions-imaug.
"""

from typing import Any

import numpy as np

from genmix.errors import MissingExtraError, TrainingError, nearest
from genmix.images import Image
from genmix.training.global_seeds import numpy_seeded

CORRUPTIONS = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
)
SEVERITIES = (1, 2, 3, 4, 5)
MIN_SIZE = 32
"""The least side in pixels."""

_SEEDED = frozenset({"impulse_noise", "glass_blur"})
"""Kinds that take a seed, and draw from the machine's entropy without one."""


def corrupt(picture: Image, name: str, severity: int, seed: int = 0) -> Image:
    """Corrupt a picture.

    Args:
        picture: uint8, height x width x 3, RGB, each side 32 or more.
        name: One of `CORRUPTIONS`.
        severity: 1 to 5.
        seed: Of every random choice, in [0, 2**32).

    Returns:
        uint8, of the same shape.

    Raises:
        TrainingError: If there is no such corruption, or the picture does not fit.
        MissingExtraError: If the library is not installed.
    """
    check_corruption(name, severity)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise TrainingError(
            f"a picture is {picture.dtype} {picture.shape}: give uint8, height x width x 3"
        )
    if min(picture.shape[:2]) < MIN_SIZE:
        raise TrainingError(
            f"a picture of {picture.shape[1]} x {picture.shape[0]} is too small to "
            f"corrupt: {MIN_SIZE} pixels a side is the least"
        )
    library = _library()
    given = {"seed": seed} if name in _SEEDED else {}
    with numpy_seeded(seed):
        return library.corrupt(picture, severity, name, **given)


def check_corruption(name: str, severity: int) -> None:
    """Raise TrainingError if there is no such corruption, MissingExtraError without its library."""
    if name not in CORRUPTIONS:
        raise TrainingError(f"there is no corruption {name!r}; {nearest(name, CORRUPTIONS)}")
    if severity not in SEVERITIES:
        raise TrainingError(f"severity is {severity}: give 1 to 5")
    _library()


def _library() -> Any:
    try:
        import imagecorruptions
    except ModuleNotFoundError as error:
        raise MissingExtraError("corrupting pictures", "corruptions") from error
    return imagecorruptions
