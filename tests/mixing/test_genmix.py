"""GenMix in a loop: the batch module and the dataset against `genmix.compose`."""

import pickle
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from genmix.compose import compose, draw_composition, mask_of
from genmix.datasets import open_source
from genmix.errors import MixerError, OutputError
from genmix.fractals import FractalBank
from genmix.images import decode, prepare
from genmix.jobs import augment
from genmix.masks import FAMILIES, make_mask
from genmix.mixing import GenMix, GenMixDataset, genmix
from genmix.mixing.genmix import _can_be_compiled
from genmix.recipe import Recipe

Layout = Literal["whole", "cut"]
LAYOUTS = get_args(Layout)


def pairs(seed: int, count: int = 4, height: int = 24, width: int = 30) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (count, 2, 3, height, width)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def as_type(levels: Tensor, kind: torch.dtype) -> Tensor:
    return levels if kind == torch.uint8 else (levels.double() / 255).to(kind)


def lay_out(batch: Tensor, layout: Layout) -> Tensor:
    """Return the same batch as a loader gives it, or cut from a wider one: it is not compiled."""
    if layout == "cut":
        batch = torch.cat([batch, batch], dim=-1)[..., : batch.shape[-1]]
    assert _can_be_compiled(batch) == (layout == "whole" or batch[..., 0].numel() == 1)
    return batch


@given(
    seed=st.integers(0, 2**32),
    shape=st.tuples(*[st.integers(1, 5)] * 2, *[st.integers(1, 40)] * 2),
    kind=st.sampled_from([torch.float64, torch.float32, torch.uint8]),
    layout=st.sampled_from(LAYOUTS),
    data=st.data(),
)
@settings(deadline=None)
def test_the_batch_is_composed_as_its_formula_says(
    seed: int,
    shape: tuple[int, int, int, int],
    kind: torch.dtype,
    layout: Layout,
    data: st.DataObject,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randint(0, 256, (3, *shape), generator=generator, dtype=torch.uint8)
    masks = torch.rand(shape[0], *shape[2:], generator=generator)
    masks = masks.where(masks < 0.7, 1).where(masks > 0.3, 0)
    shares = st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1)
    blends = data.draw(st.lists(shares, min_size=shape[0], max_size=shape[0]))
    some = [None if data.draw(st.booleans()) else k for k in range(shape[0])]
    fractals = as_type(levels[2], kind)
    composed = genmix(
        lay_out(as_type(levels[0], kind), layout),
        lay_out(as_type(levels[1], kind), layout),
        list(masks),
        [None if k is None else fractals[k] for k in some],
        blends,
    )
    assert composed.dtype == kind
    original, edit, fractal = as_type(levels, kind).double().numpy()
    for k, (place, blend) in enumerate(zip(some, blends, strict=True)):
        m = masks[k].double().numpy()
        expected = m * edit[k] + (1 - m) * original[k]
        if place is not None:
            expected = (1 - blend) * expected + blend * fractal[k]
        tolerance = {torch.float64: 1e-12, torch.float32: 3e-7, torch.uint8: 0.5 + 1e-4}[kind]
        np.testing.assert_allclose(composed[k].double(), expected, rtol=0, atol=tolerance)


