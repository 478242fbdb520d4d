"""The main job: what it makes, that it always makes the same, and what it refuses to harm."""

import errno
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from genmix.datasets import Photo, layout
from genmix.datasets.layout import output_path
from genmix.datasets.samples import synthetic_photos
from genmix.errors import EditorError, OutputError, SourceError
from genmix.images import decode, encode_jpeg, encode_png
from genmix.jobs import Share, augment
from genmix.jobs import plan as plan_module
from genmix.jobs.folder import WHOLE, OutputFolder
from genmix.recipe import EditorChoice, Recipe
from tests.jobs.outputs import contents, rows


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "_ITEMS_PER_SHARD", 4)


@pytest.fixture
def finished(photos: Path, small: Recipe, tmp_path: Path) -> Path:
    augment(photos, tmp_path / "finished", small, edits=tmp_path / "edits")
    return tmp_path / "finished"


def test_every_planned_item_is_a_row_and_every_written_row_a_picture(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    summary = augment(photos, tmp_path / "out", small.changed(variants=2))
    made = rows(tmp_path / "out")
    assert summary.planned == len(made) == 12 * 2 * 2
    assert len({(r["source"], r["prompt"], r["variant"]) for r in made}) == len(made)
    written = [r for r in made if r["decision"] == "written"]
    assert summary.tally.written == len(written) > 40
    assert {r["decision"] for r in made} <= {"written", "rejected"}
    on_disk = {p for p in contents(tmp_path / "out") if p.startswith("images/")}
    assert on_disk == {r["output"] for r in written}
    for row in written:
        data = (tmp_path / "out" / row["output"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["output_sha256"]
        assert decode(data).shape == (row["height"], row["width"], 3) == (48, 48, 3)
        assert row["output"].startswith(f"images/{row['label']}/")
        source = (photos / row["source"]).read_bytes()
        assert hashlib.sha256(source).hexdigest() == row["source_sha256"]


def test_the_result_does_not_depend_on_workers_shares_or_the_order_of_shares(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        augment(photos, tmp_path / name, small, workers=workers, edits=tmp_path / f"e-{name}")
    for index in (3, 1, 4, 2):
        summary = augment(photos, tmp_path / "shares", small, share=Share(index, 4))
    assert summary.finished
    one = contents(tmp_path / "one")
    assert len(one) > 20
    assert one == contents(tmp_path / "two") == contents(tmp_path / "shares")


def test_another_seed_gives_other_pictures(finished: Path, photos: Path, small: Recipe) -> None:
    other = finished.with_name("other")
    augment(photos, other, small.changed(seed=1))
    mine, theirs = (
        {r["source"] + r["prompt"]: r["output_sha256"] for r in rows(o) if r["output"]}
        for o in (finished, other)
    )
    assert not set(mine.values()) & set(theirs.values())


def test_a_finished_output_is_left_as_it_is(finished: Path, photos: Path, small: Recipe) -> None:
    before = {p: p.stat().st_mtime_ns for p in finished.rglob("*") if p.is_file()}
    summary = augment(photos, finished, small)
    after = {p: p.stat().st_mtime_ns for p in before}
    assert summary.kept_from_before == summary.planned
    assert summary.edits_made == summary.edits_reused == 0
    locks = {p for p in before if p.name in {"lock", "finish"}}
    assert {p for p in before if before[p] != after[p]} <= locks


def test_pictures_that_got_lost_are_made_again(finished: Path, photos: Path, small: Recipe) -> None:
    before = contents(finished)
    lost = next(p for p in (finished / "images").rglob("*.jpg"))
    lost.unlink()
    augment(photos, finished, small)
    assert contents(finished) == before


def test_a_shard_without_its_part_of_the_manifest_is_made_again(
    finished: Path, photos: Path, small: Recipe, tmp_path: Path
) -> None:
    augment(photos, tmp_path / "out", small, share=Share(1, 2))
    next((tmp_path / "out" / ".genmix" / "shards").glob("*/part.parquet")).unlink()
    augment(photos, tmp_path / "out", small)
    assert contents(tmp_path / "out") == contents(finished)


def test_pictures_that_another_share_is_moving_are_not_taken_for_lost(finished: Path) -> None:
    folder = OutputFolder(finished)
    shards = len(folder.shard_parts())
    picture = next((finished / "images").rglob("*.jpg"))
    starting = threading.Thread(target=folder.forget_incomplete, args=[shards])
    with folder.finishing():
        picture.rename(finished / "on-its-way.jpg")
        starting.start()
        starting.join(0.3)
        (finished / "on-its-way.jpg").rename(picture)
    starting.join()
    assert len(folder.shard_parts()) == shards
    assert folder.manifest.exists()


def test_the_recipe_beside_the_output_makes_the_same_bytes_again(
    finished: Path, photos: Path, tmp_path: Path
) -> None:
    augment(photos, tmp_path / "again", finished / "recipe.yaml", edits=tmp_path / "fresh")
    assert contents(tmp_path / "again") == contents(finished)


def test_a_recipe_with_relative_paths_can_be_run_again_from_the_output(
    photos: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    textures = shutil.copytree(photos, tmp_path / "conf" / "textures")
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "deep")
    monkeypatch.chdir(tmp_path)
    mine = Path("conf/mine.yaml")
    mine.write_text(small.changed(fractals={"folder": "textures"}).to_yaml())
    for out in ("out", "link/out"):
        augment(photos, out, mine)
        made = contents(Path(out))
        augment(photos, out, tmp_path / mine)  # another way to the same folder
        monkeypatch.chdir(tmp_path / "elsewhere")
        augment(photos, tmp_path / "again" / out, tmp_path / out / "recipe.yaml")
        monkeypatch.chdir(tmp_path)
        assert str(tmp_path) not in Path(out, "recipe.yaml").read_text()
        again = contents(tmp_path / "again" / out)
        assert again | {"recipe.yaml": ""} == made | {"recipe.yaml": ""}
    next(textures.rglob("*.jpg")).unlink()
    with pytest.raises(OutputError, match="fractals version"):
        augment(photos, "out", mine)


def test_changing_masks_or_fractals_makes_no_edit_again(
    finished: Path, photos: Path, small: Recipe, tmp_path: Path
) -> None:
    changed = small.changed(masks=["circle"], fractals={"count": 3}, blend=0.5)
    summary = augment(photos, tmp_path / "changed", changed, edits=tmp_path / "edits")
    assert (summary.edits_made, summary.edits_reused) == (0, 24)
    assert contents(tmp_path / "changed") != contents(finished)


def test_a_damaged_cached_edit_is_made_again(
    finished: Path, photos: Path, small: Recipe, tmp_path: Path
) -> None:
    damaged = next((tmp_path / "edits").rglob("*.jpg"))
    damaged.write_bytes(damaged.read_bytes()[:50])
    summary = augment(photos, tmp_path / "again", small, edits=tmp_path / "edits")
    assert summary.edits_made == 1
    assert contents(tmp_path / "again") == contents(finished)


def test_bad_files_are_rows_with_their_reason_and_the_others_are_made(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(photos, source)
    some_class = next(p for p in sorted(source.iterdir()))
    whole = next(some_class.glob("*.jpg")).read_bytes()
    bad = {
        "cut.jpg": whole[: len(whole) // 2],
        "empty.png": b"",
        "text.jpg": b"not a picture",
        "bomb.png": encode_png(np.zeros((2, 2, 3), np.uint8)).replace(
            (2).to_bytes(4, "big") * 2, (90_000).to_bytes(4, "big") * 2
        ),
    }
    for name, data in bad.items():
        (some_class / name).write_bytes(data)
    (some_class / "notes.txt").write_text("for people")
    summary = augment(source, tmp_path / "out", small)
    failed = [r for r in rows(tmp_path / "out") if r["decision"] == "failed"]
    assert Counter(r["source"] for r in failed) == {f"{some_class.name}/{n}": 2 for n in bad}
    assert all(r["reason"] and r["output"] is None for r in failed)
    assert set(summary.tally.failed_photos) == {f"{some_class.name}/{n}" for n in bad}
    assert summary.ignored == {f"{some_class.name}/notes.txt": "not an image (.txt)"}
    assert summary.tally.written + sum(summary.tally.rejected.values()) == 24


def test_a_rejected_edit_is_a_row_with_score_and_reason_and_no_picture(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    strict = small.changed(screens={"structure": {"min_similarity": 0.99}})
    summary = augment(photos, tmp_path / "out", strict)
    rejected = [r for r in rows(tmp_path / "out") if r["decision"] == "rejected"]
    assert len(rejected) == summary.tally.rejected["structure"] == 24
    for row in rejected:
        assert row["output"] is None
        assert row["reason"].startswith("structure: ")
        assert row["screen_structure"] < 0.99
    assert set(summary.tally.classes.values()) == {0}
    assert not (tmp_path / "out" / "images").exists()


def test_when_no_photo_can_be_used_one_line_says_so(small: Recipe, tmp_path: Path) -> None:
    (tmp_path / "source" / "cat").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "source" / "cat" / name).write_bytes(b"broken")
    with pytest.raises(SourceError, match=r"none of the 2 photos .* cat/a\.jpg \(not an image\)"):
        augment(tmp_path / "source", tmp_path / "out", small)
    assert len(rows(tmp_path / "out")) == 4


@pytest.mark.parametrize("originals", ["link", "copy"])
def test_originals_go_into_the_set_as_they_are(
    photos: Path, small: Recipe, tmp_path: Path, originals: str
) -> None:
    augment(photos, tmp_path / "out", small.changed(output={"originals": originals}))
    kept = [r for r in rows(tmp_path / "out") if r["kind"] == "original"]
    assert len(kept) == 12
    for row in kept:
        place = tmp_path / "out" / row["output"]
        assert place.is_symlink() is (originals == "link")
        assert place.read_bytes() == (photos / row["source"]).read_bytes()
        assert row["prompt"] is None


def test_awkward_class_names_stay_inside_the_output_and_apart(
    small: Recipe, tmp_path: Path
) -> None:
    labels = ["../evil", "a b", "ねこ", "a/b", "a%2Fb", "..", ".hidden", "C:\\x", "x" * 300]
    source = tmp_path / "source"
    source.mkdir()
    table = []
    for k, label in enumerate(labels):
        pixels = np.random.default_rng(k).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        (source / f"{k}.jpg").write_bytes(encode_jpeg(pixels))
        table.append(json.dumps({"file_name": f"{k}.jpg", "label": label}))
    (source / "metadata.jsonl").write_text("\n".join(table))
    lenient = small.changed(screens={"structure": None})
    augment(source, tmp_path / "deep" / "out", lenient)
    made = rows(tmp_path / "deep" / "out")
    folders = {r["label"]: Path(r["output"]).parts[1] for r in made}
    assert set(folders) == set(labels)
    assert len(set(folders.values())) == len(labels)
    assert folders["a b"] == "a b"
    assert folders["ねこ"] == "ねこ"
    for row in made:
        place = (tmp_path / "deep" / "out" / row["output"]).resolve()
        assert (tmp_path / "deep" / "out" / "images") in place.parents
    assert {p.name for p in tmp_path.iterdir()} == {"source", "deep"}


def test_photos_with_one_stem_do_not_overwrite_each_other(small: Recipe, tmp_path: Path) -> None:
    synthetic_photos(tmp_path / "s", classes=1, per_class=2, size=32)
    folder = next((tmp_path / "s").iterdir())
    for k, photo in enumerate(sorted(folder.glob("*.jpg"))):
        (folder / str(k)).mkdir()
        photo.rename(folder / str(k) / "same.jpg")
    augment(tmp_path / "s", tmp_path / "out", small.changed(screens={"structure": None}))
    assert len({r["output"] for r in rows(tmp_path / "out")}) == 4


def test_pictures_of_many_rows_and_folders_have_names_of_their_own() -> None:
    paths = ("data.parquet#49653", "data.parquet#150686", "cat/013186/1.jpg", "cat/031117/1.jpg")
    names = {output_path(Photo(path, "cat"), ".jpg", "snowy", 0) for path in paths}
    assert len(names) == 4
    assert all(re.fullmatch(r"images/cat/\w+-[0-9a-f]{16}-snowy-0\.jpg", name) for name in names)


@pytest.mark.parametrize("per_shard", [1, 4])
def test_two_photos_with_one_name_stop_the_run_and_neither_picture_is_lost(
    small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, per_shard: int
) -> None:
    monkeypatch.setattr(plan_module, "_ITEMS_PER_SHARD", per_shard)
    monkeypatch.setattr(layout, "_mark", lambda _: "0" * 16)
    for folder in ("cat/1", "cat/2"):
        synthetic_photos(tmp_path / "drawn", classes=1, per_class=2, size=32)
        (tmp_path / "s" / folder).mkdir(parents=True)
    for k, photo in enumerate(sorted((tmp_path / "drawn").rglob("*.jpg")), 1):
        photo.rename(tmp_path / "s" / "cat" / str(k) / "same.jpg")
    recipe = small.changed(prompts={"only": ["snowy"]}, screens={"blank": None, "unchanged": None})
    for _ in range(2):
        with pytest.raises(OutputError, match=r"cat/1/same\.jpg and cat/2/same\.jpg would both"):
            augment(tmp_path / "s", tmp_path / "out", recipe)
    assert not (tmp_path / "out" / "manifest.parquet").exists()


def test_a_changed_picture_is_replaced_when_its_shard_is_made_again(
    finished: Path, photos: Path, small: Recipe
) -> None:
    before = contents(finished)
    lost, changed = sorted((finished / "images").rglob("*.jpg"))[:2]
    lost.unlink()
    changed.write_bytes(b"scribbled over")
    augment(photos, finished, small)
    assert contents(finished) == before


def test_class_folders_are_no_devices_of_windows() -> None:
    folders = list(map(layout.class_folder, ("CON", "nul", "Com1", "con.fig", "aux .x", "CONE")))
    assert folders == ["%43ON", "%6Eul", "%43om1", "%63on.fig", "%61ux .x", "CONE"]
    assert layout.class_folder("%43ON") != "%43ON"


def test_classes_that_differ_in_capitals_are_refused_where_these_do_not_count(
    small: Recipe, tmp_path: Path
) -> None:
    synthetic_photos(tmp_path / "s", classes=2, per_class=1, size=32)
    for folder, name in zip(sorted((tmp_path / "s").iterdir()), ("Cat", "cat"), strict=True):
        folder.rename(folder.with_name(name))
    augment(tmp_path / "s", tmp_path / "here", small)
    assert {p.name for p in (tmp_path / "here" / "images").iterdir()} == {"Cat", "cat"}
    (tmp_path / "there" / ".genmix").mkdir(parents=True)
    (tmp_path / "there" / ".GENMIX").mkdir()  # as it seems where capitals do not count
    with pytest.raises(OutputError, match="the classes 'Cat' and 'cat' would share a folder"):
        augment(tmp_path / "s", tmp_path / "there", small)
    assert not (tmp_path / "there" / "images").exists()


def test_an_output_of_another_recipe_is_refused_and_unharmed(
    finished: Path, photos: Path, small: Recipe
) -> None:
    before = contents(finished)
    with pytest.raises(OutputError, match="size was 48 there and is 64 now"):
        augment(photos, finished, small.changed(size=64))
    assert contents(finished) == before


def test_an_output_of_other_photos_is_refused(finished: Path, photos: Path, small: Recipe) -> None:
    with pytest.raises(OutputError, match="number of photos was 12 there and is 5 now"):
        augment(photos, finished, small, limit=5)


def test_a_folder_of_something_else_is_refused_and_unharmed(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(OutputError, match="not empty and is no genmix output"):
        augment(photos, tmp_path, small)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_output_and_source_must_lie_apart(photos: Path, small: Recipe) -> None:
    with pytest.raises(OutputError, match="lies inside the source"):
        augment(photos, photos / "out", small)
    with pytest.raises(OutputError, match="contains the source"):
        augment(photos, photos.parent, small)


def test_a_second_run_at_the_same_time_is_refused(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    folder = OutputFolder(tmp_path / "out")
    folder.open()
    with folder.locked(WHOLE), pytest.raises(OutputError, match="another genmix run is writing"):
        augment(photos, tmp_path / "out", small)
    with folder.locked(Share(1, 4)):
        with pytest.raises(OutputError, match="another genmix run"):
            augment(photos, tmp_path / "out", small, share=Share(1, 4))
        augment(photos, tmp_path / "out", small, share=Share(2, 4))


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(
    finished: Path, photos: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes
    calls = 0

    def fills_up(self: Path, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls > 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fills_up)
        with pytest.raises(OutputError, match="the disk is full"):
            augment(photos, tmp_path / "out", small)
    summary = augment(photos, tmp_path / "out", small)
    assert 0 < summary.kept_from_before < summary.planned
    assert contents(tmp_path / "out") == contents(finished)


def test_an_editor_that_fails_stops_the_run_with_its_own_words(
    photos: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        fingerprint, batch_size = "broken", 2

        def check(self, prompts: object) -> None: ...

        def edit(self, *_: object) -> None:
            raise EditorError("the server is gone")

    monkeypatch.setattr(EditorChoice, "open", lambda _: Broken())
    with pytest.raises(EditorError, match="the server is gone"):
        augment(photos, tmp_path / "out", small)


def test_prompts_per_photo_draws_so_many_of_them(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    recipe = small.changed(prompts={"only": None, "per_photo": 2})
    augment(photos, tmp_path / "out", recipe)
    by_photo = Counter(r["source"] for r in rows(tmp_path / "out"))
    assert set(by_photo.values()) == {2}
    assert len({r["prompt"] for r in rows(tmp_path / "out")}) > 4


def test_a_limit_spreads_over_the_classes(photos: Path, small: Recipe, tmp_path: Path) -> None:
    augment(photos, tmp_path / "out", small, limit=5)
    labels = {r["source"]: r["label"] for r in rows(tmp_path / "out")}
    assert sorted(Counter(labels.values()).values()) == [1, 2, 2]


def test_a_folder_of_pictures_can_stand_for_fractals(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    recipe = small.changed(fractals={"folder": str(photos)})
    augment(photos, tmp_path / "out", recipe)
    names = {r["fractal"] for r in rows(tmp_path / "out") if r["fractal"]}
    assert names <= {p.relative_to(photos).as_posix() for p in photos.rglob("*.jpg")}
    assert names


def test_killed_again_and_again_the_same_command_ends_with_the_same_bytes(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(small.changed(variants=6).to_yaml())
    augment(photos, tmp_path / "whole", recipe)
    command = [
        sys.executable, "-m", "genmix", "augment", str(photos), "-o", str(tmp_path / "killed"),
        "--recipe", str(recipe), "--workers", "2", "--edits", str(tmp_path / "fresh"),
    ]  # fmt: skip
    chance = random.Random(0)
    for _ in range(6):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.5, 2.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True, capture_output=True)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_who_stops_a_run_does_not_wait_for_the_shards_under_way(
    photos: Path, small: Recipe, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    recipe, out = tmp_path / "recipe.yaml", tmp_path / "out"
    recipe.write_text(small.changed(variants=60).to_yaml())
    command = [
        sys.executable, "-m", "genmix", "augment", str(photos), "-o", str(out), "--recipe",
        str(recipe), "--workers", "2", "--edits", str(tmp_path / "edits"),
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not list((tmp_path / "edits").rglob("*.jpg")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, number)  # a terminal and a service manager tell all processes
    told = process.communicate()[1]
    assert process.returncode == code
    assert told.splitlines()[-1] == "stopped; run the same command again to go on"
    assert not list((out / ".genmix").glob("shards/*"))
    assert not list((tmp_path / "edits").rglob("*.part"))
