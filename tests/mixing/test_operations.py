"""The operations against Pillow and NumPy, on the CPU and the way of a device."""

from collections.abc import Callable
from importlib import import_module

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing import Step, operate
from genmix.mixing.levels import for_parts
from genmix.mixing.operations import _KINDS, as_steps, draw_steps
from genmix.mixing.steps import AUGMIX_OPERATIONS, OPERATIONS, Operation, Steps

Levels = npt.NDArray[np.uint8]
TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.uint8]
WARPS = ("rotate", "shear_x", "shear_y")
TOLERANCES = dict.fromkeys(WARPS, 1)
"""Levels by which what is interpolated in steps of a pixel may be off."""

sides = st.integers(1, 14)
shapes = st.tuples(st.integers(1, 5), st.integers(1, 5), sides, sides)
shapes_of_all_sizes = shapes | st.sampled_from([(2, 3, 75, 80), (2, 1, 130, 127)])
seeds = st.integers(0, 2**32)


@st.composite
def steps(draw: st.DrawFn, *, exact: bool = False) -> Step:
    """Any step, or one whose outcome is not interpolated."""
    names = [name for name in _KINDS if not (exact and name in WARPS)]
    name = draw(st.sampled_from(names))
    magnitudes: dict[str, st.SearchStrategy[float]] = {
        "posterize": st.integers(0, 8),
        "solarize": st.integers(0, 256),
        "translate_x": st.integers(-16, 16),
        "translate_y": st.integers(-16, 16),
        "rotate": st.floats(-180, 180),
        "shear_x": st.floats(-1, 1),
        "shear_y": st.floats(-1, 1),
    }
    return Step(name, draw(magnitudes.get(name, st.just(0.0))))


def listed(drawn: Steps) -> list[Step]:
    """Say drawn steps by name."""
    return [
        Step(OPERATIONS[code], magnitude)
        for code, magnitude in zip(drawn.operations.ravel(), drawn.magnitudes.ravel(), strict=True)
    ]


def random_levels(seed: int, shape: tuple[int, ...]) -> Tensor:
    rng = np.random.default_rng(seed)
    low, high = np.sort(rng.integers(0, 256, 2))
    return torch.from_numpy(rng.integers(low, high + 1, shape).astype(np.uint8))


def expected(picture: Levels, step: Step) -> Levels:
    """Apply a step by Pillow, channel by channel, or by NumPy in float64 where it interpolates."""
    if step.operation in WARPS:
        return warped(picture, step)
    return np.stack([np.asarray(by_pillow(Image.fromarray(plane), step)) for plane in picture])


def by_pillow(plane: Image.Image, step: Step) -> Image.Image:
    name, magnitude = step
    moves = {"translate_x": (magnitude, 0), "translate_y": (0, magnitude)}
    if name in moves:
        x, y = moves[name]
        matrix = (1, 0, -x, 0, 1, -y)
        return plane.transform(plane.size, Image.Transform.AFFINE, matrix)
    if name == "posterize":
        kept = 256 - 2 ** (8 - int(magnitude))
        return plane.point([level & kept for level in range(256)])
    if name == "solarize":
        return ImageOps.solarize(plane, int(magnitude))
    functions: dict[str, Callable[[Image.Image], Image.Image]] = {
        "autocontrast": ImageOps.autocontrast,
        "equalize": ImageOps.equalize,
        "invert": ImageOps.invert,
        "mirror": ImageOps.mirror,
    }
    return functions[name](plane)


