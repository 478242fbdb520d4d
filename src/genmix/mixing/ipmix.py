"""IPMix (Huang et al., NeurIPS 2023, arXiv 2310.04780): mix at image, patch and pixel level."""

from collections.abc import Sequence
from itertools import chain as joined
from typing import Any, Literal, NamedTuple, TypeAlias, Unpack, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genmix.errors import MixerError
from genmix.fractals import FractalBank
from genmix.mixing.augmix import (
    Skips,
    Weights,
    check_chain_counts,
    check_weights,
    interpolate,
)
from genmix.mixing.base import goes_one_by_one, on_device
from genmix.mixing.checks import check_counts, check_images
from genmix.mixing.cutmix import Box
from genmix.mixing.levels import (
    Levels,
    MixerSettings,
    is_on_cpu,
    plane,
    planes,
    round_levels,
    to_exact,
)
from genmix.mixing.operations import apply_chains, as_steps, check_severity, draw_steps
from genmix.mixing.pixmix import (
    METHODS,
    PictureMixer,
    blend_,
    blend_many_,
    check_beta,
    check_blend,
    check_pictures,
    draw_coefficients,
)
from genmix.mixing.steps import NONE, Codes, Numbers, Operation, Step, Steps, spread, up_to

OPERATIONS: tuple[Operation, ...] = (
    "equalize",
    "posterize",
    "rotate",
    "solarize",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "mirror",
    "invert",
)
"""Those of the authors' code."""


class IPMix(PictureMixer):
    """Mix each image with copies that were augmented, or mixed with a picture patch by patch.

    The label stays. Images are uint8, or float in [0, 1]: put it before normalisation. The paper's
    results come with the consistency loss of AugMix, `jensen_shannon`. See `ipmix` for the
    arithmetic and `PictureMixer` for the other arguments.

    Args:
        pictures: See `PictureMixer`.
        width: Chains for each image, k.
        depth: Most steps in a chain, t; the number is drawn for each chain from 0 to t.
        beta: β of the coefficients; the higher, the more of the image stays. The authors' code has
            3 for CIFAR and 4 for ImageNet.
        severity: Of the operations, from 1 to 10; the authors' code has 3 for CIFAR and 1 for
            ImageNet.
        **settings: See `Mixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    SHOWN = ("width", "depth", "beta", "severity")

    def __init__(
        self,
        pictures: FractalBank | Tensor | None = None,
        *,
        width: int = 3,
        depth: int = 3,
        beta: float = 3.0,
        severity: float = 3,
        **settings: Unpack[MixerSettings],
    ) -> None:
        super().__init__(pictures, **settings)
        check_counts(width=width, depth=depth)
        check_beta(beta)
        check_severity(severity)
        self.width = width
        self.depth = depth
        self.beta = beta
        self.severity = severity

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw pictures, chains and weights, and mix."""
        count, channels, height, width = images.shape
        pictures = self.draw_pictures(rng, images)
        weights = rng.dirichlet(np.ones(self.width), count)
        skip = rng.random(count)
        depths = rng.integers(self.depth + 1, size=(count, self.width))
        at_image_level = rng.random((count, self.width)) < 0.5
        of_steps = up_to(np.where(at_image_level, depths, 0))
        total = int(of_steps.sum())
        steps = draw_steps(rng, total, OPERATIONS, self.severity, height, width)
        of_patches = up_to(np.where(at_image_level, 0, depths))
        total = int(of_patches.sum())
        patches = draw_patches(rng, total, self.beta, channels, height, width)
        chains = (steps.spread(of_steps), patches.spread(of_patches))
        return mix_links(images, pictures, *chains, weights, skip, inplace=self.inplace), targets


Mixing: TypeAlias = Literal["add", "multiply", "pixels", "elements"]
"""As PixMix adds and multiplies, or by swapping single pixels, or single values."""


MIXINGS: tuple[Mixing, ...] = get_args(Mixing)

