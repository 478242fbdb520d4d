"""Mixing by masks and boxes: FMix, GridMix, SmoothMix, ResizeMix, SaliencyMix.

Each against an independent float64 formulation. What all pair mixers share is in `test_pairs`.
"""

import math
from fractions import Fraction
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
from genmix.mixing import (
    Box,
    FMix,
    GridMix,
    ResizeMix,
    SaliencyMix,
    SmoothMix,
    Spot,
    cutmix,
    find_peaks,
    fmix,
    gridmix,
    resizemix,
    saliency,
    saliencymix,
    smoothmix,
)
from genmix.mixing.base import PairMixer
from genmix.mixing.fmix import draw_masks
from genmix.mixing.resizemix import draw_boxes
from tests.mixing.test_pairs import batch, reference

Array = npt.NDArray[Any]
TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.uint8]
TOLERANCE = dict(zip(TYPES, (1e-12, 1e-6, 1e-3, 8e-3, 0.5 + 1e-4), strict=True))
LARGE = (3, 3, 74, 80)
"""Samples that are mixed one by one."""

shapes = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 12), st.integers(1, 12))
shapes_of_all_sizes = st.one_of(shapes, st.just(LARGE))
seeds = st.integers(0, 2**32)


def draw_case(
    shape: tuple[int, int, int, int], data: st.DataObject
) -> tuple[Tensor, Tensor, list[int], bool, np.random.Generator]:
    """Draw a batch of any type and layout, partners, whether draws are per sample, and a source."""
    seed, kind = data.draw(seeds), data.draw(st.sampled_from(TYPES))
    images, targets = batch(seed, shape, kind)
    if data.draw(st.booleans()):
        images = images.to(memory_format=torch.channels_last)
    count = shape[0]
    partners = data.draw(st.lists(st.integers(0, count - 1), min_size=count, max_size=count))
    return images, targets, partners, data.draw(st.booleans()), np.random.default_rng(seed)


def check(
    got: tuple[Tensor, Tensor],
    images: Tensor,
    targets: Tensor,
    keep: Array,
    partners: list[int],
    *,
    tolerance: float = 0.0,
) -> None:
    """Compare with M x_i + (1 - M) x_j and the mean of M, M being N x H x W or H x W."""
    mixed, soft = got
    expected, expected_soft = reference(
        images, targets, np.broadcast_to(keep, (len(images), *images.shape[2:]))[:, None], partners
    )
    assert np.abs(mixed.double().numpy() - expected).max() <= tolerance
    assert np.abs(soft.numpy() - expected_soft).max() <= 1e-12
    check_layout(mixed, images)
    torch.testing.assert_close(soft.sum(1), targets.sum(1))


def check_layout(mixed: Tensor, images: Tensor) -> None:
    assert mixed.dtype == images.dtype
    for layout in (torch.contiguous_format, torch.channels_last):
        if images.is_contiguous(memory_format=layout):
            assert mixed.is_contiguous(memory_format=layout)


@given(shapes_of_all_sizes, st.data())
@settings(deadline=None, max_examples=60)
def test_fmix_is_the_papers_formula_for_any_mask_and_pairing(
    shape: tuple[int, int, int, int], data: st.DataObject
) -> None:
    images, targets, partners, per_sample, rng = draw_case(shape, data)
    masks = rng.random((shape[0], *shape[2:])) < rng.random()
    masks = masks if per_sample else masks[0]
    check(fmix(images, targets, masks, partners), images, targets, masks, partners)


@given(shapes_of_all_sizes, st.integers(1, 9), st.integers(1, 9), st.data())
@settings(deadline=None, max_examples=60)
def test_gridmix_fills_each_cell_from_one_of_two_and_counts_pixels(
    shape: tuple[int, int, int, int], down: int, across: int, data: st.DataObject
) -> None:
    images, targets, partners, per_sample, rng = draw_case(shape, data)
    cells = rng.random((shape[0], down, across)) < 0.5
    cells = cells if per_sample else cells[0]
    keep = np.empty((*cells.shape[:-2], *shape[2:]), np.float64)
    for y in range(shape[2]):
        for x in range(shape[3]):
            cell = (
                math.floor(Fraction(y * down, shape[2])),
                math.floor(Fraction(x * across, shape[3])),
            )
            keep[..., y, x] = cells[..., cell[0], cell[1]]
    check(gridmix(images, targets, cells, partners), images, targets, keep, partners)


