"""How soon the studio's page Review opens and moves on, in a browser, with 50,000 pictures."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import pyarrow.parquet as pq
from playwright.sync_api import Page, sync_playwright

from benchmarks.result import Result
from benchmarks.reviewing import write_manifest
from genmix.datasets.samples import synthetic_photos
from genmix.recipe import load_recipe

_PICTURES = 50_000
_STEPS = 100
_GLANCE_MS = 300
"""A person who judges takes at least so long; the next pictures are fetched meanwhile."""

_BROWSER = ["--headless", "--no-sandbox", "--disable-gpu"]

_MOVE = """(key) => new Promise((done) => {
  const shown = () => document.querySelector("[name=output]").value;
  const before = shown(), started = performance.now();
  const look = () => {
    const pair = [...document.querySelectorAll(".pair img")];
    const there = shown() !== before && pair.every((each) => each.complete && each.naturalWidth);
    if (there) done(performance.now() - started);
    else requestAnimationFrame(look);
  };
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  look();
})"""


def run() -> Iterator[Result]:
    """Open the page, move on, and decide."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        sync_playwright() as playwright,
        _studio(*_filled(Path(scratch))) as (address, process),
    ):
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_BROWSER)
        page = browser.new_page(locale="en")
        page.goto(f"{address}/prompts")
        before = _peak_mib(process.pid)
        page.goto(f"{address}/review")
        page.get_by_role("textbox").fill("Anna")
        started = time.perf_counter()
        with page.expect_event("load"):
            page.keyboard.press("Enter")
        first = time.perf_counter() - started
        page.wait_for_load_state("networkidle")
        again = median(_opened(page, f"{address}/review") for _ in range(5))
        moved, judged = _walk(page, "n"), _walk(page, "a")
        grown = _peak_mib(process.pid) - before
        browser.close()
    count = f"{_PICTURES:,}"
    yield Result(f"studio: Review opens, {count} pictures, never indexed", f"{first:.2f} s", "", "< 2 s")  # fmt: skip  # noqa: E501
    yield Result("… again, to the last picture of the page", f"{again:.2f} s", "", "< 2 s")
    for what, times in (
        ("the next pair is seen", moved),
        ("a decision, and the next pair", judged),
    ):
        worst = quantiles(times, n=20)[-1]
        yield Result(f"… {what}: median", f"{median(times):.0f} ms", "", "< 200 ms")
        yield Result(f"… {what}: 95 of 100 within", f"{worst:.0f} ms", "", "< 200 ms")
    yield Result("… memory that this took in the server", f"{grown:.0f} MiB", "", "<= 150 MiB")


def _walk(page: Page, key: str) -> list[float]:
    """Return the milliseconds of each step by a key."""
    times = []
    for _ in range(_STEPS):
        page.wait_for_timeout(_GLANCE_MS)
        times.append(float(page.evaluate(_MOVE, key)))
    return times


def _opened(page: Page, address: str) -> float:
    """Return the seconds until a page and its pictures are there."""
    started = time.perf_counter()
    page.goto(address)
    return time.perf_counter() - started


def _filled(folder: Path) -> tuple[Path, Path]:
    """Write photos and an output whose pictures are all links to one, and return both places."""
    photos, out = folder / "photos", folder / "out"
    out.mkdir()
    (out / ".genmix").mkdir()
    write_manifest(out / "manifest.parquet", _PICTURES)
    (out / "recipe.yaml").write_text(load_recipe("classification").to_yaml())
    synthetic_photos(folder / "one", classes=1, per_class=1, size=512, seed=0)
    picture = next((folder / "one").rglob("*.jpg"))
    rows = pq.read_table(out / "manifest.parquet", columns=["source", "output"]).to_pydict()
    for place in (*(photos / p for p in set(rows["source"])), *(out / p for p in rows["output"])):
        place.parent.mkdir(parents=True, exist_ok=True)
        os.link(picture, place)
    return photos, out


@contextmanager
def _studio(photos: Path, out: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Open a studio in a process of its own."""
    words = ["-m", "genmix", "studio", str(photos), "-o", str(out), "--port", "0", "--lang", "en"]
    with subprocess.Popen([sys.executable, *words], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            found = re.search(r"http://\S+", process.stderr.readline())
            assert found
            yield found[0], process
        finally:
            process.terminate()


def _peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024
