"""`genmix train` as its users meet it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from genmix.cli import main
from genmix.datasets.samples import synthetic_photos
from genmix.jobs import augment
from genmix.recipe import Recipe
from genmix.training.checkpoint import load_checkpoint


def train(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


def quick(*arguments: str | Path, out: Path) -> Result:
    """Train a tiny network for a few steps."""
    return train(
        *arguments, "-o", out, "--model", "test_resnet", "--weights", "scratch", "--size", "32",
        "--steps", "3", "--batch-size", "8",
    )  # fmt: skip


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos to test on, of the same classes."""
    place = tmp_path_factory.mktemp("others") / "test-photos"
    synthetic_photos(place, classes=3, per_class=3, size=48, seed=9)
    return place


@pytest.fixture
def made(photos: Path, small: Recipe, tmp_path: Path) -> Path:
    augment(photos, tmp_path / "made", small.changed(output={"originals": "link"}))
    return tmp_path / "made"


def test_a_table_says_what_was_trained_and_how_to_judge_it(
    photos: Path, others: Path, tmp_path: Path
) -> None:
    done = quick(photos, "--val", others, "--mixer", "cutmix", out=tmp_path / "run")
    assert done.exit_code == 0, done.output
    for words in ("test_resnet, scratch, 32 pixels", "3 of 8 (2.0 epochs)", "9 photos of --val"):
        assert words in done.stdout
    last = done.stderr.splitlines()[-1]
    assert last.startswith("training: 3 of 3, loss ")
    assert "accuracy" in last
    assert ", val " in last
    assert f"Model     {tmp_path / 'run' / 'model.safetensors'}" in done.stdout
    assert f"Evaluate  genmix evaluate {tmp_path / 'run'} {others}" in done.stdout
    assert load_checkpoint(tmp_path / "run").classes == ("disc", "star", "triangle")


def test_without_val_photos_are_held_out_and_json_is_all_on_standard_output(
    photos: Path, tmp_path: Path
) -> None:
    done = quick(photos, "--json", out=tmp_path / "run")
    assert done.exit_code == 0, done.output
    outcome = json.loads(done.stdout)
    assert (outcome["trained_on"], outcome["tested_on"], outcome["held_out"]) == (9, 3, True)
    assert "held out 3 of the photos to test on" in done.stderr
    again = json.loads(quick(photos, "--json", out=tmp_path / "run").stdout)
    assert again == outcome


def test_epochs_are_counted_in_photos(photos: Path, others: Path, tmp_path: Path) -> None:
    done = train(
        photos, "-o", tmp_path / "run", "--val", others, "--model", "preact_resnet18",
        "--epochs", "2", "--batch-size", "8", "--json",
    )  # fmt: skip
    assert json.loads(done.stdout)["steps"] == 3
    card = json.loads((tmp_path / "run" / "model.json").read_text())
    assert (card["size"], card["settings"]["weights"]) == (32, "scratch")


def test_an_output_of_genmix_is_trained_on_without_the_photos_held_out(
    made: Path, photos: Path, tmp_path: Path
) -> None:
    alone = json.loads(quick(made, "--json", out=tmp_path / "alone").stdout)
    both = json.loads(quick(photos, made, "--json", out=tmp_path / "both").stdout)
    assert alone["tested_on"] == 3
    assert alone["trained_on"] > 18
    # The photos stand in both, and so do those held out.
    assert both["tested_on"] == 6
    assert both["trained_on"] == alone["trained_on"] + 9
    images = json.loads(quick(made / "images", "--json", out=tmp_path / "images").stdout)
    assert images["trained_on"] == alone["trained_on"]
    for name in ("alone", "images"):
        card = json.loads((tmp_path / name / "model.json").read_text())
        assert card["fit"] == Recipe().fit


