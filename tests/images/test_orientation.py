"""What EXIF says of how a camera was held."""

import pytest
from PIL import Image as PilImage

from genmix.images import decode
from tests.images.made import LOSSY, RGB, UNTURNED, encoded, error_of, turned


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