@given(seed=st.integers(0, 2**32), count=st.integers(1, 5), data=st.data())
@settings(deadline=None)
def test_the_batch_is_composed_as_single_pictures_are(
    seed: int, count: int, data: st.DataObject
) -> None:
    batch = pairs(seed, count)
    drawn = [
        data.draw(st.tuples(st.sampled_from(FAMILIES), st.booleans(), st.floats(0, 1)))
        for _ in range(count)
    ]
    fractals = pairs(seed + 1, count)[:, 0]
    masks = [make_mask(family, 24, 30, inverted=inverted) for family, inverted, _ in drawn]
    composed = genmix(
        batch[:, 0].double(),
        batch[:, 1].double(),
        [torch.tensor(mask.weights) for mask in masks],
        list(fractals.double()),
        [blend for *_, blend in drawn],
    )
    for k in range(count):
        original, edit, fractal = (
            np.ascontiguousarray(t[k].permute(1, 2, 0).numpy())
            for t in (batch[:, 0], batch[:, 1], fractals)
        )
        ours = composed[k].permute(1, 2, 0).numpy()
        single = compose(original, edit, masks[k], fractal, drawn[k][2])
        assert np.abs(ours - single).max() <= 1.001


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 5),
    kind=st.sampled_from([torch.float64, torch.float32, torch.uint8]),
    layout=st.sampled_from(LAYOUTS),
    hybrid_share=st.sampled_from([0.0, 0.5, 1.0]),
    blend=st.sampled_from([(0.0, 0.0), (0.0, 1.0), (0.2, 0.2)]),
)
@settings(deadline=None)
def test_the_mixer_composes_what_it_draws(
    seed: int,
    count: int,
    kind: torch.dtype,
    layout: Layout,
    hybrid_share: float,
    blend: tuple[float, float],
) -> None:
    def make() -> GenMix:
        chance = torch.Generator().manual_seed(seed)
        return GenMix(levels, hybrid_share=hybrid_share, blend=blend, generator=chance)

    levels = pairs(9, 6)[:, 0]
    batch = as_type(pairs(seed, count), kind)
    mixed, _ = make()(lay_out(batch, layout), torch.arange(count))
    rng = make()._rng()
    rng.random()  # whether to mix at all
    drawn = [
        draw_composition(rng, masks=FAMILIES, hybrid_share=hybrid_share, blend=blend, fractals=6)
        for _ in range(count)
    ]
    masks = [mask_of(each, 24, 30, seam=0.04, profile="linear") for each in drawn]
    composed = genmix(
        batch[:, 0],
        batch[:, 1],
        [torch.ones(24, 30) if mask is None else torch.tensor(mask.weights) for mask in masks],
        [None if each.fractal is None else as_type(levels, kind)[each.fractal] for each in drawn],
        [each.blend for each in drawn],
    )
    off = (mixed.double() - composed.double()).abs()
    # Of uint8, what lies halfway between two levels may fall to either.
    assert (off > {torch.float64: 1e-12, torch.float32: 3e-7, torch.uint8: 0}[kind]).sum() <= (
        off.numel() / 1000 if kind == torch.uint8 and layout == "cut" else 0
    )
    assert off.max() <= 1


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.uint8, 0.5), (torch.float32, 1e-3), (torch.float16, 0.2), (torch.bfloat16, 1.5)],
)
def test_every_type_composes_alike_to_its_rounding(
    layout: Layout, dtype: torch.dtype, tolerance: float
) -> None:
    fractals = pairs(9, 6)[:, 0]

    def make() -> GenMix:
        return GenMix(fractals, generator=torch.Generator().manual_seed(3))

    labels, levels = torch.arange(4), pairs(1, 4)
    exact, same = make()(levels.double() / 255, labels)
    assert same is labels
    mixed, _ = make()(lay_out(as_type(levels, dtype), layout), labels)
    assert mixed.dtype == dtype
    scale = 1 if dtype == torch.uint8 else 255
    assert (mixed.double() * scale - exact * 255).abs().max() <= tolerance + 1e-6


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.float32, torch.float16, torch.bfloat16, torch.float64]
)
def test_a_pair_of_one_picture_twice_stays_that_picture(layout: Layout, dtype: torch.dtype) -> None:
    def mix(batch: Tensor) -> Tensor:
        mixer = GenMix(pairs(9, 6)[:, 0], generator=torch.Generator().manual_seed(3))
        mixed, _ = mixer(lay_out(batch, layout), torch.arange(len(batch)))
        return mixed

    batch = as_type(pairs(1, 4), dtype)
    some = batch.clone()
    some[1, 1], some[2, 1] = some[1, 0], some[2, 0]
    mixed, all_composed = mix(some), mix(batch)
    assert torch.equal(mixed[1:3], batch[1:3, 0])
    assert torch.equal(mixed[::3], all_composed[::3])
    assert torch.equal(mix(some[1:2]), batch[1:2, 0])
    some[1, 1, -1, -1, -1] = batch[1, 1, -1, -1, -1]  # so that the last value alone differs
    assert (mix(some)[1] != batch[1, 0]).sum() > 1


