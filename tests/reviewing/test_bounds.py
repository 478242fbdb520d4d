import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from genmix.reviewing import at_most, rate_of, sample_size

CONFIDENCE = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@st.composite
def seen(draw: st.DrawFn) -> tuple[int, int]:
    checked = draw(st.integers(1, 400))
    return draw(st.integers(0, checked)), checked


def test_fifty_nine_good_ones_show_that_fewer_than_five_percent_are_bad() -> None:
    assert sample_size(0.05) == 59
    assert at_most(0, 59) < 0.05 < at_most(0, 58)
    assert at_most(1, 59) == pytest.approx(0.0779, abs=5e-5)


@given(seen(), CONFIDENCE)
def test_the_interval_is_that_of_clopper_and_pearson(
    numbers: tuple[int, int], confidence: float
) -> None:
    bad, checked = numbers
    exact = stats.binomtest(bad, checked).proportion_ci(confidence, "exact")
    rate = rate_of(bad, checked, confidence)
    assert (rate.low, rate.high) == pytest.approx((exact.low, exact.high), abs=1e-8)
    one_sided = stats.binomtest(bad, checked, alternative="less").proportion_ci(confidence, "exact")
    assert at_most(bad, checked, confidence) == pytest.approx(one_sided.high, abs=1e-8)


@given(seen(), st.integers(0, 500), CONFIDENCE)
def test_of_a_finite_whole_the_bound_is_the_last_count_that_is_credible(
    numbers: tuple[int, int], more: int, confidence: float
) -> None:
    bad, checked = numbers
    population = checked + more
    counts = np.arange(bad, population - (checked - bad) + 1)
    credible = counts[stats.hypergeom.cdf(bad, population, counts, checked) > 1 - confidence]
    bound = at_most(bad, checked, confidence, population=population)
    assert bound * population == pytest.approx(credible.max())


def test_whoever_looked_at_everything_knows() -> None:
    assert at_most(3, 200, population=200) == 3 / 200
    assert sample_size(0.05, population=5) == 5


def test_the_bound_of_a_large_whole_is_that_of_an_endless_one() -> None:
    assert at_most(2, 300, population=10_000_000) == pytest.approx(at_most(2, 300), abs=1e-4)
    assert sample_size(0.01, population=10_000_000) == sample_size(0.01) == 299


@given(st.floats(0.01, 0.9), CONFIDENCE, st.integers(0, 5), st.none() | st.integers(200, 5000))
def test_the_sample_is_just_large_enough(
    rate: float, confidence: float, bad: int, population: int | None
) -> None:
    if population is not None and math.ceil(Fraction(rate) * population) <= bad:
        with pytest.raises(ValueError, match="already"):
            sample_size(rate, confidence, bad=bad, population=population)
        return
    size = sample_size(rate, confidence, bad=bad, population=population)
    assert at_most(bad, size, confidence, population=population) < rate + 1e-9
    if size - 1 > bad:
        assert at_most(bad, size - 1, confidence, population=population) >= rate - 1e-9


def test_the_bound_holds_as_often_as_it_promises() -> None:
    rate, checked = 0.06, 100
    held = sum(
        stats.binom.pmf(bad, checked, rate)
        for bad in range(checked + 1)
        if at_most(bad, checked) >= rate
    )
    assert held >= 0.95


@pytest.mark.parametrize(
    ("bad", "checked", "population", "message"),
    [
        (2, 1, None, "2 bad of 1 checked cannot be"),
        (-1, 1, None, "-1 bad of 1"),
        (0, 3, 2, "3 cannot be drawn of 2"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(
    bad: int, checked: int, population: int | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        at_most(bad, checked, population=population)


def test_confidence_and_rate_lie_between_0_and_1() -> None:
    with pytest.raises(ValueError, match="confidence"):
        sample_size(0.05, 1.0)
    with pytest.raises(ValueError, match="rate"):
        sample_size(1.0)
    with pytest.raises(ValueError, match="nothing to draw from"):
        sample_size(0.05, population=0)


def test_nothing_seen_says_nothing() -> None:
    rate = rate_of(0, 0)
    assert (rate.low, rate.high) == (0, 1)
    assert at_most(0, 0, population=100) == 1
