"""A proof of concept from start to end: what it decides, and that a kill changes nothing."""

import errno
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from genmix.cli import main
from genmix.cli.poc_tables import plan_in_words, print_poc
from genmix.errors import ExperimentError, GenmixError, OutputError, SourceError
from genmix.experiments.poc.clock import Clock
from genmix.experiments.poc.engine import Planning, poc
from genmix.experiments.poc.examples import write_examples
from genmix.experiments.poc.measuring import measure
from genmix.experiments.poc.photos import open_all, target_pictures
from genmix.experiments.poc.plan import (
    BASELINE,
    FINAL,
    STAGES,
    Plan,
    Shape,
    Task,
    make_plan,
    remaining,
)
from genmix.experiments.poc.result import Poc
from genmix.experiments.poc.saying import Language
from genmix.experiments.poc.settings import Prices
from genmix.experiments.poc.trials import Budget, Trials
from genmix.experiments.runs import ExperimentFolder
from genmix.images import decode
from genmix.recipe import Recipe, load_recipe
from genmix.reporting.reports import report_of
from genmix.seeding import generator
from tests.experiments.poc.quick import (
    MACHINE,
    QUICK,
    SURE,
    TASK,
    choices,
    numbers,
    options,
    plan_of,
    prepare,
    run,
    settings,
)


def test_where_augmentation_must_help_it_is_a_go(place: Path, tmp_path: Path) -> None:
    """Photos give the class away by colour; elsewhere only the pattern does."""
    found = run(place / "photos", tmp_path / "out", SURE, target=place / "elsewhere")
    assert found.final.primary == "target elsewhere"
    assert found.final.verdict.decision == "go"
    gain = found.final.row("genmix").gains["target elsewhere"]
    assert gain.low > 0
    assert gain.value > 0.05
    assert [stage.name for stage in found.stages] == [BASELINE, FINAL]


def test_labels_at_random_are_not_given_a_go(place: Path, tmp_path: Path) -> None:
    photos = sorted((place / "photos").rglob("*.png"))
    order = generator("labels at random").permutation(len(photos)).tolist()
    for path, other in zip(photos, order, strict=True):
        to = tmp_path / "photos" / photos[other].parent.name / f"{path.parent.name}-{path.name}"
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)
    plan = replace(SURE, steps=20)
    found = run(tmp_path / "photos", tmp_path / "out", plan, recipe="quick")
    assert found.final.primary == "clean"
    assert found.final.verdict.decision != "go"
    assert found.stages[0].verdict.reasons[0].rule == "not-learnt"


def test_all_stages_leave_their_tables_and_a_recipe_to_use(quick: tuple[Path, Poc]) -> None:
    out, found = quick
    assert [stage.name for stage in found.stages] == list(STAGES)
    assert Poc.read(str(out / "poc.json")) == found
    baseline, prompts, mixing, final = found.stages
    assert [row.arm for row in baseline.rows] == ["baseline", "mixup", "cutmix", "genmix"]
    alone = [row for row in prompts.rows if row.kind == "prompt"]
    assert len([row for row in alone if row.scores]) == QUICK.shape.prompts
    assert len(alone) == 26
    for row in alone:
        assert set(row.measures or {}) == {"kept", "seen", "known", "diversity", "closeness"}
        assert row.scores or row.reasons
    assert {row.arm for row in mixing.rows if row.kind == "setting"} == {
        "whole-edits",
        "all-hybrids",
    }
    assert set(final.row("baseline").scores) == {
        "target elsewhere",
        "clean",
        "corrupted",
        "fgsm@2/255",
    }
    recipe = load_recipe(out / "recipe.yaml")
    assert recipe.model_dump(mode="json") == found.recipe
    assert tuple(prompt.id for prompt in recipe.chosen_prompts()) == found.prompts
    assert not set(found.looks) & set(found.prompts)
    assert found.examples
    for example in found.examples:
        for name in (example.original, example.edit, example.hybrid, example.composite):
            assert decode((out / name).read_bytes()).shape == (32, 32, 3)
    assert sum(found.cost.seconds.values()) < QUICK.budget_seconds
    assert not list(out.rglob("*.safetensors"))


