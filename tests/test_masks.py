"""Masks: shape, seam, and the rectangles that they are cut into."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmix.errors import RecipeError
from genmix.masks import FAMILIES, Mask, MaskFamily, SeamProfile, Weights, make_mask

families = st.sampled_from(FAMILIES)
profiles: st.SearchStrategy[SeamProfile] = st.sampled_from(["linear", "smooth"])
sizes = st.integers(1, 200)
seams = st.floats(0, 1)


@given(families, sizes, sizes, seams, profiles)
@settings(deadline=None)
def test_a_mask_and_its_inverse_sum_to_one_everywhere(
    family: MaskFamily, height: int, width: int, seam: float, profile: SeamProfile
) -> None:
    mask = make_mask(family, height, width, seam=seam, profile=profile)
    inverse = make_mask(family, height, width, seam=seam, profile=profile, inverted=True)
    np.testing.assert_allclose(mask.weights + inverse.weights, 1, atol=1e-7)
    assert mask.weights.min() >= 0
    assert mask.weights.max() <= 1


@pytest.mark.parametrize("pair", [("left", "right"), ("top", "bottom")])
@given(sizes, sizes, seams, profiles)
@settings(deadline=None)
def test_opposite_halves_sum_to_one(
    pair: tuple[MaskFamily, MaskFamily], height: int, width: int, seam: float, profile: SeamProfile
) -> None:
    first, second = (make_mask(f, height, width, seam=seam, profile=profile) for f in pair)
    np.testing.assert_allclose(first.weights + second.weights, 1, atol=1e-7)


@given(families, sizes, sizes, seams, profiles)
@settings(deadline=None)
def test_regions_cover_every_pixel_once_with_the_masks_weights(
    family: MaskFamily, height: int, width: int, seam: float, profile: SeamProfile
) -> None:
    mask = make_mask(family, height, width, seam=seam, profile=profile)
    visits = np.zeros((height, width), int)
    for region in mask.regions:
        at = (region.rows, region.columns)
        visits[at] += 1
        np.testing.assert_array_equal(mask.weights[at], region.edit)
        np.testing.assert_allclose(np.add(region.edit, region.original), 1)
    assert (visits == 1).all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [(512, 512), (300, 400)])
def test_every_family_gives_half_the_area_to_the_edit(
    family: MaskFamily, shape: tuple[int, int]
) -> None:
    for seam in (0, 0.04, 0.2):
        assert make_mask(family, *shape, seam=seam).weights.mean() == pytest.approx(0.5, abs=0.02)


def test_halves_are_where_their_names_say() -> None:
    corners = {
        "left": [1, 0, 1, 0],
        "right": [0, 1, 0, 1],
        "top": [1, 1, 0, 0],
        "bottom": [0, 0, 1, 1],
        "circle": [0, 0, 0, 0],
    }
    for family in FAMILIES:
        w = make_mask(family, 32, 48).weights
        assert [w[0, 0], w[0, -1], w[-1, 0], w[-1, -1]] == corners[family]
    assert make_mask("circle", 32, 48).weights[16, 24] == 1


def test_the_papers_seam_of_20_pixels_at_512_is_a_linear_ramp() -> None:
    row = make_mask("left", 512, 512, seam=20 / 512).weights[0]
    np.testing.assert_allclose(row[246:266], 1 - (np.arange(20) + 0.5) / 20, atol=1e-6)
    assert (row[:246] == 1).all()
    assert (row[266:] == 0).all()


def test_most_of_a_half_mask_is_plain() -> None:
    mixed = [r.edit for r in make_mask("left", 512, 512).regions if not isinstance(r.edit, float)]
    assert sum(np.size(w) for w in mixed) <= 512 * 64


def test_a_mask_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        make_mask("left", 8, 8).weights[0, 0] = 0.5


def test_a_mask_leaves_the_array_it_is_made_of_alone() -> None:
    weights = np.zeros((8, 8), np.float32)
    mask = Mask.of(weights)
    weights[:] = 1
    assert not mask.weights.any()


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.ones(8), r"shape \(8,\): expected height x width"),
        (np.ones((8, 8, 1)), r"shape \(8, 8, 1\)"),
        (np.ones((0, 8)), r"shape \(0, 8\)"),
        (np.full((8, 8), 1.5), r"run from 1\.5 to 1\.5"),
        (np.full((8, 8), -0.1), "must lie in"),
        (np.full((8, 8), np.nan), "nan"),
    ],
)
def test_weights_that_are_no_mask_are_refused(weights: Weights, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        Mask.of(weights)


def test_unknown_families_profiles_and_seams_are_refused() -> None:
    for keywords in ({"family": "spiral"}, {"profile": "wavy"}, {"seam": 1.5}):
        arguments = {"family": "left", "height": 8, "width": 8, **keywords}
        with pytest.raises(RecipeError, match="families are left, right, top, bottom, circle"):
            make_mask(**arguments)


def test_masks_of_one_pixel_work() -> None:
    assert Mask.of(np.ones((1, 1), np.float32)).regions[0].edit == 1.0
