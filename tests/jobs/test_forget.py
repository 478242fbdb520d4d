"""A photo that is taken back leaves no byte and no name, and everything else stays as it is."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from genmix.datasets import Photo
from genmix.datasets.layout import SHEET, output_path
from genmix.editing.cache import EditCache
from genmix.errors import OutputError, SourceError
from genmix.images import Image, decode, resize
from genmix.jobs import Share, augment
from genmix.jobs import edit as fill_cache
from genmix.jobs import plan as plan_module
from genmix.jobs.augment import make_plan
from genmix.jobs.forget import forget
from genmix.jobs.likeness import class_gaussians
from genmix.jobs.trace import trace
from genmix.recipe import Recipe
from genmix.screening.features import Features
from tests.jobs.outputs import contents, rows

PERSON = "ann-portrait.jpg"


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "_ITEMS_PER_SHARD", 4)


@pytest.fixture
def source(photos: Path, tmp_path: Path) -> Path:
    """Photos, of which one bears a person's name and lies there twice."""
    source = tmp_path / "source"
    shutil.copytree(photos, source)
    first, *_, last = sorted(source.rglob("*.jpg"))
    person = first.rename(first.with_name(PERSON))
    shutil.copy(person, last.with_name("copy-of-ann.jpg"))
    return source


@pytest.fixture
def person(source: Path) -> Path:
    return next(source.rglob(PERSON))


@pytest.fixture
def kept(small: Recipe) -> Recipe:
    return small.changed(output={"originals": "copy"})


@pytest.fixture
def out(source: Path, kept: Recipe, tmp_path: Path) -> Path:
    augment(source, tmp_path / "out", kept, edits=tmp_path / "edits")
    return tmp_path / "out"


def everything(*folders: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }


def made_of(photo: Path, out: Path) -> list[dict[str, Any]]:
    sha256 = hashlib.sha256(photo.read_bytes()).hexdigest()
    return [row for row in rows(out) if row["source_sha256"] == sha256]


def traces_left(photo: bytes, gone: list[bytes], names: list[str], *folders: Path) -> list[str]:
    """Search folders for the bytes and the names of what should be gone."""
    left = []
    for path, data in everything(*folders).items():
        left += [f"{path} is a product" for product in (photo, *gone) if product in data]
        text = data + os.fsencode(path)
        left += [f"{path} names {name}" for name in names if name.encode() in text]
    return left


def test_no_byte_and_no_name_is_left_and_the_rest_is_the_same_to_the_byte(
    source: Path, person: Path, out: Path, kept: Recipe, tmp_path: Path
) -> None:
    edits = tmp_path / "edits"
    fill_cache(source, edits, kept.changed(size=32))  # another recipe's edits of the same photos
    (out / "audit.json").write_text("{}")
    before, mine = everything(out, edits), made_of(person, out)
    all_rows = rows(out)
    assert len(mine) == 6  # two places, three pictures each
    products = [(out / row["output"]).read_bytes() for row in mine]
    cached = [EditCache(edits).path(row["edit_key"]) for row in mine if row["edit_key"]]
    products += [path.read_bytes() for path in cached]
    names = ["ann-portrait", "copy-of-ann"]
    names += [row["output_sha256"] for row in mine if row["kind"] == "composite"]
    assert traces_left(person.read_bytes(), products, names, out, edits)

    done = forget([str(person)], out, edits=edits)

    assert (done.photos, done.pictures, done.rows, done.edits) == (1, 6, 6, 8)
    assert (done.sheet, done.audit_removed) == ("redrawn", True)
    assert not (out / "audit.json").exists()
    assert not traces_left(person.read_bytes(), products, names, out, edits)
    after = everything(out, edits)
    gone = {out / row["output"] for row in mine}
    assert {path for path in before if path.suffix in {".jpg", ".png"}} - after.keys() >= gone
    redone = {out / name for name in ("manifest.parquet", "README.md", "croissant.json", SHEET)}
    parts = {path for path in before if path.name == "part.parquet"}
    locks = {path for path in before if path.name in {"lock", "finish"}}
    for path in after.keys() - redone - parts - locks - {out / "forgotten.jsonl"}:
        assert after[path] == before[path], path
    assert rows(out) == [row for row in all_rows if row not in mine]
    card = (out / "README.md").read_text()
    assert "33 pictures of 3 classes" in card
    assert SHEET in card


