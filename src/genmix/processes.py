"""Worker processes that inherit nothing and never outlive the process that started them."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, ParamSpec, TypeAlias, TypeVar

from genmix.errors import GenmixError

context = multiprocessing.get_context("spawn")
"""Spawned, not forked: a child must not inherit an output's lock or a library's threads."""


Tell: TypeAlias = Callable[[str, int, int], None]
"""Told (stage, done, total)."""

P = ParamSpec("P")
T = TypeVar("T")

_GRACE_SECONDS = 3.0
"""For a task to end when its process is told to; service managers kill after ten."""

_POLL_SECONDS = 0.1
_TELL_SECONDS = 0.2


class WorkerPool(ProcessPoolExecutor):
    """Worker processes, whose tasks end when an exception, such as Ctrl-C's, leaves the pool."""

    def __init__(
        self,
        workers: int,
        setup: Callable[..., None] | None,
        arguments: tuple[Any, ...],
        option: str,
    ) -> None:
        self._option = option
        self._begun = context.Value("i", 0)
        super().__init__(workers, context, _begin, (self._begun, setup, arguments))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Hand a task to the processes; it and all that goes there must be picklable."""
        with _signals_held_back():
            return super().submit(partial(_unless_told, fn), *args, **kwargs)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if kind is not None:
            self._end_tasks()
        if isinstance(error, BrokenProcessPool):
            raise GenmixError(self.why_broken()) from error
        return super().__exit__(kind, error, trace)

    def why_broken(self) -> str:
        """Say why processes ended before their time, and what to do."""
        if not self._begun.value:
            return (
                "the worker processes could not start: a script must call this under "
                '`if __name__ == "__main__":`, as each of them imports it anew'
            )
        return (
            "a worker process was killed, most likely for want of memory: run the same command "
            f"again with fewer {self._option}; what was finished is kept"
        )

    def _end_tasks(self) -> None:
        """Tell the processes to end, and kill those that are still there when others would."""
        processes = list((self._processes or {}).values())
        manager: Any = self._executor_manager_thread  # typeshed has another type for it
        self.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        until = time.monotonic() + _GRACE_SECONDS
        try:
            for process in processes:
                process.join(max(0.0, until - time.monotonic()))
        finally:
            for process in processes:
                process.kill()
        if manager is not None:
            manager.join()  # the interpreter's exit would get in its way


def worker_pool(
    workers: int,
    setup: Callable[..., None] | None = None,
    *arguments: Any,
    option: str = "--workers",
) -> WorkerPool:
    """Make a pool of worker processes.

    One that dies ends the pool: where it is left, with a GenmixError that says why.

    Args:
        workers: How many.
        setup: Called once in each, with `arguments`; both must be picklable.
        *arguments: What it is called with.
        option: What says how many on the command line, for the message.
    """
    return WorkerPool(workers, setup, arguments, option)


def elsewhere(
    job: Callable[..., Any],
    arguments: Mapping[str, Any],
    check: Callable[[], None],
    tell: Tell | None = None,
) -> Any:
    """Do a job in a process of its own, which ends with it.

    Args:
        job: What to do; it and all that goes there and comes back must be picklable.
        arguments: Of the job, by name.
        check: Called now and then; what it raises ends the process.
        tell: Told how far the job is, now and then; the job takes it as `progress`.

    Returns:
        What the job returns.

    Raises:
        GenmixError: What the job raised, or what says that its process ended.
    """
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_do, args=(there, job, dict(arguments), tell is not None))
    with _signals_held_back():
        process.start()
    there.close()
    try:
        while True:
            while not here.poll(_POLL_SECONDS):
                check()
            kind, *values = here.recv()
            if kind == "done":
                return values[0]
            if kind == "failed":
                raise values[0]
            if tell is not None:
                tell(*values)
    except EOFError as error:
        raise GenmixError("the process of it ended: is there enough memory?") from error
    finally:
        process.kill()
        process.join()
        here.close()


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
    signal.signal(signal.SIGTERM, _leave)
    follow_parent()
    with count.get_lock():
        _number = count.value
        count.value += 1
    if setup is not None:
        setup(*arguments)


class _ToldToLeave(BaseException):
    """The process is to end; what a task was writing is cleaned up on the way out."""


_at_work = False


def _unless_told(task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do a task; the process ends with it if it is told to meanwhile."""
    global _at_work
    try:
        _at_work = True
        return task(*args, **kwargs)
    except _ToldToLeave:
        os._exit(1)
    finally:
        _at_work = False


def _leave(*_: object) -> None:
    """End the process, by way of the task under way, which must not be disturbed in that again."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if not _at_work:
        os._exit(1)
    raise _ToldToLeave


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back while a process is started.

    In the middle of it, the new process would get half of what it is to do. It never gets Ctrl-C:
    a terminal gives that to all processes at once, and only the first one should know. One that is
    just starting would end with a traceback, and a training that gets it twice does not save.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    came: list[int] = []
    here = threading.current_thread() is threading.main_thread()
    # Python's handlers run in this thread even where another thread took the signal; there is none
    # where a program that Python is embedded in set its own, which could not be put back.
    ours = [number for number in _HELD_BACK if here and signal.getsignal(number) is not None]
    handlers = {n: signal.signal(n, lambda n, _: came.append(n)) for n in ours}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)  # inherited by what is started
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for held_back in came:
            signal.raise_signal(held_back)


_HELD_BACK = (signal.SIGINT, signal.SIGTERM)


def follow_parent() -> None:
    """Leave Ctrl-C to the parent process, and end at once when it is killed.

    For worker processes that others start, too: a forked one holds what its parent has locked.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    threading.Thread(target=_leave_with_parent, daemon=True).start()


@dataclass
class _Teller:
    """Tells the parent process how far a job is, but not at every step."""

    pipe: "Connection[Any, Any]"
    last: float = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done in {0, total} or now - self.last > _TELL_SECONDS:
            self.last = now
            self.pipe.send(("progress", stage, done, total))


def _do(
    there: "Connection[Any, Any]",
    job: Callable[..., Any],
    arguments: dict[str, Any],
    tells: bool,
) -> None:
    """Do a job and tell of it; the body of its process."""
    follow_parent()
    if tells:
        arguments["progress"] = _Teller(there)
    try:
        there.send(("done", job(**arguments)))
    except GenmixError as error:
        there.send(("failed", error))
    except Exception as error:  # noqa: BLE001 (an editor is anybody's code)
        there.send(("failed", GenmixError(f"it failed: {type(error).__name__}: {error}")))


def _leave_with_parent() -> None:
    """Leave when the parent was killed; an orphan would work on, or wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
