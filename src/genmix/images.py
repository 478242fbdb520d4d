"""Pictures in and out: decode, orient, resize, encode; the only place that touches a codec.

A picture is a C-contiguous `uint8` array, height x width x 3, RGB. Every mode a file may have is
made RGB in one stated way (see `decode`).
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL import Image as PilImage

from genmix.errors import ImageError

Image: TypeAlias = npt.NDArray[np.uint8]
Fit: TypeAlias = Literal["stretch", "crop", "pad"]

MAX_PIXELS = 200_000_000
"""Above this many pixels a file is refused unread: no camera makes it, a bomb does."""

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
"""File names that end so are taken for photos; what they hold is judged by content."""

SNIFF_BYTES = 12
"""How much of a file's beginning `sniff` needs."""

_READERS: dict[str, type[ImageFile.ImageFile]] = {
    # A multi-picture JPEG (MPO) begins with a whole JPEG, which is its first picture.
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "GIF": GifImagePlugin.GifImageFile,
}

_BEGINNINGS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF, and below
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
)

# What Pillow's readers are known to raise on damaged or hostile bytes. `Warning` is here for
# programs that turn warnings into errors.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    BufferError,
    MemoryError,
    RuntimeError,
    SystemError,
    Warning,
    struct.error,
    zlib.error,
    PilImage.DecompressionBombError,
)

# EXIF orientation -> what turns the stored picture upright.
_TURNS = {
    2: PilImage.Transpose.FLIP_LEFT_RIGHT,
    3: PilImage.Transpose.ROTATE_180,
    4: PilImage.Transpose.FLIP_TOP_BOTTOM,
    5: PilImage.Transpose.TRANSPOSE,
    6: PilImage.Transpose.ROTATE_270,
    7: PilImage.Transpose.TRANSVERSE,
    8: PilImage.Transpose.ROTATE_90,
}


def sniff(head: bytes) -> str | None:
    """Name the picture format that a file's first bytes announce.

    Args:
        head: The file's first `SNIFF_BYTES` bytes, or more.

    Returns:
        "JPEG", "PNG", "WebP", "BMP", "TIFF" or "GIF", the formats that `decode` reads; else None.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return next((name for magic, name in _BEGINNINGS if head.startswith(magic)), None)


def decode(data: bytes, *, at_least: int | None = None, most_pixels: int = MAX_PIXELS) -> Image:
    """Decode an encoded picture to RGB, turned the way its EXIF orientation says.

    How the modes of a file become RGB:

    - grey: three equal channels; a palette: its colours; one bit: black and white;
    - alpha, or a transparent palette entry or colour: laid over white;
    - CMYK and YCCK: by the plain formula, R = (255 - C)(255 - K) / 255;
    - 12 or 16 bits a channel: the upper eight, so that the full range stays the full range;
    - signed 16-bit, 32-bit and floating grey: its own minimum to maximum becomes 0 to 255.

    Embedded colour profiles are ignored. Of several pictures in a file, the first is taken.

    Args:
        data: A JPEG, PNG, WebP, BMP, TIFF, or GIF (its first frame).
        at_least: If only this many pixels of the shorter side are needed, a JPEG may be decoded
            at a half, a quarter or an eighth of its size, never below this.
        most_pixels: Above this many, a picture is refused unread.

    Returns:
        uint8, height x width x 3, RGB.

    Raises:
        ImageError: If the bytes are no such picture, are damaged, or have too many pixels.
    """
    if not data:
        raise ImageError("empty file")
    reader = _READERS.get(sniff(data[:SNIFF_BYTES]) or "")
    if reader is None:
        raise ImageError("not an image")
    with warnings.catch_warnings():
        # Of Pillow only: what it warns of is either refused below or harmless (odd metadata).
        # Among threads, the worst that a race can leave behind is this filter.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        try:
            with reader(io.BytesIO(data)) as picture:
                _check_size(*picture.size, most_pixels)
                _check_layout(picture)
                if at_least is not None:
                    picture.draft(picture.mode, (at_least, at_least))
                picture.load()
                return np.array(_upright(_to_rgb(picture), _orientation(picture)))
        except _DAMAGE as error:
            raise ImageError(_reason(error)) from error


def reads_as_it_is(data: bytes) -> bool:
    """Tell whether a reader that heeds neither depth nor orientation shows what `decode` shows.

    Pillow, as torchvision's loader uses it, makes white or black of grey that is deeper than eight
    bits, leaves a photo lying that its EXIF says to turn, and shows what lies under transparency.

    Args:
        data: A picture that `decode` reads.
    """
    reader = _READERS[sniff(data[:SNIFF_BYTES]) or ""]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        with reader(io.BytesIO(data)) as picture:
            deep = picture.mode.startswith("I") or picture.mode == "F"
            return not (deep or picture.has_transparency_data or _orientation(picture) in _TURNS)


def _check_size(width: int, height: int, most_pixels: int) -> None:
    if width * height > most_pixels:
        raise ImageError(
            f"image is {width}x{height}, more than {most_pixels / 1_000_000:.3g} megapixels"
        )


def _check_layout(picture: PilImage.Image) -> None:
    """Refuse the TIFF layouts that Pillow reads without complaint but as noise."""
    if not isinstance(picture, TiffImagePlugin.TiffImageFile):
        return
    tags = picture.tag_v2
    plain = picture.info["compression"] == "raw"
    separate = tags.get(TiffImagePlugin.PLANAR_CONFIGURATION) == 2
    if plain and separate and max(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))) > 8:
        raise ImageError("not supported: uncompressed TIFF of 16 bits in separate planes")
    if not plain and tags.prefix == b"MM" and picture.mode in {"I", "F"}:
        raise ImageError("not supported: compressed big-endian TIFF of this depth")


def _to_rgb(picture: PilImage.Image) -> PilImage.Image:
    """Make a loaded picture RGB, as `decode` states."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return PilImage.fromarray(_deep_grey(picture)).convert("RGB")
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        white = PilImage.new("RGB", over.size, "white")
        white.paste(over, mask=over.getchannel("A"))
        return white
    return picture.convert("RGB")


