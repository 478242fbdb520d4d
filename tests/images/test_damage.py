"""Hostile bytes only ever raise `ImageError`, in one line."""

import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PilImage

from genmix.errors import ImageError
from genmix.images import SNIFF_BYTES, decode, sniff
from tests.images.made import GREY, OPACITY, RGB, Array, encoded


def with_exif(picture: Array, format_: str, **options: Any) -> bytes:
    exif = PilImage.Exif()
    exif[0x0112], exif[0x010F], exif[0x9286] = 6, "maker", b"comment"
    return encoded(picture, format_, exif=exif, **options)


WHOLE = {
    "JPEG": with_exif(RGB, "JPEG"),
    "progressive JPEG": encoded(RGB, "JPEG", progressive=True),
    "CMYK JPEG": encoded(PilImage.fromarray(RGB).convert("CMYK"), "JPEG"),
    "PNG": with_exif(RGB, "PNG"),
    "palette PNG": encoded(PilImage.fromarray(RGB).quantize(64), "PNG", transparency=3),
    "16-bit PNG": encoded(GREY.astype(np.uint16) * 257, "PNG"),
    "WebP": with_exif(np.dstack([RGB, OPACITY]), "WEBP"),
    "lossless WebP": encoded(RGB, "WEBP", lossless=True),
    "BMP": encoded(RGB, "BMP"),
    "palette BMP": encoded(PilImage.fromarray(RGB).quantize(64), "BMP"),
    "GIF": encoded(GREY, "GIF"),
    "TIFF": encoded(RGB, "TIFF"),
    "float TIFF": encoded(GREY.astype(np.float32), "TIFF"),
    "LZW TIFF": encoded(RGB, "TIFF", compression="tiff_lzw"),
    "deflated TIFF": encoded(RGB, "TIFF", compression="tiff_adobe_deflate"),
    "JPEG TIFF": encoded(RGB, "TIFF", compression="jpeg"),
}
each_file = pytest.mark.parametrize("name", WHOLE)


def decodes_or_refuses(data: bytes) -> None:
    try:
        image = decode(data)
    except ImageError as error:
        reason = str(error)
        assert reason
        assert reason.isprintable()
        assert len(reason) < 120
        assert "0x" not in reason
        return
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    bad = bytearray(data)
    kind = rng.integers(4)
    if kind == 0:
        return data[: rng.integers(len(data))]
    if kind == 1:  # flip bits anywhere
        for at in rng.integers(len(data), size=rng.integers(1, 8)):
            bad[at] ^= 1 << rng.integers(8)
    elif kind == 2:  # write extreme values into the header
        for at in rng.integers(min(200, len(data)), size=rng.integers(1, 5)):
            bad[at] = rng.choice([0, 1, 127, 128, 255])
    else:  # put noise in the place of a stretch
        at = int(rng.integers(len(data)))
        bad[at : at + int(rng.integers(40))] = rng.bytes(int(rng.integers(40)))
    return bytes(bad)


@each_file
def test_a_damaged_file_is_decoded_or_refused_in_one_line(name: str) -> None:
    rng = np.random.default_rng(len(name))
    for _ in range(40):
        decodes_or_refuses(damaged(WHOLE[name], rng))


@each_file
@pytest.mark.parametrize("share", [0.02, 0.5, 0.8])
def test_a_file_that_was_cut_off_is_refused(name: str, share: float) -> None:
    data = WHOLE[name]
    with pytest.raises(ImageError):
        decode(data[: int(len(data) * share)])


def test_a_cut_photo_is_called_truncated() -> None:
    for name in ("JPEG", "PNG", "BMP", "TIFF"):
        with pytest.raises(ImageError, match=r"^truncated$"):
            decode(WHOLE[name][: -len(WHOLE[name]) // 10])


@each_file
def test_a_file_that_begins_like_another_format_is_decoded_or_refused(name: str) -> None:
    for other in WHOLE.values():
        decodes_or_refuses(other[:16] + WHOLE[name][16:])
        decodes_or_refuses(other[:4] + WHOLE[name])


BEGINNINGS = sorted({data[:SNIFF_BYTES] for data in WHOLE.values()})


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(BEGINNINGS), st.binary(max_size=300))
def test_any_bytes_after_a_known_beginning_are_decoded_or_refused(head: bytes, rest: bytes) -> None:
    decodes_or_refuses(head + rest)


@settings(max_examples=100)
@given(st.binary(max_size=64))
def test_any_bytes_at_all_are_decoded_or_refused(data: bytes) -> None:
    decodes_or_refuses(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"\0" * 5000, "not an image"),
        (b"<html>404</html>", "not an image"),
        (b"%PDF-1.7\n", "not an image"),
        (b"\x00\x00\x00\x1cftypheic" + b"\0" * 99, "not an image"),
    ],
)
def test_what_is_no_picture_is_called_so(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=f"^{reason}$"):
        decode(data)


def warnings_of(data: bytes) -> Iterator[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with suppress(ImageError):
            decode(data)
    yield from (str(warning.message) for warning in caught)


def test_no_warning_of_pillows_escapes_and_the_filters_stay() -> None:
    before = list(warnings.filters)
    rng = np.random.default_rng(5)
    for data in WHOLE.values():
        for _ in range(5):
            assert not list(warnings_of(damaged(data, rng)))
    assert warnings.filters == before


def test_sniffing_names_each_format_by_its_first_bytes() -> None:
    for name, data in WHOLE.items():
        assert sniff(data[:SNIFF_BYTES]) == name.split()[-1]
    assert sniff(b"") is None
    assert sniff(b"RIFF\0\0\0\0WAVEfmt ") is None
