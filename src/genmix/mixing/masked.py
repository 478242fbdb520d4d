"""Mixing pixels by masks, which say of each pixel whether it stays or is the partner's.

How masks are drawn is each method's own business and lives with it.
"""

import torch
from torch import Tensor

from genmix.mixing.base import mix_pairs
from genmix.mixing.checks import Partners


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
    common = as_bits(taken, images) if len(taken) == 1 else None

    def combine(out: Tensor, mine: Tensor, other: Tensor, at: slice) -> None:
        select_into(out, mine, other, as_bits(taken[at], images) if common is None else common)

    return mix_pairs(images, partners, combine, inplace=inplace)


def as_bits(taken: Tensor, like: Tensor) -> Tensor:
    """Make a mask's values words as wide as a pixel's, all bits set where it is true."""
    return taken.to(_WORDS[like.element_size()]).neg_()


def select_into(out: Tensor, mine: Tensor, other: Tensor, bits: Tensor) -> None:
    """Write `other` where `bits` are set, else `mine`, into `out`, which may be one of them.

    Bit by bit and without a copy of either, because `torch.where` takes 3 to 10 times as long on a
    CPU; what wants a gradient needs it.
    """
    if mine.requires_grad:
        out.copy_(torch.where(bits != 0, other, mine))
        return
    # a ^ b ^ b = a: the difference, kept where it is wanted, changes one into the other.
    from_, wanted = (mine, bits) if out is other else (other, ~bits)
    words = bits.dtype
    difference = torch.bitwise_xor(mine.view(words), other.view(words), out=out.view(words))
    difference.bitwise_and_(wanted).bitwise_xor_(from_.view(words))


_WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
