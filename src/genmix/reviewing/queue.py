"""The queue: walking through the made pictures, the most doubtful first, by what is asked for.

Two reviewers who take from it get different pictures; either may look at any.
"""

import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from genmix.errors import ReviewError, nearest
from genmix.reviewing.index import SCREEN, get_fact, quoted
from genmix.reviewing.status import Status
from genmix.reviewing.store import Store

LEASE_S = 120.0
"""How long a picture that a reviewer took is kept from others."""

Grouping: TypeAlias = Literal["label", "prompt", "cause", "status"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which pictures are wanted; an empty value asks for nothing.

    Attributes:
        labels: Of one of these classes.
        prompts: By one of these prompts.
        causes: Made most doubtful by one of these screens.
        statuses: With one of these statuses.
        scores: By a screen's name, the least and greatest score; infinite for no bound.
        unseen_by: Not judged by this reviewer yet.
        sample: Of the drawn sample, in the order of the drawing.
    """

    labels: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    scores: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    unseen_by: str | None = None
    sample: bool = False


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Item:
    """A made picture.

    Attributes:
        position: In the order of the whole queue, from 1; another one after each new manifest.
        output: Its path in the output, which names it.
        output_sha256: Of its bytes.
        source: Its photo's path in the source.
        label: Its photo's class.
        prompt: What it was edited by.
        variant: Which of the prompt's edits.
        edit_key: The edit's name in the edit cache.
        doubt: In [0, 1]: 1 at a screen's limit, 1/2 at twice the limit or at the score of half of
            the pictures, whichever is nearer to the limit; 0 where no screen scored it.
        cause: The screen that was nearest to refusing it; "" where none scored it.
        scores: By screen.
        status: What the decisions make of it.
        better_label: The class that it should be, where it is "label-wrong" and one was named.
        reviewers: How many reviewers' decisions stand.
        sample: Its number in the drawn sample, from 0; None where it is not in it.
    """

    position: int
    output: str
    output_sha256: str
    source: str
    label: str
    prompt: str
    variant: int
    edit_key: str | None
    doubt: float
    cause: str
    scores: Mapping[str, float]
    status: Status
    better_label: str | None
    reviewers: int
    sample: int | None


def find(store: Store, output: str) -> Item:
    """Return a picture by its path in the output.

    Raises:
        ReviewError: If there is no such picture.
    """
    with store.reading() as connection:
        return item_of(connection, output)


def take(
    store: Store, reviewer: str, wanted: Filter = EVERYTHING, *, after: str | None = None
) -> Item | None:
    """Take the next picture that nobody else is looking at, and keep it from others for a while.

    What the reviewer took before is free again.

    Args:
        store: The reviews.
        reviewer: Who takes it.
        wanted: Which pictures.
        after: The picture after which to go on; from the beginning when left out.

    Returns:
        The picture; None if none is left that nobody else is looking at. `count` tells whether any
        is left at all.

    Raises:
        ReviewError: If there is no such screen.
    """
    now = time.time()
    with store.writing(lasting=False) as connection:
        connection.execute("DELETE FROM leases WHERE reviewer = ? OR until < ?", (reviewer, now))
        free = _Query(connection, wanted)
        free.require("NOT EXISTS (SELECT 1 FROM leases WHERE leases.output = items.output)")
        item = free.beside(after, forwards=True)
        if item is not None:
            connection.execute(
                "INSERT INTO leases VALUES (?, ?, ?)", (item.output, reviewer, now + LEASE_S)
            )
        return item


def release(store: Store, reviewer: str) -> None:
    """Let others take what a reviewer took, when the reviewer leaves."""
    with store.writing(lasting=False) as connection:
        connection.execute("DELETE FROM leases WHERE reviewer = ?", (reviewer,))


def following(store: Store, output: str | None, wanted: Filter = EVERYTHING) -> Item | None:
    """Return the picture after one, or the first; whoever looks at it; None at the end.

    Raises:
        ReviewError: If there is no such screen.
    """
    with store.reading() as connection:
        return _Query(connection, wanted).beside(output, forwards=True)


def preceding(store: Store, output: str, wanted: Filter = EVERYTHING) -> Item | None:
    """Return the picture before one; None at the beginning.

    Raises:
        ReviewError: If there is no such screen.
    """
    with store.reading() as connection:
        return _Query(connection, wanted).beside(output, forwards=False)


def page(
    store: Store, wanted: Filter = EVERYTHING, *, after: str | None = None, size: int = 24
) -> list[Item]:
    """Return the next so many pictures, for a grid or to fetch them ahead.

    Raises:
        ReviewError: If there is no such screen.
    """
    with store.reading() as connection:
        return _Query(connection, wanted).some(after, size)


def count(store: Store, wanted: Filter = EVERYTHING) -> int:
    """Count the pictures that are wanted.

    Raises:
        ReviewError: If there is no such screen.
    """
    with store.reading() as connection:
        return _Query(connection, wanted).count()


def counts(store: Store, by: Grouping) -> dict[str, int]:
    """Count all pictures by class, prompt, cause of doubt or status: a filter's choices.

    Raises:
        ReviewError: If they cannot be counted by that.
    """
    if by not in get_args(Grouping):
        raise ReviewError(f"pictures have no '{by}'; {nearest(by, get_args(Grouping))}")
    with store.reading() as connection:
        rows = connection.execute(f"SELECT {by}, count(*) FROM items GROUP BY {by} ORDER BY {by}")
        return dict(rows.fetchall())


def score_ranges(store: Store) -> dict[str, tuple[float, float]]:
    """Return the least and greatest score that each screen gave; one that gave none is left out."""
    with store.reading() as connection:
        ranges = get_fact(connection, "screens")
    return {name: tuple(ends) for name, ends in ranges.items() if ends is not None}


def item_of(connection: sqlite3.Connection, output: str) -> Item:
    """Return a picture by its path.

    Args:
        connection: Within a transaction.
        output: The path.

    Raises:
        ReviewError: If there is no such picture.
    """
    row = connection.execute("SELECT * FROM items WHERE output = ?", (output,)).fetchone()
    if row is None:
        raise ReviewError(f"there is no picture {output} in this output: take another one")
    return _item(row)


def _item(row: sqlite3.Row) -> Item:
    columns = row.keys()
    scores = {
        name.removeprefix(SCREEN): row[name]
        for name in columns
        if name.startswith(SCREEN) and row[name] is not None
    }
    values = {name: row[name] for name in columns if not name.startswith(SCREEN)}
    return Item(**values, scores=scores)


class _Query:
    """What a filter asks of the table of pictures."""

    def __init__(self, connection: sqlite3.Connection, wanted: Filter) -> None:
        self._connection = connection
        self._order = "sample" if wanted.sample else "position"
        self._conditions = ["sample IS NOT NULL"] if wanted.sample else []
        self._values: list[Any] = []
        for column in ("label", "prompt", "cause", "status"):
            names = {"label": wanted.labels, "prompt": wanted.prompts, "cause": wanted.causes,
                     "status": wanted.statuses}[column]  # fmt: skip
            if names:
                self.require(f"{column} IN ({', '.join('?' * len(names))})", *names)
        for screen, (low, high) in wanted.scores.items():
            self.require(f"{self._score(screen)} BETWEEN ? AND ?", low, high)
        if wanted.unseen_by is not None:
            self.require(_UNSEEN, wanted.unseen_by)

    def require(self, condition: str, *values: Any) -> None:
        """Ask for one thing more."""
        self._conditions.append(condition)
        self._values += values

    def beside(self, output: str | None, *, forwards: bool) -> Item | None:
        """Return the next picture on one side of another."""
        found = self.some(output, 1, forwards=forwards)
        return found[0] if found else None

    def some(self, output: str | None, size: int, *, forwards: bool = True) -> list[Item]:
        """Return the next pictures on one side of another, the nearest first.

        One that is not in this order, or gone, has the beginning on one side and nothing on the
        other.
        """
        conditions, values = list(self._conditions), list(self._values)
        if output is not None:
            place = f"coalesce((SELECT {self._order} FROM items WHERE output = ?), -1)"
            conditions.append(f"{self._order} {'>' if forwards else '<'} {place}")
            values.append(output)
        rows = self._connection.execute(
            f"SELECT * FROM items {_where(conditions)} "
            f"ORDER BY {self._order} {'ASC' if forwards else 'DESC'} LIMIT ?",
            (*values, size),
        )
        return [_item(row) for row in rows]

    def count(self) -> int:
        """Count all."""
        query = f"SELECT count(*) FROM items {_where(self._conditions)}"
        number: int = self._connection.execute(query, self._values).fetchone()[0]
        return number

    def _score(self, screen: str) -> str:
        known = get_fact(self._connection, "screens")
        if screen not in known:
            raise ReviewError(f"there is no screen '{screen}' here; {nearest(screen, known)}")
        return quoted(SCREEN + screen)


_UNSEEN = """NOT EXISTS (
    SELECT 1 FROM standing s
    WHERE (s.output, s.output_sha256, s.reviewer) = (items.output, items.output_sha256, ?)
)"""


def _where(conditions: list[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""
