"""The image operations that AugMix, PixMix and IPMix chain, and how a batch is cut for them.

All work on 256 levels, as the authors' published code does, which calls Pillow: pictures of floats
are rounded to levels first. On a CPU one picture at a time goes through OpenCV; on another device
all pictures that need the same operation go at once, and nothing waits for the device.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from genmix.errors import MixerError, nearest
from genmix.mixing.base import check_images, on_device, weights_like

Operation: TypeAlias = Literal[
    "autocontrast",
    "equalize",
    "invert",
    "mirror",
    "posterize",
    "rotate",
    "shear_x",
    "shear_y",
    "solarize",
    "translate_x",
    "translate_y",
]

AUGMIX_OPERATIONS: tuple[Operation, ...] = (
    "autocontrast",
    "equalize",
    "posterize",
    "rotate",
    "solarize",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
"""AugMix's set (arXiv 1912.02781, section 3): none of them is among ImageNet-C's corruptions."""


class Step(NamedTuple):
    """One operation and how strong it is.

    | operation | what it does | magnitude |
    |---|---|---|
    | autocontrast | stretches each channel to the whole range | none |
    | equalize | evens each channel's histogram, as Pillow | none |
    | invert, mirror | negates; swaps left and right | none |
    | posterize | keeps the highest bits | 0 to 8 bits |
    | solarize | negates all levels from a threshold on | 0 to 256 |
    | rotate | turns about the centre, counterclockwise | degrees |
    | shear_x, shear_y | pushes rows right by their distance from the top; columns down | a share |
    | translate_x, translate_y | moves right; down | whole pixels |

    What comes into the picture from outside is black.
    """

    operation: Operation
    magnitude: float = 0.0


Levels: TypeAlias = npt.NDArray[np.uint8]
"""One picture, C x H x W."""

Chain: TypeAlias = Sequence[Step]
"""Operations to apply one after the other."""


def operate(images: Tensor, steps: Step | Sequence[Step]) -> Tensor:
    """Apply one operation to all images, or one to each.

    Args:
        images: N x C x H x W, uint8, or float in [0, 1], which is rounded to 256 levels.
        steps: One, or N.

    Returns:
        A new batch of the same type and memory format.

    Raises:
        MixerError: If the images or the steps do not fit.
    """
    check_images(images)
    each = [steps] * len(images) if isinstance(steps, Step) else list(steps)
    if len(each) != len(images):
        raise MixerError(f"there are {len(each)} steps: give one, or {len(images)}")
    check_steps(each)
    changed = torch.empty_like(images)

    def change(at: slice) -> None:
        levels = to_levels(images[at], to_exact(images[at]))
        (outcome,) = apply_chains(levels, [[[step] for step in each[at]]])
        write_(changed[at], to_exact(outcome))

    for_parts(images, change)
    return changed


def check_steps(steps: Sequence[Step]) -> None:
    """Make sure that steps name operations, with magnitudes in their range.

    Raises:
        MixerError: If one does not.
    """
    for name, magnitude in steps:
        if name not in _KINDS:
            raise MixerError(f"there is no operation {name!r}: {nearest(str(name), _KINDS)}")
        low, high, whole = _KINDS[name].limits
        if not low <= magnitude <= high or (whole and magnitude != int(magnitude)):
            kind = "a whole number" if whole else "a number"
            raise MixerError(
                f"{name} has a magnitude of {magnitude}: give {kind} in [{low:g}, {high:g}]"
            )


def check_severity(severity: float) -> None:
    """Make sure that a severity is one.

    Raises:
        MixerError: If it does not lie in [1, 10].
    """
    if not 1 <= severity <= 10:
        raise MixerError(f"severity is {severity}: it must lie in [1, 10]")


def draw_steps(
    rng: np.random.Generator,
    count: int,
    operations: Sequence[Operation],
    severity: float,
    height: int,
    width: int,
) -> list[Step]:
    """Draw operations evenly, each with a magnitude up to the severity, as AugMix's code does.

    The severity runs from 1 to 10. At 10 a picture is turned by up to 30 degrees, sheared by 0.3,
    moved by a third, and left with one bit or all inverted; magnitudes grow in proportion.
    """
    names = rng.integers(len(operations), size=count).tolist()
    levels = rng.uniform(0.1, severity, count).tolist()
    signs = (2 * rng.integers(2, size=count) - 1).tolist()
    steps = []
    for name, level, sign in zip(names, levels, signs, strict=True):
        operation = operations[name]
        steps.append(Step(operation, _KINDS[operation].draw(level / 10, sign, height, width)))
    return steps


def is_on_cpu(values: Tensor) -> bool:
    """Say whether OpenCV can work on a tensor."""
    return values.device.type == "cpu"


def for_parts(images: Tensor, work: Callable[[slice], None]) -> None:
    """Do some work on a batch part by part; on a device, at once.

    On a CPU each part stays in the processor's cache. Parts of large images run in as many threads
    as torch may use, which is one in the workers of a DataLoader.
    """
    count, values = len(images), images[:1].numel()
    length = max(1, count if not is_on_cpu(images) else _PART // max(1, values))
    cuts = [slice(k, min(k + length, count)) for k in range(0, count, length)]
    threads = min(torch.get_num_threads(), len(cuts))
    if threads < 2 or values < LARGE:
        for at in cuts:
            work(at)
        return
    inference = torch.is_inference_mode_enabled()

    def work_alike(at: slice) -> None:
        # A thread starts in torch's default mode.
        with torch.inference_mode(inference):
            work(at)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work_alike, cuts))


_PART = 131_072
"""Values in a part: half a megabyte as float32."""

LARGE = 16_384
"""Values in an image from which the work outweighs the calls that start it."""


def to_exact(images: Tensor) -> Tensor:
    """Copy uint8, or floats in [0, 1], to floats from 0 to 255: float32, or float64 for float64.

    No gradient goes back: there is none through levels.
    """
    images = images.detach()
    kind = torch.float64 if images.dtype == torch.float64 else torch.float32
    exact = torch.empty(images.shape, dtype=kind, device=images.device)
    scale = 1 if images.dtype == torch.uint8 else 255
    if is_on_cpu(images) and images.dtype != torch.bfloat16:
        np.multiply(images.numpy(), scale, out=exact.numpy(), dtype=exact.numpy().dtype)
        return exact
    return exact.copy_(images).mul_(scale)


def to_levels(images: Tensor, exact: Tensor) -> Tensor:
    """Return images as 256 levels, contiguous uint8, given what `to_exact` made of them."""
    return images.contiguous() if images.dtype == torch.uint8 else round_levels(exact)


def round_levels(exact: Tensor) -> Tensor:
    """Round floats from 0 to 255 to levels: uint8."""
    if not is_on_cpu(exact):
        return exact.round().clamp_(0, 255).to(torch.uint8)
    levels = torch.empty_like(exact, dtype=torch.uint8)
    values = exact.numpy().clip(0, 255)
    if exact.dtype == torch.float64:
        np.rint(values, out=values)  # OpenCV would go through float32, which moves halves.
    cv2.convertScaleAbs(plane(values), dst=plane(levels.numpy()))
    return levels


def write_(images: Tensor, exact: Tensor) -> None:
    """Write floats into images, cut to 0 to 255: rounded to uint8, or as floats in [0, 1]."""
    if images.dtype == torch.uint8:
        images.copy_(round_levels(exact))
    elif is_on_cpu(images) and images.dtype != torch.bfloat16:
        values = exact.numpy()
        np.clip(values, 0, 255, out=values)
        np.multiply(values, 1 / 255, out=images.numpy(), casting="same_kind")
    else:
        images.copy_(exact.clamp_(0, 255).mul_(1 / 255))


def move_(exact: Tensor, levels: Tensor, shares: npt.NDArray[np.float64]) -> None:
    """Move floats from 0 to 255 towards levels in place, each sample by its share."""
    if not is_on_cpu(exact):
        exact.lerp_(levels.to(exact.dtype), weights_like(shares, exact))
        return
    for mine, other, share in zip(exact.numpy(), levels.numpy(), shares.tolist(), strict=True):
        cv2.accumulateWeighted(plane(other), plane(mine), share)


def plane(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """View C x H x W as one plane, which OpenCV can work on in place."""
    return values.reshape(-1, values.shape[-1])


def apply_chains(levels: Tensor, chains: Sequence[Sequence[Chain]]) -> list[Tensor]:
    """Apply chains of checked steps to levels.

    Args:
        levels: N x C x H x W uint8, contiguous; not written to.
        chains: K lists of N chains, one for each picture.

    Returns:
        K changed copies of the levels.
    """
    if is_on_cpu(levels):
        return [_apply_one_by_one(levels, each) for each in chains]
    stacked = levels.repeat(len(chains), 1, 1, 1)
    _apply_in_groups_(stacked, [chain for each in chains for chain in each])
    return list(stacked.chunk(len(chains)))


def _apply_one_by_one(levels: Tensor, chains: Sequence[Chain]) -> Tensor:
    changed = torch.empty_like(levels)
    for picture, chain, into in zip(levels.numpy(), chains, changed.numpy(), strict=True):
        into[...] = apply_chain(picture, chain)
    return changed


def apply_chain(picture: Levels, chain: Chain) -> Levels:
    """Apply checked steps to one picture, on a CPU; it is not written to, but may be returned."""
    for step in chain:
        picture = _KINDS[step.operation].on_cpu(picture, step)
    return picture


def _apply_in_groups_(levels: Tensor, chains: Sequence[Chain]) -> None:
    """Apply a chain to each picture in place: at each depth, all of one kind at once."""
    for depth in range(max(map(len, chains), default=0)):
        groups: dict[_Batched, list[int]] = {}
        for k, chain in enumerate(chains):
            if depth < len(chain):
                groups.setdefault(_KINDS[chain[depth].operation].on_device, []).append(k)
        for kernel, members in groups.items():
            at = on_device(members, levels)
            levels.index_copy_(0, at, kernel(levels[at], [chains[k][depth] for k in members]))


_Single: TypeAlias = Callable[[Levels, Step], Levels]
_Batched: TypeAlias = Callable[[Tensor, Sequence[Step]], Tensor]


def _autocontrast(picture: Levels, _: Step) -> Levels:
    low = picture.min(axis=(1, 2)).astype(np.float64)[:, None]
    high = picture.max(axis=(1, 2)).astype(np.float64)[:, None]
    scale = 255 / np.maximum(high - low, 1)
    stretched = np.clip(_RAMP * scale - low * scale, 0, 255).astype(np.uint8)
    return _look_up(picture, np.where(high > low, stretched, _RAMP))


def _equalize(picture: Levels, _: Step) -> Levels:
    """Even the histogram by Pillow's rule, which leaves out the brightest level that occurs."""
    each = [cv2.calcHist([channel], [0], None, [256], [0, 256]).ravel() for channel in picture]
    counts = np.stack(each).astype(np.int64)
    brightest = 255 - (counts[:, ::-1] > 0).argmax(axis=1)
    others = counts.sum(axis=1) - counts[np.arange(len(counts)), brightest]
    step = (others // 255)[:, None]
    below = counts.cumsum(axis=1) - counts
    evened = np.clip((below + step // 2) // np.maximum(step, 1), 0, 255).astype(np.uint8)
    return _look_up(picture, np.where(step > 0, evened, _RAMP))


_RAMP = np.arange(256, dtype=np.uint8)


def _look_up(picture: Levels, tables: Levels) -> Levels:
    """Replace each channel's levels by its table's."""
    changed = np.empty_like(picture)
    for channel, table, into in zip(picture, tables, changed, strict=True):
        cv2.LUT(channel, table, dst=into)
    return changed


def _posterize(picture: Levels, step: Step) -> Levels:
    return picture & np.uint8(_kept_bits(step))


def _kept_bits(step: Step) -> int:
    return 256 - (1 << (8 - int(step.magnitude)))


def _solarize(picture: Levels, step: Step) -> Levels:
    # A negative is 255 - x, which is x ^ 255.
    return picture ^ np.negative((picture >= int(step.magnitude)).view(np.uint8))


def _invert(picture: Levels, _: Step) -> Levels:
    return ~picture


def _mirror(picture: Levels, _: Step) -> Levels:
    tall = picture.reshape(-1, picture.shape[-1])
    return cv2.flip(tall, 1).reshape(picture.shape)


def _translate(picture: Levels, step: Step) -> Levels:
    """Copy what stays; the pixels are whole, so there is nothing to interpolate."""
    moved = np.zeros_like(picture)
    pixels = int(step.magnitude)
    into, source = (moved, picture)
    if step.operation == "translate_y":
        into, source = moved.swapaxes(1, 2), picture.swapaxes(1, 2)
    if pixels >= 0:
        into[..., pixels:] = source[..., : max(0, source.shape[-1] - pixels)]
    else:
        into[..., :pixels] = source[..., -pixels:]
    return moved


def _warp(picture: Levels, step: Step) -> Levels:
    if step.magnitude == 0:
        return picture
    height, width = picture.shape[1:]
    a, b, c, d, e, f = _sources(step, height, width)
    # OpenCV counts from the middle of the first pixel, `_sources` from its corner.
    matrix = np.array([[a, b, c + (a + b - 1) / 2], [d, e, f + (d + e - 1) / 2]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = np.empty_like(picture)
    for k in range(0, len(picture), 4):
        # OpenCV takes up to four channels at once, which is faster than one by one.
        merged = cv2.merge(list(picture[k : k + 4]))
        cv2.split(
            cv2.warpAffine(merged, matrix, (width, height), flags=flags), list(warped[k : k + 4])
        )
    return warped


def _sources(step: Step, height: int, width: int) -> tuple[float, ...]:
    """Return (a, b, c, d, e, f): a point (x, y) comes from (a x + b y + c, d x + e y + f)."""
    name, magnitude = step
    if name == "rotate":
        angle = math.radians(magnitude)
        cos, sin = math.cos(angle), math.sin(angle)
        x, y = width / 2, height / 2
        return cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y
    moves = dict.fromkeys(("shear_x", "shear_y", "translate_x", "translate_y"), 0.0)
    moves[name] = -magnitude
    return 1.0, moves["shear_x"], moves["translate_x"], moves["shear_y"], 1.0, moves["translate_y"]


def _autocontrast_many(levels: Tensor, _: Sequence[Step]) -> Tensor:
    """Look levels up in the same tables as `_autocontrast`; float64 makes them the same."""
    flat = levels.flatten(2)
    low, high = (edge.double() for edge in torch.aminmax(flat, dim=2, keepdim=True))
    # `255 / x` would be 255 times a rounded 1 / x.
    scale = torch.full_like(high, 255) / (high - low).clamp_min(1)
    ramp = torch.arange(256, device=levels.device)
    stretched = (ramp * scale - low * scale).clamp_(0, 255)
    tables = torch.where(high > low, stretched, ramp.double()).to(torch.uint8)
    return tables.gather(2, flat.long()).view_as(levels)


def _equalize_many(levels: Tensor, _: Sequence[Step]) -> Tensor:
    from torchvision.transforms.v2 import functional as vision

    return vision.equalize(levels)


def _posterize_many(levels: Tensor, steps: Sequence[Step]) -> Tensor:
    return levels & _column([_kept_bits(step) for step in steps], levels).to(torch.uint8)


def _solarize_many(levels: Tensor, steps: Sequence[Step]) -> Tensor:
    thresholds = _column([int(step.magnitude) for step in steps], levels)
    return torch.where(levels >= thresholds, 255 - levels, levels)


def _column(values: Sequence[int], like: Tensor) -> Tensor:
    """Return N x 1 x 1 x 1 on a tensor's device, wide enough for a threshold of 256."""
    return on_device(values, like).to(torch.int16).view(-1, 1, 1, 1)


def _invert_many(levels: Tensor, _: Sequence[Step]) -> Tensor:
    return 255 - levels


def _mirror_many(levels: Tensor, _: Sequence[Step]) -> Tensor:
    return levels.flip(-1)


def _warp_many(levels: Tensor, steps: Sequence[Step]) -> Tensor:
    height, width = levels.shape[-2:]
    matrices = np.array([_sources(step, height, width) for step in steps]).reshape(-1, 2, 3)
    # Torch counts both sides from -1 to 1.
    matrices[:, :, 2] += matrices[:, :, 0] * width / 2 + matrices[:, :, 1] * height / 2
    matrices *= [width / 2, height / 2, 1]
    matrices /= np.array([[width / 2], [height / 2]])
    matrices[:, :, 2] -= 1
    theta = torch.from_numpy(matrices.astype(np.float32)).to(levels.device, non_blocking=True)
    a, b, c = theta[:, None, None].unbind(-1)
    # Not `affine_grid`: it multiplies matrices, in a precision that users may have lowered.
    grid = a * _middles(width, levels)[:, None] + b * _middles(height, levels)[:, None, None] + c
    return grid_sample(levels.float(), grid, align_corners=False).round_().to(torch.uint8)


def _middles(count: int, like: Tensor) -> Tensor:
    """Return where the middles of pixels lie, from -1 to 1."""
    return (2 * torch.arange(count, device=like.device) + 1) / count - 1


_FAR = 1e6
"""Farther than a picture reaches, and more than any angle or share that makes sense."""


class _Kind(NamedTuple):
    """What is known of an operation."""

    on_cpu: _Single
    on_device: _Batched
    draw: Callable[[float, int, int, int], float] = lambda *_: 0.0
    """(severity as a share, sign, height, width): the magnitude."""
    limits: tuple[float, float, bool] = (-_FAR, _FAR, False)
    """Lowest and highest magnitude, and whether it is a whole number."""


_KINDS: dict[Operation, _Kind] = {
    "autocontrast": _Kind(_autocontrast, _autocontrast_many),
    "equalize": _Kind(_equalize, _equalize_many),
    "invert": _Kind(_invert, _invert_many),
    "mirror": _Kind(_mirror, _mirror_many),
    "posterize": _Kind(
        _posterize, _posterize_many, lambda share, *_: 4 - int(4 * share), (0, 8, True)
    ),
    "solarize": _Kind(
        _solarize, _solarize_many, lambda share, *_: 256 - int(256 * share), (0, 256, True)
    ),
    "rotate": _Kind(_warp, _warp_many, lambda share, sign, *_: sign * int(30 * share)),
    "shear_x": _Kind(_warp, _warp_many, lambda share, sign, *_: sign * 0.3 * share),
    "shear_y": _Kind(_warp, _warp_many, lambda share, sign, *_: sign * 0.3 * share),
    "translate_x": _Kind(
        _translate,
        _warp_many,
        lambda share, sign, _, width: sign * int(share * width / 3),
        (-_FAR, _FAR, True),
    ),
    "translate_y": _Kind(
        _translate,
        _warp_many,
        lambda share, sign, height, _: sign * int(share * height / 3),
        (-_FAR, _FAR, True),
    ),
}
