"""The main job with a diffusion model: a real process, killed and resumed; photos read ahead."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from genmix.datasets import Photo, Source, open_source
from genmix.editing.cache import EditCache
from genmix.images import Image
from genmix.jobs import overlap
from genmix.jobs.augment import open_bank
from genmix.jobs.edits import Edited
from genmix.jobs.overlap import ahead, overlapping
from genmix.jobs.pipeline import Pipeline
from genmix.prompts import Prompt
from genmix.recipe import Recipe
from tests.jobs.outputs import rows
from tests.tiny_pipelines import pix2pix


def test_killed_and_resumed_nothing_is_edited_twice(photos: Path, tmp_path: Path) -> None:
    model, out, edits = (tmp_path / name for name in ("model", "out", "edits"))
    pix2pix(model)
    command = [
        sys.executable, "-m", "genmix", "augment", str(photos), "-o", str(out), "--json",
        "--size", "32", "--prompts", "snowy,mosaic", "--edits", str(edits), "--workers", "4",
        "--editor", f"diffusers:{model}", "--editor-preset", "fast", "--editor-set", "steps=2",
        "--editor-set", "size=32", "--editor-set", "device=cpu",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(edits.rglob("*.jpg"))) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in edits.rglob("*.jpg")}
    assert 3 <= len(before) < 24
    done = subprocess.run(
        [*command, "--editor-set", "batch_size=4"], check=True, capture_output=True, text=True
    )
    summary = json.loads(done.stdout)
    assert (summary["finished"], summary["planned"]) == (True, 24)
    assert summary["edits_made"] == 24 - len(before)
    after = {path: path.stat().st_mtime_ns for path in edits.rglob("*.jpg")}
    assert len(after) == 24
    assert all(after[path] == changed for path, changed in before.items())
    assert all("steps=2" in row["editor"] for row in rows(out))
    card = (out / "README.md").read_text()
    assert "| licence of the model | mit |" in card


def test_ctrl_c_does_not_wait_for_the_picture_that_is_being_edited(
    photos: Path, tmp_path: Path
) -> None:
    model, edits = tmp_path / "model", tmp_path / "edits"
    pix2pix(model)
    command = [
        sys.executable, "-m", "genmix", "augment", str(photos), "-o", str(tmp_path / "out"),
        "--size", "32", "--prompts", "snowy", "--edits", str(edits), "--editor",
        f"diffusers:{model}", "--editor-set", "steps=300", "--editor-set", "size=32",
        "--editor-set", "device=cpu",
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not list(edits.rglob("*.jpg")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    told = process.communicate()[1]
    assert process.returncode == 130
    assert told.splitlines()[-1] == "stopped; run the same command again to go on"
    assert len(list(edits.rglob("*.jpg"))) == 1


class SlowEditor:
    """Waits, at its second batch, for what is said to go on meanwhile."""

    fingerprint = "slow/1"
    batch_size = 4
    overlap = True

    def __init__(self) -> None:
        self.third_read, self.first_composed = threading.Event(), threading.Event()
        self.threads: list[threading.Thread] = []

    def check(self, prompts: Sequence[Prompt]) -> None: ...

    def edit(
        self,
        images: Sequence[Image],
        prompts: Sequence[Prompt],  # noqa: ARG002
        seeds: Sequence[int],  # noqa: ARG002
    ) -> list[Image]:
        self.threads.append(threading.current_thread())
        if len(self.threads) == 2:
            assert self.third_read.wait(60)
            assert self.first_composed.wait(60)
        return [255 - image for image in images]


def test_while_a_batch_is_edited_the_next_is_read_and_the_last_composed(
    photos: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, editor = open_source(photos), SlowEditor()
    bank = open_bank(small, 1, lambda *_: None)
    pipeline = Pipeline(source, small, small.chosen_prompts(), bank, EditCache(tmp_path))
    pipeline.editor = editor
    read, compose = type(source).read, pipeline.compose

    def reading(self: Source, photo: Photo) -> bytes:
        if photo == source.photos[4]:  # of the third batch, at two prompts a photo
            editor.third_read.set()
        return read(self, photo)

    def composing(edited: Edited) -> Any:
        editor.first_composed.set()
        return compose(edited)

    monkeypatch.setattr(type(source), "read", reading)
    monkeypatch.setattr(pipeline, "compose", composing)
    made = list(pipeline.run(source.photos))
    assert [row.row["source"] for row in made] == [p.path for p in source.photos for _ in (0, 1)]
    assert {one.row["decision"] for one in made} == {"written"}
    # In the caller's thread, where Ctrl-C arrives.
    assert set(editor.threads) == {threading.current_thread()}


def test_reading_ahead_keeps_the_order_and_overlaps() -> None:
    taken = threading.Event()

    def values() -> Iterator[int]:
        yield 0
        assert taken.wait(10)  # only if this runs while the first value is in use
        yield 1

    reading = ahead(values())
    assert next(reading) == 0
    taken.set()
    assert list(reading) == [1]
    assert list(ahead(iter(range(50)))) == list(range(50))


def test_what_fails_ahead_fails_where_it_is_used() -> None:
    def values() -> Iterator[int]:
        yield 0
        raise ValueError("broken")

    reading = ahead(values())
    assert next(reading) == 0
    with pytest.raises(ValueError, match="broken"):
        next(reading)


def test_overlapping_work_keeps_the_order_and_its_errors() -> None:
    def finish(value: int, done: int) -> tuple[int, int]:
        if value == 30:
            raise ValueError("broken")
        return value, done

    worked = overlapping(iter(range(25)), lambda value: -value, finish)
    assert list(worked) == [(value, -value) for value in range(25)]
    failing = overlapping(iter(range(28, 40)), lambda value: value, finish)
    assert [next(failing), next(failing)] == [(28, 28), (29, 29)]
    with pytest.raises(ValueError, match="broken"):
        next(failing)


def test_of_slow_work_what_is_done_is_told_before_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "_WAIT", 1e9)  # as if the work had taken long
    worked: list[int] = []
    telling = overlapping(iter(range(3)), worked.append, lambda value, _: value)
    assert next(telling) == 0
    assert worked == [0]
    assert list(telling) == [1, 2]
