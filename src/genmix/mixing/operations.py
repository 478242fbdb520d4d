"""The image operations that AugMix, PixMix and IPMix chain.

All work on 256 levels, as the authors' published code does, which calls Pillow: pictures of floats
are rounded to levels first. All pictures that need the same operation go at once: on a CPU through
NumPy and OpenCV, on another device through torch, where nothing waits for the device.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from genmix.errors import MixerError, nearest
from genmix.mixing.base import check_images, goes_one_by_one, on_device
from genmix.mixing.levels import Levels, for_parts, is_on_cpu, plane, to_exact, to_levels, write_

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

OPERATIONS: tuple[Operation, ...] = get_args(Operation)

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


Chain: TypeAlias = Sequence[Step]
"""Operations to apply one after the other."""

Numbers: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int8]

NONE = -1
"""The code of what is not there."""


class Steps(NamedTuple):
    """Many steps as arrays of one shape: what drawing makes and applying takes."""

    operations: Codes
    """Indices in `OPERATIONS`, or `NONE`."""
    magnitudes: Numbers

    def at(self, index: Any) -> "Steps":
        """Return the steps at an index of their shape."""
        return Steps(self.operations[index], self.magnitudes[index])

    def spread(self, used: npt.NDArray[np.bool_]) -> "Steps":
        """Lay steps out, in their order, over the true places of an array."""
        return Steps(*(spread(each, used) for each in self))


def spread(values: npt.NDArray[Any], used: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Lay values out, in their order, over the true places of an array.

    In other places codes are `NONE`, and all else is 0.
    """
    fill = NONE if values.dtype == np.int8 else 0
    laid = np.full((*used.shape, *values.shape[1:]), fill, values.dtype)
    laid[used] = values
    return laid


def up_to(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return where rows of these lengths have something: lengths' shape x the longest."""
    return np.arange(lengths.max(initial=0)) < lengths[..., None]


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
    laid = as_steps(each)
    changed = torch.empty_like(images)

    def change(at: slice) -> None:
        levels = to_levels(images[at], to_exact(images[at]))
        (outcome,) = apply_chains(levels, laid.at((at, None, None)))
        write_(changed[at], to_exact(outcome))

    for_parts(images, change)
    return changed


def as_steps(steps: Sequence[Step | None]) -> Steps:
    """Check steps and return them as arrays.

    Raises:
        MixerError: If a step does not name an operation, or its magnitude is not in its range.
    """
    for step in filter(None, steps):
        _check_step(step)
    codes = [NONE if step is None else OPERATIONS.index(step.operation) for step in steps]
    magnitudes = [0.0 if step is None else step.magnitude for step in steps]
    return Steps(np.array(codes, np.int8), np.array(magnitudes, np.float64))


def _check_step(step: Step) -> None:
    name, magnitude = step
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
) -> Steps:
    """Draw operations evenly, each with a magnitude up to the severity, as AugMix's code does.

    The severity runs from 1 to 10. At 10 a picture is turned by up to 30 degrees, sheared by 0.3,
    moved by a third, and left with one bit or all inverted; magnitudes grow in proportion.
    """
    places = np.array([OPERATIONS.index(name) for name in operations], np.int8)
    drawn = Steps(places[rng.integers(len(operations), size=count)], np.zeros(count))
    shares = rng.uniform(0.01, severity / 10, count)
    signs = np.where(rng.integers(2, size=count), 1.0, -1.0)
    for name in operations:
        at = np.flatnonzero(drawn.operations == OPERATIONS.index(name))
        drawn.magnitudes[at] = _KINDS[name].draw(shares[at], signs[at], height, width)
    return drawn


