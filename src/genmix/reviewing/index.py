"""The index of the made pictures: the manifest's rows in the order in which to look at them.

The most doubtful come first: those that a screen was nearest to refusing.
"""

import hashlib
import heapq
import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genmix.errors import GenmixError
from genmix.recipe import load_recipe
from genmix.reviewing.made import MadeOutput
from genmix.reviewing.status import settle_all

SCREEN = "screen_"
"""What the name of a score's column begins with, here and in the manifest."""


def build_index(connection: sqlite3.Connection, out: Path) -> None:
    """Index the manifest of an output anew; what was decided before counts where it still fits.

    Args:
        connection: Within a transaction that writes.
        out: The output.

    Raises:
        ReviewError: If the manifest cannot be read.
    """
    made = MadeOutput(out)
    screens = [name for name in made.columns() if name.startswith(SCREEN)]
    scales = _scales(made, screens)
    columns = [*_COPIED, *screens]
    names = ", ".join(quoted(name) for name in columns)
    connection.execute("DROP TABLE IF EXISTS items")
    connection.execute("DROP TABLE IF EXISTS temp.unsorted")
    connection.execute(f"CREATE TEMP TABLE unsorted ({names}, doubt REAL, cause TEXT)")
    connection.executemany(
        f"INSERT INTO unsorted VALUES ({', '.join('?' * (len(columns) + 2))})",
        _entries(made, columns, scales),
    )
    scores = "".join(f", {quoted(name)} REAL" for name in screens)
    connection.execute(_ITEMS.format(scores=scores))
    connection.execute(
        f"INSERT INTO items ({names}, doubt, cause) SELECT * FROM unsorted "
        "ORDER BY doubt DESC, output"
    )
    connection.execute("DROP TABLE unsorted")
    connection.execute("CREATE UNIQUE INDEX items_output ON items (output)")
    for column in ("label", "prompt", "cause", "status", "sample"):
        connection.execute(f"CREATE INDEX items_{column} ON items ({column})")
    settle_all(connection)
    put_fact(
        connection, "screens", {n.removeprefix(SCREEN): _range(connection, n) for n in screens}
    )
    if (sample := get_fact(connection, "sample")) is not None:
        mark_sample(connection, **sample)


def mark_sample(connection: sqlite3.Connection, *, size: int, seed: int, by: str | None) -> int:
    """Mark the pictures of a random sample, in the order in which they were drawn.

    A larger sample of one seed begins with the smaller one, and a sample changes little where the
    output does. By class or prompt, every beginning of the sample has of each its share, rounded by
    lot: the k-th picture of n in a class, in the class's own random order, comes at (k + u) / n,
    with one random u in [0, 1) for the class.

    Args:
        connection: Within a transaction that writes.
        size: How many; all there are if there are fewer.
        seed: Of the drawing.
        by: "label" or "prompt": give each class or prompt its share; None: all at random.

    Returns:
        How many were drawn.
    """
    connection.execute("UPDATE items SET sample = NULL WHERE sample IS NOT NULL")
    places: list[tuple[float, int]] = []
    for name, count in _groups(connection, by):
        where = "" if by is None else f"WHERE {by} = ?"
        rows = connection.execute(
            f"SELECT position, output FROM items {where}", () if by is None else (name,)
        )
        first = heapq.nsmallest(size, ((_lot(seed, row[1]), row[0]) for row in rows))
        start = int.from_bytes(_lot(seed, name)) / 2**_LOT_BITS
        places += [((k + start) / count, position) for k, (_, position) in enumerate(first)]
    order = [(number, position) for number, (_, position) in enumerate(sorted(places)[:size])]
    connection.executemany("UPDATE items SET sample = ? WHERE position = ?", order)
    return len(order)


def quoted(name: str) -> str:
    """Return a column's name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def get_fact(connection: sqlite3.Connection, name: str) -> Any:
    """Return a value that `put_fact` kept; None if there is none."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else json.loads(row[0])


def put_fact(connection: sqlite3.Connection, name: str, value: Any) -> None:
    """Keep a plain value under a name."""
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))


_COPIED = ("output", "output_sha256", "source", "label", "prompt", "variant", "edit_key")

_ITEMS = """
    CREATE TABLE items (
        position INTEGER PRIMARY KEY,
        output TEXT NOT NULL,
        output_sha256 TEXT NOT NULL,
        source TEXT NOT NULL,
        label TEXT NOT NULL,
        prompt TEXT NOT NULL,
        variant INTEGER NOT NULL,
        edit_key TEXT,
        doubt REAL NOT NULL,
        cause TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'undecided',
        better_label TEXT,
        reviewers INTEGER NOT NULL DEFAULT 0,
        sample INTEGER{scores}
    )
"""


