"""Tables in a terminal: every number with its interval, within any width."""

import re
from io import StringIO

import pytest
from rich.console import Console

from genmix.experiments.effects import Ablation
from genmix.experiments.findings import Comparison, Metric
from genmix.reporting.tables import primary_tables, print_ablation, print_comparison
from genmix.statistics import Difference
from tests.experiments.made import VAL, ablation, comparison


def shown(found: Comparison | Ablation, width: int = 100) -> str:
    text = StringIO()
    console = Console(file=text, width=width)
    if isinstance(found, Comparison):
        print_comparison(found, console)
    else:
        print_ablation(found, console)
    return text.getvalue()


def test_arms_stand_from_best_to_worst_with_both_differences_and_their_verdicts() -> None:
    text = shown(comparison({"genmix": 0.1, "mixup": -0.1}))
    table = text.split("genmix has the highest")[0]
    rows = [line.split()[0] for line in table.splitlines() if "±" in line]
    assert rows == ["genmix", "baseline", "mixup"]
    first = next(line for line in table.splitlines() if line.strip().startswith("genmix"))
    assert re.search(r"±.*\+\d+\.\d ± .*better.*\+\d+\.\d ± .*better", first)
    assert "primary metric, 5 seeds" in text
    assert "95 % interval over seeds" in text


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_console_and_no_metric_is_lost(width: int) -> None:
    many = [Metric(f"target {k}", f"Accuracy on {k}", f"domain number {k}") for k in range(9)]
    text = shown(comparison(metrics=many, arms=("baseline", "genmix:./a/long/recipe.yaml")), width)
    assert max(map(len, text.splitlines())) <= width
    assert all(metric.heading in text for metric in many)


def test_a_narrow_console_has_a_table_for_each_arm_that_is_compared_with() -> None:
    name = "genmix:domain-adaptation"
    found = comparison({name: 0.1}, arms=("baseline", name))
    wide, narrow = (shown(found, width).split(f"{name} has the highest")[0] for width in (120, 80))
    assert wide.count(name) == 1
    assert narrow.count(name) == 2
    assert max(map(len, narrow.splitlines())) <= 80
    words_of = re.compile(r"[^\s─]+").findall
    assert set(words_of(narrow)) == set(words_of(wide))


@pytest.mark.parametrize("seeds", [1, 5])
@pytest.mark.parametrize("length", [10, 25, 30, 34, 39, 45, 70])
def test_nothing_is_cut_off_beside_a_long_name(length: int, seeds: int) -> None:
    name = "genmix:" + "x" * (length - 7)
    found = comparison({name: 0.1}, arms=("baseline", name, "mixup"), seeds=seeds)
    console = Console(file=StringIO(), width=80, record=True)
    for table in primary_tables(found, None, console):
        console.print(table)
    text = console.export_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("minus baseline") == text.count("minus best other") == 1
    if seeds > 1:
        differences = judged(found)
        surely = [each.verdict for each in differences if each.verdict != "no evidence"]
        assert sorted(re.findall(r"\b(?:better|worse)\b", text)) == sorted(surely)
        assert text.count("no evidence") == len(differences) - len(surely)


def judged(found: Comparison) -> list[Difference]:
    """Every difference of the primary metric."""
    summaries = found.summaries(found.primary, None)
    both = [each for s in summaries for each in (s.against_reference, s.against_rival)]
    return [each for each in both if each is not None]


@pytest.mark.parametrize("found", [comparison(seeds=1), ablation(seeds=1)])
def test_with_one_seed_every_number_says_so(found: Comparison | Ablation) -> None:
    text = shown(found)
    assert "1 seed, no interval" in text
    assert "±" not in text
    assert "better" not in text
    numbers = re.findall(r"[+−]?\b\d+\.\d\b(?! %)[^\n]{0,9}", text)
    assert numbers
    assert all("(1 seed" in each for each in numbers)


def test_each_size_of_the_training_set_has_its_table() -> None:
    text = shown(comparison(shots=(5, 20, None)))
    for heading in ("5 photos a class", "20 photos a class", "all photos"):
        assert text.count(heading) == 2


def test_a_mark_says_where_another_metric_differs_from_the_reference() -> None:
    text = shown(comparison({"genmix": 0.1, "mixup": -0.1}))
    below = text.split("Everything that was measured")[1]
    lines = {line.split()[0]: line for line in below.splitlines() if "±" in line}
    assert lines["genmix"].count("✓") == 3  # the calibration error's too: less of it is better
    assert lines["mixup"].count("✗") == 3
    assert "✓" not in lines["baseline"]
    assert "✗" not in lines["baseline"]


def test_an_ablation_says_its_sentences_first_and_shows_each_factor_and_pair() -> None:
    found = ablation({"seam=0": -0.1, "seam=0.16, screens=off": 0.1})
    text = shown(found)
    said, tables = text.split("The seam\n", 1)
    assert all(f"• {factor.name}: " in said for factor in found.factors)
    assert tables.count("the recipe") >= 3
    assert re.search(r"0 +\d+\.\d ± \d+\.\d +−\d+\.\d ± .*worse", tables)
    assert "seam \\ screens" in tables
    assert "✓" in tables


@pytest.mark.parametrize("name", ["tags/[v2]", "ok [/]", ":warning: [bold]"])
def test_brackets_in_names_are_no_markup(name: str) -> None:
    metrics = [VAL, Metric("target x", f"Accuracy on {name}", name)]
    table = shown(comparison(arms=("baseline", name), metrics=metrics), 200)
    assert sum(line.strip().startswith(name) for line in table.splitlines()) >= 2
    assert any("val" in line and name in line for line in table.splitlines())
