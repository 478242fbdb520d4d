"""A drawn fractal depends on seed, number, size and families alone, and no two are alike."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmix.errors import GenmixError
from genmix.fractals import FAMILIES, draw, drawing
from genmix.fractals.palettes import palettes
from genmix.images import Image


@given(
    size=st.sampled_from([8, 48, 64, 65]),
    seed=st.integers(0, 2**63 - 1),
    index=st.integers(0, 10**6),
)
@settings(max_examples=15, deadline=None)
def test_a_picture_is_8_bit_rgb_of_the_size_asked_for_and_comes_out_the_same_again(
    size: int, seed: int, index: int
) -> None:
    family, picture = draw(size, seed, index)
    assert family == FAMILIES[index % len(FAMILIES)]
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous
    again_family, again = draw(size, seed, index)
    assert again_family == family
    assert np.array_equal(again, picture)


def test_families_take_turns_in_the_order_given() -> None:
    chosen = ("noise", "julia")
    assert [draw(16, 0, k, chosen)[0] for k in range(4)] == ["noise", "julia", "noise", "julia"]


def test_pictures_differ_from_each_other() -> None:
    pictures = [draw(64, 0, index)[1].astype(int) for index in range(20)]
    differences = [np.abs(a - b).mean() for a, b in combinations(pictures, 2)]
    assert min(differences) > 25


def test_another_seed_gives_other_pictures() -> None:
    first, other = (draw(64, seed, 0)[1].astype(int) for seed in (0, 1))
    assert np.abs(first - other).mean() > 25


def test_the_whole_range_of_brightness_is_used() -> None:
    pictures = np.stack([draw(64, 0, index)[1] for index in range(10)])
    assert np.quantile(pictures, 0.02) < 40
    assert np.quantile(pictures, 0.98) > 220


class Scored(NamedTuple):
    score: float


def test_dull_draws_are_thrown_away_and_the_best_is_kept_when_all_are_dull(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []

    def dull_colour(field: object, size: int, rng: np.random.Generator, _: object) -> Image:
        del field, rng
        made.append(len(made))
        return np.full((size, size, 3), 10 * len(made), np.uint8)

    monkeypatch.setattr(drawing, "colour", dull_colour)
    monkeypatch.setattr(drawing, "interest", lambda image: Scored(0.9 - abs(int(image.max()) - 50)))
    _, picture = draw(16, 0, 4)
    assert len(made) > 5
    assert picture.max() == 50


def test_very_large_pictures_are_enlarged_from_the_largest_that_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drawing, "_MOST_DRAWN", 64)
    assert draw(100, 0, 4)[1].shape == (100, 100, 3)


def test_a_family_that_does_not_exist_is_named_with_what_it_could_have_been() -> None:
    with pytest.raises(GenmixError, match=r"'juila'; did you mean 'julia'"):
        draw(16, 0, 0, ["juila"])


def test_no_family_at_all_is_an_error() -> None:
    with pytest.raises(GenmixError, match="no fractal family was given"):
        draw(16, 0, 0, [])


def test_pictures_are_those_of_this_version() -> None:
    """Should this fail on purpose: raise `genmix.fractals.drawing.VERSION`, then the numbers."""
    assert drawing.VERSION == 1
    expected = [
        ("julia", (184.6, 104.5, 138.8)),
        ("mandelbrot", (131.6, 152.5, 186.4)),
        ("flame", (137.1, 140.4, 171.5)),
        ("newton", (149.8, 142.5, 124.1)),
        ("noise", (141.2, 160.4, 205.8)),
    ]
    for index, (family, colour) in enumerate(expected, start=5):
        name, picture = draw(64, 1, index)
        assert name == family
        assert picture.mean(axis=(0, 1)) == pytest.approx(colour, abs=2)


def test_chosen_palettes_are_the_only_ones_used() -> None:
    _, ink = draw(64, 0, 1, palettes=["ember"])
    _, other = draw(64, 0, 1, palettes=["lagoon"])

    assert not np.array_equal(ink, other)
    with pytest.raises(GenmixError, match="no palette 'embers'; did you mean 'ember'"):
        draw(64, 0, 0, palettes=["embers"])


def test_naming_every_palette_is_the_same_as_naming_none() -> None:
    every = [palette.name for palette in palettes()]

    assert np.array_equal(draw(64, 3, 0, palettes=every)[1], draw(64, 3, 0)[1])
