"""Mixing each sample of a batch with its partner, whatever a method draws.

A batch on a CPU goes through a compiled loop, sample by sample, so that each stays in the
processor's caches. What is on another device, wants a gradient, lies in memory in pieces or is of a
type that a loop cannot add goes through operations of torch, the whole batch at once.
"""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genmix.mixing.base import on_device, take, weights_like
from genmix.mixing.checks import Lambda, Partners
from genmix.mixing.compiled import pairs as loops
from genmix.mixing.memory import copy_of, empty_like, overwriting
from genmix.mixing.views import WORDS, as_lines, as_planes, as_rows, as_words, suits_loops, together

_Value = TypeVar("_Value", bound=np.generic)

Floats: TypeAlias = npt.NDArray[np.float64]
Boxes: TypeAlias = npt.NDArray[np.int64]


def blend(images: Tensor, partners: Partners, lam: Lambda, *, inplace: bool) -> Tensor:
    """Compute λ x_i + (1 - λ) x_j, for images as for targets.

    Args:
        images: x, N x C x H x W, or N x K.
        partners: j of each i.
        lam: λ of the batch or of each sample.
        inplace: Write into `images`.

    Returns:
        The mixed batch, of the same type (uint8 is rounded) and memory format.
    """
    if suits_loops(images) and images.dtype in _ADDED:
        shares = np.atleast_1d(np.asarray(lam, _ADDED[images.dtype]))
        out = overwriting(images) if inplace else empty_like(images)
        loops.blend(as_lines(out), as_lines(images), _numbers(partners), shares, inplace)
        return out

    def lerp(out: Tensor, mine: Tensor, other: Tensor) -> None:
        _lerp_into(out, other, mine, lam)

    return _mix_at_once(images, partners, lerp, inplace=inplace)


def mix_targets(targets: Tensor, lam: Lambda, partners: Partners) -> Tensor:
    """Mix targets: y' = λ y_i + (1 - λ) y_j (mixup, arXiv 1710.09412, section 2).

    Args:
        targets: N x K probabilities.
        lam: λ of the batch or of each sample.
        partners: j of each i.

    Returns:
        N x K of the same type.
    """
    return blend(targets, partners, lam, inplace=False)


def blend_spots(
    images: Tensor, partners: Partners, tall: Floats, wide: Floats, *, inplace: bool
) -> Tensor:
    """Compute w x_i + (1 - w) x_j, the weight w of a pixel being that of its row by its column's.

    Args:
        images: x, N x C x H x W.
        partners: j of each i.
        tall: Weights of rows, N or 1 x H.
        wide: Weights of columns, N or 1 x W.
        inplace: Write into `images`.

    Returns:
        The mixed batch, of the same type (uint8 is rounded) and memory format.
    """
    if suits_loops(images) and images.dtype in _ADDED:
        kind = _ADDED[images.dtype]
        out = overwriting(images) if inplace else empty_like(images)
        weights = tall.astype(kind), _spread(wide, images).astype(kind)
        loops.blend_spots(as_planes(out), as_planes(images), _numbers(partners), *weights, inplace)
        return out
    exact = torch.float64 if images.dtype == torch.float64 else torch.float32
    rows, columns = (
        torch.from_numpy(each).to(images.device, exact, non_blocking=True) for each in (tall, wide)
    )

    def lerp(out: Tensor, mine: Tensor, other: Tensor) -> None:
        _lerp_into(out, other, mine, rows[:, None, :, None] * columns[:, None, None])

    return _mix_at_once(images, partners, lerp, inplace=inplace)


def select(
    images: Tensor, partners: Partners, taken: npt.NDArray[np.bool_], *, inplace: bool
) -> Tensor:
    """Give each sample its partner's pixels where a mask says so.

    Args:
        images: N x C x H x W.
        partners: Of each sample, its partner's index.
        taken: N or 1 x H x W, true where a pixel is the partner's.
        inplace: Write into `images`.

    Returns:
        The mixed batch, of the same type and memory format.
    """
    if suits_loops(images):
        out = overwriting(images) if inplace else empty_like(images)
        values = as_planes(as_words(out)), as_planes(as_words(images))
        wide = _spread(taken, images).reshape(len(taken), values[0].shape[2])
        loops.select(*values, _numbers(partners), wide, inplace)
        return out
    masks = torch.from_numpy(taken[:, None]).to(images.device, non_blocking=True)
    return _select_at_once(images, partners, masks, inplace=inplace)


def paste(images: Tensor, partners: Partners, boxes: Boxes | Tensor, *, inplace: bool) -> Tensor:
    """Paste a box of its partner into each sample.

    Args:
        images: N x C x H x W.
        partners: Of each sample, its partner's index.
        boxes: N or 1 x 4: first and last row, first and last column, ends excluded, all in the
            picture; or a tensor of them, on the images' device.
        inplace: Write into `images`.

    Returns:
        The mixed batch, of the same type and memory format.
    """
    if suits_loops(images):
        each = np.asarray(boxes) * [1, 1, *[together(images)] * 2]
        width = images.shape[-1] * together(images)
        out = overwriting(images) if inplace else empty_like(images)
        values = as_planes(as_words(out)), as_planes(as_words(images))
        loops.paste(*values, _numbers(partners), each, width, inplace)
        return out
    if len(boxes) > 1 or isinstance(boxes, Tensor):
        return _select_at_once(images, partners, inside(boxes, images), inplace=inplace)
    ((top, bottom, left, right),) = boxes.tolist()
    mixed = images if inplace else copy_of(images)
    theirs, mine = (x[..., top:bottom, left:right] for x in (images, mixed))
    mine.copy_(theirs.index_select(0, on_device(partners, images)))
    return mixed


