"""Pictures in and out: decode, orient, resize, encode; the only place that touches a codec.

A picture is a C-contiguous `uint8` array, height x width x 3, RGB. Every mode a file may have is
made RGB in one stated way (see `decode`).
"""

import io
import warnings
from typing import Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PilImage
from PIL import ImageOps

from genmix.errors import ImageError

Image: TypeAlias = npt.NDArray[np.uint8]
Fit: TypeAlias = Literal["stretch", "crop", "pad"]

MAX_PIXELS = 200_000_000
"""Above this many pixels a file is refused unread: no camera makes it, a bomb does."""

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
"""File names that end so are taken for photos; what they hold is judged by content."""

_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "TIFF", "GIF")


def decode(data: bytes, *, at_least: int | None = None) -> Image:
    """Decode an encoded picture to RGB, turned the way its EXIF orientation says.

    Args:
        data: A JPEG, PNG, WebP, BMP, TIFF, or GIF (its first frame).
        at_least: If only this many pixels of the shorter side are needed, a JPEG may be decoded
            at a half, a quarter or an eighth of its size, never below this.

    Returns:
        uint8, height x width x 3, RGB.

    Raises:
        ImageError: If the bytes are no such picture, are damaged, or exceed `MAX_PIXELS`.
    """
    raise ImageError("not yet")


def resize(image: Image, height: int, width: int) -> Image:
    """Resize by area averaging when smaller, bicubic when larger; the input itself if equal."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = height * width < image.shape[0] * image.shape[1]
    return cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )


def encode_jpeg(image: Image, quality: int = 95) -> bytes:
    """Encode as JPEG; the same bytes for the same pixels."""
    buffer = io.BytesIO()
    PilImage.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def encode_png(image: Image) -> bytes:
    """Encode as PNG, without loss."""
    buffer = io.BytesIO()
    PilImage.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()
