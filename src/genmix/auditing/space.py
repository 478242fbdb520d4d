"""Distances and diversity in an encoder's feature space: spread, Vendi score, Fréchet, MMD.

Pictures are unit vectors here. Of one photo's pictures, which are alike by birth, no two are ever
compared with each other.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from genmix.auditing.certainty import Estimate, Floats, jackknifed
from genmix.screening.features import Features

Owners: TypeAlias = npt.NDArray[np.intp]
"""Which photo each picture was made of; pictures of another set have owners of their own."""


@dataclass(frozen=True, slots=True)
class Diversity:
    """How much pictures differ from each other.

    Attributes:
        pictures: Of how many; two sets are compared at the same number.
        spread: Mean cosine distance (1 - cosine) between two pictures of different photos.
        nearest: Mean cosine distance of a picture to the nearest of another photo.
        vendi: The Vendi score (Friedman and Dieng 2022, arXiv 2210.02410): as if there were so many
            pictures that have nothing in common; between 1 and `pictures`.
    """

    pictures: int
    spread: float
    nearest: float
    vendi: float


@dataclass(frozen=True, slots=True)
class Cloud:
    """A set of pictures in feature space.

    Attributes:
        features: Unit vectors, N x F.
        owners: N photos.
    """

    features: Features
    owners: Owners

    def __len__(self) -> int:
        return len(self.owners)

    def take(self, count: int, rng: np.random.Generator) -> "Cloud":
        """Draw at most so many pictures, of as many photos as possible; in their order."""
        if len(self) <= count:
            return self
        order = rng.permutation(len(self))
        seen: dict[int, int] = {}
        rank = np.empty(len(self), np.intp)
        for place in order.tolist():
            owner = int(self.owners[place])
            rank[place] = seen[owner] = seen.get(owner, -1) + 1
        chosen = np.sort(order[np.argsort(rank[order], kind="stable")][:count])
        return Cloud(self.features[chosen], self.owners[chosen])


def diversity(cloud: Cloud) -> Diversity:
    """Measure how much pictures differ; they must be of two photos or more."""
    cosines = _exact(cloud.features) @ _exact(cloud.features).T
    apart = cloud.owners[:, None] != cloud.owners
    return Diversity(
        pictures=len(cloud),
        spread=float(1 - cosines[apart].mean()),
        nearest=float(1 - np.where(apart, cosines, -1).max(axis=1).mean()),
        vendi=vendi(cosines),
    )


def vendi(similarities: Floats) -> float:
    """Return the Vendi score: exp of the entropy of the eigenvalues of the similarities / N.

    Args:
        similarities: N x N, symmetric and positive semidefinite, 1 on the diagonal.
    """
    shares = np.linalg.eigvalsh(similarities / len(similarities))
    shares = shares[shares > _NO_SHARE]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def frechet(one: Features, other: Features) -> float:
    """Return the Fréchet distance between Gaussians fitted to two sets (Heusel et al. 2017).

    |m1 - m2|² + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2), of which the last is the sum of the singular
    values of A B', where A'A = C1 and B'B = C2: no matrix of F x F is formed. It is biased upwards
    by a sum that depends on the number of pictures (Chong and Forsyth, CVPR 2020, arXiv
    1911.07023), so only distances between sets of the same sizes may be compared.

    Args:
        one: N x F, two rows or more.
        other: M x F, likewise.
    """
    (m1, a), (m2, b) = (_gaussian(rows) for rows in (one, other))
    joint = float(np.linalg.svd(a @ b.T, compute_uv=False).sum())
    total = float(np.square(m1 - m2).sum() + np.square(a).sum() + np.square(b).sum())
    return max(0.0, total - 2 * joint)


class Reference:
    """Pictures from which others are told apart: the photos themselves, or those of a target.

    The distance is the squared maximum mean discrepancy in its unbiased form (Gretton et al., JMLR
    13, 2012), which unlike Fréchet's does not depend on the number of pictures, with a Gaussian
    kernel as wide as the reference's own median distance. Bińkowski et al. (ICLR 2018, arXiv
    1801.01401) and Jayasumana et al. (CVPR 2024, arXiv 2401.09603) say why it suits few pictures.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        squares = _squares(cloud.features, cloud.features)
        apart = cloud.owners[:, None] != cloud.owners
        self._width = max(float(np.median(squares[apart])), 1e-9)
        self._own = _Sums.of(self._kernel(squares), cloud, cloud)

    def distance(self, cloud: Cloud) -> "Discrepancy":
        """Return how far pictures are from the reference; they must be of two photos or more."""
        within = _Sums.of(self._kernel(_squares(cloud.features, cloud.features)), cloud, cloud)
        between = self._kernel(_squares(cloud.features, self.cloud.features))
        return Discrepancy(within, _Sums.of(between, cloud, self.cloud), self._own)

    def _kernel(self, squares: Floats) -> Floats:
        return np.exp(-squares / self._width)