def warped(picture: Levels, step: Step) -> Levels:
    """Look each pixel up where it comes from, between its four neighbours; black outside."""
    height, width = picture.shape[1:]
    y, x = np.mgrid[:height, :width].astype(np.float64)
    if step.operation == "rotate":
        # Counterclockwise on the screen, where y grows downwards.
        angle = np.deg2rad(step.magnitude)
        dy, dx = y - (height - 1) / 2, x - (width - 1) / 2
        from_x = np.cos(angle) * dx - np.sin(angle) * dy + (width - 1) / 2
        from_y = np.sin(angle) * dx + np.cos(angle) * dy + (height - 1) / 2
    else:
        from_x = x - step.magnitude * (y + 0.5) * (step.operation == "shear_x")
        from_y = y - step.magnitude * (x + 0.5) * (step.operation == "shear_y")
    left, top = np.floor(from_x).astype(int), np.floor(from_y).astype(int)
    outcome = np.zeros(picture.shape)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = (1 - np.abs(from_y - top - row)) * (1 - np.abs(from_x - left - column))
        rows, columns = top + row, left + column
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        values = picture[:, rows.clip(0, height - 1), columns.clip(0, width - 1)]
        outcome += weight * inside * values
    return outcome.round().astype(np.uint8)


def go_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go the way of a device, with tensors on the CPU."""
    for name in ("levels", "operations", "augmix", "pixmix", "ipmix"):
        module = import_module(f"genmix.mixing.{name}")
        monkeypatch.setattr(module, "is_on_cpu", lambda _: False)


def check_against_reference(shape: tuple[int, ...], seed: int, each: list[Step]) -> None:
    levels = random_levels(seed, shape)
    before = levels.clone()
    changed = operate(levels, each)
    assert torch.equal(levels, before)
    for picture, step, outcome in zip(levels.numpy(), each, changed.numpy(), strict=True):
        off = np.abs(outcome.astype(int) - expected(picture, step)).max()
        assert off <= TOLERANCES.get(step.operation, 0), step


@given(shapes_of_all_sizes, seeds, st.data())
@settings(deadline=None)
def test_every_operation_is_pillows_or_bilinear(
    shape: tuple[int, ...], seed: int, data: st.DataObject
) -> None:
    each = data.draw(st.lists(steps(), min_size=shape[0], max_size=shape[0]))
    check_against_reference(shape, seed, each)


def test_every_operation_is_the_same_on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    go_in_groups(monkeypatch)

    @given(shapes, seeds, st.data())
    @settings(deadline=None)
    def check(shape: tuple[int, ...], seed: int, data: st.DataObject) -> None:
        each = data.draw(st.lists(steps(), min_size=shape[0], max_size=shape[0]))
        check_against_reference(shape, seed, each)

    check()


@pytest.mark.parametrize("magnitude", [-20.0, 8.0])
def test_rotation_and_shear_are_pillows_inside_the_picture(magnitude: float) -> None:
    smooth = np.add.outer(np.arange(40) * 2, np.arange(50) * 3).astype(np.uint8)
    picture = Image.fromarray(smooth)
    share = magnitude / 100
    rotated = picture.rotate(magnitude, resample=Image.Resampling.BILINEAR)
    sheared = picture.transform(
        picture.size, Image.Transform.AFFINE, (1, -share, 0, 0, 1, 0), Image.Resampling.BILINEAR
    )
    for step, theirs in ((Step("rotate", magnitude), rotated), (Step("shear_x", share), sheared)):
        ours = operate(torch.from_numpy(smooth)[None, None], step)[0, 0].numpy()
        inside = (slice(12, 28), slice(15, 35))
        off = np.abs(ours.astype(int) - np.asarray(theirs).astype(int))
        assert off[inside].max() <= 1


@pytest.mark.parametrize("kind", TYPES)
def test_floats_are_rounded_to_levels_and_keep_their_type_and_layout(kind: torch.dtype) -> None:
    levels = random_levels(3, (3, 3, 90, 80))
    images = levels if kind == torch.uint8 else (levels.double() / 255).to(kind)
    images = images.to(memory_format=torch.channels_last)
    each = [Step("equalize"), Step("solarize", 100), Step("translate_x", 3)]
    changed = operate(images, each)
    assert changed.dtype == kind
    assert changed.is_contiguous(memory_format=torch.channels_last)
    wanted = np.stack([expected(p, s) for p, s in zip(levels.numpy(), each, strict=True)])
    got = changed if kind == torch.uint8 else (changed.double() * 255).round()
    # bfloat16 has eight bits, so some levels round to their neighbour on the way in.
    if kind != torch.bfloat16:
        np.testing.assert_array_equal(got.numpy(), wanted)


@given(st.floats(1, 10), st.integers(1, 300), st.integers(1, 300), seeds)
@settings(deadline=None, max_examples=40)
def test_drawn_steps_stay_in_the_ranges_of_the_authors_code(
    severity: float, height: int, width: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    drawn = listed(draw_steps(rng, 200, AUGMIX_OPERATIONS, severity, height, width))
    as_steps(drawn)  # checks them
    share = severity / 10
    limits: dict[Operation, tuple[float, float]] = {
        "posterize": (4 - int(4 * share), 4),
        "solarize": (256 - int(256 * share), 256),
        "rotate": (-30 * share, 30 * share),
        "shear_x": (-0.3 * share, 0.3 * share),
        "shear_y": (-0.3 * share, 0.3 * share),
        "translate_x": (-width / 3 * share, width / 3 * share),
        "translate_y": (-height / 3 * share, height / 3 * share),
    }
    for name, magnitude in drawn:
        low, high = limits.get(name, (0, 0))
        assert low <= magnitude <= high


def test_operations_and_signs_are_drawn_evenly() -> None:
    rng = np.random.default_rng(0)
    drawn = listed(draw_steps(rng, 9000, AUGMIX_OPERATIONS, 10, 224, 224))
    counts = {name: sum(step.operation == name for step in drawn) for name in AUGMIX_OPERATIONS}
    assert all(850 < count < 1150 for count in counts.values())
    angles = np.array([step.magnitude for step in drawn if step.operation == "rotate"])
    assert abs((angles > 0).mean() - 0.5) < 0.06
    assert np.abs(angles).mean() == pytest.approx(15, abs=1)


def cut_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work on batches in small parts, and in threads."""
    monkeypatch.setattr("genmix.mixing.levels._PART", 1 << 14)
    monkeypatch.setattr("genmix.mixing.levels._MANY", 0)


