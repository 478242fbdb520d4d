"""Small files that claim to be large ones, and how large a picture may be."""

import resource
import struct
import time
import zlib
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image as PilImage

from genmix.errors import ImageError
from genmix.images import MAX_PIXELS, decode
from tests.images.made import GREY, OPACITY, RGB, encoded, error_of, grey, tiff


def bomb_png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = encoded(RGB, "PNG")
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return start[:16] + header + crc + start[33:]


def bomb_jpeg(width: int, height: int) -> bytes:
    data = encoded(RGB, "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def bomb_webp(width: int, height: int) -> bytes:
    data = encoded(np.dstack([RGB, OPACITY]), "WEBP")
    at = data.index(b"VP8X") + 12
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return data[:at] + size + data[at + 6 :]


def bomb_gif(width: int, height: int) -> bytes:
    data = encoded(GREY, "GIF")
    return data[:6] + struct.pack("<HH", width, height) + data[10:]


def bomb_bmp(width: int, height: int) -> bytes:
    data = encoded(RGB, "BMP")
    return data[:18] + struct.pack("<ii", width, height) + data[26:]


def bomb_tiff(width: int, height: int) -> bytes:
    return tiff(RGB, 2, [8] * 3, width=width, height=height, compress=True)


@pytest.mark.parametrize(
    ("bomb", "side"),
    [
        (bomb_png, 100_000),
        (bomb_jpeg, 65_500),
        (bomb_webp, 16_383),
        (bomb_gif, 65_535),
        (bomb_bmp, 100_000),
        (bomb_tiff, 100_000),
    ],
)
def test_a_decompression_bomb_is_refused_at_once_and_unread(
    bomb: Callable[[int, int], bytes], side: int
) -> None:
    data = bomb(side, side)
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageError, match=r"more than 200 megapixels|larger than is safe|damaged"):
        decode(data)
    assert time.perf_counter() - start < 0.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB


def test_the_size_that_is_refused_is_named() -> None:
    with pytest.raises(ImageError, match=r"^image is 100000x100000, more than 200 megapixels$"):
        decode(bomb_png(100_000, 100_000))


def test_ten_thousand_frames_cost_no_more_than_the_first() -> None:
    data = encoded(GREY[:4, :4], "GIF")
    palette_end = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    start = time.perf_counter()
    image = decode(data[:-1] + data[palette_end:-1] * 10_000 + b";")
    assert error_of(image, grey(GREY[:4, :4])) == 0
    assert time.perf_counter() - start < 0.5


def test_text_that_inflates_does_not_fill_memory() -> None:
    text = b"zTXt" + b"k\0\0" + zlib.compress(bytes(200 << 20))
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    data = encoded(RGB, "PNG")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with suppress(ImageError):
        assert error_of(decode(data[:33] + chunk + data[33:]), RGB) == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB


def test_a_picture_above_pillows_own_limit_but_within_genmixs_is_decoded() -> None:
    side = 9600
    assert PilImage.MAX_IMAGE_PIXELS is not None
    assert PilImage.MAX_IMAGE_PIXELS < side**2 < MAX_PIXELS
    data = encoded(PilImage.new("1", (side, side)), "PNG")
    assert decode(data).shape == (side, side, 3)
