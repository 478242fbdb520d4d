from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from genmix.errors import ReviewError
from genmix.reviewing import (
    Filter,
    Sample,
    Store,
    at_most,
    counts,
    decide,
    draw_sample,
    drawn_sample,
    page,
    preceding,
    rate_of,
    review_report,
)
from tests.reviewing.outputs import row, write_output

IN_SAMPLE = Filter(sample=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Three hundred pictures: 200 ants, 60 bees, 40 cats."""
    names = ["ant"] * 200 + ["bee"] * 60 + ["cat"] * 40
    rows = [
        row(k, label=name, output=f"images/{name}/{k}.jpg", screen_blank=5.0 + k)
        for k, name in enumerate(names)
    ]
    with Store(write_output(tmp_path / "out", rows)) as store:
        yield store


def drawn(store: Store, size: int, seed: int = 0) -> list[str]:
    draw_sample(store, size, seed=seed)
    return [item.output for item in page(store, IN_SAMPLE, size=400)]


def test_a_seed_draws_the_same_and_a_larger_sample_begins_with_the_smaller(store: Store) -> None:
    sixty = drawn(store, 60)
    assert drawn_sample(store) == Sample(60, 0, None)
    assert (len(set(sixty)), drawn(store, 60)) == (60, sixty)
    assert drawn(store, 90)[:60] == sixty
    assert drawn(store, 60, seed=1) != sixty
    assert len(drawn(store, 1000)) == 300


def test_the_sample_is_walked_in_the_order_of_the_drawing_not_of_doubt(store: Store) -> None:
    sample = drawn(store, 50)
    doubts = [item.doubt for item in page(store, IN_SAMPLE, size=50)]
    assert doubts != sorted(doubts, reverse=True)
    before = preceding(store, sample[7], IN_SAMPLE)
    assert before is not None
    assert (before.output, before.sample) == (sample[6], 6)


def test_every_picture_is_drawn_as_often_as_any_other(store: Store) -> None:
    times = Counter(output for seed in range(60) for output in drawn(store, 30, seed))
    often = np.array([times[item.output] for item in page(store, size=300)])
    assert often.sum() == 1800
    assert stats.chisquare(often).pvalue > 0.001


def test_every_beginning_of_a_sample_by_class_has_of_each_its_share(store: Store) -> None:
    draw_sample(store, 300, by="label")
    labels = [item.label for item in page(store, IN_SAMPLE, size=300)]
    for size in range(1, 301):
        for name, share in {"ant": 2 / 3, "bee": 1 / 5, "cat": 2 / 15}.items():
            assert abs(labels[:size].count(name) - size * share) < 2
    draw_sample(store, 30, by="label")
    assert [item.label for item in page(store, IN_SAMPLE, size=300)] == labels[:30]
    with pytest.raises(ReviewError, match="cannot be drawn by 'class'"):
        draw_sample(store, 7, by="class")  # type: ignore[arg-type]


def test_where_there_are_more_classes_than_drawn_pictures_the_lot_decides(tmp_path: Path) -> None:
    rows = [row(k, label=f"class{k // 2:02}") for k in range(80)]
    with Store(write_output(tmp_path / "out", rows)) as store:
        times = Counter[str]()
        for seed in range(100):
            draw_sample(store, 10, seed=seed, by="label")
            labels = [item.label for item in page(store, IN_SAMPLE)]
            assert len(set(labels)) == 10
            times.update(labels)
    assert len(times) == 40
    assert stats.chisquare(list(times.values())).pvalue > 0.001


def test_the_report_bounds_all_by_the_sample_and_counts_what_was_looked_at(store: Store) -> None:
    assert review_report(store).sample is None
    draw_sample(store, 59)
    for k, item in enumerate(page(store, IN_SAMPLE, size=59)):
        decide(store, "anna", item.output, item.output_sha256, "reject" if k == 7 else "accept")
        if k < 20:
            decide(store, "ben", item.output, item.output_sha256, "accept")
    unsampled = next(item for item in page(store, size=300) if item.sample is None)
    decide(store, "anna", unsampled.output, unsampled.output_sha256, "label-wrong")

    report = review_report(store)
    assert report.pictures == 300
    assert report.statuses == {
        "accepted": 58, "disputed": 1, "label-wrong": 1, "undecided": 240,
    }  # fmt: skip
    assert report.sample is not None
    assert (report.sample.size, report.sample.checked, report.sample.bad) == (59, 59, 1)
    assert report.sample.at_most == at_most(1, 59, population=300)
    assert report.checked == rate_of(2, 60)
    assert sum(rate.checked for rate in report.by_label.values()) == 60
    assert sum(rate.bad for rate in report.by_prompt.values()) == 2
    assert set(report.by_label) == set(counts(store, "label"))
    assert report.reviewers == {"anna": 60, "ben": 20}
    kappa = report.agreement["anna", "ben"]
    assert (kappa.count, kappa.agreed) == (20, 0.95)


def test_only_the_beginning_of_the_sample_bounds_the_rest(store: Store) -> None:
    """Whoever looked at the ants alone knows nothing of the bees."""
    draw_sample(store, 59)
    sample = page(store, IN_SAMPLE, size=59)
    for item in sample:
        if item.label == "ant":
            decide(store, "anna", item.output, item.output_sha256, "accept")
    ants = [item.label == "ant" for item in sample]
    first = ants.index(False)
    found = review_report(store).sample
    assert found is not None
    assert 0 < first < 15 < sum(ants)
    assert (found.checked, found.bad, found.beyond) == (first, 0, sum(ants) - first)
    assert found.at_most == at_most(0, first, population=300)
    for item in sample:
        decide(store, "anna", item.output, item.output_sha256, "accept")
    found = review_report(store).sample
    assert found is not None
    assert (found.checked, found.beyond) == (59, 0)
