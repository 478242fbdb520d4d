"""`genmix poc` as its users meet it; what it finds is tested in tests/experiments/poc."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from genmix.cli import main


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ("30", "'30' is no time: write it as 30m, 2h or 1h30m"),
        ("half an hour", "is no time"),
        ("m30", "is no time"),
        ("0m", "'0m' is no time in which anything can be done"),
        ("-5m", "'-5m' is no time"),
        (" ", "' ' is no time"),
    ],
)
def test_a_budget_that_is_no_time_is_refused(budget: str, words: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["poc", str(tmp_path), "-o", str(tmp_path / "out"), "--budget", budget]
    )
    assert done.exit_code == 2
    assert not (tmp_path / "out").exists()
    assert words in done.stderr


def test_photos_that_are_not_there_are_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["poc", str(tmp_path / "none"), "-o", str(tmp_path / "out"), "--budget", "1h30m"]
    )
    assert done.exit_code == 1
    assert f"{tmp_path / 'none'} does not exist" in done.stderr


def test_the_help_says_what_the_stages_are() -> None:
    done = CliRunner().invoke(main, ["poc", "--help"])
    assert done.exit_code == 0
    for word in ("Stage 1", "--budget", "--lang", "--price-gpu-hour", "not enough evidence"):
        assert word in " ".join(done.stdout.split())
