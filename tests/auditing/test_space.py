"""Diversity and distances agree with their definitions written out in another way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, stats

from genmix.auditing.space import Cloud, Reference, diversity, frechet, vendi
from genmix.screening.features import Features

_seeds = st.integers(0, 2**32 - 1)


def unit(rows: np.ndarray) -> Features:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def drawn(seed: int, count: int, size: int, towards: float = 0.0) -> Features:
    rows = np.random.default_rng(seed).normal(size=(count, size))
    rows[:, 0] += towards
    return unit(rows)


def cloud(features: Features, first: int = 0) -> Cloud:
    return Cloud(features, np.arange(first, first + len(features)))


@given(_seeds, st.integers(3, 20))
def test_the_vendi_score_is_the_entropy_of_the_singular_values(seed: int, count: int) -> None:
    rows = drawn(seed, count, 6).astype(np.float64)
    shares = np.linalg.svd(rows / np.sqrt(count), compute_uv=False) ** 2
    assert vendi(rows @ rows.T) == pytest.approx(np.exp(stats.entropy(shares)), rel=1e-6)


def test_the_vendi_score_counts_what_has_nothing_in_common() -> None:
    assert vendi(np.eye(7)) == pytest.approx(7)
    assert vendi(np.ones((7, 7))) == pytest.approx(1)
    assert vendi(np.eye(3).repeat(4, axis=0).repeat(4, axis=1)) == pytest.approx(3)


@given(_seeds, st.integers(12, 40), st.integers(12, 40))
def test_the_frechet_distance_is_that_with_the_root_of_the_product_of_covariances(
    seed: int, n: int, m: int
) -> None:
    one, other = drawn(seed, n, 4), drawn(seed + 1, m, 4, towards=1)
    a, b = np.cov(one.astype(np.float64).T), np.cov(other.astype(np.float64).T)
    means = one.mean(axis=0, dtype=np.float64) - other.mean(axis=0, dtype=np.float64)
    root = linalg.sqrtm(a @ b).real
    expected = means @ means + np.trace(a + b - 2 * root)
    assert frechet(one, other) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert frechet(one, one) == pytest.approx(0, abs=1e-6)


def discrepancy(one: Cloud, other: Cloud) -> float:
    """The unbiased estimate, pair by pair."""

    def mean(a: Cloud, b: Cloud) -> float:
        values = [
            np.exp(-np.square(x - y).sum() / width)
            for x, i in zip(a.features.astype(float), a.owners, strict=True)
            for y, j in zip(b.features.astype(float), b.owners, strict=True)
            if i != j
        ]
        return float(np.mean(values))

    rows = other.features.astype(float)
    apart = other.owners[:, None] != other.owners
    squares = np.square(rows[:, None] - rows).sum(axis=2)
    width = float(np.median(squares[apart]))
    return mean(one, one) + mean(other, other) - 2 * mean(one, other)


@given(_seeds)
def test_the_discrepancy_leaves_out_pairs_of_one_photo(seed: int) -> None:
    photos = cloud(drawn(seed, 8, 3))
    made = Cloud(drawn(seed + 1, 12, 3, towards=1), np.arange(12) % 6)
    assert Reference(photos).distance(made).value == pytest.approx(
        discrepancy(made, photos), abs=1e-5
    )


def test_the_discrepancy_of_the_same_distribution_is_nothing_whatever_the_number() -> None:
    for count in (10, 40):
        found = [
            Reference(cloud(drawn(seed, 40, 3), 100)).distance(cloud(drawn(seed + 500, count, 3)))
            for seed in range(60)
        ]
        values = np.array([each.value for each in found])
        assert abs(values.mean()) < 3 * values.std() / np.sqrt(len(values))
        inside = [each.estimate() for each in found]
        held = sum((e.low or 0) <= 0 <= (e.high or 0) for e in inside)
        assert held >= 52


def test_leaving_a_photo_out_is_measuring_without_its_pictures() -> None:
    features = drawn(0, 12, 3)
    owners = np.arange(12) // 2
    reference = cloud(drawn(1, 9, 3), 100)
    whole = Reference(reference).distance(Cloud(features, owners))
    without = Reference(reference).distance(Cloud(features[owners != 3], owners[owners != 3]))
    assert whole.without(3) == pytest.approx(without.value)
    assert whole.without(None) == whole.value


def test_pictures_of_the_target_are_nearer_to_it_than_the_photos() -> None:
    target = Reference(cloud(drawn(0, 80, 5, towards=3), 1000))
    start = target.distance(cloud(drawn(1, 60, 5)))
    near = target.distance(cloud(drawn(2, 60, 5, towards=3))).closer_than(start)
    half = target.distance(cloud(drawn(3, 60, 5, towards=1))).closer_than(start)
    away = target.distance(cloud(drawn(4, 60, 5, towards=-1))).closer_than(start)
    assert near is not None
    assert half is not None
    assert away is not None
    assert near.low is not None
    assert near.low > 0.8
    assert near.value > half.value > 0 > away.value
    assert away.high is not None
    assert away.high < 0
    assert target.distance(target.cloud).closer_than(target.distance(target.cloud)) is None


def test_a_set_is_as_diverse_as_the_photos_it_is_of() -> None:
    rows = np.eye(6, dtype=np.float32)
    apart = diversity(cloud(rows))
    assert (apart.spread, apart.nearest, apart.vendi) == pytest.approx((1, 1, 6))
    # Two pictures of each photo, equal to each other, are not compared with each other.
    twice = diversity(Cloud(np.repeat(rows, 2, axis=0), np.repeat(np.arange(6), 2)))
    assert (twice.pictures, twice.spread, twice.nearest) == pytest.approx((12, 1, 1))
    assert twice.vendi == pytest.approx(6)


@given(_seeds, st.integers(1, 30))
def test_a_draw_takes_pictures_of_as_many_photos_as_it_can(seed: int, count: int) -> None:
    whole = Cloud(drawn(0, 24, 3), np.arange(24) // 3)
    taken = whole.take(count, np.random.default_rng(seed))
    assert len(taken) == min(count, 24)
    assert len(set(taken.owners.tolist())) == min(count, 8)
    assert (np.diff(taken.owners) >= 0).all()
