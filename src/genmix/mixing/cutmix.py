"""CutMix: Regularization Strategy to Train Strong Classifiers (Yun et al., arXiv 1905.04899)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing.base import (
    PairMixer,
    Partners,
    check_draws,
    goes_one_by_one,
    mix_pairs,
    mix_targets,
    on_device,
)
from genmix.mixing.masked import as_bits, select_


class Box(NamedTuple):
    """A rectangle of pixels, ends excluded; empty where it ends before it begins."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        """Pixels in it."""
        return max(0, self.bottom - self.top) * max(0, self.right - self.left)


class CutMix(PairMixer):
    """Paste a box of another image into each, and mix the labels by area; λ ~ Beta(1, 1).

    See `cutmix` for the arithmetic and `PairMixer` for the arguments.
    """

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw boxes and partners, and mix."""
        height, width = images.shape[-2:]
        lam = np.atleast_1d(self.draw_lambda(rng, len(images)))
        boxes = draw_boxes(rng, lam, height, width)
        partners = self.draw_partners(rng, len(images))
        return cutmix(images, targets, boxes, partners, inplace=self.inplace)


def draw_boxes(
    rng: np.random.Generator, lam: npt.NDArray[np.float64], height: int, width: int
) -> list[Box]:
    """Draw boxes of about 1 - λ of the area (section 3.1), one for each λ.

    Their sides are W sqrt(1 - λ) and H sqrt(1 - λ), their centres are drawn evenly over the
    picture, and what lies outside is cut off.
    """
    half = 0.5 * np.sqrt(1 - lam)
    half_height, half_width = (half * height).astype(int), (half * width).astype(int)
    y, x = rng.integers(height, size=len(lam)), rng.integers(width, size=len(lam))
    top, bottom = np.maximum(0, y - half_height), np.minimum(height, y + half_height)
    left, right = np.maximum(0, x - half_width), np.minimum(width, x + half_width)
    return [Box(*edges) for edges in np.stack([top, bottom, left, right], axis=1).tolist()]


def cutmix(
    images: Tensor,
    targets: Tensor,
    boxes: Box | Sequence[Box],
    partners: Partners,
    *,
    inplace: bool = False,
) -> tuple[Tensor, Tensor]:
    """Mix a batch: x' = M x_i + (1 - M) x_j, y' = λ y_i + (1 - λ) y_j, λ the share of M (eq. 1).

    Args:
        images: N x C x H x W.
        targets: N x K probabilities.
        boxes: Where M is 0, of the batch or of each sample; must lie in the picture.
        partners: j of each i.
        inplace: Write into `images`.

    Returns:
        The mixed images and the mixed targets; λ is the exact share of pixels outside the box.

    Raises:
        MixerError: If boxes or partners do not fit the batch.
    """
    height, width = images.shape[-2:]
    each = check_boxes([boxes] if isinstance(boxes, Box) else boxes, images)
    shares = [1 - box.area / (height * width) for box in each]
    lam, partners = check_draws(len(images), shares[0] if len(each) == 1 else shares, partners)
    if len(each) == 1 and not goes_one_by_one(images):
        return _paste_one(images, each[0], partners, inplace), mix_targets(targets, lam, partners)

    def combine(mine: Tensor, other: Tensor, at: slice) -> None:
        paste_(mine, other, each[at] if len(each) > 1 else each)

    mixed = mix_pairs(images, partners, combine, inplace=inplace)
    return mixed, mix_targets(targets, lam, partners)


def _paste_one(images: Tensor, box: Box, partners: Partners, inplace: bool) -> Tensor:
    """Paste one box of a small batch; only the box is copied, not the partners whole."""
    top, bottom, left, right = box
    pasted = images[..., top:bottom, left:right].index_select(0, on_device(partners, images))
    mixed = images if inplace else images.clone()
    mixed[..., top:bottom, left:right] = pasted
    return mixed


def paste_(mine: Tensor, other: Tensor, boxes: Sequence[Box]) -> None:
    """Copy one box of all samples, or a box of each, from `other` into `mine`."""
    if len(boxes) == 1:
        top, bottom, left, right = boxes[0]
        mine[..., top:bottom, left:right] = other[..., top:bottom, left:right]
        return
    select_(mine, other, as_bits(_inside(boxes, mine), mine))


def check_boxes(boxes: Sequence[Box], images: Tensor) -> list[Box]:
    """Make sure that there is one box, or one for each sample, and that all lie in the picture.

    Raises:
        MixerError: If not.
    """
    height, width = images.shape[-2:]
    if len(boxes) not in {1, len(images)}:
        raise MixerError(f"there are {len(boxes)} boxes: give one, or {len(images)}")
    for box in boxes:
        if min(box) < 0 or box.bottom > height or box.right > width:
            raise MixerError(f"{box} does not lie in a picture of {height} x {width} pixels")
    return list(boxes)


def _inside(boxes: Sequence[Box], like: Tensor) -> Tensor:
    """Return N x 1 x H x W, true inside each sample's box."""
    edges = torch.tensor(boxes).to(like.device, non_blocking=True)[:, :, None]
    top, bottom, left, right = edges.unbind(1)
    rows = torch.arange(like.shape[-2], device=like.device)
    columns = torch.arange(like.shape[-1], device=like.device)
    in_rows = (rows >= top) & (rows < bottom)
    in_columns = (columns >= left) & (columns < right)
    return (in_rows[:, :, None] & in_columns[:, None, :])[:, None]
