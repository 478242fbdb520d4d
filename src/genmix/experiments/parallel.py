"""Runs of a comparison side by side, each in its own process; what a run does is not known here.

Processes tell how far they are, and stop when they are told: a run in training writes down where
it is, so that the same command goes on from there.
"""

import _thread
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import active_children
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.queues import SimpleQueue
from typing import Protocol, TypeAlias

import cv2
import torch

from genmix.errors import ExperimentError
from genmix.experiments.running import Planned, Status
from genmix.processes import available_cpus, context, worker_number, worker_pool

_POLL_SECONDS = 0.2

_TELL_SECONDS = 0.5
"""How often a job tells how far its stage is."""


Tell: TypeAlias = Callable[[Status], None]
"""Told how far each run is, now and then."""


class Does(Protocol):
    """What does runs in a process, such as `Runner`."""

    def run(self, planned: Planned, tell: Tell) -> None:
        """Do a run."""


Crew: TypeAlias = Callable[[Sequence[Planned], Tell], None]
"""Does runs, in their order, and comes back when all are done."""


def run_side_by_side(
    opens: Callable[[], Does],
    todo: Sequence[Planned],
    jobs: int,
    tell: Tell,
) -> None:
    """Do runs in several processes, which take them in their order.

    After an error, or Ctrl-C, no run is begun, and those under way write down where they are.

    Args:
        opens: Called once in each process; picklable.
        todo: The runs.
        jobs: How many go on at a time. Each process has its share of the processors as torch's
            threads, or `OMP_NUM_THREADS`, and one of the GPUs in turn.
        tell: Told how far each is, now and then.

    Raises:
        GenmixError: What a run raised, or that a process died.
        KeyboardInterrupt: After Ctrl-C and the end of each step; a second one does not wait.
    """
    with side_by_side(opens, jobs, min(jobs, len(todo))) as crew:
        crew(todo, tell)


@contextmanager
def side_by_side(opens: Callable[[], Does], jobs: int, processes: int) -> Iterator[Crew]:
    """Keep processes for several lots of runs, for whom the next lot depends on the last.

    Args:
        opens: As for `run_side_by_side`.
        jobs: As there; says how many threads each has.
        processes: How many there are.

    Yields:
        What does a lot of runs, with the errors of `run_side_by_side`. After one, or what `tell`
        raises, runs under way write down where they are, and the crew is of no more use.
    """
    messages: SimpleQueue[Status] = context.SimpleQueue()
    told, word = context.Pipe(duplex=False)
    others = active_children()
    pool = worker_pool(processes, _start, opens, jobs, messages, told, option="--jobs")

    def crew(todo: Sequence[Planned], tell: Tell) -> None:
        running = {pool.submit(_do, planned) for planned in todo}
        while running:
            done, running = wait(running, _POLL_SECONDS, FIRST_COMPLETED)
            while not messages.empty():
                tell(messages.get())
            for future in done:
                future.result()

    try:
        yield crew
    except BrokenProcessPool as error:
        raise ExperimentError(pool.why_broken()) from error
    finally:
        word.send("stop")
        _end(pool, [process for process in active_children() if process not in others])


def threads_of(jobs: int) -> int:
    """Return how many threads torch gets in each job: its share, or what the user set."""
    if "OMP_NUM_THREADS" in os.environ:
        return torch.get_num_threads()
    return max(1, available_cpus() // jobs)


def _end(pool: ProcessPoolExecutor, processes: Sequence[BaseProcess]) -> None:
    """Wait for the processes; after one more Ctrl-C, kill them."""
    try:
        pool.shutdown(wait=True, cancel_futures=True)
    except KeyboardInterrupt:
        for process in processes:
            process.kill()
        raise


@dataclass
class _Job:
    """A process that does runs, as it knows itself.

    Attributes:
        number: Which one, counted from 0.
        opens: Makes the runner.
        messages: Where to tell how far it is.
        told: Has something to read, for all jobs alike, when they are to stop.
        runner: Once it is opened; in a run, so that what goes wrong there is the run's error.
    """

    number: int
    opens: Callable[[], Does]
    messages: "SimpleQueue[Status]"
    told: Connection
    runner: Does | None = None
    stage: str = ""
    at: float = 0.0

    def do(self, planned: Planned) -> None:
        """Do a run, unless the job is to stop."""
        if self.told.poll():
            raise KeyboardInterrupt
        if self.runner is None:
            self.runner = self.opens()
        self.runner.run(planned, self.tell)

    def tell(self, status: Status) -> None:
        """Send on what is new."""
        now = time.monotonic()
        if status.stage != self.stage or now - self.at >= _TELL_SECONDS:
            self.stage, self.at = status.stage, now
            self.messages.put(replace(status, job=self.number))

    def listen(self) -> None:
        """Wait for the word to stop, and interrupt what the process does as Ctrl-C would."""
        self.told.poll(None)
        _thread.interrupt_main()


_here: list[_Job] = []
"""In a process of the pool: its job."""


def _start(
    opens: Callable[[], Does],
    jobs: int,
    messages: "SimpleQueue[Status]",
    told: Connection,
) -> None:
    number = worker_number()
    torch.set_num_threads(threads_of(jobs))
    cv2.setNumThreads(1)  # the jobs are the parallelism
    if torch.cuda.is_available():
        torch.cuda.set_device(number % torch.cuda.device_count())
    _here.append(_Job(number, opens, messages, told))
    threading.Thread(target=_here[0].listen, daemon=True).start()


def _do(planned: Planned) -> None:
    """Do a run; only meanwhile may the process be interrupted."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _here[0].do(planned)
    finally:
        signal.signal(signal.SIGINT, before)
