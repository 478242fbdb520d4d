"""Every format and mode becomes RGB as stated."""

from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage
from PIL import ImageCms

from genmix.images import Image, decode
from tests.images.made import (
    EXACT,
    GREY,
    HEIGHT,
    LOSSY,
    OPACITY,
    RGB,
    WIDTH,
    Array,
    encoded,
    error_of,
    grey,
    over_white,
)


@pytest.mark.parametrize(
    ("format_", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95}, LOSSY),
        ("JPEG", {"quality": 95, "progressive": True}, LOSSY),
        (
            "MPO",
            {"quality": 95, "save_all": True, "append_images": [PilImage.new("RGB", (9, 9))]},
            LOSSY,
        ),
        ("PNG", {}, EXACT),
        ("PNG", {"save_all": True, "append_images": [PilImage.new("RGB", (WIDTH, HEIGHT))]}, EXACT),
        ("WEBP", {"lossless": True}, EXACT),
        ("WEBP", {"quality": 95}, LOSSY),
        (
            "WEBP",
            {
                "lossless": True,
                "save_all": True,
                "append_images": [PilImage.new("RGB", (WIDTH, HEIGHT))],
            },
            EXACT,
        ),
        ("BMP", {}, EXACT),
        ("TIFF", {}, EXACT),
        ("TIFF", {"compression": "tiff_lzw"}, EXACT),
        ("TIFF", {"compression": "tiff_adobe_deflate"}, EXACT),
        ("TIFF", {"compression": "packbits"}, EXACT),
        ("TIFF", {"save_all": True, "append_images": [PilImage.new("RGB", (9, 9))]}, EXACT),
    ],
)
def test_each_format_gives_back_its_first_picture(
    format_: str, options: dict[str, Any], tolerance: int
) -> None:
    image = decode(encoded(RGB, format_, **options))
    assert error_of(image, RGB) <= tolerance
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable


def test_a_gif_gives_its_first_frame_with_its_palette() -> None:
    first = PilImage.fromarray(RGB).quantize(64)
    second = PilImage.new("P", first.size)
    data = encoded(first, "GIF", save_all=True, append_images=[second])
    assert error_of(decode(data), np.asarray(first.convert("RGB"))) == 0


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_palette_and_one_bit_pictures_become_the_colours_they_show(
    mode: str, format_: str
) -> None:
    stored = PilImage.fromarray(RGB).convert(mode)
    image = decode(encoded(stored, format_))
    assert error_of(image, np.asarray(stored.convert("RGB"))) == 0
    assert mode == "P" or (image[..., 0] == image[..., 2]).all()


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_laid_over_white(format_: str) -> None:
    options = {"lossless": True, "exact": True} if format_ == "WEBP" else {}
    data = encoded(np.dstack([RGB, OPACITY]), format_, **options)
    assert error_of(decode(data), over_white(RGB)) <= 1


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_grey_with_alpha_is_laid_over_white(format_: str) -> None:
    data = encoded(np.dstack([GREY, OPACITY]), format_)
    assert error_of(decode(data), over_white(grey(GREY))) <= 1


def test_a_palette_with_alpha_is_laid_over_white() -> None:
    colours = PilImage.fromarray(RGB).quantize(64)
    both = PilImage.merge("RGBA", (*colours.convert("RGB").split(), PilImage.fromarray(OPACITY)))
    stored = both.convert("PA")
    expected = over_white(np.asarray(stored.convert("RGB")))
    assert error_of(decode(encoded(stored, "TIFF")), expected) <= 1


@pytest.mark.parametrize(("format_", "transparency"), [("PNG", 5), ("PNG", bytes(6)), ("GIF", 5)])
def test_transparent_palette_entries_become_white(format_: str, transparency: int | bytes) -> None:
    stored = PilImage.fromarray(RGB).quantize(64)
    image = decode(encoded(stored, format_, transparency=transparency))
    entries = np.asarray(stored)
    hidden = entries == 5 if isinstance(transparency, int) else entries < 6
    assert (image[hidden] == 255).all()
    assert (image[~hidden] == np.asarray(stored.convert("RGB"))[~hidden]).all()


@pytest.mark.parametrize(("picture", "key"), [(RGB, (10, 20, 30)), (GREY, 40)])
def test_a_transparent_colour_becomes_white(picture: Image, key: int | tuple[int, ...]) -> None:
    picture = picture.copy()
    picture[3:9] = key
    image = decode(encoded(picture, "PNG", transparency=key))
    assert (image[3:9] == 255).all()
    assert (image[0, 0] == picture[0, 0]).all()


def cmyk_picture(inks: Array) -> PilImage.Image:
    return PilImage.frombytes("CMYK", (inks.shape[1], inks.shape[0]), inks.tobytes())


def test_cmyk_becomes_rgb_by_the_plain_formula() -> None:
    cmyk = np.dstack([255 - RGB, np.full_like(GREY, 51)])
    expected = np.rint(RGB * 0.8)
    data = encoded(cmyk_picture(cmyk), "TIFF")
    assert error_of(decode(data), expected) <= 1
    inverted = encoded(cmyk_picture(cmyk), "JPEG", quality=100)
    assert b"Adobe" in inverted
    assert error_of(decode(inverted), expected) <= 4


def test_ycck_becomes_rgb() -> None:
    ycc = np.asarray(PilImage.fromarray(255 - RGB).convert("YCbCr"))
    stored = 255 - np.dstack([ycc, np.full_like(GREY, 255)])
    data = bytearray(encoded(cmyk_picture(stored), "JPEG", quality=100))
    data[data.index(b"Adobe") + 11] = 2  # the marker's transform: YCCK
    assert error_of(decode(bytes(data)), RGB) <= 5


def test_lab_and_ycbcr_tiffs_become_rgb() -> None:
    for mode in ("LAB", "YCbCr"):
        image = decode(encoded(PilImage.fromarray(RGB).convert(mode), "TIFF"))
        assert np.abs(image.astype(int) - RGB).mean() < 6


def test_an_embedded_colour_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    assert error_of(decode(encoded(RGB, "PNG", icc_profile=profile)), RGB) == 0