def test_composites_are_made_anew_while_training(
    made: Path, photos: Path, others: Path, tmp_path: Path
) -> None:
    losses = []
    for share in ("0", "1"):
        done = quick(
            photos, "--val", others, "--genmix", made, "--composites", share, "--transform", "none",
            "--shots", "3", "--json", out=tmp_path / share,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        outcome = json.loads(done.stdout)
        assert outcome["trained_on"] == 9
        losses.append(outcome["loss"])
    assert losses[0] != losses[1]


def test_with_genmix_photos_to_test_on_become_square_as_its_edits_did(
    made: Path, photos: Path, others: Path, tmp_path: Path
) -> None:
    arguments: list[str | Path] = [photos, "--val", others, "--genmix", made]
    assert quick(*arguments, out=tmp_path / "run").exit_code == 0
    assert load_checkpoint(tmp_path / "run").fit == Recipe().fit
    other = quick(*arguments, "--fit", "pad", out=tmp_path / "other")
    assert other.exit_code == 1
    assert (
        "the photos' fit is pad and the edits' is stretch: set the photos' to that" in other.stderr
    )
    assert not (tmp_path / "other").exists()


def test_several_processes_speak_once(photos: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "-m", "genmix", "train", photos, "-o", tmp_path / "run", "--model", "test_resnet",
        "--weights", "scratch", "--size", "32", "--steps", "3", "--batch-size", "8",
    ]  # fmt: skip
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "ACCELERATE_USE_CPU": "true"},
    )
    assert done.stdout.count("Evaluate  genmix evaluate") == 1
    assert done.stderr.count("training: 3 of 3") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--steps", "3", "--epochs", "2"], 2, "give --epochs or --steps, not both"),
        (["--composites", "0.6"], 2, "--composites is for --genmix: give both"),
        (["--edits", "edits"], 2, "--edits is for --genmix: give both"),
        (["--model", "resnet81"], 1, "there is no model 'resnet81': did you mean 'resnet18'"),
        (["--optimizer", "adamww"], 1, "there is no optimizer 'adamww': did you mean 'adamw'"),
        (["--mixer", "cutmux"], 1, "there is no mixer 'cutmux': did you mean 'cutmix'"),
        (["--transform", "x"], 1, "there is no transform 'x': known: none, standard"),
        (["--lr", "0"], 1, "'lr' is 0.0: it should be greater than 0"),
        (["--shots", "9"], 1, "class 'disc' has 3 photos and 9 are asked for"),
        (["--size", "4"], 2, "4 is not in the range"),
        (["--val", "none"], 1, "none does not exist"),
        (["--genmix", "none"], 1, "none is no finished output of `genmix augment`"),
    ],
)
def test_a_mistake_is_one_line(
    photos: Path, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    done = train(photos, "-o", tmp_path / "run", *arguments)
    assert done.exit_code == code, done.output
    assert words in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert not (tmp_path / "run" / "model.json").exists()


def test_what_is_trained_on_cannot_test_the_model(photos: Path, tmp_path: Path) -> None:
    done = train(photos, "-o", tmp_path / "run", "--val", photos / ".." / photos.name)
    assert done.exit_code == 1
    assert "is trained on and cannot test the model too: leave --val out" in done.stderr
    synthetic_photos(tmp_path / "others", classes=4, per_class=2, size=32)
    done = quick(photos, "--val", tmp_path / "others", out=tmp_path / "run")
    assert "has the class 'square', which the model does not know" in done.stderr


def test_an_output_cannot_test_what_was_trained_on_its_folder_of_images(
    made: Path, tmp_path: Path
) -> None:
    done = quick(made / "images", "--val", made, out=tmp_path / "run")
    assert done.exit_code == 1
    assert "is trained on and cannot test the model too: leave --val out" in done.stderr


def test_the_photos_that_an_output_was_made_of_cannot_test_it(
    made: Path, photos: Path, tmp_path: Path
) -> None:
    done = quick(made, "--val", photos, out=tmp_path / "run")
    assert done.exit_code == 1
    said = "genmix made pictures to train on of 12 of the 12 photos to test on"
    assert said in " ".join(done.stderr.split())


def test_what_is_no_photo_is_named_and_a_second_run_elsewhere_is_refused(
    photos: Path, others: Path, tmp_path: Path
) -> None:
    synthetic_photos(tmp_path / "photos", classes=2, per_class=4, size=32)
    (tmp_path / "photos" / "notes.txt").write_text("mine")
    (tmp_path / "photos" / "heart").mkdir()
    done = quick(tmp_path / "photos", out=tmp_path / "run")
    assert "not used: heart/: no photo in it" in done.stderr
    assert "not used: notes.txt: " in done.stderr
    other = quick(photos, "--val", others, out=tmp_path / "run")
    assert other.exit_code == 1
    assert "belongs to another run: not the same training pictures" in other.stderr


def test_photos_to_test_on_that_cannot_be_read_are_found_before_training(
    photos: Path, tmp_path: Path
) -> None:
    synthetic_photos(tmp_path / "others", classes=3, per_class=3, size=48, seed=9)
    for name in ("disc/0001.jpg", "star/0002.jpg"):
        (tmp_path / "others" / name).write_bytes(b"no picture")
    done = quick(photos, "--val", tmp_path / "others", out=tmp_path / "run")
    assert done.exit_code == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: 2 of 9 photos cannot be used: disc/0001.jpg: ")
    assert "star/0002.jpg" in last
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("package", ["torch", "timm", "accelerate"])
def test_without_a_package_one_line_names_the_extra(
    photos: Path, tmp_path: Path, package: str
) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; from genmix.cli import main; main()"
    command = [sys.executable, "-c", code, "train", str(photos), "-o", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Error: genmix train needs an extra: pip install 'genmix[torch]'\n"


def test_help_shows_examples_within_80_columns() -> None:
    shown = train("--help")
    assert "genmix train photos -o model --val test-photos" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80
