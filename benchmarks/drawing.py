"""How long 1,000 fractals take at 256² on two processes."""

import os
import tempfile
import time
from collections.abc import Iterator

from benchmarks.result import Result
from genmix.fractals import FractalBank


def run() -> Iterator[Result]:
    """Draw them into an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        before = os.environ.get("GENMIX_CACHE")
        os.environ["GENMIX_CACHE"] = cache
        try:
            started = time.perf_counter()
            FractalBank.open(1000, 256, seed=0, workers=2)
            seconds = time.perf_counter() - started
        finally:
            os.environ.pop("GENMIX_CACHE")
            if before is not None:
                os.environ["GENMIX_CACHE"] = before
    yield Result("1,000 fractals at 256², 2 processes", f"{seconds:.0f} s", aim="<= 60 s")
