"""Screens on an encoder's features: similarity, and density by class. No model in here.

An encoder is any function from pictures to unit vectors, so that the mathematics can be tested and
reused without one; `genmix.screening.encoders` opens real ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from genmix.errors import ScreenError
from genmix.images import Image
from genmix.screening.screen import Subject, Verdict, at_least, check_pairs

Features: TypeAlias = npt.NDArray[np.float32]
"""Unit vectors, N x F."""

Encode: TypeAlias = Callable[[Sequence[Image]], Features]


class SimilarityScreen:
    """Rejects edits whose features are too far from their original's; its score is the cosine."""

    name = "similarity"

    def __init__(self, encode: Encode, min_similarity: float) -> None:
        self._encode = encode
        self.limit = min_similarity

    def judge(self, originals: Sequence[Image], edits: Sequence[Image]) -> list[Verdict]:
        """Judge each edit against the original at the same position; see `Screen`."""
        return [
            at_least("similarity: cosine", score, self.limit, digits=2)
            for score in similarities(self._encode, originals, edits)
        ]


class Gaussian(NamedTuple):
    """Mean and standard deviation of similarities."""

    mean: float
    sd: float

    def density(self, similarity: float) -> float:
        """Return the density as a share of its peak, in [0, 1]; 1 from the mean on.

        An edit that is more like its original than two photos of the class are like each other is
        no worse for it, so only the lower side falls off.
        """
        below = max(0.0, (self.mean - similarity) / self.sd)
        return float(np.exp(-0.5 * below * below))


@dataclass(frozen=True)
class ClassGaussians:
    """The Gaussian of the similarities among each class's originals.

    Attributes:
        classes: By class.
        pooled: Over all classes, for one that has none of its own.
    """

    classes: Mapping[str, Gaussian]
    pooled: Gaussian

    def of(self, label: str) -> Gaussian:
        """Return a class's Gaussian."""
        return self.classes.get(label, self.pooled)


def fit_gaussians(features: Mapping[str, Features]) -> ClassGaussians:
    """Fit a Gaussian to the similarities among the originals of each class.

    A class of few photos says little of its own spread, so it is mixed with all classes together:
    a class of m photos weighs (m - 1) / (m - 1 + 8), and one photo alone nothing. The mixture's
    variance counts that the two means may differ.

    Args:
        features: Unit vectors of some photos of each class.

    Raises:
        ScreenError: If no class has two photos.
    """
    pairs = {label: _pair_similarities(rows) for label, rows in features.items() if len(rows) > 1}
    if not pairs:
        raise ScreenError(
            "the density screen compares photos of a class with each other, and no class has two: "
            "turn it off (screens: density: null), or take the similarity screen"
        )
    # Every class counts once: a large one does not stand for the others.
    mean = float(np.mean([values.mean() for values in pairs.values()]))
    variance = float(np.mean([np.square(values - mean).mean() for values in pairs.values()]))
    classes = {
        label: _shrunk(pairs.get(label), len(rows), mean, variance)
        for label, rows in features.items()
    }
    return ClassGaussians(classes, _gaussian(mean, variance))


class DensityScreen:
    """Rejects edits less like their original than photos of the class are like each other.

    Its score is the density of the class's Gaussian at the edit's similarity to its original, as a
    share of the peak.
    """

    name = "density"

    def __init__(self, encode: Encode, gaussians: ClassGaussians, min_density: float) -> None:
        self._encode = encode
        self._gaussians = gaussians
        self.limit = min_density

    def judge_subjects(
        self, originals: Sequence[Image], edits: Sequence[Image], subjects: Sequence[Subject]
    ) -> list[Verdict]:
        """Judge each edit by the Gaussian of its photo's class; see `SubjectScreen`."""
        scores = similarities(self._encode, originals, edits)
        return [
            at_least(
                "density: share of the peak",
                round(self._gaussians.of(subject.label).density(score), _DIGITS),
                self.limit,
                digits=3,
            )
            for score, subject in zip(scores, subjects, strict=True)
        ]


def similarities(encode: Encode, originals: Sequence[Image], edits: Sequence[Image]) -> list[float]:
    """Return the cosine between the features of each original and its edit, in [-1, 1]."""
    check_pairs(originals, edits)
    if not originals:
        return []
    features = encode([*_distinct(originals), *edits])
    rows = _rows(originals)
    before = features[rows]
    after = features[max(rows) + 1 :]
    cosines = np.einsum("nf,nf->n", before, after, dtype=np.float64)
    return [round(float(np.clip(cosine, -1, 1)), _DIGITS) for cosine in cosines]


_DIGITS = 4
"""Decimals of every score: further ones differ between processors."""

_PRIOR_PHOTOS = 8
"""With so many photos beyond the first, a class's own spread weighs as much as the pooled one."""

_LEAST_SD = 0.01
"""Photos that are copies of each other have no spread."""


def _distinct(images: Sequence[Image]) -> list[Image]:
    """Return each picture object once: a photo's edits come with the same original."""
    return list({id(image): image for image in images}.values())


def _rows(images: Sequence[Image]) -> list[int]:
    place = {id(image): k for k, image in enumerate(_distinct(images))}
    return [place[id(image)] for image in images]


def _pair_similarities(rows: Features) -> npt.NDArray[np.float64]:
    exact = rows.astype(np.float64)
    return (exact @ exact.T)[np.triu_indices(len(rows), 1)]


def _shrunk(
    own: npt.NDArray[np.float64] | None, photos: int, mean: float, variance: float
) -> Gaussian:
    if own is None:
        return _gaussian(mean, variance)
    weight = (photos - 1) / (photos - 1 + _PRIOR_PHOTOS)
    apart = float(own.mean()) - mean
    spread = weight * float(own.var()) + (1 - weight) * variance + weight * (1 - weight) * apart**2
    return _gaussian(mean + weight * apart, spread)


def _gaussian(mean: float, variance: float) -> Gaussian:
    return Gaussian(round(mean, _DIGITS), round(max(_LEAST_SD, float(np.sqrt(variance))), _DIGITS))
