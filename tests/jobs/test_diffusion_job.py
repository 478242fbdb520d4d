"""The main job with a diffusion model: a real process, killed and resumed; photos read ahead."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from genmix.jobs.pipeline import ahead
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