@pytest.mark.parametrize("in_threads", [False, True])
def test_parts_cover_a_batch_once_whatever_their_size_and_the_threads(
    in_threads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_threads:
        cut_up(monkeypatch)
    for shape in ((0, 3, 8, 8), (2, 3, 0, 5), (3, 1, 400, 400), (100, 3, 32, 32), (5, 3, 100, 100)):
        images = torch.zeros(shape, dtype=torch.uint8)

        def count(at: slice, images: Tensor = images) -> None:
            images[at] += 1

        for_parts(images, count)
        assert (images == 1).all()


def test_threads_change_nothing_and_work_in_inference_mode(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut_up(monkeypatch)
    images = random_levels(0, (6, 3, 90, 90)).to(torch.bfloat16) / 255
    each = [Step("rotate", 7)] * 6
    together = operate(images, each)
    alone = torch.cat([operate(image[None], each[:1]) for image in images])
    assert torch.equal(together, alone)
    with torch.inference_mode():
        assert torch.equal(operate(images.clone(), each), together)


def test_wrong_steps_are_named() -> None:
    images = torch.rand(2, 3, 8, 8)
    for step, words in (
        (Step("rotat", 3), "no operation 'rotat': did you mean 'rotate'"),  # type: ignore[arg-type]
        (Step("posterize", 9), r"posterize has a magnitude of 9: give a whole number in \[0, 8\]"),
        (Step("posterize", 2.5), r"posterize has a magnitude of 2\.5"),
        (Step("solarize", -1), "solarize has a magnitude of -1"),
        (Step("rotate", float("nan")), "rotate has a magnitude of nan: give a number"),
        (Step("translate_x", 0.5), "give a whole number"),
        (Step("shear_x", float("inf")), "shear_x has a magnitude of inf"),
    ):
        with pytest.raises(MixerError, match=words):
            operate(images, step)
    with pytest.raises(MixerError, match="there are 3 steps: give one, or 2"):
        operate(images, [Step("invert")] * 3)
    with pytest.raises(MixerError, match="expected N x C x H x W"):
        operate(images[0], Step("invert"))
