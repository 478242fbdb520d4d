"""The folder of a comparison: whose it is, and which runs are done; each exists whole or not.

OUT/sets/<edits>/                            what genmix augment made for the arms
OUT/work/<arm>/<shots>/<seed>/               a run under way: its training, its result until whole
OUT/runs/<arm>/<shots>/<seed>/result.json    a finished run, and its model if models are kept
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from genmix.errors import ExperimentError
from genmix.experiments.arms import Arm, same_edits
from genmix.experiments.findings import Shots
from genmix.jobs.folder import WHOLE, OutputFolder
from genmix.recipe import Recipe
from genmix.storage import write_whole, writing
from genmix.training.checkpoint import WEIGHTS

RESULT = "result.json"

_THREADS = "threads.json"


@dataclass(frozen=True)
class Task:
    """One run to do: an arm, on so many photos of each class, with a seed."""

    arm: Arm
    shots: Shots
    seed: int

    @property
    def place(self) -> Path:
        """Where it lies, below the folder of all runs."""
        return Path(self.arm.slug, "all" if self.shots is None else str(self.shots), str(self.seed))


@dataclass(frozen=True)
class ExperimentFolder:
    """One comparison on disk, finished or under way.

    Attributes:
        path: The folder.
    """

    path: Path

    def set_of(self, recipe: Recipe) -> Path:
        """Return where the edits of a recipe are; recipes that make the same ones share them."""
        made = same_edits(recipe).to_yaml().encode()
        return self.path / "sets" / blake2b(made, digest_size=6).hexdigest()

    def check(self, identity: Mapping[str, Any], arms: Iterable[Arm]) -> None:
        """Refuse, before any work, what `opened` would refuse; nothing is made.

        Raises:
            OutputError: If the folder holds something else, or runs that were made in another way.
        """
        OutputFolder(self.path).check(_plain(identity))
        for arm in arms:
            self._runs_of(arm).check(_plain(arm.identity()))

    @contextmanager
    def opened(self, identity: Mapping[str, Any], arms: Iterable[Arm]) -> Iterator[None]:
        """Make the folder, make sure that it is this comparison's, and keep others out meanwhile.

        Args:
            identity: What all runs share and their results depend on, as plain values.
            arms: What is to be run; runs of other arms may lie there too.

        Raises:
            OutputError: If it holds something else or runs that were made in another way (the
                message names the difference), is in use, or cannot be written.
        """
        whole = OutputFolder(self.path)
        whole.open()
        with whole.locked(WHOLE):
            whole.claim(_plain(identity))
            self.claim(arms)
            yield
            self._forget_empty_work()

    def claim(self, arms: Iterable[Arm]) -> None:
        """Make sure that the runs of these arms, if there are any, were made as they would be.

        Raises:
            OutputError: If an arm's were made in another way; the message names the difference.
        """
        for arm in arms:
            runs = self._runs_of(arm)
            runs.open()
            runs.claim(_plain(arm.identity()))

    def read(self, task: Task) -> dict[str, Any] | None:
        """Return the result of a run, or None if it is still to do.

        Raises:
            ExperimentError: If it cannot be read.
        """
        path = self.path / "runs" / task.place / RESULT
        if not path.exists():
            return None
        result: dict[str, Any] = _read(path, dict)
        return result

    def has_model(self, task: Task) -> bool:
        """Tell whether the weights of a finished run were kept."""
        return (self.path / "runs" / task.place / WEIGHTS).exists()

    def training(self, task: Task) -> Path:
        """Return the folder in which a run trains."""
        return self._work(task) / "training"

    def note_threads(self, task: Task, number: int) -> list[int]:
        """Note that a run goes on with so many threads, on which its last digits depend.

        Returns:
            All numbers of threads that it has gone on with, ascending.

        Raises:
            ExperimentError: If what was noted before cannot be read.
            OutputError: If it cannot be written.
        """
        record = self._work(task) / _THREADS
        before = _read(record, list) if record.exists() else []
        numbers = sorted({*before, number})
        if numbers != before:
            write_whole(record, json.dumps(numbers).encode())
        return numbers

    def finish(self, task: Task, result: Mapping[str, Any], keep: Iterable[Path]) -> None:
        """Write a finished run whole, and forget its work.

        Args:
            task: The run.
            result: What came of it, as plain values.
            keep: Files to keep beside the result.

        Raises:
            OutputError: If it cannot be written.
        """
        work, done = self._work(task), self.path / "runs" / task.place
        staging = work / "finished"
        with writing(self.path):
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
            for file in keep:
                shutil.copyfile(file, staging / file.name)
            write_whole(staging / RESULT, json.dumps(result, ensure_ascii=False, indent=1).encode())
            done.parent.mkdir(parents=True, exist_ok=True)
            staging.replace(done)
            shutil.rmtree(work)

    def _runs_of(self, arm: Arm) -> OutputFolder:
        return OutputFolder(self.path / "runs" / arm.slug)

    def _work(self, task: Task) -> Path:
        return self.path / "work" / task.place

    def _forget_empty_work(self) -> None:
        """Remove folders without runs; not before the end, for another run may begin in one."""
        for folder, _, _ in os.walk(self.path / "work", topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()


def _read(path: Path, kind: type) -> Any:
    """Read plain values of a kind from a file that a run wrote; raises ExperimentError."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        content = None
    if not isinstance(content, kind) or not content:
        raise ExperimentError(
            f"cannot read {path}: remove {path.parent} and run the same command again"
        )
    return content


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as they come back from JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain
