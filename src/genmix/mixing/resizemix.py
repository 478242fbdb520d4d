"""ResizeMix: Mixing Data with Preserved Object Information and True Labels.

Qin et al., 2020, arXiv 2012.11101.
"""

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing.base import PairMixer, PairSettings
from genmix.mixing.checks import Lambda, Partners, check_batch, check_draws, check_pair
from genmix.mixing.compiled.boxes import boxes_within
from genmix.mixing.cutmix import Box, check_boxes, shares_outside
from genmix.mixing.pairs import mix_targets, paste_resized


class ResizeMix(PairMixer):
    """Paste a small copy of another image into each, and mix the labels by area.

    The paper draws the scale, τ ~ U(0.1, 0.8), so λ = 1 - τ²; with `alpha` or `lam`, λ is drawn or
    fixed and the scale follows. One scale for the batch, or with `per_sample` one for each sample;
    the place is each sample's own, as in the authors' code. A batch of one has no other picture and
    stays as it is. See `resizemix` for the arithmetic and `PairMixer` for the arguments.

    Args:
        alpha: See `PairMixer`; the paper's own draw when left out.
        tau: Between which the scale is drawn, in (0, 1].
        **settings: See `PairMixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    def __init__(
        self,
        alpha: float | None = None,
        *,
        tau: tuple[float, float] = (0.1, 0.8),
        **settings: Unpack[PairSettings],
    ) -> None:
        super().__init__(alpha, **settings)
        low, high = check_pair("tau", tau)
        if not 0 < low <= high <= 1:
            raise MixerError(f"tau is {tau}: give two scales in (0, 1], the smaller first")
        self.tau = (low, high)
        self.draws_scale = alpha is None and self.lam is None

    def shown(self) -> tuple[str, ...]:
        """Return the names of the settings that the method goes by."""
        drawn, *others = super().shown()
        return ("tau" if self.draws_scale else drawn, *others)

    def draw_lambda(self, rng: np.random.Generator, count: int) -> Lambda:
        """Draw λ: one number, or `count` of them with `per_sample`."""
        if self.draws_scale:
            return 1 - rng.uniform(*self.tau, count if self.per_sample else None) ** 2
        return super().draw_lambda(rng, count)

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw boxes and partners, and mix."""
        if len(images) == 1:
            return images, targets
        height, width = images.shape[-2:]
        lam = np.broadcast_to(self.draw_lambda(rng, len(images)), len(images))
        boxes = draw_boxes(rng, lam, height, width)
        partners = self.draw_partners(rng, len(images))
        return resizemix(images, targets, boxes, partners, inplace=self.inplace)


def draw_boxes(
    rng: np.random.Generator, lam: npt.NDArray[np.float64], height: int, width: int
) -> npt.NDArray[np.int64]:
    """Draw boxes of about 1 - λ of the area, anywhere in the picture where they fit.

    Their sides are H sqrt(1 - λ) and W sqrt(1 - λ), in whole pixels and at least one.

    Args:
        rng: What to draw from.
        lam: λ of each box, N.
        height: H.
        width: W.

    Returns:
        N x 4, in the order of `Box`.
    """
    return boxes_within(rng.random((2, len(lam))), 1 - lam, height, width)


def resizemix(
    images: Tensor,
    targets: Tensor,
    boxes: Box | Sequence[Box] | npt.NDArray[np.int64],
    partners: Partners,
    *,
    inplace: bool = False,
) -> tuple[Tensor, Tensor]:
    """Paste the partner, resized to a box: P = T(x_j), x' = Paste(P, x_i) (section "ResizeMix").

    y' = λ y_i + (1 - λ) y_j, λ the share outside the box. T takes the nearest pixel, as the
    authors' code: in a box of h x w, pixel (y, x) is x_j's at floor((y + ½) H / h) and
    floor((x + ½) W / w).

    Args:
        images: N x C x H x W.
        targets: N x K probabilities.
        boxes: Where to paste, of the batch or of each sample, or N x 4 numbers in the order of
            `Box`; they must lie in the picture and hold a pixel or more.
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
    sizes = each[:, 1::2] - each[:, ::2]
    if (sizes < 1).any():
        first = Box(*each[(sizes < 1).any(1)][0].tolist())
        raise MixerError(f"{first} holds no pixel")
    shares = shares_outside(each, images)
    lam, partners = check_draws(len(images), shares, partners)
    mixed = paste_resized(images, partners, each, inplace=inplace)
    return mixed, mix_targets(targets, lam, partners)
