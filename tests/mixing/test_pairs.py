"""Mixing pairs: MixUp and CutMix against an independent float64 formulation."""

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing import (
    AugMix,
    Box,
    CutMix,
    Cutout,
    FMix,
    GridMix,
    IPMix,
    MixUp,
    PixMix,
    ResizeMix,
    SaliencyMix,
    SmoothMix,
    Spot,
    cutmix,
    fmix,
    gridmix,
    mixup,
    resizemix,
    saliencymix,
    smoothmix,
)
from genmix.mixing.base import Mixer, PairMixer
from genmix.mixing.memory import empty_like

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}
MIXERS: list[type[PairMixer]] = [
    MixUp,
    CutMix,
    FMix,
    GridMix,
    ResizeMix,
    SaliencyMix,
    SmoothMix,
]


def batch(
    seed: int, shape: tuple[int, ...] = (4, 3, 8, 10), dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(shape, generator=generator, dtype=torch.float64)
    images = (images * 255).round().to(dtype) if dtype == torch.uint8 else images.to(dtype)
    targets = torch.rand(shape[0], 5, generator=generator, dtype=torch.float64).softmax(1)
    return images, targets


def reference(
    images: Tensor, targets: Tensor, keep: np.ndarray, partners: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """x' = M x_i + (1 - M) x_j for any weights M (N x 1 x H x W), y' by the mean of M."""
    x, y = images.double().numpy(), targets.double().numpy()
    lam = keep.mean(axis=(1, 2, 3))[:, None]
    return keep * x + (1 - keep) * x[partners], lam * y + (1 - lam) * y[partners]


shapes = st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 12), st.integers(1, 12))
seeds = st.integers(0, 2**32)


@given(shapes, seeds, st.data())
@settings(deadline=None)
def test_mixup_is_the_papers_formula_for_any_lambda_and_pairing(
    shape: tuple[int, int, int, int], seed: int, data: st.DataObject
) -> None:
    count = shape[0]
    dtype = data.draw(st.sampled_from(list(TOLERANCE)))
    one = st.floats(0, 1)
    lam = data.draw(one | st.lists(one, min_size=count, max_size=count))
    partners = data.draw(st.lists(st.integers(0, count - 1), min_size=count, max_size=count))
    images, targets = batch(seed, shape, dtype)
    mixed, soft = mixup(images, targets, lam, partners)
    keep = np.broadcast_to(np.asarray(lam, np.float64).reshape(-1, 1, 1, 1), (count, 1, 1, 1))
    expected, expected_soft = reference(images, targets, keep, partners)
    assert np.abs(mixed.double().numpy() - expected).max() <= TOLERANCE[dtype]
    assert np.abs(soft.numpy() - expected_soft).max() <= 1e-12
    assert mixed.dtype == dtype
    torch.testing.assert_close(soft.sum(1), targets.sum(1))


@given(shapes, seeds, st.data())
@settings(deadline=None)
def test_cutmix_is_the_papers_formula_for_any_box_and_pairing(
    shape: tuple[int, int, int, int], seed: int, data: st.DataObject
) -> None:
    count, _, height, width = shape

    def interval(length: int) -> st.SearchStrategy[list[int]]:
        return st.tuples(st.integers(0, length), st.integers(0, length)).map(sorted)

    box = st.tuples(interval(height), interval(width)).map(lambda p: Box(*p[0], *p[1]))
    boxes = data.draw(box | st.lists(box, min_size=count, max_size=count))
    partners = data.draw(st.lists(st.integers(0, count - 1), min_size=count, max_size=count))
    images, targets = batch(seed, shape)
    mixed, soft = cutmix(images, targets, boxes, partners)
    keep = np.ones((count, 1, height, width))
    for k in range(count):
        top, bottom, left, right = boxes if isinstance(boxes, Box) else boxes[k]
        keep[k, :, top:bottom, left:right] = 0
    expected, expected_soft = reference(images, targets, keep, partners)
    np.testing.assert_array_equal(mixed.double().numpy(), expected)
    assert np.abs(soft.numpy() - expected_soft).max() <= 1e-12


