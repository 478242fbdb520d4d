"""IPMix against an independent float64 formulation."""

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
from genmix.mixing import Box, IPMix, Patch, Step, ipmix
from genmix.mixing.ipmix import MIXINGS, Links, Mixing, Patches, draw_patches
from genmix.mixing.steps import NONE, Steps
from tests.mixing.test_augmix import draw_images, in_unit, levels_of, listed_chain
from tests.mixing.test_operations import (
    TYPES,
    Levels,
    expected,
    go_in_groups,
    random_levels,
    seeds,
    shapes,
    shapes_of_all_sizes,
    steps,
)
from tests.mixing.test_pixmix import mixed_by_formula

module = import_module("genmix.mixing.ipmix")


@st.composite
def patches(draw: st.DrawFn, shape: tuple[int, ...]) -> Patch:
    """Any patch within an image, also an empty one."""
    channels, height, width = shape
    edges = [sorted(draw(st.lists(st.integers(0, e), min_size=2, max_size=2))) for e in shape[1:]]
    (top, bottom), (left, right) = edges
    assert bottom <= height
    assert right <= width
    box = Box(top, bottom, left, right)
    methods: tuple[Mixing, ...] = ("add", "multiply", "pixels", "elements")
    method = draw(st.sampled_from(methods))
    if method in {"add", "multiply"}:
        return Patch(box, method, draw(st.floats(0, 2)), draw(st.floats(-1, 1)))
    planes = 1 if method == "pixels" else channels
    rng = np.random.default_rng(draw(seeds))
    return Patch(box, method, keep=rng.random((planes, bottom - top, right - left)) < 0.5)


def patched(levels: Levels, picture: Levels, patch: Patch) -> Levels:
    """Mix one patch in float64, and round to levels."""
    changed = levels.copy()
    at = (slice(None), slice(patch.box.top, patch.box.bottom), slice(*patch.box[2:]))
    mine, other = levels[at] / 255, picture[at] / 255
    if patch.keep is None:
        outcome = mixed_by_formula(mine, other, patch.method, patch.a, patch.b)
    else:
        outcome = np.where(np.broadcast_to(patch.keep, mine.shape), mine, other)
    changed[at] = np.rint(255 * outcome)
    return changed


def check_formula(
    shape: tuple[int, int, int, int], seed: int, data: st.DataObject, kinds: list[torch.dtype]
) -> None:
    count, *each = shape
    kind = data.draw(st.sampled_from(kinds))
    width = data.draw(st.integers(1, 3))
    swap = patches(tuple(each)).filter(lambda patch: patch.keep is not None)
    # Only the last patch blends: a value halfway between two levels may fall to either.
    of_patches = st.tuples(st.lists(swap, max_size=2), st.lists(patches(tuple(each)), max_size=1))
    chain = st.one_of(
        st.lists(steps(exact=True), max_size=3),
        of_patches.map(lambda parts: [*parts[0], *parts[1]]),
    )
    chains = data.draw(
        st.lists(st.lists(chain, min_size=width, max_size=width), min_size=count, max_size=count)
    )
    rng = np.random.default_rng(seed)
    weights, skip = rng.dirichlet([1.0] * width, count), rng.random(count)
    images, pictures = draw_images(seed, shape, kind), random_levels(seed + 1, shape)
    wanted, doubt = in_unit(images) * skip[:, None, None, None], np.zeros(count)
    for n, levels in enumerate(levels_of(images)):
        for k, chain_ in enumerate(chains[n]):
            changed, share = levels, (1 - skip[n]) * weights[n, k]
            for link in chain_:
                if isinstance(link, Step):
                    changed = expected(changed, link)
                else:
                    changed = patched(changed, pictures[n].numpy(), link)
                    doubt[n] += share * (link.keep is None)
            wanted[n] += share * changed / 255
    mixed = ipmix(images, pictures, chains, weights, skip)
    tolerances = dict(zip(TYPES, (1e-12, 1e-6, 1e-3, 4e-3, 0.5001 / 255), strict=True))
    limit = tolerances[kind] + doubt[:, None, None, None] * 1.001 / 255
    assert (np.abs(in_unit(mixed) - wanted) <= limit).all()
    assert mixed.dtype == kind