def test_examples_are_of_prompts_that_are_not_out_where_there_are_others(
    place: Path, quick: tuple[Path, Poc], tmp_path: Path
) -> None:
    out, edits = shutil.copytree(quick[0], tmp_path / "out"), place / "edits"
    recipe = load_recipe("domain-adaptation").changed(size=32)
    first, *others = (prompt.id for prompt in recipe.chosen_prompts())
    shown = write_examples(out, recipe, edits, frozenset(others))
    assert {example.prompt for example in shown} == {first}
    shown = write_examples(out, recipe, edits, frozenset([first, *others]))
    assert len({example.prompt for example in shown}) > 1


def test_one_seed_is_never_a_go(quick: tuple[Path, Poc]) -> None:
    assert all(stage.verdict.decision != "go" for stage in quick[1].stages)


def test_photos_that_choose_train_and_test_are_different_ones(quick: tuple[Path, Poc]) -> None:
    out, found = quick
    files = {
        part: {path.name for path in (out / "photos" / part).rglob("*.png")}
        for part in ("train", "val", "test")
    }
    assert sum(map(len, files.values())) == len(set.union(*files.values())) == 120
    assert {part: len(names) for part, names in files.items()}.items() <= (
        found.photos.counts.items()
    )


def test_without_the_targets_labels_every_choice_is_the_same(
    place: Path, quick: tuple[Path, Poc], tmp_path: Path
) -> None:
    """The pictures are the same ones, so only labels could make a difference."""
    shutil.copytree(place / "flat", tmp_path / "elsewhere")
    found = run(place / "photos", tmp_path / "out", QUICK, target=tmp_path / "elsewhere")
    assert choices(found) == choices(quick[1])
    assert found.final.primary == "clean"
    assert quick[1].final.primary == "target elsewhere"


def test_killed_and_gone_on_it_ends_with_the_same_numbers_and_gives_no_time_back(
    place: Path, quick: tuple[Path, Poc], tmp_path: Path
) -> None:
    """Also side by side: what was not killed did one training after the other."""
    out, target = tmp_path / "out", place / "elsewhere"
    prepare(out, QUICK, target)
    command = [
        sys.executable, "-m", "genmix", "poc", str(place / "photos"), "-o", str(out),
        "--target", str(target), *options(QUICK), "--jobs", "2", "--json",
        "--edits", str(place / "edits"),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(out.glob("experiment/runs/*/*/*/result.json"))) < 2:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = json.loads((out / "clock.json").read_bytes())
    assert before[BASELINE] > 0
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = Poc.from_dict(json.loads(done.stdout))
    assert numbers(found) == numbers(quick[1])
    assert found.command[:2] == ("genmix", "poc")
    assert (out / "report.html").read_text(encoding="utf-8") == report_of(out, "en")
    for stage, seconds in before.items():
        assert found.cost.seconds[stage] >= seconds
    assert "were spent before" in done.stderr


@pytest.mark.parametrize(
    ("slowness", "kept"),
    [(1.0, Shape(5, 2, 4, 3)), (1.35, Shape(5, 1, 4, 3)), (3.6, Shape(3, 0, 0, 0))],
)
def test_what_takes_longer_than_measured_is_dropped_in_the_order_of_the_shapes(
    slowness: float, kept: Shape, tmp_path: Path
) -> None:
    plan = replace(plan_of(Shape(5, 2, 4, 3), steps=6), budget_seconds=1700.0, run_seconds=25.0)
    budget = Budget(plan, MACHINE, TASK, Clock(tmp_path / "clock.json"), tmp_path / "dropped.json")
    budget.measured([slowness * (plan.run_seconds - MACHINE.start_seconds)] * 4)
    assert budget.check(BASELINE) == kept
    assert budget.check(BASELINE) == kept
    assert [(each.planned, each.kept) for each in budget.dropped] == (
        [] if slowness == 1 else [(plan.shape, kept)]
    )
    again = Budget(plan, MACHINE, TASK, Clock(tmp_path / "clock.json"), tmp_path / "dropped.json")
    assert again.shape == kept


