"""Cutout (DeVries and Taylor 2017, arXiv 1708.04552): hide a square."""

from collections.abc import Sequence
from numbers import Integral
from typing import Unpack

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing.base import Mixer
from genmix.mixing.checks import check_colour, check_images, is_number
from genmix.mixing.compiled.fills import fill_boxes
from genmix.mixing.cutmix import Box, check_boxes, paste_
from genmix.mixing.levels import MixerSettings
from genmix.mixing.memory import copy_of, empty_like, overwriting
from genmix.mixing.views import as_rows, as_words, suits_loops, together


class Cutout(Mixer):
    """Hide a square of each image, its centre drawn evenly over the picture; the label stays.

    What lies outside the picture is cut off, so a part of the hidden squares is smaller (section
    3.2). See `cutout` for the arithmetic.

    Args:
        size: Side of the square: whole pixels, or a share of the picture's shorter side in (0, 1].
            The paper's best for CIFAR-10 is 16 of 32 pixels, for CIFAR-100 8, for SVHN 20.
        fill: What hides: one value, or one for each channel. 0 is the mean after normalisation.
        **settings: See `Mixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    SHOWN = ("size", "fill")

    def __init__(
        self,
        size: float = 0.5,
        *,
        fill: float | Sequence[float] = 0.0,
        **settings: Unpack[MixerSettings],
    ) -> None:
        super().__init__(**settings)
        in_pixels = isinstance(size, Integral)
        fits = is_number(size) and (size >= 1 if in_pixels else 0 < size <= 1)
        if isinstance(size, bool) or not fits:
            raise MixerError(
                f"size is {size!r}: give whole pixels, or a share of the side in (0, 1]"
            )
        check_colour("fill", fill)
        self.size = int(size) if in_pixels else size
        self.fill = fill

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw a square for each image, and hide it."""
        height, width = images.shape[-2:]
        side = self.size if isinstance(self.size, int) else round(self.size * min(height, width))
        boxes = np.empty((len(images), 4), np.int64)
        for k, edge in ((0, height), (2, width)):
            starts = rng.integers(edge, size=len(images)) - side // 2
            np.maximum(starts, 0, out=boxes[:, k])
            np.minimum(starts + side, edge, out=boxes[:, k + 1])
        return cutout(images, boxes, self.fill, inplace=self.inplace), targets


def cutout(
    images: Tensor,
    boxes: Box | Sequence[Box] | npt.NDArray[np.int64],
    fill: float | Sequence[float] = 0.0,
    *,
    inplace: bool = False,
) -> Tensor:
    """Fill boxes: x' = M x + (1 - M) fill (section 3.2).

    Args:
        images: N x C x H x W.
        boxes: Where M is 0, of the batch or of each sample, or N x 4 numbers in the order of
            `Box`; must lie in the picture.
        fill: One value, or one for each channel, in the images' range.
        inplace: Write into `images`.

    Returns:
        The images with their boxes filled, of the same type and memory format.

    Raises:
        MixerError: If boxes or fill do not fit the batch, or `inplace` would overwrite a leaf that
            requires a gradient.
    """
    check_images(images)
    each = check_boxes(boxes, images)
    values = _values(fill, images)
    if not suits_loops(images):
        hidden = overwriting(images) if inplace else copy_of(images)
        wide = values.to(images.device, non_blocking=True)[None, :, None, None]
        paste_(hidden, wide.expand_as(hidden), each)
        return hidden
    hidden = overwriting(images) if inplace else empty_like(images)
    channels = together(images)
    batches = as_rows(as_words(hidden)), as_rows(as_words(images))
    filling = as_words(values).view(-1, 1) if channels == 1 else as_words(values).view(1, -1)
    fill_boxes(*batches, each, filling.numpy(), channels, inplace)
    return hidden


def _values(fill: float | Sequence[float], images: Tensor) -> Tensor:
    """Return 1 or C values of the images' type, on the CPU."""
    values = check_colour("fill", fill)
    channels = images.shape[1]
    if len(values) not in {1, channels}:
        raise MixerError(f"fill is {fill}: give one value, or {channels}, one for each channel")
    if images.dtype == torch.uint8 and not ((values >= 0) & (values <= 255)).all():
        raise MixerError(f"fill is {fill}: for uint8 images it must lie in [0, 255]")
    return torch.from_numpy(values).to(images.dtype)
