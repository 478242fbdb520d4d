"""The time that a proof of concept has spent, which a kill does not give back.

A thread writes it down every second, so that the next start goes on from there.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from genmix.errors import OutputError
from genmix.experiments.poc.records import read_record
from genmix.storage import write_whole

_WRITE_SECONDS = 1.0


class Clock:
    """Counts seconds by stage, over all starts of the same proof of concept."""

    def __init__(self, path: Path) -> None:
        """Go on from what is written down, or from nothing.

        Args:
            path: Where it is written down.

        Raises:
            ExperimentError: If it cannot be read.
        """
        self._path = path
        self._before = _read(path)
        self._stage = ""
        self._began = time.monotonic()
        self._lock = threading.Lock()

    @property
    def seconds(self) -> dict[str, float]:
        """What each stage has taken so far."""
        with self._lock:
            now = dict(self._before)
            if self._stage:
                gone = time.monotonic() - self._began
                now[self._stage] = now.get(self._stage, 0.0) + gone
            return now

    @property
    def spent(self) -> float:
        """What all stages have taken so far."""
        return sum(self.seconds.values())

    def begin(self, stage: str) -> None:
        """Count for this stage from now on."""
        seconds = self.seconds
        with self._lock:
            self._before, self._stage, self._began = seconds, stage, time.monotonic()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Write the time down for as long as this lasts, and once more at its end."""
        ended = threading.Event()
        writer = threading.Thread(target=self._write_until, args=(ended,), daemon=True)
        writer.start()
        try:
            yield
        finally:
            ended.set()
            writer.join()
            self.begin("")
            self._write()

    def _write_until(self, ended: threading.Event) -> None:
        while not ended.wait(_WRITE_SECONDS):
            with suppress(OutputError):  # the disk is full; whoever does the work says so
                self._write()

    def _write(self) -> None:
        write_whole(self._path, json.dumps(self.seconds, indent=1).encode())


def _read(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    return read_record(
        path, lambda stages: {str(stage): float(seconds) for stage, seconds in stages.items()}
    )