BLENDINGS: tuple[Mixing, ...] = METHODS
"""Those of PixMix, which have coefficients; the others swap. `MIXINGS` begins with them."""


class Patch(NamedTuple):
    """A box that is mixed with the same box of the picture, and how.

    `a` and `b` are the coefficients of "add" and "multiply" (see `Round`). `keep` says for
    "pixels" (1 x h x w) and "elements" (C x h x w) where the image's own values stay; h and w are
    the box's.
    """

    box: Box
    method: Mixing
    a: float = 1.0
    b: float = 0.0
    keep: npt.NDArray[np.bool_] | None = None


Links: TypeAlias = Sequence[Step] | Sequence[Patch]
"""A chain at image level, or one at patch and pixel level."""


class Patches(NamedTuple):
    """Many patches as arrays of one shape: what drawing makes and mixing takes."""

    methods: Codes
    """Indices in `MIXINGS`, or `NONE`."""
    boxes: npt.NDArray[np.int64]
    """With a last axis of 4, as `Box`."""
    a: Numbers
    b: Numbers
    keeps: npt.NDArray[np.object_]
    """Arrays of booleans, or None."""

    def at(self, index: Any) -> "Patches":
        """Return the patches at an index of their shape."""
        return Patches(*(each[index] for each in self))

    def spread(self, used: npt.NDArray[np.bool_]) -> "Patches":
        """Lay patches out, in their order, over the true places of an array."""
        return Patches(*(spread(each, used) for each in self))


def draw_patches(
    rng: np.random.Generator, count: int, beta: float, channels: int, height: int, width: int
) -> Patches:
    """Draw patches as the authors' code does.

    Their size is 4, 8, 16, 32, 64 or the picture's shorter side, those that fit. Half of them are
    squares of it, the others have sides drawn up to it. All ways of mixing are equally likely.
    """
    a, b = draw_coefficients(rng, beta, count)
    uniform = rng.random((8, count))
    methods = (uniform[0] * len(MIXINGS)).astype(np.int8)
    side = min(height, width)
    sizes = np.array([*(size for size in (4, 8, 16, 32, 64) if size < side), side])
    size = sizes[(uniform[1] * len(sizes)).astype(int)]
    top = (uniform[2] * (height - size + 1)).astype(int)
    left = (uniform[3] * (width - size + 1)).astype(int)
    least = np.minimum(2, size)
    sides = least + (uniform[5:7] * (size + 1 - least)).astype(int)
    rows, columns = np.where(uniform[4] < 0.5, sides, size)
    boxes = np.stack([top, top + rows, left, left + columns], axis=1)
    planes = np.where(methods == MIXINGS.index("pixels"), 1, channels)
    shapes = np.where(methods >= len(BLENDINGS), [planes, rows, columns], 0).T
    return Patches(methods, boxes, a, b, _draw_keeps(rng, shapes, uniform[7]))


def _draw_keeps(
    rng: np.random.Generator, shapes: npt.NDArray[np.int64], shares: Numbers
) -> npt.NDArray[np.object_]:
    """Draw an array of booleans of each shape, true by its share; None where the shape is 0."""
    lengths = shapes.prod(axis=1)
    # Bytes are drawn several times as fast as floats, and shares of 1/256 are fine enough.
    noise = np.frombuffer(rng.bytes(int(lengths.sum())), np.uint8)
    ends, limits = lengths.cumsum().tolist(), np.ceil(256 * shares).astype(int).tolist()
    keeps = np.full(len(shapes), None)
    for k in np.flatnonzero(lengths).tolist():
        own = noise[ends[k] - lengths[k] : ends[k]]
        keeps[k] = (own < limits[k]).reshape(shapes[k])
    return keeps