def test_large_samples_and_small_ones_mix_alike() -> None:
    images, targets = batch(0, (6, 3, 80, 90))
    partners = [1, 2, 0, 3, 5, 4]
    assert images[0].numel() > 16_384
    mixed, _ = mixup(images, targets, 0.3, partners)
    torch.testing.assert_close(mixed, 0.3 * images + 0.7 * images[partners])
    own = images.clone()
    again, _ = mixup(own, targets, 0.3, partners, inplace=True)
    assert again is own
    torch.testing.assert_close(again, mixed)
    for repeated in ([0, 0, 0, 1, 2, 3], [5, 5, 5, 5, 5, 5]):
        mixed, _ = mixup(images.clone(), targets, 0.3, repeated, inplace=True)
        torch.testing.assert_close(mixed, 0.3 * images + 0.7 * images[repeated])


@pytest.mark.parametrize("dtype", [*TOLERANCE, torch.uint8])
def test_a_batch_is_allocated_as_torch_does_whatever_its_layout(dtype: torch.dtype) -> None:
    for count, height in ((2, 3), (8, 512)):
        whole = torch.zeros(count, 2, 3, height, 600, dtype=dtype)
        contiguous = whole[:, 0].contiguous()
        last = contiguous.to(memory_format=torch.channels_last)
        for images in (contiguous, last, whole[:, 1], contiguous.transpose(2, 3)):
            made, expected = empty_like(images), torch.empty_like(images)
            assert (made.shape, made.stride()) == (expected.shape, expected.stride())
            assert (made.dtype, made.device) == (expected.dtype, expected.device)
            made.copy_(images)
            assert torch.equal(pickle.loads(pickle.dumps(made)), images)


def test_uint8_is_rounded() -> None:
    images, targets = batch(0, (4, 3, 90, 90), torch.uint8)
    mixed, _ = mixup(images, targets, 0.25, [1, 0, 3, 2])
    expected = (0.25 * images.double() + 0.75 * images[[1, 0, 3, 2]].double()).round()
    assert (mixed.double() - expected).abs().max() == 0
    assert mixed.dtype == torch.uint8


@pytest.mark.parametrize("settings_", [{}, {"per_sample": True}, {"lam": 0.3}])
@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("shape", [(6, 3, 8, 10), (6, 3, 80, 90)])
def test_inplace_changes_nothing_but_where_it_is_written(
    mixer: type[PairMixer], shape: tuple[int, ...], settings_: dict[str, Any]
) -> None:
    images, targets = batch(3, shape)

    def mix(own: Tensor, *, inplace: bool) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(5)
        return mixer(inplace=inplace, generator=generator, **settings_)(own, targets)

    own = images.clone()
    expected, expected_soft = mix(own, inplace=False)
    assert torch.equal(own, images)
    assert not torch.equal(expected, images)
    mixed, soft = mix(own, inplace=True)
    assert mixed is own
    assert torch.equal(mixed, expected)
    assert torch.equal(soft, expected_soft)