def apply_chains(levels: Tensor, chains: Steps) -> Tensor:
    """Apply K chains of steps to each picture.

    Args:
        levels: N x C x H x W uint8, contiguous; not written to.
        chains: N x K x depth.

    Returns:
        Changed copies of the levels, K x N x C x H x W.
    """
    count, width, depth = chains.operations.shape
    changed = levels.new_empty((width, *levels.shape))
    if is_on_cpu(levels):
        changed.numpy()[:] = levels.numpy()
    else:
        changed.copy_(levels)
    in_line = Steps(
        chains.operations.swapaxes(0, 1).reshape(width * count, depth),
        chains.magnitudes.swapaxes(0, 1).reshape(width * count, depth),
    )
    apply_steps_(changed.flatten(0, 1), in_line)
    return changed


def apply_steps_(levels: Tensor, chains: Steps) -> None:
    """Apply a chain of steps to each picture in place.

    Large pictures on a CPU go one by one; of others, all that are at the same kind of operation go
    at once.

    Args:
        levels: N x C x H x W uint8, contiguous.
        chains: N x depth.
    """
    on_cpu = is_on_cpu(levels)
    kernels = _ON_CPU if on_cpu else _ON_DEVICE
    numbers = kernels.numbers[chains.operations]
    numbers[_IS_MOVE[chains.operations] & (chains.magnitudes == 0)] = NONE
    if not (on_cpu and goes_one_by_one(levels)):
        for depth in range(numbers.shape[1]):
            at = (slice(None), depth)
            _apply_in_groups_(levels, kernels.functions, numbers[at], chains.at(at))
        return
    pictures, magnitudes = levels.numpy()[:, None], chains.magnitudes
    for k, chain in enumerate(numbers.tolist()):
        for depth, number in enumerate(chain):
            if number != NONE:
                kernels.functions[number](pictures[k], magnitudes[k, depth : depth + 1])


def _apply_in_groups_(
    levels: Tensor, functions: Sequence[Callable[..., Any]], numbers: Codes, steps: Steps
) -> None:
    """Apply to each picture the function of its number."""
    for number in set(numbers.tolist()) - {NONE}:
        members = np.flatnonzero(numbers == number)
        if is_on_cpu(levels):
            some = levels.numpy()[members]
            functions[number](some, steps.magnitudes[members])
            levels.numpy()[members] = some
        else:
            at = on_device(members, levels)
            levels.index_copy_(0, at, functions[number](levels[at], steps.at(members)))


def _autocontrast_(pictures: Levels, _: Numbers) -> None:
    rows = _rows(pictures)
    low = rows.min(axis=1).astype(np.float64)[:, None]
    high = rows.max(axis=1).astype(np.float64)[:, None]
    scale = 255 / np.maximum(high - low, 1)
    tables = np.clip(_RAMP * scale - low * scale, 0, 255).astype(np.uint8)
    tables[(high == low)[:, 0]] = _RAMP
    _look_up_(rows, tables)


