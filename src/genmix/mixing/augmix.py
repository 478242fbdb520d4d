"""AugMix (Hendrycks et al., ICLR 2020, arXiv 1912.02781) and its consistency loss."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, Unpack

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from genmix.errors import MixerError
from genmix.mixing.base import Mixer
from genmix.mixing.checks import check_counts, check_images, is_number
from genmix.mixing.compiled.blends import add_up
from genmix.mixing.levels import (
    MixerSettings,
    Values,
    for_parts,
    is_on_cpu,
    mix_values,
    move_,
    to_exact,
    to_levels,
    write_,
)
from genmix.mixing.memory import empty_like, overwriting
from genmix.mixing.operations import apply_chains, as_steps, check_severity, draw_steps
from genmix.mixing.steps import AUGMIX_OPERATIONS, Chain, Numbers, Steps, up_to

Weights: TypeAlias = Sequence[Sequence[float]] | Numbers
"""Of each sample, a weight for each of its chains."""

Skips: TypeAlias = Sequence[float] | Numbers
"""Of each sample, the weight of the original."""


class AugMix(Mixer):
    """Mix each image with several augmented copies of itself; the label stays.

    Images are uint8, or float in [0, 1]: put it before normalisation. What is augmented is rounded
    to 256 levels, as in the authors' code; the original's share is not. For the paper's consistency
    loss, call it twice on a batch and see `jensen_shannon`.

    Args:
        severity: Of the operations, from 1 to 10; the paper's code has 3 for CIFAR and 1 for
            ImageNet.
        width: Augmented copies of each image, k.
        depth: Operations for each copy; 1 to 3, drawn for each, when left out.
        alpha: α of both Dirichlet and Beta.
        **settings: See `Mixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    SHOWN = ("severity", "width", "depth", "alpha")

    def __init__(
        self,
        severity: float = 3,
        *,
        width: int = 3,
        depth: int | None = None,
        alpha: float = 1.0,
        **settings: Unpack[MixerSettings],
    ) -> None:
        super().__init__(**settings)
        check_severity(severity)
        check_counts(width=width)
        if depth is not None:
            check_counts(depth=depth)
        if not (is_number(alpha) and alpha > 0):
            raise MixerError(f"alpha is {alpha!r}: it must be greater than 0")
        self.severity = severity
        self.width = width
        self.depth = depth
        self.alpha = alpha

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw chains and weights, and mix."""
        count = len(images)
        weights = rng.dirichlet([self.alpha] * self.width, count)
        skip = rng.beta(self.alpha, self.alpha, count)
        shape = (count, self.width)
        depths = rng.integers(1, 4, shape) if self.depth is None else np.full(shape, self.depth)
        used = up_to(depths)
        total = int(used.sum())
        steps = draw_steps(rng, total, AUGMIX_OPERATIONS, self.severity, *images.shape[-2:])
        return mix_chains(images, steps.spread(used), weights, skip, inplace=self.inplace), targets


def augmix(
    images: Tensor,
    chains: Sequence[Sequence[Chain]],
    weights: Weights,
    skip: Skips,
    *,
    inplace: bool = False,
) -> Tensor:
    """Mix a batch: x' = m x + (1 - m) Σ_k w_k chain_k(x) (algorithm 1).

    Args:
        images: N x C x H x W, uint8, or float in [0, 1].
        chains: Of each image, K chains of steps; see `Step`.
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
    weights, skip = check_weights(len(images), weights, skip)
    check_chain_counts(chains, weights)
    steps = as_steps([step for each in chains for chain in each for step in chain])
    lengths = np.array([len(chain) for each in chains for chain in each], int)
    used = up_to(lengths.reshape(weights.shape))
    return mix_chains(images, steps.spread(used), weights, skip, inplace=inplace)


def mix_chains(
    images: Tensor, chains: Steps, weights: Numbers, skip: Numbers, *, inplace: bool
) -> Tensor:
    """Do as `augmix` does, with chains that were checked or drawn: N x K x depth."""

    def augmented(levels: Tensor, at: slice) -> Tensor:
        return apply_chains(levels, chains.at(at))

    return interpolate(images, augmented, weights, skip, inplace=inplace)


def jensen_shannon(logits_clean: Tensor, logits_1: Tensor, logits_2: Tensor) -> Tensor:
    """Jensen-Shannon divergence of three predictions for the same images (section 3, eq. 2 and 3).

    The paper trains with cross_entropy(logits_clean, labels) + 12 * jensen_shannon(...), where the
    last two are the logits for two different AugMix versions of the batch.

    Args:
        logits_clean: N x K, for the images as they are.
        logits_1: N x K.
        logits_2: N x K.

    Returns:
        The batch's mean, between 0 and log 3; float32 or better.

    Raises:
        MixerError: If the shapes differ.
    """
    logits = (logits_clean, logits_1, logits_2)
    shapes = {tuple(each.shape) for each in logits}
    if len(shapes) > 1 or logits_clean.ndim != 2:
        given = ", ".join(str(tuple(each.shape)) for each in logits)
        raise MixerError(f"the logits have the shapes {given}: give three of one shape N x K")
    kind = torch.promote_types(logits_clean.dtype, torch.float32)
    each = torch.stack([log_softmax(part, 1, dtype=kind) for part in logits])
    mean = each.logsumexp(0) - np.log(3)
    return kl_div(mean.expand_as(each), each, reduction="sum", log_target=True) / (
        3 * max(1, len(logits_clean))
    )


def check_weights(count: int, weights: Weights, skip: Skips) -> tuple[Numbers, Numbers]:
    """Make sure that the weights of chains and originals fit a batch.

    Returns:
        Both as float64 arrays, N x K and N.

    Raises:
        MixerError: If a row of weights is not convex, a skip not in [0, 1], or the number is wrong.
    """
    each, kept = np.asarray(weights, np.float64), np.asarray(skip, np.float64)
    if count == 0:
        return each.reshape(0, -1 if each.size else 1), kept.reshape(0)
    if each.ndim != 2 or len(each) != count:
        raise MixerError(f"weights have the shape {each.shape}: expected {count} x chains")
    if not ((each >= 0).all() and np.allclose(each.sum(axis=1), 1, atol=1e-6)):
        raise MixerError("weights must not be negative, and each image's must add up to 1")
    if kept.shape != (count,) or not ((kept >= 0) & (kept <= 1)).all():
        raise MixerError(f"skip must be {count} numbers in [0, 1]")
    return each, kept


def check_chain_counts(chains: Sequence[Sequence[object]], weights: Numbers) -> None:
    """Make sure that there are as many chains as weights, for each image.

    Raises:
        MixerError: If not.
    """
    counts = [len(each) for each in chains]
    expected = [weights.shape[1]] * len(weights)
    if counts != expected:
        raise MixerError(
            f"there are chains for {len(counts)} images, and of {sorted(set(counts))} kinds: "
            f"expected {len(weights)} x {weights.shape[1]}, as the weights"
        )


Augmented: TypeAlias = Callable[[Tensor, slice], Tensor]
"""(levels, at): changed copies of a part of a batch, K x N x C x H x W; `at` says which samples it
holds."""


def interpolate(
    images: Tensor,
    augmented: Augmented,
    weights: Numbers,
    skip: Numbers,
    *,
    inplace: bool,
) -> Tensor:
    """Compute m x + (1 - m) Σ_k w_k x_k, part by part (algorithm 1, the last lines).

    Args:
        images: x, N x C x H x W.
        augmented: Makes x_k as uint8 levels.
        weights: w, N x K.
        skip: m, N.
        inplace: Write into `images`.

    Returns:
        The mixed images, of the same type (uint8 is rounded) and memory format.

    Raises:
        MixerError: If `inplace` would overwrite a leaf that requires a gradient.
    """
    shares = np.concatenate([skip[:, None], (1 - skip)[:, None] * weights], axis=1)
    mixed = overwriting(images) if inplace else empty_like(images)
    add = _add_on_cpu if is_on_cpu(images) else _add_on_device

    def mix_part(at: slice) -> None:
        add(images[at], augmented(to_levels(images[at]), at), shares[at], mixed[at])

    for_parts(images, mix_part)
    return mixed


def _add_on_cpu(images: Tensor, levels: Tensor, shares: Numbers, mixed: Tensor) -> None:
    """Write the sum of images and levels, K x N x C x H x W, each by its share, N x (1 + K)."""
    others = levels.numpy().reshape(*levels.shape[:2], -1)
    top = 255 if images.dtype == torch.uint8 else 1
    each = np.column_stack([shares[:, :1], shares[:, 1:] * (top / 255)])

    def add(values: Values, into: Values) -> None:
        kind: type[Any] = np.float64 if values.dtype == np.float64 else np.float32
        add_up(values, others, each.astype(kind, order="C"), kind(top), into)

    mix_values(images, mixed, add)


def _add_on_device(images: Tensor, levels: Tensor, shares: Numbers, mixed: Tensor) -> None:
    """Do as `_add_on_cpu` does on a device."""
    # Each x_k moves the outcome by its share of what was mixed until then, so all add up to 1.
    until = shares.cumsum(axis=1)
    moves = np.divide(shares, until, out=np.zeros_like(shares), where=until > 0)
    exact = to_exact(images)
    for k, each in enumerate(levels, start=1):
        move_(exact, each, moves[:, k])
    write_(mixed, exact)
