"""What is trained on: the same pictures for the same seed, and none of those that are tested on."""

import json
import pickle
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genmix.datasets import Ignored, Photo, open_source
from genmix.datasets.samples import synthetic_photos
from genmix.errors import ImageError, TrainingError
from genmix.images import decode, encode_jpeg, prepare
from genmix.jobs import augment
from genmix.mixing import GenMixDataset
from genmix.recipe import Recipe
from genmix.training import data as data_module
from genmix.training.batches import TrainingSet
from genmix.training.data import (
    Composites,
    Joined,
    Photos,
)
from genmix.training.faults import check_apart, check_photos
from genmix.training.subsets import few_shot, hold_out


class Listing:
    """A source of drawn colours, which counts what is read of it."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.photos: Sequence[Photo] = [
            Photo(f"{label}/{k:03}.jpg", label) for label in counts for k in range(counts[label])
        ]
        self.ignored: Sequence[Ignored] = ()
        self.reads: Counter[str] = Counter()

    def read(self, photo: Photo) -> bytes:
        self.reads[photo.path] += 1
        grey = sum(photo.path.encode()) % 256
        return encode_jpeg(np.full((40, 60, 3), grey, np.uint8))

    def locate(self, photo: Photo) -> Path | None:  # noqa: ARG002
        return None


@pytest.fixture
def made(photos: Path, small: Recipe, tmp_path: Path) -> Path:
    """What `genmix augment` makes of the photos, which it puts in too."""
    recipe = small.changed(output={"originals": "copy"})
    augment(photos, tmp_path / "made", recipe, edits=tmp_path / "edits")
    return tmp_path / "made"


def test_photos_are_squares_with_the_number_of_their_class(photos: Path) -> None:
    for fit in ("crop", "stretch"):
        opened = Photos(photos, 40, fit=fit)
        assert opened.classes == ("disc", "star", "triangle")
        assert len(opened) == len(opened.photos) == len(opened.labels) == 12
        for index in (0, 11):
            picture, label = opened[index]
            photo = opened.photos[index]
            whole = decode((photos / photo.path).read_bytes())
            wanted = prepare(whole, 40, fit)
            assert opened.classes[label] == photo.label
            assert np.array_equal(picture.numpy(), wanted.transpose(2, 0, 1))


def test_photos_are_decoded_once_if_all_fit_and_nobody_can_write_into_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Listing({"a": 3, "b": 2})
    kept = Photos(source, 16)
    part = kept.subset([4, 1])
    before = [kept[k][0].clone() for k in range(5)]
    for opened in (part, kept):
        for index in range(len(opened)):
            opened[index][0].zero_()
    assert set(source.reads.values()) == {1}
    assert all(torch.equal(kept[k][0], before[k]) for k in range(5))
    assert [photo.path for photo in part.photos] == ["b/001.jpg", "a/001.jpg"]
    monkeypatch.setattr(data_module, "_KEPT_BYTES", 5 * 3 * 16 * 16 - 1)
    source.reads.clear()
    large = Photos(source, 16)
    for _ in range(2):
        assert torch.equal(large[0][0], before[0])
    assert source.reads["a/000.jpg"] == 2


def test_photos_can_be_sent_to_another_process(photos: Path) -> None:
    opened = Photos(photos, 16)
    for index in range(12):
        opened[index]
    sent = pickle.dumps(opened.subset([2, 7]))
    assert len(sent) < 12 * 3 * 16 * 16  # without the pictures
    again = pickle.loads(sent)
    assert torch.equal(again[1][0], opened[7][0])


def test_classes_of_a_model_number_the_labels_and_others_are_refused(photos: Path) -> None:
    opened = Photos(photos, 16, ("triangle", "ring", "disc", "star"))
    assert opened.classes == ("triangle", "ring", "disc", "star")
    assert Counter(opened.labels.tolist()) == {0: 4, 2: 4, 3: 4}
    words = "photos has the class 'disc' and 1 more, which the model does not know; did you mean"
    with pytest.raises(TrainingError, match=words):
        Photos(photos, 16, ("disk", "triangle"))


def test_a_photo_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    synthetic_photos(tmp_path, classes=2, per_class=1, size=32)
    bad = tmp_path / "disc" / "0000.jpg"
    bad.write_bytes(bad.read_bytes()[:200])
    with pytest.raises(ImageError, match=r"disc/0000\.jpg: truncated; remove it"):
        Photos(tmp_path, 16)[0]


@pytest.mark.parametrize("workers", [0, 2])
def test_all_photos_that_cannot_be_read_are_named_at_once(tmp_path: Path, workers: int) -> None:
    synthetic_photos(tmp_path, classes=2, per_class=8, size=32)
    bad = sorted(tmp_path.glob("*/*.jpg"))[2:14]
    for path in bad:
        path.write_bytes(b"no picture")
    opened = Photos(tmp_path, 16)
    before = torch.get_rng_state()
    words = r"12 of 16 photos cannot be used: disc/0002\.jpg: [\w ]+, .* and 2 more; remove them"
    with pytest.raises(ImageError, match=words) as caught:
        check_photos(Joined([opened]), workers)
    assert "triangle/0003.jpg" in str(caught.value)
    assert "remove it" not in str(caught.value)
    assert torch.equal(before, torch.get_rng_state())
    check_photos(opened.subset([0, 1, 14, 15]), workers)


def test_photos_that_were_checked_are_not_decoded_again() -> None:
    source = Listing({"a": 3, "b": 2})
    opened = Photos(source, 16)
    check_photos(opened)
    for index in range(5):
        opened[index]
    assert set(source.reads.values()) == {1}


def test_an_output_of_genmix_knows_which_photo_each_picture_shows(made: Path, photos: Path) -> None:
    opened = Photos(made, 24)
    assert opened.classes == ("disc", "star", "triangle")
    assert Counter(opened.composed.tolist())[False] == 12
    assert opened.composed.sum() > 12
    assert set(opened.origins) == {photo.path for photo in open_source(photos).photos}
    for k in np.flatnonzero(~opened.composed):
        assert (made / "images" / opened.photos[k].path).read_bytes() == (
            photos / opened.origins[k]
        ).read_bytes()


@pytest.mark.parametrize("name", ["images", "images/", ".", "pointer"])
def test_its_folder_of_images_is_the_output(
    made: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (made / "pointer").symlink_to(made / "images")
    monkeypatch.chdir(made / "images" if name == "." else made)
    whole, opened = Photos(made, 24), Photos(name, 24)
    assert opened.photos == whole.photos
    assert opened.origins == whole.origins
    assert opened.fingerprint == whole.fingerprint
    stays, held = hold_out(opened, 0.25, 0)
    assert not set(stays.origins) & set(held.origins)
    assert not held.composed.any()


def test_a_folder_that_is_called_images_is_photos_where_genmix_made_nothing(
    photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "images").symlink_to(photos)
    assert Photos(tmp_path / "images", 24).origins == Photos(photos, 24).origins


def test_a_label_that_is_no_folder_name_is_the_same_in_photos_and_output(
    small: Recipe, tmp_path: Path
) -> None:
    synthetic_photos(tmp_path / "drawn", classes=2, per_class=2, size=32)
    names = {"disc": "a/b: c", "triangle": "%41"}
    rows = [
        json.dumps({"file_name": f"{label}/000{k}.jpg", "label": names[label]})
        for label in names
        for k in range(2)
    ]
    (tmp_path / "drawn" / "metadata.jsonl").write_text("\n".join(rows))
    augment(tmp_path / "drawn", tmp_path / "made", small)
    originals = Photos(tmp_path / "drawn", 16)
    assert originals.classes == ("%41", "a/b: c")
    assert Photos(tmp_path / "made", 16, originals.classes).classes == originals.classes


@given(
    st.dictionaries(st.sampled_from("abcde"), st.integers(4, 9), min_size=2), st.integers(0, 2**40)
)
def test_shots_are_so_many_of_each_class_and_more_shots_include_fewer(
    counts: dict[str, int], seed: int
) -> None:
    opened = Photos(Listing(counts), 8)
    few, more = (few_shot(opened, shots, seed) for shots in (2, 4))
    assert Counter(few.labels.tolist()) == dict.fromkeys(range(len(counts)), 2)
    assert Counter(more.labels.tolist()) == dict.fromkeys(range(len(counts)), 4)
    assert set(few.origins) <= set(more.origins)
    again = Photos(Listing(counts), 8, shots=2, seed=seed)
    assert again.photos == few.photos
    assert again.fingerprint == few.fingerprint != more.fingerprint


def test_shots_differ_by_seed_and_too_many_are_refused() -> None:
    opened = Photos(Listing({"a": 9, "b": 30}), 8)
    assert len({tuple(few_shot(opened, 3, seed).origins) for seed in range(8)}) > 4
    with pytest.raises(
        TrainingError, match=r"9 photos and 10 are asked for: .*held out.*do not count"
    ):
        few_shot(opened, 10, 0)


@given(
    st.dictionaries(st.sampled_from("abcde"), st.integers(2, 30), min_size=2),
    st.floats(0.01, 0.99),
    st.integers(0, 2**40),
)
def test_what_is_held_out_is_a_share_of_each_class_and_is_not_trained_on(
    counts: dict[str, int], share: float, seed: int
) -> None:
    opened = Photos(Listing(counts), 8)
    stays, held = hold_out(opened, share, seed)
    assert sorted([*stays.origins, *held.origins]) == sorted(opened.origins)
    for label, name in enumerate(opened.classes):
        count = Counter(held.labels.tolist())[label]
        assert 1 <= count < counts[name]
        assert abs(count - share * counts[name]) <= 1


def test_no_picture_of_a_photo_that_is_held_out_is_trained_on(made: Path, photos: Path) -> None:
    classes = ("disc", "star", "triangle")
    both = Joined([Photos(photos, 24, classes), Photos(made, 24, classes)])
    assert len(both) == sum(len(part) for part in both.parts)
    stays, held = hold_out(both, 0.25, 3)
    assert not set(stays.origins) & set(held.origins)
    assert len(set(held.origins)) == 3
    assert not held.composed.any()
    assert stays.composed.any()
    shots = few_shot(stays, 2, 0)
    assert len(set(shots.origins)) == 6
    assert shots.composed.any()
    for index in range(len(shots)):
        picture, label = shots[index]
        assert picture.shape == (3, 24, 24)
        assert label == shots.labels[index]


def test_a_photo_is_known_by_what_is_in_it_whatever_its_path(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    shutil.copytree(photos, tmp_path / "whole" / "deep")
    names = sorted(path.relative_to(photos) for path in photos.rglob("*.jpg"))
    rows = [json.dumps({"file_name": f"deep/{n}", "label": n.parent.name}) for n in names]
    (tmp_path / "whole" / "metadata.jsonl").write_text("\n".join(rows))
    augment(tmp_path / "whole", tmp_path / "made", small)
    parts = [Photos(photos, 24), Photos(tmp_path / "made", 24)]
    assert not set(parts[0].origins) & set(parts[1].origins)
    both = Joined(parts)
    assert set(both.origins) == set(parts[0].hashes())
    stays, held = hold_out(both, 0.25, 3)
    assert not set(stays.origins) & set(held.origins)
    assert stays.composed.any()


def test_two_photos_of_one_path_are_two(tmp_path: Path) -> None:
    for seed in (1, 2):
        synthetic_photos(tmp_path / str(seed), classes=2, per_class=5, size=32, seed=seed)
    both = Joined([Photos(tmp_path / "1", 16), Photos(tmp_path / "2", 16)])
    assert len(set(both.origins)) == 20
    assert len(few_shot(both, 2, 0)) == 4
    assert len(hold_out(both, 0.2, 0)[1]) == 4


def test_an_output_is_not_tested_on_the_photos_that_it_was_made_of(
    made: Path, photos: Path, tmp_path: Path
) -> None:
    synthetic_photos(tmp_path / "others", classes=3, per_class=2, size=64, seed=9)
    opened = Photos(made, 24)
    check_apart([opened], Photos(tmp_path / "others", 24))
    first = min(photos.rglob("*.jpg"))
    shutil.copy(first, tmp_path / "others" / "disc" / "again.jpg")
    said = "pictures to train on of 1 of the 7 photos to test on, the first is disc/again.jpg"
    with pytest.raises(TrainingError, match=said):
        check_apart([Photos(photos, 24), opened], Photos(tmp_path / "others", 24))


def test_photos_that_are_trained_on_are_known_under_other_names(
    photos: Path, tmp_path: Path
) -> None:
    opened = Photos(photos, 24)
    synthetic_photos(tmp_path / "others", classes=3, per_class=2, size=64, seed=9)
    check_apart([opened], Photos(tmp_path / "others", 24))
    shutil.copytree(photos, tmp_path / "copy")
    with pytest.raises(TrainingError, match=f"^{len(opened)} of the {len(opened)} photos to test"):
        check_apart([opened], Photos(tmp_path / "copy", 24))
    first = min(photos.rglob("*.jpg"))
    shutil.copy(first, tmp_path / "others" / "disc" / "again.jpg")
    there = first.relative_to(photos)
    said = (
        "1 of the 7 photos to test on in here are also trained on: disc/again.jpg "
        f"(there {there}); test on other photos, or remove them from one of the two"
    )
    with pytest.raises(TrainingError, match=f"^{re.escape(said)}$"):
        check_apart([opened], Photos(tmp_path / "others", 24), "here")


def test_a_photo_that_cannot_be_read_is_named_where_it_is_looked_for(tmp_path: Path) -> None:
    synthetic_photos(tmp_path / "photos", classes=2, per_class=2, size=32)
    opened = Photos(tmp_path / "photos", 16)
    (tmp_path / "photos" / opened.photos[2].path).unlink()
    with pytest.raises(ImageError, match=f"{opened.photos[2].path}: .*; remove it and run again"):
        opened.hashes()


def test_what_has_too_few_originals_cannot_be_held_out(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"class 'a' has one photo, .* \(--val\)"):
        hold_out(Photos(Listing({"a": 1, "b": 5}), 8), 0.2, 0)
    augment(photos, tmp_path / "made", small)
    with pytest.raises(TrainingError, match="class 'disc' has composites only"):
        hold_out(Photos(tmp_path / "made", 24), 0.2, 0)


def test_sets_of_different_forms_are_not_joined(photos: Path) -> None:
    with pytest.raises(TrainingError, match="only if classes, size and fit are the same"):
        Joined([Photos(photos, 24), Photos(photos, 32)])


def test_an_item_depends_on_seed_epoch_and_index_alone(photos: Path) -> None:
    opened = Photos(photos, 24)
    items = [(epoch, index) for epoch in range(2) for index in range(12)]
    before = torch.get_rng_state()
    first = {item: TrainingSet(opened, "standard", 5)[item][0] for item in items}
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(99)
    again = TrainingSet(opened, "standard", 5)
    assert all(torch.equal(again[item][0], first[item]) for item in reversed(items))
    other = TrainingSet(opened, "standard", 6)
    assert sum(torch.equal(other[item][0], first[item]) for item in items) < 3
    assert sum(torch.equal(first[0, k], first[1, k]) for k in range(12)) < 3
    plain = TrainingSet(opened, "none", 5)
    assert all(torch.equal(plain[item][0], opened[item[1]][0]) for item in items)


def test_composites_are_drawn_by_the_item_and_of_the_photos_chosen(
    made: Path, photos: Path
) -> None:
    edits = made.parent / "edits"
    fit = GenMixDataset(photos, made, edits=edits).recipe.fit
    chosen = few_shot(Photos(photos, 48, fit=fit), 2, 0)
    never, often = (
        Composites(chosen, GenMixDataset(photos, made, probability=share, edits=edits))
        for share in (0.0, 1.0)
    )
    assert len(never) == len(often) == 6
    assert (never.classes, never.size, never.fit) == (chosen.classes, 48, fit)
    assert never.fingerprint != often.fingerprint
    for index in range(6):
        assert torch.equal(never[index][0], chosen[index][0])
        assert never[index][1] == chosen[index][1]
    drawn = TrainingSet(often, "none", 0)
    first = [drawn[0, index][0] for index in range(6)]
    assert all(torch.equal(drawn[0, index][0], first[index]) for index in reversed(range(6)))
    assert not any(torch.equal(first[index], chosen[index][0]) for index in range(6))
    assert sum(torch.equal(drawn[1, index][0], first[index]) for index in range(6)) < 2


def test_composites_are_brought_to_the_size_trained_on(made: Path, photos: Path) -> None:
    edited = GenMixDataset(photos, made, probability=1.0, edits=made.parent / "edits")
    for size in (24, 64):
        picture, _ = Composites(Photos(photos, size, fit=edited.recipe.fit), edited)[0]
        assert picture.shape == (3, size, size)
        assert picture.dtype == torch.uint8


def test_photos_that_were_never_edited_are_refused(made: Path, photos: Path) -> None:
    edited = GenMixDataset(photos, made, edits=made.parent / "edits")
    words = r"14 of 14 photos have no edits, the first is a/000\.jpg"
    with pytest.raises(TrainingError, match=words):
        Composites(Photos(Listing({"a": 6, "b": 8}), 48, fit="stretch"), edited)


def test_photos_that_augment_could_not_use_are_named_with_the_reason(
    small: Recipe, tmp_path: Path
) -> None:
    source, out, edits = (tmp_path / name for name in ("photos", "made", "edits"))
    synthetic_photos(source, classes=2, per_class=3, size=48)
    (source / "disc" / "0001.jpg").write_bytes(b"no picture")
    augment(source, out, small, edits=edits)
    edited = GenMixDataset(source, out, edits=edits)
    words = r"could not use 1 of 6 photos: disc/0001\.jpg: not an image; remove them"
    with pytest.raises(TrainingError, match=words):
        Composites(Photos(source, 48, fit=small.fit), edited)


def test_photos_and_edits_of_different_fits_are_refused(made: Path, photos: Path) -> None:
    edited = GenMixDataset(photos, made, edits=made.parent / "edits")
    words = "the photos' fit is pad and the edits' is stretch: set the photos' to that"
    with pytest.raises(TrainingError, match=words):
        Composites(Photos(photos, 48, fit="pad"), edited)


def test_a_transform_that_does_not_exist_is_one_line(photos: Path) -> None:
    with pytest.raises(TrainingError, match="there is no transform 'standart': did you mean"):
        TrainingSet(Photos(photos, 24), "standart", 0)
