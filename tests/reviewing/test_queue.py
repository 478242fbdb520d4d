import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genmix.errors import ReviewError
from genmix.reviewing import (
    Filter,
    Item,
    Store,
    count,
    counts,
    decide,
    find,
    following,
    page,
    preceding,
    queue,
    release,
    score_ranges,
    take,
)
from tests.reviewing.outputs import row, write_output


def walk(store: Store, wanted: Filter) -> list[Item]:
    """Go through a queue picture by picture."""
    items = []
    item = following(store, None, wanted)
    while item is not None:
        items.append(item)
        item = following(store, item.output, wanted)
    return items


def test_what_a_screen_was_nearest_to_refusing_comes_first(tmp_path: Path) -> None:
    rows = [row(k) for k in range(6)]
    rows[2] |= {"screen_structure": 0.27}  # the limit is 0.25
    rows[4] |= {"screen_blank": 4.1}  # the limit is 4, far below the median of 40
    rows[5] |= {"screen_blank": None, "screen_structure": math.nan}
    with Store(write_output(tmp_path, rows)) as store:
        items = page(store)
        by_number = {int(item.source[4:8]): item for item in items}
        assert [int(item.source[4:8]) for item in items] == [4, 2, 0, 3, 1, 5]
        assert (by_number[4].cause, by_number[2].cause) == ("blank", "structure")
        assert by_number[4].doubt == pytest.approx(1 / (1 + 0.1 / 4), abs=1e-6)
        assert by_number[0].doubt == pytest.approx(1 / (1 + 0.65 / 0.25), abs=1e-6)
        assert (by_number[5].doubt, by_number[5].cause) == (0, "")
        assert by_number[2].scores == pytest.approx({"blank": 40, "structure": 0.27})
        assert score_ranges(store)["blank"] == pytest.approx((4.1, 40))


def test_equals_stand_in_the_order_of_their_names_whatever_the_manifest_has(tmp_path: Path) -> None:
    rows = [row(k) for k in range(30)]
    with Store(write_output(tmp_path / "one", rows)) as store:
        one = [item.output for item in page(store, size=30)]
    with Store(write_output(tmp_path / "two", rows[::-1])) as store:
        assert [item.output for item in page(store, size=30)] == one == sorted(one)


