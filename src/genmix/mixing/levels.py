"""Between images and the 256 levels that label-preserving methods work on, and a batch in parts.

What those methods can be set to alike is named here too; what they do to levels is their own.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypedDict

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genmix.mixing.base import goes_one_by_one, weights_like


class MixerSettings(TypedDict, total=False):
    """What every `Mixer` can be set to by name, for those that add settings of their own."""

    num_classes: int | None
    probability: float
    inplace: bool
    generator: torch.Generator | None


Levels: TypeAlias = npt.NDArray[np.uint8]
"""Values of 256 levels, of any shape."""


def is_on_cpu(values: Tensor) -> bool:
    """Say whether NumPy and OpenCV can work on a tensor."""
    return values.is_cpu


def for_parts(images: Tensor, work: Callable[[slice], None]) -> None:
    """Do some work on a batch part by part; on a device, at once.

    On a CPU each part stays in the processor's caches. Parts of large images run in as many threads
    as torch may use, which is one in the workers of a DataLoader.
    """
    count, values = len(images), max(1, images[:1].numel())
    large = goes_one_by_one(images)
    length = max(1, (_PART_OF_LARGE if large else _PART) // values if is_on_cpu(images) else count)
    cuts = [slice(k, min(k + length, count)) for k in range(0, count, length)]
    threads = min(torch.get_num_threads(), len(cuts)) if large else 1
    if threads < 2:
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


_PART = 1 << 20
"""Values in a part of small images, whose arithmetic must outweigh the calls that start it."""

_PART_OF_LARGE = 1 << 17
"""Values in a part of large images: half a megabyte as float32."""


def to_exact(images: Tensor, into: Tensor | None = None) -> Tensor:
    """Copy uint8, or floats in [0, 1], to floats from 0 to 255: float32, or float64 for float64.

    No gradient goes back: there is none through levels.

    Args:
        images: N x C x H x W.
        into: What will become of them, of the same type; its memory is used where that can be.

    Returns:
        N x C x H x W, contiguous; what lies outside of 0 to 255 is cut off.
    """
    images = images.detach()
    kind = torch.float64 if images.dtype == torch.float64 else torch.float32
    if into is not None and into.dtype == kind and into.is_contiguous():
        exact = into.detach()
    else:
        exact = torch.empty(images.shape, dtype=kind, device=images.device)
    scale = 1 if images.dtype == torch.uint8 else 255
    if not is_on_cpu(images) or images.dtype == torch.bfloat16:
        return exact.copy_(images).mul_(scale).clamp_(0, 255)
    values = exact.numpy()
    np.multiply(images.numpy(), scale, out=values, dtype=values.dtype)
    if scale > 1:
        np.clip(values, 0, 255, out=values)
    return exact


def to_levels(images: Tensor, exact: Tensor) -> Tensor:
    """Return images as 256 levels, contiguous uint8, given what `to_exact` made of them."""
    return images.contiguous() if images.dtype == torch.uint8 else round_levels(exact)


def round_levels(exact: Tensor) -> Tensor:
    """Round floats that are not negative to levels: uint8."""
    if not is_on_cpu(exact):
        return exact.round().clamp_(0, 255).to(torch.uint8)
    levels = torch.empty_like(exact, dtype=torch.uint8)
    values = exact.numpy()
    if exact.dtype == torch.float64:
        values = np.rint(values)  # OpenCV would go through float32, which moves halves.
    cv2.convertScaleAbs(plane(values), dst=plane(levels.numpy()))
    return levels


def write_(images: Tensor, exact: Tensor) -> None:
    """Write floats into images, cut to 0 to 255: rounded to uint8, or as floats in [0, 1]."""
    if images.dtype == torch.uint8:
        images.copy_(round_levels(exact))
    elif is_on_cpu(images) and images.dtype != torch.bfloat16 and not images.requires_grad:
        values = exact.numpy()
        np.clip(values, 0, 255, out=values)
        np.multiply(values, 1 / 255, out=images.detach().numpy(), casting="same_kind")
    else:
        images.copy_(exact.clamp_(0, 255).mul_(1 / 255))


def move_(exact: Tensor, levels: Tensor, shares: npt.NDArray[np.float64]) -> None:
    """Move floats from 0 to 255 towards levels in place, each sample by its share."""
    if not is_on_cpu(exact):
        exact.lerp_(levels.to(exact.dtype), weights_like(shares, exact))
        return
    pairs = zip(planes(exact.numpy()), planes(levels.numpy()), shares.tolist(), strict=True)
    for mine, other, share in pairs:
        cv2.accumulateWeighted(other, mine, share)


def plane(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """View … x W as one plane, which OpenCV can work on in place."""
    return values.reshape(-1, values.shape[-1])


def planes(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """View N x C x H x W as one plane for each sample."""
    count, channels, height, width = values.shape
    return values.reshape(count, channels * height, width)