def weights(spot: Spot, shape: str, height: int, width: int) -> Array:
    """G of one spot, pixel by pixel."""
    found = np.empty((height, width))
    for i in range(height):
        for j in range(width):
            dy, dx = abs(i + 0.5 - spot.y), abs(j + 0.5 - spot.x)
            if shape == "circle":
                exponent = dy**2 / (2 * spot.height**2) + dx**2 / (2 * spot.width**2)
                found[i, j] = math.exp(-exponent)
            else:
                found[i, j] = ramp(dy, spot.height / 2) * ramp(dx, spot.width / 2)
    return found


def ramp(distance: float, half: float) -> float:
    """1 within half a side, 0 from 1.2 of it on, linear between."""
    return float(np.interp(distance, [half, 1.2 * half], [1, 0]))


@given(shapes, st.sampled_from(["circle", "square"]), st.data())
@settings(deadline=None)
def test_smoothmix_is_the_papers_formula_for_any_spot_and_pairing(
    shape: tuple[int, int, int, int], outline: Any, data: st.DataObject
) -> None:
    images, targets, partners, per_sample, rng = draw_case(shape, data)
    count, _, height, width = shape
    spots = [
        Spot(
            rng.uniform(-1, height + 1),
            rng.uniform(-1, width + 1),
            rng.uniform(0.1, height),
            rng.uniform(0.1, width),
        )
        for _ in range(count)
    ]
    keep = np.stack([weights(spot, outline, height, width) for spot in spots])
    chosen, keep = (spots, keep) if per_sample else (spots[0], keep[0])
    got = smoothmix(images, targets, chosen, partners, shape=outline)
    check(got, images, targets, keep, partners, tolerance=TOLERANCE[images.dtype])


@pytest.mark.parametrize("kind", TYPES)
def test_smoothmix_mixes_large_samples_as_small_ones(kind: torch.dtype) -> None:
    images, targets = batch(0, LARGE, kind)
    spots = [Spot(20.3, 71, 30, 14), Spot(70, 1, 9.5, 40), Spot(37, 40, 37, 40)]
    keep = np.stack([weights(spot, "circle", *LARGE[2:]) for spot in spots])
    got = smoothmix(images, targets, spots, [2, 0, 0])
    check(got, images, targets, keep, [2, 0, 0], tolerance=TOLERANCE[kind])


def pasted(images: Array, boxes: list[Box], partners: list[int]) -> Array:
    """x' of ResizeMix, pixel by pixel, in exact fractions."""
    found = images.copy()
    height, width = images.shape[2:]
    for k, (top, bottom, left, right) in enumerate(boxes):
        for y in range(bottom - top):
            for x in range(right - left):
                source_y = math.floor((y + Fraction(1, 2)) * Fraction(height, bottom - top))
                source_x = math.floor((x + Fraction(1, 2)) * Fraction(width, right - left))
                value = images[partners[k], :, source_y, source_x]
                found[k, :, top + y, left + x] = value
    return found


@given(shapes, st.data())
@settings(deadline=None)
def test_resizemix_pastes_the_resized_partner_for_any_box_and_pairing(
    shape: tuple[int, int, int, int], data: st.DataObject
) -> None:
    images, targets, partners, per_sample, rng = draw_case(shape, data)
    check_resizemix(images, targets, partners, per_sample=per_sample, rng=rng)


@pytest.mark.parametrize("per_sample", [False, True])
def test_resizemix_mixes_large_samples_as_small_ones(*, per_sample: bool) -> None:
    images, targets = batch(0, LARGE)
    rng = np.random.default_rng(0)
    check_resizemix(images, targets, [2, 0, 0], per_sample=per_sample, rng=rng)


def check_resizemix(
    images: Tensor,
    targets: Tensor,
    partners: list[int],
    *,
    per_sample: bool,
    rng: np.random.Generator,
) -> None:
    count, _, height, width = images.shape
    drawn = draw_boxes(rng, rng.random(count), height, width).tolist()
    boxes = [Box(*each) for each in (drawn if per_sample else drawn[:1] * count)]
    mixed, soft = resizemix(images, targets, boxes if per_sample else boxes[0], partners)
    expected = pasted(images.double().numpy(), boxes, partners)
    np.testing.assert_array_equal(mixed.double().numpy(), expected)
    check_layout(mixed, images)
    lam = np.array([[1 - Fraction(box.area, height * width)] for box in boxes], np.float64)
    y = targets.double().numpy()
    assert np.abs(soft.numpy() - (lam * y + (1 - lam) * y[partners])).max() <= 1e-12