@pytest.mark.parametrize("shape", [(6, 3, 8, 10), (6, 3, 80, 90)])
def test_per_sample_with_equal_lambda_changes_nothing(shape: tuple[int, ...]) -> None:
    images, targets = batch(3, shape)
    # Of MixUp alone: the others draw a place or a shape for each sample, too.
    one, each = (
        MixUp(lam=0.3, per_sample=per_sample, generator=torch.Generator().manual_seed(5))
        for per_sample in (False, True)
    )
    for a, b in zip(one(images, targets), each(images, targets), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("shape", [(6, 3, 8, 10), (6, 3, 80, 90)])
def test_in_place_changes_its_batch_whatever_came_before_it(
    mixer: type[PairMixer], shape: tuple[int, ...]
) -> None:
    # Two mixers in turn, over batches of changing types and shapes: each as if it were alone.
    smaller = (shape[0] - 2, *shape[1:])
    batches = [
        batch(seed, each, kind)
        for seed, (each, kind) in enumerate(
            [
                (shape, torch.float32),
                (shape, torch.float32),
                (smaller, torch.float32),
                (shape, torch.float64),
                (shape, torch.uint8),
                (shape, torch.float32),
            ]
        )
    ]
    copying = mixer(generator=torch.Generator().manual_seed(5))
    writers = [
        mixer(inplace=True, generator=torch.Generator().manual_seed(5)),
        mixer(inplace=True, pairing="roll", generator=torch.Generator().manual_seed(6)),
    ]
    size, owned, outcomes = len(pickle.dumps(writers[0])), [], []
    for images, targets in batches:
        own = images.clone()
        outcomes.append(writers[0](own, targets))
        owned.append(own.data_ptr())
        writers[1](images.clone(), targets)
    for (images, targets), (mixed, soft), address in zip(batches, outcomes, owned, strict=True):
        expected, expected_soft = copying(images, targets)
        assert mixed.data_ptr() == address
        assert torch.equal(mixed, expected)
        assert torch.equal(soft, expected_soft)
    assert not writers[0].state_dict()
    assert len(pickle.dumps(writers[0])) == size


def test_threads_that_mix_in_place_do_not_meet() -> None:
    def mix_often(seed: int) -> bool:
        images, targets = batch(seed, (64, 3, 40, 40))
        order = np.random.default_rng(seed).permutation(64)
        expected = 0.25 * images + 0.75 * images[order]
        for _ in range(40):
            own = images.clone()
            mixup(own, targets, 0.25, order, inplace=True)
            if not torch.allclose(own, expected):
                return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(mix_often, range(8)))


def test_in_place_works_within_inference_mode_and_after_it() -> None:
    images, targets = batch(0, (5, 2, 7, 9))
    expected = 0.25 * images + 0.75 * images[[1, 2, 3, 4, 0]]
    for inference in (True, False, True):
        with torch.inference_mode(inference):
            own = images.clone()
            mixup(own, targets, 0.25, [1, 2, 3, 4, 0], inplace=True)
            torch.testing.assert_close(own, expected)


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("shape", [(6, 3, 8, 10), (6, 3, 80, 90)])
@pytest.mark.parametrize("settings_", [{}, {"inplace": True}, {"per_sample": True}])
def test_a_gradient_goes_back_to_both_pictures(
    mixer: type[PairMixer], shape: tuple[int, ...], settings_: dict[str, Any]
) -> None:
    images, targets = batch(3, shape, torch.float64)
    weights, _ = batch(4, shape, torch.float64)
    images.requires_grad_()
    generator = torch.Generator().manual_seed(5)
    mixed, _ = mixer(generator=generator, **settings_)(images * 1, targets)
    (weights * mixed).sum().backward()
    assert images.grad is not None
    # Each value is a weighted sum of values, so the gradient's product with them is the whole.
    torch.testing.assert_close((images.grad * images).sum(), (weights * mixed).sum())
    alone = mixer(generator=torch.Generator().manual_seed(5), **settings_)(images.detach(), targets)
    torch.testing.assert_close(mixed.detach(), alone[0])


def test_targets_are_float32_on_the_labels_device_whatever_the_defaults() -> None:
    images, labels = batch(0)[0], torch.tensor([0, 1, 2, 3])
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            mixed, soft = MixUp(num_classes=4)(images, labels)
    finally:
        torch.set_default_dtype(torch.float32)
    assert (soft.dtype, soft.device) == (torch.float32, torch.device("cpu"))
    assert mixed.device == images.device


