"""A picture is traced to its photo whatever became of its metadata, and a photo to its pictures."""

import shutil
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from genmix.errors import OutputError, SourceError
from genmix.images import decode, encode_jpeg, xmp_of
from genmix.jobs import Share, augment
from genmix.jobs import plan as plan_module
from genmix.jobs.trace import trace
from genmix.recipe import Recipe
from tests.jobs.outputs import rows


@pytest.fixture
def out(photos: Path, small: Recipe, tmp_path: Path) -> Path:
    augment(photos, tmp_path / "out", small.changed(output={"originals": "link"}, seed=5))
    return tmp_path / "out"


def test_every_picture_of_an_output_is_found_by_its_bytes(out: Path) -> None:
    for row in rows(out):
        found = trace(out / row["output"])
        assert (found.picture, found.found_by) == (row, "file")
        assert (found.out, found.recipe, found.seed) == (out, out / "recipe.yaml", 5)
        made = [r for r in rows(out) if r["source"] == row["source"]]
        assert found.made_of_it == (made if row["kind"] == "original" else [])
        assert found.prompt_text == {"snowy": "snowy", "mosaic": "mosaic"}.get(row["prompt"])


def test_a_copy_elsewhere_is_known_by_what_is_left_of_it(out: Path, tmp_path: Path) -> None:
    row = next(row for row in rows(out) if row["kind"] == "composite")
    whole = out / row["output"]
    stripped, changed, anew = (tmp_path / f"{name}.jpg" for name in ("stripped", "changed", "anew"))
    shutil.copy(whole, stripped)
    subprocess.run(["exiftool", "-q", "-overwrite_original", "-all=", str(stripped)], check=True)
    packet = xmp_of(whole.read_bytes())
    assert packet is not None
    changed.write_bytes(encode_jpeg(255 - decode(whole.read_bytes()), xmp=packet))
    anew.write_bytes(encode_jpeg(decode(whole.read_bytes()), quality=60))
    for copy, evidence in ((stripped, "picture"), (changed, "link")):
        found = trace(copy, out)
        assert (found.picture, found.found_by) == (row, evidence)
    with pytest.raises(SourceError, match=r"knows nothing of .*anew\.jpg: .* encoded anew"):
        trace(anew, out)


def test_the_manifests_own_names_are_understood(out: Path) -> None:
    row = next(row for row in rows(out) if row["kind"] == "composite")
    assert trace(row["output"], out).picture == row
    assert trace(row["output"], out).found_by == "path"
    made = [r for r in rows(out) if r["source"] == row["source"]]
    assert trace(row["source"], out).made_of_it == made


def test_a_photo_gives_everything_that_was_planned_of_it(photos: Path, out: Path) -> None:
    for photo in photos.rglob("*.jpg"):
        found = trace(photo, out)
        name = photo.relative_to(photos).as_posix()
        assert found.made_of_it == [row for row in rows(out) if row["source"] == name]
        assert len(found.made_of_it) == 3
        assert found.picture is not None
        assert found.picture["kind"] == "original"


def test_what_was_rejected_is_told_too(photos: Path, small: Recipe, tmp_path: Path) -> None:
    strict = small.changed(screens={"structure": {"min_similarity": 0.99}})
    augment(photos, tmp_path / "out", strict)
    found = trace(next(photos.rglob("*.jpg")), tmp_path / "out")
    assert found.picture is None
    assert {row["decision"] for row in found.made_of_it} == {"rejected"}


def test_an_output_under_way_is_read_as_far_as_it_is(
    photos: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "_ITEMS_PER_SHARD", 4)
    augment(photos, tmp_path / "out", small, share=Share(1, 2))
    known, unknown = 0, 0
    for photo in photos.rglob("*.jpg"):
        try:
            assert trace(photo, tmp_path / "out").recipe is None
            known += 1
        except SourceError:
            unknown += 1
    assert (known, unknown) == (6, 6)


def test_what_is_no_output_or_lies_in_none_is_told(photos: Path, tmp_path: Path) -> None:
    photo = next(photos.rglob("*.jpg"))
    with pytest.raises(OutputError, match="lies in no finished output, and no metadata"):
        trace(photo)
    with pytest.raises(OutputError, match="is no output of genmix augment"):
        trace(photo, tmp_path)


def test_a_manifest_without_the_newer_columns_is_searched_by_what_it_has(out: Path) -> None:
    manifest, row = out / "manifest.parquet", rows(out)[1]
    newer = ["item", "picture_sha256", "source_license", "model_license"]
    pq.write_table(pq.read_table(manifest).drop_columns(newer), manifest)
    found = trace(out / row["output"])
    assert found.found_by == "file"
    assert found.picture == row | dict.fromkeys(newer)
