"""Decoding small, resizing, fitting into a square, and encoding."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmix.images import decode, encode_jpeg, encode_png, prepare, resize
from tests.images.made import HEIGHT, RGB, WIDTH, error_of, turned


@settings(deadline=None, max_examples=40)
@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    at_least=st.integers(1, 300),
    orientation=st.sampled_from([1, 6]),
)
def test_a_jpeg_decoded_smaller_is_never_smaller_than_asked(
    height: int, width: int, at_least: int, orientation: int
) -> None:
    data = turned(orientation, "JPEG", np.zeros((height, width, 3), np.uint8))
    image = decode(data, at_least=at_least)
    assert min(image.shape[:2]) >= min(at_least, height, width)
    assert abs(image.shape[0] * width - image.shape[1] * height) <= 8 * (height + width)


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size() -> None:
    large = resize(RGB, 800, 1120)
    image = decode(encode_jpeg(large), at_least=100)
    assert image.shape == (100, 140, 3)
    assert np.abs(image.astype(int) - resize(large, 100, 140)).mean() < 3


def test_resizing_to_the_same_size_returns_the_same_picture() -> None:
    assert resize(RGB, HEIGHT, WIDTH) is RGB
    assert resize(RGB, 20, 28).shape == (20, 28, 3)


def test_a_smaller_picture_averages_what_it_covers() -> None:
    board = np.indices((8, 8)).sum(0) % 2 * np.uint8(200)
    assert (resize(np.dstack([board] * 3).astype(np.uint8), 4, 4) == 100).all()


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (7, 7), (1, 300), (64, 64)])
def test_every_fit_gives_a_square_of_the_size_asked(shape: tuple[int, int], fit: Any) -> None:
    image = prepare(resize(RGB, *shape), 64, fit)
    assert image.shape == (64, 64, 3)
    assert image.flags.c_contiguous


def test_crop_takes_the_middle_and_keeps_proportions() -> None:
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 200
    assert (prepare(wide, 10, "crop") == 200).all()


def test_pad_keeps_the_whole_picture_between_neutral_grey() -> None:
    wide = np.full((10, 20, 3), 200, np.uint8)
    padded = prepare(wide, 40, "pad")
    assert (padded[:10] == 128).all()
    assert (padded[10:30] == 200).all()
    assert (padded[30:] == 128).all()


def test_stretch_uses_the_whole_picture() -> None:
    assert error_of(prepare(RGB, 16, "stretch"), resize(RGB, 16, 16)) == 0


def test_encoding_is_deterministic_and_png_loses_nothing() -> None:
    assert encode_jpeg(RGB) == encode_jpeg(RGB.copy())
    assert encode_png(RGB) == encode_png(RGB.copy())
    assert error_of(decode(encode_png(RGB)), RGB) == 0
    assert error_of(decode(encode_jpeg(RGB, full_colour=True)), RGB) <= 4
    assert len(encode_jpeg(RGB, quality=50)) < len(encode_jpeg(RGB))
