"""Screens on features, with encoders of a few numbers, against SciPy in double precision."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from genmix.errors import ScreenError
from genmix.images import Image
from genmix.screening import (
    ClassGaussians,
    DensityScreen,
    DuplicateSettings,
    DuplicatesScreen,
    Gaussian,
    SimilarityScreen,
    Subject,
    fit_gaussians,
)
from genmix.screening.features import Features, similarities


def unit(rows: npt.NDArray[np.float64]) -> Features:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def drawn(seed: int, photos: int, width: int = 6) -> Features:
    rng = np.random.default_rng(seed)
    return unit(rng.normal(size=(photos, width)) + rng.normal(size=width))


def means(pictures: Sequence[Image]) -> Features:
    """An encoder: the mean colour."""
    return unit(np.array([picture.mean(axis=(0, 1)) + 1e-3 for picture in pictures]))


def plain(*colour: int) -> Image:
    return np.full((8, 8, 3), colour, np.uint8)


def subject(label: str, edit: str = "snowy", photo: str = "a.jpg") -> Subject:
    return Subject(photo, label, (edit, 0))


seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 12))
def test_similarity_is_the_cosine_of_the_features(seed: int, pairs: int) -> None:
    pictures = np.random.default_rng(seed).integers(0, 256, (2, pairs, 4, 4, 3), dtype=np.uint8)
    originals, edits = list(pictures[0]), list(pictures[1])
    before, after = (batch.mean(axis=(1, 2)) + 1e-3 for batch in pictures)
    expected = [
        float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        for a, b in zip(before, after, strict=True)
    ]
    assert similarities(means, originals, edits) == pytest.approx(expected, abs=2e-4)


def test_an_edit_below_the_limit_is_rejected_with_both_numbers() -> None:
    red, green = plain(200, 0, 0), plain(0, 200, 0)
    kept, rejected = SimilarityScreen(means, 0.7).judge([red, red], [red, green])
    assert (kept.keep, kept.score, kept.reason) == (True, 1.0, "")
    assert not rejected.keep
    assert rejected.reason == "similarity: cosine 0.00 below 0.70"


def test_one_original_of_several_edits_is_encoded_once() -> None:
    asked: list[int] = []

    def counting(pictures: Sequence[Image]) -> Features:
        asked.append(len(pictures))
        return means(pictures)

    one, other = plain(9, 9, 9), plain(1, 2, 3)
    found = similarities(counting, [one, one, other], [one, other, other])
    assert asked == [5]
    assert found[0] == found[2] == 1.0 > found[1]


@given(seeds, st.integers(2, 30), st.integers(2, 30))
def test_the_gaussian_of_a_class_is_the_mixture_of_its_own_and_the_pooled_one(
    seed: int, many: int, few: int
) -> None:
    features = {"many": drawn(seed, many), "few": drawn(seed + 1, few)}
    own = {}
    for label, rows in features.items():
        exact = rows.astype(np.float64)
        own[label] = [
            float(exact[i] @ exact[j]) for i in range(len(rows)) for j in range(i + 1, len(rows))
        ]
    mean = np.mean([np.mean(values) for values in own.values()])
    variance = np.mean([np.mean((np.array(values) - mean) ** 2) for values in own.values()])
    found = fit_gaussians(features)
    # Photos that are nearly copies of each other are given a spread of 0.01.
    assert found.pooled == pytest.approx((mean, max(0.01, np.sqrt(variance))), abs=2e-4)
    for label, values in own.items():
        weight = (len(features[label]) - 1) / (len(features[label]) + 7)
        # Second moments about zero mix by weight.
        first = weight * np.mean(values) + (1 - weight) * mean
        second = weight * np.mean(np.square(values)) + (1 - weight) * (variance + mean**2)
        sd = max(0.01, np.sqrt(second - first**2))
        assert found.of(label) == pytest.approx((first, sd), abs=2e-4)


def test_a_class_of_one_photo_has_the_pooled_gaussian() -> None:
    found = fit_gaussians({"many": drawn(0, 9), "one": drawn(1, 1), "none": drawn(2, 0)})
    assert found.of("one") == found.of("none") == found.of("unheard of") == found.pooled


def test_without_two_photos_of_any_class_there_is_one_clear_line() -> None:
    with pytest.raises(ScreenError, match="no class has two: turn it off"):
        fit_gaussians({"a": drawn(0, 1), "b": drawn(1, 1)})


@given(st.floats(-1, 1), st.floats(0.01, 0.5), st.floats(-1, 1))
def test_density_is_that_of_the_normal_distribution_below_the_mean_and_one_above(
    mean: float, sd: float, similarity: float
) -> None:
    expected = norm.pdf(min(similarity, mean), mean, sd) / norm.pdf(mean, mean, sd)
    assert Gaussian(mean, sd).density(similarity) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_each_class_is_judged_by_its_own_gaussian() -> None:
    gaussians = ClassGaussians({"alike": Gaussian(0.9, 0.02)}, Gaussian(0.3, 0.3))
    screen = DensityScreen(means, gaussians, 0.01)
    pair = [plain(200, 10, 10)], [plain(140, 140, 10)]
    (similarity,) = similarities(means, *pair)
    assert 0.6 < similarity < 0.8
    (alike,) = screen.judge_subjects(*pair, [subject("alike")])
    (other,) = screen.judge_subjects(*pair, [subject("other")])
    assert not alike.keep
    assert alike.reason == "density: share of the peak 0.000 below 0.010"
    assert (other.keep, other.score) == (True, 1.0)


def noise(seed: int) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize("batch", [1, 2, 3, 7])
def test_an_edit_that_an_earlier_prompt_made_is_a_duplicate_whatever_the_batches(
    batch: int,
) -> None:
    edits = [noise(0), noise(1), noise(0), noise(1), noise(2), noise(0), noise(0)]
    subjects = [subject("", name, "a.jpg") for name in "abcde"]
    subjects += [subject("", name, "b.jpg") for name in "ab"]
    screen = DuplicatesScreen()
    for _ in range(2):  # going through the same photos again changes nothing
        kept = [
            verdict.keep
            for k in range(0, 7, batch)
            for verdict in screen.judge_subjects(
                edits[k : k + batch], edits[k : k + batch], subjects[k : k + batch]
            )
        ]
        assert kept == [True, True, False, False, True, True, False]


def test_a_duplicate_is_rejected_with_its_difference() -> None:
    screen = DuplicatesScreen(DuplicateSettings(min_difference=3))
    edits = [plain(9, 9, 9), plain(11, 11, 11)]
    first, second = screen.judge_subjects(edits, edits, [subject("", "a"), subject("", "b")])
    assert (first.keep, first.score) == (True, 255.0)
    assert second.reason == "duplicates: difference 2.0 below 3.0"