def test_a_gradient_goes_back_to_both_pictures_of_a_pair() -> None:
    batch = as_type(pairs(1), torch.float64)
    wanting = batch.clone().requires_grad_()

    def make() -> GenMix:
        return GenMix(pairs(9, 6)[:, 0], generator=torch.Generator().manual_seed(3))

    mixed, _ = make()(wanting, torch.arange(4))
    assert torch.allclose(mixed, make()(batch, torch.arange(4))[0], rtol=0, atol=1e-12)
    mixed.sum().backward()
    assert wanting.grad is not None
    assert torch.allclose(wanting.grad.sum(1), torch.tensor(0.8, dtype=torch.float64))


def test_a_batch_is_composed_within_inference_mode_as_outside_of_it() -> None:
    mixed = []
    for inference in (True, False):
        with torch.inference_mode(inference):
            mixer = GenMix(pairs(9, 6)[:, 0], generator=torch.Generator().manual_seed(3))
            mixed.append(mixer(as_type(pairs(0), torch.float32), torch.arange(4))[0])
    assert torch.equal(*mixed)


def test_hybrid_share_and_blend_of_zero_leave_the_edit_whole() -> None:
    batch = pairs(0)
    mixed, _ = GenMix(None, hybrid_share=0.0)(batch, torch.arange(4))
    assert torch.equal(mixed, batch[:, 1])


def test_eval_gives_the_originals_and_lets_single_images_pass() -> None:
    mixer, labels = GenMix().eval(), torch.arange(4)
    assert torch.equal(mixer(pairs(0), labels)[0], pairs(0)[:, 0])
    images = pairs(0)[:, 0]
    assert mixer(images, labels)[0] is images


def test_a_bank_is_fitted_to_the_images_and_a_mixer_can_be_pickled() -> None:
    bank = FractalBank.open(4, 32, 0)
    mixer = GenMix(bank, blend=(0.1, 0.4), generator=torch.Generator().manual_seed(1))
    first = pickle.loads(pickle.dumps(mixer))(pairs(0), torch.arange(4))[0]
    assert torch.equal(mixer(pairs(0), torch.arange(4))[0], first)
    assert not torch.equal(mixer(pairs(0), torch.arange(4))[0], first)


def test_sizes_and_types_in_turn_compose_alike_and_only_the_latest_is_kept_as_levels() -> None:
    bank = FractalBank.open(4, 32, 0)
    mixer, labels = GenMix(bank), torch.arange(4)
    for batch in (pairs(0, 4, 80, 90), pairs(0), pairs(0, 4, 80, 90).float() / 255):
        mixer.generator = torch.Generator().manual_seed(1)
        again = GenMix(bank, generator=torch.Generator().manual_seed(1))
        assert torch.equal(mixer(batch, labels)[0], again(batch, labels)[0])
        assert mixer._tables is not None
        assert mixer._tables.fractals.dtype == torch.uint8
        assert mixer._tables.fractals.shape == (4, *batch.shape[2:])


def test_a_blend_may_be_any_two_numbers() -> None:
    fractals = pairs(9)[:, 0]
    for blend in ((0.1, 0.3), [0.1, 0.3]):
        assert GenMix(fractals, blend=blend).blend == (0.1, 0.3)


def test_a_recipe_makes_the_mixer_that_composes_as_it_says(small: Recipe) -> None:
    mixer = GenMix.from_recipe(small, FractalBank.open(4, 32, 0), num_classes=4)
    assert (mixer.blend, mixer.masks, mixer.seam) == (small.blend, small.masks, 0.04)
    assert mixer(pairs(0), torch.arange(4))[1].shape == (4, 4)


