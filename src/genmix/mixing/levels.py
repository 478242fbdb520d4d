"""Between images and the 256 levels that label-preserving methods work on, and a batch in parts.

What those methods can be set to alike is named here too; what they do to levels is their own.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genmix.mixing.base import weights_like
from genmix.mixing.compiled.blends import round_to_levels


class MixerSettings(TypedDict, total=False):
    """What every `Mixer` can be set to by name, for those that add settings of their own."""

    num_classes: int | None
    probability: float
    inplace: bool
    generator: torch.Generator | None


Levels: TypeAlias = npt.NDArray[np.uint8]
"""Values of 256 levels, of any shape."""

Values: TypeAlias = npt.NDArray[Any]
"""Levels, or floats of one type."""


def is_on_cpu(values: Tensor) -> bool:
    """Say whether compiled loops can work on a tensor."""
    return values.is_cpu


def for_parts(images: Tensor, work: Callable[[slice], None]) -> None:
    """Do some work on a batch part by part; on a device, at once.

    On a CPU each part stays in the processor's caches, and those of many values run in as many
    threads as torch may use, which is one in the workers of a DataLoader.
    """
    if images.numel() == 0:
        return
    count, values = len(images), images[:1].numel()
    length = max(1, _PART // values) if is_on_cpu(images) else count
    cuts = [slice(k, min(k + length, count)) for k in range(0, count, length)]
    threads = min(torch.get_num_threads(), len(cuts))
    if threads < 2 or count * values < _MANY:
        for at in cuts:
            work(at)
        return
    inference = torch.is_inference_mode_enabled()

    def work_alike(at: slice) -> None:
        # A thread starts in torch's default mode.
        with torch.inference_mode(inference):
            work(at)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work_alike, cuts))


_PART = 1 << 19
"""Values in a part: few enough for the caches, many enough to outweigh the calls that start it."""

_MANY = 1 << 21
"""Values whose arithmetic outweighs the start of threads."""


def mix_values(images: Tensor, mixed: Tensor, loop: Callable[[Values, Values], None]) -> None:
    """Let a compiled loop write a batch on the CPU, or a part of one.

    Args:
        images: N x C x H x W.
        mixed: Of the same shape and type, written to; may be the images.
        loop: (values, into): both N x P, contiguous, of uint8, float32 or float64, and maybe the
            same.
    """
    values = _as_values(images)
    kept = mixed.requires_grad or not mixed.is_contiguous() or _kind(mixed) != mixed.dtype
    into = np.empty_like(values) if kept else _as_values(mixed)
    loop(values, into)
    if kept:
        mixed.copy_(torch.from_numpy(into).view(mixed.shape))


def _as_values(images: Tensor) -> Values:
    """Return images as N x P, of a type that loops are compiled for; no gradient goes back."""
    values = images.detach().to(_kind(images)).contiguous()
    return values.numpy().reshape(len(images), math.prod(images.shape[1:]))


def _kind(images: Tensor) -> torch.dtype:
    """Return the type that images are computed in: theirs, or float32 for halves."""
    return torch.float32 if images.dtype in {torch.float16, torch.bfloat16} else images.dtype


def to_levels(images: Tensor) -> Tensor:
    """Round images, uint8 or floats in [0, 1], to 256 levels: contiguous uint8."""
    if images.dtype == torch.uint8:
        return images.contiguous()
    if not is_on_cpu(images):
        return round_levels(to_exact(images))
    values = _as_values(images)
    levels = np.empty(values.shape, np.uint8)
    round_to_levels(values.reshape(-1), values.dtype.type(255), levels.reshape(-1))
    return torch.from_numpy(levels).view(images.shape)


def to_exact(images: Tensor) -> Tensor:
    """Copy uint8, or floats in [0, 1], to floats from 0 to 255: float32, or float64 for float64.

    No gradient goes back: there is none through levels.

    Args:
        images: N x C x H x W.

    Returns:
        N x C x H x W, contiguous; what lies outside of 0 to 255 is cut off.
    """
    kind = torch.float64 if images.dtype == torch.float64 else torch.float32
    exact = torch.empty(images.shape, dtype=kind, device=images.device)
    scale = 1 if images.dtype == torch.uint8 else 255
    return exact.copy_(images.detach()).mul_(scale).clamp_(0, 255)


def round_levels(exact: Tensor) -> Tensor:
    """Round floats to levels: uint8."""
    return exact.round().clamp_(0, 255).to(torch.uint8)


def write_(images: Tensor, exact: Tensor) -> None:
    """Write floats into images, cut to 0 to 255: rounded to uint8, or as floats in [0, 1]."""
    if images.dtype == torch.uint8:
        images.copy_(round_levels(exact))
    else:
        images.copy_(exact.clamp_(0, 255).mul_(1 / 255))


def move_(exact: Tensor, levels: Tensor, shares: npt.NDArray[np.float64]) -> None:
    """Move floats from 0 to 255 towards levels in place, each sample by its share."""
    exact.lerp_(levels.to(exact.dtype), weights_like(shares, exact))