def ipmix(
    images: Tensor,
    pictures: Tensor,
    chains: Sequence[Sequence[Links]],
    weights: Weights,
    skip: Skips,
    *,
    inplace: bool = False,
) -> Tensor:
    """Mix a batch: x' = m x + (1 - m) Σ_k w_k chain_k(x) (section 3).

    Args:
        images: N x C x H x W, uint8, or float in [0, 1].
        pictures: One for each image, of the same shape, uint8.
        chains: Of each image, K chains, each of steps or of patches, or empty.
        weights: w, N x K, each row of sum 1.
        skip: m, N, in [0, 1].
        inplace: Write into `images`.

    Returns:
        The mixed images, of the same type (uint8 is rounded) and memory format.

    Raises:
        MixerError: If the arguments do not fit together, or `inplace` would overwrite a leaf that
            requires a gradient.
    """
    check_images(images)
    check_pictures(pictures, images)
    weights, skip = check_weights(len(images), weights, skip)
    check_chain_counts(chains, weights)
    steps, patches = _sort_out(chains, weights.shape, *images.shape[1:])
    return mix_links(images, pictures, steps, patches, weights, skip, inplace=inplace)


def _sort_out(
    chains: Sequence[Sequence[Links]],
    shape: tuple[int, ...],
    channels: int,
    height: int,
    width: int,
) -> tuple[Steps, Patches]:
    """Check N x K chains, and lay them out as steps and patches; each has one of them."""
    steps, patches = [], []
    for chain in joined(*chains):
        steps.append([link for link in chain if isinstance(link, Step)])
        patches.append([link for link in chain if isinstance(link, Patch)])
        if len(chain) not in {len(steps[-1]), len(patches[-1])}:
            kinds = ", ".join(sorted({type(link).__name__ for link in chain}))
            raise MixerError(f"a chain holds {kinds}: give steps, or patches")
        for patch in patches[-1]:
            _check_patch(patch, channels, height, width)
    of_steps, of_patches = (
        up_to(np.array([len(chain) for chain in each], int).reshape(shape))
        for each in (steps, patches)
    )
    return (
        as_steps(list(joined(*steps))).spread(of_steps),
        _as_patches(list(joined(*patches))).spread(of_patches),
    )


def _check_patch(patch: Patch, channels: int, height: int, width: int) -> None:
    top, bottom, left, right = patch.box
    if np.asarray(patch.box).dtype.kind not in "iu":
        raise MixerError(f"{patch.box} is no box: give whole pixels")
    if not (0 <= top <= bottom <= height and 0 <= left <= right <= width):
        raise MixerError(f"{patch.box} does not lie in a picture of {height} x {width} pixels")
    check_blend(MIXINGS, patch.method, patch.a, patch.b)
    if patch.method in BLENDINGS:
        return
    expected = (1 if patch.method == "pixels" else channels, bottom - top, right - left)
    keep = np.asarray(patch.keep)
    if keep.shape != expected or keep.dtype != np.bool_:
        given = None if patch.keep is None else f"{keep.dtype} of the shape {keep.shape}"
        raise MixerError(
            f"keep is {given}: {patch.method!r} needs booleans of the shape {expected}"
        )


def _as_patches(patches: Sequence[Patch]) -> Patches:
    keeps = np.full(len(patches), None)
    for k, patch in enumerate(patches):
        keeps[k] = None if patch.method in BLENDINGS else np.asarray(patch.keep)
    return Patches(
        np.array([MIXINGS.index(patch.method) for patch in patches], np.int8),
        np.array([patch.box for patch in patches], np.int64).reshape(-1, 4),
        np.array([patch.a for patch in patches], np.float64),
        np.array([patch.b for patch in patches], np.float64),
        keeps,
    )


def mix_links(
    images: Tensor,
    pictures: Tensor,
    steps: Steps,
    patches: Patches,
    weights: Numbers,
    skip: Numbers,
    *,
    inplace: bool,
) -> Tensor:
    """Do as `ipmix` does, with steps and patches that were checked or drawn: N x K x depth."""

    def augmented(levels: Tensor, at: slice) -> Tensor:
        changed = apply_chains(levels, steps.at(at))
        _mix_patches_(changed, pictures[at], patches.at(at))
        return changed

    return interpolate(images, augmented, weights, skip, inplace=inplace)


