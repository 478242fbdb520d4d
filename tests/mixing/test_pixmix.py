"""PixMix against an independent float64 formulation, and where its pictures come from."""

import pickle
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
from genmix.fractals import FractalBank
from genmix.mixing import PixMix, Round, Step, pixmix
from genmix.mixing.pixmix import METHODS, Rounds, draw_coefficients
from genmix.mixing.steps import NONE, OPERATIONS, Steps
from tests.mixing.test_augmix import draw_images, in_unit, levels_of
from tests.mixing.test_operations import (
    TYPES,
    expected,
    go_in_groups,
    random_levels,
    seeds,
    shapes,
    shapes_of_all_sizes,
    steps,
)

TOLERANCE = dict(zip(TYPES, (1e-6, 2e-3, 3e-3, 6e-3, 0.5 + 255 * 2e-3), strict=True))
"""A negative power makes small errors larger."""

module = import_module("genmix.mixing.pixmix")


@st.composite
def rounds(draw: st.DrawFn) -> Round:
    # A root of almost black would turn an error of rounding into grey, hence a from 0.5.
    own, other = draw(st.floats(0.5, 1)), draw(st.floats(0, 1))
    pair = (2 * own, -other) if draw(st.booleans()) else (own, other)
    copy = draw(st.none() | steps(exact=True))
    return Round(copy, draw(st.sampled_from(["add", "multiply"])), *pair)


def mixed_by_formula(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], method: str, a: float, b: float
) -> npt.NDArray[np.float64]:
    """Add from -1 to 1, or multiply from 0 to 2, as the authors define them; x and y in [0, 1]."""
    if method == "add":
        outcome = (a * (2 * x - 1) + b * (2 * y - 1) + 1) / 2
    else:
        outcome = np.maximum(2 * x, 1e-37) ** a * np.maximum(2 * y, 1e-37) ** b / 2
    return outcome.clip(0, 1)


def check_formula(
    shape: tuple[int, int, int, int], seed: int, data: st.DataObject, kinds: list[torch.dtype]
) -> None:
    count = shape[0]
    kind = data.draw(st.sampled_from(kinds))
    # Black to a negative power is 1e37, which would turn an error of rounding into black or white.
    images = (
        draw_images(seed, shape, kind).clamp(0.02)
        if kind.is_floating_point
        else (random_levels(seed, shape).clamp(5))
    )
    pictures = random_levels(seed + 1, shape).clamp(5, 250)
    depth = 3 if kind == torch.float64 else 2
    each = st.lists(rounds().filter(lambda r: not darkens(r.copy)), max_size=depth)
    plan = data.draw(st.lists(each, min_size=count, max_size=count))
    starts = data.draw(st.lists(st.none() | steps(exact=True), min_size=count, max_size=count))
    wanted = in_unit(images).copy()
    for n, levels in enumerate(levels_of(images)):
        start = starts[n]
        if start:
            wanted[n] = expected(levels, start) / 255
        for copy, method, a, b in plan[n]:
            other = expected(levels, copy) if copy else pictures[n].numpy()
            wanted[n] = mixed_by_formula(wanted[n], other / 255, method, a, b)
    mixed = pixmix(images, pictures, starts, plan)
    scale = 255 if kind == torch.uint8 else 1
    assert np.abs(mixed.double().numpy() - wanted * scale).max() <= TOLERANCE[kind]
    assert mixed.dtype == kind


def darkens(step: Step | None) -> bool:
    """Say whether a copy can hold black."""
    return step is not None and step.operation not in {"mirror", "solarize"}


@given(shapes_of_all_sizes, seeds, st.data())
@settings(deadline=None)
def test_pixmix_is_the_authors_formula(
    shape: tuple[int, int, int, int], seed: int, data: st.DataObject
) -> None:
    check_formula(shape, seed, data, TYPES)


def test_pixmix_is_the_authors_formula_on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    go_in_groups(monkeypatch)

    @given(shapes, seeds, st.data())
    @settings(deadline=None, max_examples=50)
    def check(shape: tuple[int, int, int, int], seed: int, data: st.DataObject) -> None:
        check_formula(shape, seed, data, [torch.float32, torch.float64])

    check()