def test_the_record_keeps_the_hash_and_the_day_alone(person: Path, out: Path) -> None:
    sha256 = hashlib.sha256(person.read_bytes()).hexdigest()
    forget([str(person)], out)
    (line,) = (out / "forgotten.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert record.pop("forgotten").startswith("20")
    assert record == {"source_sha256": sha256, "rows": 6, "pictures": 6}


def test_a_photo_is_named_by_file_by_the_manifest_or_by_hash(
    source: Path, person: Path, out: Path, kept: Recipe, tmp_path: Path
) -> None:
    sha256 = hashlib.sha256(person.read_bytes()).hexdigest()
    forget([str(person)], out, edits=tmp_path / "edits")
    for name in (person.relative_to(source).as_posix(), sha256):
        augment(source, tmp_path / name[:3], kept)
        assert forget([name], tmp_path / name[:3]).pictures == 6
        assert rows(tmp_path / name[:3]) == rows(out)


def test_the_same_run_does_not_bring_it_back(
    source: Path, person: Path, out: Path, kept: Recipe, tmp_path: Path
) -> None:
    forget([str(person)], out, edits=tmp_path / "edits")
    before = contents(out)
    summary = augment(source, out, kept, edits=tmp_path / "edits")
    assert (summary.forgotten, summary.edits_made) == (1, 0)
    assert contents(out) == before
    lost = next((out / "images").rglob("*snowy*.jpg"))
    lost.unlink()
    augment(source, out, kept, edits=tmp_path / "edits")
    assert {**contents(out), SHEET: ""} == {**before, SHEET: ""}
    assert not made_of(person, out)


@pytest.mark.parametrize("originals", ["copy", "none"])
def test_the_sheet_is_drawn_anew_of_what_is_left(
    source: Path, small: Recipe, tmp_path: Path, originals: str
) -> None:
    out = tmp_path / "out"
    augment(source, out, small.changed(output={"originals": originals}))
    before = decode((out / SHEET).read_bytes())
    made = [row for row in rows(out) if row["kind"] == "composite"]
    first, *_, other = (row for row in made if row["source"].startswith("disc/0"))
    tiles = [
        resize(decode((out / row["output"]).read_bytes()), 144, 144)[8:-8, 8:-8]
        for row in (first, other)
    ]
    assert [shows(before, tile) for tile in tiles] == [True, True]
    assert forget([first["source"]], out).sheet == "redrawn"
    after = decode((out / SHEET).read_bytes())
    assert [shows(after, tile) for tile in tiles] == [False, True]
    less = 0 if originals == "copy" else 150  # the column of the photos, which are not in it
    assert after.shape[1] == before.shape[1] - less


def test_a_sheet_that_cannot_be_drawn_anew_is_removed_and_drawn_by_the_next_run(
    source: Path, person: Path, out: Path, kept: Recipe, tmp_path: Path
) -> None:
    (out / "recipe.yaml").unlink()
    done = forget([str(person)], out, edits=tmp_path / "edits")
    assert (done.sheet, done.audit_removed) == ("removed", False)
    assert not (out / SHEET).exists()
    assert SHEET not in (out / "README.md").read_text()
    augment(source, out, kept, edits=tmp_path / "edits")
    assert (out / SHEET).exists()
    assert SHEET in (out / "README.md").read_text()


def shows(sheet: Image, tile: Image) -> bool:
    """Tell whether a sheet shows a picture somewhere."""
    found = cv2.matchTemplate(sheet, tile, cv2.TM_SQDIFF)
    return bool(found.min() < tile.size * 4)  # within 2 levels, on average


def test_of_an_output_under_way_no_shard_keeps_it_and_none_makes_it(
    source: Path, person: Path, kept: Recipe, tmp_path: Path
) -> None:
    edits, out = tmp_path / "edits", tmp_path / "under-way"
    augment(source, out, kept, share=Share(1, 2), edits=edits)
    fill_cache(source, edits, kept)
    for half in ("staging/2-of-2/000001", "shards/000099"):
        (out / ".genmix" / half).mkdir(parents=True)
        (out / ".genmix" / half / PERSON).write_bytes(person.read_bytes())
    with pytest.raises(SourceError, match=r"nothing in .*under-way was made of nobody.jpg"):
        forget(["nobody.jpg"], out, edits=edits)
    forget([str(person)], out, edits=edits)
    data = person.read_bytes()
    assert not traces_left(data, [], [PERSON, "copy-of-ann"], out, edits)
    summary = augment(source, out, kept, edits=edits)
    assert summary.finished
    assert not traces_left(data, [], [PERSON, "copy-of-ann"], out, edits)
    augment(source, tmp_path / "whole", kept, edits=tmp_path / "more")
    mine = made_of(person, tmp_path / "whole")
    assert rows(out) == [row for row in rows(tmp_path / "whole") if row not in mine]


def test_killed_anywhere_the_same_command_ends_it(
    person: Path, out: Path, source: Path, kept: Recipe, tmp_path: Path
) -> None:
    def copied(name: str) -> Path:
        shutil.copytree(out, tmp_path / name / "out")
        shutil.copytree(tmp_path / "edits", tmp_path / name / "edits")
        return tmp_path / name

    def run(*where_and_when: tuple[Path, int]) -> list[list[int]]:
        """Forget in each folder, killed at the given change; tell how it ended and at which."""
        told = [f"{folder}={moment}" for folder, moment in where_and_when]
        command = [sys.executable, "-c", _DIES, str(person), *told]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        told = [line for line in done.stderr.splitlines() if line.startswith("ended")]
        return [[int(number) for number in line.split()[1:]] for line in told]

    whole = copied("whole")
    ((_, changes), (status,)) = run((whole, 0))
    assert status == 0
    assert changes > 15
    middle = changes // 2
    moments = [1, 2, 3, 5, middle, middle + 1, *range(changes - 4, changes + 1)]
    killed = [copied(f"killed-{moment}") for moment in moments]
    assert run(*zip(killed, moments, strict=True)) == [[-9]] * len(killed)
    noted = [folder for folder in killed if (folder / "out/.genmix/forgetting.json").exists()]
    assert len(noted) > 5
    with pytest.raises(OutputError, match=r"genmix forget was stopped in .*: run it again"):
        augment(source, noted[0] / "out", kept, edits=noted[0] / "edits")
    run(*((folder, 0) for folder in killed))
    for folder in killed:
        for part in ("out", "edits"):
            expected, found = contents(whole / part), contents(folder / part)
            for record in (expected, found):
                record.pop("forgotten.jsonl", None)  # holds the time
            assert found == expected
        assert not (folder / "out/.genmix/forgetting.json").exists()
        assert len((folder / "out/forgotten.jsonl").read_text().splitlines()) == 1


# Imports once, then forks for each folder: at the given change of the disk a child kills itself.
_DIES = r"""
import os, signal, sys
from genmix.cli import main
import genmix.jobs.forget
import pyarrow

pyarrow.array([])  # imports pandas, where it is there

def forget(folder, dies_at):
    count = 0

    def watch(event, arguments):
        nonlocal count
        creates = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if event in {"os.remove", "os.rename", "os.rmdir"} or creates:
            count += 1
            if count == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    asked = ["forget", sys.argv[1], "--from", folder + "/out", "--edits", folder + "/edits"]
    main(asked, standalone_mode=False)
    os.write(2, f"ended 0 {count}\n".encode())
    os._exit(0)

for argument in sys.argv[2:]:
    folder, _, dies_at = argument.partition("=")
    child = os.fork()
    if child == 0:
        try:
            forget(folder, int(dies_at))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    os.write(2, f"ended {os.waitstatus_to_exitcode(status)}\n".encode())
"""


def test_a_class_that_lost_its_last_picture_has_no_folder(
    source: Path, out: Path, tmp_path: Path
) -> None:
    from torchvision.datasets import ImageFolder

    label = min(row["label"] for row in rows(out))
    forget([str(path) for path in (source / label).glob("*.jpg")], out, edits=tmp_path / "edits")
    assert label not in ImageFolder(out / "images").classes
    assert f"| {label} |" not in (out / "README.md").read_text()


def test_when_all_is_forgotten_an_empty_output_is_left(
    source: Path, out: Path, kept: Recipe, tmp_path: Path
) -> None:
    forget([str(path) for path in source.rglob("*.jpg")], out, edits=tmp_path / "edits")
    assert not rows(out)
    assert not list((tmp_path / "edits").rglob("*.jpg"))
    summary = augment(source, out, kept, edits=tmp_path / "edits")
    assert (summary.tally.written, summary.edits_made) == (0, 0)


def test_a_photo_that_cannot_be_read_is_forgotten_by_name(
    source: Path, kept: Recipe, tmp_path: Path
) -> None:
    label = min(path.name for path in source.iterdir())
    (source / label / "ann-damaged.jpg").write_bytes(b"\xff\xd8\xff no picture")
    gone = source / label / "ann-gone.jpg"
    gone.mkdir()
    (source / label / "ann-link.jpg").symlink_to(gone)
    augment(source, tmp_path / "out", kept)
    names = {row["source"] for row in rows(tmp_path / "out") if row["decision"] == "failed"}
    assert names == {f"{label}/ann-damaged.jpg"}
    assert forget([*names], tmp_path / "out").rows == 3
    assert not traces_left(b"ann-damaged", [], ["ann-damaged"], tmp_path / "out")


def test_without_what_a_resumed_run_needs_it_works_and_leaves_no_such_folder(
    person: Path, out: Path, tmp_path: Path
) -> None:
    shutil.rmtree(out / ".genmix")
    with pytest.raises(SourceError, match=r"nothing in .* was made of nobody"):
        forget(["nobody"], out, edits=tmp_path / "edits")
    assert forget([str(person)], out, edits=tmp_path / "edits").pictures == 6
    assert not (out / ".genmix").exists()
    assert not traces_left(person.read_bytes(), [], [PERSON, "copy-of-ann"], out)


def test_nothing_is_removed_when_one_of_several_is_unknown(
    person: Path, out: Path, tmp_path: Path
) -> None:
    before = contents(out)
    (tmp_path / "other.jpg").write_bytes(b"another picture")
    with pytest.raises(SourceError, match=r"nothing in .* was made of .*other\.jpg"):
        forget([str(person), str(tmp_path / "other.jpg")], out)
    assert contents(out) == before


def test_forgetting_again_is_harmless_and_tracing_says_that_it_was_withdrawn(
    person: Path, out: Path, tmp_path: Path
) -> None:
    forget([str(person)], out, edits=tmp_path / "edits")
    before = contents(out)
    assert forget([str(person)], out, edits=tmp_path / "edits").photos == 0
    assert contents(out) == before
    with pytest.raises(SourceError, match="any more: it was withdrawn"):
        trace(person, out)


def test_blended_pictures_of_a_folder_are_warned_of(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    augment(photos, tmp_path / "out", small.changed(fractals={"folder": str(photos)}))
    done = forget([str(next(photos.rglob("*.jpg")))], tmp_path / "out")
    assert done.blended_folder == str(photos)


def test_what_is_no_output_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is no output of genmix augment"):
        forget(["a.jpg"], tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_withdrawn_photo_is_looked_at_by_no_screen(
    source: Path, person: Path, kept: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Image] = []

    def encode(images: list[Image]) -> Features:
        seen.extend(images)
        return np.eye(99, dtype=np.float32)[: len(images)]

    monkeypatch.setattr("genmix.screening.encoders.open_encoder", lambda _: encode)
    recipe = kept.changed(screens={"density": {"encoder": "efficientnet_lite0"}})
    plan, photos = make_plan(source, recipe, None)
    class_gaussians(plan, photos)
    assert len(seen) == len(plan.photos) == 13
    seen.clear()
    class_gaussians(plan, photos, frozenset({hashlib.sha256(person.read_bytes()).hexdigest()}))
    assert len(seen) == 11


def test_edits_of_other_photos_and_unfinished_ones_of_live_runs_stay(tmp_path: Path) -> None:
    cache, photo = EditCache(tmp_path), "ab" * 32
    mine = cache.path("ab" * 8 + "0" * 48)
    near = cache.path("ab" * 7 + "ff" + "0" * 48)
    live, dead = mine.with_name(".live.part"), mine.with_name(".dead.part")
    for path in (mine, near, live, dead):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"edit")
    os.utime(dead, (0, 0))
    assert cache.forget(photo) == 2
    assert {path for path in (mine, near, live, dead) if path.exists()} == {near, live}


def test_names_of_outputs_tell_which_photo_they_are_of_so_they_must_go() -> None:
    assert "ann-portrait" in output_path(Photo(f"cat/{PERSON}", "cat"), ".jpg", "snowy", 0)


def test_keys_of_edits_begin_with_the_photos_own_hash(small: Recipe) -> None:
    prompt = small.chosen_prompts()[0]
    photo = hashlib.sha256(b"a photo").hexdigest()
    keys = {EditCache.key(photo, size, "crop", prompt, "editor", 0) for size in (8, 16)}
    assert len(keys) == 2
    assert all(len(key) == 64 and key.startswith(photo[:16]) for key in keys)