@dataclass(frozen=True)
class _Sums:
    """Sums of a kernel over pairs of different photos, in all and for each photo.

    Attributes:
        value: Sum of the kernel.
        pairs: How many pairs.
        lost: By photo, what the sum loses with it, and how many pairs.
    """

    value: float
    pairs: int
    lost: dict[int, tuple[float, int]]

    @classmethod
    def of(cls, kernel: Floats, rows: Cloud, columns: Cloud) -> "_Sums":
        apart = rows.owners[:, None] != columns.owners
        counted = np.where(apart, kernel, 0.0)
        lost: dict[int, tuple[float, int]] = {}
        for axis, owners in ((1, rows.owners), (0, columns.owners)):
            sums, pairs = counted.sum(axis=axis), apart.sum(axis=axis)
            for owner, value, count in zip(
                owners.tolist(), sums.tolist(), pairs.tolist(), strict=True
            ):
                before = lost.get(owner, (0.0, 0))
                lost[owner] = before[0] + value, before[1] + count
        return cls(float(counted.sum()), int(apart.sum()), lost)

    def mean_without(self, owner: int | None) -> float:
        value, pairs = self.lost.get(owner, (0.0, 0)) if owner is not None else (0.0, 0)
        return (self.value - value) / max(1, self.pairs - pairs)


@dataclass(frozen=True)
class Discrepancy:
    """How far a set of pictures is from a reference."""

    _within: _Sums
    _between: _Sums
    _reference: _Sums

    @property
    def value(self) -> float:
        """The distance; unbiased, so it may fall a little below 0."""
        return self.without(None)

    def estimate(self) -> Estimate:
        """Return it with its interval: the jackknife over the photos of both sets."""
        return jackknifed(self.value, np.array([self.without(k) for k in sorted(self.owners)]))

    def closer_than(self, start: "Discrepancy") -> Estimate | None:
        """Return how much of another set's distance is gone, with its interval.

        Args:
            start: How far the photos themselves are from the same reference.

        Returns:
            1 where nothing of the distance is left, 0 where all is, below 0 where it grew; None
            where the photos are as good as at the reference.
        """
        if start.value <= _NO_DISTANCE:
            return None
        left_out = [
            1 - self.without(k) / max(start.without(k), _NO_DISTANCE)
            for k in sorted(self.owners | start.owners)
        ]
        return jackknifed(1 - self.value / start.value, np.array(left_out))

    def without(self, owner: int | None) -> float:
        """Return the distance without one photo, or with all."""
        within, between, reference = (
            sums.mean_without(owner) for sums in (self._within, self._between, self._reference)
        )
        return within + reference - 2 * between

    @property
    def owners(self) -> set[int]:
        """The photos of both sets."""
        return self._within.lost.keys() | self._reference.lost.keys()


_NO_SHARE = 1e-12
"""An eigenvalue below this is rounding."""

_NO_DISTANCE = 1e-4
"""A distance below this, of at most 2, is none of which a share could be told."""


def _exact(rows: Features) -> Floats:
    return rows.astype(np.float64)


def _squares(one: Features, other: Features) -> Floats:
    """Return squared distances between unit vectors."""
    return np.maximum(0.0, 2 - 2 * (_exact(one) @ _exact(other).T))


def _gaussian(rows: Features) -> tuple[Floats, Floats]:
    """Return the mean, and a root of the covariance: A with A'A = C."""
    centre = _exact(rows).mean(axis=0)
    return centre, (_exact(rows) - centre) / math.sqrt(len(rows) - 1)
