"""Means, paired differences and Holm's correction, against scipy and plain formulas."""

import math
from itertools import combinations
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from genmix.statistics import (
    Difference,
    best_other,
    differences_from,
    differences_from_best,
    holm,
    mean_of,
    seeds_to_show,
    wilson,
)

accuracies = st.floats(0, 1).map(lambda x: round(x, 4))
several = st.lists(accuracies, min_size=2, max_size=12)
p_values = st.lists(st.floats(0, 1), max_size=12)

# Student's t for 95 %, by degrees of freedom, from printed tables.
T_95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 9: 2.262}


@given(several)
def test_a_mean_has_the_t_interval_of_scipy(values: list[float]) -> None:
    assume(len(set(values)) > 1)
    found = mean_of(values)
    low, high = stats.t.interval(
        0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values)
    )
    assert found.count == len(values)
    assert found.value == pytest.approx(fmean(values))
    assert found.half_width is not None
    assert found.value - found.half_width == pytest.approx(low)
    assert found.value + found.half_width == pytest.approx(high)


@pytest.mark.parametrize("degrees", T_95)
def test_the_half_width_is_that_of_printed_tables(degrees: int) -> None:
    values = [0.5 + 0.01 * k**2 for k in range(degrees + 1)]
    expected = T_95[degrees] * stdev(values) / math.sqrt(len(values))
    assert mean_of(values).half_width == pytest.approx(expected, rel=3e-4)


@pytest.mark.parametrize("values", [[0.7], [0.7, 0.7], [0.1 + 0.2, 0.3, 0.3]])
def test_without_spread_there_is_no_interval(values: list[float]) -> None:
    assert mean_of(values).half_width is None


def test_there_is_no_mean_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        mean_of([])


@given(several, several)
def test_a_difference_is_scipys_paired_t_test(first: list[float], second: list[float]) -> None:
    count = min(len(first), len(second))
    assume(np.std(np.subtract(first[:count], second[:count])) > 1e-6)
    arm, reference = dict(enumerate(first)), dict(enumerate(second))
    found = differences_from({"arm": arm}, reference)["arm"]
    expected = stats.ttest_rel(first[:count], second[:count])
    interval = expected.confidence_interval(0.95)
    assert found.count == count
    assert found.p == pytest.approx(expected.pvalue, abs=1e-12)
    assert found.adjusted_p == found.p  # one comparison needs no correction
    assert found.half_width is not None
    assert found.value - found.half_width == pytest.approx(interval.low)
    assert found.value + found.half_width == pytest.approx(interval.high)


@given(several, st.data())
def test_alone_an_arm_is_better_where_its_interval_lies_above_zero(
    values: list[float], data: st.DataObject
) -> None:
    shifts = data.draw(st.lists(accuracies, min_size=len(values), max_size=len(values)))
    reference = dict(enumerate(values))
    arm = {seed: value + shifts[seed] - 0.5 for seed, value in reference.items()}
    for higher_is_better in (True, False):
        found = differences_from({"arm": arm}, reference, higher_is_better=higher_is_better)["arm"]
        if found.half_width is None or abs(abs(found.value) - found.half_width) < 1e-9:
            continue
        apart = abs(found.value) > found.half_width
        good = (found.value > 0) is higher_is_better
        assert found.verdict == (("better" if good else "worse") if apart else "no evidence")


def test_pairing_sees_what_the_spread_between_seeds_hides() -> None:
    reference = {0: 0.50, 1: 0.60, 2: 0.70, 3: 0.80}
    arm = {0: 0.521, 1: 0.619, 2: 0.721, 3: 0.819}
    found = differences_from({"arm": arm}, reference)["arm"]
    apart = mean_of(list(arm.values()))
    assert found.verdict == "better"
    assert apart.half_width is not None
    assert apart.half_width > 10 * found.value


def test_seeds_that_only_one_arm_has_do_not_count() -> None:
    found = differences_from({"arm": {1: 0.6, 2: 0.8, 9: 0.0}}, {0: 1.0, 1: 0.5, 2: 0.6})["arm"]
    assert found.count == 2
    assert found.value == pytest.approx(0.15)


def test_arms_without_a_common_seed_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="no seed in common"):
        differences_from({"arm": {1: 0.6}}, {0: 1.0})


@pytest.mark.parametrize("gain", [0.0, 0.25])
def test_equal_differences_have_no_interval_and_prove_nothing(gain: float) -> None:
    reference = {0: 0.5, 1: 0.625, 2: 0.25}
    arm = {seed: value + gain for seed, value in reference.items()}
    found = differences_from({"arm": arm}, reference)["arm"]
    assert (found.half_width, found.p, found.adjusted_p) == (None, None, None)
    assert found.verdict == "no evidence"
    assert found.value == gain


def test_one_seed_proves_nothing() -> None:
    found = differences_from({"arm": {0: 0.9}}, {0: 0.1})["arm"]
    assert (found.half_width, found.verdict) == (None, "no evidence")


@given(p_values)
def test_holm_is_the_step_down_of_bonferroni(values: list[float]) -> None:
    found = holm(values)
    # The definition by rejection: at level a, hypotheses are rejected from the smallest p on as
    # long as each is at most a / (how many are left).
    for level in (0.01, 0.05, 0.2):
        rejected = set()
        for rank, k in enumerate(sorted(range(len(values)), key=values.__getitem__)):
            if values[k] * (len(values) - rank) > level:
                break
            rejected.add(k)
        assert {k for k, p in enumerate(found) if p <= level} == rejected


@given(p_values)
def test_holm_lies_between_the_value_and_bonferroni(values: list[float]) -> None:
    for p, adjusted in zip(values, holm(values), strict=True):
        assert p <= adjusted <= min(1.0, len(values) * p)