@pytest.mark.parametrize("on_device", [False, True])
@pytest.mark.parametrize(("a", "b"), [(0.7, 0.4), (1.3, -0.6), (2.0, -1.0), (1.0, 0.0)])
def test_every_level_is_mixed_with_every_other_black_too(
    a: float, b: float, on_device: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if on_device:
        go_in_groups(monkeypatch)
    ramp = torch.arange(256, dtype=torch.uint8)
    images, pictures = ramp.expand(1, 1, 256, 256), ramp[:, None].expand(1, 1, 256, 256)
    for method in ("add", "multiply"):
        mixed = pixmix(images, pictures, [None], [[Round(None, method, a, b)]])
        wanted = mixed_by_formula(
            images.double().numpy() / 255, pictures.double().numpy() / 255, method, a, b
        )
        assert np.abs(mixed.double().numpy() - 255 * wanted).max() <= 0.51


@given(st.floats(0.5, 6))
@settings(deadline=None, max_examples=20)
def test_coefficients_follow_their_distributions(beta: float) -> None:
    a, b = draw_coefficients(np.random.default_rng(0), beta, 8000)
    sharpening = b < 0
    assert sharpening.mean() == pytest.approx(0.5, abs=0.03)
    mean = 1 / (1 + beta)
    assert a[~sharpening].mean() == pytest.approx(1 - mean, abs=0.02)
    assert a[sharpening].mean() == pytest.approx(1 + mean, abs=0.02)
    assert np.abs(b).mean() == pytest.approx(mean, abs=0.02)


def drawn(
    monkeypatch: pytest.MonkeyPatch, mixer: PixMix, images: Tensor
) -> tuple[Tensor, list[Step | None], list[list[Round]]]:
    """Return what a mixer draws for a batch: pictures, starts, rounds."""
    seen: list[Any] = []

    def keep(images: Tensor, *arguments: object, inplace: bool) -> Tensor:
        seen.extend(arguments)
        assert not inplace
        return images

    with monkeypatch.context() as patch:
        patch.setattr(module, "mix_rounds", keep)
        mixer(images, torch.arange(len(images)))
    pictures, starts, rounds = seen
    return pictures, named(starts), [listed_rounds(rounds.at(n)) for n in range(len(images))]


def named(steps: Steps) -> list[Step | None]:
    """Say steps by name, or None where there is none."""
    pairs = zip(steps.operations.tolist(), steps.magnitudes.tolist(), strict=True)
    return [None if k == NONE else Step(OPERATIONS[k], magnitude) for k, magnitude in pairs]


def listed_rounds(rounds: Rounds) -> list[Round]:
    """Say one image's rounds by name; what comes after the last is not there."""
    used = rounds.at(slice(np.count_nonzero(rounds.methods != NONE)))
    assert (rounds.methods[len(used.methods) :] == NONE).all()
    methods = [METHODS[k] for k in used.methods]
    coefficients = used.a.tolist(), used.b.tolist()
    return list(map(Round, named(used.copies), methods, *coefficients))


@pytest.mark.parametrize("shape", [(40, 3, 20, 24), (4, 3, 90, 80)])
def test_what_the_mixer_draws_mixes_alike_in_the_plain_function_and_alone(
    shape: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    images, bank = draw_images(0, shape, torch.float32), random_levels(1, (3, 3, 95, 100))
    mixers = [PixMix(bank, generator=torch.Generator().manual_seed(3)) for _ in range(2)]
    mixed, _ = mixers[0](images, torch.arange(shape[0]))
    pictures, starts, plan = drawn(monkeypatch, mixers[1], images)
    assert torch.equal(pixmix(images, pictures, starts, plan), mixed)
    for k in range(3):
        at = slice(k, k + 1)
        alone = pixmix(images[at], pictures[at], starts[at], plan[at])
        assert torch.equal(alone[0], mixed[k])


def test_rounds_starts_and_methods_are_drawn_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.rand(2000, 3, 4, 4)
    mixer = PixMix(random_levels(0, (3, 3, 4, 4)), generator=torch.Generator().manual_seed(0))
    _, starts, plan = drawn(monkeypatch, mixer, images)
    counts = np.bincount([len(each) for each in plan])
    assert np.allclose(counts / 2000, 1 / 5, atol=0.03)
    assert sum(start is None for start in starts) / 2000 == pytest.approx(0.5, abs=0.05)
    every = [each for several in plan for each in several]
    for share in (
        np.mean([each.copy is None for each in every]),
        np.mean([each.method == "add" for each in every]),
    ):
        assert share == pytest.approx(0.5, abs=0.03)


def test_pictures_are_pieces_of_the_size_of_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    numbered = torch.arange(2 * 9 * 11, dtype=torch.uint8).view(2, 1, 9, 11)
    mixer = PixMix(numbered, generator=torch.Generator().manual_seed(0))
    pictures, _, _ = drawn(monkeypatch, mixer, torch.rand(400, 1, 7, 8))
    assert pictures.shape == (400, 1, 7, 8)
    corners = pictures[:, 0, 0, 0].long()
    wholes = numbered.flatten()[corners[:, None] + torch.arange(8)]
    assert torch.equal(pictures[:, 0, 0], wholes)
    assert set(corners.tolist()) == {
        99 * k + 11 * row + column for k in range(2) for row in range(3) for column in range(4)
    }


def test_pictures_come_from_a_bank_and_are_not_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    bank = FractalBank.open(3, 16, 0)
    images = torch.rand(40, 3, 14, 10)
    mixer = PixMix(bank, generator=torch.Generator().manual_seed(0))
    pictures, _, _ = drawn(monkeypatch, mixer, images)
    known = [bank[k].transpose(2, 0, 1) for k in range(3)]
    windows = {
        picture[:, top : top + 14, left : left + 10].tobytes()
        for picture in known
        for top in range(3)
        for left in range(7)
    }
    assert {picture.numpy().tobytes() for picture in pictures} <= windows
    assert len(pickle.dumps(mixer)) < 10_000
    assert pickle.loads(pickle.dumps(mixer)).pictures.fingerprint == bank.fingerprint


def test_without_pictures_a_bank_is_drawn_at_the_size_of_the_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_COUNT", 2)
    opened = []
    original = FractalBank.open

    def open_bank(count: int, size: int, seed: int) -> FractalBank:
        opened.append((count, size))
        return original(count, size, seed)

    monkeypatch.setattr(FractalBank, "open", open_bank)
    mixer, labels = PixMix(), torch.arange(3)
    for side in (28, 28, 14):
        mixed, _ = mixer(torch.rand(3, 3, side, side), labels)
        assert mixed.shape == (3, 3, side, side)
    assert opened == [(2, 32), (2, 16)]


def test_pictures_of_floats_are_rounded_to_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = random_levels(0, (1, 3, 6, 6))
    mixer = PixMix(levels.double() / 255)
    pictures, _, _ = drawn(monkeypatch, mixer, torch.rand(2, 3, 6, 6))
    assert torch.equal(pictures, levels.expand(2, 3, 6, 6))


def test_settings_out_of_range_are_named() -> None:
    for settings_, words in (
        ({"rounds": 0}, "rounds is 0"),
        ({"beta": 0}, "beta is 0"),
        ({"beta": float("nan")}, "beta is nan"),
        ({"severity": 11}, "severity is 11"),
        ({"pictures": torch.rand(3, 8, 8)}, "expected N x C x H x W"),
        ({"pictures": torch.rand(0, 3, 8, 8)}, "there are no pictures"),
    ):
        with pytest.raises(MixerError, match=words):
            PixMix(**settings_)


def test_pictures_and_rounds_that_do_not_fit_are_named() -> None:
    images, labels = torch.rand(2, 3, 8, 8), torch.arange(2)
    for shape in ((1, 3, 7, 8), (1, 1, 8, 8)):
        with pytest.raises(MixerError, match=r"give pictures of 3 channels, at least as large"):
            PixMix(torch.rand(shape))(images, labels)
    levels = random_levels(0, (2, 3, 8, 8))
    with pytest.raises(MixerError, match=r"pictures are torch.float32 of shape \(2, 3, 8, 8\)"):
        pixmix(images, images, [None] * 2, [[]] * 2)
    with pytest.raises(MixerError, match=r"pictures are torch.uint8 of shape \(1, 3, 8, 8\)"):
        pixmix(images, levels[:1], [None] * 2, [[]] * 2)
    with pytest.raises(MixerError, match="2 images, 1 starts and 2 lists of rounds"):
        pixmix(images, levels, [None], [[]] * 2)
    with pytest.raises(MixerError, match="the method is 'screen': it must be one of add, multiply"):
        pixmix(images, levels, [None] * 2, [[Round(None, "screen", 1, 0)]] * 2)  # type: ignore[arg-type]
    with pytest.raises(MixerError, match="they must be finite"):
        pixmix(images, levels, [None] * 2, [[Round(None, "add", float("nan"), 0)]] * 2)
    with pytest.raises(MixerError, match="posterize has a magnitude of 9"):
        pixmix(images, levels, [Step("posterize", 9), None], [[]] * 2)
