"""Whether the job's peak memory grows with the number of photos."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.result import Result
from genmix.datasets.samples import synthetic_photos

_RUN = """
import json, resource, sys
from pathlib import Path
from genmix.jobs import augment
from genmix.recipe import Recipe

recipe = Recipe().changed(size=128, prompts={"only": ["snowy"]}, fractals={"count": 8})
source, out, edits = sys.argv[1:]
summary = augment(source, out, recipe, edits=Path(edits))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([summary.tally.written + sum(summary.tally.rejected.values()), peak]))
"""


def run() -> Iterator[Result]:
    """Augment 200 and 2,000 photos, each in a process of its own."""
    peaks = {}
    with tempfile.TemporaryDirectory() as scratch:
        for count in (200, 2000):
            folder = Path(scratch) / str(count)
            synthetic_photos(folder / "photos", classes=4, per_class=count // 4, size=160, seed=0)
            command = [
                sys.executable,
                "-c",
                _RUN,
                *(str(folder / n) for n in ("photos", "out", "edits")),
            ]
            done, peaks[count] = json.loads(subprocess.check_output(command))
            assert done == count
            yield Result(f"peak memory, {count:,} photos", f"{peaks[count] / 1024:.0f} MiB")
    yield Result("peak memory, 2,000 to 200 photos", "", f"{peaks[2000] / peaks[200]:.2f} x", "1 x")
