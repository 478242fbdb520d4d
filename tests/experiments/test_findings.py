"""What a comparison and an ablation say: summaries, sentences, files."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from genmix.errors import ExperimentError
from genmix.experiments.effects import Ablation
from genmix.experiments.findings import Comparison, in_order, ranked
from genmix.experiments.words import (
    detectable,
    difference_text,
    finding,
    interval_text,
    joined,
    mean_text,
    p_text,
    percent,
    points,
)
from genmix.statistics import (
    Difference,
    Mean,
    differences_from,
    differences_from_best,
    mean_of,
)
from tests.experiments.made import ECE, SKETCH, VAL, ablation, comparison


def test_summaries_are_the_statistics_of_the_runs() -> None:
    found = comparison({"genmix": 0.1})
    values = {arm: found.values(arm, None, VAL) for arm in found.arms}
    others = {arm: numbers for arm, numbers in values.items() if arm != "baseline"}
    against = differences_from(others, values["baseline"])
    best = differences_from_best(values)
    summaries = found.summaries(VAL)
    assert [summary.arm for summary in summaries] == list(found.arms)
    for summary in summaries:
        assert summary.mean == mean_of(list(values[summary.arm].values()))
        assert summary.against_reference == against.get(summary.arm)
        rival, difference = best[summary.arm]
        assert summary.rival == rival
        assert summary.against_rival is not None
        assert summary.against_rival.value == pytest.approx(difference.value)
        if "baseline" not in (summary.arm, rival):
            assert summary.against_rival == difference


@pytest.mark.parametrize("gains", [{"genmix": 0.1}, {"genmix": -0.1, "mixup": -0.1}])
def test_a_pair_has_one_verdict_wherever_it_is_told(gains: dict[str, float]) -> None:
    by_arm = {summary.arm: summary for summary in comparison(gains).summaries(VAL)}
    told = 0
    for arm, summary in by_arm.items():
        rival = summary.rival
        assert rival is not None
        if rival == "baseline":
            told += 1
            assert summary.against_rival == summary.against_reference
        elif arm == "baseline":
            told += 1
            other = by_arm[rival].against_reference
            assert other is not None
            assert summary.against_rival == other.reversed()
            assert {summary.against_rival.verdict, other.verdict} in (
                {"better", "worse"}, {"no evidence"},
            )  # fmt: skip
    assert told


def test_an_error_is_better_when_it_is_smaller() -> None:
    found = comparison({"genmix": 0.1})
    order = ranked(found.summaries(ECE), ECE)
    assert order[0].arm == "genmix"
    assert order[0].against_reference is not None
    assert order[0].against_reference.value < 0
    assert order[0].against_reference.verdict == "better"


def test_each_size_of_the_training_set_is_compared_for_itself() -> None:
    found = comparison(shots=(5, None))
    few, all_ = (found.summaries(VAL, shots)[0].mean.value for shots in (5, None))
    assert all_ - few > 0.1
    assert in_order([None, 20, 5, 20]) == (5, 20, None)


def test_what_can_be_detected_is_the_median_half_width() -> None:
    found = comparison(noise=0.02)
    widths = sorted(
        s.against_reference.half_width or 0 for s in found.summaries(VAL) if s.against_reference
    )
    assert found.resolution() == pytest.approx(sum(widths) / 2)
    assert comparison(seeds=1).resolution() is None
    assert f"± {percent(sum(widths) / 2)} points" in detectable(found)


def test_a_comparison_goes_to_json_and_back(tmp_path: Path) -> None:
    found = comparison({"genmix": 0.1}, shots=(5, None))
    data = found.to_dict()
    assert {"summaries", "detectable", "runs", "about", "format"} <= data.keys()
    assert len(data["summaries"]) == 3 * 3 * 2
    path = tmp_path / "comparison.json"
    path.write_text(json.dumps(data))
    again = Comparison.read(str(path))
    assert again == found
    assert again.to_dict() == data


def test_the_table_of_runs_has_a_row_for_each() -> None:
    found = comparison(shots=(5, None))
    rows = list(csv.DictReader(found.to_csv().splitlines()))
    assert len(rows) == 3 * 5 * 2
    assert list(rows[0]) == ["arm", "shots", "seed", "val", "target sketch", "ece", "seconds"]
    assert {row["shots"] for row in rows} == {"5", "all"}
    some = rows[-1]
    value = found.values(some["arm"], None, SKETCH)[int(some["seed"])]
    assert float(some["target sketch"]) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"arms": 3}', "\xff"])
def test_something_else_is_no_comparison_and_no_ablation(tmp_path: Path, text: str) -> None:
    path = tmp_path / "comparison.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ExperimentError, match=r"cannot read .* as a comparison"):
        Comparison.read(path)
    with pytest.raises(ExperimentError, match=r"cannot read .* as an ablation"):
        Ablation.read(path)


def test_numbers_are_in_percent_with_one_decimal_and_a_true_minus() -> None:
    assert percent(0.52049) == "52.0"
    assert points(0.1304) == "+13.0"
    assert points(-0.0304) == "−3.0"
    assert points(-0.0004) == "0.0"
    assert p_text(0.0123) == "0.012"
    assert p_text(1e-9) == "< 0.001"
    assert p_text(None) == "–"
    assert joined(["a"]) == "a"
    assert joined(["a", "b", "c"]) == "a, b and c"


def test_a_mean_is_never_bare() -> None:
    assert mean_text(Mean(5, 0.52, 0.019)) == "52.0 ± 1.9"
    assert mean_text(Mean(1, 0.52, None)) == "52.0 (1 seed)"
    assert mean_text(Mean(3, 0.52, None)) == "52.0 (3 seeds alike)"
    judged = Difference(5, 0.13, 0.021, 0.001, 0.002, "better")
    assert difference_text(judged) == "+13.0 ± 2.1"
    assert interval_text(judged) == "+13.0 points (+10.9 to +15.1)"
    single = Difference(1, -0.13, None, None, None, "no evidence")
    assert difference_text(single) == "−13.0 (1 seed)"
    assert interval_text(single) == "−13.0 points (1 seed, no interval)"


def test_the_finding_names_the_best_arm_and_both_comparisons() -> None:
    said = finding(comparison({"genmix": 0.1, "mixup": 0.05}))
    assert said.startswith("genmix has the highest mean, ")
    assert "Against baseline: better, +" in said
    assert "Against mixup, the next: better, +" in said
    assert "cannot be told from none" in said


def test_the_finding_says_when_there_is_no_evidence() -> None:
    said = finding(comparison({"genmix": 0.002}, arms=("baseline", "genmix"), noise=0.03))
    assert "no evidence" in said
    assert "the next" not in said


def test_when_the_reference_is_best_that_is_the_finding() -> None:
    said = finding(comparison({"genmix": -0.1, "mixup": -0.2}))
    assert said.startswith("baseline has the highest mean, ")
    assert "Against genmix, the next: better" in said


def test_one_seed_is_said_to_say_nothing() -> None:
    said = finding(comparison({"genmix": 0.1}, seeds=1))
    assert said.startswith("1 seed, no interval: this says nothing about chance.")


def test_a_sentence_says_what_helps_what_hurts_and_what_is_unclear() -> None:
    found = ablation({"seam=0": -0.1, "seam=0.16": 0.1})
    seam, screens = found.factors
    said = found.sentence(seam)
    assert said.startswith("seam: against the recipe's 0.08, 0.16 helps, +")
    assert "; 0 hurts, −" in said
    assert "no evidence for" not in said
    assert found.sentence(screens).startswith(
        "screens: no evidence. The difference to the recipe's on is "
    )
    assert "points or more would show." in found.sentence(screens)
    assert "no evidence for 0." in ablation({"seam=0.16": 0.1}).sentence(seam)


def test_a_level_that_changes_nothing_is_said_to() -> None:
    found = ablation()
    own = found.comparison.values("recipe", None, VAL)
    same = [replace(run, scores={"val": own[run.seed]}) for run in found.comparison.runs]
    alike = replace(found, comparison=replace(found.comparison, runs=tuple(same)))
    assert alike.sentence(alike.factors[1]) == (
        "screens: no evidence. With off, every seed gives the same as with the recipe's on."
    )


def test_an_ablation_of_one_seed_says_nothing() -> None:
    found = ablation({"seam=0": -0.1}, seeds=1)
    assert found.sentence(found.factors[0]) == (
        "seam: 1 seed, no interval: this says nothing about chance."
    )


def test_the_levels_of_a_factor_are_corrected_together_and_not_with_others() -> None:
    found = ablation()
    seam = found.factors[0]
    p = [s.against_reference for _, s in found.effects(seam) if s.against_reference]
    raw = sorted(each.p or 0 for each in p)
    assert min(each.adjusted_p or 0 for each in p) == pytest.approx(min(1, 2 * raw[0]))


def test_the_cells_of_a_pair_hold_both_changes() -> None:
    found = ablation({"seam=0.16, screens=off": 0.2})
    cells = found.cells(found.pairs[0])
    assert [len(row) for row in cells] == [2, 2, 2]
    assert cells[1][0].against_reference is None
    best = cells[2][1].against_reference
    assert best is not None
    assert best.verdict == "better"


def test_an_ablation_goes_to_json_and_back(tmp_path: Path) -> None:
    found = ablation({"seam=0": -0.1})
    path = tmp_path / "ablation.json"
    path.write_text(json.dumps(found.to_dict()))
    again = Ablation.read(path)
    assert again == found
    assert again.to_dict() == found.to_dict()
