"""The sample sources: real photos without a download, and scenes that a seed draws again."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from genmix.datasets import open_source
from genmix.datasets.samples import SHAPES, demo_photos, synthetic_photos
from genmix.errors import MissingExtraError
from genmix.images import Image, decode, prepare


def pictures(folder: Path) -> dict[str, Image]:
    source = open_source(folder)
    return {photo.path: decode(source.read(photo)) for photo in source.photos}


def test_the_demo_has_three_real_photos_of_each_of_six_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nothing may be fetched
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    demo_photos(tmp_path)
    source = open_source(tmp_path)
    counts = Counter(photo.label for photo in source.photos)
    assert counts == dict.fromkeys(
        ("astronaut", "cat", "coffee", "coins", "motorcycle", "rocket"), 3
    )
    for image in pictures(tmp_path).values():
        assert min(image.shape[:2]) > 200
        assert image.std() > 20


def test_the_demo_without_scikit_image_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skimage.data", None)
    with pytest.raises(MissingExtraError, match=r"genmix\[demo\]"):
        demo_photos(tmp_path)


def test_a_seed_draws_the_same_scenes_and_another_draws_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        synthetic_photos(tmp_path / name, classes=2, per_class=2, size=32, seed=seed)
    a, b, c = (
        {path.name: path.read_bytes() for path in (tmp_path / n).rglob("*") if path.is_file()}
        for n in "abc"
    )
    assert a == b
    assert not set(a.values()) & set(c.values())


def test_scenes_have_the_classes_number_and_size_asked_for(tmp_path: Path) -> None:
    synthetic_photos(tmp_path, classes=8, per_class=3, size=40)
    found = pictures(tmp_path)
    assert Counter(path.split("/")[0] for path in found) == dict.fromkeys(SHAPES, 3)
    assert {image.shape[0] for image in found.values()} == {40}
    assert all(40 <= image.shape[1] <= 60 for image in found.values())
    assert len({image.shape[1] for image in found.values()}) > 3


def test_more_pictures_leave_the_earlier_ones_as_they_were(tmp_path: Path) -> None:
    synthetic_photos(tmp_path / "few", classes=1, per_class=1, size=32)
    synthetic_photos(tmp_path / "many", classes=3, per_class=4, size=32)
    first = "disc/0000.jpg"
    assert (tmp_path / "few" / first).read_bytes() == (tmp_path / "many" / first).read_bytes()


def test_scenes_do_not_give_their_class_away_by_colour(tmp_path: Path) -> None:
    synthetic_photos(tmp_path, classes=4, per_class=40, size=32)
    found = pictures(tmp_path)
    colours = np.array([prepare(image, 1, "stretch")[0, 0] for image in found.values()], float)
    classes = np.array([path.split("/")[0] for path in found])
    means = np.array([colours[classes == name].mean(0) for name in sorted(set(classes))])
    assert means.std(0).max() < colours.std(0).min() / 3
