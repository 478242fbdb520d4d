"""What several runs say together: means and paired differences over seeds, with their intervals.

The seed is the unit. Runs of one seed share their photos, their start and their order, so two arms
are compared seed by seed. Nothing here knows what was measured.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import NormalDist
from typing import Literal, Self, TypeAlias, TypeVar

import numpy as np

Verdict: TypeAlias = Literal["better", "worse", "no evidence"]
Name = TypeVar("Name")
BySeed: TypeAlias = Mapping[int, float]
"""One number of an arm for each seed."""

CONFIDENCE = 0.95
SIGNIFICANCE = 1 - CONFIDENCE

POWER = 0.8
"""How likely an experiment should be to show what is there."""

Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
"""The half-width of a 95 % interval of the normal distribution, in standard errors."""

_REVERSED: Mapping[Verdict, Verdict] = {
    "better": "worse",
    "worse": "better",
    "no evidence": "no evidence",
}

_NO_SPREAD = 1e-12
"""A standard deviation below this, of numbers near 1, is rounding."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over seeds and its 95 % interval.

    Attributes:
        count: How many seeds.
        value: The mean.
        half_width: Of the t interval around it. None where there is no spread to judge by: with
            one seed, or where all seeds gave the same.
    """

    count: int
    value: float
    half_width: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How far an arm is from another one, paired by seed.

    Attributes:
        count: How many seeds both have.
        value: The mean of the differences, arm minus reference.
        half_width: Of its 95 % t interval, which one more comparison like this would have; None as
            in `Mean`.
        p: Of the paired t test, two-sided; None where there is no interval.
        adjusted_p: `p` after Holm's correction for all comparisons that were made together.
        verdict: "better" or "worse" where `adjusted_p` is below 0.05, else "no evidence".
    """

    count: int
    value: float
    half_width: float | None
    p: float | None
    adjusted_p: float | None
    verdict: Verdict

    def reversed(self) -> Self:
        """Return the difference seen from the other side."""
        return replace(self, value=-self.value, verdict=_REVERSED[self.verdict])


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of some seeds' numbers with its t interval.

    Args:
        values: One or more.

    Raises:
        ValueError: If there are none.
    """
    if not values:
        raise ValueError("there is no mean of nothing")
    half_width, _ = _t_interval(np.asarray(values, np.float64))
    return Mean(len(values), float(np.mean(values)), half_width)


def wilson(share: float, count: float) -> tuple[float, float]:
    """Give the 95 % interval of a share (Wilson 1927, JASA 22), which holds near 0 and 1 too.

    Args:
        share: In [0, 1].
        count: Of how many; 1 or more, and need not be whole.
    """
    squared = Z**2
    centre = share + squared / (2 * count)
    reach = Z * math.sqrt(share * (1 - share) / count + squared / (4 * count**2))
    low, high = ((centre + sign * reach) / (1 + squared / count) for sign in (-1, 1))
    return max(0.0, min(low, share)), min(1.0, max(high, share))


def differences_from(
    arms: Mapping[str, BySeed], reference: BySeed, *, higher_is_better: bool = True
) -> dict[str, Difference]:
    """Compare arms with one reference, correcting for there being several of them.

    Args:
        arms: Each arm's numbers; seeds that the reference lacks do not count.
        reference: The numbers of what they are compared with.
        higher_is_better: Whether a greater number is a "better" one.

    Returns:
        A difference for each arm, in their order.

    Raises:
        ValueError: If an arm and the reference have no seed in common.
    """
    single = {name: _paired(values, reference) for name, values in arms.items()}
    return _adjusted(single, higher_is_better=higher_is_better)


def differences_from_best(
    arms: Mapping[str, BySeed], *, higher_is_better: bool = True
) -> dict[str, tuple[str, Difference]]:
    """Compare each arm with the best other one.

    Which one that is depends on the same numbers, so Holm's correction is over all pairs of arms.

    Args:
        arms: Each arm's numbers.
        higher_is_better: Whether a greater number is a "better" one.

    Returns:
        For each arm, the name of the best other one and the difference from it; nothing if there is
        one arm only.
    """
    if len(arms) < 2:
        return {}
    pairs = {(one, two): _paired(arms[one], arms[two]) for one, two in combinations(arms, 2)}
    found = _adjusted(pairs, higher_is_better=higher_is_better)
    found |= {(two, one): each.reversed() for (one, two), each in found.items()}
    rivals = {name: best_other(arms, name, higher_is_better=higher_is_better) for name in arms}
    return {name: (rival, found[name, rival]) for name, rival in rivals.items()}


def best_other(arms: Mapping[str, BySeed], name: str, *, higher_is_better: bool = True) -> str:
    """Return the arm with the best mean among those that are not `name`; the first of equals."""
    sign = 1 if higher_is_better else -1
    others = [other for other in arms if other != name]
    return max(others, key=lambda other: sign * float(np.mean(list(arms[other].values()))))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values for their number (Holm 1979, Scandinavian Journal of Statistics 6).

    The k-th smallest of m is multiplied by m - k + 1; none becomes smaller than one before it.

    Args:
        p_values: In [0, 1].

    Returns:
        The adjusted values in the same order, at most 1.
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = highest
    return adjusted


def seeds_to_show(found: Difference, comparisons: int, *, at_most: int) -> int | None:
    """Say how many seeds would show a difference, if it and its spread truly are as they were seen.

    To show it is to have p below 0.05 in a paired t test after the strictest step of Holm's
    correction; `POWER` is how likely that is to be with so many seeds (noncentral t distribution).

    Args:
        found: A difference that has an interval.
        comparisons: How many are made together.
        at_most: Where to give up.

    Returns:
        The fewest seeds, more than `found` has; None if `at_most` are too few.

    Raises:
        ValueError: If the difference has no interval.
    """
    from scipy import stats

    if found.half_width is None:
        raise ValueError("without an interval nothing is known of the spread")
    width = float(stats.t.ppf((1 + CONFIDENCE) / 2, found.count - 1))
    effect = abs(found.value) * width / (found.half_width * math.sqrt(found.count))
    for count in range(found.count + 1, at_most + 1):
        limit = float(stats.t.isf(SIGNIFICANCE / comparisons / 2, count - 1))
        if stats.nct.sf(limit, count - 1, effect * math.sqrt(count)) >= POWER:
            return count
    return None


def _paired(values: BySeed, reference: BySeed) -> Difference:
    shared = sorted(values.keys() & reference.keys())
    if not shared:
        raise ValueError("the arms have no seed in common")
    differences = np.array([values[seed] - reference[seed] for seed in shared])
    half_width, p = _t_interval(differences)
    mean = float(differences.mean())
    return Difference(len(shared), mean, half_width, p, None, "no evidence")


def _adjusted(
    single: Mapping[Name, Difference], *, higher_is_better: bool
) -> dict[Name, Difference]:
    """Correct a family of comparisons, and judge each; one without a p counts as one of them."""
    adjusted = holm([1.0 if each.p is None else each.p for each in single.values()])
    judged = {}
    for (name, each), p in zip(single.items(), adjusted, strict=True):
        if each.p is None:
            judged[name] = each
            continue
        verdict: Verdict = "no evidence"
        if p < SIGNIFICANCE:
            verdict = "better" if (each.value > 0) is higher_is_better else "worse"
        judged[name] = replace(each, adjusted_p=p, verdict=verdict)
    return judged


def _t_interval(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[float | None, float | None]:
    """Return the half-width of the mean's t interval, and the p of its being 0."""
    from scipy import stats

    count = len(values)
    spread = float(values.std(ddof=1)) if count > 1 else 0.0
    if spread < _NO_SPREAD:
        return None, None
    error = spread / math.sqrt(count)
    half_width = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    return half_width, float(2 * stats.t.sf(abs(values.mean()) / error, count - 1))