def paste_resized(images: Tensor, partners: Partners, boxes: Boxes, *, inplace: bool) -> Tensor:
    """Paste all of its partner into a box of each sample, resized to the nearest pixel.

    Args:
        images: N x C x H x W.
        partners: Of each sample, its partner's index.
        boxes: N or 1 x 4: first and last row, first and last column, ends excluded, all in the
            picture, of one pixel or more.
        inplace: Write into `images`.

    Returns:
        The mixed batch, of the same type and memory format.
    """
    if suits_loops(images):
        out = overwriting(images) if inplace else empty_like(images)
        values = as_rows(as_words(out)), as_rows(as_words(images))
        loops.paste_resized(*values, _numbers(partners), boxes, together(images), inplace)
        return out
    height, width = images.shape[-2:]
    rows, columns = (
        on_device(each, images)
        for each in (_sources(boxes[:, :2], height), _sources(boxes[:, 2:], width))
    )
    pixels = ((rows * width)[:, :, None] + columns[:, None, :]).flatten(1)
    pixels = pixels[:, None].expand(*images.shape[:2], -1)
    resized = take(images, partners).flatten(2).gather(2, pixels).view(images.shape)
    mixed = images if inplace else empty_like(images)
    select_into(mixed, images, resized, as_bits(inside(boxes, images), images))
    return mixed


def inside(boxes: Boxes | Tensor, like: Tensor) -> Tensor:
    """Return N or 1 x 1 x H x W on the images' device, true inside each box."""
    edges = boxes if isinstance(boxes, Tensor) else on_device(boxes, like)
    top, bottom, left, right = edges[:, :, None].unbind(1)
    rows = torch.arange(like.shape[-2], device=like.device)
    columns = torch.arange(like.shape[-1], device=like.device)
    in_rows = (rows >= top) & (rows < bottom)
    in_columns = (columns >= left) & (columns < right)
    return (in_rows[:, :, None] & in_columns[:, None, :])[:, None]


def as_bits(taken: Tensor, like: Tensor) -> Tensor:
    """Make a mask's values words as wide as a pixel's, all bits set where it is true."""
    return taken.to(WORDS[like.element_size()]).neg_()


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


def _select_at_once(images: Tensor, partners: Partners, taken: Tensor, *, inplace: bool) -> Tensor:
    bits = as_bits(taken, images)

    def choose(out: Tensor, mine: Tensor, other: Tensor) -> None:
        select_into(out, mine, other, bits)

    return _mix_at_once(images, partners, choose, inplace=inplace)


def _mix_at_once(
    images: Tensor,
    partners: Partners,
    combine: Callable[[Tensor, Tensor, Tensor], None],
    *,
    inplace: bool,
) -> Tensor:
    """Mix a batch by `combine(out, mine, other)`, whose `out` is one of the others."""
    theirs = take(images, partners)
    out = images if inplace else theirs
    combine(out, images, theirs)
    return out


def _lerp_into(out: Tensor, start: Tensor, end: Tensor, share: Lambda | Tensor) -> None:
    """Write (1 - share) start + share end into `out`, which may be one of them.

    In float arithmetic whatever the type: uint8 is rounded at the end.

    Args:
        out: Where to write, of the type of `start` and `end`.
        start: What a share of 0 gives.
        end: What a share of 1 gives.
        share: Of the batch, of each sample, or of each pixel as a float32 or float64 tensor.
    """
    direct = out.dtype in {torch.float32, torch.float64}
    direct |= isinstance(share, float) and out.dtype != torch.uint8
    if not direct:
        start, end = start.float(), end.float()
    weight = share if isinstance(share, Tensor) else weights_like(share, start)
    if direct and not start.requires_grad:
        torch.lerp(start, end, weight, out=out)
        return
    mixed = torch.lerp(start, end, weight)
    out.copy_(mixed.round_() if out.dtype == torch.uint8 else mixed)


def _sources(ends: Boxes, length: int) -> Boxes:
    """Say along one axis which of a partner's pixels come where: N x length.

    What they say outside of the boxes counts for nothing.

    Args:
        ends: Where each sample's box begins and ends, N x 2.
        length: Of the axis.
    """
    sizes = ends[:, 1:] - ends[:, :1]
    places = np.arange(length) - ends[:, :1]
    return np.clip((2 * places + 1) * length // (2 * sizes), 0, length - 1)


def _spread(values: npt.NDArray[_Value], like: Tensor) -> npt.NDArray[_Value]:
    """Repeat what there is of each pixel along rows for all of its values that stand together."""
    return np.repeat(values, together(like), axis=-1)


def _numbers(partners: Partners) -> npt.NDArray[np.int64]:
    return np.ascontiguousarray(partners, np.int64)


_ADDED = {torch.uint8: np.float32, torch.float32: np.float32, torch.float64: np.float64}
"""The types that loops can add, and in which they do it."""
