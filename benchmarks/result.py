"""One line of the benchmark's table, and how to time fairly."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Result:
    """What was measured, and what the project aims at; empty where there is nothing to say."""

    what: str
    measured: str
    ratio: str = ""
    aim: str = ""


def medians(calls: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Time several calls in turn, so that a machine's drift meets all of them alike.

    Args:
        calls: What to time; in every round each is called once before, uncounted, so that it
            does not pay for what the one before it left in caches and allocator.
        rounds: How often.

    Returns:
        The median seconds of each.
    """
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, seconds in zip(calls, times, strict=True):
            call()
            started = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - started)
    return [median(seconds) for seconds in times]
