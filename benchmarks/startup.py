"""How soon `genmix --help` answers, against a Python that does nothing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.result import Result, medians


def run() -> Iterator[Result]:
    """Measure whole processes."""
    genmix = Path(sys.executable).with_name("genmix")

    def process(*command: str | Path) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    nothing, help_ = medians(
        [
            lambda: process(sys.executable, "-c", "pass"),
            lambda: process(genmix, "--help"),
        ],
        15,
    )
    yield Result("python -c pass", f"{nothing * 1e3:.0f} ms")
    yield Result("genmix --help", f"{help_ * 1e3:.0f} ms", f"{help_ / nothing:.1f} x", "<= 12 x")
