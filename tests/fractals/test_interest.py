"""What counts as dull."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmix.fractals import draw
from genmix.fractals.interest import ENOUGH, interest
from genmix.images import Image

SIDE = 256


def noise() -> Image:
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def gradient() -> Image:
    ramp = np.tile(np.arange(SIDE, dtype=np.uint8), (SIDE, 1))
    return np.stack([ramp, ramp.T, 255 - ramp], axis=-1)


def stripes() -> Image:
    wave = (127 * np.sin(np.arange(SIDE) / 3) + 128).astype(np.uint8)
    row = np.stack([wave, np.roll(wave, 5), np.roll(wave, 9)], axis=-1)
    return np.tile(row, (SIDE, 1, 1))


def mostly_plain() -> Image:
    picture = np.full((SIDE, SIDE, 3), (30, 140, 200), np.uint8)
    picture[:80, :80] = draw(80, 0, 0)[1]
    return picture


def grey() -> Image:
    picture = draw(SIDE, 0, 0)[1]
    return np.repeat(picture[..., :1], 3, axis=-1)


def dark() -> Image:
    return draw(SIDE, 0, 0)[1] // 6


@given(st.tuples(*[st.integers(0, 255)] * 3))
@settings(max_examples=10)
def test_a_flat_picture_is_dull(colour: tuple[int, int, int]) -> None:
    assert interest(np.full((64, 64, 3), colour, np.uint8)).dull


@pytest.mark.parametrize("picture", [noise, gradient, stripes, mostly_plain, grey, dark])
def test_noise_gradients_stripes_and_plain_grey_or_dark_pictures_are_dull(picture: object) -> None:
    assert callable(picture)
    assert interest(picture()).dull


def test_each_kind_of_dullness_is_seen_by_its_own_measure() -> None:
    assert interest(noise()).coherence < ENOUGH.coherence
    assert interest(gradient()).detail < ENOUGH.detail
    assert interest(stripes()).isotropy < ENOUGH.isotropy
    assert interest(mostly_plain()).unevenness < ENOUGH.unevenness
    assert interest(grey()).colourfulness < ENOUGH.colourfulness
    assert interest(dark()).brightness < ENOUGH.brightness


@pytest.mark.parametrize("index", range(10))
def test_what_is_drawn_is_not_dull(index: int) -> None:
    assert not interest(draw(128, 3, index)[1]).dull


def test_the_measures_hardly_depend_on_the_size() -> None:
    picture = draw(256, 0, 2)[1]
    large = np.repeat(np.repeat(picture, 2, axis=0), 2, axis=1)
    assert interest(large) == pytest.approx(interest(picture), rel=0.02)
