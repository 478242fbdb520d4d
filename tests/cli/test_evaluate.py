"""`genmix evaluate` as its users meet it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner, Result

from genmix.cli import main
from genmix.datasets.samples import synthetic_photos
from genmix.networks.models import create_model
from genmix.training.checkpoint import load_checkpoint, save_checkpoint
from genmix.training.data import Photos
from genmix.training.evaluation import Evaluation, predict


def evaluate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments), "--workers", "1"])


@pytest.fixture(scope="module")
def model(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the photos' classes, as good as a guess."""
    out = tmp_path_factory.mktemp("model")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = create_model("test_resnet", Photos(photos, 32).classes, size=32)
    save_checkpoint(made, out)
    return out


def test_tables_show_accuracy_classes_and_corruptions(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    done = evaluate(
        model, photos, "--attacks", "fgsm@2/255,pgd-3@2/255", "--corruptions", "fog,contrast",
        "--domains", photos.parent, "--limit", "9", "-o", tmp_path / "report.json",
        "--predictions", tmp_path / "all.parquet",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines() if line.strip()]
    first = [row[0] for row in rows]
    for name in ("clean", "clean,", "fgsm@2/255", "pgd-3@2/255", "domain", "fog", "contrast"):
        assert name in first
    for name in load_checkpoint(model).classes:
        assert name in first
    assert max(map(len, done.stdout.splitlines()[:-2])) <= 80
    assert "9 photos" in done.stdout
    assert done.stdout.splitlines()[-2:] == [
        f"The whole report  {tmp_path / 'report.json'}",
        f"Every prediction  {tmp_path / 'all.parquet'}",
    ]


def test_the_report_is_the_whole_evaluation(model: Path, photos: Path, tmp_path: Path) -> None:
    reports = []
    for name in ("a.json", "b.json"):
        done = evaluate(
            model, photos, "--attacks", "pgd@2/255,fgsm@1/255", "--corruptions", "fog",
            "--limit", "7", "--seed", "3", "-o", tmp_path / name,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        reports.append(json.loads((tmp_path / name).read_text()))
    assert reports[0] == reports[1]
    report = reports[0]
    assert (report["model"], report["data"]) == (str(model), str(photos))
    assert (report["limit"], report["seed"]) == (7, 3)
    found = Evaluation.from_dict(report)
    assert found.clean.count == 12
    assert list(found.attacks) == ["pgd@2/255", "fgsm@1/255"]
    assert {scores.count for scores in found.attacks.values()} == {7}
    assert len(found.corruptions["fog"]) == 5
    assert found.mean_corruption is not None


def test_predictions_have_a_row_for_every_photo(model: Path, photos: Path, tmp_path: Path) -> None:
    done = evaluate(model, photos, "--predictions", tmp_path / "p.parquet")
    assert done.exit_code == 0, done.output
    table = pq.read_table(tmp_path / "p.parquet")
    classes = json.loads(table.schema.metadata[b"classes"])
    classifier = load_checkpoint(model)
    probabilities, labels = predict(classifier, Photos(photos, 32, classifier.classes))
    assert classes == list(classifier.classes)
    assert table["path"].to_pylist() == sorted(
        path.relative_to(photos).as_posix() for path in photos.rglob("*.jpg")
    )
    assert table["label"].to_pylist() == [classes[k] for k in labels]
    assert table["predicted"].to_pylist() == [classes[k] for k in probabilities.argmax(1)]
    assert np.allclose(table["confidence"], probabilities.max(1).values)
    assert np.allclose(table["probabilities"].to_pylist(), probabilities)


def test_what_is_no_photo_is_said(model: Path, photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "photos")
    (tmp_path / "photos" / "notes.txt").write_text("")
    done = evaluate(model, tmp_path / "photos")
    assert done.exit_code == 0, done.output
    expected = f"not used in {tmp_path / 'photos'}: 1, as notes.txt: not an image"
    assert done.stderr.splitlines()[0].startswith(expected)


def test_autoattack_has_an_option_of_its_own(model: Path, photos: Path, tmp_path: Path) -> None:
    done = evaluate(
        model, photos, "--autoattack", "99/255", "--limit", "3", "-o", tmp_path / "report.json"
    )
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["attacks"]["autoattack@99/255"]["top1"] <= report["subset"]["top1"]


def test_all_corruptions_can_be_had_by_one_word(model: Path, photos: Path, tmp_path: Path) -> None:
    done = evaluate(
        model, photos, "--corruptions", "all", "--limit", "1", "-o", tmp_path / "report.json"
    )
    assert done.exit_code == 0, done.output
    assert len(json.loads((tmp_path / "report.json").read_text())["corruptions"]) == 15


def test_many_classes_are_shown_by_the_hardest(tmp_path: Path) -> None:
    names = [f"class {k:02}" for k in range(24)]
    synthetic_photos(tmp_path / "scenes", classes=1, per_class=24, size=32)
    for name, path in zip(names, sorted((tmp_path / "scenes").rglob("*.jpg")), strict=True):
        (tmp_path / "photos" / name).mkdir(parents=True)
        path.rename(tmp_path / "photos" / name / "1.jpg")
    save_checkpoint(create_model("test_resnet", names, size=32), tmp_path / "model")
    done = evaluate(tmp_path / "model", tmp_path / "photos")
    assert done.exit_code == 0, done.output
    assert "The 20 hardest of 24 classes" in done.stdout
    assert sum(line.strip().startswith("class ") for line in done.stdout.splitlines()) == 21


def test_no_number_is_cut_on_a_narrow_terminal(
    model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = {}
    for width in ("200", "30"):
        monkeypatch.setenv("COLUMNS", width)
        done = evaluate(model, photos)
        shown[width] = [word for word in done.stdout.split() if word[0].isdigit()]
    assert shown["30"] == shown["200"]


def test_classes_and_domains_have_the_names_that_they_have(photos: Path, tmp_path: Path) -> None:
    names = ["bolt [ng]", "bolt [ok]", "ok [/]"]
    save_checkpoint(create_model("test_resnet", names, size=32), tmp_path / "model")
    domain = tmp_path / "domains" / "tags [v2]"
    domain.mkdir(parents=True)
    for name, photo in zip("abc", photos.rglob("*.jpg"), strict=False):
        shutil.copyfile(photo, domain / f"{name}.jpg")
    rows = [f"{file}.jpg,{name}" for file, name in zip("abc", names, strict=True)]
    (domain / "metadata.csv").write_text("\n".join(["file_name,label", *rows]))
    done = evaluate(tmp_path / "model", domain, "--domains", domain.parent)
    assert done.exit_code == 0, done.output
    shown = [line.strip() for line in done.stdout.splitlines()]
    for name in (*names, "domain tags [v2]"):
        assert any(line.startswith(name) for line in shown), name


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["{model}"], 2, "Missing argument 'DATA'"),
        (["nowhere", "{photos}"], 1, "nowhere holds no trained model"),
        (["{model}", "nowhere"], 1, "nowhere does not exist"),
        (["{model}", "{empty}"], 1, "{empty}"),
        (["{model}", "{other}"], 1, "{other} has the class 'zebra', which the model does not know"),
        (["{model}", "{photos}", "--domains", "nowhere"], 1, "nowhere is no folder"),
        (["{model}", "{photos}", "--domains", "{empty}"], 1, "{empty} is empty: put a folder"),
        (["{model}", "{photos}", "--domains", "{photos}"], 1, "photos but no class folders"),
        (["{model}", "{photos}", "--attacks", "fgsm"], 2, "write it as fgsm@4/255"),
        (["{model}", "{photos}", "--attacks", "fgms@1/255"], 2, "did you mean 'fgsm'"),
        (["{model}", "{photos}", "--autoattack", "0.1"], 2, "write it as fgsm@4/255"),
        (["{model}", "{photos}", "--corruptions", "fogg"], 2, "did you mean 'fog'"),
        (["{model}", "{photos}", "--limit", "0"], 2, "0 is not in the range"),
        (["{model}", "{photos}", "-o", "{file}/report.json"], 1, "cannot write"),
    ],
)
def test_a_mistake_is_one_line(
    model: Path, photos: Path, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    synthetic_photos(tmp_path / "scenes", classes=1, per_class=1, size=32)
    (tmp_path / "other").mkdir()
    next((tmp_path / "scenes").iterdir()).rename(tmp_path / "other" / "zebra")
    places = {"model": model, "photos": photos}
    places |= {name: tmp_path / name for name in ("empty", "file", "other")}
    done = evaluate(*(argument.format(**places) for argument in arguments))
    assert done.exit_code == code, done.output
    error = done.stderr.splitlines()[-1]
    assert error.startswith("Error: ")
    assert words.format(**places) in error


def test_help_shows_examples_within_80_columns() -> None:
    shown = evaluate("--help")
    assert "genmix evaluate run test-photos" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80


@pytest.mark.parametrize(
    ("package", "option", "feature", "extra"),
    [
        ("art.attacks", ["--attacks", "fgsm@1/255"], "attacking a model", "proof"),
        ("pyautoattack", ["--autoattack", "1/255"], "AutoAttack", "proof"),
        ("imagecorruptions", ["--corruptions", "fog"], "corrupting pictures", "corruptions"),
    ],
)
def test_without_its_library_one_line_names_the_extra_before_any_work(
    monkeypatch: pytest.MonkeyPatch,
    model: Path,
    photos: Path,
    package: str,
    option: list[str],
    feature: str,
    extra: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    done = evaluate(model, photos, *option)
    assert done.exit_code == 1
    assert done.stderr == f"Error: {feature} needs an extra: pip install 'genmix[{extra}]'\n"


def test_without_torch_one_line_names_the_extra(model: Path, photos: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from genmix.cli import main; main()"
    command = [sys.executable, "-c", code, "evaluate", str(model), str(photos)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Error: genmix evaluate needs an extra: pip install 'genmix[torch]'\n"
