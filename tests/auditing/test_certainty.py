"""Intervals and tests agree with SciPy's, and count photos where the edits of one share a fate."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from genmix.auditing.certainty import (
    Estimate,
    Outcomes,
    difference,
    jackknifed,
    mean,
    mean_difference,
    rejection_p,
    shift_p,
    t_quantile,
)

_values = st.lists(st.floats(-100, 100), min_size=5, max_size=30).filter(
    lambda values: np.std(values) > 1e-3
)


def single(rejected: int, of: int) -> Outcomes:
    """Photos of one edit each."""
    return Outcomes(Counter({(1, 1): rejected, (1, 0): of - rejected}))


@given(st.floats(2, 1e6))
def test_the_quantile_of_students_t_is_within_a_hundredth(freedom: float) -> None:
    assert t_quantile(freedom) == pytest.approx(float(stats.t.ppf(0.975, freedom)), rel=0.01)


@given(_values)
def test_the_interval_of_a_mean_is_students(values: list[float]) -> None:
    found = mean(values)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    reach = (high - low) / 2
    assert found.low == pytest.approx(low, abs=0.01 * reach)
    assert found.high == pytest.approx(high, abs=0.01 * reach)


@given(_values, _values)
def test_the_interval_of_a_difference_is_welchs(one: list[float], other: list[float]) -> None:
    found = mean_difference(np.array(one), np.array(other))
    expected = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    reach = (expected.high - expected.low) / 2
    assert found.low == pytest.approx(expected.low, abs=0.01 * reach)
    assert found.high == pytest.approx(expected.high, abs=0.01 * reach)


def test_too_few_values_have_no_interval() -> None:
    assert mean([1.0, 2.0]) == Estimate(1.5)
    assert mean_difference(np.array([1.0, 2.0]), np.arange(9.0)).low is None
    assert jackknifed(1.0, np.array([1.0, 1.1])) == Estimate(1.0)


def test_the_jackknife_of_a_mean_is_its_t_interval() -> None:
    values = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0])
    left_out = np.array([np.delete(values, k).mean() for k in range(len(values))])
    found, expected = jackknifed(float(values.mean()), left_out), mean(values)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_the_interval_of_a_difference_of_rates_is_newcombes() -> None:
    # The first example of Newcombe 1998, table II, method 10.
    found = difference(single(56, 70), single(48, 80))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_edits_that_share_their_photos_fate_count_as_one() -> None:
    together = Outcomes(Counter({(10, 10): 20, (10, 0): 80}))
    assert together.effective == pytest.approx(100, rel=0.02)
    apart = Outcomes()
    rng = np.random.default_rng(0)
    for rejected in rng.binomial(10, 0.2, 400).tolist():
        apart.add(10, rejected)
    assert apart.effective == pytest.approx(4000, rel=0.2)


@given(st.integers(0, 3), st.integers(20, 200))
def test_few_rejections_do_not_pass_for_knowledge_of_how_alike_edits_are(
    rejected: int, photos: int
) -> None:
    found = Outcomes(Counter({(9, 1): rejected, (9, 0): photos - rejected}))
    assert photos <= found.effective < 2.5 * photos
    rate = found.rate()
    assert rate.low is not None
    assert rate.low <= rejected / (9 * photos)


def test_the_interval_of_a_rate_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        found = Outcomes()
        for rejected in rng.binomial(6, rng.beta(1, 4, 60)).tolist():
            found.add(6, rejected)
        rate = found.rate()
        assert rate.low is not None
        assert rate.high is not None
        held += rate.low <= 0.2 <= rate.high
    assert 0.92 <= held / 400 <= 0.985


@pytest.mark.parametrize(
    ("part", "rest"), [((5, 20), (10, 80)), ((9, 30), (4, 40)), ((2, 9), (2, 9))]
)
def test_with_one_edit_a_photo_the_test_is_the_exact_one(
    part: tuple[int, int], rest: tuple[int, int]
) -> None:
    (a, n), (b, m) = part, rest
    hits = np.arange(0, a + b + 1)
    gaps = np.abs(hits / n - (a + b - hits) / m)
    chances = stats.hypergeom.pmf(hits, n + m, a + b, n)
    exact = float(chances[gaps >= abs(a / n - b / m) - 1e-12].sum())
    found = rejection_p(single(*part), single(*rest), np.random.default_rng(0), 50_000)
    assert found == pytest.approx(exact, abs=0.01)


def test_the_test_of_rates_is_a_shuffle_of_photos() -> None:
    part = [(3, 3), (3, 2), (2, 0), (3, 1), (1, 1)]
    rest = [(3, 0), (3, 1), (3, 0), (3, 3), (3, 0), (2, 1), (1, 0), (3, 0)]

    def gap(one: np.ndarray, other: np.ndarray) -> float:
        return float(abs(one[1].sum() / one[0].sum() - other[1].sum() / other[0].sum()))

    both = np.array(part + rest).T
    rng, reached = np.random.default_rng(2), 0
    seen = gap(both[:, :5], both[:, 5:])
    for _ in range(5000):
        order = rng.permutation(len(both.T))
        reached += gap(both[:, order[:5]], both[:, order[5:]]) >= seen - 1e-12
    expected = (reached + 1) / 5001
    found = rejection_p(Outcomes(Counter(part)), Outcomes(Counter(rest)), rng, 20_000)
    assert found == pytest.approx(expected, abs=0.02)


def test_where_all_photos_fared_alike_there_is_nothing_to_find() -> None:
    rng = np.random.default_rng(0)
    assert rejection_p(single(0, 20), single(0, 30), rng, 99) == 1


def test_the_test_of_shifts_is_scipys_permutation_test() -> None:
    rng = np.random.default_rng(3)
    values, members = rng.normal(size=(24, 2)), np.array([0] * 9 + [1] * 15)
    values[:9, 0] += 0.9
    found = shift_p(values, members, rng, 20_000)
    for measure in (0, 1):
        expected = stats.permutation_test(
            (values[:9, measure], values[9:, measure]),
            lambda one, other: abs(one.mean() - other.mean()),
            n_resamples=20_000,
            alternative="greater",
            rng=rng,
        ).pvalue
        # Of two parts, each is the other's rest.
        assert found[:, measure] == pytest.approx([expected] * 2, abs=0.02)