def test_only_made_pictures_are_shown(tmp_path: Path) -> None:
    rows = [
        row(0, kind="original", prompt=None, variant=None),
        row(1, decision="rejected", reason="blank: …", output=None, output_sha256=None),
        row(2, decision="failed", reason="unreadable", output=None, prompt=None),
        row(3),
    ]
    with Store(write_output(tmp_path, rows)) as store:
        assert [item.source for item in page(store)] == ["ant/0003.jpg"]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Ninety pictures of which some have been judged; tests leave it as it is."""
    rows = [
        row(k, screen_blank=5.0 + k * 37 % 90, screen_structure=0.3 + k * 11 % 70 / 100)
        for k in range(90)
    ]
    with Store(write_output(tmp_path_factory.mktemp("many"), rows)) as store:
        for k, item in enumerate(page(store, size=90)):
            if k % 4 == 0:
                decide(store, "anna", item.output, item.output_sha256, "accept")
            if k % 6 == 0:
                decide(store, "ben", item.output, item.output_sha256, "reject")
        yield store


FILTERS = st.builds(
    Filter,
    labels=st.sampled_from([(), ("ant",), ("bee", "cat"), ("dog",)]),
    prompts=st.sampled_from([(), ("fog",), ("mosaic", "fog")]),
    causes=st.sampled_from([(), ("blank",), ("structure",)]),
    statuses=st.sampled_from([(), ("undecided",), ("accepted", "disputed"), ("rejected",)]),
    scores=st.sampled_from([{}, {"blank": (20, 60)}, {"structure": (0.5, math.inf)}]),
    unseen_by=st.sampled_from([None, "anna", "ben", "eve"]),
)


def fits(item: Item, wanted: Filter, seen: dict[str, set[str]]) -> bool:
    chosen: list[tuple[tuple[str, ...], str]] = [
        (wanted.labels, item.label),
        (wanted.prompts, item.prompt),
        (wanted.causes, item.cause),
        (wanted.statuses, item.status),
    ]
    return (
        all(not names or name in names for names, name in chosen)
        and all(low <= item.scores[s] <= high for s, (low, high) in wanted.scores.items())
        and (wanted.unseen_by is None or item.output not in seen.get(wanted.unseen_by, set()))
    )


@given(FILTERS)
def test_a_filter_shows_what_fits_in_the_order_of_doubt_forwards_and_backwards(
    many: Store, wanted: Filter
) -> None:
    everything = page(many, size=90)
    seen = {
        "anna": {item.output for k, item in enumerate(everything) if k % 4 == 0},
        "ben": {item.output for k, item in enumerate(everything) if k % 6 == 0},
    }
    expected = [item for item in everything if fits(item, wanted, seen)]
    found = walk(many, wanted)
    assert found == page(many, wanted, size=90) == expected
    assert [item.doubt for item in found] == sorted((item.doubt for item in found), reverse=True)
    assert count(many, wanted) == len(expected)
    back = [preceding(many, item.output, wanted) for item in expected]
    assert back == [None, *expected][: len(expected)]


def test_pictures_are_counted_for_the_choices_of_a_filter(many: Store) -> None:
    assert counts(many, "label") == {"ant": 30, "bee": 30, "cat": 30}
    assert counts(many, "status") == {
        "accepted": 15, "disputed": 8, "rejected": 7, "undecided": 60,
    }  # fmt: skip
    assert sum(counts(many, "cause").values()) == 90


def test_a_picture_that_is_gone_is_followed_by_the_first(many: Store) -> None:
    first = following(many, None)
    assert following(many, "images/ant/gone.jpg") == first
    assert preceding(many, "images/ant/gone.jpg") is None


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s: page(s, Filter(scores={"blnk": (0, 1)})), "there is no screen 'blnk' here; did"),
        (
            lambda s: counts(s, "labels"),  # type: ignore[arg-type]
            "have no 'labels'; did you mean 'label'",
        ),
        (lambda s: find(s, "images/../x"), "there is no picture images/../x in this output"),
    ],
)
def test_what_is_not_there_is_named(
    many: Store, ask: Callable[[Store], object], message: str
) -> None:
    with pytest.raises(ReviewError, match=message):
        ask(many)


def test_names_in_the_data_are_never_read_as_a_command(tmp_path: Path) -> None:
    name = "a'; DROP TABLE decisions; --"
    rows = [row(k, label=name, prompt='"', output=f"images/'{k}\".jpg") for k in range(3)]
    with Store(write_output(tmp_path, rows)) as store:
        item = take(store, name, Filter(labels=(name,), prompts=('"',), unseen_by=name))
        assert item is not None
        assert decide(store, name, item.output, item.output_sha256, "reject").status == "rejected"
        assert count(store, Filter(labels=(name,), unseen_by=name)) == 2


def test_two_who_take_get_different_pictures_and_either_may_look_at_any(tmp_path: Path) -> None:
    with Store(write_output(tmp_path, [row(k) for k in range(4)])) as store:
        anna, ben = take(store, "anna"), take(store, "ben")
        assert anna is not None
        assert ben is not None
        assert anna.output != ben.output
        assert take(store, "anna") == anna
        assert following(store, None) == anna
        release(store, "anna")
        assert take(store, "ben", after=None) == anna
        done = {take(store, name).output for name in ("ben", "eve", "dan", "fay")}  # type: ignore[union-attr]
        assert len(done) == 4
        assert take(store, "gus") is None


def test_a_picture_that_was_judged_is_free_for_the_other(tmp_path: Path) -> None:
    with Store(write_output(tmp_path, [row(0)])) as store:
        item = take(store, "anna")
        assert item is not None
        assert take(store, "ben") is None
        decide(store, "anna", item.output, item.output_sha256, "accept")
        assert take(store, "ben") is not None


def test_a_picture_that_was_left_is_free_again_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(write_output(tmp_path, [row(0)])) as store:
        assert take(store, "anna") is not None
        assert take(store, "ben") is None
        release(store, "anna")
        monkeypatch.setattr(queue, "LEASE_S", -1.0)
        assert take(store, "anna") is not None
        assert take(store, "ben") is not None
