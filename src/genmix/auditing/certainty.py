"""How sure a rate, a mean or a difference is when the source photo is the unit.

The edits of one photo share its fate, so counting each of them as a trial of its own would make
every interval too narrow and every test too eager. Needs NumPy alone.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from genmix.statistics import Z, wilson

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval.

    Attributes:
        value: The number.
        low: The interval's lower end; None where there is too little to judge by.
        high: Its upper end, likewise.
    """

    value: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def around(cls, value: float, reach: float | None) -> Self:
        """Return a value with an interval of so much to both sides, or without one."""
        return cls(value) if reach is None else cls(value, value - reach, value + reach)


@dataclass
class Outcomes:
    """What the screens did with the edits of some photos.

    Photos with the same numbers are counted together, so it stays small for any data set.

    Attributes:
        patterns: How many photos had so many edits judged, and so many of these rejected.
    """

    patterns: Counter[tuple[int, int]] = field(default_factory=Counter)

    def add(self, judged: int, rejected: int) -> None:
        """Count a photo; one without a judged edit says nothing."""
        if judged:
            self.patterns[judged, rejected] += 1

    @property
    def photos(self) -> int:
        """How many photos had an edit judged."""
        return self.patterns.total()

    @property
    def judged(self) -> int:
        """How many edits the screens looked at."""
        return sum(judged * photos for (judged, _), photos in self.patterns.items())

    @property
    def rejected(self) -> int:
        """How many of them they refused."""
        return sum(rejected * photos for (_, rejected), photos in self.patterns.items())

    @property
    def share(self) -> float:
        """The share rejected, in [0, 1]; there must be a photo."""
        return self.rejected / self.judged

    @property
    def effective(self) -> float:
        """How many independent edits say as much as these; between photos and edits.

        The edits divided by the design effect: the variance of the share by photos (the ratio
        estimator of cluster sampling, Cochran 1977, section 9) over that of as many independent
        edits. Few rejections say little of whether edits share their photo's fate, so it is taken
        with two photos more that do, one all rejected and one all kept, as Agresti and Coull (1998)
        add trials.
        """
        each = self.judged / self.photos
        patterns = [*self.patterns.items(), ((each, each), 1), ((each, 0.0), 1)]
        photos, judged = self.photos + 2, self.judged + 2 * each
        share = (self.rejected + each) / judged
        squares = sum(count * (lost - share * of) ** 2 for (of, lost), count in patterns)
        variance = photos / (photos - 1) * squares / judged**2
        design = variance / (share * (1 - share) / judged)
        return min(float(self.judged), max(float(self.photos), self.judged / design))

    def rate(self) -> Estimate:
        """Return the share rejected, with Wilson's interval at the effective number of edits."""
        low, high = wilson(self.share, self.effective)
        return Estimate(self.share, low, high)

    def without(self, part: "Outcomes") -> "Outcomes":
        """Return the photos that are not in `part`, which is a part of these."""
        return Outcomes(self.patterns - part.patterns)


def difference(part: Outcomes, rest: Outcomes) -> Estimate:
    """Return how much more of one part is rejected, in [-1, 1], with its interval.

    The interval joins both parts' Wilson intervals (Newcombe 1998, Statistics in Medicine 17,
    method 10).

    Args:
        part: Some photos, at least one.
        rest: Others, at least one.
    """
    one, other = part.rate(), rest.rate()
    gap = one.value - other.value
    below = math.hypot(one.value - (one.low or 0.0), (other.high or 0.0) - other.value)
    above = math.hypot((one.high or 0.0) - one.value, other.value - (other.low or 0.0))
    return Estimate(gap, gap - below, gap + above)


