"""Losses for soft targets, against float64 formulations in NumPy, torch and timm."""

import pickle
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from genmix.errors import MixerError
from genmix.mixing import MixUp, SoftTargetLoss, bce, cross_entropy, kl_div
from genmix.mixing.losses import LOSSES, LossName, Reduction

Floats = npt.NDArray[np.float64]
NAMES: tuple[LossName, ...] = get_args(LossName)


def batch(
    seed: int, count: int = 5, classes: int = 4, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Draw logits, and targets of which some entries are 0."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (count, classes))
    targets = rng.dirichlet(np.full(classes, 0.5), count)
    targets[rng.random((count, classes)) < 0.3] = 0
    targets[np.arange(count), rng.integers(classes, size=count)] += 0.1
    targets /= targets.sum(1, keepdims=True)
    return torch.from_numpy(logits).to(dtype), torch.from_numpy(targets).to(dtype)


def log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def reference(name: str, x: Floats, t: Floats, smoothing: float, w: Floats) -> Floats:
    """The losses as written in the docstrings, before reduction."""
    classes = x.shape[1]
    if name == "bce":
        t = (1 - smoothing) * t + smoothing / 2
        p = 1 / (1 + np.exp(-x))
        return -w * (t * np.log(p) + (1 - t) * np.log(1 - p))
    t = (1 - smoothing) * t + smoothing / classes
    crossed = -(w * t * log_softmax(x)).sum(1)
    if name == "cross_entropy":
        return crossed
    log_t = np.log(np.where(t > 0, t, 1))
    return crossed + (w * t * log_t).sum(1)


def reduced(losses: Floats, reduction: str) -> Floats:
    if reduction == "none":
        return losses
    return np.asarray(losses.mean() if reduction == "mean" else losses.sum())


@given(
    st.sampled_from(NAMES),
    st.sampled_from(get_args(Reduction)),
    st.integers(0, 2**32),
    st.integers(1, 6),
    st.integers(1, 7),
    st.just(0.0) | st.floats(0, 1),
    st.booleans(),
)
@settings(deadline=None)
def test_losses_are_their_formulas(
    name: LossName,
    reduction: Reduction,
    seed: int,
    count: int,
    classes: int,
    smoothing: float,
    weighted: bool,
) -> None:
    logits, targets = batch(seed, count, classes)
    weights = np.random.default_rng(seed).random(classes)
    loss = SoftTargetLoss(
        name,
        label_smoothing=smoothing,
        class_weights=weights.tolist() if weighted else None,
        reduction=reduction,
    ).double()(logits, targets)
    w = weights.astype(np.float32).astype(np.float64) if weighted else np.ones(classes)
    expected = reduced(reference(name, logits.numpy(), targets.numpy(), smoothing, w), reduction)
    np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-9, atol=1e-9)


@given(st.integers(0, 2**32), st.floats(0, 1), st.booleans())
@settings(deadline=None)
def test_cross_entropy_and_kl_div_have_the_same_gradient(
    seed: int, smoothing: float, weighted: bool
) -> None:
    logits, targets = batch(seed, dtype=torch.float32)
    weights = torch.rand(4, generator=torch.Generator().manual_seed(seed)) if weighted else None
    gradients = []
    for loss in (cross_entropy, kl_div):
        own = logits.clone().requires_grad_()
        loss(own, targets, label_smoothing=smoothing, class_weights=weights).backward()  # type: ignore[no-untyped-call]
        gradients.append(own.grad)
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-6)


@pytest.mark.parametrize("reduction", get_args(Reduction))
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 1.0, 2.0, 0.0])])
def test_cross_entropy_is_torchs_with_probabilities(
    reduction: Reduction, smoothing: float, weights: Tensor | None
) -> None:
    logits, targets = batch(0, dtype=torch.float32)
    settings_: dict[str, Any] = {"label_smoothing": smoothing, "reduction": reduction}
    expected = F.cross_entropy(logits, targets, weight=weights, **settings_)
    ours = cross_entropy(logits, targets, class_weights=weights, **settings_)
    torch.testing.assert_close(ours, expected)


def test_indices_count_as_their_one_hot_rows() -> None:
    logits, _ = batch(0)
    indices = torch.tensor([3, 0, 1, 1, 2])
    weights = torch.tensor([0.5, 1.0, 2.0, 0.25])
    one_hot = torch.eye(4, dtype=torch.float64)[indices]
    for loss in LOSSES.values():
        torch.testing.assert_close(
            loss(logits, indices, class_weights=weights),
            loss(logits, one_hot, class_weights=weights),
        )
    for smoothing in (0.0, 0.2):
        torch.testing.assert_close(
            cross_entropy(logits, indices, label_smoothing=smoothing),
            F.cross_entropy(logits, indices, label_smoothing=smoothing),
        )
    # Only torch's own mean over indices divides by the weights of the labels.
    torch.testing.assert_close(
        cross_entropy(logits, indices, class_weights=weights.double()),
        F.cross_entropy(logits, indices, weight=weights.double()) * weights[indices].mean(),
    )


def test_kl_div_is_torchs_and_0_for_the_perfect_model() -> None:
    logits, targets = batch(1)
    theirs = F.kl_div(logits.log_softmax(1), targets, reduction="batchmean")
    torch.testing.assert_close(kl_div(logits, targets), theirs)
    soft = logits.softmax(1)
    assert kl_div(logits, soft).abs() < 1e-12
    assert kl_div(logits, soft, reduction="none").shape == (5,)


