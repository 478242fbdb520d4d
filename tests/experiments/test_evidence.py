"""The page of evidence says what was measured: every row of its tables, from the numbers kept."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from genmix.experiments.effects import Ablation
from genmix.experiments.findings import Comparison, Shots
from genmix.experiments.words import difference_text, mean_text

_ROOT = Path(__file__).parents[2]
_EVIDENCE = _ROOT / "benchmarks" / "effect"
_PAGE = (_ROOT / "docs" / "effect.md").read_text("utf-8").replace("**", "")

_ATTACKED = ["corruptions", "attack fgsm@4/255"]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("pacs", [(None, ["target cartoon", "target sketch", "targets", "minus targets", "val"])]),
        ("pacs", [(None, [*_ATTACKED, "attack pgd@4/255", "ece"])]),
        ("caltech", [(5, ["val", "minus val", *_ATTACKED, "ece"])]),
        ("caltech-10-shots", [(10, ["val", "minus val", "ece"])]),
        ("caltech-linear-probe", [(5, ["val", "minus val"]), (10, ["val", "minus val"])]),
        ("cifar-10", [(100, ["val", "minus val", *_ATTACKED, "ece"])]),
    ],
)
def test_every_row_of_a_comparison_stands_in_the_page(
    name: str, columns: Sequence[tuple[Shots, Sequence[str]]]
) -> None:
    found = Comparison.read(_EVIDENCE / name / "comparison.json")
    rows = {line.split("|", 2)[-1].strip(" |") for line in _PAGE.splitlines() if "|" in line}
    for arm in found.arms:
        cells = [cell(found, arm, key, shots) for shots, keys in columns for key in keys]
        assert " | ".join(cells).strip(" |") in rows, arm


def cell(found: Comparison, arm: str, key: str, shots: Shots) -> str:
    """Write a mean, or after "minus" the difference to the baseline."""
    metric = next(each for each in found.metrics if each.key == key.removeprefix("minus "))
    summary = next(each for each in found.summaries(metric, shots) if each.arm == arm)
    if key == metric.key:
        return mean_text(summary.mean)
    against = summary.against_reference
    return "" if against is None else difference_text(against)


@pytest.mark.parametrize("name", ["ablation", "ablation-redrawn"])
def test_every_difference_of_an_ablation_stands_in_the_page(name: str) -> None:
    found = Ablation.read(_EVIDENCE / name / "ablation.json")
    assert f"The recipe as it is: {mean_text(found.reference.mean)}" in _PAGE
    for factor in found.factors:
        for level, summary in found.effects(factor):
            against = summary.against_reference
            assert against is None or difference_text(against) in _PAGE, level.name
