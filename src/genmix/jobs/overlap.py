"""Work that goes on at the same time, in threads, and comes out in order."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any, TypeVar, cast

T = TypeVar("T")
Done = TypeVar("Done")
After = TypeVar("After")


def overlapping(
    values: Iterator[T], work: Callable[[T], Done], finish: Callable[[T, Done], After]
) -> Iterator[After]:
    """Yield `finish(value, work(value))` of each value, in order.

    While this thread works at one value, others make the next and finish the one before. The work
    is done in this one so that Ctrl-C ends it.
    """
    with ThreadPoolExecutor(1) as thread:
        coming: Future[After] | None = None
        for value in ahead(values):
            started = time.monotonic()
            done = work(value)
            if coming is not None:
                yield coming.result()
            coming = thread.submit(finish, value, done)
            # Of work that takes minutes, what is done is told before the next.
            if wait([coming], _WAIT * (time.monotonic() - started)).done:
                yield coming.result()
                coming = None
        if coming is not None:
            yield coming.result()


_WAIT = 0.01
"""For what is being finished, as a share of the time that the work took."""


def ahead(values: Iterator[T]) -> Iterator[T]:
    """Yield the same values, each made in a thread while the one before is in use."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, values, _END)
        while (value := coming.result()) is not _END:
            coming = thread.submit(next, values, _END)
            yield cast(T, value)


_END: Any = object()


def batches(pairs: Iterator[T], size: int) -> Iterator[list[T]]:
    """Yield the same values, so many at a time."""
    while batch := list(islice(pairs, size)):
        yield batch