def test_per_sample_equals_per_batch_when_the_lambda_are_equal() -> None:
    images, targets = batch(1)
    one = mixup(images, targets, 0.37, [1, 2, 3, 0])
    each = mixup(images, targets, [0.37] * 4, [1, 2, 3, 0])
    for a, b in zip(one, each, strict=True):
        torch.testing.assert_close(a, b)
    box = Box(1, 5, 2, 7)
    one = cutmix(images, targets, box, [1, 2, 3, 0])
    each = cutmix(images, targets, [box] * 4, [1, 2, 3, 0])
    for a, b in zip(one, each, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("mixer", MIXERS)
def test_channels_last_stays_channels_last(mixer: type[PairMixer]) -> None:
    for shape in ((4, 3, 8, 10), (4, 3, 80, 90)):
        images, targets = batch(1, shape)
        mixed, _ = mixer(generator=torch.Generator().manual_seed(1))(images, targets)
        last = images.to(memory_format=torch.channels_last)
        mixed_last, _ = mixer(generator=torch.Generator().manual_seed(1))(last, targets)
        assert mixed_last.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(mixed_last, mixed, check_stride=False)


@pytest.mark.parametrize("mixer", MIXERS)
def test_eval_returns_its_very_input(mixer: type[PairMixer]) -> None:
    images, labels = batch(0)[0], torch.tensor([0, 1, 2, 3])
    same_images, same_labels = mixer(num_classes=4).eval()(images, labels)
    assert same_images is images
    assert same_labels is labels


@pytest.mark.parametrize("mixer", MIXERS)
def test_probability_is_that_of_mixing_a_batch(mixer: type[PairMixer]) -> None:
    images, labels = batch(0)[0], torch.tensor([0, 1, 2, 3])
    some = mixer(num_classes=4, probability=0.3, generator=torch.Generator().manual_seed(0))
    left = sum(some(images, labels)[0] is images for _ in range(400))
    assert abs(left / 400 - 0.7) < 0.08


@pytest.mark.parametrize("mixer", MIXERS)
def test_the_same_seed_mixes_alike_and_a_pickled_mixer_goes_on_alike(
    mixer: type[PairMixer],
) -> None:
    images, targets = batch(2)
    one = mixer(generator=torch.Generator().manual_seed(1))
    other = copy.deepcopy(one)
    third = pickle.loads(pickle.dumps(one))
    first = one(images, targets)[0]
    assert not torch.equal(first, one(images, targets)[0])
    assert torch.equal(first, other(images, targets)[0])
    assert torch.equal(first, third(images, targets)[0])
    torch.manual_seed(7)
    default = mixer()(images, targets)[0]
    torch.manual_seed(7)
    assert torch.equal(default, mixer()(images, targets)[0])


@pytest.mark.parametrize("mixer", MIXERS)
def test_a_mixer_works_under_torch_compile(mixer: type[PairMixer]) -> None:
    images, targets = batch(2)
    make = lambda: mixer(generator=torch.Generator().manual_seed(1))  # noqa: E731
    plain, compiled = make(), torch.compile(make(), backend="eager")  # type: ignore[no-untyped-call]
    torch.testing.assert_close(compiled(images, targets), plain(images, targets))


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("count", [0, 1])
def test_a_batch_of_one_is_its_own_partner_and_an_empty_one_stays_empty(
    mixer: type[PairMixer], count: int
) -> None:
    images, targets = batch(0, (count, 3, 8, 8))
    mixed, soft = mixer()(images, targets)
    torch.testing.assert_close(mixed, images)
    torch.testing.assert_close(soft, targets)


def test_partners_may_be_a_view_that_runs_backwards() -> None:
    images, targets = batch(0)
    backwards = np.arange(4)[::-1]
    for one, other in zip(
        mixup(images, targets, 0.3, backwards),
        mixup(images, targets, 0.3, [3, 2, 1, 0]),
        strict=True,
    ):
        assert torch.equal(one, other)


def test_pairings_are_what_their_names_say() -> None:
    rng = np.random.default_rng(0)
    assert MixUp(pairing="roll").draw_partners(rng, 4).tolist() == [3, 0, 1, 2]
    assert MixUp(pairing="flip").draw_partners(rng, 4).tolist() == [3, 2, 1, 0]
    drawn = {tuple(MixUp().draw_partners(rng, 4)) for _ in range(400)}
    assert len(drawn) == 24


@given(st.floats(0.05, 8))
@settings(deadline=None, max_examples=20)
def test_lambda_follows_beta(alpha: float) -> None:
    rng = np.random.default_rng(0)
    drawn = np.asarray(MixUp(alpha, per_sample=True).draw_lambda(rng, 4000))
    assert abs(drawn.mean() - 0.5) < 0.04
    assert drawn.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), abs=0.015)


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"alpha": 0}, "alpha is 0"),
        ({"alpha": float("nan")}, "alpha is nan"),
        ({"lam": 1.5}, "lam is 1.5"),
        ({"lam": float("nan")}, "lam is nan"),
        ({"pairing": "random"}, "permutation, roll, flip"),
        ({"probability": 2}, "probability is 2"),
        ({"num_classes": 0}, "num_classes is 0"),
    ],
)
def test_settings_out_of_range_are_named(settings_: dict[str, object], words: str) -> None:
    for mixer in MIXERS:
        with pytest.raises(MixerError, match=words):
            mixer(**settings_)  # type: ignore[arg-type]


