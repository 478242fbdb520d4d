"""AugMix and its loss against independent float64 formulations."""

import math
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing import AugMix, Step, augmix, jensen_shannon
from genmix.mixing.steps import NONE, Chain, Steps
from tests.mixing.test_operations import (
    TYPES,
    expected,
    go_in_groups,
    listed,
    random_levels,
    seeds,
    shapes,
    shapes_of_all_sizes,
    steps,
)

module = import_module("genmix.mixing.augmix")

TOLERANCE = dict(zip(TYPES, (1e-12, 1e-6, 1e-3, 4e-3, 0.5001), strict=True))


def in_unit(images: Tensor) -> np.ndarray:
    return images.double().numpy() / (255 if images.dtype == torch.uint8 else 1)


def levels_of(images: Tensor) -> np.ndarray:
    """Round to levels: in float32 as the images are, so that halves fall the same way."""
    if images.dtype == torch.uint8:
        return images.numpy()
    exact = images if images.dtype == torch.float64 else images.float()
    return np.rint(exact.numpy() * 255).astype(np.uint8)


def draw_images(seed: int, shape: tuple[int, ...], kind: torch.dtype) -> Tensor:
    if kind == torch.uint8:
        return random_levels(seed, shape)
    return torch.from_numpy(np.random.default_rng(seed).random(shape)).to(kind)


def check_formula(
    shape: tuple[int, int, int, int], seed: int, data: st.DataObject, kinds: list[torch.dtype]
) -> None:
    """x' = m x + (1 - m) Σ w_k chain_k(x), each chain applied by Pillow."""
    count = shape[0]
    kind = data.draw(st.sampled_from(kinds))
    width = data.draw(st.integers(1, 3))
    chain = st.lists(steps(exact=True), max_size=3)
    chains = data.draw(
        st.lists(st.lists(chain, min_size=width, max_size=width), min_size=count, max_size=count)
    )
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet([data.draw(st.sampled_from([0.05, 1.0]))] * width, count)
    skip = data.draw(st.sampled_from([rng.random(count), np.zeros(count), np.ones(count)]))
    images = draw_images(seed, shape, kind)
    wanted = in_unit(images) * skip[:, None, None, None]
    for n, picture in enumerate(levels_of(images)):
        for k in range(width):
            changed = picture
            for step in chains[n][k]:
                changed = expected(changed, step)
            wanted[n] += (1 - skip[n]) * weights[n, k] * changed / 255
    mixed = augmix(images, chains, weights, skip)
    scale = 255 if kind == torch.uint8 else 1
    assert np.abs(mixed.double().numpy() - wanted * scale).max() <= TOLERANCE[kind]


@given(shapes_of_all_sizes, seeds, st.data())
@settings(deadline=None)
def test_augmix_is_the_papers_algorithm(
    shape: tuple[int, int, int, int], seed: int, data: st.DataObject
) -> None:
    check_formula(shape, seed, data, TYPES)


def test_augmix_is_the_papers_algorithm_on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    go_in_groups(monkeypatch)

    @given(shapes, seeds, st.data())
    @settings(deadline=None, max_examples=40)
    def check(shape: tuple[int, int, int, int], seed: int, data: st.DataObject) -> None:
        check_formula(shape, seed, data, [torch.float32])

    check()


