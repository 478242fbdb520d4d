"""Classes that fell although the mean rose are found in a comparison's own files."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from genmix.auditing.falls import find_falls
from genmix.auditing.findings import find
from genmix.errors import ExperimentError

_TESTED = 50
_NOISE = (0.00, 0.01, -0.01, 0.005, -0.005)
"""Of the seeds, so that there is a spread."""


def write(
    folder: Path, arms: Mapping[str, Mapping[str, float]], reference: str = "baseline"
) -> Path:
    """Write a comparison of five seeds in which each class scores so."""
    for number, (arm, scores) in enumerate(arms.items()):
        for seed, noise in enumerate(_NOISE):
            # Not the same for every arm and class, or the differences would have no spread.
            shaken = {
                name: value + noise * (1 + number) * (1 + k / 7)
                for k, (name, value) in enumerate(scores.items())
            }
            clean = {
                "top1": sum(shaken.values()) / len(shaken),
                "per_class": shaken,
                "confusion": [[_TESTED, 0, 0], [0, _TESTED, 0], [0, 0, 0], [0, 0, _TESTED]],
            }
            result = {
                "name": arm,
                "shots": None,
                "seed": seed,
                "evaluation": {"clean": clean, "domains": {"sketch": clean}},
            }
            path = folder / "runs" / f"arm{number}" / "all" / str(seed) / "result.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(result))
    about = {
        "arms": list(arms),
        "reference": reference,
        "shots": [5, None],
        "seeds": [0, 1, 2, 3, 4],
    }
    (folder / "comparison.json").write_text(json.dumps(about))
    return folder


_BEFORE = {"cat": 0.7, "dog": 0.8, "owl": 0.6}


def test_a_class_that_fell_although_the_mean_rose_is_flagged(tmp_path: Path) -> None:
    after = {"cat": 0.85, "dog": 0.68, "owl": 0.75}
    found = find_falls(write(tmp_path, {"baseline": _BEFORE, "genmix": after}))
    assert {(fall.photos, fall.name) for fall in found} == {("held-out", "dog"), ("sketch", "dog")}
    fall = found[0]
    assert (fall.arm, fall.reference, fall.tested, fall.seeds) == ("genmix", "baseline", _TESTED, 5)
    assert (fall.before, fall.gap.value) == pytest.approx((0.8, -0.12), abs=0.01)
    assert fall.mean_gap == pytest.approx(0.06, abs=0.01)
    assert fall.matters
    assert fall.adjusted_p is not None
    assert fall.adjusted_p < 0.05
    warnings = list(find((), (), found))
    assert [w.kind for w in warnings] == ["class_fell", "class_fell"]
    assert all(w.warning for w in warnings)


def test_where_the_mean_fell_too_there_is_nothing_of_the_kind(tmp_path: Path) -> None:
    after = {"cat": 0.5, "dog": 0.6, "owl": 0.61}
    assert find_falls(write(tmp_path, {"baseline": _BEFORE, "genmix": after})) == ()


def test_a_small_fall_is_listed_and_not_warned_of(tmp_path: Path) -> None:
    after = {"cat": 0.85, "dog": 0.77, "owl": 0.75}
    found = find_falls(write(tmp_path, {"baseline": _BEFORE, "genmix": after}))
    assert {fall.name for fall in found} == {"dog"}
    assert not any(fall.matters for fall in found)
    assert not list(find((), (), found))


def test_only_arms_with_genmix_are_looked_at_where_there_are_some(tmp_path: Path) -> None:
    better, after = {k: v + 0.1 for k, v in _BEFORE.items()}, {"cat": 1.0, "dog": 0.6, "owl": 1.0}
    arms = {"baseline": _BEFORE, "mixup": after, "genmix:quick": better}
    assert find_falls(write(tmp_path / "with", arms)) == ()
    arms.pop("genmix:quick")
    assert {f.arm for f in find_falls(write(tmp_path / "without", arms))} == {"mixup"}


def test_what_is_no_whole_comparison_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="give the folder of a genmix compare"):
        find_falls(tmp_path)
    folder = write(tmp_path / "some", {"baseline": _BEFORE, "genmix": _BEFORE})
    (folder / "runs" / "arm1" / "all" / "3" / "result.json").unlink()
    with pytest.raises(ExperimentError, match="lacks the run of genmix with seed 3"):
        find_falls(folder)
