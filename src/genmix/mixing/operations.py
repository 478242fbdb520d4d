"""The image operations that AugMix, PixMix and IPMix chain: drawing their steps, applying them.

All work on 256 levels, as the authors' published code does, which calls Pillow: pictures of floats
are rounded to levels first. On a CPU compiled loops take picture by picture; on another device all
pictures that need the same operation go at once, through torch, where nothing waits for the device.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genmix.errors import MixerError, nearest
from genmix.mixing.base import on_device
from genmix.mixing.checks import check_images, is_number
from genmix.mixing.colours import (
    autocontrast_many,
    equalize_many,
    invert_many,
    posterize_many,
    solarize_many,
)
from genmix.mixing.compiled import operations as loops
from genmix.mixing.geometry import ENTRIES, mirror_many, warp_many
from genmix.mixing.levels import for_parts, is_on_cpu, to_exact, to_levels, write_
from genmix.mixing.memory import empty_like
from genmix.mixing.steps import NONE, OPERATIONS, Codes, Numbers, Operation, Step, Steps


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
    changed = empty_like(images)

    def change(at: slice) -> None:
        (outcome,) = apply_chains(to_levels(images[at]), laid.at((at, None, None)))
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
    fits = is_number(magnitude) and low <= magnitude <= high
    if not fits or (whole and magnitude != int(magnitude)):
        kind = "a whole number" if whole else "a number"
        raise MixerError(
            f"{name} has a magnitude of {magnitude!r}: give {kind} in [{low:g}, {high:g}]"
        )


def check_severity(severity: float) -> None:
    """Make sure that a severity is one.

    Raises:
        MixerError: If it does not lie in [1, 10].
    """
    if not (is_number(severity) and 1 <= severity <= 10):
        raise MixerError(f"severity is {severity!r}: it must lie in [1, 10]")


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
    in_line = Steps(
        chains.operations.swapaxes(0, 1).reshape(width * count, depth),
        chains.magnitudes.swapaxes(0, 1).reshape(width * count, depth),
    )
    if is_on_cpu(levels):
        changed = change_copies(levels, np.tile(np.arange(count), width), in_line)
    else:
        changed = levels.repeat(width, 1, 1, 1)
        apply_steps_(changed, in_line)
    return changed.view(width, *levels.shape)


def change_copies(levels: Tensor, sources: npt.NDArray[np.int64], chains: Steps) -> Tensor:
    """Apply chains of steps on the CPU, each to a copy of a picture.

    Args:
        levels: N x C x H x W uint8, contiguous; not written to.
        sources: J indices of pictures.
        chains: J x depth.

    Returns:
        J x C x H x W.
    """
    changed = loops.apply_chains(levels.numpy(), sources, _moving(chains), chains.magnitudes)
    return torch.from_numpy(changed)


def apply_steps_(levels: Tensor, chains: Steps) -> None:
    """Apply a chain of steps to each picture in place, on a device; all of a kind go at once.

    Args:
        levels: N x C x H x W uint8, contiguous.
        chains: N x depth.
    """
    numbers = _NUMBERS[_moving(chains)]
    for depth in range(numbers.shape[1]):
        for number in set(numbers[:, depth].tolist()) - {NONE}:
            members = np.flatnonzero(numbers[:, depth] == number)
            at = on_device(members, levels)
            outcome = _FUNCTIONS[number](levels[at], chains.at((members, depth)))
            levels.index_copy_(0, at, outcome)


def _moving(chains: Steps) -> Codes:
    """Return the codes, without those of moves by 0."""
    idle = _IS_MOVE[chains.operations] & (chains.magnitudes == 0)
    return np.where(idle, np.int8(NONE), chains.operations)


_FAR = 1e6
"""Farther than a picture reaches, and more than any angle or share that makes sense."""


class _Kind(NamedTuple):
    """What is known of an operation."""

    on_device: Callable[[Tensor, Steps], Tensor]
    """Changes pictures, each by its magnitude, where torch is used."""
    draw: Callable[[Numbers, Numbers, int, int], Numbers | float] = lambda *_: 0.0
    """(severities as shares, signs, height, width): the magnitudes."""
    limits: tuple[float, float, bool] = (-_FAR, _FAR, False)
    """Lowest and highest magnitude, and whether it is a whole number."""


def _shear(share: Numbers, sign: Numbers, *_: int) -> Numbers:
    return sign * 0.3 * share


_KINDS: dict[Operation, _Kind] = {
    "autocontrast": _Kind(autocontrast_many),
    "equalize": _Kind(equalize_many),
    "invert": _Kind(invert_many),
    "mirror": _Kind(mirror_many),
    "posterize": _Kind(posterize_many, lambda share, *_: 4 - np.trunc(4 * share), (0, 8, True)),
    "rotate": _Kind(warp_many, lambda share, sign, *_: sign * np.trunc(30 * share)),
    "shear_x": _Kind(warp_many, _shear),
    "shear_y": _Kind(warp_many, _shear),
    "solarize": _Kind(solarize_many, lambda share, *_: 256 - np.trunc(256 * share), (0, 256, True)),
    "translate_x": _Kind(
        warp_many,
        lambda share, sign, _, width: sign * np.trunc(share * width / 3),
        (-_FAR, _FAR, True),
    ),
    "translate_y": _Kind(
        warp_many,
        lambda share, sign, height, _: sign * np.trunc(share * height / 3),
        (-_FAR, _FAR, True),
    ),
}

_IS_MOVE = np.array([name == "rotate" or name in ENTRIES for name in OPERATIONS])
"""Of each operation, whether a magnitude of 0 leaves a picture as it is."""

_FUNCTIONS = list(dict.fromkeys(_KINDS[name].on_device for name in OPERATIONS))
"""Those that apply operations on a device."""

_NUMBERS: Codes = np.array(
    [*(_FUNCTIONS.index(_KINDS[name].on_device) for name in OPERATIONS), NONE], np.int8
)
"""Of each operation, which of the functions; last comes `NONE`."""