def _deep_grey(picture: PilImage.Image) -> Image:
    """Make grey of more than eight bits uint8, height x width."""
    values = np.asarray(picture)
    tags = getattr(picture, "tag_v2", {})  # only a TIFF has some, and Pillow heeds few of them
    if picture.mode.startswith("I;16"):
        bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (16,))[0]
        grey = (values >> (bits - 8)).astype(np.uint8)
        grey[values == picture.info.get("transparency", -1)] = 255
    elif picture.mode == "I" and tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,)) == (1,):
        grey = _stretched(values.view(np.uint32))
    else:
        grey = _stretched(values)
    return ~grey if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0 else grey


def _stretched(values: npt.NDArray[np.float32 | np.int32 | np.uint32]) -> Image:
    """Map values of any range, height x width, to uint8: minimum and NaN 0, maximum 255."""
    finite = np.isfinite(values)
    if not finite.any():
        raise ImageError("no pixel has a finite value")
    low, high = (float(bound) for bound in (values[finite].min(), values[finite].max()))
    bounded = np.nan_to_num(values, nan=low, posinf=high, neginf=low).astype(np.float64)
    return np.rint((bounded - low) * (255 / (high - low) if high > low else 0)).astype(np.uint8)


def _orientation(picture: PilImage.Image) -> int:
    """Read the EXIF orientation, 1 to 8; damaged EXIF does not make a picture unusable."""
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except _DAMAGE:
        return 1


def _upright(picture: PilImage.Image, orientation: int) -> PilImage.Image:
    turn = _TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def _reason(error: BaseException) -> str:
    """Say in a few words why Pillow gave up; the same words for the same bytes."""
    if isinstance(error, MemoryError):
        return "not enough memory to decode it"
    if isinstance(error, PilImage.DecompressionBombError):
        return "image is larger than is safe to decode"
    text = " ".join(str(error).split())[:80]
    if isinstance(error, EOFError) or "truncated" in text.lower():
        return "truncated"
    if not isinstance(error, _SPEAKING) or not text.isprintable() or "0x" in text:
        return "damaged"
    unsupported = any(word in text.lower() for word in ("unknown", "unsupported", "not supported"))
    return f"{'not supported' if unsupported else 'damaged'}: {text or type(error).__name__}"


# The exceptions whose text Pillow writes for people.
_SPEAKING = (OSError, SyntaxError, ValueError)

_NEUTRAL_GREY = (128, 128, 128)