def test_what_does_not_fit_is_explained() -> None:
    with pytest.raises(MixerError, match="expected N x 2 x C x H x W"):
        GenMix()(pairs(0)[:, 0], torch.arange(4))
    with pytest.raises(MixerError, match=r"blend is 1\.5"):
        GenMix(blend=1.5)
    with pytest.raises(MixerError, match="hybrid_share is -1"):
        GenMix(hybrid_share=-1)
    for keywords, words in (
        ({"masks": ()}, r"masks are \(\): give a list of some of left, right"),
        ({"masks": "left"}, "masks are 'left'"),
        ({"masks": ["spiral"]}, r"masks are \['spiral'\]"),
        ({"seam": 1.5}, "seam is 1.5"),
        ({"seam": "0.1"}, "seam is '0.1'"),
        ({"seam_profile": "wavy"}, "must be linear or smooth"),
        ({"blend": (0.3, 0.1)}, "the smaller first"),
        ({"blend": (0.1, 0.2, 0.3)}, "give two numbers"),
        ({"blend": "12"}, "blend is '12': give two numbers"),
        ({"blend": None}, "blend is None: give two numbers"),
        ({"fractals": torch.zeros(0, 3, 24, 30, dtype=torch.uint8)}, "there are no fractals"),
    ):
        with pytest.raises(MixerError, match=words):
            GenMix(**keywords)
    with pytest.raises(MixerError, match="fractals are torch"):
        GenMix(torch.zeros(3, 3, 5, 5))(pairs(0), torch.arange(4))
    with pytest.raises(MixerError, match="expected N x C x H x W"):
        genmix(pairs(0), pairs(0), [], [], [])
    with pytest.raises(MixerError, match="do not fit together"):
        genmix(pairs(0)[:, 0], pairs(0)[:, 1], [], [], [])
    masks = [torch.ones(24, 30)] * 4
    for some, fractals, words in (
        ([*masks[:3], torch.ones(1, 30)], [None] * 4, r"masks have the shape \(1, 30\): expected"),
        (masks, [None, torch.ones(3, 24, 1), None, None], r"shape \(3, 24, 1\): expected \(3, 24"),
    ):
        with pytest.raises(MixerError, match=words):
            genmix(pairs(0)[:, 0], pairs(0)[:, 1], some, fractals, [0.2] * 4)
    for blend in (1.5, -0.1, float("nan")):
        with pytest.raises(MixerError, match=r"every value must lie in \[0, 1\]"):
            genmix(pairs(0)[:, 0], pairs(0)[:, 1], masks, [None] * 4, [0.2, 0.2, blend, 0.2])


