"""`genmix ablate` as its users meet it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from genmix.cli import main
from genmix.images import decode
from tests.cli.test_compare import QUICK
from tests.experiments.places import make_place


def ablate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["ablate", *map(str, arguments)])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, drawings and a recipe."""
    return make_place(tmp_path_factory.mktemp("place"))


def test_an_ablation_prints_a_sentence_and_a_table_for_each_factor(
    place: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments: list[str | Path] = [
        place / "photos", "-o", out, "--arm", f"genmix:{place / 'mine.yaml'}@0.3", "--factors",
        "strength", "--pairs", "strength*composites", "--seeds", "2", *QUICK,
    ]  # fmt: skip
    done = ablate(*arguments)
    assert done.exit_code == 0, done.output
    assert "• strength: " in done.stdout
    assert "The strength of the edits" in done.stdout
    assert "strength \\" in done.stdout
    for name in ("factors", "pair-strength-composites"):
        assert decode((out / f"{name}.png").read_bytes()).std() > 5
    again = ablate(*arguments, "--json")
    assert again.stderr == ""
    found = json.loads(again.stdout)
    assert found.keys() >= {"sentences", "effects", "factors", "pairs", "comparison"}
    assert len(found["comparison"]["arms"]) == 3 * 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--factors", "seem"], 1, "there is no factor 'seem'; did you mean 'seam'"),
        (["--pairs", "seam"], 2, "'seam' is no pair: write seam*fractal"),
        (["--pairs", "seam*seam"], 1, "the pair seam*seam is one factor"),
        (["--arm", "mixup"], 1, "the arm 'mixup' has no recipe to change"),
        (["--editors", "nonesuch"], 1, "nonesuch"),
        (["--shots", "0"], 2, "0 is not in the range"),
    ],
)
def test_a_mistake_is_one_line(
    place: Path, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    done = ablate(place / "photos", "-o", tmp_path / "out", *QUICK, *arguments)
    assert done.exit_code == code, done.output
    assert words in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert not (tmp_path / "out").exists()


def test_help_shows_examples_within_80_columns() -> None:
    shown = ablate("--help")
    assert "genmix ablate photos -o parts --factors seam,fractal,masks" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80
