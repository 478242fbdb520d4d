"""The composite against an independent float64 formulation of the paper's formulas."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmix.compose import Composition, compose, draw_choices, draw_composition, hybrid, mask_of
from genmix.images import Image
from genmix.masks import FAMILIES, Mask, make_mask
from genmix.seeding import generator


def reference(
    original: Image, edit: Image, m: npt.NDArray[np.float64], fractal: Image, blend: float
) -> npt.NDArray[np.float64]:
    """A = (1 - λ) (M Î + (1 - M) I) + λ F in float64."""
    m = m[..., None]
    h = m * edit.astype(np.float64) + (1 - m) * original.astype(np.float64)
    return (1 - blend) * h + blend * fractal.astype(np.float64)


def reference_mask(family: str, height: int, width: int, seam: float) -> npt.NDArray[np.float64]:
    """The linear masks pixel by pixel, from their definition."""
    m = np.empty((height, width))
    for i in range(height):
        for j in range(width):
            y, x = i + 0.5 - height / 2, j + 0.5 - width / 2
            if family == "circle":
                radius = 1 / np.sqrt(2 * np.pi)
                d = (np.hypot(x / (width * radius), y / (height * radius)) - 1) * radius
                d *= min(height, width)
                side = min(height, width)
            else:
                d, side = {
                    "left": (x, width),
                    "right": (-x, width),
                    "top": (y, height),
                    "bottom": (-y, height),
                }[family]
            m[i, j] = np.clip(0.5 - d / (seam * side), 0, 1)
    return m


def pictures(seed: int, height: int, width: int) -> tuple[Image, Image, Image]:
    rng = np.random.default_rng(seed)
    o, e, f = rng.integers(0, 256, (3, height, width, 3), dtype=np.uint8)
    return o, e, f


sizes = st.integers(1, 96)
seeds = st.integers(0, 2**32 - 1)


@given(seeds, sizes, sizes, st.floats(0, 1), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_composite_is_the_formula_to_within_one_for_any_weights(
    seed: int, height: int, width: int, blend: float, mask_seed: int
) -> None:
    original, edit, fractal = pictures(seed, height, width)
    weights = np.random.default_rng(mask_seed).random((height, width), dtype=np.float32)
    weights[weights < 0.3] = 0
    weights[weights > 0.7] = 1
    composite = compose(original, edit, Mask.of(weights), fractal, blend)
    expected = reference(original, edit, weights.astype(np.float64), fractal, blend)
    assert np.abs(composite - expected).max() <= 1


@given(st.sampled_from(FAMILIES), seeds, sizes, sizes, st.floats(0.01, 1), st.floats(0, 1))
@settings(deadline=None)
def test_composite_of_every_family_is_the_formula_to_within_one(
    family: str, seed: int, height: int, width: int, seam: float, blend: float
) -> None:
    original, edit, fractal = pictures(seed, height, width)
    mask = make_mask(family, height, width, seam=seam)
    weights = reference_mask(family, height, width, seam)
    assert np.abs(mask.weights - weights).max() < 1e-3
    composite = compose(original, edit, mask, fractal, blend)
    assert np.abs(composite - reference(original, edit, weights, fractal, blend)).max() <= 1.3


@given(st.sampled_from(FAMILIES), seeds, sizes, sizes, st.floats(0, 1))
@settings(deadline=None)
def test_hybrid_is_the_original_where_the_mask_is_0_and_the_edit_where_it_is_1(
    family: str, seed: int, height: int, width: int, seam: float
) -> None:
    original, edit, _ = pictures(seed, height, width)
    mask = make_mask(family, height, width, seam=seam)
    joined = hybrid(original, edit, mask)
    np.testing.assert_array_equal(joined[mask.weights == 0], original[mask.weights == 0])
    np.testing.assert_array_equal(joined[mask.weights == 1], edit[mask.weights == 1])


@given(st.sampled_from(FAMILIES), seeds, sizes, sizes)
@settings(deadline=None)
def test_a_blend_of_0_leaves_the_hybrid_and_of_1_the_fractal(
    family: str, seed: int, height: int, width: int
) -> None:
    original, edit, fractal = pictures(seed, height, width)
    mask = make_mask(family, height, width)
    np.testing.assert_array_equal(
        compose(original, edit, mask, fractal, 0), hybrid(original, edit, mask)
    )
    np.testing.assert_array_equal(compose(original, edit, mask, fractal, 1), fractal)


def test_without_a_mask_the_composite_takes_the_edit_whole() -> None:
    original, edit, fractal = pictures(0, 20, 30)
    np.testing.assert_array_equal(compose(original, edit, None, None, 0), edit)
    expected = reference(original, edit, np.ones((20, 30)), fractal, 0.2)
    assert np.abs(compose(original, edit, None, fractal, 0.2) - expected).max() <= 0.5 + 1e-6


def test_inputs_are_left_as_they_were_and_the_result_is_new() -> None:
    original, edit, fractal = pictures(0, 20, 30)
    copies = [original.copy(), edit.copy(), fractal.copy()]
    for mask in (None, make_mask("left", 20, 30)):
        for blend in (0.0, 0.3):
            compose(original, edit, mask, fractal, blend)[:] = 0
    for picture, copy in zip((original, edit, fractal), copies, strict=True):
        np.testing.assert_array_equal(picture, copy)


def test_pictures_of_different_sizes_are_named_in_the_error() -> None:
    original, edit, _ = pictures(0, 20, 30)
    with pytest.raises(ValueError, match="original 20x30x3, edit 20x29x3"):
        compose(original, edit[:, :29], None, None, 0)
    with pytest.raises(ValueError, match=r"blend is 1\.5"):
        compose(original, edit, None, None, 1.5)
    with pytest.raises(ValueError, match="original 20x30x3, edit 20x29x3"):
        hybrid(original, edit[:, :29], None)
    for mask in (make_mask("left", 19, 30), make_mask("left", 21, 31)):
        with pytest.raises(ValueError, match="original 20x30x3, edit 20x30x3, mask"):
            hybrid(original, edit, mask)


@given(seeds, st.floats(0, 1), st.floats(0, 1), st.integers(1, 1000))
def test_draws_stay_in_their_ranges(
    seed: int, hybrid_share: float, blend: float, fractals: int
) -> None:
    drawn = draw_composition(
        generator(seed),
        masks=("left", "circle"),
        hybrid_share=hybrid_share,
        blend=(blend / 2, blend),
        fractals=fractals,
    )
    assert drawn.mask in {None, "left", "circle"}
    assert blend / 2 <= drawn.blend <= blend
    assert drawn.fractal is None or 0 <= drawn.fractal < fractals


@given(
    seeds,
    st.floats(0, 1),
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    st.integers(1, 100),
)
def test_choices_are_drawn_together_as_one_by_one(
    seed: int, hybrid_share: float, blend: list[float], fractals: int
) -> None:
    low, high = blend
    count = 200
    drawn = draw_choices(
        generator(seed),
        count,
        families=len(FAMILIES),
        hybrid_share=hybrid_share,
        blend=(low, high),
        fractals=fractals,
    )
    one_by_one, numbers = generator(seed), generator(seed)
    for k in range(count):
        keeps_part, family, side, fractal, position = numbers.random(5).tolist()
        assert draw_composition(
            one_by_one,
            masks=FAMILIES,
            hybrid_share=hybrid_share,
            blend=(low, high),
            fractals=fractals,
        ) == Composition(
            mask=FAMILIES[int(family * len(FAMILIES))] if keeps_part < hybrid_share else None,
            inverted=side < 0.5,
            fractal=int(fractal * fractals) if high > 0 else None,
            blend=low + (high - low) * position,
        )
        assert [choice[k] for choice in drawn] == [
            keeps_part < hybrid_share,
            int(family * len(FAMILIES)),
            side < 0.5,
            int(fractal * fractals),
            low + (high - low) * position,
        ]


def test_hybrid_share_is_the_share_of_composites_that_keep_part_of_the_original() -> None:
    drawn = [
        draw_composition(
            generator(k), masks=FAMILIES, hybrid_share=0.3, blend=(0.2, 0.2), fractals=9
        )
        for k in range(4000)
    ]
    kept = [d.mask for d in drawn if d.mask]
    assert abs(len(kept) / 4000 - 0.3) < 0.03
    assert {kept.count(f) > 150 for f in FAMILIES} == {True}
    assert abs(np.mean([d.inverted for d in drawn]) - 0.5) < 0.03
    assert {d.blend for d in drawn} == {0.2}


def test_changing_one_setting_leaves_the_other_choices() -> None:
    plain = draw_composition(
        generator(7), masks=FAMILIES, hybrid_share=1, blend=(0.2, 0.2), fractals=64
    )
    other = draw_composition(
        generator(7), masks=("top",), hybrid_share=1, blend=(0.0, 0.5), fractals=64
    )
    assert (plain.inverted, plain.fractal) == (other.inverted, other.fractal)
    assert other.mask == "top"


def test_mask_of_a_composition_swaps_the_parts_when_inverted() -> None:
    drawn = draw_composition(
        generator(1), masks=("left",), hybrid_share=1, blend=(0, 0), fractals=1
    )
    mask = mask_of(drawn, 8, 8, seam=0, profile="linear")
    assert mask is not None
    assert bool(mask.weights[0, 0] == 0) is drawn.inverted