@pytest.fixture(scope="module")
def made(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("online")
    recipe = Recipe().changed(
        size=48,
        prompts={"only": ["snowy", "mosaic"]},
        fractals={"count": 6},
        screens={"structure": None},
        seam={"profile": "smooth"},
    )
    augment(photos, folder / "out", recipe, edits=folder / "edits")
    return folder / "out", folder / "edits"


def test_the_dataset_numbers_classes_as_image_folder_does(
    photos: Path, made: tuple[Path, Path]
) -> None:
    from torchvision.datasets import ImageFolder

    out, edits = made
    dataset = GenMixDataset(photos, out, edits=edits)
    folder = ImageFolder(str(photos))
    assert dataset.classes == folder.classes
    assert [label for _, label in (dataset[k] for k in range(len(dataset)))] == folder.targets


def test_every_epoch_composes_anew_and_a_seed_repeats_it(
    photos: Path, made: tuple[Path, Path]
) -> None:
    out, edits = made
    dataset = GenMixDataset(photos, out, edits=edits, probability=1.0)
    loader = DataLoader(dataset, batch_size=12, num_workers=2)

    def epoch(seed: int | None) -> Tensor:
        if seed is not None:
            torch.manual_seed(seed)
        (images, _), *_ = list(loader)
        assert images.shape == (12, 3, 48, 48)
        assert images.dtype == torch.uint8
        return images

    first, second = epoch(1), epoch(None)
    assert not torch.equal(first, second)
    assert torch.equal(first, epoch(1))


def test_workers_compose_one_photo_differently_and_a_seed_repeats_it(
    photos: Path, made: tuple[Path, Path]
) -> None:
    out, edits = made
    dataset = GenMixDataset(photos, out, edits=edits, probability=1.0)
    one_photo = Subset(dataset, [0] * 6)

    def epoch(seed: int) -> list[Tensor]:
        torch.manual_seed(seed)
        # The batches come from the two workers in turn.
        return [images for images, _ in DataLoader(one_photo, batch_size=3, num_workers=2)]

    first, again, other = epoch(1), epoch(1), epoch(2)
    assert len({image.numpy().tobytes() for image in torch.cat(first)}) == 6
    assert torch.equal(torch.cat(first), torch.cat(again))
    assert not torch.equal(torch.cat(first), torch.cat(other))


def test_probability_zero_gives_the_photos_and_one_never_does(
    photos: Path, made: tuple[Path, Path]
) -> None:
    out, edits = made
    plain = GenMixDataset(photos, out, edits=edits, probability=0.0)
    mixed = GenMixDataset(photos, out, edits=edits, probability=1.0)
    source = open_source(photos)
    for k, photo in enumerate(source.photos):
        prepared = prepare(decode(source.read(photo), at_least=48), 48, "stretch")
        assert torch.equal(plain[k][0].permute(1, 2, 0), torch.tensor(prepared))
        assert not torch.equal(plain[k][0], mixed[k][0])


def test_pairs_are_composed_on_the_device_and_transforms_see_both(
    photos: Path, made: tuple[Path, Path]
) -> None:
    from torchvision.transforms import v2

    out, edits = made
    crop = v2.RandomCrop(32)
    dataset = GenMixDataset(photos, out, edits=edits, pairs=True, probability=1.0, transform=crop)
    images, labels = next(iter(DataLoader(dataset, batch_size=4)))
    assert images.shape == (4, 2, 3, 32, 32)
    mixed, _ = GenMix(FractalBank.open(4, 32, 0))(images, labels)
    assert mixed.shape == (4, 3, 32, 32)


@pytest.mark.parametrize("side", [48, 96])
def test_pairs_that_are_not_composed_leave_the_mixer_as_photos(
    photos: Path, made: tuple[Path, Path], side: int
) -> None:
    from torchvision.transforms import v2

    out, edits = made
    larger = v2.Resize(side)
    single = GenMixDataset(photos, out, edits=edits, probability=0.0, transform=larger)
    paired = GenMixDataset(photos, out, edits=edits, probability=0.0, pairs=True, transform=larger)
    images, labels = next(iter(DataLoader(paired, batch_size=4)))
    mixed, _ = GenMix(FractalBank.open(4, 32, 0))(images, labels)
    assert torch.equal(mixed, torch.stack([single[k][0] for k in range(4)]))


def test_another_recipe_may_compose_the_edits_but_not_resize_them(
    photos: Path, made: tuple[Path, Path], small: Recipe
) -> None:
    out, edits = made
    GenMixDataset(photos, out, edits=edits, recipe=small.changed(masks=["circle"]))
    with pytest.raises(MixerError, match="size is 64 and the edits' is 48"):
        GenMixDataset(photos, out, edits=edits, recipe=small.changed(size=64))


def test_what_does_not_belong_together_is_explained(
    photos: Path, made: tuple[Path, Path], tmp_path: Path
) -> None:
    out, edits = made
    with pytest.raises(OutputError, match="no finished output"):
        GenMixDataset(photos, tmp_path)
    with pytest.raises(OutputError, match="no longer in"):
        GenMixDataset(photos, out, edits=tmp_path, probability=1.0)[0]
    (tmp_path / "other" / "x").mkdir(parents=True)
    photo = next(photos.rglob("*.jpg"))
    (tmp_path / "other" / "x" / "else.jpg").write_bytes(photo.read_bytes())
    with pytest.raises(OutputError, match="was not made from"):
        GenMixDataset(tmp_path / "other", out, edits=edits)
