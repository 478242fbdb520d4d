"""How much better one way of training is than another, over seeds and photos at once.

A gain has two sources of chance: the start of each training, and which photos were judged. Both
count here, so that neither a lucky seed nor a lucky photo passes for a gain.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from genmix.statistics import CONFIDENCE

Right: TypeAlias = npt.NDArray[np.float64]
"""How right each photo was seen, seeds x photos, in [0, 1]; photos are the same for every seed."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over seeds and photos, and what is known of it.

    Attributes:
        value: The mean, or the mean of the differences.
        half_width: Of its 95 % interval; None where there is no spread to judge by.
        error: The standard error that the interval is made of.
        seeds: How many trainings.
        photos: How many photos were judged.
    """

    value: float
    half_width: float | None
    error: float
    seeds: int
    photos: int

    @property
    def low(self) -> float:
        """The lower end; of no spread the value itself."""
        return self.value - (self.half_width or 0.0)

    @property
    def high(self) -> float:
        """The upper end; of no spread the value itself."""
        return self.value + (self.half_width or 0.0)

    @property
    def above(self) -> bool:
        """Whether all of the interval lies above 0; a single seed never tells."""
        return self.seeds > 1 and self.half_width is not None and self.low > 0

    @property
    def below(self) -> bool:
        """Whether all of the interval lies below 0; a single seed never tells."""
        return self.seeds > 1 and self.half_width is not None and self.high < 0


def interval(blocks: Sequence[Right]) -> Interval:
    """Return the mean over seeds and photos with its interval.

    Seeds and photos are crossed: every seed's model judges the same photos. Each source of chance
    has a margin, Student's t times the standard error of the mean over the seeds, or over the
    photos, and the margins are added as squares (Graybill and Wang, Journal of the American
    Statistical Association 75, 1980). What seeds and photos have in common counts twice, so the
    interval is rather too wide than too narrow (Owen, "The pigeonhole bootstrap", Annals of Applied
    Statistics 1, 2007); Satterthwaite's degrees of freedom would be too narrow for two or three
    seeds.

    Args:
        blocks: One for each set of photos, such as two other domains, all with the same seeds; the
            sets count alike, whatever their sizes.

    Raises:
        ValueError: If there are no blocks, or one without photos or with other seeds.
    """
    if not blocks or len({len(block) for block in blocks}) != 1 or not all(b.size for b in blocks):
        raise ValueError("give one or more blocks of the same seeds, each with photos")
    seeds, photos = len(blocks[0]), sum(block.shape[1] for block in blocks)
    of_seeds = np.mean([block.mean(1) for block in blocks], axis=0)
    value = float(of_seeds.mean())
    parts = [_error(of_seeds)]
    parts += [
        _Part(error / len(blocks), margin / len(blocks))
        for error, margin in (_error(block.mean(0)) for block in blocks)
    ]
    error, margin = (math.hypot(*sizes) for sizes in zip(*parts, strict=True))
    return Interval(value, margin if error > _NO_SPREAD else None, error, seeds, photos)


def gain(arm: Sequence[Right], reference: Sequence[Right]) -> Interval:
    """Return how much better an arm is than another one, paired by seed and photo.

    Args:
        arm: As `interval` takes it.
        reference: Of the same shapes.

    Raises:
        ValueError: If the shapes differ.
    """
    return interval([one - other for one, other in zip(arm, reference, strict=True)])


_NO_SPREAD = 1e-12
"""A standard error below this, of numbers near 1, is rounding."""


class _Part(NamedTuple):
    """The standard error that one source of chance gives a mean, and the margin for it."""

    error: float
    margin: float


def _error(numbers: npt.NDArray[np.float64]) -> _Part:
    """Judge the mean of some independent numbers; one alone says nothing of its error."""
    if len(numbers) == 1:
        return _Part(0.0, 0.0)
    from scipy import stats

    error = float(numbers.std(ddof=1)) / math.sqrt(len(numbers))
    return _Part(error, error * float(stats.t.ppf((1 + CONFIDENCE) / 2, len(numbers) - 1)))
