"""Pictures for these tests, encoded: also in kinds that Pillow reads but does not write."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PilImage

from genmix.images import Image

Array = npt.NDArray[Any]

HEIGHT, WIDTH = 40, 56


def smooth() -> Image:
    """A picture without symmetry that survives lossy compression."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.dstack([x * 255 / WIDTH, y * 255 / HEIGHT, 255 - x * 200 / WIDTH]).astype(np.uint8)


RGB = smooth()
GREY = RGB[..., 0]
OPACITY = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))

LOSSY, EXACT = 12, 0
"""How far a level may be off."""


def encoded(picture: PilImage.Image | Array, format_: str, **options: Any) -> bytes:
    if not isinstance(picture, PilImage.Image):
        picture = PilImage.fromarray(picture)
    buffer = io.BytesIO()
    picture.save(buffer, format_, **options)
    return buffer.getvalue()


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


def error_of(image: Image, expected: Array) -> int:
    assert image.shape == expected.shape
    return int(np.abs(image.astype(int) - expected).max())


def grey(values: Array) -> Array:
    return np.repeat(np.asarray(values)[..., None], 3, -1)


def over_white(colours: Array) -> Array:
    share = OPACITY[..., None] / 255
    return np.rint(colours * share + 255 * (1 - share)).astype(int)