@given(shapes_of_all_sizes, seeds, st.data())
@settings(deadline=None)
def test_ipmix_is_its_formula(
    shape: tuple[int, int, int, int], seed: int, data: st.DataObject
) -> None:
    check_formula(shape, seed, data, TYPES)


def test_ipmix_is_its_formula_on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    go_in_groups(monkeypatch)

    @given(shapes, seeds, st.data())
    @settings(deadline=None, max_examples=40)
    def check(shape: tuple[int, int, int, int], seed: int, data: st.DataObject) -> None:
        check_formula(shape, seed, data, [torch.float32, torch.uint8])

    check()


def test_patches_follow_one_another() -> None:
    images = torch.full((1, 1, 4, 4), 100, dtype=torch.uint8)
    pictures = torch.full_like(images, 200)
    everywhere, left = Box(0, 4, 0, 4), Box(0, 4, 0, 2)
    chain = [
        Patch(everywhere, "add", 0.5, 0.5),
        Patch(left, "pixels", keep=np.zeros((1, 4, 2), bool)),
        Patch(everywhere, "add", 1.0, 0.1),
    ]
    mixed = ipmix(images, pictures, [[chain]], [[1.0]], [0.0])
    assert mixed[0, 0, 0].tolist() == [207, 207, 157, 157]


def listed_patches(drawn: Patches, channels: int) -> list[Patch]:
    """Say drawn patches one by one."""
    boxes = [Box(*edges) for edges in drawn.boxes.tolist()]
    methods = [MIXINGS[k] for k in drawn.methods]
    keeps = [keep if len(keep) else None for keep in drawn.kept(channels)]
    return list(map(Patch, boxes, methods, drawn.a.tolist(), drawn.b.tolist(), keeps))


@given(st.integers(1, 4), st.integers(1, 90), st.integers(1, 90), seeds)
@settings(deadline=None, max_examples=50)
def test_drawn_patches_lie_in_the_picture_and_have_the_sizes_of_the_paper(
    channels: int, height: int, width: int, seed: int
) -> None:
    drawn = draw_patches(np.random.default_rng(seed), 40, 3.0, channels, height, width)
    side = min(height, width)
    for (top, bottom, left, right), method, _, _, keep in listed_patches(drawn, channels):
        assert 0 <= top < bottom <= height
        assert 0 <= left < right <= width
        assert max(bottom - top, right - left) <= side
        if method in {"pixels", "elements"}:
            planes = 1 if method == "pixels" else channels
            assert keep is not None
            assert keep.shape == (planes, bottom - top, right - left)
        else:
            assert keep is None


def test_sizes_methods_and_shares_are_drawn_evenly() -> None:
    drawn = listed_patches(draw_patches(np.random.default_rng(0), 8000, 3.0, 1, 224, 224), 1)
    heights = np.array([patch.box.bottom - patch.box.top for patch in drawn])
    widths = np.array([patch.box.right - patch.box.left for patch in drawn])
    for size in (8, 16, 32, 64, 224):
        assert ((heights == size) & (widths == size)).mean() == pytest.approx(1 / 12, abs=0.012)
    methods = [patch.method for patch in drawn]
    for method in ("add", "multiply", "pixels", "elements"):
        assert methods.count(method) / 8000 == pytest.approx(0.25, abs=0.02)
    kept = [patch.keep.mean() for patch in drawn if patch.keep is not None]
    assert np.mean(kept) == pytest.approx(0.5, abs=0.02)
    assert np.mean(np.array(kept) < 0.25) == pytest.approx(0.25, abs=0.03)


Drawn = tuple[Tensor, list[list[Links]], npt.NDArray[np.float64], npt.NDArray[np.float64]]


def drawn(monkeypatch: pytest.MonkeyPatch, mixer: IPMix, images: Tensor) -> Drawn:
    """Return what a mixer draws for a batch: pictures, chains, weights, skip."""
    seen: list[Any] = []

    def keep(images: Tensor, *arguments: object, inplace: bool) -> Tensor:
        seen.extend(arguments)
        assert not inplace
        return images

    with monkeypatch.context() as patch:
        patch.setattr(module, "mix_links", keep)
        mixer(images, torch.arange(len(images)))
    pictures, steps, patches_, weights, skip = seen
    chains = [
        [
            listed_links(steps.at((n, k)), patches_.at((n, k)), images.shape[1])
            for k in range(weights.shape[1])
        ]
        for n in range(len(images))
    ]
    return pictures, chains, weights, skip


