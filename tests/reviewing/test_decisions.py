from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genmix.errors import ReviewError
from genmix.reviewing import Filter, Store, Verdict, count, decide, find, history, page, undo
from genmix.reviewing.status import status_of
from tests.reviewing.outputs import row, write_output

SAID = st.lists(
    st.sampled_from(
        [("accept", None), ("reject", None), ("label-wrong", None), ("label-wrong", "bee")]
    )
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(write_output(tmp_path / "out", [row(k) for k in range(6)])) as store:
        yield store


def say(store: Store, who: str, verdict: Verdict, number: int = 0, **more: str) -> str:
    item = page(store)[number]
    return decide(store, who, item.output, item.output_sha256, verdict, **more).status


@given(SAID)
def test_the_majority_decides_and_without_one_it_is_disputed(
    said: list[tuple[Verdict, str | None]],
) -> None:
    status, label = status_of(said)
    words = {"accepted": "accept", "rejected": "reject", "label-wrong": "label-wrong"}
    if status in words:
        assert said.count((words[status], label)) > len(said) / 2  # type: ignore[arg-type]
    else:
        assert all(2 * said.count(one) <= len(said) for one in said)
        assert status == ("disputed" if said else "undecided")
    assert status_of(said[::-1]) == (status, label)


def test_reviewers_stand_beside_each_other_until_a_third_decides(store: Store) -> None:
    assert say(store, "anna", "accept") == "accepted"
    assert say(store, "ben", "reject", reason="hands") == "disputed"
    assert say(store, "eve", "reject") == "rejected"
    assert say(store, "ben", "accept") == "accepted"
    output = page(store)[0].output
    assert [(d.reviewer, d.verdict, d.reason, d.stands) for d in history(store, output)] == [
        ("anna", "accept", "", True),
        ("ben", "reject", "hands", False),
        ("eve", "reject", "", True),
        ("ben", "accept", "", True),
    ]
    assert find(store, output).reviewers == 3


def test_a_wrong_label_goes_with_the_class_that_it_should_be(store: Store) -> None:
    say(store, "anna", "label-wrong", label="bee")
    assert page(store)[0].better_label == "bee"
    assert say(store, "ben", "label-wrong", label="cat") == "disputed"
    assert say(store, "ben", "label-wrong", label="bee") == "label-wrong"


def test_undoing_goes_back_step_by_step_and_is_written_down_too(store: Store) -> None:
    say(store, "anna", "accept")
    say(store, "anna", "reject")
    say(store, "ben", "accept")
    say(store, "anna", "accept", 1)
    steps = [undo(store, "anna", client="test") for _ in range(4)]
    first, second = (item.output for item in page(store)[:2])
    assert [(item.output, item.status) for item in steps if item] == [
        (second, "undecided"),
        (first, "accepted"),
        (first, "accepted"),
    ]
    assert steps[3] is None
    assert [d.verdict for d in history(store, first)] == [
        "accept", "reject", "accept", "undo", "undo",
    ]  # fmt: skip
    assert [d.stands for d in history(store, first)] == [False, False, True, False, False]
    assert history(store, first)[-1].client == "test"
    assert undo(store, "ben") == find(store, first)
    assert find(store, first).status == "undecided"


def test_one_picture_can_be_undone_though_another_came_after(store: Store) -> None:
    say(store, "anna", "reject", 0)
    say(store, "anna", "reject", 1)
    first, second = (item.output for item in page(store)[:2])
    undone = undo(store, "anna", output=first)
    assert undone is not None
    assert (undone.output, undone.status, find(store, second).status) == (
        first, "undecided", "rejected",
    )  # fmt: skip


def test_saying_the_same_again_adds_nothing(store: Store) -> None:
    for _ in range(3):
        say(store, "anna", "reject", reason="blurred")
    output = page(store)[0].output
    assert len(history(store, output)) == 1
    undo(store, "anna")
    assert find(store, output).status == "undecided"


def test_a_name_is_one_person_however_it_is_spaced(store: Store) -> None:
    say(store, " Anna \t B", "accept")
    say(store, "Anna B", "reject")
    assert [d.stands for d in history(store, page(store)[0].output)] == [False, True]
    assert count(store, Filter(unseen_by="Anna B")) == 5


def test_a_picture_that_was_made_anew_meanwhile_is_not_judged_unseen(store: Store) -> None:
    seen = page(store)[0]
    decide(store, "ben", seen.output, seen.output_sha256, "reject")
    rows = [row(k) for k in range(6)]
    rows[0] |= {"output_sha256": "f" * 64}
    write_output(store.out, rows)
    with pytest.raises(ReviewError, match="was made anew since it was shown: look at it again"):
        decide(store, "anna", seen.output, seen.output_sha256, "accept")
    assert find(store, seen.output).status == "undecided"
    assert history(store, seen.output) == []
    assert undo(store, "ben") is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"reviewer": " \n"}, "a reviewer's name has 1 to 80 characters, not 0"),
        ({"reviewer": "x" * 81}, "not 81"),
        ({"reason": "x" * 2001}, "a reason has 0 to 2,000 characters, not 2,001"),
        ({"client": "x" * 201}, "a client has"),
        ({"verdict": "rejct"}, "there is no verdict 'rejct'; did you mean 'reject'?"),
        ({"output": "images/ant/9.jpg"}, "there is no picture images/ant/9.jpg"),
        ({"label": "bee"}, "a class goes with label-wrong only, not with accept"),
        ({"verdict": "label-wrong", "label": "be"}, "no class 'be' in this output; did you mean"),
        ({"verdict": "label-wrong", "label": "ant"}, "is of the class 'ant' already"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_written(
    store: Store, values: dict[str, str], message: str
) -> None:
    item = page(store)[0]
    given = {"reviewer": "anna", "output": item.output, "verdict": "accept"} | values
    with pytest.raises(ReviewError, match=message):
        decide(store, output_sha256=item.output_sha256, **given)  # type: ignore[arg-type]
    assert history(store, item.output) == []