def test_cross_entropy_and_bce_are_timms() -> None:
    from timm.loss.binary_cross_entropy import BinaryCrossEntropy
    from timm.loss.cross_entropy import SoftTargetCrossEntropy

    logits, targets = batch(2)
    soft = SoftTargetCrossEntropy()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(cross_entropy(logits, targets), soft(logits, targets))
    binary = BinaryCrossEntropy(smoothing=0.1, smooth_dense=True)
    torch.testing.assert_close(bce(logits, targets, label_smoothing=0.1), binary(logits, targets))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_extreme_logits_give_finite_losses_and_gradients(
    name: LossName, dtype: torch.dtype
) -> None:
    extreme = [[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4], [1e4, 1e4, 1e4]]
    logits = torch.tensor(extreme, dtype=dtype, requires_grad=True)
    targets = torch.tensor([[0.0, 0.4, 0.6], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]], dtype=dtype)
    loss = SoftTargetLoss(name, label_smoothing=0.1)(logits, targets)
    loss.backward()
    assert loss.isfinite()
    assert loss > 1000
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(name: LossName, dtype: torch.dtype) -> None:
    logits, targets = (part.to(dtype) for part in batch(3, 64, 100))
    loss = SoftTargetLoss(name)(logits, targets)
    exact = reference(
        name, logits.double().numpy(), targets.double().numpy(), 0, np.ones(logits.shape[1])
    )
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.mean(), rel=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(SoftTargetLoss(name)(logits, targets), loss)


def test_mixed_labels_of_several_classes_suit_bce() -> None:
    images = torch.rand(4, 3, 8, 8)
    labels = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    _, targets = MixUp(lam=0.3)(images, labels)
    assert SoftTargetLoss("bce")(torch.zeros(4, 3), targets) == pytest.approx(np.log(2))


def test_class_weights_move_and_are_saved_with_the_module() -> None:
    given_ = torch.tensor([1.0, 2.0])
    loss = SoftTargetLoss("kl_div", class_weights=given_, label_smoothing=0.1)
    given_[0] = 9
    assert loss.class_weights is not None
    assert loss.class_weights.tolist() == [1, 2]
    assert loss.state_dict()["class_weights"].tolist() == [1, 2]
    assert loss.double().state_dict()["class_weights"].dtype == torch.float64
    assert repr(loss) == "SoftTargetLoss(kl_div, label_smoothing=0.1, reduction=mean)"
    logits, targets = batch(0, classes=2)
    torch.testing.assert_close(
        pickle.loads(pickle.dumps(loss))(logits, targets), loss(logits, targets)
    )
    whole_numbers = SoftTargetLoss(class_weights=[1, 2])(logits, targets)
    torch.testing.assert_close(
        whole_numbers, SoftTargetLoss(class_weights=[1.0, 2.0])(logits, targets)
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_compiles_without_a_break(name: LossName) -> None:
    logits, targets = batch(0)
    loss = SoftTargetLoss(name, class_weights=[1.0, 2.0, 3.0, 4.0], label_smoothing=0.1)
    compiled = torch.compile(loss, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(logits, targets), loss(logits, targets))


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"name": "cross_entrpy"}, "did you mean 'cross_entropy'"),
        ({"name": "hinge"}, "known: cross_entropy, kl_div, bce"),
        ({"reduction": "average"}, "no reduction 'average': known: mean, sum, none"),
        ({"label_smoothing": 1.1}, "label_smoothing is 1.1"),
        ({"label_smoothing": float("nan")}, "label_smoothing is nan"),
        ({"class_weights": [1.0, -1.0]}, "not negative"),
        ({"class_weights": [1.0, float("inf")]}, "finite"),
        ({"class_weights": [[1.0]]}, "for each class"),
    ],
)
def test_settings_out_of_range_are_named(settings_: dict[str, Any], words: str) -> None:
    with pytest.raises(MixerError, match=words) as caught:
        SoftTargetLoss(**settings_)
    assert "\n" not in str(caught.value)


def test_batches_that_do_not_fit_are_explained() -> None:
    logits, targets = batch(0)
    for name in NAMES:
        loss = SoftTargetLoss(name)
        with pytest.raises(MixerError, match=r"logits are torch\.int64 of shape \(5, 4\)"):
            loss(logits.long(), targets)
        with pytest.raises(MixerError, match="expected floats, N x K"):
            loss(logits[0], targets[0])
        with pytest.raises(MixerError, match=r"give 5 class indices, or 5 x 4 probabilities"):
            loss(logits, targets[:, :3])
        with pytest.raises(MixerError, match="labels run from 0 to 4"):
            loss(logits, torch.tensor([0, 1, 2, 3, 4]))
        with pytest.raises(MixerError, match=r"class_weights have the shape \(3,\)"):
            SoftTargetLoss(name, class_weights=[1.0, 1.0, 1.0])(logits, targets)


@pytest.mark.parametrize("broken", [float("nan"), -0.5, 2.0])
def test_targets_that_are_no_probabilities_are_explained(broken: float) -> None:
    logits, targets = batch(0)
    targets[3, 1] = broken
    for loss in (cross_entropy, kl_div):
        with pytest.raises(MixerError, match="targets of sample 3 sum to") as caught:
            loss(logits, targets)
        assert "\n" not in str(caught.value)
    with pytest.raises(MixerError, match=r"not all in \[0, 1\]"):
        bce(logits, targets)


def test_targets_mixed_in_bfloat16_sum_to_1_closely_enough() -> None:
    rng = np.random.default_rng(0)
    targets = torch.from_numpy(rng.dirichlet(np.full(1000, 0.05), 64)).bfloat16()
    assert cross_entropy(torch.zeros(64, 1000), targets) == pytest.approx(np.log(1000), rel=0.01)