def _mix_patches_(levels: Tensor, pictures: Tensor, patches: Patches) -> None:
    """Mix levels, K x N x C x H x W, with pictures in place, by N x K x depth patches.

    Large pictures on a CPU patch by patch; others at each depth all of one method at once.
    """
    if is_on_cpu(levels) and goes_one_by_one(pictures):
        for n, k, depth in np.argwhere(patches.methods != NONE).tolist():
            _mix_one_(levels[k, n].numpy(), pictures[n].numpy(), patches.at((n, k, depth)))
        return
    count, width, depths = patches.methods.shape
    mix = _mix_some_ if is_on_cpu(levels) else _mix_on_device_
    for depth in range(depths):
        now = (each[:, :, depth].swapaxes(0, 1) for each in patches)
        in_line = Patches(*(each.reshape(width * count, *each.shape[2:]) for each in now))
        for method in set(in_line.methods.tolist()) - {NONE}:
            members = np.flatnonzero(in_line.methods == method)
            mix(levels.flatten(0, 1), pictures, members, in_line.at(members))


def _mix_one_(levels: Levels, picture: Levels, patch: Patches) -> None:
    """Mix levels with a picture, C x H x W, in place by one patch."""
    top, bottom, left, right = patch.boxes
    mine, other = levels[:, top:bottom, left:right], picture[:, top:bottom, left:right]
    if MIXINGS[patch.methods] not in BLENDINGS:
        np.copyto(mine, other, where=~patch.keeps)
    elif mine.size:
        exact = mine.astype(np.float32)
        blend_(int(patch.methods), plane(exact), plane(other), float(patch.a), float(patch.b))
        mine[:] = np.rint(exact.clip(0, 255))


def _mix_some_(
    levels: Tensor, pictures: Tensor, members: npt.NDArray[np.int64], patches: Patches
) -> None:
    """Mix some of levels on a CPU in place, each with its picture by a patch of one method."""
    some, others = levels.numpy()[members], pictures.numpy()[members % len(pictures)]
    method = int(patches.methods[0])
    if MIXINGS[method] in BLENDINGS:
        exact = some.astype(np.float32)
        pairs, coefficients = (planes(exact), planes(others)), (patches.a, patches.b)
        for mine, other, a, b in zip(*pairs, *coefficients, strict=True):
            blend_(method, mine, other, a, b)
        others = np.rint(exact.clip(0, 255)).astype(np.uint8)
    bits = np.negative(_taken(patches, *levels.shape[1:]).view(np.uint8))
    some ^= (some ^ others) & bits
    levels.numpy()[members] = some


def _mix_on_device_(
    levels: Tensor, pictures: Tensor, members: npt.NDArray[np.int64], patches: Patches
) -> None:
    """Do as `_mix_some_` does on a device."""
    at = on_device(members, levels)
    some, others = levels[at], pictures[on_device(members % len(pictures), levels)]
    method = int(patches.methods[0])
    if MIXINGS[method] in BLENDINGS:
        exact = to_exact(some)
        blend_many_(method, exact, others, patches.a, patches.b)
        others = round_levels(exact.clamp_(0, 255))
    taken = torch.from_numpy(_taken(patches, *levels.shape[1:])).to(
        levels.device, non_blocking=True
    )
    levels.index_copy_(0, at, torch.where(taken, others, some))


def _taken(patches: Patches, channels: int, height: int, width: int) -> npt.NDArray[np.bool_]:
    """Return N x (1 or C) x H x W, true where a patch does not keep an image's own values."""
    planes = channels if MIXINGS[patches.methods[0]] == "elements" else 1
    taken = np.zeros((len(patches.methods), planes, height, width), bool)
    for mask, (top, bottom, left, right), keep in zip(
        taken, patches.boxes.tolist(), patches.keeps, strict=True
    ):
        mask[:, top:bottom, left:right] = True if keep is None else ~keep
    return taken
