"""Photos are parted once, by class, and copies of one photo stay together."""

import json
import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genmix.errors import ExperimentError
from genmix.experiments.poc.likeness import groups_of, thumbnail
from genmix.experiments.poc.photos import open_all, prepare_all, target_labels, target_pictures
from genmix.experiments.poc.plan import SHAPES, Plan
from genmix.experiments.poc.settings import PocSettings
from genmix.experiments.poc.split import PARTS, Part, Read, split
from genmix.images import decode, encode_jpeg
from genmix.training.settings import TrainSettings
from tests.experiments.poc.drawn import draw

SHARES: dict[Part, float] = {"train": 0.6, "val": 0.15, "test": 0.25}

PLAN = Plan(600, SHAPES[0], 5, 1000, 300, 300, 1000, 8, {}, 1.0)


def settings(data: Path, **changes: object) -> PocSettings:
    train = TrainSettings(model="test_resnet", weights="scratch", size=32, steps=5)
    return PocSettings(data=str(data), train=train, budget_seconds=600, **changes)


@st.composite
def readings(draw: st.DrawFn) -> list[Read]:
    """Photos of a few classes, some of them copies of each other."""
    found = []
    for label in "abc"[: draw(st.integers(1, 3))]:
        for k in range(draw(st.integers(3, 20))):
            found.append(Read(label, f"{label}{k}", f"{label}{k}"))
            copies = range(draw(st.integers(0, 2)))
            found += [Read(label, f"{label}{k}x{copy}", f"{label}{k}") for copy in copies]
    return found


@given(readings(), st.integers(0, 5), st.randoms())
def test_a_split_has_every_class_in_every_part_and_parts_no_copies(
    photos: list[Read], seed: int, random: object
) -> None:
    parts = split(photos, SHARES, seed)
    assert {(photo.label, part) for photo, part in zip(photos, parts, strict=True)} == {
        (label, part) for label in {photo.label for photo in photos} for part in PARTS
    }
    sides: dict[object, set[str]] = {}
    for photo, part in zip(photos, parts, strict=True):
        sides.setdefault(photo.group, set()).add(part)
    assert all(len(found) == 1 for found in sides.values())
    shuffled = list(photos)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = dict(zip([p.digest for p in shuffled], split(shuffled, SHARES, seed), strict=True))
    assert [again[photo.digest] for photo in photos] == parts


def test_copies_with_different_labels_stay_together() -> None:
    photos = [Read(label, f"{label}{k}", k) for label in "ab" for k in range(8)]
    parts = split([*photos, *(Read("b", f"c{k}", f"c{k}") for k in range(9))], SHARES, 0)
    assert parts[:8] == parts[8:16]


def test_a_class_with_too_few_photos_is_named() -> None:
    photos = [Read("a", f"a{k}", k) for k in range(9)] + [
        Read("b", f"b{k}", "one") for k in range(5)
    ]
    with pytest.raises(
        ExperimentError, match=r"class 'b' has 1 different photos .* 3 are the least"
    ):
        split(photos, SHARES, 0)


def test_a_photo_made_smaller_and_compressed_anew_is_the_same_photo() -> None:
    rng = np.random.default_rng(0)
    photos = [
        cv2.GaussianBlur(rng.integers(0, 255, (120, 160, 3)).astype(np.uint8), (0, 0), 5)
        for _ in range(6)
    ]
    again = [
        decode(encode_jpeg(cv2.resize(p, (110, 82), interpolation=cv2.INTER_AREA), 70))
        for p in photos
    ]
    every = [*photos, *again]
    groups = groups_of([str(k) for k in range(12)], [thumbnail(photo) for photo in every])
    assert groups == [*range(6), *range(6)]


def test_equal_bytes_are_the_same_photo_whatever_they_look_like() -> None:
    rng = np.random.default_rng(0)
    looks = [thumbnail(rng.integers(0, 255, (40, 40, 3)).astype(np.uint8)) for _ in range(3)]
    assert groups_of(["x", "y", "x"], looks) == [0, 1, 0]


def test_photos_are_read_once_and_parted_and_what_is_damaged_is_named(tmp_path: Path) -> None:
    draw(tmp_path / "photos", per_class=12, seed=1, tell_tale=True)
    first = min((tmp_path / "photos" / "dots").iterdir())
    first.write_bytes(first.read_bytes()[:100])
    second = sorted((tmp_path / "photos" / "bars").iterdir())[1]
    shutil.copyfile(second, second.with_name("again.png"))
    asked = settings(tmp_path / "photos")
    out = tmp_path / "out"
    found = prepare_all(out, asked, PLAN, open_all(asked), lambda *_: None)
    assert found.left_out[f"dots/{first.name}"]
    assert "the same file is there twice" in found.left_out.values()
    files = {part: list((out / "photos" / part).rglob("*.png")) for part in PARTS}
    assert {part: len(names) for part, names in files.items()} == found.counts
    assert sum(found.counts.values()) == 35
    names = [path.name for part in PARTS for path in files[part]]
    assert max(Counter(names).values()) == 1
    assert not (out / "photos" / "read").exists()
    assert prepare_all(out, asked, PLAN, open_all(asked), lambda *_: None) == found


