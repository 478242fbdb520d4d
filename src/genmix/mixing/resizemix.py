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
    PairMixer,
    PairSettings,
    goes_one_by_one,
    mix_one_by_one,
    mix_targets,
    on_device,
    take,
)
from genmix.mixing.checks import Lambda, Partners, check_batch, check_draws, check_pair
from genmix.mixing.cutmix import Box, check_boxes, shares_outside
from genmix.mixing.masked import as_bits, select_into
from genmix.mixing.memory import copy_of, empty_like


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
    sides = np.array([[height], [width]])
    sizes = np.maximum(1, (np.sqrt(1 - lam) * sides).astype(np.int64))
    starts = (rng.random(sizes.shape) * (sides - sizes + 1)).astype(np.int64)
    ends = starts + sizes
    return np.stack([starts[0], ends[0], starts[1], ends[1]], axis=1)


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
    alike = len(each) > 0 and bool((sizes == sizes[0]).all())
    shares = shares_outside(each[:1] if alike else each, images)
    lam, partners = check_draws(len(images), shares, partners)
    if goes_one_by_one(images):

        def combine(out: Tensor, mine: Tensor, other: Tensor, at: slice) -> None:
            if out is not mine:
                out.copy_(mine)
            _paste_(out, other, each[at][0] if len(each) > 1 else each[0])

        mixed = mix_one_by_one(images, partners, combine, inplace=inplace)
    elif alike and _can_scatter(images):
        mixed = _paste_alike(images, partners, each, inplace=inplace)
    else:
        mixed = _paste_each(images, partners, each, inplace=inplace)
    return mixed, mix_targets(targets, lam, partners)


def _can_scatter(images: Tensor) -> bool:
    """Tell whether a view can number the pixels of a sample, and no gradient needs them later."""
    at_even_steps = images.stride(-2) == images.stride(-1) * images.shape[-1]
    return at_even_steps and not images.requires_grad


def _paste_(out: Tensor, other: Tensor, box: npt.NDArray[np.int64]) -> None:
    """Paste one sample's partner, resized, into a box."""
    top, bottom, left, right = box.tolist()
    rows = torch.from_numpy(_nearest(np.arange(bottom - top), bottom - top, out.shape[-2]))
    columns = torch.from_numpy(_nearest(np.arange(right - left), right - left, out.shape[-1]))
    out[..., top:bottom, left:right] = other.index_select(-2, rows).index_select(-1, columns)


def _paste_alike(
    images: Tensor, partners: Partners, boxes: npt.NDArray[np.int64], *, inplace: bool
) -> Tensor:
    """Paste all samples' partners, resized, into boxes of one size: each its own, or one for all.

    Every picture is resized alike, so partners are taken of the small ones.
    """
    height, width = images.shape[-2:]
    tall, wide = (boxes[0, 1::2] - boxes[0, ::2]).tolist()
    down, across = np.arange(tall)[:, None], np.arange(wide)
    pixels = _nearest(down, tall, height) * width + _nearest(across, wide, width)
    resized = _gather(images, on_device(pixels.reshape(1, -1), images))
    resized = resized.index_select(0, on_device(partners, images))
    mixed = images if inplace else copy_of(images)
    corners = on_device(boxes[:, :1] * width + boxes[:, 2:3], images)
    places = corners + on_device((down * width + across).reshape(1, -1), images)
    mixed.view(*resized.shape[:2], -1).scatter_(2, places[:, None].expand_as(resized), resized)
    return mixed


def _paste_each(
    images: Tensor, partners: Partners, boxes: npt.NDArray[np.int64], *, inplace: bool
) -> Tensor:
    """Paste each sample's partner, resized, into the sample's own box, all at once.

    Partners are drawn resized on pictures of full size, of which the pixels in the box are taken.
    """
    height, width = images.shape[-2:]
    rows, in_rows = (on_device(x, images) for x in _sources(boxes[:, :2], height))
    columns, in_columns = (on_device(x, images) for x in _sources(boxes[:, 2:], width))
    pixels = (rows * width)[:, :, None] + columns[:, None, :]
    resized = _gather(take(images, partners), pixels.flatten(1)).view(images.shape)
    bits = as_bits((in_rows[:, :, None] & in_columns[:, None, :])[:, None], images)
    mixed = images if inplace else empty_like(images)
    select_into(mixed, images, resized, bits)
    return mixed


def _gather(images: Tensor, pixels: Tensor) -> Tensor:
    """Return N x C x M values of the images at M pixels of each, or the same of all (1 x M)."""
    count, channels = images.shape[:2]
    return images.flatten(2).gather(2, pixels[:, None].expand(count, channels, -1))


def _sources(
    ends: npt.NDArray[np.int64], length: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Say along one axis which pixels of the partners come where, and which lie in the boxes.

    Args:
        ends: Where each sample's box begins and ends, N x 2.
        length: Of the axis.

    Returns:
        Indices in the partner, and whether they count, N x length each.
    """
    sizes = ends[:, 1:] - ends[:, :1]
    places = np.arange(length) - ends[:, :1]
    inside = (places >= 0) & (places < sizes)
    return np.clip(_nearest(places, sizes, length), 0, length - 1), inside


def _nearest(
    places: npt.NDArray[np.int64], size: npt.NDArray[np.int64] | int, length: int
) -> npt.NDArray[np.int64]:
    """Return which of `length` pixels is at the middle of each of `size`."""
    return (2 * places + 1) * length // (2 * size)
