"""How far two reviewers agree beyond chance: Cohen's κ with its interval."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from genmix.reviewing.bounds import CONFIDENCE


@dataclass(frozen=True, slots=True)
class Kappa:
    """How far two reviewers agree about what both have judged.

    Attributes:
        count: How many pictures both judged.
        agreed: The share about which they said the same.
        value: Cohen's κ, in [-1, 1]: 0 is what chance gives, 1 is full agreement. None where both
            always said one and the same thing, and chance explains everything.
        low: Lower end of its interval; None where there is no spread to judge by.
        high: Upper end.
    """

    count: int
    agreed: float
    value: float | None
    low: float | None
    high: float | None


def cohens_kappa(pairs: Mapping[tuple[str, str], int], confidence: float = CONFIDENCE) -> Kappa:
    """Compute Cohen's κ (Educational and Psychological Measurement 20, 1960).

    The interval is the large-sample one of Fleiss, Cohen and Everitt (Psychological Bulletin 72,
    1969), cut at -1 and 1.

    Args:
        pairs: How often the first reviewer said the one thing and the second the other.
        confidence: Of the interval, in (0, 1).

    Raises:
        ValueError: If they have judged nothing in common.
    """
    said = sorted({word for pair in pairs for word in pair})
    count = sum(pairs.values())
    if not count:
        raise ValueError("there is no agreement about nothing")
    table = np.zeros((len(said), len(said)))
    for (first, second), times in pairs.items():
        table[said.index(first), said.index(second)] += times / count
    rows, columns = table.sum(1), table.sum(0)
    agreed, by_chance = float(np.trace(table)), float(rows @ columns)
    if 1 - by_chance < _NOTHING:
        return Kappa(count, agreed, None, None, None)
    value = (agreed - by_chance) / (1 - by_chance)
    error = math.sqrt(max(0.0, _variance(table)) / count)
    if error < _NOTHING:
        return Kappa(count, agreed, value, None, None)
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return Kappa(count, agreed, value, max(-1.0, value - reach), min(1.0, value + reach))


_NOTHING = 1e-12


def _variance(table: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """Return the variance of κ for one picture (Fleiss, Cohen and Everitt 1969, formula 13)."""
    rows, columns = table.sum(1), table.sum(0)
    agreed, by_chance = np.trace(table), rows @ columns
    same = np.diag(table) * ((1 - by_chance) - (rows + columns) * (1 - agreed)) ** 2
    weights = (columns[:, None] + rows[None, :]) ** 2
    other = (table * weights).sum() - (np.diag(table) * np.diag(weights)).sum()
    rest = (agreed * by_chance - 2 * by_chance + agreed) ** 2
    return float((same.sum() + (1 - agreed) ** 2 * other - rest) / (1 - by_chance) ** 4)
