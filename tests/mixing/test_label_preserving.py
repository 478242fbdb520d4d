"""What Cutout, AugMix, PixMix and IPMix share; their arithmetic is in the file of each."""

import copy
import pickle
from functools import partial
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

import genmix
from genmix.errors import MixerError
from genmix.mixing import AugMix, Cutout, IPMix, PixMix
from genmix.mixing.base import Mixer
from tests.mixing.test_operations import TYPES, cut_up, go_in_groups, random_levels

MIXERS: list[type[Mixer]] = [Cutout, AugMix, PixMix, IPMix]
SMALL, LARGE = (6, 3, 12, 15), (6, 3, 80, 90)
PICTURES = random_levels(9, (5, 3, 95, 100))
SETTINGS: dict[type[Mixer], dict[str, object]] = {
    PixMix: {"pictures": PICTURES},
    IPMix: {"pictures": PICTURES},
}
LABELS = torch.arange(6)


def make(mixer: type[Mixer], seed: int = 1, **more: object) -> Mixer:
    build = partial(mixer, **SETTINGS.get(mixer, {}), **more)  # type: ignore[arg-type]
    return build(generator=torch.Generator().manual_seed(seed))


def batch(shape: tuple[int, ...], kind: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    levels = random_levels(seed, shape)
    return levels if kind == torch.uint8 else levels.to(kind) / 255


@pytest.mark.parametrize("shape", [SMALL, LARGE])
@pytest.mark.parametrize("mixer", MIXERS)
def test_the_label_stays_and_the_values_stay_in_their_range(
    mixer: type[Mixer], shape: tuple[int, ...]
) -> None:
    for kind in TYPES:
        images = batch(shape, kind)
        before = images.clone()
        mixed, targets = make(mixer)(images, LABELS)
        assert targets is LABELS
        assert torch.equal(images, before)
        assert not torch.equal(mixed, images)
        assert (mixed.dtype, mixed.shape) == (kind, images.shape)
        assert mixed.isfinite().all()
        assert mixed.min() >= 0
        assert mixed.max() <= (255 if kind == torch.uint8 else 1)


@pytest.mark.parametrize("mixer", MIXERS)
def test_half_precision_and_uint8_mix_as_float64_does(mixer: type[Mixer]) -> None:
    exact = make(mixer)(batch(LARGE, torch.float64), LABELS)[0]
    for kind, tolerance in (
        (torch.float32, 1e-4),
        (torch.float16, 1e-3),
        (torch.uint8, 0.51 / 255),
    ):
        mixed = make(mixer)(batch(LARGE, kind), LABELS)[0].double()
        off = mixed / (255 if kind == torch.uint8 else 1) - exact
        # A value that is halfway between two levels may fall to either, and be moved far from
        # there by what comes after.
        assert (off.abs() > tolerance).double().mean() < 0.002


@pytest.mark.parametrize("mixer", MIXERS)
def test_num_classes_turns_indices_into_probabilities(mixer: type[Mixer]) -> None:
    _, targets = make(mixer, num_classes=6)(batch(SMALL), LABELS)
    assert torch.equal(targets, torch.eye(6))


@pytest.mark.parametrize("shape", [SMALL, LARGE])
@pytest.mark.parametrize("mixer", MIXERS)
def test_channels_last_in_place_and_a_slice_change_only_where_it_is_written(
    mixer: type[Mixer], shape: tuple[int, ...]
) -> None:
    for kind in TYPES:
        images = batch(shape, kind)
        mixed, _ = make(mixer)(images, LABELS)
        last, _ = make(mixer)(images.to(memory_format=torch.channels_last), LABELS)
        assert last.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(last, mixed)
        wide = torch.cat([images, images], dim=3)
        own = wide[..., : shape[3]]
        again, _ = make(mixer, inplace=True)(own, LABELS)
        assert again is own
        assert torch.equal(again, mixed)
        assert torch.equal(wide[..., shape[3] :], images)


@pytest.mark.parametrize("mixer", MIXERS)
def test_eval_and_a_probability_of_zero_return_the_very_input(mixer: type[Mixer]) -> None:
    images = batch(SMALL)
    assert make(mixer).eval()(images, LABELS)[0] is images
    assert make(mixer, probability=0.0)(images, LABELS)[0] is images


@pytest.mark.parametrize("mixer", MIXERS)
def test_the_same_seed_mixes_alike_and_a_pickled_mixer_goes_on_alike(mixer: type[Mixer]) -> None:
    images = batch(SMALL)
    one = make(mixer)
    others = [copy.deepcopy(one), pickle.loads(pickle.dumps(one))]
    first, second = one(images, LABELS)[0], one(images, LABELS)[0]
    assert not torch.equal(first, second)
    for other in others:
        assert torch.equal(other(images, LABELS)[0], first)
        assert torch.equal(other(images, LABELS)[0], second)


@pytest.mark.parametrize("mixer", MIXERS)
def test_the_number_of_threads_and_parts_changes_nothing(
    mixer: type[Mixer], monkeypatch: pytest.MonkeyPatch
) -> None:
    images, before = batch(LARGE), torch.get_num_threads()
    outcomes = [make(mixer)(images, LABELS)[0]]
    cut_up(monkeypatch)
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            outcomes.append(make(mixer)(images, LABELS)[0])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(outcomes[0], each) for each in outcomes)


@pytest.mark.parametrize("mixer", MIXERS)
def test_a_device_mixes_as_the_cpu_does(
    mixer: type[Mixer], monkeypatch: pytest.MonkeyPatch
) -> None:
    smooth = torch.linspace(0, 1, 90).expand(6, 3, 80, 90) * torch.linspace(0.3, 1, 80)[:, None]
    on_cpu, _ = make(mixer)(smooth, LABELS)
    go_in_groups(monkeypatch)
    monkeypatch.setattr(import_module("genmix.mixing.cutout"), "suits_loops", lambda _: False)
    on_device, _ = make(mixer)(smooth, LABELS)
    # A level more or less, where loops and torch interpolate or round differently, can grow.
    off = (on_cpu - on_device).abs()
    assert off.mean() < 0.002
    assert (off > 0.05).float().mean() < 0.002


