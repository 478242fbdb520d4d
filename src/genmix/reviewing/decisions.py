"""Decisions: who said what of a picture and when, and taking it back.

A reviewer's latest decision that was not undone stands beside those of other reviewers; none
overwrites another's.
"""

import sqlite3
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from genmix.errors import ReviewError, nearest
from genmix.reviewing.queue import Item, item_of
from genmix.reviewing.status import Verdict, settle
from genmix.reviewing.store import Store


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that was decided.

    Attributes:
        reviewer: By whom.
        verdict: What; "undo" takes back an earlier decision of the same reviewer.
        label: The class that it should be, where the reviewer named one.
        reason: Why, in the reviewer's words; "" where none were given.
        at: When: UTC, ISO 8601.
        client: By which program.
        stands: Whether it is the reviewer's word on the picture as it is now.
    """

    reviewer: str
    verdict: Literal["accept", "reject", "label-wrong", "undo"]
    label: str | None
    reason: str
    at: str
    client: str
    stands: bool


def decide(
    store: Store,
    reviewer: str,
    output: str,
    output_sha256: str,
    verdict: Verdict,
    *,
    label: str | None = None,
    reason: str = "",
    client: str = "",
) -> Item:
    """Write down what a reviewer says of a picture; when this returns, it is on the disk.

    Saying the same again changes nothing, so a request may be repeated. Others may take the picture
    now, if the reviewer had taken it.

    Args:
        store: The reviews.
        reviewer: Who; up to 80 characters.
        output: The picture, as the manifest names it.
        output_sha256: Of the bytes that the reviewer saw.
        verdict: What.
        label: With "label-wrong", the class that it should be, if the reviewer knows.
        reason: Why; up to 2,000 characters.
        client: By which program; up to 200 characters.

    Returns:
        The picture, with the status that it has now.

    Raises:
        ReviewError: If there is no such picture, it is no longer the one that was seen, or a value
            does not fit.
    """
    reviewer = reviewer_name(reviewer)
    reason, client = _line(reason, "reason", _REASON), _line(client, "client", _CLIENT)
    if verdict not in get_args(Verdict):
        raise ReviewError(f"there is no verdict '{verdict}'; {nearest(verdict, get_args(Verdict))}")
    with store.writing() as connection:
        item = item_of(connection, output)
        if item.output_sha256 != output_sha256:
            raise ReviewError(f"{output} was made anew since it was shown: look at it again")
        _check_label(connection, item, verdict, label)
        said = (verdict, label, reason)
        if _standing(connection, item, reviewer) != said:
            _add(connection, item, reviewer, said, client)
        connection.execute(_LEAVE, (output, reviewer))
        return item_of(connection, output)


def undo(
    store: Store, reviewer: str, *, output: str | None = None, client: str = ""
) -> Item | None:
    """Take back a reviewer's last decision that stands; the one before it stands again.

    Args:
        store: The reviews.
        reviewer: Whose.
        output: Of this picture; of any when left out.
        client: By which program; up to 200 characters.

    Returns:
        The picture, with the status that it has now; None if there is nothing to take back.

    Raises:
        ReviewError: If a value does not fit.
    """
    reviewer = reviewer_name(reviewer)
    client = _line(client, "client", _CLIENT)
    with store.writing() as connection:
        where = "" if output is None else "AND d.output = :output"
        last = connection.execute(
            _LAST.format(where=where), {"reviewer": reviewer, "output": output}
        ).fetchone()
        if last is None:
            return None
        item = item_of(connection, last["output"])
        _add(connection, item, reviewer, ("undo", None, ""), client, undoes=last["id"])
        return item_of(connection, item.output)


def history(store: Store, output: str) -> list[Decision]:
    """Return all that was decided of a picture as it is now, the oldest first."""
    with store.reading() as connection:
        return [
            Decision(**{**dict(row), "stands": bool(row["stands"])})
            for row in connection.execute(_HISTORY, (output,))
        ]


def reviewer_name(typed: str) -> str:
    """Make what somebody typed a reviewer's name: one line of 1 to 80 characters.

    Raises:
        ReviewError: If it is empty or longer.
    """
    return _line(typed, "reviewer's name", _NAME, least=1)


_NAME, _REASON, _CLIENT = 80, 2000, 200

_LAST = """
    SELECT d.id, d.output FROM decisions d
    JOIN items i ON (i.output, i.output_sha256) = (d.output, d.output_sha256)
    WHERE d.reviewer = :reviewer AND d.undoes IS NULL {where}
        AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undoes = d.id)
    ORDER BY d.id DESC LIMIT 1
"""

_HISTORY = """
    SELECT d.reviewer, d.verdict, d.label, d.reason, d.at, d.client,
        EXISTS (SELECT 1 FROM standing s WHERE s.decision = d.id) AS stands
    FROM decisions d
    JOIN items i ON (i.output, i.output_sha256) = (d.output, d.output_sha256)
    WHERE d.output = ? ORDER BY d.id
"""

_STANDING = """
    SELECT d.verdict, d.label, d.reason FROM standing s JOIN decisions d ON d.id = s.decision
    WHERE s.output = ? AND s.output_sha256 = ? AND s.reviewer = ?
"""

_ADD = """
    INSERT INTO decisions
        (output, output_sha256, reviewer, verdict, label, reason, undoes, at, client)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


_LEAVE = "DELETE FROM leases WHERE output = ? AND reviewer = ?"


def _add(
    connection: sqlite3.Connection,
    item: Item,
    reviewer: str,
    said: tuple[str, str | None, str],
    client: str,
    *,
    undoes: int | None = None,
) -> None:
    key = (item.output, item.output_sha256, reviewer)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    connection.execute(_ADD, (*key, *said, undoes, now, client))
    settle(connection, *key)


def _standing(
    connection: sqlite3.Connection, item: Item, reviewer: str
) -> tuple[str, str | None, str] | None:
    row = connection.execute(_STANDING, (item.output, item.output_sha256, reviewer)).fetchone()
    return None if row is None else tuple(row)


def _check_label(
    connection: sqlite3.Connection, item: Item, verdict: Verdict, label: str | None
) -> None:
    if label is None:
        return
    if verdict != "label-wrong":
        raise ReviewError(f"a class goes with label-wrong only, not with {verdict}")
    known = [row[0] for row in connection.execute("SELECT DISTINCT label FROM items ORDER BY 1")]
    if label not in known:
        raise ReviewError(f"there is no class '{label}' in this output; {nearest(label, known)}")
    if label == item.label:
        raise ReviewError(f"{item.output} is of the class '{label}' already")


def _line(text: str, what: str, most: int, *, least: int = 0) -> str:
    """Make what somebody typed one line that shows as it is."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    line = unicodedata.normalize("NFC", line)
    if not least <= len(line) <= most:
        raise ReviewError(f"a {what} has {least} to {most:,} characters, not {len(line):,}")
    return line
