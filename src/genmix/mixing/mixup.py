"""Mixup: Beyond Empirical Risk Minimization (Zhang et al., ICLR 2018, arXiv 1710.09412)."""

import numpy as np
import torch
from torch import Tensor

from genmix.mixing.base import (
    Lambda,
    PairMixer,
    Partners,
    check_draws,
    goes_one_by_one,
    mix_pairs,
    mix_targets,
    take,
    weights_like,
)


class MixUp(PairMixer):
    """Mix each image and its label with another's; λ ~ Beta(α, α).

    The paper uses α from 0.1 to 0.4 on ImageNet and 1 on CIFAR-10; 0.2 is the usual start. See
    `mixup` for the arithmetic and `PairMixer` for the arguments.
    """

    ALPHA = 0.2

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw λ and partners, and mix."""
        lam = self.draw_lambda(rng, len(images))
        partners = self.draw_partners(rng, len(images))
        return mixup(images, targets, lam, partners, inplace=self.inplace)


def mixup(
    images: Tensor, targets: Tensor, lam: Lambda, partners: Partners, *, inplace: bool = False
) -> tuple[Tensor, Tensor]:
    """Mix a batch: x' = λ x_i + (1 - λ) x_j, y' = λ y_i + (1 - λ) y_j (section 2).

    Args:
        images: N x C x H x W.
        targets: N x K probabilities.
        lam: λ of the batch or of each sample, in [0, 1].
        partners: j of each i.
        inplace: Write into `images`.

    Returns:
        The mixed images, of the same type (uint8 is rounded), and the mixed targets.

    Raises:
        MixerError: If λ or partners do not fit the batch.
    """
    lam, partners = check_draws(len(images), lam, partners)
    if inplace:
        share = 1 - np.asarray(lam)

        def combine(mine: Tensor, other: Tensor, at: slice) -> None:
            lerp_into(mine, mine, other, share[at] if share.ndim else share)

        mixed = mix_pairs(images, partners, combine, inplace=True)
    elif goes_one_by_one(images):
        mixed = torch.empty_like(images)
        shares: list[float] = np.broadcast_to(lam, len(images)).tolist()
        for i, (j, own) in enumerate(zip(partners.tolist(), shares, strict=True)):
            lerp_into(mixed[i], images[j], images[i], own)
    else:
        # The partners' copy becomes the mixture: one batch less than copying both.
        mixed = take(images, partners)
        lerp_into(mixed, mixed, images, lam)
    return mixed, mix_targets(targets, lam, partners)


def lerp_into(out: Tensor, mine: Tensor, other: Tensor, share: Lambda) -> None:
    """Write (1 - share) mine + share other into `out`, which may be one of them.

    In float arithmetic whatever the type: uint8 is rounded at the end.
    """
    weight_is_exact = np.size(share) == 1 or mine.dtype in {torch.float32, torch.float64}
    if weight_is_exact and mine.dtype != torch.uint8:
        torch.lerp(mine, other, weights_like(share, mine), out=out)
        return
    exact = mine.float()
    exact.lerp_(other.float(), weights_like(share, exact))
    out.copy_(exact.round_() if out.dtype == torch.uint8 else exact)
