"""How long the runs of a comparison still take, reckoned from those that were measured."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from genmix.experiments.running import FINISHED, TRAINING, Status


@dataclass
class _Pace:
    """How fast a run goes.

    Attributes:
        began: When its process was free for it; None where the process had to start.
        first: Step and time of the first step of its training that was done this time.
        last: Of the last step.
    """

    began: float | None
    first: tuple[int, float]
    last: tuple[int, float]

    @property
    def a_step(self) -> float:
        """Seconds for each step."""
        steps = self.last[0] - self.first[0]
        return (self.last[1] - self.first[1]) / steps if steps else 0.0

    @property
    def before(self) -> float:
        """Seconds to the end of its first step, and those of its steps of earlier times."""
        step, now = self.first
        to_first = self.a_step if self.began is None else now - self.began
        return to_first + self.a_step * (step - 1)

    def passed(self, now: float) -> float:
        """Seconds that it would have taken until now in one go."""
        return self.before + now - self.first[1]


class TimeLeft:
    """Learns from what runs tell of themselves how long the others take.

    What takes time once, such as making edits and starting processes, is not counted, and a run
    counts as those of its arm did, be it gone on with or new.
    """

    def __init__(self, arms: Mapping[int, str], jobs: int) -> None:
        """Take what there is to do.

        Args:
            arms: The arm of each run, by the run's number.
            jobs: How many go on side by side.
        """
        self._arms = dict(arms)
        self._jobs = jobs
        self._under_way: dict[int, _Pace] = {}
        self._free: dict[int, float] = {}
        self._measured: dict[str, list[float]] = defaultdict(list)

    def note(self, status: Status, now: float) -> None:
        """Take in how far a run is.

        Args:
            status: What it tells.
            now: When, in seconds of a steady clock.
        """
        run = status.run
        if status.stage == TRAINING:
            here = (status.step, now)
            began = self._free.get(status.job)
            pace = self._under_way.setdefault(run, _Pace(began, here, here))
            pace.last = here
        elif status.stage == FINISHED:
            arm, finished = self._arms.pop(run), self._under_way.pop(run, None)
            self._free[status.job] = now
            if finished is not None:
                self._measured[arm].append(finished.passed(now))

    def seconds(self, now: float) -> float | None:
        """Return the seconds until all runs are done; None as long as none was measured."""
        if not self._arms:
            return 0.0
        if not self._measured:
            return None
        left = [self._left_of(run, now) for run in self._arms]
        return max(sum(left) / self._jobs, *left)

    def _left_of(self, run: int, now: float) -> float:
        like_it = self._measured.get(self._arms[run])
        takes = fmean(like_it or [s for of_arm in self._measured.values() for s in of_arm])
        pace = self._under_way.get(run)
        return takes if pace is None else max(0.0, takes - pace.passed(now))
