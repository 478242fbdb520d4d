"""Every mode and format becomes RGB as stated, and hostile bytes only ever raise `ImageError`."""

import io
import resource
import struct
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PilImage
from PIL import ImageCms

from genmix.errors import ImageError
from genmix.images import (
    MAX_PIXELS,
    SNIFF_BYTES,
    Image,
    decode,
    encode_jpeg,
    encode_png,
    prepare,
    resize,
    sniff,
)

Array = npt.NDArray[Any]

HEIGHT, WIDTH = 40, 56


def smooth() -> Image:
    """A picture without symmetry that survives lossy compression."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.dstack([x * 255 / WIDTH, y * 255 / HEIGHT, 255 - x * 200 / WIDTH]).astype(np.uint8)


RGB = smooth()
GREY = RGB[..., 0]


def encoded(picture: PilImage.Image | Array, format_: str, **options: Any) -> bytes:
    if not isinstance(picture, PilImage.Image):
        picture = PilImage.fromarray(picture)
    buffer = io.BytesIO()
    picture.save(buffer, format_, **options)
    return buffer.getvalue()


def error_of(image: Image, expected: Array) -> int:
    assert image.shape == expected.shape
    return int(np.abs(image.astype(int) - expected).max())


def grey(values: Array) -> Array:
    return np.repeat(np.asarray(values)[..., None], 3, -1)


def png(values: Array, bits: int, colour: int, *, transparent: bytes = b"") -> bytes:
    """Write a PNG of a kind that Pillow does not write."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(f">u{bits // 8}").tobytes() for row in values)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))]
    chunks += [(b"tRNS", transparent)] if transparent else []
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def tiff(
    values: Array, photometric: int, bits: list[int], *, compress: bool = False, **tags: int
) -> bytes:
    """Write a TIFF of one strip, in the byte order of `values`, of kinds that Pillow does not."""
    names = {"extra": 338, "sample_format": 339, "planar": 284, "tile_width": 322}
    order = ">" if values.dtype.byteorder == ">" else "<"
    data = zlib.compress(values.tobytes()) if compress else values.tobytes()
    fields: dict[int, tuple[str, list[int]]] = {
        256: ("I", [tags.pop("width", values.shape[1])]),
        257: ("I", [tags.pop("height", values.shape[0])]),
        258: ("H", bits),
        259: ("H", [8 if compress else 1]),
        262: ("H", [photometric]),
        273: ("I", [0]),
        277: ("H", [len(bits)]),
        279: ("I", [len(data)]),
        **{names[name]: ("H", [value]) for name, value in tags.items()},
    }
    start = 8 + 2 + 12 * len(fields) + 4
    packed = {tag: struct.pack(order + kind * len(v), *v) for tag, (kind, v) in fields.items()}
    beside = b"".join(value for value in packed.values() if len(value) > 4)
    packed[273] = struct.pack(order + "I", start + len(beside))
    directory, offset = b"", start
    for tag, (kind, value) in sorted(fields.items()):
        inline = packed[tag].ljust(4, b"\0")
        if len(inline) > 4:
            inline, offset = struct.pack(order + "I", offset), offset + len(inline)
        directory += struct.pack(order + "HHI", tag, 4 if kind == "I" else 3, len(value)) + inline
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(fields))
    return head + directory + bytes(4) + beside + data


LOSSY, EXACT = 12, 0


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


OPACITY = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))


def over_white(colours: Array) -> Array:
    share = OPACITY[..., None] / 255
    return np.rint(colours * share + 255 * (1 - share)).astype(int)


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


def test_lab_and_ycbcr_tiffs_become_rgb() -> None:
    for mode in ("LAB", "YCbCr"):
        image = decode(encoded(PilImage.fromarray(RGB).convert(mode), "TIFF"))
        assert np.abs(image.astype(int) - RGB).mean() < 6


def test_an_embedded_colour_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    assert error_of(decode(encoded(RGB, "PNG", icc_profile=profile)), RGB) == 0


UNTURNED: dict[int, Callable[[Image], Array]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


def turned(orientation: int, format_: str, picture: Image = RGB) -> bytes:
    """Store a picture as a camera held so would, with the note of how to turn it upright."""
    exif = PilImage.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format_ == "WEBP" else {"quality": 95}
    stored = np.ascontiguousarray(UNTURNED[orientation](picture))
    return encoded(stored, format_, exif=exif, **options)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", UNTURNED)
def test_each_exif_orientation_is_turned_upright(orientation: int, format_: str) -> None:
    assert error_of(decode(turned(orientation, format_)), RGB) <= LOSSY


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    exif = PilImage.Exif()
    exif[0x0112] = orientation
    assert error_of(decode(encoded(RGB, "PNG", exif=exif)), RGB) == 0


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0junk" * 9]
)
def test_damaged_exif_leaves_the_picture_usable(exif: bytes) -> None:
    assert error_of(decode(encoded(RGB, "JPEG", quality=95, exif=exif)), RGB) <= LOSSY


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


def test_a_picture_above_pillows_own_limit_but_within_genmixs_is_decoded() -> None:
    side = 9600
    assert PilImage.MAX_IMAGE_PIXELS is not None
    assert PilImage.MAX_IMAGE_PIXELS < side**2 < MAX_PIXELS
    data = encoded(PilImage.new("1", (side, side)), "PNG")
    assert decode(data).shape == (side, side, 3)
