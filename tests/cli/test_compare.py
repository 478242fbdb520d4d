"""`genmix compare` as its users meet it."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from genmix.cli import main
from genmix.images import decode
from tests.experiments.places import make_place

QUICK = (
    "--model", "test_resnet", "--weights", "scratch", "--size", "32", "--steps", "2",
    "--batch-size", "8", "--workers", "1",
)  # fmt: skip


def compare(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, drawings and a recipe."""
    return make_place(tmp_path_factory.mktemp("place"))


def test_a_comparison_prints_tables_and_where_to_look_and_may_be_asked_again(
    place: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments: list[str | Path] = [
        place / "photos", "-o", out, "--arms", f"baseline,genmix:{place / 'mine.yaml'}",
        "--target", place / "drawings", "--seeds", "2", "--shots", "2,all", *QUICK,
    ]  # fmt: skip
    done = compare(*arguments)
    assert done.exit_code == 0, done.output
    for word in ("Top-1 accuracy on drawings, %", "2 photos a class", "all photos", "minus"):
        assert word in done.stdout
    assert "run 1 of 8, baseline, 2 photos a class, seed 0: training 1 of 2, loss " in done.stderr
    assert "seed 1: judging, " in done.stderr
    said = done.stderr.splitlines()
    one_is_done = next(k for k, line in enumerate(said) if ": finished" in line)
    assert said[0].endswith(": edits")
    assert [line.endswith(", measuring how long it takes") for line in said[1:one_is_done]] == [
        "judging" in line or "training" in line for line in said[1:one_is_done]
    ]
    assert said[one_is_done].endswith(" left")
    for name in ("comparison", "learning-curves"):
        assert str(out / f"{name}.png") in done.stdout.replace("\n", "")
        assert decode((out / f"{name}.png").read_bytes()).std() > 5
        assert (out / f"{name}.svg").is_file()
    again = compare(*arguments, "--json")
    assert again.stderr == ""
    kept = compare(*arguments, "--json", "--keep-models")
    assert "8 finished runs have no weights kept" in kept.stderr
    found = json.loads(kept.stdout)
    assert found["arms"][0] == found["reference"] == "baseline"
    assert len(found["runs"]) == 8
    assert found == json.loads((out / "comparison.json").read_bytes())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--arms", "mixpu"], 1, "there is no part 'mixpu'; did you mean 'mixup'"),
        (["--arms", "genmix:papper"], 2, "there is no preset 'papper'"),
        (["--shots", "5,few"], 2, "'5,few': give numbers from 1 on, or all, e.g. 5,10,all"),
        (["--shots", "0"], 2, "give numbers from 1 on"),
        (["--shots", "100"], 1, "8 photos and 100 are asked for"),
        (["--seeds", "0"], 2, "0 is not in the range"),
        (["--attacks", "fgsm"], 1, "'fgsm' is no attack"),
        (["--attacks", "fgsm@0.0157"], 1, "'fgsm@0.0157' is no attack: write it as fgsm@4/255"),
        (["--jobs", "0"], 2, "0 is not in the range"),
        (["--schedule", "slow"], 2, "'slow' is not one of 'cosine', 'step', 'none'"),
        (["--warmup-steps", "9"], 1, "warmup_steps is 9 of 2 steps"),
        (["--corruptions", "fogg"], 1, "did you mean 'fog'"),
        (["--target", "{}/drawings", "--target", "{}/drawings"], 2, "have the same name"),
        (["--target", "nowhere"], 1, "nowhere does not exist"),
        (["--val", "nowhere"], 1, "nowhere does not exist"),
        (["--model", "resnet81"], 1, "there is no model 'resnet81'"),
        (["--lr", "-1"], 1, "'lr' is -1.0"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_trained(
    place: Path, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    given = [argument.format(place) for argument in arguments]
    done = compare(place / "photos", "-o", tmp_path / "out", *QUICK, *given)
    assert done.exit_code == code, done.output
    assert words in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert not (tmp_path / "out").exists()


def test_every_run_is_trained_as_asked(place: Path, tmp_path: Path) -> None:
    done = compare(
        place / "photos", "-o", tmp_path / "out", "--arms", "baseline", "--seeds", "1", *QUICK,
        "--schedule", "step", "--warmup-steps", "1", "--weight-decay", "0.1",
        "--label-smoothing", "0.2", "--jobs", "2", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    trained = json.loads(done.stdout)["about"]["settings"]["train"]
    asked = {"schedule": "step", "warmup_steps": 1, "weight_decay": 0.1, "label_smoothing": 0.2}
    assert trained | asked == trained


def test_networks_for_small_pictures_are_trained_on_small_pictures(
    place: Path, tmp_path: Path
) -> None:
    done = compare(
        place / "photos", "-o", tmp_path / "out", "--arms", "baseline", "--seeds", "1", "--json",
        "--model", "preact_resnet18_025", "--steps", "1", "--batch-size", "8", "--workers", "1",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    trained = json.loads(done.stdout)["about"]["settings"]["train"]
    assert (trained["size"], trained["weights"]) == (32, "scratch")


def test_help_shows_examples_within_80_columns() -> None:
    shown = compare("--help")
    assert "genmix compare photos -o proof --arms baseline,mixup" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80


@pytest.mark.parametrize("package", ["torch", "scipy", "matplotlib"])
def test_what_is_not_installed_is_named_before_anything_runs(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    done = compare(place / "photos", "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert done.stderr == "Error: genmix compare needs an extra: pip install 'genmix[proof]'\n"
    assert not (tmp_path / "out").exists()
