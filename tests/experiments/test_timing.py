"""The time that is left: from what was measured, whatever came before and beside it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genmix.experiments.running import FINISHED, TRAINING, Status
from genmix.experiments.timing import TimeLeft

STEPS = 10


def tell(left: TimeLeft, run: int, start: float, a_step: float, *, job: int = 0, done: int = 0,
         until: int = STEPS, judging: float = 0.0) -> float:  # fmt: skip
    """Tell of a run from its first step of this time on, and return when it was at an end."""
    status = Status(run, 9, "arm", TRAINING, steps=STEPS, job=job)
    now = start
    for step in range(done + 1, until + 1):
        now += a_step
        left.note(replace(status, step=step), now)
    if until == STEPS:
        now += judging
        left.note(replace(status, stage=FINISHED), now)
    return now


@given(
    start=st.floats(0, 1000),
    a_step=st.floats(0.01, 10),
    judging=st.floats(0, 100),
    runs=st.integers(2, 20),
)
def test_what_takes_time_once_is_not_counted(
    start: float, a_step: float, judging: float, runs: int
) -> None:
    left = TimeLeft(dict.fromkeys(range(runs), "arm"), 1)
    assert left.seconds(0) is None
    first = start + tell(left, 0, start, a_step, judging=judging) - start
    takes = STEPS * a_step + judging
    assert left.seconds(first) == pytest.approx((runs - 1) * takes, rel=1e-3, abs=1e-6)
    now = tell(left, 1, first, a_step, until=5)
    assert left.seconds(now) == pytest.approx((runs - 1) * takes - 5 * a_step, rel=1e-3, abs=1e-6)


def test_runs_side_by_side_share_the_time_and_the_last_one_has_its_own() -> None:
    left = TimeLeft(dict.fromkeys(range(6), "arm"), 2)
    tell(left, 1, 0, 1.0, job=1, until=9)
    now = tell(left, 0, 0, 1.0)
    assert left.seconds(now) == pytest.approx((4 * 10 + 0) / 2)
    now = tell(left, 1, 0, 1.0, job=1)
    for run, job in ((2, 0), (3, 1), (4, 0)):
        now = tell(left, run, 10 if run < 4 else 20, 1.0, job=job)
    assert left.seconds(now) == pytest.approx(10)
    assert tell(left, 5, now, 1.0) == now + 10
    assert left.seconds(now + 10) == 0


def test_a_run_that_was_gone_on_with_counts_as_a_whole_one() -> None:
    left = TimeLeft({1: "arm", 2: "arm"}, 1)
    now = tell(left, 1, 0, 2.0, done=7)
    assert left.seconds(now) == pytest.approx(10 * 2.0)


def test_each_arm_takes_as_long_as_it_did_and_an_unknown_one_as_the_others() -> None:
    left = TimeLeft({1: "plain", 2: "slow", 3: "plain", 4: "slow", 5: "new"}, 1)
    now = tell(left, 1, 0, 1.0)
    assert left.seconds(now) == pytest.approx(4 * 10)
    now = tell(left, 2, now, 4.0)
    assert left.seconds(now) == pytest.approx(10 + 40 + 25)


def test_a_run_that_takes_longer_than_the_others_leaves_no_less_than_nothing() -> None:
    left = TimeLeft({1: "arm", 2: "arm"}, 1)
    now = tell(left, 1, 0, 1.0)
    now = tell(left, 2, now, 5.0, until=9)
    assert left.seconds(now) == 0
