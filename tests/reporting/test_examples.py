"""Examples in a report: real composites, one for each prompt, of different classes."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genmix.errors import ExperimentError
from genmix.images import decode, encode_jpeg
from genmix.jobs import augment
from genmix.recipe import Recipe
from genmix.reporting.examples import composites_of
from genmix.reporting.wording import Words


@pytest.fixture(scope="module")
def place(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison's folder with a set of composites."""
    place = tmp_path_factory.mktemp("proof")
    recipe = Recipe().changed(
        size=288, prompts={"only": ["snowy", "mosaic", "autumn", "sunset"]}, blend=0.0
    )
    augment(photos, place / "sets" / "a", recipe.changed(fractals={"count": 1}))
    return place


def test_each_prompt_has_one_of_its_own_class_as_far_as_classes_go(place: Path) -> None:
    examples = composites_of(place, Words("en"))
    prompts, labels = zip(*(each.caption.split(" · ") for each in examples), strict=True)
    assert sorted(prompts) == ["Autumn", "Mosaic", "Snowy", "Sunset"]
    assert len(set(labels)) == 3
    assert (
        examples[0].description
        == f"A photo of the class {labels[0]}, edited by the prompt {prompts[0]}"
    )


def test_classes_take_turns_where_more_prompts_were_used_than_are_shown(
    photos: Path, tmp_path: Path
) -> None:
    recipe = Recipe().changed(size=32, prompts={"per_photo": 5}, blend=0.0)
    augment(photos, tmp_path / "sets" / "a", recipe.changed(fractals={"count": 1}))
    labels = Counter(each.caption.split(" · ")[1] for each in composites_of(tmp_path, Words("en")))
    assert sorted(labels.values()) == [1, 2, 2]


def test_they_are_small_enough_to_send_and_named_in_japanese(place: Path) -> None:
    examples = composites_of(place, Words("ja"))
    assert {each.caption.split("・")[0] for each in examples} == {
        "秋",
        "モザイク画",
        "雪景色",
        "夕焼け",
    }
    for each in examples:
        assert decode(each.jpeg).shape[:2] == (256, 256)


def test_a_picture_that_was_withdrawn_is_left_out_and_a_damaged_one_is_named(
    place: Path, tmp_path: Path
) -> None:
    shutil.copytree(place, tmp_path / "proof")
    before = composites_of(tmp_path / "proof", Words("en"))
    images = tmp_path / "proof" / "sets" / "a" / "images"
    for path in images.rglob("*snowy*"):
        path.unlink()
    left = composites_of(tmp_path / "proof", Words("en"))
    assert left == tuple(each for each in before if "Snowy" not in each.caption)
    for path in images.rglob("*mosaic*"):
        path.write_bytes(b"no picture")
    with pytest.raises(ExperimentError, match=r"mosaic.*\.jpg cannot be read .*: remove it"):
        composites_of(tmp_path / "proof", Words("en"))


def test_a_comparison_without_composites_has_none(tmp_path: Path) -> None:
    assert composites_of(tmp_path, Words("en")) == ()


def test_a_picture_of_elsewhere_is_not_shown_whatever_the_manifest_says(
    place: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(encode_jpeg(np.zeros((8, 8, 3), np.uint8)))
    own = tmp_path / "proof" / "sets" / "a"
    own.mkdir(parents=True)
    (own / "linked.jpg").symlink_to(outside)
    names = [str(outside), "../../../outside.jpg", "linked.jpg", "missing.jpg", "."]
    rows = [
        {"decision": "written", "prompt": f"p{k}", "label": "cat", "output": name}
        for k, name in enumerate(names)
    ]
    pq.write_table(pa.Table.from_pylist(rows), own / "manifest.parquet")
    (tmp_path / "linked" / "sets").mkdir(parents=True)
    (tmp_path / "linked" / "sets" / "a").symlink_to(place / "sets" / "a")

    assert composites_of(tmp_path / "proof", Words("en")) == ()
    assert composites_of(tmp_path / "linked", Words("en")) == ()
