"""The plan fits into the time given, grows with it, and shrinks in the order that it states."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from genmix.errors import ExperimentError
from genmix.experiments.poc.plan import (
    BASELINE,
    FINAL,
    MIXING,
    PROMPTS,
    RESERVE,
    SHAPES,
    Machine,
    Plan,
    Shape,
    Task,
    make_plan,
    remaining,
    trim,
)

seconds = st.floats(1e-4, 3)


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    """Any machine."""
    return Machine(
        device="cpu",
        cpus=8,
        jobs=draw(st.integers(1, 8)),
        workers=draw(st.integers(1, 8)),
        step_seconds=draw(seconds),
        photo_seconds=draw(st.floats(1e-4, 0.2)),
        edit_seconds=draw(st.floats(1e-4, 0.2)),
        read_seconds=draw(st.floats(1e-4, 0.1)),
        start_seconds=draw(st.floats(0, 10)),
        load_seconds=draw(st.floats(0, 10)),
        crew_seconds=draw(st.floats(0, 10)),
    )


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    """Any photos."""
    classes = draw(st.integers(2, 30))
    return Task(
        photos=draw(st.integers(4 * classes, 100_000)),
        classes=classes,
        test=draw(st.none() | st.integers(10, 5000)),
        targets=draw(st.integers(0, 5000)),
        labelled=draw(st.booleans()),
        prompts=draw(st.integers(1, 12)),
        candidates=26,
        looks=4,
        batch_size=draw(st.sampled_from([16, 64])),
        weights=draw(st.sampled_from(["scratch", "fine-tune", "linear-probe"])),
        steps=draw(st.none() | st.integers(1, 500)),
    )


def planned(task: Task, machine: Machine, budget: float) -> Plan | None:
    try:
        return make_plan(task, machine, budget)
    except ExperimentError:
        return None


MACHINE = Machine("cpu", 2, 2, 2, 1.1, 0.006, 0.02, 0.006, 2.0, 1.0, 6.0)
PACS = Task(1670, 7, None, 2344, True, 6, 26, 4, 64, "fine-tune")


@pytest.mark.parametrize("shape", SHAPES)
def test_every_variant_of_an_edit_is_reckoned_with(shape: Shape) -> None:
    plan = planned(PACS, MACHINE, 36_000)
    assert plan is not None
    once, thrice = (replace(PACS, variants=number) for number in (1, 3))
    edits = plan.train_photos * shape.prompts * MACHINE.edit_seconds / MACHINE.workers
    more = remaining(plan, MACHINE, thrice, shape, {}) - remaining(plan, MACHINE, once, shape, {})
    assert more == pytest.approx(2 * edits)


def test_variants_make_stages_1_and_2_longer() -> None:
    once, thrice = (
        planned(replace(PACS, steps=60, variants=number), MACHINE, 36_000) for number in (1, 3)
    )
    assert once is not None
    assert thrice is not None
    assert (once.shape, once.train_photos) == (thrice.shape, thrice.train_photos)
    each = once.train_photos * MACHINE.edit_seconds / MACHINE.workers
    for stage, prompts in ((BASELINE, PACS.prompts), (PROMPTS, once.shape.prompts), (MIXING, 0)):
        more = thrice.seconds[stage] - once.seconds[stage]
        assert more == pytest.approx(2 * prompts * each)


@given(tasks(), machines(), st.floats(60, 50_000))
def test_no_plan_is_over_the_budget_less_its_reserve(
    task: Task, machine: Machine, budget: float
) -> None:
    plan = planned(task, machine, budget)
    assume(plan is not None)
    assert plan is not None
    assert plan.total_seconds <= budget * (1 - RESERVE) * (1 + 1e-9)
    assert plan.train_photos + plan.val_photos <= task.photos
    assert plan.val_photos >= 1
    assert plan.steps >= 1


@given(tasks(), machines(), st.floats(60, 50_000), st.floats(1, 5))
def test_more_time_never_means_fewer_seeds_candidates_or_photos(
    task: Task, machine: Machine, budget: float, more: float
) -> None:
    before, after = planned(task, machine, budget), planned(task, machine, budget * more)
    assume(before is not None)
    assert before is not None
    assert after is not None
    for key in Shape.__slots__:
        assert getattr(after.shape, key) >= getattr(before.shape, key)
    assert after.train_photos >= before.train_photos
    if (after.shape, after.train_photos) == (before.shape, before.train_photos):
        assert after.steps >= before.steps


@given(tasks(), machines(), st.floats(60, 50_000))
def test_time_that_was_spent_is_not_planned_with(
    task: Task, machine: Machine, budget: float
) -> None:
    plan = planned(task, machine, budget)
    assume(plan is not None)
    try:
        late = make_plan(task, machine, budget, spent=budget / 2)
    except ExperimentError:
        return
    assert late.total_seconds + budget / 2 <= budget * (1 - RESERVE) * (1 + 1e-9)


def test_no_number_falls_along_the_shapes() -> None:
    for before, after in pairwise(SHAPES):
        assert all(getattr(after, key) >= getattr(before, key) for key in Shape.__slots__)
        assert after != before


def test_half_an_hour_of_two_processors_gives_four_seeds_and_all_stages() -> None:
    plan = make_plan(PACS, MACHINE, 1800, spent=30)
    assert plan.shape.seeds >= 4
    assert plan.shape.prompts >= 2
    assert plan.shape.dials >= 1
    assert plan.train_photos >= 600
    assert plan.steps * PACS.batch_size >= 5 * plan.train_photos


def test_steps_that_the_user_gives_are_kept() -> None:
    assert make_plan(replace(PACS, steps=77), MACHINE, 3600).steps == 77


def test_far_too_little_time_is_refused_with_what_would_be_enough() -> None:
    with pytest.raises(ExperimentError, match=r"a budget of 1 min .* give --budget (\d+)m") as told:
        make_plan(PACS, MACHINE, 60)
    enough = int(str(told.value).split("--budget ")[1].split("m")[0])
    assert make_plan(PACS, MACHINE, 60 * enough).shape == SHAPES[0]
    assert planned(PACS, MACHINE, 60 * (enough - 1) - 1) is None


@given(st.floats(1, 20), st.floats(60, 3000))
def test_what_does_not_fit_any_more_is_dropped_in_the_order_of_the_shapes(
    slowness: float, left: float
) -> None:
    plan = make_plan(PACS, MACHINE, 3600)
    kept = trim(plan, MACHINE, PACS, {}, left, slowness)
    assert kept in SHAPES[: SHAPES.index(plan.shape) + 1]
    takes = slowness * remaining(plan, MACHINE, PACS, kept, {})
    assert takes <= left or kept == SHAPES[0]
    if kept != plan.shape:
        larger = SHAPES[SHAPES.index(kept) + 1]
        assert slowness * remaining(plan, MACHINE, PACS, larger, {}) > left


def test_nothing_is_dropped_while_all_goes_as_measured() -> None:
    plan = make_plan(PACS, MACHINE, 3600)
    left = plan.budget_seconds * 0.97
    assert trim(plan, MACHINE, PACS, {}, left, 1.0) == plan.shape


def test_what_is_done_is_not_counted_again() -> None:
    plan = make_plan(PACS, MACHINE, 3600)
    shape = plan.shape
    done = dict.fromkeys((BASELINE, PROMPTS, MIXING), 10**6)
    only_final = remaining(plan, MACHINE, PACS, shape, done)
    assert only_final < remaining(plan, MACHINE, PACS, shape, {BASELINE: 10**6})
    assert remaining(plan, MACHINE, PACS, shape, done | {FINAL: shape.seeds}) < only_final