class MixAll:
    """A collate function that mixes a batch by every method."""

    def __init__(self) -> None:
        settings: dict[type[Mixer], dict[str, Any]] = dict(SETTINGS)
        self.mixers = [mixer(**settings.get(mixer, {})) for mixer in MIXERS]

    def __call__(self, images: list[Tensor]) -> Tensor:
        labels = torch.arange(len(images))
        return torch.stack([mixer(torch.stack(images), labels)[0] for mixer in self.mixers])


def by_workers(images: Tensor, seed: int, workers: int = 2, context: str = "fork") -> Tensor:
    """Let each of some workers mix the same images: workers x methods x N x C x H x W."""
    torch.manual_seed(seed)
    loader: DataLoader[Tensor] = DataLoader(
        [*images] * workers,  # type: ignore[arg-type]
        batch_size=len(images),
        num_workers=workers,
        collate_fn=MixAll(),
        multiprocessing_context=context,
    )
    return torch.stack(list(loader))


@pytest.mark.parametrize("shape", [SMALL, LARGE])
def test_workers_of_a_loader_mix_differently_and_a_seed_repeats_it(shape: tuple[int, ...]) -> None:
    images = batch(shape)
    MixAll()(list(images))  # what the parent has used must not harm its workers
    first, again, other = (by_workers(images, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    for k in range(len(MIXERS)):
        one, another = first[:, k]
        assert not torch.equal(one, another)
        assert not torch.equal(first[:, k], other[:, k])


def test_a_spawned_worker_mixes_as_a_forked_one_does() -> None:
    images = batch(SMALL)
    forked, spawned = (by_workers(images, 1, 1, context) for context in ("fork", "spawn"))
    assert torch.equal(forked, spawned)


@pytest.mark.parametrize("mixer", MIXERS)
def test_images_that_want_a_gradient_are_mixed_too(mixer: type[Mixer]) -> None:
    images = batch(SMALL)
    mixed, _ = make(mixer)(images.clone().requires_grad_(), LABELS)
    assert torch.equal(mixed, make(mixer)(images, LABELS)[0])


@pytest.mark.parametrize("shape", [SMALL, LARGE])
@pytest.mark.parametrize("mixer", MIXERS)
def test_backward_finds_that_a_batch_was_overwritten(
    mixer: type[Mixer], shape: tuple[int, ...]
) -> None:
    images = batch(shape)
    weights = torch.ones_like(images, requires_grad=True)
    loss = (weights * images).sum()  # whose gradient is the images
    make(mixer, inplace=True)(images, LABELS)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("mixer", MIXERS)
def test_no_gradient_goes_back_through_what_was_overwritten(mixer: type[Mixer]) -> None:
    before = batch(SMALL).requires_grad_()
    images = before * 1
    hidden = make(mixer)(batch(SMALL), LABELS)[0] != before
    mixed, _ = make(mixer, inplace=True)(images, LABELS)
    mixed.sum().backward()
    assert before.grad is not None
    assert not before.grad[hidden].any()


@pytest.mark.parametrize("mixer", MIXERS)
def test_a_leaf_that_requires_a_gradient_is_not_overwritten(mixer: type[Mixer]) -> None:
    images = batch(SMALL).requires_grad_()
    before = images.detach().clone()
    with pytest.raises(MixerError, match="leave inplace off, or mix a clone"):
        make(mixer, inplace=True)(images, LABELS)
    assert torch.equal(images, before)
    with torch.no_grad():
        assert make(mixer, inplace=True)(images, LABELS)[0] is images


@pytest.mark.parametrize("mixer", MIXERS)
def test_in_place_works_within_inference_mode_and_after_it(mixer: type[Mixer]) -> None:
    expected, _ = make(mixer)(batch(SMALL), LABELS)
    for inference in (True, False):
        with torch.inference_mode(inference):
            assert torch.equal(make(mixer, inplace=True)(batch(SMALL), LABELS)[0], expected)


@pytest.mark.parametrize("mixer", MIXERS)
def test_a_mixer_works_under_torch_compile(mixer: type[Mixer]) -> None:
    images = batch(SMALL)
    compiled = torch.compile(make(mixer), backend="eager")
    assert torch.equal(compiled(images, LABELS)[0], make(mixer)(images, LABELS)[0])


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (1, 3, 1, 1), (2, 3, 2, 70)])
def test_batches_of_none_and_tiny_images_pass(
    mixer: type[Mixer], shape: tuple[int, int, int, int]
) -> None:
    images, labels = torch.rand(shape), torch.arange(shape[0])
    for seed in range(10):
        mixed, _ = make(mixer, seed)(images, labels)
        assert mixed.shape == shape


@pytest.mark.parametrize("mixer", MIXERS)
def test_shapes_and_types_that_do_not_fit_are_named(mixer: type[Mixer]) -> None:
    for images, words in (
        (torch.rand(6, 8, 8), "expected N x C x H x W"),
        (torch.zeros(6, 3, 8, 8, dtype=torch.int64), "images are torch.int64"),
        (torch.rand(5, 3, 8, 8), "5 images and labels of shape"),
    ):
        with pytest.raises(MixerError, match=words) as raised:
            make(mixer)(images, LABELS)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("mixer", MIXERS)
def test_the_package_names_the_mixer(mixer: type[Mixer]) -> None:
    assert getattr(genmix, mixer.__name__) is mixer
