"""What a comparison found: the runs, what was measured, and what the statistics say of it.

Plain values that go to JSON and back; nothing here trains, and nothing here draws.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any, Self, TypeAlias, TypeVar

from genmix.errors import ExperimentError
from genmix.statistics import (
    Difference,
    Mean,
    differences_from,
    differences_from_best,
    mean_of,
)

FORMAT = 1

Found = TypeVar("Found")

Shots: TypeAlias = int | None
"""Training photos of each class; None is all of them."""


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that was measured on every trained model.

    Attributes:
        key: Its name in files, such as "val" or "target sketch".
        title: Its name for people, in a sentence.
        heading: Its name above a column.
        higher_is_better: False for errors.
    """

    key: str
    title: str
    heading: str
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Run:
    """One trained and judged model.

    Attributes:
        arm: How it was trained.
        shots: On how much.
        seed: Of its photos, start and order.
        scores: A number in [0, 1] for each metric's key.
        seconds: How long it was trained and judged.
    """

    arm: str
    shots: Shots
    seed: int
    scores: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What all seeds of an arm say about one metric.

    Attributes:
        arm: The arm.
        mean: Over its seeds.
        against_reference: Paired by seed; None for the reference itself.
        rival: The best other arm; None if there is no other.
        against_rival: Paired by seed.
    """

    arm: str
    mean: Mean
    against_reference: Difference | None
    rival: str | None
    against_rival: Difference | None


@dataclass(frozen=True)
class Comparison:
    """All runs of a comparison, and what they say.

    Attributes:
        arms: In the order in which they were asked for.
        reference: The arm that the others are compared with.
        shots: The training set sizes, ascending, all photos last.
        seeds: The seeds, ascending.
        metrics: What was measured, the primary one first.
        runs: One for each of arms x shots x seeds.
        sizes: Training photos of a class, on average, for each of `shots`.
        about: Settings, versions and the command, for the record.
    """

    arms: tuple[str, ...]
    reference: str
    shots: tuple[Shots, ...]
    seeds: tuple[int, ...]
    metrics: tuple[Metric, ...]
    runs: tuple[Run, ...]
    sizes: tuple[float, ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def primary(self) -> Metric:
        """The metric that the comparison is judged by."""
        return self.metrics[0]

    def values(self, arm: str, shots: Shots, metric: Metric) -> dict[int, float]:
        """Return an arm's numbers by seed."""
        return self._values[(arm, shots, metric.key)]

    def summaries(
        self, metric: Metric, shots: Shots = None, arms: Iterable[str] | None = None
    ) -> list[Summary]:
        """Say what the seeds say about each arm.

        Args:
            metric: One of `metrics`.
            shots: One of `shots`.
            arms: These arms only: they, less the reference, are the family of Holm's correction.

        Returns:
            A summary for each arm, in their order.
        """
        names = self.arms if arms is None else tuple(arms)
        values = {arm: self.values(arm, shots, metric) for arm in names}
        good = metric.higher_is_better
        others = {arm: numbers for arm, numbers in values.items() if arm != self.reference}
        reference = self.values(self.reference, shots, metric)
        differences = differences_from(others, reference, higher_is_better=good)
        rivals = differences_from_best(values, higher_is_better=good)
        for arm, (rival, _) in rivals.items():  # a pair has one verdict, wherever it is told
            if rival == self.reference:
                rivals[arm] = rival, differences[arm]
            elif arm == self.reference:
                rivals[arm] = rival, differences[rival].reversed()
        return [
            Summary(
                arm,
                mean_of(list(numbers.values())),
                differences.get(arm),
                *rivals.get(arm, (None, None)),
            )
            for arm, numbers in values.items()
        ]

    def resolution(self, shots: Shots = None) -> float | None:
        """Return what a comparison of this size can detect, on the primary metric.

        Returns:
            The half-width of the paired interval against the reference, as the median over the
            arms: a true difference well below it will look like none. None with one seed.
        """
        found = [s.against_reference for s in self.summaries(self.primary, shots)]
        widths = [each.half_width for each in found if each is not None]
        known = [width for width in widths if width is not None]
        return median(known) if known else None

    @cached_property
    def _values(self) -> dict[tuple[str, Shots, str], dict[int, float]]:
        table: dict[tuple[str, Shots, str], dict[int, float]] = {}
        for run in sorted(self.runs, key=lambda run: run.seed):
            for key, value in run.scores.items():
                table.setdefault((run.arm, run.shots, key), {})[run.seed] = value
        return table

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: what was found, and what follows from it."""
        return {
            "format": FORMAT,
            **{key: value for key, value in asdict(self).items() if key != "runs"},
            "detectable": [
                {"shots": shots, "half_width": self.resolution(shots)} for shots in self.shots
            ],
            "summaries": [
                {"metric": metric.key, "shots": shots, **asdict(summary)}
                for metric in self.metrics
                for shots in self.shots
                for summary in self.summaries(metric, shots)
            ],
            "runs": [asdict(run) for run in self.runs],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave; what follows from the runs is worked out anew."""
        return cls(
            arms=tuple(data["arms"]),
            reference=data["reference"],
            shots=tuple(data["shots"]),
            seeds=tuple(data["seeds"]),
            metrics=tuple(Metric(**metric) for metric in data["metrics"]),
            runs=tuple(Run(**run) for run in data["runs"]),
            sizes=tuple(data["sizes"]),
            about=data["about"],
        )

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a `comparison.json`.

        Raises:
            ExperimentError: If it is none.
        """
        return read_found(path, "a comparison", "comparison.json", cls.from_dict)

    def to_csv(self) -> str:
        """Write a row for each run: arm, shots, seed, a column for each metric, seconds."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        keys = [metric.key for metric in self.metrics]
        writer.writerow(["arm", "shots", "seed", *keys, "seconds"])
        for run in self.runs:
            shots = "all" if run.shots is None else run.shots
            numbers = [f"{run.scores[key]:.6f}" for key in keys]
            writer.writerow([run.arm, shots, run.seed, *numbers, f"{run.seconds:.1f}"])
        return text.getvalue()


def in_order(shots: Iterable[Shots]) -> tuple[Shots, ...]:
    """Sort sizes of a training set, all photos last, each once."""
    return tuple(sorted(set(shots), key=lambda each: (each is None, each or 0)))


def ranked(summaries: Sequence[Summary], metric: Metric) -> list[Summary]:
    """Sort arms from best to worst mean."""
    sign = -1 if metric.higher_is_better else 1
    return sorted(summaries, key=lambda summary: sign * summary.mean.value)


def read_found(path: str | Path, what: str, name: str, build: Callable[[Any], Found]) -> Found:
    """Read what an experiment found from the JSON that it wrote.

    Args:
        path: The file.
        what: What it should be, for the message: "a comparison".
        name: What genmix calls such a file.
        build: Makes it of the plain values.

    Raises:
        ExperimentError: If it is none.
    """
    try:
        return build(json.loads(Path(path).read_bytes()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ExperimentError(
            f"cannot read {path} as {what}: give the {name} that genmix wrote"
        ) from error
