"""What a picture says of itself is standard, changes no pixel, and is found again."""

import io
import json
import subprocess
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PilImage

from genmix.images import Image, decode, encode_jpeg, encode_png, without_metadata, xmp_of
from genmix.provenance.metadata import (
    CREATOR,
    digital_source_type,
    item_name,
    linked_item,
    packet,
)

ITEM = item_name(["a", 1, None, 0.5])
PACKET = packet(ITEM, digital_source_type(generative=True, blended=True))

each_format = pytest.mark.parametrize("encode", [encode_jpeg, encode_png])


def scene(seed: int = 0, side: int = 40) -> Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def exiftool(data: bytes, *arguments: str) -> bytes:
    return subprocess.run(
        ["exiftool", *arguments, "-"], input=data, capture_output=True, check=True
    ).stdout


@each_format
@given(seed=st.integers(0, 1000), side=st.integers(1, 70))
def test_metadata_changes_no_pixel_and_the_picture_below_it_is_the_same(
    encode: Callable[..., bytes], seed: int, side: int
) -> None:
    picture = scene(seed, side)
    plain, telling = encode(picture), encode(picture, xmp=PACKET)
    assert telling != plain
    assert without_metadata(telling) == without_metadata(plain)
    assert np.array_equal(decode(telling), decode(plain))
    assert encode(picture, xmp=PACKET) == telling
    assert xmp_of(telling) == PACKET
    assert xmp_of(plain) is None


@each_format
def test_exiftool_reads_what_opencv_and_pillow_carry(encode: Callable[..., bytes]) -> None:
    telling = encode(scene(), xmp=PACKET)
    told: dict[str, Any] = json.loads(exiftool(telling, "-j", "-G1"))[0]
    assert told["XMP-iptcExt:DigitalSourceType"] == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    )
    assert told["XMP-xmpMM:DocumentID"] == f"urn:uuid:{ITEM}"
    assert told["XMP-xmp:CreatorTool"] == CREATOR
    assert "Warning" not in " ".join(told)
    assert PilImage.open(io.BytesIO(telling)).info["xmp"]
    assert cv2.imdecode(np.frombuffer(telling, np.uint8), cv2.IMREAD_COLOR) is not None


@each_format
def test_the_link_survives_another_program_and_the_picture_its_stripping(
    encode: Callable[..., bytes],
) -> None:
    telling = encode(scene(), xmp=PACKET)
    rewritten = exiftool(telling, "-XMP-dc:Title=a title", "-o", "-")
    stripped = exiftool(telling, "-all=", "-o", "-")
    assert rewritten != telling
    assert linked_item(rewritten) == ITEM
    assert linked_item(stripped) is None
    assert without_metadata(stripped) == without_metadata(rewritten) == without_metadata(telling)
    assert without_metadata(encode(scene(1))) != without_metadata(telling)


@pytest.mark.parametrize(
    "data", [b"", b"text", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"\xff" * 99]
)
def test_what_is_no_picture_links_to_nothing_and_ends(data: bytes) -> None:
    assert linked_item(data) is None
    assert len(without_metadata(data)) <= len(data)


@given(st.binary(max_size=300), st.sampled_from([b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"]))
def test_damaged_files_never_raise(rest: bytes, head: bytes) -> None:
    assert linked_item(head + rest) is None
    assert len(without_metadata(head + rest)) <= len(head + rest)


def test_a_progressive_jpeg_keeps_all_its_scans() -> None:
    buffer = io.BytesIO()
    PilImage.fromarray(scene()).save(buffer, "JPEG", progressive=True, comment=b"a comment")
    data = buffer.getvalue()
    kept = without_metadata(data)
    assert b"a comment" in data
    assert b"a comment" not in kept
    assert kept.endswith(b"\xff\xd9")
    assert np.array_equal(decode(b"\xff\xd8" + kept), decode(data))


@pytest.mark.parametrize(
    ("generative", "blended", "term"),
    [
        (True, True, "compositeWithTrainedAlgorithmicMedia"),
        (True, False, "compositeWithTrainedAlgorithmicMedia"),
        (False, True, "composite"),
        (False, False, "algorithmicallyEnhanced"),
    ],
)
def test_the_source_type_never_denies_a_generative_model(
    generative: bool, blended: bool, term: str
) -> None:
    found = digital_source_type(generative=generative, blended=blended)
    assert found == f"http://cv.iptc.org/newscodes/digitalsourcetype/{term}"


values = st.lists(st.none() | st.booleans() | st.integers() | st.text(max_size=5), max_size=4)


@given(values, values)
def test_items_have_one_name_each_that_tells_nothing(one: list[Any], other: list[Any]) -> None:
    same = json.dumps(one) == json.dumps(other)
    assert (item_name(one) == item_name(other)) is same


def test_an_items_name_is_the_same_on_every_machine() -> None:
    assert item_name(["a", 1, None, 0.5]) == "598b2b12-dd6d-5a42-bd2f-56e5a4d383fe"
