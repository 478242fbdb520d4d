"""Work that takes longer than a page may: in a bounded pool of threads, watched and stopped."""

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from genmix.errors import GenmixError

_WAITING = 64
"""More than this many works at once are refused."""


class StoppedError(Exception):
    """Somebody stopped the work."""


class BusyError(GenmixError):
    """There is too much to do already."""


@dataclass(eq=False)
class Work:
    """Something that is being made.

    Attributes:
        id: Not to be guessed.
        stage: What it is at: a text's key.
        done: How much of the stage is done.
        total: Of how much; 0 where that is not known.
    """

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    stage: str = "waiting"
    done: int = 0
    total: int = 0
    future: "Future[Any]" = field(default_factory=Future)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def report(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Say how far it is, from within the work.

        Raises:
            StoppedError: If somebody stopped it.
        """
        self.check()
        self.stage, self.done, self.total = stage, done, total

    def check(self) -> None:
        """Raise StoppedError if somebody stopped it; called between steps."""
        if self._stopped.is_set():
            raise StoppedError

    @property
    def stopped(self) -> bool:
        """Whether somebody stopped it."""
        return self._stopped.is_set()

    def cancel(self) -> None:
        """Stop it: at once if it waits, else at its next step."""
        self._stopped.set()
        self.future.cancel()


Task: TypeAlias = Callable[[Work], Any]


class Workshop:
    """A few threads that make things."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "studio")
        self._open: set[Work] = set()

    def start(self, task: Task) -> Work:
        """Begin a task; it is handed its work, to report to and to be stopped by.

        Raises:
            BusyError: If too much waits already.
        """
        self._open = {work for work in self._open if not work.future.done()}
        if len(self._open) >= _WAITING:
            raise BusyError("too much is being made at once: try again in a moment")
        work = Work()
        work.future = self._pool.submit(task, work)
        self._open.add(work)
        return work

    def close(self) -> None:
        """Stop everything, and wait for it."""
        for work in list(self._open):
            work.cancel()
        self._pool.shutdown()


def outcome(work: Work) -> Any:
    """Return what a finished work made.

    Raises:
        StoppedError: If it was stopped.
        Exception: What went wrong in it.
    """
    try:
        return work.future.result()
    except CancelledError as error:
        raise StoppedError from error
