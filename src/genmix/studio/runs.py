"""The studio's run: what it makes, the process that makes it, and how far it is.

It is that of `genmix augment`, one at a time: stopped, or left behind by a server that was killed,
it goes on where it was when it is started again.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from genmix import jobs
from genmix.errors import OutputError
from genmix.jobs import Estimate, Summary, Tally
from genmix.jobs.folder import OutputFolder
from genmix.processes import available_cpus, elsewhere
from genmix.recipe import Recipe
from genmix.storage import write_whole
from genmix.studio.drafts import Shelf
from genmix.studio.work import BusyError, Work, Workshop

_RECORD = "studio-run.json"


class RunningError(BusyError):
    """A run is under way already."""


@dataclass(frozen=True)
class Order:
    """What a run is to make.

    Attributes:
        name: Of the recipe, for people; "" for one that was never saved.
        recipe: The recipe; its prompt library by the name that the studio knows it by.
        limit: Use at most so many photos.
    """

    name: str
    recipe: Recipe
    limit: int | None = None


@dataclass
class Run:
    """A run that was started since the studio was opened.

    Attributes:
        order: What it makes.
        work: Its work: how far it is, and its `Summary` in the end.
        started: When its first picture was to come: seconds of `time.monotonic`.
        before: How many pictures it found made already.
    """

    order: Order
    work: Work
    started: float = 0.0
    before: int = 0

    @property
    def seconds_left(self) -> float | None:
        """How long it will take from now; None as long as that cannot be told."""
        made = self.work.done - self.before
        if self.work.stage != "pictures" or made <= 0:
            return None
        return (time.monotonic() - self.started) / made * (self.work.total - self.work.done)


class Runs:
    """The runs of a studio; all sessions see the same one."""

    def __init__(self, source: str, out: Path, libraries: Shelf, edits: Path) -> None:
        """Make it.

        Args:
            source: The photos.
            out: Where pictures are made.
            libraries: The prompt libraries that a recipe may name.
            edits: The folder of the edit cache.
        """
        self._source = source
        self._folder = OutputFolder(out)
        self._libraries = libraries
        self._edits = edits
        self._shop = Workshop(1)
        self._tallies: dict[Path, Tally] = {}
        self.current: Run | None = None

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self.current is not None and not self.current.work.future.done()

    @property
    def finished(self) -> bool:
        """Whether the output is complete."""
        return self._folder.manifest.exists()

    @property
    def order(self) -> Order | None:
        """What the output is made by, if this studio or an earlier one began it.

        Raises:
            OutputError: If that cannot be read.
        """
        record = self._folder.hidden / _RECORD
        try:
            told = json.loads(record.read_bytes())
            return Order(told["name"], Recipe.model_validate(told["recipe"]), told["limit"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise OutputError(f"cannot read {record}: remove it") from error

    def start(self, order: Order) -> None:
        """Begin a run, or go on with it.

        Raises:
            RunningError: If one is under way.
            OutputError: If the folder cannot be written.
        """
        if self.running:
            raise RunningError("a run is under way: wait for it, or stop it")
        arguments = self._arguments(order) | {"edits": self._edits}
        begun = Run(order, Work())

        def task(work: Work) -> Summary:
            begun.work = work
            work.report("starting")

            def tell(stage: str, done: int, total: int) -> None:
                work.report(stage, done, total)
                self._note(begun)

            summary: Summary = elsewhere(jobs.augment, arguments, work.check, tell)
            return summary

        self._tallies.clear()
        begun.work = self._shop.start(task)
        self.current = begun

    def stop(self) -> None:
        """End the run's process; what it has finished is kept."""
        if self.current is not None:
            self.current.work.cancel()

    def close(self) -> None:
        """End the run's process, and wait for that."""
        self._shop.close()

    def estimate(self, order: Order, work: Work) -> Estimate:
        """Reckon what a run would take; see `genmix.jobs.estimate`.

        Raises:
            GenmixError: If photos, recipe or editor cannot be used.
            StoppedError: If the work is stopped meanwhile.
        """
        work.report("estimating")
        with TemporaryDirectory(prefix="genmix-studio-") as scratch:
            arguments = self._arguments(order) | {"scratch": scratch}
            found: Estimate = elsewhere(_estimate, arguments, work.check)
        return found

    def tally(self) -> Tally:
        """Count what became of the pictures so far; what is counted once is not read again."""
        parts = self._folder.shard_parts()
        for part in parts:
            if part not in self._tallies:
                self._tallies[part] = Tally.of([part])
        return _together([self._tallies[part] for part in parts])

    def _note(self, run: Run) -> None:
        """Keep when the first picture was to come; from then on the folder is this run's."""
        if run.work.stage == "pictures" and not run.started:
            run.started, run.before = time.monotonic(), run.work.done
            self._remember(run.order)

    def _remember(self, order: Order) -> None:
        told = {
            "name": order.name,
            "recipe": order.recipe.model_dump(mode="json"),
            "limit": order.limit,
        }
        data = json.dumps(told, ensure_ascii=False, indent=1).encode()
        write_whole(self._folder.hidden / _RECORD, data)

    def _arguments(self, order: Order) -> dict[str, Any]:
        recipe = order.recipe
        if recipe.prompts.library in self._libraries.saved():
            file = self._libraries.path(recipe.prompts.library).resolve()
            recipe = recipe.changed(prompts={"library": str(file)})
        return {
            "source": self._source,
            "out": str(self._folder.path),
            "recipe": recipe,
            "limit": order.limit,
            "workers": available_cpus(),
        }


def _estimate(*, scratch: str, **arguments: Any) -> Estimate:
    tempfile.tempdir = scratch  # a process that is ended does not tidy up
    return jobs.estimate(**arguments)


def _together(tallies: Sequence[Tally]) -> Tally:
    whole = Tally()
    for each in tallies:
        whole.written += each.written
        whole.rejected += each.rejected
        whole.failed += each.failed
        whole.failed_photos |= each.failed_photos
    return whole
