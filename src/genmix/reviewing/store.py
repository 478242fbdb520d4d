"""The file of an output's reviews: opening it, its tables, and transactions that survive a kill.

It is SQLite beside the output, so that any tool can read it. What follows from its rows is for the
other modules of this room; they take a `Store` as their first argument.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from genmix.datasets.layout import MANIFEST
from genmix.errors import ReviewError
from genmix.reviewing.index import build_index

REVIEWS = "reviews.sqlite"
"""The file of the output that holds its reviews."""


class Store:
    """The reviews of one output, open; made if there are none yet. Threads may share it.

    The queue follows the manifest: when that has changed, the next use indexes it anew. Decisions
    are only ever added.

    Args:
        out: A finished output of `genmix augment`.

    Raises:
        ReviewError: If there is no finished output, or its file of reviews cannot be used.
    """

    def __init__(self, out: str | Path) -> None:
        self.out = Path(out)
        self.path = self.out / REVIEWS
        self._manifest = self.out / MANIFEST
        self._indexed: str | None = None
        self._lock = threading.RLock()
        if not self._manifest.exists() and not self.path.exists():
            raise no_output(self.out)
        if self.path.is_dir():
            raise ReviewError(f"{self.path} is a folder and no file of reviews: move it away")
        with self._clearly():
            self._connection = sqlite3.connect(
                self.path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
        try:
            with self._clearly():
                self._prepare()
                self._follow()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read a state that nobody changes meanwhile, of the manifest as it is now.

        Raises:
            ReviewError: If the file or the manifest cannot be read.
        """
        with self._lock, self._clearly():
            self._follow()
            with self._transaction("BEGIN"):
                yield self._connection

    @contextmanager
    def writing(self, *, lasting: bool = True) -> Iterator[sqlite3.Connection]:
        """Change something: all of it or nothing, and it is on the disk when the block is left.

        Args:
            lasting: False for what may be lost when the machine loses its power, such as who is
                looking at what: it need not wait for the disk.

        Raises:
            ReviewError: If the file cannot be written or the manifest not be read.
        """
        with self._lock, self._clearly():
            self._follow()
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if lasting else 'NORMAL'}")
            with self._transaction("BEGIN IMMEDIATE"):
                yield self._connection

    def compact(self) -> bool:
        """Write the file anew, without what was deleted; False if others have it open."""
        with self._lock, self._clearly():
            self._connection.execute("VACUUM")
            self._connection.execute(f"PRAGMA busy_timeout = {_BRIEF_MS}")
            busy: int = self._connection.execute("PRAGMA wal_checkpoint (TRUNCATE)").fetchone()[0]
            self._connection.execute(f"PRAGMA busy_timeout = {round(1000 * _PATIENCE_S)}")
            return not busy

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self._connection.execute(begin)
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _prepare(self) -> None:
        """Make the tables in a new file; refuse a file that is another program's or a newer one."""
        run = self._connection.execute
        if run("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            self._check_version()
        self._use_wal()
        run("PRAGMA foreign_keys = ON")
        run(f"PRAGMA cache_size = {-_CACHE_KIB}")
        run("PRAGMA synchronous = FULL")
        with self._transaction("BEGIN IMMEDIATE"):
            if not run("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in _TABLES:
                    run(statement)
                run(f"PRAGMA application_id = {_APPLICATION}")
                run(f"PRAGMA user_version = {_VERSION}")
        self._check_version()

    def _use_wal(self) -> None:
        """Let readers not wait for a writer; it is a lasting property of the file.

        Of two who open a new file at once SQLite lets one change this, and tells the other at once
        that the file is busy: its own patience does not hold for this change.
        """
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_S)
            else:
                return

    def _check_version(self) -> None:
        if self._connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            raise ReviewError(f"{self.path} is no file of genmix reviews: move it away")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version != _VERSION:
            raise ReviewError(
                f"{self.path} was written by another genmix (its format is {version}, this one "
                f"reads {_VERSION}): use that one, or a newer one"
            )

    def _follow(self) -> None:
        """Index the manifest if it is not the one that was indexed.

        Without a manifest (a run is making the output whole again) the last index stays.
        """
        try:
            found = self._manifest.stat()
        except FileNotFoundError:
            return
        mark = f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"
        if mark == self._indexed:
            return
        if self._mark() != mark:
            with self._transaction("BEGIN IMMEDIATE"):
                if self._mark() != mark:
                    build_index(self._connection, self.out)
                    self._connection.execute(
                        "INSERT OR REPLACE INTO facts VALUES ('manifest', ?)", (mark,)
                    )
        self._indexed = mark

    def _mark(self) -> str | None:
        query = "SELECT value FROM facts WHERE name = 'manifest'"
        row = self._connection.execute(query).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def _clearly(self) -> Iterator[None]:
        """Turn SQLite's errors into one clear line."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise ReviewError(f"{self.path}: {error}; {_what_to_do(error)}") from error


def no_output(out: Path) -> ReviewError:
    """Make the error that says that a folder is no finished output."""
    return ReviewError(
        f"{out} is no finished output (it has no {MANIFEST}): run genmix augment to its end first"
    )


def _what_to_do(error: sqlite3.DatabaseError) -> str:
    name = getattr(error, "sqlite_errorname", "")
    return next((words for start, words in _ADVICE.items() if name.startswith(start)), _ADVICE[""])


_ADVICE = {
    "SQLITE_NOTADB": "it is no file of reviews: move it away",
    "SQLITE_CORRUPT": "it is damaged: put back a copy of it, or rescue what there is with "
    "sqlite3's .recover",
    "SQLITE_BUSY": "another program keeps it locked: close that one and try again",
    "SQLITE_FULL": "the disk is full: free some space; what was confirmed is kept",
    "SQLITE_READONLY": "let it and its folder be written to",
    "SQLITE_CANTOPEN": "let its folder be written to",
    "SQLITE_IOERR": "see whether the disk is well, is no network drive and lets files grow "
    "(ulimit -f); what was confirmed is kept",
    "": "see whether the disk is well and is no network drive",
}

_PATIENCE_S = 60.0
"""How long to wait for another process that is writing; indexing a large manifest takes a while."""

_PAUSE_S = 0.01
"""How long to wait before asking again where SQLite does not wait by itself."""

_BRIEF_MS = 1000
"""How long to wait for somebody who may look at pictures all day."""

_CACHE_KIB = 32 * 1024

_APPLICATION = 0x676D7276
"""SQLite's mark of whose file it is: "gmrv"."""

_VERSION = 1

_TABLES = (
    # Every decision ever made, an undo being one. Rows are only added.
    """CREATE TABLE decisions (
        id INTEGER PRIMARY KEY,
        output TEXT NOT NULL,
        output_sha256 TEXT NOT NULL,
        reviewer TEXT NOT NULL,
        verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'reject', 'label-wrong', 'undo')),
        label TEXT CHECK (label IS NULL OR verdict = 'label-wrong'),
        reason TEXT NOT NULL,
        undoes INTEGER UNIQUE REFERENCES decisions (id),
        at TEXT NOT NULL,
        client TEXT NOT NULL,
        CHECK ((verdict = 'undo') = (undoes IS NOT NULL))
    )""",
    "CREATE INDEX decisions_of ON decisions (output, output_sha256, reviewer)",
    "CREATE INDEX decisions_by ON decisions (reviewer)",
    """CREATE TRIGGER decisions_are_not_changed BEFORE UPDATE ON decisions
        BEGIN SELECT RAISE (ABORT, 'decisions are only added'); END""",
    # But what is withdrawn must go; see `genmix.reviewing.forget`.
    """CREATE TRIGGER decisions_are_not_deleted BEFORE DELETE ON decisions
        WHEN NOT EXISTS (SELECT 1 FROM facts WHERE name = 'forgetting')
        BEGIN SELECT RAISE (ABORT, 'decisions are only added'); END""",
    # Of each reviewer, the decision about a picture that is neither undone nor overtaken.
    """CREATE TABLE standing (
        output TEXT NOT NULL,
        output_sha256 TEXT NOT NULL,
        reviewer TEXT NOT NULL,
        decision INTEGER NOT NULL REFERENCES decisions (id),
        PRIMARY KEY (output, output_sha256, reviewer)
    ) WITHOUT ROWID""",
    # Who is looking at what, until when (seconds since 1970).
    """CREATE TABLE leases (
        output TEXT PRIMARY KEY,
        reviewer TEXT NOT NULL,
        until REAL NOT NULL
    ) WITHOUT ROWID""",
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)