def test_holm_on_the_textbook_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_several_arms_are_corrected_together() -> None:
    rng = np.random.default_rng(0)
    reference = dict(enumerate(rng.normal(0.5, 0.02, 5).tolist()))
    arms = {
        name: {seed: value + gain + float(rng.normal(0, 0.02)) for seed, value in reference.items()}
        for name, gain in (("a", 0.03), ("b", 0.0), ("c", 0.2))
    }
    found = differences_from(arms, reference)
    p = [each.p for each in found.values() if each.p is not None]
    assert [each.adjusted_p for each in found.values()] == holm(p)
    assert found["c"].verdict == "better"


def test_a_comparison_without_a_p_still_counts_as_one_of_them() -> None:
    reference = {0: 0.50, 1: 0.60, 2: 0.70}
    arms = {"same": reference, "arm": {0: 0.521, 1: 0.619, 2: 0.723}}
    found = differences_from(arms, reference)
    alone = differences_from({"arm": arms["arm"]}, reference)["arm"]
    assert alone.p is not None
    assert found["arm"].adjusted_p == pytest.approx(2 * alone.p)


def test_the_best_other_arm_is_by_mean_and_never_the_arm_itself() -> None:
    arms = {"low": {0: 0.1, 1: 0.3}, "mid": {0: 0.5, 1: 0.5}, "top": {0: 0.9, 1: 0.8}}
    assert best_other(arms, "low") == "top"
    assert best_other(arms, "top") == "mid"
    assert best_other(arms, "mid", higher_is_better=False) == "low"
    found = differences_from_best(arms)
    assert {name: rival for name, (rival, _) in found.items()} == {
        "low": "top", "mid": "top", "top": "mid",
    }  # fmt: skip
    assert found["top"][1].value == pytest.approx(0.35)
    assert found["low"][1].value == pytest.approx(-0.65)


def test_the_best_other_arm_is_corrected_for_all_pairs_as_the_numbers_choose_it() -> None:
    rng = np.random.default_rng(3)
    arms = {
        name: dict(enumerate(rng.normal(k / 5, 0.2, 5).tolist())) for k, name in enumerate("abcd")
    }
    pairs = list(combinations("abcd", 2))
    p = [
        stats.ttest_rel(list(arms[one].values()), list(arms[two].values())).pvalue
        for one, two in pairs
    ]
    expected = dict(zip(map(frozenset, pairs), holm(p), strict=True))
    found = differences_from_best(arms)
    for name, (rival, difference) in found.items():
        assert difference.adjusted_p == pytest.approx(expected[frozenset((name, rival))])
    assert (found["d"][0], found["c"][0]) == ("c", "d")
    assert found["d"][1] == found["c"][1].reversed()


def test_of_two_arms_the_best_other_is_judged_as_a_reference_is() -> None:
    arms = {"one": {0: 0.5, 1: 0.6, 2: 0.7}, "two": {0: 0.6, 1: 0.72, 2: 0.83}}
    assert (
        differences_from_best(arms)["two"][1]
        == differences_from({"two": arms["two"]}, arms["one"])["two"]
    )


def test_one_arm_has_no_other() -> None:
    assert differences_from_best({"only": {0: 0.5}}) == {}


def test_equal_arms_are_rarely_called_different() -> None:
    rng = np.random.default_rng(0)
    trials, wrong = 400, 0
    for _ in range(trials):
        reference = dict(enumerate(rng.normal(0, 1, 5).tolist()))
        arms = {name: dict(enumerate(rng.normal(0, 1, 5).tolist())) for name in "abc"}
        found = differences_from(arms, reference)
        wrong += any(each.verdict != "no evidence" for each in found.values())
    assert wrong / trials < 0.08  # 5 % is promised; 8 % lies almost three standard errors above


@given(st.integers(1, 3000), st.data())
def test_the_interval_of_a_share_is_that_of_scipy(count: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, count))
    expected = stats.binomtest(hits, count).proportion_ci(0.95, method="wilson")
    assert wilson(hits / count, count) == pytest.approx((expected.low, expected.high), abs=1e-9)


def seen(effect: float, count: int) -> Difference:
    """Return a difference of so many standard deviations, 0.02 each."""
    half_width = 0.02 * float(stats.t.ppf(0.975, count - 1)) / math.sqrt(count)
    return Difference(count, 0.02 * effect, half_width, None, None, "no evidence")


@pytest.mark.parametrize(("effect", "seeds"), [(0.5, 34), (0.8, 15), (1.0, 10)])
def test_the_seeds_that_show_an_effect_are_those_of_printed_tables(
    effect: float, seeds: int
) -> None:
    """Cohen's d and sample sizes for 80 % power of a two-sided paired t test at 0.05."""
    assert seeds_to_show(seen(effect, 4), 1, at_most=40) == seeds
    assert seeds_to_show(seen(-effect, 4), 1, at_most=40) == seeds
    assert seeds_to_show(seen(effect, 4), 1, at_most=seeds - 1) is None


def test_seeds_for_several_comparisons_show_the_effect_in_four_of_five_experiments() -> None:
    seeds = seeds_to_show(seen(1.2, 5), 5, at_most=40)
    assert seeds is not None
    rng = np.random.default_rng(0)
    for count, enough in ((seeds, True), (seeds - 1, False)):
        drawn = rng.normal(1.2, 1.0, (50_000, count))
        shown = float(np.mean(stats.ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.05 / 5))
        assert (shown > 0.798) is enough


def test_seeds_to_show_are_more_than_there_are_and_need_an_interval() -> None:
    assert seeds_to_show(seen(9.0, 5), 1, at_most=40) == 6
    with pytest.raises(ValueError, match="spread"):
        seeds_to_show(Difference(1, 0.1, None, None, None, "no evidence"), 1, at_most=9)
