"""The command line as its users meet it: words, exit codes, and one line for every mistake."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from genmix import __version__
from genmix.cli import main
from genmix.datasets.samples import synthetic_photos
from genmix.images import decode
from genmix.recipe import load_recipe


def genmix(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def quick(photos: Path, out: Path, *more: str) -> Result:
    return genmix(
        "augment", photos, "-o", out, "--size", "32", "--prompts", "snowy", "--workers", "1", *more
    )


def test_help_and_version_need_none_of_the_heavy_packages() -> None:
    heavy = "{'torch', 'cv2', 'numpy', 'PIL', 'pyarrow', 'pydantic', 'rich', 'yaml'}"
    code = f"import sys, genmix.cli; found = {heavy} & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert genmix("--version").output == f"genmix {__version__}\n"


@pytest.mark.parametrize(
    "verb",
    ["", "augment", "preview", "demo", "fractals", "mix", "train", "evaluate", "compare", "ablate",
     "edit", "serve", "doctor", "screen", "audit", "trace", "forget", "report", "poc", "studio",
     "review", "review status", "review sample", "review export", "review apply",
     "prompts list", "prompts show", "recipe init", "recipe show", "recipe validate"],
)  # fmt: skip
def test_every_verb_explains_itself_with_an_example(verb: str) -> None:
    shown = genmix(*verb.split(), "--help")
    assert shown.exit_code == 0
    assert f"genmix {verb}".strip() in shown.output.split("Options:")[0].split("\n\n", 1)[1]
    assert max(map(len, shown.output.splitlines())) <= 80


@pytest.mark.parametrize("group", ["", "prompts", "recipe", "review"])
def test_the_list_of_verbs_cuts_none_of_them_short(group: str) -> None:
    verbs = genmix(*group.split(), "--help").output.split("Commands:")[1].splitlines()
    assert not [line for line in verbs if line.endswith("...")]


def test_augment_prints_a_table_and_where_to_look(photos: Path, tmp_path: Path) -> None:
    done = quick(photos, tmp_path / "out")
    assert done.exit_code == 0, done.output
    for word in ("planned", "written", "edits made", "contact-sheet.png"):
        assert word in done.output
    again = quick(photos, tmp_path / "out")
    assert "kept from an earlier run" in again.output
    assert "nothing to do" in again.output


def test_json_is_the_only_thing_on_standard_output(photos: Path, tmp_path: Path) -> None:
    done = quick(photos, tmp_path / "out", "--json")
    outcome = json.loads(done.stdout)
    assert outcome["planned"] == 12
    assert outcome["finished"] is True
    assert outcome["written"] + sum(outcome["rejected"].values()) == 12


def test_a_dry_run_estimates_and_writes_nothing(photos: Path, tmp_path: Path) -> None:
    told = quick(photos, tmp_path / "out", "--dry-run", "--variants", "50", "--json")
    outcome = json.loads(told.stdout)
    assert outcome["items"] == 600
    assert outcome["seconds"] > outcome["seconds_cached"] > 0
    assert outcome["output_bytes"] > 0
    assert not (tmp_path / "out").exists()
    assert "Dry run" in quick(photos, tmp_path / "out", "--dry-run").output


def test_strict_exits_with_3_when_a_photo_fails(tmp_path: Path) -> None:
    synthetic_photos(tmp_path / "photos", classes=2, per_class=2, size=32)
    bad = next((tmp_path / "photos").iterdir()) / "bad.jpg"
    bad.write_bytes(b"broken")
    lenient, strict = (
        quick(tmp_path / "photos", tmp_path / name, *more)
        for name, more in (("a", ()), ("b", ("--strict",)))
    )
    assert (lenient.exit_code, strict.exit_code) == (0, 3)
    assert f"{bad.parent.name}/bad.jpg: not an image" in lenient.stderr


def test_shares_end_with_a_word_on_what_is_left(photos: Path, tmp_path: Path) -> None:
    assert quick(photos, tmp_path / "out", "--shard", "2/2").exit_code == 0
    assert "complete when every share is" in quick(photos, tmp_path / "o2", "--shard", "2/2").output
    assert "Training set" in quick(photos, tmp_path / "out", "--shard", "1/2").output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["augmnt"], 2, "did you mean 'augment'?"),
        (["augment", "{photos}"], 2, "Missing option '-o' / '--out'"),
        (["augment", "{photos}", "-o", "{out}", "--sed", "1"], 2, "--seed"),
        (["augment", "{photos}", "-o", "{out}", "--size", "0"], 2, "0 is not in the range"),
        (["augment", "{photos}", "-o", "{out}", "--shard", "5/4"], 2, "from 1/n to n/n"),
        (["augment", "{photos}", "-o", "{out}", "--recipe", "papr"], 2, "did you mean 'paper'"),
        (["augment", "{photos}", "-o", "{out}", "--prompts", "snovy"], 2, "did you mean 'snowy'"),
        (["augment", "{photos}", "-o", "{out}", "--prompts", ","], 2, "--prompts is empty"),
        (["augment", "{photos}", "-o", "{out}", "--prompts-file", "no.yaml"], 2, "cannot read"),
        (["augment", "{photos}", "-o", "{out}", "--editor", "magic"], 1, "https, procedural"),
        (["augment", "nowhere", "-o", "{out}"], 1, "nowhere"),
        (["augment", "{empty}", "-o", "{out}"], 1, "{empty}"),
        (["augment", "{photos}", "-o", "{file}/out"], 1, "cannot write"),
        (["preview", "none.jpg", "-o", "{out}"], 1, "cannot use none.jpg: No such file"),
        (["preview", "{photos}", "-o", "{out}"], 1, "it is a folder: give its photos"),
        (["prompts", "show", "snovy"], 2, "did you mean 'snowy'"),
        (["prompts", "list", "classificaton"], 2, "did you mean 'classification'"),
        (["recipe", "show", "papr"], 2, "did you mean 'paper'"),
        (["recipe", "init", "{out}"], 2, "ends in .yaml"),
        (["recipe", "init", "{file}.yaml"], 1, "exists"),
        (["recipe", "validate", "none.yaml"], 2, "cannot read none.yaml"),
        (["fractals", "-n", "1", "-o", "{out}", "--families", "jula"], 2, "did you mean 'julia'"),
    ],
)
def test_a_mistake_is_one_clear_line_without_a_traceback(
    photos: Path, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    places = {name: str(tmp_path / name) for name in ("out", "empty", "file")}
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "file.yaml").touch()
    done = genmix(*(a.format(photos=photos, **places) for a in arguments))
    assert done.exit_code == code, done.output
    assert words.format(**places) in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


def test_debug_shows_the_traceback() -> None:
    done = genmix("--debug", "augment", "nowhere", "-o", "out")
    assert done.exit_code == 1
    assert type(done.exception).__name__ == "SourceError"


def test_a_users_own_prompts_can_be_used(photos: Path, tmp_path: Path) -> None:
    library = tmp_path / "mine.yaml"
    library.write_text("id: mine\nprompts:\n- {id: winter, prompt: snowy}\n")
    done = genmix(
        "augment", photos, "-o", tmp_path / "out", "--size", "32", "--prompts-file", library,
        "--workers", "1", "--json",
    )  # fmt: skip
    assert json.loads(done.stdout)["prompts"].keys() == {"winter"}
    library.write_text("id: mine\nprompts:\n- {id: moon, prompt: on the moon}\n")
    refused = genmix("augment", photos, "-o", tmp_path / "o2", "--prompts-file", library)
    assert refused.exit_code == 1
    assert "not a generative model" in refused.stderr


def test_prompts_can_be_picked_out_of_several_libraries(photos: Path, tmp_path: Path) -> None:
    done = genmix(
        "augment", photos, "-o", tmp_path / "out", "--size", "32", "--workers", "1", "--json",
        "--prompts", "snowy,fog,graffiti",
    )  # fmt: skip
    assert set(json.loads(done.stdout)["prompts"]) <= {"snowy", "fog", "graffiti"}
    assert json.loads(done.stdout)["planned"] == 36


def test_what_the_operating_system_refuses_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> list[str]:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "presets")

    monkeypatch.setattr("genmix.recipe.shipped_presets", fail)
    done = genmix("recipe", "show")
    assert done.exit_code == 1
    words = "[Errno 5] Input/output error: 'presets'; genmix --debug shows where"
    assert done.stderr == f"Error: {words}\n"
    assert isinstance(genmix("--debug", "recipe", "show").exception, OSError)


def test_preview_draws_a_sheet(photos: Path, tmp_path: Path) -> None:
    chosen = sorted(photos.rglob("*.jpg"))[:2]
    done = genmix("preview", *chosen, "-o", tmp_path / "sheet.png", "--size", "64")
    assert done.exit_code == 0, done.output
    sheet = decode((tmp_path / "sheet.png").read_bytes())
    assert sheet.shape[1] > 9 * 144
    assert sheet.std() > 20


def test_prompts_are_listed_in_both_languages() -> None:
    assert "snowy" in genmix("prompts", "list").output
    assert "雪" in genmix("prompts", "list", "classification", "--lang", "ja").output
    assert "prompt: snowy" in genmix("prompts", "show", "snowy").output
    assert "id: industrial" in genmix("prompts", "show", "industrial").output


def test_a_recipe_begun_from_another_finds_its_prompts_and_fractals(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(photos, "conf/textures")
    Path("conf/p.yaml").write_text("id: mine\nprompts: [{id: night, prompt: low light}]")
    mine = "prompts: {library: p.yaml}\nfractals: {folder: textures}\nsize: 16"
    Path("conf/mine.yaml").write_text(mine)
    for file in ("conf/new.yaml", "other/deep/new.yaml", "new.yaml"):
        assert genmix("recipe", "init", file, "--preset", "conf/mine.yaml").exit_code == 0
        assert genmix("recipe", "validate", file).exit_code == 0
        assert load_recipe(file).chosen_prompts()[0].id == "night"


def test_a_recipe_can_be_started_shown_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    assert genmix("recipe", "init", file, "--preset", "paper").exit_code == 0
    assert "is valid: 9 prompts, 512 pixels" in genmix("recipe", "validate", file).output
    assert genmix("recipe", "show", file).output == genmix("recipe", "show", "paper").output
    assert "domain-adaptation" in genmix("recipe", "show").output


def test_fractals_are_written_as_files(tmp_path: Path) -> None:
    done = genmix("fractals", "-n", "5", "-o", tmp_path, "--size", "32", "--workers", "1")
    assert done.exit_code == 0, done.output
    assert len(list(tmp_path.glob("*.png"))) == 5


def test_the_demo_runs_on_real_photos_and_says_what_to_look_at(tmp_path: Path) -> None:
    (tmp_path / "demo" / "photos").mkdir(parents=True)  # as one that was stopped leaves it
    done = genmix("demo", "-o", tmp_path / "demo", "--workers", "2")
    assert done.exit_code == 0, done.output
    for name in ("training-set/contact-sheet.png", "steps.png", "training-set/README.md"):
        assert (tmp_path / "demo" / name).is_file()
        assert str(tmp_path / "demo" / name) in done.output.replace("\n", "")