class _Scale(NamedTuple):
    """How to read a screen's scores.

    Attributes:
        limit: Where it refuses.
        unit: How far from it a score is half as doubtful; negative where it refuses what is above.
    """

    limit: float
    unit: float


def _entries(
    made: MadeOutput, columns: Sequence[str], scales: dict[str, _Scale]
) -> Iterator[tuple[Any, ...]]:
    for batch in made.batches([*columns, "kind"]):
        doubts, causes = _doubts(batch, scales)
        rows = zip(*(batch[name] for name in columns), doubts, causes, strict=True)
        yield from compress(rows, _pictures(batch))


def _pictures(batch: dict[str, list[Any]]) -> list[bool]:
    """Tell which rows have a made picture; photos that were taken over have none."""
    pairs = zip(batch["kind"], batch["output"], strict=True)
    return [kind == "composite" and output is not None for kind, output in pairs]


def _doubts(
    batch: dict[str, list[Any]], scales: dict[str, _Scale]
) -> tuple[list[float], list[str]]:
    """Say how doubtful each row is, and which screen makes it so."""
    margins = np.full((len(scales) + 1, len(batch["source"])), np.inf)
    for margin, (name, scale) in zip(margins, scales.items(), strict=False):
        scores = np.array(batch[name], np.float64)
        np.copyto(margin, (scores - scale.limit) / scale.unit)
    margins[np.isnan(margins)] = np.inf
    least = margins.min(0)
    names = [*(name.removeprefix(SCREEN) for name in scales), ""]
    unscored = len(scales)
    causes = np.where(np.isinf(least), unscored, margins.argmin(0))
    return (1 / (1 + np.maximum(least, 0))).tolist(), [names[k] for k in causes]


def _scales(made: MadeOutput, screens: Sequence[str]) -> dict[str, _Scale]:
    """Find out how to read each screen's scores; one that gave all pictures the same says nothing.

    The unit is the limit itself or the way from it to the median, whichever is less: ten times the
    least contrast is no doubt, however lively most pictures are. A limit that is not in the recipe
    (an encoder's own) is taken to be the least score kept.
    """
    kept: dict[str, list[np.ndarray[tuple[int], np.dtype[np.float32]]]] = {s: [] for s in screens}
    for batch in made.batches([*screens, "kind", "output"]):
        pictures = _pictures(batch)
        for name in screens:
            scores = np.array(batch[name], np.float32)[pictures]
            kept[name].append(scores[np.isfinite(scores)])
    limits = _limits(made.path)
    scales = {}
    for name, parts in kept.items():
        scores = np.concatenate(parts) if parts else np.empty(0, np.float32)
        if not len(scores):
            continue
        limit = limits.get(name.removeprefix(SCREEN), float(scores.min()))
        to_middle = float(np.median(scores)) - limit
        if to_middle:
            least = min(abs(to_middle), abs(limit) or math.inf)
            scales[name] = _Scale(limit, math.copysign(least, to_middle))
    return scales


def _limits(out: Path) -> dict[str, float]:
    """Return the limits of the screens, as far as the output's recipe names them."""
    limits: dict[str, float] = {}
    with suppress(GenmixError):  # deleted, or not what genmix wrote: the scores will do
        screens = load_recipe(out / "recipe.yaml").screens.model_dump(exclude_none=True)
        for name, settings in screens.items():
            for key, value in settings.items():
                if key.startswith(("min_", "max_")):
                    limits[name] = value
    return limits


def _range(connection: sqlite3.Connection, column: str) -> tuple[float, float] | None:
    query = f"SELECT min({quoted(column)}), max({quoted(column)}) FROM items"
    low, high = connection.execute(query).fetchone()
    return None if low is None else (low, high)


def _groups(connection: sqlite3.Connection, by: str | None) -> list[tuple[str, int]]:
    """Name the classes or prompts and say how many pictures each has; all are one without `by`."""
    if by is None:
        return [("", connection.execute("SELECT count(*) FROM items").fetchone()[0])]
    query = f"SELECT {by}, count(*) FROM items GROUP BY {by} ORDER BY {by}"
    return [(name, count) for name, count in connection.execute(query).fetchall()]


_LOT_BITS = 128


def _lot(seed: int, text: str) -> bytes:
    key, size = str(seed).encode(), _LOT_BITS // 8
    return hashlib.blake2b(text.encode(), digest_size=size, key=key).digest()