@given(shapes_of_all_sizes, st.data())
@settings(deadline=None, max_examples=60)
def test_saliencymix_pastes_the_box_around_the_peak(
    shape: tuple[int, int, int, int], data: st.DataObject
) -> None:
    images, targets, partners, per_sample, rng = draw_case(shape, data)
    count, _, height, width = shape
    lam = rng.random(count) if data.draw(st.booleans()) else np.full(1, rng.random())
    peaks = rng.integers([height, width], size=(count if per_sample else 1, 2))
    keep = np.ones((count, height, width))
    for k in range(count):
        y, x = peaks[k % len(peaks)].tolist()
        side = math.sqrt(1 - lam[k % len(lam)])
        half_height, half_width = int(0.5 * side * height), int(0.5 * side * width)
        keep[
            k,
            max(0, y - half_height) : y + half_height,
            max(0, x - half_width) : x + half_width,
        ] = 0
    got = saliencymix(
        images,
        targets,
        lam if len(lam) == count else float(lam[0]),
        partners,
        torch.from_numpy(peaks),
    )
    check(got, images, targets, keep, partners)


@pytest.mark.parametrize("peak", [(4.0, 5.0), (3.6, 4.2), (math.nan, 5.0), (math.inf, -math.inf)])
@pytest.mark.parametrize("width", [10, 60])
def test_saliencymix_takes_peaks_between_pixels(peak: tuple[float, float], width: int) -> None:
    images, targets = batch(1, (4, 3, 8, width))
    partners = [1, 2, 3, 0]
    mixed, _ = saliencymix(images, targets, 0.5, partners, torch.tensor([peak]))
    inside = []
    for length, centre in zip((8, width), peak, strict=True):
        pixels, half = np.arange(length), int(0.5 * math.sqrt(0.5) * length)
        inside.append((pixels >= centre - half) & (pixels < centre + half))
    np.testing.assert_array_equal(
        mixed.numpy(), np.where(np.outer(*inside), images.numpy()[partners], images.numpy())
    )


