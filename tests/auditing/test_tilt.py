"""A group that the screens reject more is found; a fair data set is left in peace."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from genmix.auditing.findings import find
from genmix.auditing.ledger import Sampled, Written, read_ledger
from genmix.auditing.measures import MEASURES
from genmix.auditing.pictures import Seen
from genmix.auditing.tilt import FEATURES, Tilt, judge_tilt
from genmix.auditing.views import Views
from genmix.screening.features import Features
from tests.auditing.made import drawn, groups_of, write_output

_FAIR = {"north": 0.12, "south": 0.12, "west": 0.12}
_TILTED = {"north": 0.12, "south": 0.12, "west": 0.28}


def judged(
    out: Path, rates: Mapping[str, float], seed: int, per_group: int = 120, alike: float = 0.5
) -> tuple[Tilt, ...]:
    made = drawn(rates, per_group, seed, alike=alike)
    return judge_tilt(read_ledger(write_output(out, made), groups=groups_of(made)), None, seed)


def warned(tilts: tuple[Tilt, ...]) -> list[str]:
    return [f.subject["name"] for f in find((), tilts, ()) if f.kind == "rejected_more"]


@pytest.mark.parametrize("seed", range(5))
def test_a_group_that_the_screens_reject_more_is_flagged(tmp_path: Path, seed: int) -> None:
    tilts = judged(tmp_path, _TILTED, seed)
    assert warned(tilts) == ["west"]
    west = next(tilt for tilt in tilts if tilt.name == "west")
    assert west.share_before == pytest.approx(1 / 3)
    assert west.share_after is not None
    assert west.share_after < 0.31
    assert west.gap.low is not None
    assert west.gap.low > 0
    assert west.adjusted_p < 0.05


def test_a_fair_data_set_is_not_flagged_over_twenty_seeds(tmp_path: Path) -> None:
    tilts = [judged(tmp_path / str(seed), _FAIR, seed) for seed in range(20)]
    assert [warned(each) for each in tilts] == [[]] * 20
    # And by chance alone, whatever the size: three classes and three groups are one family.
    chance = sum(min(tilt.adjusted_p for tilt in each) < 0.05 for each in tilts)
    assert chance <= 3


def test_edits_that_share_their_photos_fate_do_not_make_a_fair_data_set_look_tilted(
    tmp_path: Path,
) -> None:
    rates = {"north": 0.2, "south": 0.2}
    false = 0
    for seed in range(40):
        tilts = judged(tmp_path / str(seed), rates, seed, per_group=40, alike=1.0)
        false += min(tilt.p for tilt in tilts if tilt.by == "group") < 0.05
    assert false <= 5  # taking each edit for a trial of its own, it would be 13


def test_a_difference_that_is_certain_but_small_is_no_warning(tmp_path: Path) -> None:
    tilts = judged(tmp_path, {"north": 0.05, "south": 0.08}, 0, per_group=3000, alike=0.2)
    south = next(tilt for tilt in tilts if tilt.name == "south")
    assert south.adjusted_p < 0.001
    assert 0.02 < south.gap.value < 0.05
    assert not warned(tilts)


def test_one_class_alone_is_compared_with_nothing(tmp_path: Path) -> None:
    made = [each for each in drawn({"a": 0.3}, 30, 0, alike=0) if each.photo.label == "class-0"]
    assert judge_tilt(read_ledger(write_output(tmp_path, made)), None, 0) == ()


def test_a_group_that_loses_everything_is_flagged(tmp_path: Path) -> None:
    tilts = judged(tmp_path, {"north": 0.0, "south": 1.0}, 0, per_group=20)
    assert warned(tilts) == ["south"]
    assert next(tilt for tilt in tilts if tilt.name == "south").share_after == 0


def views(shifted: Mapping[str, float], measure: str, seed: int, per_group: int = 40) -> Views:
    """Photos of some groups whose pictures shift by so many standard deviations of the photos."""
    rng = np.random.default_rng(seed)
    names = [group for group in shifted for _ in range(per_group)]
    sample = [
        Sampled(f"{g}/{k}.jpg", "", f"class-{k % 2}", g, None, (Written("p", "", ""),) * 2)
        for k, g in enumerate(names)
    ]
    photos = rng.normal(size=(len(names), len(MEASURES)))
    owners = np.arange(len(names)).repeat(2)
    pictures = photos[owners] + rng.normal(0.3, 0.5, (len(owners), len(MEASURES)))
    faces = _unit(rng.normal(size=(len(names), 8)))
    turned = 0.7 * faces[owners] + 0.3 * _unit(rng.normal(size=(len(owners), 8)))
    for place, owner in enumerate(owners.tolist()):
        by = shifted[names[owner]]
        if measure == FEATURES:
            turned[place] = (1 - by) * turned[place] - by * faces[owner]
        else:
            pictures[place, MEASURES.index(measure)] += by
    return Views(
        sample,
        _seen(owners, pictures, _unit(turned)),
        _seen(np.arange(len(names)), photos, faces),
    )


def _unit(rows: np.ndarray) -> Features:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _seen(owners: np.ndarray, measures: np.ndarray, features: Features) -> Seen:
    return Seen(owners, measures, np.zeros((len(owners), 768), np.uint8), features)


def shifted_groups(out: Path, look: Views) -> list[tuple[str, str]]:
    groups = dict.fromkeys(photo.group or "" for photo in look.sample)
    made = drawn(dict.fromkeys(groups, 0.1), 40, 0, alike=0)
    ledger = read_ledger(write_output(out, made), groups=groups_of(made))
    found = find((), judge_tilt(ledger, look, 0), ())
    return [
        (finding.subject["name"], finding.subject["measure"])
        for finding in found
        if finding.kind == "shifted_more"
    ]


@pytest.mark.parametrize("measure", [*MEASURES, FEATURES])
def test_a_group_whose_pictures_shift_more_is_flagged(tmp_path: Path, measure: str) -> None:
    by = 0.5 if measure == FEATURES else 1.3
    look = views({"north": 0, "south": 0, "west": by}, measure, 0)
    found = shifted_groups(tmp_path, look)
    assert ("west", measure) in found
    assert {name for _, name in found} == {measure}


def test_groups_that_shift_alike_are_not_flagged_over_twenty_seeds(tmp_path: Path) -> None:
    for seed in range(20):
        look = views({"north": 0, "south": 0, "west": 0}, "colour", seed)
        assert shifted_groups(tmp_path, look) == []


def test_a_shift_that_is_certain_but_small_is_no_warning(tmp_path: Path) -> None:
    look = views({"north": 0, "south": 0, "west": 0.4}, "warmth", 0)
    assert shifted_groups(tmp_path, look) == []


def test_of_two_groups_only_the_one_that_moved_more_is_named(tmp_path: Path) -> None:
    look = views({"north": 0.0, "south": 1.5}, "brightness", 0)
    assert shifted_groups(tmp_path, look) == [("south", "brightness")]
