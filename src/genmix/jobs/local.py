"""The local executor: tasks over processes of this machine. It knows nothing of what they do."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from genmix.processes import context, worker_pool

Task = TypeVar("Task")
Result = TypeVar("Result")

Tick: TypeAlias = Callable[[], None]
"""Called by the work after each finished item."""

Work: TypeAlias = Callable[[Task, Tick], Result]
"""What is done with a task; picklable, and opens what it needs in its own process."""

_POLL_SECONDS = 0.1


def run_local(
    work: Work[Task, Result],
    tasks: Iterable[Task],
    workers: int,
    on_items: Callable[[int], None],
) -> Iterator[Result]:
    """Do tasks and yield their results as they come.

    Args:
        work: What to do with each.
        tasks: Taken as processes become free, so there may be any number.
        workers: Processes; 1 does the work in this one.
        on_items: Told how many items have been finished so far.

    Raises:
        GenmixError: What the work raised, or that a process died.
    """
    if workers == 1:
        yield from _run_here(work, tasks, on_items)
    else:
        yield from _run_in_processes(work, tasks, workers, on_items)


def _run_here(
    work: Work[Task, Result], tasks: Iterable[Task], on_items: Callable[[int], None]
) -> Iterator[Result]:
    finished = 0

    def tick() -> None:
        nonlocal finished
        finished += 1
        on_items(finished)

    for task in tasks:
        yield work(task, tick)


def _run_in_processes(
    work: Work[Task, Result],
    tasks: Iterable[Task],
    workers: int,
    on_items: Callable[[int], None],
) -> Iterator[Result]:
    counter = context.Value("q", 0)
    waiting = iter(tasks)
    running: set[Future[Result]] = set()
    with worker_pool(workers, _start, work, counter) as pool:
        while True:
            # One task beyond the workers keeps each busy without queueing the whole plan.
            for task in islice(waiting, workers + 1 - len(running)):
                running.add(pool.submit(_do, task))
            if not running:
                break
            done, running = wait(running, _POLL_SECONDS, FIRST_COMPLETED)
            on_items(counter.value)
            for future in done:
                yield future.result()


_here: dict[str, Any] = {}
"""In a worker process: the work and the counter, set once when it starts."""


def _start(work: Work[Any, Any], counter: Any) -> None:
    _here.update(work=work, counter=counter)


def _do(task: Any) -> Any:
    return _here["work"](task, _tick)


def _tick() -> None:
    with _here["counter"].get_lock():
        _here["counter"].value += 1
