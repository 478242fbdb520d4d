"""ResizeMix: Mixing Data with Preserved Object Information and True Labels.

Qin et al., 2020, arXiv 2012.11101.
"""

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing.base import (
    Lambda,
    PairMixer,
    PairSettings,
    Partners,
    check_draws,
    mix_pairs,
    mix_targets,
)
from genmix.mixing.cutmix import Box


class ResizeMix(PairMixer):
    """Paste a small copy of another image into each, and mix the labels by area.

    The paper draws the scale, τ ~ U(0.1, 0.8), so λ = 1 - τ²; with `alpha` or `lam`, λ is drawn or
    fixed and the scale follows. One scale for the batch, or with `per_sample` one for each sample;
    the place is each sample's own, as in the authors' code. A batch of one has nothing to paste and
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
        if not 0 < tau[0] <= tau[1] <= 1:
            raise MixerError(f"tau is {tau}: give two scales in (0, 1], the smaller first")
        self.tau = tau
        self.draws_scale = alpha is None and self.lam is None

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
    scales = np.sqrt(1 - lam)
    heights = np.maximum(1, (scales * height).astype(np.int64))
    widths = np.maximum(1, (scales * width).astype(np.int64))
    tops = rng.integers(height - heights, endpoint=True)
    lefts = rng.integers(width - widths, endpoint=True)
    return np.stack([tops, tops + heights, lefts, lefts + widths], 1)


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
        MixerError: If boxes or partners do not fit the batch.
    """
    height, width = images.shape[-2:]
    each = _check_boxes(boxes, images)
    sizes = each[:, 1::2] - each[:, ::2]
    shares = 1 - sizes.prod(1) / (height * width)
    lam, partners = check_draws(len(images), shares[0] if len(each) == 1 else shares, partners)

    def combine(mine: Tensor, other: Tensor, at: slice) -> None:
        own = each if len(each) == 1 else each[at]
        if len(own) == 1:
            _paste_(mine, other, Box(*own[0].tolist()))
        else:
            _paste_each_(mine, other, own)

    mixed = mix_pairs(images, partners, combine, inplace=inplace)
    return mixed, mix_targets(targets, lam, partners)


def _check_boxes(
    boxes: Box | Sequence[Box] | npt.NDArray[np.int64], images: Tensor
) -> npt.NDArray[np.int64]:
    """Return boxes as an array, M x 4, once they are one or one for each sample, and fit."""
    count, _, height, width = images.shape
    each = np.atleast_2d(np.asarray(boxes, np.int64))
    if each.shape not in {(1, 4), (count, 4)}:
        raise MixerError(f"boxes have the shape {each.shape}: give 1 x 4 or {count} x 4 numbers")
    starts, ends = each[:, ::2], each[:, 1::2]
    wrong = ((starts < 0) | (ends > (height, width)) | (starts >= ends)).any(1)
    if wrong.any():
        first = Box(*each[wrong][0].tolist())
        raise MixerError(f"{first} holds no pixel of a picture of {height} x {width}, or others")
    return each


def _paste_(mine: Tensor, other: Tensor, box: Box) -> None:
    """Paste all samples' partners, resized, into the same box."""
    top, bottom, left, right = box
    rows = _nearest(torch.arange(bottom - top, device=mine.device), bottom - top, mine.shape[-2])
    columns = _nearest(torch.arange(right - left, device=mine.device), right - left, mine.shape[-1])
    mine[..., top:bottom, left:right] = other.index_select(-2, rows).index_select(-1, columns)


def _paste_each_(mine: Tensor, other: Tensor, boxes: npt.NDArray[np.int64]) -> None:
    """Paste each sample's partner, resized, into the sample's own box, all at once."""
    count, channels, height, width = mine.shape
    edges = torch.from_numpy(boxes).to(mine.device, non_blocking=True)
    tallest, widest = (boxes[:, 1::2] - boxes[:, ::2]).max(0).tolist()
    from_rows, to_rows = _sources(edges[:, 0], edges[:, 1], tallest, height)
    from_columns, to_columns = _sources(edges[:, 2], edges[:, 3], widest, width)
    sources = from_rows[:, :, None] * width + from_columns[:, None, :]
    places = to_rows[:, :, None] * width + to_columns[:, None, :]
    shape = (count, channels, tallest * widest)
    resized = other.flatten(2).gather(2, sources.view(count, 1, -1).expand(shape))
    mine.flatten(2).scatter_(2, places.view(count, 1, -1).expand(shape), resized)


def _sources(starts: Tensor, ends: Tensor, longest: int, length: int) -> tuple[Tensor, Tensor]:
    """Say along one axis which pixels of the partners go where.

    Args:
        starts: Where each sample's box begins, N.
        ends: Where it ends, N.
        longest: Pixels of the longest box; shorter ones repeat their last.
        length: Of the axis.

    Returns:
        Indices in the partner and in the sample, N x longest each.
    """
    sizes = (ends - starts)[:, None]
    places = torch.minimum(torch.arange(longest, device=starts.device), sizes - 1)
    return _nearest(places, sizes, length), starts[:, None] + places


def _nearest(places: Tensor, size: Tensor | int, length: int) -> Tensor:
    """Return which of `length` pixels is at the middle of each of `size`."""
    return (2 * places + 1) * length // (2 * size)
