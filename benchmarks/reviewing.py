"""How fast the queue of reviews is, and whether its memory grows with the number of pictures."""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.result import Result
from genmix.datasets.manifest import schema

_RUN = """
import json, os, resource, sys, time
from statistics import median
from genmix.reviewing import Filter, Store, decide, page, preceding, review_report, take

def timed(call, rounds):
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return median(times)

out, before = sys.argv[1], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
opened = lambda: Store(out).close()
found = {"index": timed(opened, 1), "open": timed(opened, 9)}
store = Store(out)
mine = Filter(unseen_by="anna")
some = Filter(labels=("class 3", "class 5"), statuses=("undecided",), scores={"blank": (20, 40)})
now = [take(store, "anna", mine)]

def step():
    now[0] = take(store, "anna", mine, after=now[0].output)

def judge():
    decide(store, "anna", now[0].output, now[0].output_sha256, "accept")
    step()

def synced():
    with open(f"{out}/line", "a") as file:
        file.write("a decision\\n")
        file.flush()
        os.fsync(file.fileno())

found["judge"], found["synced"] = timed(judge, 300), timed(synced, 300)
found["next"] = timed(step, 300)
middle = page(store, size=2000)[-1].output
found["previous"] = timed(lambda: preceding(store, middle, some), 100)
found["page"] = timed(lambda: page(store, some), 30)
found["nothing"] = timed(lambda: page(store, Filter(scores={"blank": (2, 3)}, unseen_by="anna")), 9)
found["report"] = timed(lambda: review_report(store), 9)
found["grown"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps(found))
"""

_MANY, _MORE = 50_000, 500_000


def run() -> Iterator[Result]:
    """Review 50,000 pictures, and ten times as many."""
    found = {}
    for count in (_MANY, _MORE):
        with tempfile.TemporaryDirectory() as scratch:
            write_manifest(Path(scratch) / "manifest.parquet", count)
            found[count] = json.loads(
                subprocess.check_output([sys.executable, "-c", _RUN, scratch])
            )
    many, more = found[_MANY], found[_MORE]
    yield Result(
        f"index a new manifest of {_MANY:,} pictures", f"{many['index']:.1f} s", "", "<= 2 s"
    )
    for name, what, aim in (
        ("open", "open it again", 100),
        ("next", "take the next picture", 5),
        ("previous", "the one before, by class, status and score", 5),
        ("page", "a page of 24 of these", 100),
        ("nothing", "a score that no picture has", 100),
        ("report", "rates, agreement and counts", 100),
    ):
        yield Result(f"… {what}", f"{many[name] * 1e3:.2f} ms", "", f"<= {aim} ms")
    yield Result("write a line to a file and wait for the disk", f"{many['synced'] * 1e3:.2f} ms")
    yield Result(
        "write a decision, and take the next picture",
        f"{many['judge'] * 1e3:.2f} ms",
        f"{many['judge'] / many['synced']:.1f} x",
        "<= 3 x",
    )
    yield Result(f"take the next of {_MORE:,}", f"{more['next'] * 1e3:.2f} ms", "", "<= 5 ms")
    for count in (_MANY, _MORE):
        grown = found[count]["grown"] / 1024
        yield Result(f"memory for {count:,} pictures", f"{grown:.0f} MiB", "", "<= 100 MiB")


def write_manifest(path: Path, count: int) -> None:
    """Write the manifest of a run over photos of 20 classes with nine prompts."""
    rng = np.random.default_rng(0)
    columns = schema(["blank", "unchanged", "structure"])
    with pq.ParquetWriter(path, columns) as writer:
        for start in range(0, count, 10_000):
            rows = [_row(k) for k in range(start, min(start + 10_000, count))]
            table = pa.Table.from_pylist(rows, columns)
            for name, low, high in (("blank", 4, 80), ("unchanged", 6, 90), ("structure", 0.25, 1)):
                place = columns.get_field_index(f"screen_{name}")
                scores = pa.array(rng.uniform(low, high, len(rows)), pa.float32())
                table = table.set_column(place, columns.field(place), scores)
            writer.write_table(table)


def _row(number: int) -> dict[str, object]:
    photo, prompt = number // 9, f"prompt-{number % 9}"
    label = f"class {photo % 20}"
    return {
        "kind": "composite",
        "source": f"{label}/photo-{photo}.jpg",
        "label": label,
        "prompt": prompt,
        "variant": 0,
        "edit_key": hashlib.sha256(b"edit %d" % number).hexdigest(),
        "decision": "written",
        "output": f"images/{label}/photo-{photo}-{photo:08x}-{prompt}-0.jpg",
        "output_sha256": hashlib.sha256(b"picture %d" % number).hexdigest(),
    }