def test_batches_that_do_not_fit_are_explained() -> None:
    images, targets = batch(0)
    indices = torch.tensor([0, 1, 2, 3])
    with pytest.raises(MixerError, match=r"expected N x C x H x W"):
        MixUp()(images[0], targets)
    with pytest.raises(MixerError, match=r"torch\.int64"):
        MixUp()(images.long(), targets)
    with pytest.raises(MixerError, match="ndarray"):
        MixUp()(images.numpy(), targets)
    with pytest.raises(MixerError, match="labels are a list"):
        MixUp(num_classes=4)(images, [0, 1, 2, 3])
    with pytest.raises(MixerError, match="4 images and labels of shape"):
        MixUp()(images, targets[:3])
    with pytest.raises(MixerError, match="set num_classes"):
        MixUp()(images, indices)
    with pytest.raises(MixerError, match=r"labels run from 0 to 3.* \[0, 2\]"):
        MixUp(num_classes=3)(images, indices)
    with pytest.raises(MixerError, match="5 columns and num_classes is 4"):
        MixUp(num_classes=4)(images, targets)
    with pytest.raises(MixerError, match=r"labels are torch\.float32"):
        MixUp(num_classes=4)(images, indices.float())
    for lam in (float("nan"), -0.1, [0.5] * 3):
        with pytest.raises(MixerError, match="λ"):
            mixup(images, targets, lam, [0, 1, 2, 3])
    for partners in ([0, 1, 2], [0, 1, 2, 4], [0, 1, 2, -1]):
        with pytest.raises(MixerError, match="partners must be 4 indices"):
            mixup(images, targets, 0.5, partners)
    with pytest.raises(MixerError, match="does not lie in a picture of 8 x 10"):
        cutmix(images, targets, Box(0, 9, 0, 3), [0, 1, 2, 3])


