"""`genmix report` as its users meet it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from genmix.cli import main
from genmix.experiments.compare import write_json
from tests.experiments.made import ablation
from tests.reporting.made import compared
from tests.reporting.proofs import proof

UNDECIDED = json.dumps({**(made := proof().to_dict()), "stages": made["stages"][:1]})
UNSETTLED = json.dumps({**made, "settings": {}})
"""Proofs of concept without their end, and without the settings of their trainings."""


def report(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a finished comparison."""
    write_json(tmp_path / "comparison.json", compared({"cutmix": 0.1}).to_dict())
    return tmp_path


def test_it_writes_one_file_beside_the_results_and_says_where(folder: Path) -> None:
    done = report(folder)
    assert done.exit_code == 0, done.output
    assert str(folder / "report.html") in done.stdout.replace("\n", "")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "cutmix is better than baseline" in page


def test_both_languages_stand_beside_each_other(folder: Path) -> None:
    assert report(folder).exit_code == report(folder, "--lang", "ja").exit_code == 0
    page = (folder / "report.ja.html").read_text(encoding="utf-8")
    assert '<html lang="ja">' in page
    assert "上回りました" in page
    assert (folder / "report.html").exists()


def test_it_may_be_written_elsewhere(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "報告書.html"
    assert report(folder, "--lang", "ja", "-o", out).exit_code == 0
    assert out.stat().st_size < 200_000


def test_an_ablation_has_a_report_too(tmp_path: Path) -> None:
    write_json(tmp_path / "ablation.json", ablation({"seam=0": -0.1}).to_dict())
    assert report(tmp_path).exit_code == 0
    assert "part of the recipe" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({}, "holds no poc.json, comparison.json or ablation.json"),
        ({"comparison.json": "{}"}, "cannot read"),
        ({"ablation.json": "no"}, "cannot read"),
        ({"poc.json": "{"}, "as a proof of concept"),
        ({"poc.json": "[]"}, "as a proof of concept (it is a list or a number)"),
        ({"poc.json": UNSETTLED}, "(settings.train is missing)"),
        ({"poc.json": UNDECIDED}, "(its last stage is not the decision)"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, made: dict[str, str], said: str) -> None:
    for name, text in made.items():
        (tmp_path / name).write_text(text)
    done = report(tmp_path)
    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "report.html").exists()


def test_a_language_that_it_does_not_know_is_bad_usage(folder: Path) -> None:
    done = report(folder, "--lang", "fr")
    assert done.exit_code == 2
    assert "'fr' is not one of 'en', 'ja'" in done.stderr