def drawn(
    monkeypatch: pytest.MonkeyPatch, mixer: AugMix, images: Tensor
) -> tuple[list[list[list[Step]]], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return what a mixer draws for a batch: chains, weights, skip."""
    seen: list[Any] = []

    def keep(images: Tensor, *arguments: object, inplace: bool) -> Tensor:
        seen.extend(arguments)
        assert not inplace
        return images

    with monkeypatch.context() as patch:
        patch.setattr(module, "mix_chains", keep)
        mixer(images, torch.arange(len(images)))
    steps, weights, skip = seen
    return (
        [
            [listed_chain(steps.at((n, k))) for k in range(weights.shape[1])]
            for n in range(len(skip))
        ],
        weights,
        skip,
    )


def listed_chain(steps: Steps) -> list[Step]:
    """Say a chain by name; what comes after its end is not there."""
    length = np.count_nonzero(steps.operations != NONE)
    assert (steps.operations[length:] == NONE).all()
    return listed(steps.at(slice(length)))


@pytest.mark.parametrize("shape", [(30, 3, 20, 24), (3, 3, 90, 80)])
def test_what_the_mixer_draws_mixes_alike_in_the_plain_function_and_alone(
    shape: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = draw_images(0, shape, torch.float32)
    mixed, _ = AugMix(10, generator=torch.Generator().manual_seed(3))(
        images, torch.arange(shape[0])
    )
    mixer = AugMix(10, generator=torch.Generator().manual_seed(3))
    chains, weights, skip = drawn(monkeypatch, mixer, images)
    assert torch.equal(augmix(images, chains, weights, skip), mixed)
    for k in range(3):
        at = slice(k, k + 1)
        alone = augmix(images[at], chains[at], weights[at], skip[at])
        assert torch.equal(alone[0], mixed[k])


def test_depths_are_one_to_three_and_weights_follow_their_distributions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = torch.rand(2000, 1, 4, 4)
    mixer = AugMix(generator=torch.Generator().manual_seed(0))
    chains, weights, skip = drawn(monkeypatch, mixer, images)
    depths = np.array([[len(chain) for chain in each] for each in chains])
    assert depths.shape == weights.shape == (2000, 3)
    assert np.allclose(np.bincount(depths.ravel())[1:] / 6000, 1 / 3, atol=0.03)
    assert np.allclose(weights.mean(0), 1 / 3, atol=0.02)
    assert weights.var(0) == pytest.approx(1 / 18, rel=0.1)
    assert skip.mean() == pytest.approx(0.5, abs=0.02)
    assert skip.var() == pytest.approx(1 / 12, rel=0.1)


def test_width_depth_and_severity_are_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    mixer = AugMix(1, width=2, depth=4, generator=torch.Generator().manual_seed(0))
    chains, _, _ = drawn(monkeypatch, mixer, torch.rand(50, 3, 90, 90))
    assert {len(each) for each in chains} == {2}
    assert {len(chain) for each in chains for chain in each} == {4}
    assert all(
        abs(step.magnitude) <= 3
        for each in chains
        for chain in each
        for step in chain
        if step.operation in {"rotate", "translate_x", "shear_x"}
    )


def reference_divergence(logits: list[np.ndarray]) -> float:
    """The mean of KL(p_i || M), M the mean of the three (section 3, eq. 3)."""
    shares = [np.exp(each - each.max(1, keepdims=True)) for each in logits]
    shares = [each / each.sum(1, keepdims=True) for each in shares]
    mean = sum(shares) / 3
    total = sum((p * (np.log(p) - np.log(mean))).sum(1) for p in shares)
    return float(np.mean(total / 3))


@given(st.integers(1, 5), st.integers(1, 7), seeds, st.floats(0.01, 20))
@settings(deadline=None)
def test_jensen_shannon_is_the_papers_formula(
    count: int, classes: int, seed: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    logits = [rng.normal(0, scale, (count, classes)) for _ in range(3)]
    ours = jensen_shannon(*(torch.from_numpy(each) for each in logits))
    assert float(ours) == pytest.approx(reference_divergence(logits), abs=1e-12)
    single = jensen_shannon(*(torch.from_numpy(each).float() for each in logits))
    assert float(single) == pytest.approx(float(ours), abs=1e-5)


def test_jensen_shannon_has_its_bounds_and_a_finite_gradient() -> None:
    one = torch.tensor([[1e4, 0.0, 0.0]], dtype=torch.float16, requires_grad=True)
    others = torch.tensor([[0.0, 1e4, 0.0]]), torch.tensor([[0.0, 0.0, 1e4]])
    loss = jensen_shannon(one, *others)
    assert loss.dtype == torch.float32
    assert float(loss.detach()) == pytest.approx(math.log(3), rel=1e-5)
    assert float(jensen_shannon(one, one, one).detach()) == pytest.approx(0, abs=1e-6)
    loss.backward()  # type: ignore[no-untyped-call]
    assert one.grad is not None
    assert one.grad.isfinite().all()
    with pytest.raises(MixerError, match=r"shapes \(1, 3\), \(1, 3\), \(2, 3\)"):
        jensen_shannon(one, one, torch.zeros(2, 3))


def test_settings_out_of_range_are_named() -> None:
    for settings_, words in (
        ({"severity": 0}, r"severity is 0: it must lie in \[1, 10\]"),
        ({"severity": float("nan")}, "severity is nan"),
        ({"width": 0}, "width is 0"),
        ({"depth": 0}, "depth is 0"),
        ({"alpha": 0}, "alpha is 0"),
        ({"alpha": float("inf")}, "alpha is inf"),
    ):
        with pytest.raises(MixerError, match=words):
            AugMix(**settings_)


def test_chains_and_weights_that_do_not_fit_are_named() -> None:
    images = torch.rand(2, 3, 8, 8)
    chains: list[list[Chain]] = [[[Step("invert")], []]] * 2
    even, skip = [[0.5, 0.5]] * 2, [0.5, 0.5]
    with pytest.raises(MixerError, match=r"weights have the shape \(1, 2\): expected 2 x chains"):
        augmix(images, chains, even[:1], skip)
    with pytest.raises(MixerError, match="add up to 1"):
        augmix(images, chains, [[0.5, 0.6]] * 2, skip)
    with pytest.raises(MixerError, match="must not be negative"):
        augmix(images, chains, [[-0.5, 1.5]] * 2, skip)
    with pytest.raises(MixerError, match=r"skip must be 2 numbers in \[0, 1\]"):
        augmix(images, chains, even, [0.5, 1.1])
    with pytest.raises(MixerError, match=r"expected 2 x 2, as the weights"):
        augmix(images, [chains[0], chains[0][:1]], even, skip)
    with pytest.raises(MixerError, match="no operation 'blur'"):
        augmix(images, [[[Step("blur")], []]] * 2, even, skip)  # type: ignore[arg-type]
    assert augmix(images[:0], [], [], []).shape == (0, 3, 8, 8)