ORDER = [1, 2, 3, 0]
FUNCTIONS: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
    "mixup": lambda x, y, **kw: mixup(x, y, 0.3, ORDER, **kw),
    "cutmix": lambda x, y, **kw: cutmix(x, y, Box(1, 5, 2, 7), ORDER, **kw),
    "fmix": lambda x, y, **kw: fmix(x, y, np.eye(8, 10, dtype=bool), ORDER, **kw),
    "gridmix": lambda x, y, **kw: gridmix(x, y, np.eye(2, dtype=bool), ORDER, **kw),
    "smoothmix": lambda x, y, **kw: smoothmix(x, y, Spot(4, 5, 3, 3), ORDER, **kw),
    "resizemix": lambda x, y, **kw: resizemix(x, y, Box(1, 5, 2, 7), ORDER, **kw),
    "saliencymix": lambda x, y, **kw: saliencymix(x, y, 0.3, ORDER, torch.ones(1, 2), **kw),
}


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_names_images_and_targets_that_do_not_fit_before_it_writes(
    name: str, inplace: bool
) -> None:
    images, targets = batch(0)
    before = images.clone()
    for x, y, words in (
        (images[0], targets, "expected N x C x H x W"),
        (images.long(), targets, "images are torch.int64"),
        (images.numpy(), targets, "images are a ndarray"),
        (images, torch.arange(4), r"targets are torch.int64 of shape \(4,\).*num_classes"),
        (images, targets[:, 0], "give N x K probabilities"),
        (images, targets > 0, "targets are torch.bool"),
        (images, targets.numpy(), "targets are a ndarray"),
        (images, targets[:3], r"4 images and targets of shape \(3, 5\)"),
    ):
        with pytest.raises(MixerError, match=words) as raised:
            FUNCTIONS[name](x, y, inplace=inplace)
        assert "\n" not in str(raised.value)
        assert torch.equal(images, before)
    mixed, _ = FUNCTIONS[name](images, targets, inplace=inplace)
    assert not torch.equal(mixed, before)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_leaf_that_requires_a_gradient_is_not_overwritten(name: str) -> None:
    images, targets = batch(0)
    before = images.clone()
    with pytest.raises(MixerError, match="leave inplace off, or mix a clone"):
        FUNCTIONS[name](images.requires_grad_(), targets, inplace=True)
    assert torch.equal(images, before)


@pytest.mark.parametrize("label_type", [torch.int64, torch.int32, torch.uint8])
def test_indices_become_probabilities(label_type: torch.dtype) -> None:
    images, _ = batch(0)
    labels = torch.tensor([0, 1, 2, 3]).to(label_type)
    _, soft = MixUp(num_classes=4, lam=1.0)(images, labels)
    assert torch.equal(soft, torch.eye(4))


def test_values_agree_with_torchvision_given_the_same_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from torchvision.transforms import v2

    images, _ = batch(4, (6, 3, 12, 14))
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    for theirs in (v2.MixUp(num_classes=5), v2.CutMix(num_classes=5)):
        torch.manual_seed(3)
        drawn = theirs.make_params([images])
        monkeypatch.setattr(theirs, "make_params", lambda _, drawn=drawn: drawn)
        their_images, their_soft = theirs(images, labels)
        one_hot = torch.eye(5)[labels]
        if isinstance(theirs, v2.MixUp):
            ours, soft = mixup(images, one_hot, drawn["lam"], [5, 0, 1, 2, 3, 4])
        else:
            left, top, right, bottom = drawn["box"]
            ours, soft = cutmix(images, one_hot, Box(top, bottom, left, right), [5, 0, 1, 2, 3, 4])
        torch.testing.assert_close(ours, their_images, atol=1e-6, rtol=0)
        torch.testing.assert_close(soft, their_soft, atol=1e-6, rtol=0)


def test_values_agree_with_timm_given_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    from timm.data.mixup import Mixup

    images, _ = batch(4, (6, 3, 12, 14))
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    one_hot, flip = torch.eye(5)[labels], [5, 4, 3, 2, 1, 0]
    theirs = Mixup(label_smoothing=0.0, num_classes=5)  # type: ignore[no-untyped-call]
    monkeypatch.setattr(theirs, "_params_per_batch", lambda: (0.3, False))
    their_images, their_soft = theirs(images.clone(), labels)
    ours, soft = mixup(images, one_hot, 0.3, flip)
    torch.testing.assert_close(ours, their_images, atol=1e-6, rtol=0)
    torch.testing.assert_close(soft, their_soft, atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", [(3, 0, 8, 8), (3, 3, 0, 8), (3, 3, 8, 0)])
@pytest.mark.parametrize("mixer", [*MIXERS, Cutout, AugMix, PixMix, IPMix])
def test_pictures_without_pixels_are_named(mixer: type[Mixer], shape: tuple[int, ...]) -> None:
    with pytest.raises(MixerError, match=r"images have the shape .* no pixels to mix"):
        mixer(num_classes=5)(torch.zeros(shape), torch.zeros(3, dtype=torch.int64))
