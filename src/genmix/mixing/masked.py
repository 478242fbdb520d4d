"""Mixing pairs by binary masks, which say of each pixel whether it stays or is the partner's.

How masks are drawn is each method's own business and lives with it.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing.base import (
    Partners,
    check_draws,
    goes_one_by_one,
    mix_pairs,
    mix_targets,
    take,
)


def mix_masked(
    images: Tensor,
    targets: Tensor,
    masks: npt.NDArray[np.bool_],
    partners: Partners,
    *,
    inplace: bool = False,
) -> tuple[Tensor, Tensor]:
    """Mix a batch: x' = M x_i + (1 - M) x_j, y' = λ y_i + (1 - λ) y_j, λ the mean of M.

    Args:
        images: N x C x H x W.
        targets: N x K probabilities.
        masks: M, H x W of the batch or N x H x W of each sample; true where a pixel stays.
        partners: j of each i.
        inplace: Write into `images`.

    Returns:
        The mixed images, every value a copy of one of the two, and the mixed targets.

    Raises:
        MixerError: If masks or partners do not fit the batch.
    """
    masks = np.asarray(masks)
    count, _, height, width = images.shape
    if masks.dtype != np.bool_ or masks.shape not in {(height, width), (count, height, width)}:
        raise MixerError(
            f"masks are {masks.dtype} of the shape {masks.shape}: give booleans, "
            f"{height} x {width} or {count} x {height} x {width}"
        )
    shares = np.count_nonzero(masks, axis=(-2, -1)) / (height * width)
    lam, partners = check_draws(count, shares, partners)
    taken = torch.from_numpy(~masks).view(-1, 1, height, width)
    taken = taken.to(images.device, non_blocking=True)
    mixed = take_masked(images, partners, taken, inplace=inplace)
    return mixed, mix_targets(targets, lam, partners)


def take_masked(images: Tensor, partners: Partners, taken: Tensor, *, inplace: bool) -> Tensor:
    """Give each sample its partner's pixels where a mask says so.

    Args:
        images: N x C x H x W.
        partners: Of each sample, its partner's index.
        taken: 1 or N x 1 x H x W, true where a pixel is the partner's, on the images' device.
        inplace: Write into `images`.

    Returns:
        The mixed batch, of the same type and memory format.
    """
    if not inplace and not goes_one_by_one(images):
        # The partners' copy becomes the mixture: one batch less than copying both.
        mixed = take(images, partners)
        select_(mixed, images, as_bits(~taken, images))
        return mixed
    common = as_bits(taken, images) if len(taken) == 1 else None

    def combine(mine: Tensor, other: Tensor, at: slice) -> None:
        select_(mine, other, as_bits(taken[at], images) if common is None else common)

    return mix_pairs(images, partners, combine, inplace=inplace)


def as_bits(taken: Tensor, like: Tensor) -> Tensor:
    """Make a mask's values words as wide as a pixel's, all bits set where it is true."""
    return taken.to(_WORDS[like.element_size()]).neg_()


def select_(mine: Tensor, other: Tensor, bits: Tensor) -> None:
    """Copy `other` into `mine` where `bits` are set.

    Bit by bit, because `torch.where` takes 3 to 10 times as long on a CPU.
    """
    mine, other = mine.view(bits.dtype), other.view(bits.dtype)
    mine.bitwise_xor_(torch.bitwise_xor(mine, other).bitwise_and_(bits))


_WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
