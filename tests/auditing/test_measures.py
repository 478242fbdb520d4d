"""The five numbers move as their names say, and a picture is known when it comes twice."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genmix.auditing.measures import MEASURES, describe, thumbnail, twins
from genmix.images import Image, decode, encode_jpeg


def measured(picture: Image) -> dict[str, float]:
    return dict(zip(MEASURES, describe(picture).tolist(), strict=True))


def flat(red: int, green: int, blue: int) -> Image:
    return np.full((40, 60, 3), (red, green, blue), np.uint8)


@pytest.fixture
def scene(photos: Path) -> Image:
    return decode((photos / "star" / "0001.jpg").read_bytes())


@given(st.integers(0, 255))
def test_grey_has_neither_colour_nor_warmth_nor_contrast(level: int) -> None:
    found = measured(flat(level, level, level))
    assert found["colour"] == pytest.approx(0, abs=0.2)
    assert found["warmth"] == pytest.approx(0, abs=0.2)
    assert found["contrast"] == pytest.approx(0, abs=1e-3)
    assert found["sharpness"] == pytest.approx(-10, abs=0.2)


def test_known_colours_have_their_values_in_cielab() -> None:
    assert measured(flat(255, 255, 255))["brightness"] == pytest.approx(100, abs=0.2)
    assert measured(flat(0, 0, 0))["brightness"] == pytest.approx(0, abs=0.2)
    red = measured(flat(255, 0, 0))  # L* 53.24, a* 80.09, b* 67.20
    assert (red["brightness"], red["warmth"]) == pytest.approx((53.24, 67.2), abs=0.3)
    assert red["colour"] == pytest.approx(np.hypot(80.09, 67.2), abs=0.3)
    assert measured(flat(0, 0, 255))["warmth"] < -100


def test_each_change_moves_its_measure(scene: Image) -> None:
    before = measured(scene)
    brighter = measured(np.minimum(scene.astype(int) + 30, 255).astype(np.uint8))
    assert brighter["brightness"] > before["brightness"] + 5
    flatter = measured((scene // 2 + 64).astype(np.uint8))
    assert flatter["contrast"] < 0.7 * before["contrast"]
    grey = np.repeat(scene.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert measured(grey)["colour"] < 1 < before["colour"]
    blurred = cv2.GaussianBlur(scene, (0, 0), 2)
    assert measured(blurred)["sharpness"] < before["sharpness"] - 1
    cooler = scene.copy()
    cooler[..., 2] = np.maximum(cooler[..., 2], 200)
    assert measured(cooler)["warmth"] < before["warmth"]


def test_a_picture_is_known_again_by_its_bytes_and_by_its_looks(scene: Image) -> None:
    again = decode(encode_jpeg(scene, quality=90))
    other = scene.copy()
    other[:20, :20] = 255 - other[:20, :20]
    rows = np.stack([thumbnail(each) for each in (scene, scene, again, other, scene[:, ::-1])])
    exact, near = twins(["a", "a", "b", "c", "d"], rows)
    assert exact == [True, True, False, False, False]
    assert near == [True, True, True, False, False]


def test_a_large_set_is_searched_in_parts() -> None:
    rows = np.random.default_rng(0).integers(0, 256, (700, 768), dtype=np.uint8)
    rows[650] = rows[3]
    exact, near = twins([str(k) for k in range(700)], rows)
    assert not any(exact)
    assert [k for k, found in enumerate(near) if found] == [3, 650]
