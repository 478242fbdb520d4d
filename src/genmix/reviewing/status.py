"""What the decisions about a picture make of it: the rule where reviewers disagree."""

import sqlite3
from collections.abc import Sequence
from itertools import groupby
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["accept", "reject", "label-wrong"]
Status: TypeAlias = Literal["undecided", "accepted", "rejected", "label-wrong", "disputed"]
Said: TypeAlias = tuple[Verdict, str | None]
"""A verdict, and the class that the picture should be where one was named."""


def status_of(said: Sequence[Said]) -> tuple[Status, str | None]:
    """Say what follows from the verdicts that stand: what more than half of the reviewers say.

    Args:
        said: One of each reviewer.

    Returns:
        The picture's status, and the class that it should be if it has the wrong one; "disputed"
        where nothing has more than half of the voices.
    """
    if not said:
        return "undecided", None
    for verdict, label in set(said):
        if 2 * said.count((verdict, label)) > len(said):
            return _STATUS[verdict], label
    return "disputed", None


def settle(connection: sqlite3.Connection, output: str, output_sha256: str, reviewer: str) -> None:
    """Bring a reviewer's standing decision and the picture's status up to date.

    Args:
        connection: Within a transaction that writes.
        output: The picture.
        output_sha256: Of its bytes.
        reviewer: Who has just decided, or taken something back.
    """
    key = (output, output_sha256, reviewer)
    connection.execute(
        "DELETE FROM standing WHERE output = ? AND output_sha256 = ? AND reviewer = ?", key
    )
    connection.execute(_TAKE_STAND, key)
    rows = connection.execute(_SAID + " WHERE s.output = ? AND s.output_sha256 = ?", key[:2])
    _set_status(connection, output, [(row["verdict"], row["label"]) for row in rows])


def settle_all(connection: sqlite3.Connection) -> None:
    """Give every picture of a new index the status that the decisions about it make."""
    rows = connection.execute(
        _SAID + " JOIN items i ON (i.output, i.output_sha256) = (s.output, s.output_sha256) "
        "ORDER BY s.output"
    ).fetchall()
    for output, group in groupby(rows, key=lambda row: row["output"]):
        _set_status(connection, output, [(row["verdict"], row["label"]) for row in group])


_STATUS: dict[Verdict, Status] = {
    "accept": "accepted",
    "reject": "rejected",
    "label-wrong": "label-wrong",
}

_TAKE_STAND = """
    INSERT INTO standing
    SELECT output, output_sha256, reviewer, id FROM decisions d
    WHERE output = ? AND output_sha256 = ? AND reviewer = ? AND undoes IS NULL
        AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undoes = d.id)
    ORDER BY id DESC LIMIT 1
"""

_SAID = """
    SELECT s.output, d.verdict, d.label FROM standing s JOIN decisions d ON d.id = s.decision
"""


def _set_status(connection: sqlite3.Connection, output: str, said: Sequence[Said]) -> None:
    connection.execute(
        "UPDATE items SET status = ?, better_label = ?, reviewers = ? WHERE output = ?",
        (*status_of(said), len(said), output),
    )
