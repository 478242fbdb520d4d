"""Worker processes that inherit nothing and never outlive the process that started them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

context = multiprocessing.get_context("spawn")
"""Spawned, not forked: a child must not inherit an output's lock or a library's threads."""


def worker_pool(
    workers: int, setup: Callable[..., None] | None = None, *arguments: Any
) -> ProcessPoolExecutor:
    """Make a pool of worker processes.

    Args:
        workers: How many.
        setup: Called once in each, with `arguments`; both must be picklable.
        *arguments: What it is called with.
    """
    count = context.Value("i", 0)
    return ProcessPoolExecutor(workers, context, _begin, (count, setup, arguments))


def available_cpus() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worker_number() -> int:
    """Tell which of its pool's workers this process is, from 0; 0 in any other process."""
    return _number


_number = 0


def _begin(count: Any, setup: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    global _number
    follow_parent()
    with count.get_lock():
        _number = count.value
        count.value += 1
    if setup is not None:
        setup(*arguments)


def follow_parent() -> None:
    """Leave Ctrl-C to the parent process, and end at once when it is killed.

    For worker processes that others start, too: a forked one holds what its parent has locked.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """Leave when the parent was killed; an orphan would work on, or wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
