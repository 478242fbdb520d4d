"""What a checked sample says of the whole: exact bounds for the share of bad pictures.

Clopper-Pearson where the sample is a small part of the whole; the hypergeometric distribution where
the whole is known to be finite. Nothing here knows what a review is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of bad among the checked, with its two-sided Clopper-Pearson interval.

    Attributes:
        bad: How many were bad.
        checked: Of how many.
        low: Lower end of the interval; 0 where nothing was checked.
        high: Upper end; 1 where nothing was checked.
    """

    bad: int
    checked: int
    low: float
    high: float


def rate_of(bad: int, checked: int, confidence: float = CONFIDENCE) -> Rate:
    """Return the share of bad pictures among those checked, with its interval.

    Args:
        bad: In [0, checked].
        checked: 0 or more.
        confidence: In (0, 1).
    """
    each_side = (1 + confidence) / 2
    low = 1 - at_most(checked - bad, checked, each_side)
    return Rate(bad, checked, low, at_most(bad, checked, each_side))


def at_most(
    bad: int, checked: int, confidence: float = CONFIDENCE, *, population: int | None = None
) -> float:
    """Bound the share of bad pictures from above, by a sample drawn at random.

    The one-sided bound of Clopper and Pearson (Biometrika 26, 1934): the greatest share under which
    so few bad ones would not be a surprise.

    Args:
        bad: Bad ones seen, in [0, checked].
        checked: The size of the sample, 0 or more.
        confidence: In (0, 1).
        population: Of how many the sample was drawn, if that is to count; `checked` or more.

    Returns:
        In [0, 1]; 1 where nothing was checked.

    Raises:
        ValueError: If the numbers do not fit each other.
    """
    _check(bad, checked, confidence, population)
    surprise = 1 - confidence
    if population is not None:
        most = _last(
            lambda count: _few_of(bad, checked, count, population) > surprise,
            bad,
            population - (checked - bad),
        )
        return most / population if population else 1.0
    if bad == checked:
        return 1.0
    low, high = bad / checked, 1.0
    while high - low > _PRECISION:
        middle = (low + high) / 2
        if _few(bad, checked, middle) > surprise:
            low = middle
        else:
            high = middle
    return high


def sample_size(
    rate: float, confidence: float = CONFIDENCE, *, bad: int = 0, population: int | None = None
) -> int:
    """Return how many to check so that seeing at most `bad` bad ones bounds the rate.

    `sample_size(0.05)` is 59: if none of 59 is bad, fewer than 5 % are, with 95 % confidence.

    Args:
        rate: The share that is not to be reached, in (0, 1).
        confidence: In (0, 1).
        bad: How many bad ones the sample may have.
        population: How many there are in all, if that is to count.

    Raises:
        ValueError: If the numbers do not fit each other: of a small population, `bad` bad ones may
            already be that rate.
    """
    _check(bad, bad, confidence, population)
    if not 0 < rate < 1:
        raise ValueError(f"the rate must be above 0 and below 1, not {rate}")
    surprise = 1 - confidence
    if population is None:
        most = bad + 1
        while _few(bad, most, rate) > surprise:
            most *= 2
        return 1 + _last(lambda size: _few(bad, size, rate) > surprise, bad, most)
    if not population:
        raise ValueError("there is nothing to draw from")
    too_many = max(1, math.ceil(rate * population - _PRECISION))
    if too_many <= bad:
        raise ValueError(f"{bad} bad of {population} are {rate:g} or more already")
    return 1 + _last(
        lambda size: _few_of(bad, size, too_many, population) > surprise, bad, population
    )


_PRECISION = 1e-10


def _check(bad: int, checked: int, confidence: float, population: int | None) -> None:
    if not 0 <= bad <= checked:
        raise ValueError(f"{bad} bad of {checked} checked cannot be")
    if not 0 < confidence < 1:
        raise ValueError(f"the confidence must be above 0 and below 1, not {confidence}")
    if population is not None and checked > population:
        raise ValueError(f"{checked} cannot be drawn of {population}")


def _last(holds: Callable[[int], bool], low: int, high: int) -> int:
    """Return the greatest whole number in [low, high] that holds; `low` does, and it falls once."""
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _few(bad: int, checked: int, rate: float) -> float:
    """Return how likely at most `bad` bad ones are, where each is bad with chance `rate`."""
    if bad >= checked:
        return 1.0
    if rate >= 1:
        return 0.0
    k = np.arange(bad)
    steps = np.log(checked - k) - np.log(k + 1) + math.log(rate) - math.log1p(-rate)
    return _total(checked * math.log1p(-rate), steps)


def _few_of(bad: int, checked: int, count: int, population: int) -> float:
    """Return how likely at most `bad` are where `count` of `population` are: hypergeometric."""
    good = population - count
    least, most = max(0, checked - good), min(bad, checked, count)
    if bad >= min(checked, count):
        return 1.0
    if least > bad:
        return 0.0
    first = (
        _log_choices(count, least)
        + _log_choices(good, checked - least)
        - _log_choices(population, checked)
    )
    k = np.arange(least, most)
    steps = np.log(count - k) + np.log(checked - k) - np.log(k + 1) - np.log(good - checked + k + 1)
    return _total(first, steps)


def _total(first: float, steps: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Add up a row of chances, given the first's logarithm and the steps from each to the next."""
    logs = first + np.concatenate([[0.0], np.cumsum(steps)])
    highest = float(logs.max())
    return min(1.0, math.exp(highest) * float(np.exp(logs - highest).sum()))


def _log_choices(of: int, chosen: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)
