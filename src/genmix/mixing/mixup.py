"""Mixup: Beyond Empirical Risk Minimization (Zhang et al., ICLR 2018, arXiv 1710.09412)."""

import numpy as np
from torch import Tensor

from genmix.mixing.base import PairMixer
from genmix.mixing.checks import Lambda, Partners, check_batch, check_draws
from genmix.mixing.pairs import blend, mix_targets


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
        MixerError: If images, targets, λ or partners do not fit together, or `inplace`
            would overwrite a leaf that requires a gradient.
    """
    check_batch(images, targets, inplace=inplace)
    lam, partners = check_draws(len(images), lam, partners)
    mixed = blend(images, partners, lam, inplace=inplace)
    return mixed, mix_targets(targets, lam, partners)
