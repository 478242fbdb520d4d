"""IPMix (Huang et al., NeurIPS 2023, arXiv 2310.04780): mix at image, patch and pixel level."""

import math
from collections.abc import Iterator, Sequence
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
from genmix.mixing.base import on_device
from genmix.mixing.checks import check_counts, check_images
from genmix.mixing.compiled.blends import mix_patches
from genmix.mixing.cutmix import Box
from genmix.mixing.levels import Levels, MixerSettings, is_on_cpu, round_levels, to_exact
from genmix.mixing.operations import apply_chains, as_steps, check_severity, draw_steps
from genmix.mixing.pixmix import (
    METHODS,
    PictureMixer,
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

_PIXELS, _ELEMENTS = (MIXINGS.index(name) for name in ("pixels", "elements"))


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
    starts: npt.NDArray[np.int64]
    """Where each begins in `noise`, which has a byte for each of its pixels or values."""
    limits: npt.NDArray[np.int64]
    """Where noise is lower, the image's own values stay."""
    noise: Levels
    """Of all patches, one after the other."""

    def at(self, index: Any) -> "Patches":
        """Return the patches at an index of their shape."""
        return self._replace(**{name: each[index] for name, each in self._each()})

    def spread(self, used: npt.NDArray[np.bool_]) -> "Patches":
        """Lay patches out, in their order, over the true places of an array."""
        return self._replace(**{name: spread(each, used) for name, each in self._each()})

    def _each(self) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """Go through what there is of each patch, by name."""
        return zip(self._fields[:-1], self[:-1], strict=True)

    def kept(self, channels: int) -> list[npt.NDArray[np.bool_]]:
        """Return of each patch, N of them, where the image's own values stay; see `Patch`."""
        kept = []
        for method, box, _, _, start, limit in zip(*self[:-1], strict=True):
            top, bottom, left, right = box
            planes = {_PIXELS: 1, _ELEMENTS: channels}.get(int(method), 0)
            shape = (planes, bottom - top, right - left)
            kept.append(self.noise[start:][: math.prod(shape)].reshape(shape) < limit)
        return kept


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
    planes = np.where(methods == _PIXELS, 1, channels)
    lengths = np.where(methods >= len(BLENDINGS), planes * rows * columns, 0)
    ends = lengths.cumsum()
    # Bytes are drawn several times as fast as floats, and shares of 1/256 are fine enough.
    words = rng.integers(2**32, size=-(-int(lengths.sum()) // 4), dtype=np.uint32)
    limits = np.ceil(256 * uniform[7]).astype(np.int64)
    return Patches(methods, boxes, a, b, ends - lengths, limits, words.view(np.uint8))


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
    taken = [
        np.empty(0, bool) if patch.method in BLENDINGS else ~np.asarray(patch.keep).ravel()
        for patch in patches
    ]
    ends = np.cumsum([each.size for each in taken], dtype=np.int64)
    return Patches(
        np.array([MIXINGS.index(patch.method) for patch in patches], np.int8),
        np.array([patch.box for patch in patches], np.int64).reshape(-1, 4),
        np.array([patch.a for patch in patches], np.float64),
        np.array([patch.b for patch in patches], np.float64),
        ends - np.array([each.size for each in taken], np.int64),
        np.ones(len(patches), np.int64),
        np.concatenate([np.empty(0, bool), *taken]).view(np.uint8),
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

    On a device, at each depth all of one method go at once.
    """
    if is_on_cpu(levels):
        mix_patches(levels.numpy(), pictures.contiguous().numpy(), *patches)
        return
    for depth in range(patches.methods.shape[2]):
        methods = patches.methods[:, :, depth].T
        for method in set(methods.ravel().tolist()) - {NONE}:
            k, n = np.nonzero(methods == method)
            members = k * len(pictures) + n
            _mix_on_device_(levels.flatten(0, 1), pictures, members, patches.at((n, k, depth)))


def _mix_on_device_(
    levels: Tensor, pictures: Tensor, members: npt.NDArray[np.int64], patches: Patches
) -> None:
    """Mix some of the levels in place, each with its picture by a patch of one method."""
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
    planes = channels if patches.methods[0] == _ELEMENTS else 1
    taken = np.zeros((len(patches.methods), planes, height, width), bool)
    for mask, (top, bottom, left, right), kept in zip(
        taken, patches.boxes.tolist(), patches.kept(channels), strict=True
    ):
        mask[:, top:bottom, left:right] = ~kept if len(kept) else True
    return taken