def test_going_on_nothing_is_dropped_for_trainings_that_are_finished(
    quick: tuple[Path, Poc], tmp_path: Path
) -> None:
    shape, done = Shape(3, 1, 3, 1), QUICK.shape.runs()
    whole, rest = (remaining(QUICK, MACHINE, TASK, shape, each) for each in ({}, done))
    plan = replace(QUICK, shape=shape, budget_seconds=(whole + rest) / 2)

    def budget(name: str) -> Budget:
        return Budget(plan, MACHINE, TASK, Clock(tmp_path / "clock.json"), tmp_path / name)

    fresh, again = budget("fresh.json"), budget("again.json")
    runs = ExperimentFolder(quick[0] / "experiment")
    Trials(runs, quick[0], tmp_path, 1, lambda *_: None, again, lambda _: None)
    assert again.done == done
    assert again.check(BASELINE) == shape
    assert fresh.check(BASELINE) != shape


def test_far_too_slow_a_machine_still_ends_with_what_there_is_and_says_what_was_dropped(
    place: Path, tmp_path: Path
) -> None:
    """Thousands of times too slow: after the first seed there is time for testing alone."""
    plan = replace(
        plan_of(Shape(seeds=3, choosing_seeds=1, prompts=3, dials=1), steps=6),
        run_seconds=MACHINE.start_seconds + 1e-4,
    )
    found = run(place / "photos", tmp_path / "out", plan, recipe="quick")
    assert found.dropped[0].stage == BASELINE
    assert found.dropped[-1].kept == Shape(3, 0, 0, 0)
    assert found.dropped[0].slowness > 10
    assert [stage.name for stage in found.stages] == [BASELINE, FINAL]
    assert found.final.row("baseline").scores["clean"].seeds == 1
    assert found.final.verdict.decision != "go"
    console = Console(width=100, record=True)
    print_poc(found, console, "en")
    assert "prompts 3 → 0" in " ".join(console.export_text().split())


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_tables_fit_80_columns_in_both_languages(quick: tuple[Path, Poc], lang: Language) -> None:
    console = Console(width=80, record=True)
    print_poc(quick[1], console, lang)
    text = console.export_text()
    assert "…" not in text
    words = {"en": ("Stage 2", "Decision", "closer"), "ja": ("第 2 段階", "最終判定", "近さ")}
    assert all(word in text for word in words[lang])


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_plan_is_said_in_plain_words(lang: Language) -> None:
    planning = Planning(QUICK, MACHINE, TASK)
    lines = list(plan_in_words(planning, lang))
    assert len(lines) == 5
    assert "{" not in "".join(lines)
    without = replace(planning, plan=SURE, spent_seconds=30.0)
    assert len(list(plan_in_words(without, lang))) == 6


def test_money_is_reckoned_with_the_prices_given_and_only_then(
    place: Path, quick: tuple[Path, Poc], tmp_path: Path
) -> None:
    out, found = quick
    assert found.cost.money is None
    shutil.copytree(out, tmp_path / "out")
    once = settings(place / "photos", QUICK, place / "elsewhere")
    priced = poc(once, tmp_path / "out", prices=Prices(cpu_hour=2, gpu_hour=36, currency="EUR"))
    hours = sum(found.cost.seconds.values()) / 3600
    assert priced.cost.money == pytest.approx(2 * hours)
    full = priced.cost.full
    assert full.photos == 120
    assert full.edits == 120 * len(found.prompts)
    assert full.diffusion_money == pytest.approx(full.edits / 100)
    assert numbers(priced) == numbers(found)
    asked = ["poc", place / "photos", "-o", tmp_path / "out", "--target", place / "elsewhere"]
    again = [*map(str, asked), *options(QUICK), "--jobs", "1", "--lang", "ja", "--json"]
    done = CliRunner().invoke(main, again)
    assert Poc.from_dict(json.loads(done.stdout)).cost == priced.cost