def listed_links(steps_: Steps, patches_: Patches, channels: int) -> Links:
    """Say one chain by name; it is of steps, of patches, or empty."""
    chain = listed_chain(steps_)
    used = patches_.at(slice(np.count_nonzero(patches_.methods != NONE)))
    assert (patches_.methods[len(used.methods) :] == NONE).all()
    assert not (chain and len(used.methods))
    return chain or listed_patches(used, channels)


def test_chains_are_of_both_kinds_and_of_any_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    mixer = IPMix(random_levels(0, (2, 3, 8, 8)), generator=torch.Generator().manual_seed(0))
    _, chains, weights, skip = drawn(monkeypatch, mixer, torch.rand(1500, 3, 8, 8))
    flat = [chain for each in chains for chain in each]
    assert len(flat) == 4500
    assert np.allclose(np.bincount([len(chain) for chain in flat]) / 4500, 0.25, atol=0.03)
    of_patches = sum(isinstance(chain[0], Patch) for chain in flat if chain)
    assert of_patches / sum(map(bool, flat)) == pytest.approx(0.5, abs=0.03)
    assert weights.mean(0) == pytest.approx(1 / 3, abs=0.02)
    assert skip.mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("shape", [(40, 3, 20, 24), (4, 3, 90, 80)])
def test_what_the_mixer_draws_mixes_alike_in_the_plain_function_and_alone(
    shape: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    images, bank = draw_images(0, shape, torch.float32), random_levels(1, (3, 3, 95, 100))
    mixers = [IPMix(bank, generator=torch.Generator().manual_seed(3)) for _ in range(2)]
    mixed, _ = mixers[0](images, torch.arange(shape[0]))
    pictures, chains, weights, skip = drawn(monkeypatch, mixers[1], images)
    assert torch.equal(ipmix(images, pictures, chains, weights, skip), mixed)
    for k in range(3):
        at = slice(k, k + 1)
        alone = ipmix(images[at], pictures[at], chains[at], weights[at], skip[at])
        assert torch.equal(alone[0], mixed[k])


def test_settings_and_chains_that_do_not_fit_are_named() -> None:
    for settings_, words in (
        ({"width": 0}, "width is 0"),
        ({"depth": 0}, "depth is 0"),
        ({"beta": -1}, "beta is -1"),
        ({"severity": 0.5}, "severity is 0.5"),
    ):
        with pytest.raises(MixerError, match=words):
            IPMix(**settings_)
    images, pictures = torch.rand(1, 3, 8, 8), random_levels(0, (1, 3, 8, 8))
    box, keep = Box(0, 4, 0, 4), np.ones((1, 4, 4), bool)
    for chain, words in (
        ([Step("invert"), Patch(box, "add")], "a chain holds Patch, Step: give steps, or patches"),
        (["invert"], "a chain holds str"),
        ([Patch(Box(0, 9, 0, 4), "add")], "does not lie in a picture of 8 x 8"),
        ([Patch(box, "screen")], "the method is 'screen': it must be one of add, multiply, pixels"),  # type: ignore[arg-type]
        ([Patch(box, "add", float("inf"))], "they must be finite"),
        ([Patch(box, "elements", keep=keep)], r"\(1, 4, 4\): 'elements' needs .*\(3, 4, 4\)"),
        ([Patch(box, "pixels", keep=keep * 0.5)], "keep is float64 of the shape"),  # type: ignore[arg-type]
        ([Patch(Box(0, 4, 0, 2.5), "add")], "give whole pixels"),  # type: ignore[arg-type]
        ([Patch(box, "pixels")], r"keep is None: 'pixels' needs .*\(1, 4, 4\)"),
    ):
        with pytest.raises(MixerError, match=words):
            ipmix(images, pictures, [[chain]], [[1.0]], [0.5])  # type: ignore[list-item]
    with pytest.raises(MixerError, match="expected 1 x 2, as the weights"):
        ipmix(images, pictures, [[[]]], [[0.5, 0.5]], [0.5])
    with pytest.raises(MixerError, match=r"pictures are torch\.uint8"):
        ipmix(images, pictures[:, :1], [[[]]], [[1.0]], [0.5])
