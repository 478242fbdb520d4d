"""Comparisons end to end: real photos on disk, real training, real processes that are killed."""

import csv
import io
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from genmix.errors import ExperimentError, GenmixError, ImageError, OutputError, TrainingError
from genmix.experiments.ablate import ablate
from genmix.experiments.arms import parse_arm, parse_arms
from genmix.experiments.bench import Bench, CompareSettings
from genmix.experiments.compare import Status, compare, count_without_model
from genmix.experiments.effects import Ablation
from genmix.experiments.findings import Comparison
from genmix.experiments.runs import ExperimentFolder, Task
from genmix.jobs import augment
from genmix.reporting.tables import print_comparison
from genmix.training.checkpoint import load_checkpoint


def arms_of(place: Path) -> str:
    return f"baseline,mixup,genmix:{place / 'mine.yaml'}+cutmix"


@pytest.fixture(scope="module")
def finished(
    place: Path, settings: CompareSettings, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A finished comparison; tests read it and leave it as it is."""
    out = tmp_path_factory.mktemp("finished") / "out"
    compare(settings, arms_of(place), out, seeds=2, edits=place / "edits")
    return out


def results(out: Path) -> dict[str, object]:
    """What every run measured, by its place."""
    return {
        path.parent.relative_to(out / "runs").as_posix(): json.loads(path.read_bytes())["scores"]
        for path in sorted(out.glob("runs/*/*/*/result.json"))
    }


def changed(settings: CompareSettings, **changes: object) -> CompareSettings:
    """Settings with another training."""
    return settings.model_copy(update={"train": settings.train.model_copy(update=changes)})


def test_a_comparison_leaves_every_run_and_what_they_say(finished: Path, place: Path) -> None:
    found = Comparison.read(finished / "comparison.json")
    assert found.arms == tuple(arm.name for arm in parse_arms(arms_of(place)))
    assert found.reference == "baseline"
    assert len(found.runs) == len(results(finished)) == 3 * 2
    assert [metric.key for metric in found.metrics] == ["target drawings", "val", "ece"]
    assert found.about["photos"] == {"train": 24, "val": 6, "target drawings": 12}
    assert found.about["versions"]["torch"]
    assert found.sizes == (8.0,)
    rows = list(csv.DictReader((finished / "comparison.csv").read_text().splitlines()))
    assert [(row["arm"], row["seed"]) for row in rows] == [
        (run.arm, str(run.seed)) for run in found.runs
    ]
    assert not (finished / "work").exists()


def test_each_result_holds_the_whole_evaluation(finished: Path) -> None:
    path = finished / "runs" / "baseline" / "all" / "0" / "result.json"
    result = json.loads(path.read_bytes())
    assert [file.name for file in path.parent.iterdir()] == ["result.json"]
    clean = result["evaluation"]["clean"]
    assert result["scores"]["val"] == clean["top1"]
    assert sum(map(sum, clean["confusion"])) == clean["count"] == 6
    assert (
        result["scores"]["target drawings"] == (result["evaluation"]["domains"]["drawings"]["top1"])
    )


def test_the_same_seeds_give_the_same_numbers_and_others_do_not(
    finished: Path, place: Path, settings: CompareSettings, tmp_path: Path
) -> None:
    compare(settings, arms_of(place), tmp_path / "out", seeds=[1, 7], edits=place / "edits")
    before, again = results(finished), results(tmp_path / "out")
    shared = before.keys() & again.keys()
    assert len(shared) == 3
    assert {key: before[key] for key in shared} == {key: again[key] for key in shared}
    assert again["mixup/all/7"] not in before.values()


def test_killed_in_a_run_the_same_command_ends_with_the_same_numbers(
    finished: Path, place: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [
        sys.executable, "-m", "genmix", "compare", str(place / "photos"), "-o", str(out),
        "--target", str(place / "drawings"), "--arms", arms_of(place), "--seeds", "2",
        "--model", "test_resnet", "--weights", "scratch", "--size", "32", "--steps", "6",
        "--batch-size", "8", "--edits", str(place / "fresh-edits"), "--workers", "1",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (len(results(out)) > 1 and list(out.glob("work/*/*/*"))):
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert 2 <= len(results(out)) < 6
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert results(out) == results(finished)
    assert "baseline" in done.stdout
    assert (out / "comparison.png").is_file()
    found = Comparison.read(out / "comparison.json")
    assert found.about["command"][:2] == ["genmix", "compare"]


def test_what_is_done_is_not_done_again_and_more_may_be_added(
    finished: Path, place: Path, settings: CompareSettings, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/*/*/result.json")}
    said: list[Status] = []
    found = compare(
        settings, "baseline,cutmix", out, seeds=3, edits=place / "edits", progress=said.append
    )
    assert {status.name for status in said} == {
        "cutmix, seed 0", "cutmix, seed 1", "baseline, seed 2", "cutmix, seed 2",
    }  # fmt: skip
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [status.run for status in said] == sorted(status.run for status in said)
    assert said[-1].runs == 6
    assert {status.stage.split(",")[0] for status in said} == {"training", "judging", "finished"}
    steps = [status for status in said if status.stage == "training"]
    assert all(status.loss is not None and status.accuracy is not None for status in steps)
    assert (said[-1].done, said[-1].seconds_left) == (6, 0.0)
    assert found.seeds == (0, 1, 2)
    assert len(results(out)) == 3 * 2 + 1 + 3


def test_edits_that_the_cache_lost_are_made_again(
    place: Path, settings: CompareSettings, tmp_path: Path
) -> None:
    arm, out, edits = f"genmix:{place / 'mine.yaml'}", tmp_path / "out", tmp_path / "edits"
    compare(settings, arm, tmp_path / "whole", seeds=2, edits=edits)
    compare(settings, arm, out, seeds=1, edits=edits)
    shutil.rmtree(edits)
    compare(settings, arm, out, seeds=2, edits=edits)
    assert results(out) == results(tmp_path / "whole")


def test_edits_of_photos_that_changed_since_are_not_made_again(
    place: Path, settings: CompareSettings, tmp_path: Path
) -> None:
    arm, out, edits = f"genmix:{place / 'mine.yaml'}", tmp_path / "out", tmp_path / "edits"
    photos = shutil.copytree(place / "photos", tmp_path / "photos")
    other = settings.model_copy(update={"data": str(photos)})
    compare(other, arm, out, seeds=1, edits=edits)
    first, second = sorted((photos / "disc").iterdir())[:2]
    shutil.copyfile(second, first)
    shutil.rmtree(edits)
    with pytest.raises(
        ExperimentError, match=r"edits of .* cannot be made again, for their photos"
    ):
        compare(other, arm, out, seeds=2, edits=edits)


def test_another_setting_in_the_same_folder_is_named_and_nothing_is_harmed(
    finished: Path, place: Path, settings: CompareSettings
) -> None:
    before = results(finished)
    for other, words in (
        (changed(settings, steps=7), "steps was 6 there and is 7 now"),
        (changed(settings, model="test_vit"), "model was test_resnet there and is test_vit now"),
        (
            settings.model_copy(update={"targets": {}}),
            "targets.drawings was 12 there and is not set now",
        ),
        (settings.model_copy(update={"fit": "pad"}), "fit was crop there and is pad now"),
    ):
        with pytest.raises(GenmixError, match=words):
            compare(other, arms_of(place), finished, seeds=2)
    assert results(finished) == before


def test_what_would_be_refused_is_refused_before_anything_is_tried(
    place: Path, settings: CompareSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Bench, "rehearse")
    (tmp_path / "file").touch()
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "mine.txt").touch()
    for out, words in (
        (place / "photos" / "out", "lies inside the source"),
        (place / "drawings" / "out", "lies inside the source"),
        (place, "contains the source"),
        (tmp_path / "file", "it is a file; choose a folder"),
        (tmp_path / "else", "is not empty and is no genmix output"),
    ):
        with pytest.raises(OutputError, match=words):
            compare(settings, "baseline", out, seeds=1)
    assert not (place / "photos" / "out").exists()


@pytest.mark.parametrize("damage", [b"no JSON", b"[]", b"{}", b"7"])
def test_a_damaged_record_is_named_with_what_to_remove(tmp_path: Path, damage: bytes) -> None:
    folder, task = ExperimentFolder(tmp_path), Task(parse_arm("baseline"), None, 0)
    folder.note_threads(task, 1)
    (threads,) = tmp_path.rglob("threads.json")
    (result := tmp_path / "runs" / task.place / "result.json").parent.mkdir(parents=True)
    for record in (threads, result):
        record.write_bytes(damage)
    looks: dict[Path, Callable[[], object]] = {
        result: partial(folder.read, task),
        threads: partial(folder.note_threads, task, 2),
    }
    for path, look in looks.items():
        with pytest.raises(ExperimentError, match=f"cannot read {path}: remove {path.parent}"):
            look()


def test_a_recipe_that_changed_since_is_named(
    place: Path, settings: CompareSettings, tmp_path: Path
) -> None:
    recipe = tmp_path / "mine.yaml"
    shutil.copy(place / "mine.yaml", recipe)
    arm = f"genmix:{recipe}"
    compare(settings, arm, tmp_path / "out", seeds=1, edits=place / "edits")
    recipe.write_text(recipe.read_text() + "hybrid_share: 0.5\n")
    with pytest.raises(GenmixError, match=r"hybrid_share was 1.0 there and is 0.5 now"):
        compare(settings, arm, tmp_path / "out", seeds=1, edits=place / "edits")


def test_more_workers_change_nothing(settings: CompareSettings, tmp_path: Path) -> None:
    alone = compare(settings, "mixup", tmp_path / "a", seeds=1)
    many = compare(changed(settings, workers=2), "mixup", tmp_path / "b", seeds=1)
    assert alone.runs[0].scores == many.runs[0].scores


def test_every_arm_trains_on_the_same_few_photos_of_a_seed(
    place: Path, settings: CompareSettings, tmp_path: Path
) -> None:
    bench = Bench(settings)
    few = {seed: [photo.path for photo in bench.photos(2, seed).photos] for seed in (0, 1)}
    assert len(few[0]) == 2 * 3
    assert few[0] != few[1]
    held_out = {photo.path for photo in bench.val.photos}
    assert not held_out & {photo.path for photo in bench.train.photos}
    found = compare(
        settings, arms_of(place), tmp_path / "out", seeds=1, shots=[None, 2], edits=place / "edits"
    )
    assert found.shots == (2, None)
    assert found.sizes == (2.0, 8.0)
    assert len(found.runs) == 3 * 2


def test_photos_to_test_on_may_be_given(place: Path, settings: CompareSettings) -> None:
    bench = Bench(settings.model_copy(update={"val": str(place / "drawings")}))
    assert (len(bench.train), len(bench.val)) == (30, 12)


def test_attacks_and_corruptions_are_measured_on_so_many_photos(
    settings: CompareSettings, tmp_path: Path
) -> None:
    robust = settings.model_copy(
        update={"attacks": ("fgsm@4/255",), "corruptions": ("contrast",), "limit": 3}
    )
    found = compare(robust, "baseline", tmp_path / "out", seeds=1)
    keys = [metric.key for metric in found.metrics]
    assert keys == ["target drawings", "val", "attack fgsm@4/255", "corruptions", "ece"]
    assert found.runs[0].scores.keys() >= set(keys)
    result = json.loads(next((tmp_path / "out").rglob("result.json")).read_bytes())
    assert result["evaluation"]["attacks"]["fgsm@4/255"]["count"] == 3


def test_an_attack_written_in_another_way_is_measured_once_and_stands_in_the_table(
    settings: CompareSettings, tmp_path: Path
) -> None:
    spelled = ("fgsm@4.0/255", " pgd-10@0.5/255", "pgd@0.50/255", "fgsm@4/255")
    robust = settings.model_copy(update={"attacks": spelled, "limit": 3})
    found = compare(robust, "baseline", tmp_path / "out", seeds=1)
    keys = [metric.key for metric in found.metrics]
    assert keys == ["target drawings", "val", "attack fgsm@4/255", "attack pgd@0.5/255", "ece"]
    table = io.StringIO()
    print_comparison(found, Console(file=table, width=120))
    assert all(table.getvalue().count(name) == 1 for name in ("fgsm@4/255", "pgd@0.5/255"))
    assert "attack" in (tmp_path / "out" / "comparison.csv").read_text()


def test_models_are_kept_when_asked_for(settings: CompareSettings, tmp_path: Path) -> None:
    compare(settings, "baseline", tmp_path / "out", seeds=1, keep_models=True)
    model = load_checkpoint(tmp_path / "out" / "runs" / "baseline" / "all" / "0")
    assert (model.name, len(model.classes)) == ("test_resnet", 3)


def test_runs_that_were_finished_without_keeping_models_are_counted(
    settings: CompareSettings, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    compare(settings, "baseline", out, seeds=2)
    assert count_without_model(compare(settings, "baseline", out, seeds=2), out) == 2
    found = compare(settings, "baseline", out, seeds=3, keep_models=True)
    assert count_without_model(found, out) == 2


def test_an_error_names_the_run(settings: CompareSettings, tmp_path: Path) -> None:
    wild = changed(settings, optimizer="sgd", lr=1e30)
    with pytest.raises(TrainingError, match=r"^baseline, seed 0: the loss is [^\n]*$"):
        compare(wild, "baseline", tmp_path / "out", seeds=1)


def test_what_cannot_work_is_said_before_anything_is_trained(
    place: Path, settings: CompareSettings, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    few = tmp_path / "few"
    shutil.copytree(place / "photos", few)
    (few / "spoon").mkdir()
    shutil.copy(next((few / "disc").iterdir()), few / "spoon" / "1.jpg")
    for other, arms, shots, words in (
        (settings, "mixpu", None, "did you mean 'mixup'"),
        (settings, "baseline,cutout:fill=abc", None, "the arm 'cutout:fill=abc': fill is 'abc'"),
        (
            settings,
            "baseline,gridmix:cells=1000",
            None,
            "cells=1000': cells is 1000 and the images",
        ),
        (settings, "baseline", 9, "8 photos and 9 are asked for"),
        (settings.model_copy(update={"val": str(few)}), "baseline", None, "the class 'spoon'"),
        (settings.model_copy(update={"targets": {"x": str(few)}}), "baseline", None, "'spoon'"),
        (settings.model_copy(update={"data": str(few)}), "baseline", None, "has one photo"),
        (settings.model_copy(update={"val": settings.data}), "baseline", None, "is trained on"),
        (settings.model_copy(update={"attacks": ("fsgm@4/255",)}), "baseline", None, "fgsm"),
        (settings.model_copy(update={"corruptions": ("fogg",)}), "baseline", None, "fog"),
    ):
        with pytest.raises(GenmixError, match=words):
            compare(other, arms, out, seeds=1, shots=[shots])
    assert not out.exists()


def test_an_output_cannot_test_what_its_images_trained(
    place: Path, settings: CompareSettings, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    augment(place / "photos", out, "quick", edits=place / "edits")
    other = settings.model_copy(update={"data": str(out / "images"), "val": str(out)})
    with pytest.raises(ExperimentError, match="set is what is trained on"):
        Bench(other)
    photos, drawings = str(place / "photos"), str(place / "drawings")
    for val, targets in ((photos, {}), (drawings, {"again": photos})):
        again = {"data": str(out), "val": val, "targets": targets}
        with pytest.raises(TrainingError, match="genmix made pictures to train on of"):
            compare(settings.model_copy(update=again), "baseline", tmp_path / "proof", seeds=1)


def test_a_copy_of_what_is_trained_on_cannot_test_it(
    settings: CompareSettings, tmp_path: Path
) -> None:
    copy = str(shutil.copytree(settings.data, tmp_path / "copy"))
    for again in ({"val": copy}, {"targets": {"again": copy}}):
        with pytest.raises(TrainingError, match=f"test on in {copy} are also trained on: "):
            compare(settings.model_copy(update=again), "baseline", tmp_path / "proof", seeds=1)
    assert not (tmp_path / "proof").exists()


def test_all_photos_that_cannot_be_read_are_named_before_anything_is_trained(
    place: Path, settings: CompareSettings, tmp_path: Path
) -> None:
    photos = shutil.copytree(place / "photos", tmp_path / "photos")
    drawings = shutil.copytree(place / "drawings", tmp_path / "drawings")
    other = settings.model_copy(
        update={"data": str(photos), "targets": {"drawings": str(drawings)}}
    )
    bench = Bench(other)
    damaged = [
        photos / bench.train.photos[3].path,
        photos / bench.val.photos[1].path,
        drawings / bench.targets["drawings"].photos[-1].path,
    ]
    for photo in damaged:
        photo.write_bytes(photo.read_bytes()[:100])
    with pytest.raises(ImageError) as raised:
        compare(other, "baseline", tmp_path / "out", seeds=1)
    said = str(raised.value)
    assert all(photo.name in said for photo in damaged)
    assert "training: 1 of 24 photos cannot be used" in said
    assert "target drawings: 1 of 12 photos" in said
    assert said.count("remove") == 1
    assert "\n" not in said
    assert not (tmp_path / "out").exists()


def test_the_first_arm_is_the_reference_where_there_is_no_baseline(
    finished: Path, place: Path, settings: CompareSettings
) -> None:
    found = compare(settings, "mixup", finished, seeds=2, edits=place / "edits")
    assert found.reference == "mixup"
    compare(settings, arms_of(place), finished, seeds=2, edits=place / "edits")


def test_an_ablation_trains_each_level_once_and_makes_edits_only_where_they_change(
    place: Path, settings: CompareSettings, tmp_path: Path
) -> None:
    base = parse_arm(f"genmix:{place / 'mine.yaml'}")
    found = ablate(
        settings,
        base,
        tmp_path / "out",
        factors=["seam", "screens"],
        pairs=[("screens", "composites")],
        seeds=2,
        edits=place / "edits",
    )
    arms = found.comparison.arms
    assert arms[0] == found.comparison.reference == "recipe"
    assert set(arms) == {
        "recipe", "seam=0", "seam=0.08", "seam=0.16", "screens=off", "composites=0.3",
        "composites=0.9", "screens=off, composites=0.3", "screens=off, composites=0.9",
    }  # fmt: skip
    assert len(list((tmp_path / "out" / "sets").iterdir())) == 2  # with and without screens
    assert Ablation.read(tmp_path / "out" / "ablation.json") == found
    for factor in found.factors:
        assert found.sentence(factor).startswith(f"{factor.name}: ")