def test_photos_that_the_given_test_photos_show_too_are_not_trained_on(tmp_path: Path) -> None:
    draw(tmp_path / "photos", per_class=10, seed=1, tell_tale=True)
    draw(tmp_path / "test", per_class=5, seed=3, tell_tale=True)
    taken = min((tmp_path / "photos" / "bars").iterdir())
    shutil.copyfile(taken, tmp_path / "test" / "bars" / "taken.png")
    asked = settings(tmp_path / "photos", test=str(tmp_path / "test"))
    found = prepare_all(tmp_path / "out", asked, PLAN, open_all(asked), lambda *_: None)
    assert found.left_out == {f"bars/{taken.name}": "also among the test photos"}
    assert found.counts["test"] == 16
    assert found.counts["train"] + found.counts["val"] == 29


def test_a_target_is_read_in_the_order_of_its_content_and_its_labels_lie_apart(
    tmp_path: Path,
) -> None:
    draw(tmp_path / "photos", per_class=6, seed=1, tell_tale=True)
    draw(tmp_path / "there", per_class=4, seed=2, tell_tale=False)
    draw(tmp_path / "flat", per_class=4, seed=2, tell_tale=False, labelled=False)
    turned = {"bars": "columns", "columns": "dots", "dots": "bars"}
    for name, other in turned.items():
        shutil.copytree(tmp_path / "there" / name, tmp_path / "turned" / other)
    found = {}
    for name in ("there", "turned", "flat"):
        asked = settings(tmp_path / "photos", targets={"it": str(tmp_path / name)})
        out = tmp_path / f"out-{name}"
        prepared = prepare_all(out, asked, PLAN, open_all(asked), lambda *_: None)
        assert prepared.labelled == (() if name == "flat" else ("it",))
        found[name] = target_pictures(out, "it"), target_labels(out, "it")
    assert np.array_equal(found["there"][0], found["turned"][0])
    assert np.array_equal(found["there"][0], found["flat"][0])
    assert [turned[label] for label in found["there"][1]] == found["turned"][1]
    assert found["flat"][1] == []


def test_pictures_of_a_target_that_are_trained_on_or_chosen_by_are_left_out(
    tmp_path: Path,
) -> None:
    draw(tmp_path / "photos", per_class=8, seed=1, tell_tale=True)
    shutil.copytree(tmp_path / "photos", tmp_path / "copy")
    asked = settings(tmp_path / "photos", targets={"copy": str(tmp_path / "copy")})
    found = prepare_all(tmp_path / "out", asked, PLAN, open_all(asked), lambda *_: None)
    assert found.counts["target copy"] == found.counts["test"]
    reasons = Counter(found.left_out.values())
    assert reasons == {
        "also among the photos that train or choose": found.counts["train"] + found.counts["val"]
    }
    draw(tmp_path / "test", per_class=3, seed=2, tell_tale=True)
    tested = asked.model_copy(update={"test": str(tmp_path / "test")})
    with pytest.raises(ExperimentError, match="the target copy has the same 24 pictures as the"):
        prepare_all(tmp_path / "other", tested, PLAN, open_all(tested), lambda *_: None)


def test_what_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    draw(tmp_path / "photos", per_class=3, seed=1, tell_tale=True)
    shutil.copytree(tmp_path / "photos" / "bars", tmp_path / "other" / "beams")
    with pytest.raises(ExperimentError, match="has the class 'beams', which"):
        open_all(settings(tmp_path / "photos", targets={"other": str(tmp_path / "other")}))
    with pytest.raises(ExperimentError, match="the same folder was given twice"):
        open_all(settings(tmp_path / "photos", test=str(tmp_path / "photos")))
    with pytest.raises(ExperimentError, match="one class"):
        open_all(settings(tmp_path / "other"))


def test_photos_of_one_fixed_camera_are_no_copies(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(rng.integers(0, 255, (60, 60, 3)).astype(np.uint8), (0, 0), 4)
    for label in "ab":
        (tmp_path / "photos" / label).mkdir(parents=True)
        for k in range(10):
            noisy = (scene + rng.normal(0, 2, scene.shape)).clip(0, 255).astype(np.uint8)
            (tmp_path / "photos" / label / f"{k}.jpg").write_bytes(encode_jpeg(noisy))
    asked = settings(tmp_path / "photos")
    found = prepare_all(tmp_path / "out", asked, PLAN, open_all(asked), lambda *_: None)
    assert found.copies == 0
    assert found.counts == {"train": 12, "val": 4, "test": 4}
    assert json.loads((tmp_path / "out" / "photos.json").read_bytes())["counts"] == found.counts
