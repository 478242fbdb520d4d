"""CutMix: Regularization Strategy to Train Strong Classifiers (Yun et al., arXiv 1905.04899)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing.base import PairMixer
from genmix.mixing.checks import Partners, check_batch, check_draws
from genmix.mixing.compiled.boxes import boxes_around, first_outside
from genmix.mixing.pairs import as_bits, inside, mix_targets, paste, select_into


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
) -> npt.NDArray[np.int64]:
    """Draw boxes of about 1 - λ of the area (section 3.1), one for each λ.

    Their sides are W sqrt(1 - λ) and H sqrt(1 - λ), their centres are drawn evenly over the
    picture, and what lies outside is cut off.

    Args:
        rng: What to draw from.
        lam: λ of each box, N.
        height: H.
        width: W.

    Returns:
        N x 4, in the order of `Box`.
    """
    return boxes_around(rng.random((2, len(lam))), 1 - lam, height, width)


def cutmix(
    images: Tensor,
    targets: Tensor,
    boxes: Box | Sequence[Box] | npt.NDArray[np.int64],
    partners: Partners,
    *,
    inplace: bool = False,
) -> tuple[Tensor, Tensor]:
    """Mix a batch: x' = M x_i + (1 - M) x_j, y' = λ y_i + (1 - λ) y_j, λ the share of M (eq. 1).

    Args:
        images: N x C x H x W.
        targets: N x K probabilities.
        boxes: Where M is 0, of the batch or of each sample, or N x 4 numbers in the order of
            `Box`; must lie in the picture.
        partners: j of each i.
        inplace: Write into `images`.

    Returns:
        The mixed images and the mixed targets; λ is the exact share of pixels outside the box.

    Raises:
        MixerError: If images, targets, boxes or partners do not fit together, or `inplace`
            would overwrite a leaf that requires a gradient.
    """
    check_batch(images, targets, inplace=inplace)
    each = check_boxes(boxes, images)
    lam, partners = check_draws(len(images), shares_outside(each, images), partners)
    mixed = paste(images, partners, each, inplace=inplace)
    return mixed, mix_targets(targets, lam, partners)


def check_boxes(
    boxes: Box | Sequence[Box] | npt.NDArray[np.int64], images: Tensor
) -> npt.NDArray[np.int64]:
    """Return boxes as M x 4 numbers, once they are one or one for each sample, in the picture.

    Raises:
        MixerError: If they are not.
    """
    count, _, height, width = images.shape
    given = np.atleast_2d(np.asarray(boxes)) if len(boxes) else np.empty((0, 4), np.int64)
    if given.size and given.dtype.kind not in "iu":
        raise MixerError(f"boxes are {given.dtype}: give whole pixels")
    each = np.ascontiguousarray(given, np.int64)
    if each.shape not in {(1, 4), (count, 4)}:
        raise MixerError(f"there are {len(each)} boxes: give one, or {count}, of four numbers each")
    if (first := first_outside(each, height, width)) >= 0:
        box = Box(*each[first].tolist())
        raise MixerError(f"{box} does not lie in a picture of {height} x {width} pixels")
    return each


def shares_outside(boxes: npt.NDArray[np.int64], images: Tensor) -> float | npt.NDArray[np.float64]:
    """Return the exact share of pixels outside one box, or outside of each, M x 4."""
    pixels = images.shape[-2] * images.shape[-1]
    if len(boxes) == 1:
        return 1 - Box(*boxes[0].tolist()).area / pixels
    sizes = np.maximum(0, boxes[:, 1::2] - boxes[:, ::2])
    return 1 - sizes[:, 0] * sizes[:, 1] / pixels


def paste_(mine: Tensor, other: Tensor, boxes: Sequence[Box] | npt.NDArray[np.int64]) -> None:
    """Copy one box of all samples, or a box of each, from `other` into `mine`."""
    if len(boxes) == 1:
        top, bottom, left, right = boxes[0]
        mine[..., top:bottom, left:right] = other[..., top:bottom, left:right]
        return
    select_into(mine, mine, other, as_bits(inside(np.asarray(boxes), mine), mine))