def test_per_sample_equals_per_batch_when_the_draws_are_equal() -> None:
    images, targets = batch(1)
    partners, rng = [1, 2, 3, 0], np.random.default_rng(0)
    mask, cells = rng.random((8, 10)) < 0.4, rng.random((3, 3)) < 0.5
    spot, box, peaks = Spot(3, 4, 2, 5), Box(1, 5, 2, 9), torch.tensor([[3, 4]])
    pairs = [
        (fmix(images, targets, m, partners) for m in (mask, np.stack([mask] * 4))),
        (gridmix(images, targets, c, partners) for c in (cells, np.stack([cells] * 4))),
        (smoothmix(images, targets, s, partners) for s in (spot, [spot] * 4)),
        (resizemix(images, targets, b, partners) for b in (box, [box] * 4)),
        (
            saliencymix(images, targets, lam, partners, p)
            for lam, p in ((0.4, peaks), ([0.4] * 4, peaks.expand(4, 2)))
        ),
    ]
    for one, each in pairs:
        for a, b in zip(one, each, strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("shape", [(6, 3, 8, 10), (6, 3, 74, 80)])
@pytest.mark.parametrize("partners", [[1, 2, 0, 3, 5, 4], [0, 0, 0, 1, 2, 3]])
def test_in_place_gives_the_same(shape: tuple[int, ...], partners: list[int]) -> None:
    images, targets = batch(2, shape)
    rng = np.random.default_rng(0)
    mask, cells = rng.random((6, *shape[2:])) < 0.4, rng.random((6, 3, 3)) < 0.5
    boxes = draw_boxes(rng, rng.random(6), *shape[2:])
    calls: list[Any] = [
        lambda x, **kw: fmix(x, targets, mask, partners, **kw),
        lambda x, **kw: gridmix(x, targets, cells, partners, **kw),
        lambda x, **kw: smoothmix(x, targets, Spot(4, 5, 3, 3), partners, **kw),
        lambda x, **kw: resizemix(x, targets, boxes, partners, **kw),
        lambda x, **kw: saliencymix(x, targets, 0.3, partners, torch.tensor([[4, 5]]), **kw),
    ]
    for call in calls:
        before = images.clone()
        mixed, soft = call(images)
        assert torch.equal(images, before)
        own = images.clone()
        again, soft_again = call(own, inplace=True)
        assert again is own
        assert torch.equal(again, mixed)
        assert torch.equal(soft_again, soft)


@pytest.mark.parametrize("mixer", [FMix, GridMix, ResizeMix, SaliencyMix, SmoothMix])
@pytest.mark.parametrize("per_sample", [False, True])
def test_nothing_is_read_back_from_the_device(mixer: type[PairMixer], *, per_sample: bool) -> None:
    # A meta tensor has no values, so whatever would wait for them fails.
    images = torch.empty(6, 3, 100, 90, device="meta")
    labels = torch.empty(6, dtype=torch.int64, device="meta")
    mixed, soft = mixer(num_classes=4, per_sample=per_sample)(images, labels)
    assert (mixed.shape, mixed.device) == (images.shape, images.device)
    assert (soft.shape, soft.device) == ((6, 4), images.device)


def test_masks_copy_pixels_whatever_they_are() -> None:
    images = torch.tensor([math.nan, math.inf, -0.0, 1e-45]).view(4, 1, 1, 1)
    mixed, _ = fmix(images, torch.eye(4), np.zeros((1, 1), np.bool_), [1, 2, 3, 0])
    assert torch.equal(mixed.view(torch.int32), images[[1, 2, 3, 0]].view(torch.int32))


@given(st.integers(1, 20), st.integers(1, 20), st.floats(0, 1), seeds)
@settings(deadline=None)
def test_fmix_masks_have_the_mean_that_was_asked_for_to_the_pixel(
    height: int, width: int, lam: float, seed: int
) -> None:
    mask = draw_masks(np.random.default_rng(seed), lam, height, width)
    assert mask.shape == (height, width)
    assert mask.sum() == round(lam * height * width)


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0, 5), seeds)
@settings(deadline=None, max_examples=50)
def test_fmix_masks_are_the_largest_values_of_decayed_noise(
    height: int, width: int, decay: float, seed: int
) -> None:
    mask = draw_masks(np.random.default_rng(seed), 0.4, height, width, decay)
    noise = np.random.default_rng(seed).standard_normal((height, width // 2 + 1, 2), np.float32)
    field = np.zeros((height, width))
    y, x = np.mgrid[:height, :width]
    for ky in range(height):
        for kx in range(width // 2 + 1):
            frequency = math.hypot(min(ky, height - ky) / height, kx / width)
            amplitude = max(frequency, 1 / max(height, width)) ** -decay
            # A real picture's other half of the spectrum is this half's mirror image.
            times = 1 if kx == 0 or 2 * kx == width else 2
            value = complex(*noise[ky, kx].tolist()) * amplitude * times
            field += (value * np.exp(2j * np.pi * (ky * y / height + kx * x / width))).real
    if mask.any() and not mask.all():
        assert field[mask].min() >= field[~mask].max() - 1e-4 * np.abs(field).max()


def test_fmix_masks_are_smoother_with_more_decay() -> None:
    def border(decay: float) -> int:
        masks = draw_masks(np.random.default_rng(0), np.full(20, 0.5), 32, 32, decay)
        return int(
            (masks[:, 1:] != masks[:, :-1]).sum() + (masks[..., 1:] != masks[..., :-1]).sum()
        )

    assert border(0) > 3 * border(1.5) > 5 * border(3)


def test_gridmix_keeps_each_cell_by_chance_lambda() -> None:
    images = torch.cat([torch.zeros(200, 1, 8, 8), torch.ones(200, 1, 8, 8)])
    mixer = GridMix(cells=8, lam=0.3, per_sample=True, generator=torch.Generator().manual_seed(0))
    _, soft = mixer(images, torch.eye(400))
    kept = soft.diagonal()
    strangers = kept[soft.count_nonzero(1) == 2]
    assert strangers.mean() == pytest.approx(0.3, abs=0.01)
    assert strangers.std() == pytest.approx(math.sqrt(0.3 * 0.7 / 64), abs=0.01)


def test_resizemix_draws_one_scale_from_the_papers_range_and_a_place_for_each_sample() -> None:
    images, targets = torch.zeros(64, 1, 50, 50), torch.eye(64)
    images[:32] = 1
    generator = torch.Generator().manual_seed(0)
    pasted_shares = []
    for _ in range(150):
        mixed, soft = ResizeMix(pairing="flip", generator=generator)(images, targets)
        share = (mixed - images).abs().mean((1, 2, 3))
        assert (share == share[0]).all()
        torch.testing.assert_close(1 - soft.diagonal(), share)
        pasted_shares.append(float(share[0]))
    assert len((mixed - images).abs().flatten(1).argmax(1).unique()) > 32
    scales = np.sqrt(pasted_shares)
    assert 0.1 - 1e-6 <= scales.min() < 0.14
    assert 0.74 < scales.max() <= 0.8 + 1e-6
    assert scales.mean() == pytest.approx(0.44, abs=0.03)


def test_resizemix_draws_a_scale_for_each_sample_or_follows_lambda() -> None:
    images, _ = batch(0, (64, 1, 50, 50))
    common: Any = {"pairing": "flip", "generator": torch.Generator().manual_seed(0)}
    _, soft = ResizeMix(per_sample=True, **common)(images, torch.eye(64))
    assert len(soft.diagonal().unique()) > 16
    _, soft = ResizeMix(lam=0.75, **common)(images, torch.eye(64))
    torch.testing.assert_close(soft.diagonal(), torch.full((64,), 0.75))
    beta = ResizeMix(0.1, **common)
    assert min(float(beta(images[:2], torch.eye(2))[1][0, 0]) for _ in range(60)) < 0.05


def test_resizemix_leaves_a_batch_of_one_alone() -> None:
    images, targets = batch(0, (1, 3, 80, 90))
    mixed, soft = ResizeMix()(images, targets)
    assert mixed is images
    assert soft is targets


def test_empty_batches_stay_empty() -> None:
    images, targets = batch(0, (0, 3, 8, 8))
    masks, boxes, spots = np.ones((0, 8, 8), np.bool_), np.ones((0, 4)), np.ones((0, 4))
    nobody: Any = np.empty(0)
    fractions: Any = boxes
    for mixed, soft in (
        cutmix(images, targets, [], []),
        cutmix(images, targets, fractions, nobody.astype(object)),
        fmix(images, targets, masks, []),
        gridmix(images, targets, masks, []),
        smoothmix(images, targets, spots, []),
        resizemix(images, targets, boxes.astype(np.int64), nobody),
        saliencymix(images, targets, [], [], torch.zeros(0, 2)),
    ):
        assert (mixed.shape, soft.shape) == (images.shape, targets.shape)


@pytest.mark.parametrize(("outline", "low", "high"), [("circle", 0.25, 0.5), ("square", 0, 1)])
def test_smoothmix_draws_the_papers_spreads(
    outline: Any, low: float, high: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Array] = []

    def record(images: Tensor, targets: Tensor, spots: Array, *_: Any, **__: Any) -> Any:
        seen.append(spots)
        return images, targets

    monkeypatch.setattr(import_module("genmix.mixing.smoothmix"), "smoothmix", record)
    images, targets = batch(0, (400, 1, 20, 40))
    generator = torch.Generator().manual_seed(0)
    SmoothMix(shape=outline, per_sample=True, generator=generator)(images, targets)
    y, x, tall, wide = seen[0].T
    np.testing.assert_allclose(2 * tall, wide)
    for values, bounds in ((y, (0, 20)), (x, (0, 40)), (tall, (20 * low, 20 * high))):
        assert bounds[0] <= values.min() < values.max() <= bounds[1]
        assert values.mean() == pytest.approx(sum(bounds) / 2, abs=0.1 * bounds[1])
    SmoothMix(shape=outline, generator=generator)(images, targets)
    assert seen[1].shape == (1, 4)


@given(
    st.sampled_from(["circle", "square"]),
    st.sampled_from([(40, 40), (6, 31), (1, 1)]),
    st.floats(0, 1),
    st.booleans(),
    st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=60)
def test_smoothmix_follows_lambda_wherever_the_spot_lies(
    outline: Any, size: tuple[int, int], lam: float, per_sample: bool, seed: int
) -> None:
    mixer = SmoothMix(
        lam=lam,
        shape=outline,
        per_sample=per_sample,
        pairing="flip",
        generator=torch.Generator().manual_seed(seed),
    )
    _, soft = mixer(torch.zeros(8, 1, *size), torch.eye(8))
    torch.testing.assert_close(soft.diagonal(), torch.full((8,), lam), atol=1e-4, rtol=0)


def test_smoothmix_draws_lambda_from_beta_for_its_spots() -> None:
    generator = torch.Generator().manual_seed(0)
    mixer = SmoothMix(0.5, per_sample=True, pairing="flip", generator=generator)
    _, soft = mixer(torch.zeros(2000, 1, 8, 8), torch.eye(2000))
    lam = soft.diagonal()
    assert lam.mean() == pytest.approx(0.5, abs=0.03)
    assert lam.var() == pytest.approx(1 / 8, abs=0.01)


def spectral_residual(image: Array) -> Array:
    """Hou and Zhang's five lines, in float64, for a grey picture of up to 64 pixels."""
    spectrum = np.fft.fft2(image)
    log_amplitude = np.log(np.abs(spectrum))
    padded = np.pad(log_amplitude, 1, mode="edge")
    height, width = image.shape
    smooth = sum(padded[i : i + height, j : j + width] for i in range(3) for j in range(3)) / 9
    found = np.exp(log_amplitude - smooth + 1j * np.angle(spectrum))
    energy = np.abs(np.fft.ifft2(found)) ** 2
    y, x = np.mgrid[-5:6, -5:6]
    kernel = np.exp(-(y**2 + x**2) / (2 * 2.5**2))
    bordered = np.pad(energy, 5)
    blurred = np.zeros_like(energy)
    for i in range(11):
        for j in range(11):
            blurred += kernel[i, j] * bordered[i : i + height, j : j + width]
    return np.asarray(blurred / kernel.sum())


@pytest.mark.parametrize("size", [(64, 64), (32, 32), (48, 64), (7, 9)])
def test_saliency_is_the_spectral_residual(size: tuple[int, int]) -> None:
    images, _ = batch(0, (3, 3, *size), torch.float64)
    maps = saliency(images)
    assert maps.shape == (3, *size)
    for k in range(3):
        expected = spectral_residual(images[k].mean(0).numpy())
        np.testing.assert_allclose(maps[k].numpy(), expected, rtol=2e-3)


@pytest.mark.parametrize("kind", TYPES)
def test_the_peak_is_at_what_stands_out_at_any_size_and_brightness(kind: torch.dtype) -> None:
    for size, row, column in ((32, 20, 9), (224, 60, 170), (500, 400, 120)):
        radius = size // 16
        images = torch.full((2, 3, size, size), 40.0)
        images += torch.rand(images.shape, generator=torch.Generator().manual_seed(0)) * 10
        y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        images[0, :, (y - row) ** 2 + (x - column) ** 2 <= radius**2] = 220
        images[1] = images[0].flip(-1)
        scaled = images if kind == torch.uint8 else images / 255
        peaks = find_peaks(saliency(scaled.to(kind)))
        distance = (peaks - torch.tensor([[row, column], [row, size - 1 - column]])).abs().max()
        assert distance <= 1.5 * radius


def test_autocast_does_not_change_saliency() -> None:
    images = torch.rand(4, 3, 80, 90, generator=torch.Generator().manual_seed(0))
    maps = saliency(images)
    with torch.autocast("cpu", torch.bfloat16):
        within = saliency(images)
    assert within.dtype == torch.float32
    assert torch.equal(within, maps)


def test_saliency_of_nothing_is_defined() -> None:
    assert saliency(torch.zeros(0, 3, 8, 8)).shape == (0, 8, 8)
    for flat in (torch.zeros(2, 3, 8, 8), torch.full((2, 3, 80, 70), 255, dtype=torch.uint8)):
        maps = saliency(flat)
        assert torch.isfinite(maps).all()
        assert torch.equal(find_peaks(maps)[0], find_peaks(maps)[1])
    assert saliency(torch.rand(1, 1, 1, 1)).shape == (1, 1, 1)
    assert saliency(torch.rand(1, 3, 1000, 3)).shape == (1, 1000, 3)


def test_saliencymix_takes_the_first_partners_peak_or_each_ones_own() -> None:
    images, _ = batch(0, (6, 3, 40, 40))
    peaks = find_peaks(saliency(images))
    targets = torch.eye(6)
    for per_sample, chosen in ((False, peaks[5:6]), (True, peaks.flip(0))):
        mixer = SaliencyMix(lam=0.7, per_sample=per_sample, pairing="flip")
        got = mixer(images, targets)
        expected = saliencymix(images, targets, 0.7, [5, 4, 3, 2, 1, 0], chosen)
        for a, b in zip(got, expected, strict=True):
            assert torch.equal(a, b)


def test_what_does_not_fit_is_named_in_a_line() -> None:
    images, targets = batch(0)
    order, mask = [1, 2, 3, 0], np.ones((8, 10), np.bool_)
    calls: list[tuple[Any, str]] = [
        (lambda: FMix(decay=-1), "decay is -1"),
        (lambda: FMix(decay=math.nan), "decay is nan"),
        (lambda: GridMix(cells=0), "cells is 0"),
        (lambda: SmoothMix(shape="star"), "shape is 'star': it must be one of circle, square"),  # type: ignore[arg-type]
        (lambda: ResizeMix(tau=(0.8, 0.1)), r"tau is \(0.8, 0.1\)"),
        (lambda: ResizeMix(tau=(0, 0.5)), "give two scales"),
        (lambda: ResizeMix(tau=0.5), "tau is 0.5: give two numbers"),  # type: ignore[arg-type]
        (lambda: ResizeMix(tau=(0.1, 0.2, 0.3)), "give two numbers"),  # type: ignore[arg-type]
        (lambda: ResizeMix(tau="12"), "tau is '12': give two numbers"),  # type: ignore[arg-type]
        (lambda: fmix(images, targets, mask.T, order), r"shape \(10, 8\): give booleans, 8 x 10"),
        (lambda: fmix(images, targets, mask.astype(float), order), "masks are float64"),
        (lambda: fmix(images, targets, mask, [0, 1, 2, 4]), "partners must be 4 indices"),
        (lambda: gridmix(images, targets, np.ones((3, 2, 2), np.bool_), order), "or 4 x n x m"),
        (lambda: gridmix(images, targets, np.ones((0, 2), np.bool_), order), "1 or more"),
        (lambda: gridmix(images, targets, np.ones((2, 2)), order), "cells are float64"),  # type: ignore[arg-type]
        (lambda: smoothmix(images, targets, [Spot(1, 1, 1, 1)] * 3, order), r"shape \(3, 4\)"),
        (lambda: smoothmix(images, targets, Spot(1, math.nan, 1, 1), order), "x=nan.* is no spot"),
        (lambda: smoothmix(images, targets, Spot(1, 1, -1, 1), order), "height=-1.0.* is no spot"),
        (lambda: smoothmix(images, targets, Spot(1, 1, 1, 1), order, shape="x"), "shape is 'x'"),  # type: ignore[arg-type]
        (lambda: resizemix(images, targets, Box(0, 9, 0, 3), order), "bottom=9.* of 8 x 10"),
        (lambda: resizemix(images, targets, Box(-1, 2, 0, 3), order), "top=-1"),
        (lambda: resizemix(images, targets, Box(2, 2, 0, 3), order), "holds no pixel"),
        (lambda: resizemix(images, targets, [Box(0, 1, 0, 1)] * 2, order), "are 2 boxes: give one"),
        (lambda: resizemix(images, targets, np.ones((4, 3), int), order), "of four numbers each"),
        (lambda: resizemix(images, targets, [[0, 1, 0, 1.5]], order), "boxes are float64"),  # type: ignore[list-item]
        (lambda: cutmix(images, targets, np.ones((4, 4)), order), "boxes are float64"),  # type: ignore[arg-type]
        (lambda: cutmix(images, targets, Box(0, 1, 0, 1), [0.5, 1, 2, 3]), "partners are float64"),  # type: ignore[list-item]
        (lambda: fmix(images, targets, mask, [True] * 4), "partners are bool"),
        (lambda: saliencymix(images, targets, 0.5, order, torch.zeros(3, 2)), "1 x 2 or 4 x 2"),
        (lambda: saliencymix(images, targets, math.nan, order, torch.zeros(1, 2)), "λ is nan"),
        (lambda: saliencymix(images, targets, 0.5, order, [[4, 5]]), "peaks are a list: give a"),  # type: ignore[arg-type]
        (lambda: saliency(images[0]), "expected N x C x H x W"),
    ]
    for call, words in calls:
        with pytest.raises(MixerError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
