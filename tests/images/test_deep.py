"""More than eight bits a channel: what becomes of them, and what is refused."""

import struct

import numpy as np
import pytest

from genmix.errors import ImageError
from genmix.images import decode
from tests.images.made import Array, encoded, error_of, grey, png, tiff

ALL_16_BIT = np.arange(65536, dtype=np.uint16).reshape(256, 256)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encoded(ALL_16_BIT, "PNG"), id="PNG"),
        pytest.param(encoded(ALL_16_BIT, "TIFF"), id="TIFF"),
        pytest.param(encoded(ALL_16_BIT, "TIFF", compression="tiff_lzw"), id="TIFF, LZW"),
        pytest.param(tiff(ALL_16_BIT.astype(">u2"), 1, [16]), id="TIFF, big-endian"),
    ],
)
def test_16_bit_grey_keeps_its_upper_eight_bits(data: bytes) -> None:
    assert error_of(decode(data), grey(ALL_16_BIT >> 8)) == 0


DEEP_RGB = np.random.default_rng(0).integers(0, 65536, (12, 10, 3), dtype=np.uint16)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(png(DEEP_RGB, 16, 2), id="PNG"),
        pytest.param(tiff(DEEP_RGB, 2, [16] * 3), id="TIFF"),
        pytest.param(tiff(DEEP_RGB.astype(">u2"), 2, [16] * 3), id="TIFF, big-endian"),
        pytest.param(tiff(DEEP_RGB, 2, [16] * 3, compress=True), id="TIFF, deflated"),
    ],
)
def test_16_bit_colour_keeps_its_upper_eight_bits(data: bytes) -> None:
    assert error_of(decode(data), DEEP_RGB >> 8) == 0


def test_16_bit_pictures_with_alpha_are_laid_over_white() -> None:
    opaque_then_clear = np.array([[[40000, 65535], [40000, 0]]])
    assert decode(png(opaque_then_clear, 16, 4))[0].tolist() == [[156] * 3, [255] * 3]
    key = png(np.array([[300, 40000]]), 16, 0, transparent=struct.pack(">H", 300))
    assert decode(key)[0].tolist() == [[255] * 3, [156] * 3]


def test_12_bit_grey_keeps_its_upper_eight_bits() -> None:
    two_pixels = np.frombuffer(b"\xab\xc0\x12", np.uint8)[None]  # 0xABC, 0x012
    assert decode(tiff(two_pixels, 1, [12], width=2))[0, :, 0].tolist() == [0xAB, 0x01]


def test_deep_grey_in_which_zero_is_white_is_turned_round() -> None:
    assert error_of(decode(tiff(ALL_16_BIT, 0, [16])), grey(255 - (ALL_16_BIT >> 8))) == 0


@pytest.mark.parametrize(
    ("values", "sample_format"),
    [
        (np.array([[-0.5, 0.0, 0.5]], "<f4"), 3),
        (np.array([[-0.5, 0.0, 0.5]], ">f4"), 3),
        (np.array([[-2_000_000, 0, 2_000_000]], "<i4"), 2),
        (np.array([[0, 2**31, 2**32 - 1]], "<u4"), 1),
        (np.array([[-300, 0, 300]], "<i2"), 2),
    ],
)
def test_signed_and_32_bit_grey_spans_its_own_range(values: Array, sample_format: int) -> None:
    data = tiff(values, 1, [values.itemsize * 8], sample_format=sample_format)
    assert decode(data)[0, :, 0].tolist() == [0, 128, 255]


def test_floats_that_are_not_finite_take_the_nearest_end() -> None:
    values = np.array([[-1, 1, np.nan, np.inf, -np.inf]], "<f4")
    data = tiff(values, 1, [32], sample_format=3)
    assert decode(data)[0, :, 0].tolist() == [0, 255, 0, 255, 0]
    with pytest.raises(ImageError, match="finite"):
        decode(tiff(values[:, 2:], 1, [32], sample_format=3))
    assert decode(tiff(np.full((2, 2), 7, "<f4"), 1, [32], sample_format=3)).max() == 0


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(tiff(np.ones((2, 2)), 1, [64], sample_format=3), id="64-bit"),
        pytest.param(tiff(DEEP_RGB, 2, [16] * 3, planar=2), id="16 bit, planar"),
        pytest.param(
            tiff(np.ones((2, 2), ">f4"), 1, [32], sample_format=3, compress=True),
            id="float, big-endian, deflated",
        ),
    ],
)
def test_layouts_that_cannot_be_read_right_are_refused(data: bytes) -> None:
    with pytest.raises(ImageError, match=r"^not supported: "):
        decode(data)