def test_the_command_leaves_its_report_in_the_language_asked_for_and_names_it(
    place: Path, quick: tuple[Path, Poc], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(quick[0], out)
    asked = ["poc", place / "photos", "-o", out, "--target", place / "elsewhere", *options(QUICK)]
    done = CliRunner().invoke(main, [*map(str, asked), "--jobs", "1", "--lang", "ja"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == str(out / "report.ja.html")
    assert (out / "report.ja.html").read_text(encoding="utf-8") == report_of(out, "ja")
    assert not (out / "report.html").exists()


def test_the_plan_knows_how_many_edits_the_recipe_makes_of_a_photo(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Task] = []

    def planned(task: Task, *_: object) -> Plan:
        seen.append(task)
        raise ExperimentError("seen")

    monkeypatch.setattr("genmix.experiments.poc.engine.measure", lambda *_: MACHINE)
    monkeypatch.setattr("genmix.experiments.poc.engine.make_plan", planned)
    recipe = load_recipe("classification")
    two = recipe.prompts.model_dump() | {"per_photo": 2}
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe.changed(variants=3, prompts=two).to_yaml(), encoding="utf-8")
    with pytest.raises(ExperimentError, match="seen"):
        poc(settings(place / "photos", QUICK, recipe=str(path)), tmp_path / "out")
    assert [(task.prompts, task.variants) for task in seen] == [(2, 3)]


def test_what_ends_before_there_is_a_plan_leaves_the_folder_to_other_settings(
    place: Path, tmp_path: Path
) -> None:
    out, asked = tmp_path / "out", settings(place / "photos", QUICK)
    for wrong, words in (
        ({"train": asked.train.model_copy(update={"model": "resnet81"})}, "no model 'resnet81'"),
        ({"targets": {"none": str(tmp_path / "none")}}, "does not exist"),
        ({"budget_seconds": 1.0, "recipe": "quick"}, "a budget of 1 s is too little here"),
        (
            {"budget_seconds": 1.0, "train": asked.train.model_copy(update={"batch_size": 300})},
            "a budget of 1 s is too little here",
        ),
    ):
        with pytest.raises(GenmixError, match=words):
            poc(asked.model_copy(update=wrong), out)
        assert not out.exists()
    out.mkdir()
    with pytest.raises(SourceError, match="does not exist"):
        poc(asked.model_copy(update={"data": str(tmp_path / "none")}), out)
    assert not list(out.iterdir())  # the user's own folder stays


def test_on_a_full_disk_it_says_so_and_keeps_what_it_has(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("genmix.experiments.poc.engine.write_look", full)
    with pytest.raises(OutputError, match=r"the disk is full at .*: free some space and run the"):
        run(place / "photos", tmp_path / "out", QUICK)
    assert (tmp_path / "out" / "photos.json").exists()
    assert (tmp_path / "out" / "plan.json").exists()


def test_another_budget_in_the_same_folder_is_refused_by_name(
    place: Path, quick: tuple[Path, Poc]
) -> None:
    asked = settings(place / "photos", QUICK, place / "elsewhere")
    with pytest.raises(OutputError, match=r"budget_seconds was 3600\.0 there and is 7200\.0 now"):
        poc(asked.model_copy(update={"budget_seconds": 7200.0}), quick[0])


@pytest.mark.parametrize("among", ["photos", "elsewhere"])
def test_an_output_among_the_photos_is_refused(place: Path, among: str) -> None:
    asked = settings(place / "photos", QUICK, place / "elsewhere")
    with pytest.raises(OutputError, match="lies inside"):
        poc(asked, place / among / "out")
    assert not (place / among / "out").exists()


def test_too_few_photos_are_refused_before_anything_is_measured(
    place: Path, tmp_path: Path
) -> None:
    shutil.copytree(place / "photos", tmp_path / "photos")
    for path in sorted((tmp_path / "photos" / "dots").iterdir())[2:]:
        path.unlink()
    with pytest.raises(ExperimentError, match="class 'dots' has 2 photos, too few"):
        poc(settings(tmp_path / "photos", QUICK), tmp_path / "out")


def test_a_file_that_is_no_proof_of_concept_is_refused(tmp_path: Path) -> None:
    (tmp_path / "poc.json").write_text('{"format": 1}')
    with pytest.raises(ExperimentError, match="as a proof of concept"):
        Poc.read(tmp_path / "poc.json")


def _unreasoned(final: dict[str, Any]) -> None:
    final["verdict"]["reasons"] = []


def _unchosen(final: dict[str, Any]) -> None:
    final["chosen"] = "zzz"


@pytest.mark.parametrize(
    ("hurt", "words"),
    [
        (_unreasoned, r"the verdict of its stage 'final' has no reasons"),
        (_unchosen, r"'zzz' was chosen, and is no arm of it"),
    ],
)
def test_a_record_that_says_nothing_or_chose_what_is_not_there_is_refused(
    quick: tuple[Path, Poc], tmp_path: Path, hurt: Callable[[dict[str, Any]], None], words: str
) -> None:
    values = json.loads((quick[0] / "poc.json").read_bytes())
    hurt(values["stages"][-1])
    (tmp_path / "poc.json").write_text(json.dumps(values))
    with pytest.raises(ExperimentError, match=rf"as a proof of concept \({words}\): give the"):
        Poc.read(tmp_path / "poc.json")
    done = CliRunner().invoke(main, ["report", str(tmp_path)])
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1


def test_a_slow_editor_is_measured_by_few_edits_and_a_quick_one_by_many(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = settings(place / "photos", QUICK)
    recipe = load_recipe("quick").changed(size=32, fractals={"count": 2})
    prompts = len(recipe.chosen_prompts())
    for seconds, items in ((20.0, [1]), (1.0, [1, prompts]), (1e-3, [1, prompts, 64 * prompts])):
        made: list[int] = []
        estimated = counting(made, seconds)
        monkeypatch.setattr("genmix.experiments.poc.measuring.estimate", estimated)
        machine = measure(asked, open_all(asked), recipe, 1, 1)
        assert machine.edit_seconds == pytest.approx(seconds)
        assert made == items


def counting(made: list[int], seconds: float) -> Callable[..., SimpleNamespace]:
    """Pretend to estimate a run whose edits take so long; note how many were made."""

    def estimated(
        photos: Path, _: Path, recipe: Recipe, *, limit: int | None, **_more: object
    ) -> SimpleNamespace:
        count = len(list(photos.rglob("*.png"))) if limit is None else limit
        made.append(count * len(recipe.chosen_prompts()))
        return SimpleNamespace(seconds=seconds * made[-1], items=made[-1])

    return estimated


def test_this_machine_is_measured_on_the_photos_themselves(place: Path) -> None:
    asked = settings(place / "photos", QUICK)
    recipe = load_recipe("quick").changed(size=32, fractals={"count": 2})
    machine = measure(asked, open_all(asked), recipe, 1, 1)
    for key in ("step_seconds", "photo_seconds", "edit_seconds", "read_seconds"):
        assert 0 < getattr(machine, key) < 5
    assert make_plan(TASK, machine, 36_000).total_seconds < 36_000


def test_a_damaged_record_is_named(place: Path, quick: tuple[Path, Poc], tmp_path: Path) -> None:
    out = shutil.copytree(quick[0], tmp_path / "out")
    (out / "poc.json").unlink()
    (run_of_one,) = (out / "experiment" / "runs" / "baseline").glob("*/0/result.json")
    for record in [
        *(out / f"{name}.json" for name in ("clock", "plan", "photos", "looked")),
        out / "experiment" / "lots.json",
        run_of_one,
        out / "final" / "baseline" / "0.json",
    ]:
        whole = record.read_bytes()
        record.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ExperimentError, match=f"cannot read {re.escape(str(record))}"):
            poc(settings(place / "photos", QUICK, place / "elsewhere"), out)
        record.write_bytes(whole)


def test_damaged_pictures_of_a_target_are_named(tmp_path: Path) -> None:
    pictures = tmp_path / "targets" / "elsewhere" / "pictures.npy"
    pictures.parent.mkdir(parents=True)
    pictures.write_bytes(b"\x93NUMPY")
    with pytest.raises(ExperimentError, match=f"cannot read {re.escape(str(pictures))}"):
        target_pictures(tmp_path, "elsewhere")
