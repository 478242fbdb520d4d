"""IPMix (Huang et al., NeurIPS 2023, arXiv 2310.04780): mix at image, patch and pixel level."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias, get_args

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
from genmix.mixing.base import check_images
from genmix.mixing.cutmix import Box
from genmix.mixing.operations import (
    Levels,
    Operation,
    Step,
    apply_chains,
    check_severity,
    check_steps,
    draw_steps,
    is_on_cpu,
    plane,
    round_levels,
    to_exact,
)
from genmix.mixing.pixmix import (
    BLENDINGS,
    PictureMixer,
    check_beta,
    check_blend,
    check_pictures,
    draw_coefficients,
)

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
        num_classes: See `Mixer`.
        probability: See `Mixer`.
        inplace: See `Mixer`.
        generator: See `Mixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    def __init__(
        self,
        pictures: FractalBank | Tensor | None = None,
        *,
        width: int = 3,
        depth: int = 3,
        beta: float = 3.0,
        severity: float = 3,
        num_classes: int | None = None,
        probability: float = 1.0,
        inplace: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(
            pictures,
            num_classes=num_classes,
            probability=probability,
            inplace=inplace,
            generator=generator,
        )
        for name, value in (("width", width), ("depth", depth)):
            if value < 1:
                raise MixerError(f"{name} is {value}: it must be 1 or more")
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
        total = int(depths[at_image_level].sum())
        steps = iter(draw_steps(rng, total, OPERATIONS, self.severity, height, width))
        total = int(depths[~at_image_level].sum())
        patches = iter(draw_patches(rng, total, self.beta, channels, height, width))
        chains: list[list[Links]] = [
            [
                [next(steps) for _ in range(depth)]
                if whole
                else [next(patches) for _ in range(depth)]
                for depth, whole in zip(*each, strict=True)
            ]
            for each in zip(depths.tolist(), at_image_level.tolist(), strict=True)
        ]
        return ipmix(images, pictures, chains, weights, skip, inplace=self.inplace), targets


Mixing: TypeAlias = Literal["add", "multiply", "pixels", "elements"]
"""As PixMix adds and multiplies, or by swapping single pixels, or single values."""


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


def draw_patches(
    rng: np.random.Generator, count: int, beta: float, channels: int, height: int, width: int
) -> list[Patch]:
    """Draw patches as the authors' code does.

    Their size is 4, 8, 16, 32, 64 or the picture's shorter side, those that fit. Half of them are
    squares of it, the others have sides drawn up to it. All ways of mixing are equally likely.
    """
    pairs = draw_coefficients(rng, beta, count)
    methods = get_args(Mixing)
    sizes = [size for size in (4, 8, 16, 32, 64) if size < min(height, width)]
    sizes.append(min(height, width))
    patches = []
    for pair, uniform in zip(pairs, rng.random((count, 8)).tolist(), strict=True):
        method: Mixing = methods[int(uniform[0] * len(methods))]
        size = sizes[int(uniform[1] * len(sizes))]
        top, left = int(uniform[2] * (height - size + 1)), int(uniform[3] * (width - size + 1))
        rows, columns = size, size
        if uniform[4] < 0.5:
            least = min(2, size)
            rows = least + int(uniform[5] * (size + 1 - least))
            columns = least + int(uniform[6] * (size + 1 - least))
        keep = None
        if method not in BLENDINGS:
            planes = 1 if method == "pixels" else channels
            # Bytes are drawn several times as fast as floats, and shares of 1/256 are fine enough.
            noise = np.frombuffer(rng.bytes(planes * rows * columns), np.uint8)
            keep = (noise < 256 * uniform[7]).reshape(planes, rows, columns)
        patches.append(Patch(Box(top, top + rows, left, left + columns), method, *pair, keep))
    return patches


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
        MixerError: If the arguments do not fit together.
    """
    check_images(images)
    check_pictures(pictures, images)
    weights, skip = check_weights(len(images), weights, skip)
    check_chain_counts(chains, weights)
    sorted_out = [[_sort_out(chain, *images.shape[1:]) for chain in each] for each in chains]

    def augmented(levels: Tensor, at: slice) -> list[Tensor]:
        by_chain = list(zip(*sorted_out[at], strict=True))
        changed = apply_chains(levels, [[steps for steps, _ in each] for each in by_chain])
        for copies, each in zip(changed, by_chain, strict=True):
            _mix_patches_(copies, pictures[at], [patches for _, patches in each])
        return changed

    return interpolate(images, augmented, weights, skip, inplace=inplace)


