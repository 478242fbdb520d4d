"""Losses that take soft targets: each a plain function, and one module that is told which by name.

All take logits and compute in float32 or better, so half precision and logits of any finite size
are safe. What they share with metrics, the check of a batch, lives here too.
"""

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name it has everywhere

from genmix.errors import MixerError, nearest
from genmix.mixing.base import as_probabilities
from genmix.mixing.checks import is_number

LossName: TypeAlias = Literal["cross_entropy", "kl_div", "bce"]
Reduction: TypeAlias = Literal["mean", "sum", "none"]


class SoftTargetLoss(nn.Module):
    """A loss between logits and soft targets: `loss = SoftTargetLoss()(logits, targets)`.

    "cross_entropy" is right for almost every classifier. "kl_div" trains alike (same gradient), but
    reaches 0 when the model is perfect, so its curve can be read while labels are mixed. "bce" is
    right where a picture may belong to several classes or to none. See the functions of the same
    names.

    Args:
        name: "cross_entropy", "kl_div" or "bce".
        label_smoothing: ε in [0, 1]: the share of the target that is spread evenly.
        class_weights: K weights, not negative; kept as a buffer, so they move with the module.
        reduction: "mean", "sum" or "none".

    Raises:
        MixerError: For a value out of its range.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        name: LossName = "cross_entropy",
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | Sequence[float] | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        if name not in LOSSES:
            raise MixerError(f"there is no loss {name!r}: {nearest(str(name), LOSSES)}")
        _check_settings(label_smoothing, reduction)
        self.name = name
        self.label_smoothing = label_smoothing
        self.reduction: Reduction = reduction
        self.register_buffer("class_weights", _weights(class_weights))

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            logits: N x K.
            targets: N x K probabilities, or N class indices.

        Returns:
            A scalar, or with "none" what the loss's function says; float32, or float64 for float64
            logits.

        Raises:
            MixerError: If the batch does not fit.
        """
        return LOSSES[self.name](
            logits,
            targets,
            label_smoothing=self.label_smoothing,
            class_weights=self.class_weights,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """Show what was set, when the module is printed."""
        return f"{self.name}, label_smoothing={self.label_smoothing}, reduction={self.reduction}"


def cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Cross entropy with soft targets: -Σ_c w_c t_c log p_c, with t ← (1 - ε) t + ε / K.

    It is `torch.nn.functional.cross_entropy` with probabilities. Class indices count as their
    one-hot rows, so a batch weighs the same mixed or not; torch's function divides by N for
    probabilities but by Σ w of the labels for indices.

    Args:
        logits: N x K.
        targets: N x K probabilities, or N class indices.
        label_smoothing: ε in [0, 1].
        class_weights: w, K of them.
        reduction: "mean" and "sum" over samples, or "none" for N losses.

    Returns:
        The loss, float32, or float64 for float64 logits.

    Raises:
        MixerError: If something does not fit. Values of targets are looked at on a CPU only.
    """
    logits, targets, weights = _prepare(logits, targets, label_smoothing, class_weights, reduction)
    check_probabilities(targets)
    return F.cross_entropy(
        logits, targets, weight=weights, label_smoothing=label_smoothing, reduction=reduction
    )


def kl_div(
    logits: Tensor,
    targets: Tensor,
    *,
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Kullback-Leibler divergence of the model from the targets: Σ_c w_c t_c (log t_c - log p_c).

    It is `cross_entropy` less the targets' entropy, which no model can get below, so the gradient
    is the same and the best value is 0 (without class weights). A class of probability 0 adds 0.
    Unlike `torch.nn.functional.kl_div` it takes logits, and its "mean" is over samples. Arguments,
    result and errors are those of `cross_entropy`.
    """
    logits, targets, weights = _prepare(logits, targets, label_smoothing, class_weights, reduction)
    check_probabilities(targets)
    crossed = F.cross_entropy(
        logits, targets, weight=weights, label_smoothing=label_smoothing, reduction="none"
    )
    entropies = torch.special.entr(_smoothed(targets, label_smoothing, targets.shape[1]))
    own = (entropies if weights is None else weights * entropies).sum(1)
    return _reduced(crossed - own, reduction)


def bce(
    logits: Tensor,
    targets: Tensor,
    *,
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Binary cross entropy: each class is a question of its own, with t ← (1 - ε) t + ε / 2.

    It is `torch.nn.functional.binary_cross_entropy_with_logits` with `weight=class_weights`. Rows
    need not sum to 1. A question has two answers, so smoothing moves each target towards 1/2 (as
    Keras, and as timm with `smooth_dense`).

    Arguments and errors are those of `cross_entropy`; but "mean" and "sum" are over samples and
    classes, and "none" gives N x K losses.
    """
    logits, targets, weights = _prepare(logits, targets, label_smoothing, class_weights, reduction)
    if _readable(targets) and not ((targets >= 0) & (targets <= 1)).all():
        raise MixerError("targets are not all in [0, 1]: give the probability of each class")
    return F.binary_cross_entropy_with_logits(
        logits, _smoothed(targets, label_smoothing, 2), weight=weights, reduction=reduction
    )


LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": cross_entropy,
    "kl_div": kl_div,
    "bce": bce,
}
"""The losses by name."""


def check_batch(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Bring a model's output and its targets into one form.

    Args:
        logits: N x K, of any float type.
        targets: N x K probabilities, or N class indices.

    Returns:
        Logits and probabilities, both N x K of the same type, float32 or float64.

    Raises:
        MixerError: If they do not fit together.
    """
    for name, values in (("logits", logits), ("targets", targets)):
        if not isinstance(values, Tensor):
            raise MixerError(f"{name} are a {type(values).__name__}: give a tensor")
    if logits.ndim != 2 or not logits.is_floating_point():
        raise MixerError(
            f"logits are {logits.dtype} of shape {tuple(logits.shape)}: expected floats, N x K"
        )
    count, classes = logits.shape
    if targets.shape not in {(count,), (count, classes)}:
        raise MixerError(
            f"logits have the shape {tuple(logits.shape)} and targets {tuple(targets.shape)}: give "
            f"{count} class indices, or {count} x {classes} probabilities"
        )
    exact = torch.float64 if logits.dtype == torch.float64 else torch.float32
    return logits.to(exact), as_probabilities(targets, classes).to(exact)


def check_probabilities(targets: Tensor) -> None:
    """Make sure that each row is a distribution; on other devices than a CPU nothing is looked at.

    Raises:
        MixerError: If a value is negative or NaN, or a row does not sum to 1.
    """
    if not _readable(targets):
        return
    sums = targets.sum(1)
    wrong = ~((sums - 1).abs() <= _SUM_TOLERANCE) | (targets < 0).any(1)
    if wrong.any():
        row = int(wrong.nonzero()[0])
        raise MixerError(
            f"targets of sample {row} sum to {float(sums[row]):.4g}, from "
            f"{float(targets[row].min()):.4g} up: give probabilities that sum to 1, or use 'bce'"
        )


_SUM_TOLERANCE = 0.01
"""Rows that were mixed in bfloat16, of eight bits, are off by half of it."""


def _readable(targets: Tensor) -> bool:
    """Tell whether values can be looked at without waiting for a device or breaking a graph."""
    return targets.device.type == "cpu" and not torch.compiler.is_compiling()


def _prepare(
    logits: Tensor,
    targets: Tensor,
    label_smoothing: float,
    class_weights: Tensor | None,
    reduction: Reduction,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Check what all losses take; return logits, probabilities and weights of one type."""
    _check_settings(label_smoothing, reduction)
    logits, targets = check_batch(logits, targets)
    if class_weights is None:
        return logits, targets, None
    if class_weights.shape != logits.shape[1:]:
        raise MixerError(
            f"class_weights have the shape {tuple(class_weights.shape)} and logits "
            f"{tuple(logits.shape)}: give one for each of {logits.shape[1]} classes"
        )
    return logits, targets, class_weights.to(logits)


def _check_settings(label_smoothing: float, reduction: str) -> None:
    if not (is_number(label_smoothing) and 0 <= label_smoothing <= 1):
        raise MixerError(f"label_smoothing is {label_smoothing!r}: it must lie in [0, 1]")
    if reduction not in get_args(Reduction):
        known = get_args(Reduction)
        raise MixerError(f"there is no reduction {reduction!r}: {nearest(str(reduction), known)}")


def _weights(class_weights: Tensor | Sequence[float] | None) -> Tensor | None:
    """Make class weights a tensor of our own."""
    if class_weights is None:
        return None
    weights = torch.as_tensor(class_weights).detach().clone()
    weights = weights if weights.is_floating_point() else weights.float()
    if weights.ndim != 1 or not (weights.isfinite() & (weights >= 0)).all():
        raise MixerError("class_weights must be one finite number, not negative, for each class")
    return weights


def _smoothed(targets: Tensor, share: float, outcomes: int) -> Tensor:
    """Spread a share of each target evenly over what could have been."""
    return targets * (1 - share) + share / outcomes if share else targets


def _reduced(losses: Tensor, reduction: Reduction) -> Tensor:
    if reduction == "mean":
        return losses.mean()
    return losses.sum() if reduction == "sum" else losses