def _equalize_(pictures: Levels, _: Numbers) -> None:
    """Even the histogram by Pillow's rule, which leaves out the brightest level that occurs."""
    rows = _rows(pictures)
    counts = _histograms(rows)
    brightest = 255 - (counts[:, ::-1] > 0).argmax(axis=1)
    others = counts.sum(axis=1) - counts[np.arange(len(counts)), brightest]
    step = (others // 255)[:, None]
    below = counts.cumsum(axis=1) - counts
    # Rounded down when it is stored; floats divide several times as fast as whole numbers.
    tables = np.minimum((below + step // 2) / np.maximum(step, 1), 255).astype(np.uint8)
    tables[step[:, 0] == 0] = _RAMP
    _look_up_(rows, tables)


_RAMP = np.arange(256, dtype=np.uint8)


def _rows(pictures: Levels) -> Levels:
    """View each channel of each picture as a row."""
    return pictures.reshape(-1, pictures.shape[2] * pictures.shape[3])


def _histograms(rows: Levels) -> npt.NDArray[np.int64]:
    """Count the levels in each row."""
    if rows.shape[1] > _LONG:
        each = [cv2.calcHist([row], [0], None, [256], [0, 256]).ravel() for row in rows]
        return np.stack(each).astype(np.int64)
    counts = np.empty((len(rows), 256), np.int64)
    for at in _pieces(rows):
        into = counts[at]
        places = torch.from_numpy((rows[at] + 256 * np.arange(len(into))[:, None]).ravel())
        into[:] = torch.bincount(places, minlength=into.size).view(into.shape).numpy()
    return counts


def _look_up_(rows: Levels, tables: Levels) -> None:
    """Replace each row's levels by its table's."""
    if rows.shape[1] > _LONG:
        for row, table in zip(rows, tables, strict=True):
            cv2.LUT(row, table, dst=row)
        return
    for at in _pieces(rows):
        values = torch.from_numpy(rows[at])
        values.copy_(torch.from_numpy(tables[at]).gather(1, values.long()))


_LONG = 5000
"""Pixels from which OpenCV, channel by channel, is quicker than torch is with many at once."""


def _pieces(rows: Levels) -> Iterator[slice]:
    """Cut rows into pieces that torch does not divide among threads.

    On a busy machine these wait for one another, for longer than all the work takes.
    """
    length = 32_768 // rows.shape[1]
    return (slice(k, k + length) for k in range(0, len(rows), length))


def _posterize_(pictures: Levels, magnitudes: Numbers) -> None:
    pictures &= _column(_kept_bits(magnitudes))


def _kept_bits(magnitudes: Numbers) -> Levels:
    return (256 - 2 ** (8 - magnitudes)).astype(np.uint8)


def _solarize_(pictures: Levels, magnitudes: Numbers) -> None:
    # A negative is 255 - x, which is x ^ 255; no level reaches a threshold of 256.
    bright = pictures >= _column(np.minimum(magnitudes, 255).astype(np.uint8))
    pictures ^= bright * _column(np.where(magnitudes > 255, 0, 255).astype(np.uint8))


def _column(values: Levels) -> Levels:
    return values[:, None, None, None]


def _invert_(pictures: Levels, _: Numbers) -> None:
    np.invert(pictures, out=pictures)


def _mirror_(pictures: Levels, _: Numbers) -> None:
    pictures[:] = cv2.flip(plane(pictures), 1).reshape(pictures.shape)


def _translate_(pictures: Levels, magnitudes: Numbers, *, axis: int) -> None:
    """Copy what stays; the pixels are whole, so there is nothing to interpolate."""
    unmoved, side = pictures.copy(), pictures.shape[axis]
    pictures[:] = 0
    for pixels in set(magnitudes.astype(int).tolist()):
        at: list[Any] = [np.flatnonzero(magnitudes == pixels), *[slice(None)] * (axis - 1)]
        into = slice(max(0, pixels), max(0, side + pixels))
        source = slice(max(0, -pixels), max(0, side - pixels))
        pictures[*at, into] = unmoved[*at, source]


def _shear_(pictures: Levels, magnitudes: Numbers, *, axis: int) -> None:
    """Move each row right (axis 3), or each column down (2), by its distance from the corner."""
    count, channels, height, width = pictures.shape
    if axis == 3:
        moves = magnitudes[:, None, None] * (np.arange(height) + 0.5)
        shape = (count, channels, height)
        sheared = _move(plane(pictures), np.broadcast_to(moves, shape).ravel())
    else:
        # Turned all at once, columns are rows of one line after the other: width x N x C.
        turned = cv2.transpose(plane(pictures))
        moves = magnitudes[None, :, None] * (np.arange(width)[:, None, None] + 0.5)
        moves = np.broadcast_to(moves, (width, count, channels)).ravel()
        sheared = cv2.transpose(_move(turned.reshape(-1, height), moves).reshape(turned.shape))
    pictures[:] = sheared.reshape(pictures.shape)


def _move(lines: Levels, moves: Numbers) -> Levels:
    """Move each line right, by pixels that need not be whole; what comes in is black."""
    count, length = lines.shape
    whole = np.floor(moves)
    # Between two pixels in steps of 1/256, which byte by byte is twice as fast as floats are.
    share = ((moves - whole) * 256 + 0.5).astype(np.uint16)[:, None]
    whole = whole.clip(-length - 1, length).astype(np.int64)
    margin = int(np.abs(whole).max()) + 1
    wide = np.zeros((count, length + 2 * margin), np.uint8)
    wide[:, margin:-margin] = lines
    # Each begins one pixel before the one that comes first.
    starts = np.arange(margin - 1, wide.size, wide.shape[1]) - whole
    windows = np.ndarray((wide.size - length, length + 1), np.uint8, wide, strides=(1, 1))
    near = windows[starts]
    mixed = near[:, 1:] * (256 - share) + near[:, :-1] * share + np.uint16(128)
    return (mixed >> 8).astype(np.uint8)


def _rotate_(pictures: Levels, magnitudes: Numbers) -> None:
    count, channels, height, width = pictures.shape
    matrices = _sources("rotate", magnitudes, height, width)
    # OpenCV counts from the middle of the first pixel, `_sources` from its corner.
    matrices[:, :, 2] += (matrices[:, :, 0] + matrices[:, :, 1] - 1) / 2
    for k in range(0, channels, 4):
        planes = [plane(pictures[:, c]) for c in range(k, min(k + 4, channels))]
        # Four channels are warped in half the time of three.
        spare = [np.empty_like(planes[0]) for _ in range(4 - len(planes))] if channels > 1 else []
        tall = cv2.merge([*planes, *spare])
        merged = tall.reshape(count, height, width, -1)
        rotated = np.empty_like(merged)
        for picture, matrix, into in zip(merged, matrices, rotated, strict=True):
            cv2.warpAffine(picture, matrix, (width, height), dst=into, flags=_FLAGS)
        cv2.split(rotated.reshape(tall.shape), [*planes, *spare])
        if count > 1:  # of one picture, planes are views
            for c, each in enumerate(planes, start=k):
                pictures[:, c] = each.reshape(count, height, width)


_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


def _sources(
    operation: Operation, magnitudes: Numbers, height: int, width: int
) -> npt.NDArray[np.float64]:
    """Return N x 2 x 3, (a, b, c; d, e, f): (x, y) comes from (a x + b y + c, d x + e y + f)."""
    sources = np.zeros((len(magnitudes), 2, 3))
    sources[:, 0, 0] = sources[:, 1, 1] = 1
    if operation != "rotate":
        sources[:, *_ENTRIES[operation]] = -magnitudes
        return sources
    angles = np.radians(magnitudes)
    cos, sin = np.cos(angles), np.sin(angles)
    sources[:, 0, 0] = sources[:, 1, 1] = cos
    sources[:, 0, 1], sources[:, 1, 0] = -sin, sin
    x, y = width / 2, height / 2
    sources[:, 0, 2], sources[:, 1, 2] = x - cos * x + sin * y, y - sin * x - cos * y
    return sources


_ENTRIES: dict[Operation, tuple[int, int]] = {
    "shear_x": (0, 1),
    "shear_y": (1, 0),
    "translate_x": (0, 2),
    "translate_y": (1, 2),
}
"""Where in the identity an operation's magnitude goes."""


def _autocontrast_many(levels: Tensor, _: Steps) -> Tensor:
    """Look levels up in the same tables as `_autocontrast`; float64 makes them the same."""
    flat = levels.flatten(2)
    low, high = (edge.double() for edge in torch.aminmax(flat, dim=2, keepdim=True))
    # `255 / x` would be 255 times a rounded 1 / x.
    scale = torch.full_like(high, 255) / (high - low).clamp_min(1)
    ramp = torch.arange(256, device=levels.device)
    stretched = (ramp * scale - low * scale).clamp_(0, 255)
    tables = torch.where(high > low, stretched, ramp.double()).to(torch.uint8)
    return tables.gather(2, flat.long()).view_as(levels)


def _equalize_many(levels: Tensor, _: Steps) -> Tensor:
    from torchvision.transforms.v2 import functional as vision

    return vision.equalize(levels)


def _posterize_many(levels: Tensor, steps: Steps) -> Tensor:
    bits = torch.from_numpy(_kept_bits(steps.magnitudes)).to(levels.device, non_blocking=True)
    return levels & bits.view(-1, 1, 1, 1)


def _solarize_many(levels: Tensor, steps: Steps) -> Tensor:
    # A threshold may be 256, which no byte holds.
    thresholds = torch.from_numpy(steps.magnitudes.astype(np.int16))
    thresholds = thresholds.to(levels.device, non_blocking=True).view(-1, 1, 1, 1)
    return torch.where(levels >= thresholds, 255 - levels, levels)


def _invert_many(levels: Tensor, _: Steps) -> Tensor:
    return 255 - levels


def _mirror_many(levels: Tensor, _: Steps) -> Tensor:
    return levels.flip(-1)


def _warp_many(levels: Tensor, steps: Steps) -> Tensor:
    height, width = levels.shape[-2:]
    matrices = np.zeros((len(levels), 2, 3))
    for operation in ("rotate", *_ENTRIES):
        members = np.flatnonzero(steps.operations == OPERATIONS.index(operation))
        matrices[members] = _sources(operation, steps.magnitudes[members], height, width)
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

    on_cpu: Callable[[Levels, Numbers], None]
    """Changes pictures in place, each by its magnitude."""
    on_device: Callable[[Tensor, Steps], Tensor]
    draw: Callable[[Numbers, Numbers, int, int], Numbers | float] = lambda *_: 0.0
    """(severities as shares, signs, height, width): the magnitudes."""
    limits: tuple[float, float, bool] = (-_FAR, _FAR, False)
    """Lowest and highest magnitude, and whether it is a whole number."""


def _shear(share: Numbers, sign: Numbers, *_: int) -> Numbers:
    return sign * 0.3 * share


_KINDS: dict[Operation, _Kind] = {
    "autocontrast": _Kind(_autocontrast_, _autocontrast_many),
    "equalize": _Kind(_equalize_, _equalize_many),
    "invert": _Kind(_invert_, _invert_many),
    "mirror": _Kind(_mirror_, _mirror_many),
    "posterize": _Kind(
        _posterize_, _posterize_many, lambda share, *_: 4 - np.trunc(4 * share), (0, 8, True)
    ),
    "rotate": _Kind(
        _rotate_,
        _warp_many,
        lambda share, sign, *_: sign * np.trunc(30 * share),
    ),
    "shear_x": _Kind(partial(_shear_, axis=3), _warp_many, _shear),
    "shear_y": _Kind(partial(_shear_, axis=2), _warp_many, _shear),
    "solarize": _Kind(
        _solarize_, _solarize_many, lambda share, *_: 256 - np.trunc(256 * share), (0, 256, True)
    ),
    "translate_x": _Kind(
        partial(_translate_, axis=3),
        _warp_many,
        lambda share, sign, _, width: sign * np.trunc(share * width / 3),
        (-_FAR, _FAR, True),
    ),
    "translate_y": _Kind(
        partial(_translate_, axis=2),
        _warp_many,
        lambda share, sign, height, _: sign * np.trunc(share * height / 3),
        (-_FAR, _FAR, True),
    ),
}

_IS_MOVE = np.array([name == "rotate" or name in _ENTRIES for name in OPERATIONS])
"""Of each operation, whether a magnitude of 0 leaves a picture as it is."""


class _Kernels(NamedTuple):
    """The functions that apply operations, and of each operation which; last comes `NONE`."""

    functions: list[Callable[..., Any]]
    numbers: Codes


def _kernels(of_operations: Sequence[Callable[..., Any]]) -> _Kernels:
    functions = list(dict.fromkeys(of_operations))
    return _Kernels(functions, np.array([*map(functions.index, of_operations), NONE], np.int8))


_ON_CPU = _kernels([_KINDS[name].on_cpu for name in OPERATIONS])
_ON_DEVICE = _kernels([_KINDS[name].on_device for name in OPERATIONS])