def rejection_p(part: Outcomes, rest: Outcomes, rng: np.random.Generator, draws: int) -> float:
    """Test whether which photos are in a part has anything to do with what was rejected.

    A permutation test on the difference of the shares, two-sided: photos change sides with all
    their edits. Drawing the counts of equal photos (a multivariate hypergeometric draw) is the same
    as shuffling them, whatever their number.

    Args:
        part: Some photos, at least one.
        rest: All others, at least one.
        rng: Draws the permutations.
        draws: How many; no p is below 1 / (draws + 1).

    Returns:
        The p value (Phipson and Smyth 2010, arXiv 1603.05766: never 0).
    """
    both = part.patterns + rest.patterns
    patterns = sorted(both)
    if len(patterns) == 1:
        return 1.0
    drawn = rng.multivariate_hypergeometric(
        [both[pattern] for pattern in patterns], part.photos, size=draws, method="marginals"
    )
    judged, rejected = (drawn @ np.array(column) for column in zip(*patterns, strict=True))
    all_judged, all_rejected = part.judged + rest.judged, part.rejected + rest.rejected
    gaps = rejected / judged - (all_rejected - rejected) / (all_judged - judged)
    seen = abs(part.share - rest.share)
    return float((1 + np.count_nonzero(np.abs(gaps) >= seen - _ROUNDING)) / (draws + 1))


def mean(values: Sequence[float] | Floats) -> Estimate:
    """Return the mean of independent values with its t interval; there must be one."""
    return Estimate.around(float(np.mean(values)), _reach([np.asarray(values, np.float64)]))


def mean_difference(part: Floats, rest: Floats) -> Estimate:
    """Return the difference of two means with Welch's t interval (1947, Biometrika 34)."""
    return Estimate.around(float(part.mean() - rest.mean()), _reach([part, rest]))


def jackknifed(value: float, left_out: Floats) -> Estimate:
    """Return a statistic with its interval by the jackknife (Efron and Stein 1981).

    Args:
        value: The statistic.
        left_out: The same with one unit left out, for each unit.
    """
    count = len(left_out)
    if count < 3:
        return Estimate(value)
    variance = (count - 1) / count * float(np.square(left_out - left_out.mean()).sum())
    return Estimate.around(value, t_quantile(count - 1) * math.sqrt(variance))


def shift_p(
    values: Floats, members: npt.NDArray[np.intp], rng: np.random.Generator, draws: int
) -> Floats:
    """Test for each part and each measure whether the part's mean is that of all others.

    A permutation test on the difference of means, two-sided: every draw deals the photos out to
    parts of the same sizes anew.

    Args:
        values: Photos x measures.
        members: The part of each photo, from 0 on without a gap, and of two kinds or more.
        rng: Draws the permutations.
        draws: How many; no p is below 1 / (draws + 1).

    Returns:
        p values, parts x measures.
    """
    centred = values - values.mean(axis=0)
    sizes = np.bincount(members)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    def gaps(order: npt.NDArray[np.intp]) -> Floats:
        # With a grand mean of 0 the gap to the others is the part's mean, up to a factor.
        sums = np.add.reduceat(centred[order], starts, axis=-2)
        return np.abs(sums) * (1 / sizes + 1 / (len(values) - sizes))[:, None]

    seen = gaps(np.argsort(members, kind="stable")) - _ROUNDING
    reached = np.zeros(seen.shape)
    for start in range(0, draws, _AT_A_TIME):
        count = min(_AT_A_TIME, draws - start)
        orders = rng.permuted(np.tile(np.arange(len(values)), (count, 1)), axis=1)
        reached += np.count_nonzero(gaps(orders) >= seen, axis=0)
    return (1 + reached) / (draws + 1)


def t_quantile(freedom: float) -> float:
    """Return the 97.5 % quantile of Student's t, within 1 % from 2 degrees of freedom on.

    By the expansion around the normal quantile (Abramowitz and Stegun 1964, 26.7.5), since the core
    does without SciPy.
    """
    z, v = Z, freedom
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )


_ROUNDING = 1e-12
"""Differences that equal the observed one but for the order of sums count as reaching it."""

_AT_A_TIME = 100
"""Permutations that are held at a time."""


def _reach(samples: Sequence[Floats]) -> float | None:
    """Return the half-width of a t interval, Welch's for two samples; None for too few values."""
    if any(len(values) < 3 for values in samples):
        return None
    errors = [float(values.var(ddof=1)) / len(values) for values in samples]
    if sum(errors) == 0:
        return 0.0
    freedom = sum(errors) ** 2 / sum(
        error**2 / (len(values) - 1) for error, values in zip(errors, samples, strict=True)
    )
    return t_quantile(freedom) * math.sqrt(sum(errors))