def _sort_out(
    chain: Links, channels: int, height: int, width: int
) -> tuple[list[Step], list[Patch]]:
    """Check a chain, and return it as steps or as patches; the other is empty."""
    steps = [link for link in chain if isinstance(link, Step)]
    patches = [link for link in chain if isinstance(link, Patch)]
    if len(steps) + len(patches) != len(chain) or (steps and patches):
        kinds = ", ".join(sorted({type(link).__name__ for link in chain}))
        raise MixerError(f"a chain holds {kinds}: give steps, or patches")
    check_steps(steps)
    for patch in patches:
        top, bottom, left, right = patch.box
        if not (0 <= top <= bottom <= height and 0 <= left <= right <= width):
            raise MixerError(f"{patch.box} does not lie in a picture of {height} x {width} pixels")
        _check_method(patch, channels)
    return steps, patches


def _check_method(patch: Patch, channels: int) -> None:
    if patch.method in BLENDINGS:
        check_blend(patch.method, patch.a, patch.b)
        return
    if patch.method not in get_args(Mixing):
        known = ", ".join(get_args(Mixing))
        raise MixerError(f"the method is {patch.method!r}: it must be one of {known}")
    top, bottom, left, right = patch.box
    expected = (1 if patch.method == "pixels" else channels, bottom - top, right - left)
    shape = None if patch.keep is None else patch.keep.shape
    if shape != expected:
        raise MixerError(f"keep has the shape {shape}: {patch.method!r} needs {expected}")


def _mix_patches_(levels: Tensor, pictures: Tensor, patches: Sequence[list[Patch]]) -> None:
    """Mix levels with pictures in place, patch by patch, each sample with its own patches."""
    if is_on_cpu(levels):
        for mine, other, each in zip(levels.numpy(), pictures.numpy(), patches, strict=True):
            for patch in each:
                _mix_on_cpu_(mine, other, patch)
        return
    for k, each in enumerate(patches):
        for patch in each:
            _mix_on_device_(levels[k], pictures[k], patch)


def _mix_on_cpu_(levels: Levels, picture: Levels, patch: Patch) -> None:
    top, bottom, left, right = patch.box
    mine, other = levels[:, top:bottom, left:right], picture[:, top:bottom, left:right]
    if patch.keep is not None and patch.method not in BLENDINGS:
        np.copyto(mine, other, where=~patch.keep)
    elif mine.size:
        exact = mine.astype(np.float32)
        BLENDINGS[patch.method].on_cpu(plane(exact), plane(other), patch.a, patch.b)
        mine[...] = np.rint(exact)


def _mix_on_device_(levels: Tensor, picture: Tensor, patch: Patch) -> None:
    top, bottom, left, right = patch.box
    mine, other = levels[:, top:bottom, left:right], picture[:, top:bottom, left:right]
    if patch.keep is not None and patch.method not in BLENDINGS:
        keep = torch.from_numpy(patch.keep).to(levels.device, non_blocking=True)
        mine.copy_(torch.where(keep, mine, other))
    else:
        exact = to_exact(mine[None])
        a, b = np.array([patch.a]), np.array([patch.b])
        BLENDINGS[patch.method].on_device(exact, other[None], a, b)
        mine.copy_(round_levels(exact)[0])
