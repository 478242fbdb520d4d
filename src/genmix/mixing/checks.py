"""Checks of what mixers are given: settings that Python would let pass, batches, draws."""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genmix.errors import MixerError

Lambda: TypeAlias = float | Sequence[float] | npt.NDArray[np.float64]
"""λ of a batch, or of each sample."""

Partners: TypeAlias = Sequence[int] | npt.NDArray[np.int64]
"""For each sample, the index of the sample that it is mixed with."""

IMAGE_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.uint8)


def check_flags(**settings: bool) -> None:
    """Make sure that settings are booleans: the text "False" counts as true.

    Raises:
        MixerError: If one is not.
    """
    for name, value in settings.items():
        if not isinstance(value, bool | np.bool_):
            raise MixerError(f"{name} is {value!r}: it must be true or false")


def check_counts(**settings: int) -> None:
    """Make sure that settings are whole numbers, 1 or more.

    Raises:
        MixerError: If one is not.
    """
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise MixerError(f"{name} is {value!r}: it must be a whole number")
        if value < 1:
            raise MixerError(f"{name} is {value}: it must be 1 or more")


def is_number(value: object) -> bool:
    """Tell whether a setting is a finite number: the text "0.5" is none."""
    return isinstance(value, Real) and math.isfinite(value)


def check_pair(name: str, value: object) -> tuple[float, float]:
    """Make sure that a setting is two numbers, the smaller first.

    Returns:
        The numbers.

    Raises:
        MixerError: If it is something else.
    """
    pair = tuple(value) if isinstance(value, Sequence | np.ndarray) else ()
    numbers = [float(each) for each in pair if isinstance(each, Real)]
    if len(pair) != 2 or len(numbers) != 2 or not numbers[0] <= numbers[1]:
        raise MixerError(f"{name} is {value!r}: give two numbers, the smaller first")
    return numbers[0], numbers[1]


def check_colour(name: str, value: object) -> npt.NDArray[np.float64]:
    """Make sure that a setting is a finite number, or one for each channel.

    Returns:
        The numbers, C or 1.

    Raises:
        MixerError: If it is something else.
    """
    try:
        values = np.atleast_1d(np.asarray(value))
    except ValueError:  # rows of several lengths
        values = np.empty((0, 0))
    if values.ndim != 1 or values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise MixerError(
            f"{name} is {value!r}: give a finite number, or one for each channel in a list"
        )
    return values.astype(np.float64)


def check_images(images: Any) -> None:
    """Make sure that a batch of images is one.

    Raises:
        MixerError: If it is not N x C x H x W of a type in `IMAGE_TYPES`, or holds no pixels; N may
            be 0.
    """
    if not isinstance(images, Tensor):
        raise MixerError(f"images are a {type(images).__name__}: give a tensor, N x C x H x W")
    if images.ndim != 4:
        raise MixerError(f"images have the shape {tuple(images.shape)}: expected N x C x H x W")
    if 0 in images.shape[1:]:
        raise MixerError(f"images have the shape {tuple(images.shape)}: there are no pixels to mix")
    if images.dtype not in IMAGE_TYPES:
        known = ", ".join(str(kind).removeprefix("torch.") for kind in IMAGE_TYPES)
        raise MixerError(f"images are {images.dtype}: convert them to one of {known}")


def check_batch(images: Any, targets: Any, *, inplace: bool) -> None:
    """Make sure that images and targets are a batch that can be mixed.

    Args:
        images: What should be N x C x H x W.
        targets: What should be N x K probabilities.
        inplace: Whether the images are to be overwritten.

    Raises:
        MixerError: If they are not, or `inplace` would overwrite a leaf that requires a gradient.
    """
    check_images(images)
    if not isinstance(targets, Tensor):
        raise MixerError(f"targets are a {type(targets).__name__}: give a tensor, N x K")
    if targets.ndim != 2 or not targets.is_floating_point():
        raise MixerError(
            f"targets are {targets.dtype} of shape {tuple(targets.shape)}: give N x K "
            "probabilities; the mixer classes take class indices with num_classes"
        )
    if len(targets) != len(images):
        raise MixerError(
            f"there are {len(images)} images and targets of shape {tuple(targets.shape)}: give one "
            "row for each image"
        )
    if inplace:
        check_writable(images)


def check_writable(images: Tensor) -> None:
    """Make sure that a batch may be overwritten.

    Raises:
        MixerError: For a leaf that requires a gradient.
    """
    if images.requires_grad and images.is_leaf and torch.is_grad_enabled():
        raise MixerError(
            "images are a leaf that requires a gradient: leave inplace off, or mix a clone of them"
        )


def check_draws(
    count: int, lam: Lambda, partners: Partners
) -> tuple[Lambda, npt.NDArray[np.int64]]:
    """Make sure that λ and partners fit a batch.

    Returns:
        λ as a float or a float64 array of `count`, and the partners as an array.

    Raises:
        MixerError: If λ is not in [0, 1] (or is NaN), or the numbers do not fit.
    """
    if isinstance(lam, float):
        fits = 0 <= lam <= 1
    else:
        lam = np.asarray(lam, np.float64)
        if lam.ndim > 1 or (lam.ndim == 1 and len(lam) != count):
            raise MixerError(f"λ has the shape {lam.shape}: give one, or {count}")
        fits = bool(((lam >= 0) & (lam <= 1)).all())
        lam = float(lam) if lam.ndim == 0 else lam
    if not fits:
        raise MixerError(f"λ is {lam}: every value must lie in [0, 1]")
    given = np.asarray(partners)
    if given.dtype.kind not in "iu" and given.size:
        raise MixerError(f"partners are {given.dtype}: they must be {count} indices, whole numbers")
    indices = np.ascontiguousarray(given, np.int64)
    # Read without a sign, a negative index is a large one.
    if indices.shape != (count,) or (count and indices.view(np.uint64).max() >= count):
        raise MixerError(f"partners must be {count} indices in [0, {count - 1}]")
    return lam, indices
