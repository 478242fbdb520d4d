"""Classes whose accuracy fell although the mean rose, by the runs of a comparison on disk.

The files are read as they are, so that nothing here needs torch.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, TypeAlias

from genmix.auditing.certainty import Estimate
from genmix.auditing.tilt import MATTERS_SHARE
from genmix.errors import ExperimentError, MissingExtraError
from genmix.statistics import differences_from

HELD_OUT = "held-out"
"""What the photos to test on are called beside the targets."""


@dataclass(frozen=True, slots=True)
class Fall:
    """A class that fell although the mean rose.

    Attributes:
        arm: How the models were trained.
        reference: What they are compared with.
        photos: What they were tested on: "held-out", or a target's name.
        name: The class.
        tested: Photos of the class that were tested on.
        seeds: Runs of each arm.
        before: Its mean accuracy in the reference, in [0, 1].
        gap: By how much it changed, below 0; paired by seed, with the t interval over seeds.
        adjusted_p: Of the paired t test, after Holm's correction for all classes that could have
            fallen so; None where there is no spread over seeds to judge by.
        mean_gap: By how much the accuracy on all of these photos rose.
        matters: Whether it is more than chance, 5 points or more, and at least one photo.
    """

    arm: str
    reference: str
    photos: str
    name: str
    tested: int
    seeds: int
    before: float
    gap: Estimate
    adjusted_p: float | None
    mean_gap: float
    matters: bool


def find_falls(folder: str | Path) -> tuple[Fall, ...]:
    """Find the classes that fell although the mean rose.

    Looked at are the arms with genmix, or all if there is none, against the comparison's reference,
    with the largest training set.

    Args:
        folder: The folder of a `genmix compare`.

    Returns:
        The falls, the deepest first.

    Raises:
        ExperimentError: If it holds no comparison, or its runs lack what is needed.
        MissingExtraError: If SciPy is not installed.
    """
    results = _Results.read(Path(folder))
    risen = [
        (arm, photos, gain)
        for arm in results.arms
        for photos in results.tested_on
        if (gain := results.mean_gain(arm, photos)) > 0
    ]
    changes = {
        (arm, photos, name): results.changes(arm, photos, name)
        for arm, photos, _ in risen
        for name in results.classes(photos)
    }
    if not changes:
        return ()
    numbers = {"\0".join(key): change for key, change in changes.items()}
    try:
        judged = differences_from(numbers, dict.fromkeys(results.seeds, 0.0))
    except ModuleNotFoundError as error:
        raise MissingExtraError("the accuracy of classes", "proof") from error
    gains = {(arm, photos): gain for arm, photos, gain in risen}
    falls = []
    for (arm, photos, name), found in zip(changes, judged.values(), strict=True):
        if found.value >= 0:
            continue
        tested, before = results.class_before(photos, name)
        large = -found.value >= max(MATTERS_SHARE, 1 / tested)
        falls.append(
            Fall(
                arm=arm,
                reference=results.reference,
                photos=photos,
                name=name,
                tested=tested,
                seeds=found.count,
                before=before,
                gap=Estimate.around(found.value, found.half_width),
                adjusted_p=found.adjusted_p,
                mean_gap=gains[arm, photos],
                matters=large and found.verdict == "worse",
            )
        )
    return tuple(sorted(falls, key=lambda fall: fall.gap.value))


_Scores: TypeAlias = Mapping[str, Any]
"""Scores as `genmix.training.metrics.Scores` has them, read from JSON."""


@dataclass(frozen=True)
class _Results:
    """The scores of a comparison's runs.

    Attributes:
        reference: The arm that others are compared with.
        arms: The others that are looked at.
        seeds: Of the runs.
        scores: By arm, seed and what was tested on.
    """

    reference: str
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    scores: Mapping[tuple[str, int], Mapping[str, _Scores]]

    @classmethod
    def read(cls, folder: Path) -> "_Results":
        try:
            about = json.loads((folder / "comparison.json").read_bytes())
            shots, reference = about["shots"][-1], about["reference"]
            scores = {
                (run["name"], run["seed"]): {
                    HELD_OUT: run["evaluation"]["clean"],
                    **run["evaluation"]["domains"],
                }
                for run in _runs(folder)
                if run["shots"] == shots
            }
            others = [arm for arm in about["arms"] if arm != reference]
            with_genmix = [arm for arm in others if "genmix" in arm]
            arms, seeds = tuple(with_genmix or others), tuple(about["seeds"])
            missing = [(a, s) for a in (reference, *arms) for s in seeds if (a, s) not in scores]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ExperimentError(
                f"cannot read {folder} as a comparison: give the folder of a genmix compare"
            ) from error
        if missing:
            arm, seed = missing[0]
            raise ExperimentError(
                f"{folder} lacks the run of {arm} with seed {seed}: run the comparison to its end"
            )
        return cls(reference, arms, seeds, scores)

    @property
    def tested_on(self) -> list[str]:
        return list(self.scores[self.reference, self.seeds[0]])

    def classes(self, photos: str) -> list[str]:
        return list(self.scores[self.reference, self.seeds[0]][photos]["per_class"])

    def mean_gain(self, arm: str, photos: str) -> float:
        return fmean(
            self.scores[arm, seed][photos]["top1"]
            - self.scores[self.reference, seed][photos]["top1"]
            for seed in self.seeds
        )

    def changes(self, arm: str, photos: str, name: str) -> dict[int, float]:
        return {
            seed: self.scores[arm, seed][photos]["per_class"][name]
            - self.scores[self.reference, seed][photos]["per_class"][name]
            for seed in self.seeds
        }

    def class_before(self, photos: str, name: str) -> tuple[int, float]:
        """Return how many photos of a class were tested on, and the reference's accuracy."""
        scores = [self.scores[self.reference, seed][photos] for seed in self.seeds]
        # Rows without photos are the classes that `per_class` leaves out.
        rows = [sum(row) for row in scores[0]["confusion"] if sum(row)]
        tested = rows[list(scores[0]["per_class"]).index(name)]
        return tested, fmean(each["per_class"][name] for each in scores)


def _runs(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "runs").glob("*/*/*/result.json")):
        yield json.loads(path.read_bytes())