def resize(image: Image, height: int, width: int) -> Image:
    """Resize by area averaging when smaller, bicubic when larger; the input itself if equal."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = height * width < image.shape[0] * image.shape[1]
    return cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )


def prepare(image: Image, size: int, fit: Fit) -> Image:
    """Bring a picture to a square.

    Args:
        image: uint8, height x width x 3.
        size: Side of the square in pixels, at least 1.
        fit: "stretch" squeezes the longer side, as the paper does; "crop" takes the square in
            the middle; "pad" keeps the whole picture in proportion, centred on neutral grey.
            (Grey is close to zero once a training script has normalized it, and repeating the
            edges instead draws streaks that a network learns like any other texture.)

    Returns:
        uint8, size x size x 3.
    """
    height, width = image.shape[:2]
    if fit == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        image = np.ascontiguousarray(image[top : top + side, left : left + side])
    elif fit == "pad":
        scale = size / max(height, width)
        inner = resize(image, max(1, round(height * scale)), max(1, round(width * scale)))
        above, left = (size - inner.shape[0]) // 2, (size - inner.shape[1]) // 2
        below, right = size - inner.shape[0] - above, size - inner.shape[1] - left
        return cv2.copyMakeBorder(
            inner, above, below, left, right, cv2.BORDER_CONSTANT, value=_NEUTRAL_GREY
        )
    return resize(image, size, size)


def encode_jpeg(
    image: Image, quality: int = 95, *, full_colour: bool = False, xmp: bytes = b""
) -> bytes:
    """Encode as JPEG; the same bytes for the same pixels.

    Args:
        image: uint8, height x width x 3, RGB.
        quality: 1 to 100.
        full_colour: Keep colour at full resolution (4:4:4) instead of half (4:2:0), for pictures
            that will be decoded and encoded again.
        xmp: An XMP packet to carry; it changes no byte of the picture itself.
    """
    buffer = io.BytesIO()
    subsampling = "4:4:4" if full_colour else "4:2:0"
    PilImage.fromarray(image).save(
        buffer, "JPEG", quality=quality, subsampling=subsampling, xmp=xmp
    )
    return buffer.getvalue()


def encode_png(image: Image, *, xmp: bytes = b"") -> bytes:
    """Encode as PNG, without loss; the same bytes for the same pixels, and `xmp` beside them."""
    buffer = io.BytesIO()
    texts = PngImagePlugin.PngInfo()
    if xmp:
        texts.add_itxt("XML:com.adobe.xmp", xmp.decode())
    # Level 1 takes a third of the default's time and makes photos 5 % larger.
    PilImage.fromarray(image).save(buffer, "PNG", compress_level=1, pnginfo=texts)
    return buffer.getvalue()


def xmp_of(data: bytes) -> bytes | None:
    """Return the XMP packet that an encoded picture carries; None if there is none to be read."""
    reader = _READERS.get(sniff(data[:SNIFF_BYTES]) or "")
    if reader is None:
        return None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        try:
            with reader(io.BytesIO(data)) as picture:
                found = picture.info.get("xmp")
        except _DAMAGE:
            return None
    return found.encode() if isinstance(found, str) else found


def without_metadata(data: bytes) -> bytes:
    """Return what of an encoded JPEG or PNG its pixels come from.

    The same picture with other metadata, or with none, gives the same bytes, as long as it was not
    encoded anew. A picture of another format is returned whole.
    """
    kind = sniff(data[:SNIFF_BYTES])
    if kind == "JPEG":
        return b"".join(_jpeg_picture(data))
    return b"".join(_png_picture(data)) if kind == "PNG" else data


def _jpeg_picture(data: bytes) -> Iterator[bytes]:
    """Yield the segments of a JPEG that are neither application data nor comments."""
    at = 2
    while at + 4 <= len(data) and data[at + 1] != _START_OF_SCAN:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if not (_FIRST_APP <= data[at + 1] <= _LAST_APP or data[at + 1] == _COMMENT):
            yield data[at:end]
        at = end
    yield data[at:]


_START_OF_SCAN = 0xDA
_FIRST_APP = 0xE0
_LAST_APP = 0xEF
_COMMENT = 0xFE


def _png_picture(data: bytes) -> Iterator[bytes]:
    """Yield the chunks of a PNG that pixels come from."""
    at = 8
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])  # length, kind, content, checksum
        if data[at + 4 : at + 8] in _PIXEL_CHUNKS:
            yield data[at:end]
        at = end


_PIXEL_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT"}
