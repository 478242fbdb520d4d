"""Users' mistakes with files and folders: one clear line, before any work, and nothing is lost."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from genmix.cli import main
from genmix.datasets.samples import synthetic_photos
from genmix.fractals import FractalBank
from tests.jobs.outputs import contents

RECIPE = """
size: 32
prompts: {only: [snowy]}
fractals: {count: 4}
screens: {structure: null}
"""

GARBAGE = b"\x93 no file of genmix" * 40


def genmix(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, a recipe, and what was made of them; tests copy it."""
    place = tmp_path_factory.mktemp("made")
    synthetic_photos(place / "photos", classes=2, per_class=2, size=32)
    (place / "mine.yaml").write_text(RECIPE)
    done = genmix(*augment(place), "-o", place / "out")
    assert done.exit_code == 0, done.output
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of one test, with a file and a folder that stand in the way."""
    shutil.copytree(made, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    Path("file").write_bytes(GARBAGE)
    Path("cat.jpg").write_bytes(next((made / "photos").rglob("*.jpg")).read_bytes())
    Path("empty.png").mkdir()
    return tmp_path / "place"


def augment(place: Path = Path()) -> list[str | Path]:
    return ["augment", place / "photos", "--recipe", place / "mine.yaml", "--workers", "1"]


def lines(done: Result) -> list[str]:
    """Return what was said, without progress; an exception that was not told of fails the test."""
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return [line for line in done.stderr.splitlines() if line.startswith("Error: ")]


def refused(done: Result, words: str, code: int = 1) -> None:
    assert done.exit_code == code, done.output
    (line,) = lines(done)
    assert words in line


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("file", "cannot write file: it is a file; choose a folder"),
        ("photos/out", "the output photos/out lies inside the source photos"),
        ("photos", "the output photos lies inside the source photos"),
        (".", "the output . contains the source photos: choose another folder"),
        ("empty.png/..", "contains the source photos"),
        ("pile", "pile is not empty and is no genmix output: choose a new folder"),
    ],
)
def test_an_output_in_a_wrong_place_is_refused_also_by_a_dry_run(
    place: Path, out: str, words: str, more: tuple[str, ...]
) -> None:
    Path("pile").mkdir()
    Path("pile/thing").touch()
    before = contents(place)
    refused(genmix(*augment(), "-o", out, *more), words)
    assert contents(place) == before


def test_an_output_below_a_file_and_a_cache_that_is_one_are_refused(place: Path) -> None:
    refused(genmix(*augment(), "-o", "file/out"), "cannot write file/out: file is a file")
    refused(genmix(*augment(), "-o", "new", "--edits", "file"), "cannot write file: it is a file")
    assert not (place / "new" / "images").exists()


@pytest.mark.parametrize("record", [{"format": 99}, {"job": "training"}, [], {}])
def test_a_folder_of_another_kind_or_version_is_refused(place: Path, record: Any) -> None:
    (place / "out" / ".genmix" / "job.json").write_text(json.dumps(record))
    words = "out was made by another command, or another version of genmix: choose a new folder"
    refused(genmix(*augment(), "-o", "out"), words)


@pytest.mark.parametrize("verb", ["preview", "mix"])
@pytest.mark.parametrize(
    ("sheet", "words", "code"),
    [
        ("cat.jpg", "cat.jpg is no name of a PNG file: end it in .png", 2),
        ("cat.png", "cat.png is one of the photos, and would be overwritten", 2),
        ("empty.png", "cannot write empty.png: it is a folder; give the name of a file", 1),
        ("file/sheet.png", "cannot write file/sheet.png: file is a file", 1),
    ],
)
def test_a_sheet_never_replaces_a_photo_and_is_refused_before_it_is_drawn(
    place: Path, verb: str, sheet: str, words: str, code: int
) -> None:
    Path("cat.png").write_bytes(Path("cat.jpg").read_bytes())
    before = contents(place)
    refused(genmix(verb, "cat.jpg", "cat.png", "-o", sheet), words, code)
    assert contents(place) == before


def test_fractals_are_not_drawn_for_a_place_that_cannot_hold_them(place: Path) -> None:
    refused(genmix("fractals", "-n", "9999", "-o", "file"), "cannot write file: it is a file")
    none = genmix("fractals", "-n", "9999", "-o", "new", "--sheet", "empty.png")
    refused(none, "cannot write empty.png: it is a folder")
    assert list((place / "new").iterdir()) == []
    done = genmix("fractals", "-n", "2", "-o", "new", "--size", "16", "--families", "julia, noise")
    assert done.exit_code == 0, done.output


@pytest.mark.usefixtures("place")
def test_names_that_are_no_text_are_refused_before_any_work(tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9")
    Path("photos").rename(odd)
    Path(odd, "mine.yaml").write_text("fractals: {folder: .}")
    photo, edits = next(Path(odd).rglob("*.jpg")), tmp_path / "edits"
    shutil.copytree(odd, "photos")
    for arguments in (
        (*augment(), "-o", f"{odd}-out"),
        (*augment(), "-o", f"{odd}-out", "--dry-run"),
        (*augment(), "-o", "new", "--recipe", f"{odd}/mine.yaml"),
        ("trace", photo, "out"),
        ("forget", photo, "--from", "out"),
    ):
        more = () if arguments[0] == "trace" or "--dry-run" in arguments else ("--edits", edits)
        done = genmix(*arguments, *more)
        refused(done, "UTF-8 name")
        assert "caf\\xe9" in done.stderr
    assert not Path(f"{odd}-out").exists()
    assert not list(edits.rglob("*.jpg"))


@pytest.mark.usefixtures("place")
def test_pictures_to_blend_in_that_cannot_be_read_are_told_of() -> None:
    shutil.copytree("photos", "textures")
    Path("textures/cut.png").write_bytes(b"")
    recipe = Path("textured.yaml")
    recipe.write_text("fractals: {folder: textures}\nsize: 16\nprompts: {only: [snowy]}")
    command = (*augment(), "--recipe", recipe, "-o", "textured")
    for _ in range(2):
        assert "not blended in: cut.png: empty file" in genmix(*command).stderr
    assert "not blended in: cut.png" in genmix("recipe", "validate", recipe).stderr
    told = json.loads(genmix(*command, "--json").stdout)
    assert told["fractals_left_out"] == {"cut.png": "empty file"}


def test_a_recipe_without_its_folder_of_fractals_is_not_valid(place: Path) -> None:
    Path("lost.yaml").write_text("fractals: {folder: nothere}\n")
    refused(genmix("recipe", "validate", "lost.yaml"), "no folder of fractals at nothere")
    assert (place / "lost.yaml").exists()


def foreign(path: Path) -> None:
    pq.write_table(pa.table({"name": ["a"]}), path)


def garbage(path: Path) -> None:
    path.write_bytes(GARBAGE)


@pytest.mark.parametrize("spoil", [garbage, foreign, Path.unlink])
@pytest.mark.parametrize("name", ["manifest.parquet", "recipe.yaml", "prompts.yaml"])
def test_what_was_spoilt_in_a_finished_output_is_made_anew(
    place: Path, name: str, spoil: Callable[[Path], None]
) -> None:
    before = contents(place / "out")
    spoil(place / "out" / name)
    done = genmix(*augment(), "-o", "out")
    assert done.exit_code == 0, done.output
    assert contents(place / "out") == before


@pytest.mark.parametrize("spoil", [garbage, foreign])
def test_a_spoilt_part_is_told_of_and_made_anew(place: Path, spoil: Callable[[Path], None]) -> None:
    before = contents(place / "out")
    (part,) = (place / "out" / ".genmix" / "shards").glob("*/part.parquet")
    spoil(part)
    Path("out/manifest.parquet").unlink()
    refused(genmix("trace", "cat.jpg", "out"), f"{part.relative_to(place)}")
    done = genmix(*augment(), "-o", "out")
    assert done.exit_code == 0, done.output
    assert contents(place / "out") == before


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (garbage, "cannot read out/manifest.parquet: it is damaged; run genmix augment on"),
        (foreign, "out/manifest.parquet has no column"),
    ],
)
def test_tracing_in_a_spoilt_manifest_is_one_line(
    place: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(place / "out" / "manifest.parquet")
    refused(genmix("trace", "cat.jpg", "out"), words)


@pytest.mark.parametrize("verb", ["status", "sample", "apply", "export"])
@pytest.mark.parametrize("what", ["nothere", "file", "photos", "empty.png"])
def test_what_is_no_output_cannot_be_reviewed(place: Path, verb: str, what: str) -> None:
    more = ["-o", "kept"] if verb == "export" else []
    before = contents(place)
    refused(genmix("review", verb, what, *more), f"{what} is no finished output (it has no mani")
    assert contents(place) == before


def test_reviews_that_are_not_there_are_no_fault_and_the_summary_says_so(place: Path) -> None:
    done = genmix(*augment(), "-o", "new", "--apply-reviews")
    assert done.exit_code == 0, done.output
    assert "written" in done.stdout
    assert "Reviews        none yet, so every picture stays" in done.stdout
    told = genmix(*augment(), "-o", "new", "--apply-reviews", "--json")
    assert json.loads(told.stdout)["reviews"] is None
    part = genmix(*augment(), "-o", "part", "--shard", "2/2", "--apply-reviews")
    assert "This share is done" in part.stdout
    assert "Reviews        are applied when every share is done" in part.stdout
    assert place.exists()


def test_reviews_that_cannot_be_read_are_refused_before_the_work(place: Path) -> None:
    Path("new").mkdir()
    Path("new/.genmix").mkdir()
    garbage(place / "new" / "reviews.sqlite")
    done = genmix(*augment(), "-o", "new", "--apply-reviews")
    refused(done, "reviews.sqlite: file is not a database; it is no file of reviews: move it away")
    assert not (place / "new" / "images").exists()


def test_a_report_is_not_written_among_the_photos_nor_over_the_predictions(place: Path) -> None:
    before = contents(place)
    among = genmix("evaluate", "model", "photos", "--predictions", "photos/all.parquet")
    refused(genmix("evaluate", "m", "photos", "-o", "same", "--predictions", "same"), "one file", 2)
    assert "holds no trained model" in lines(among)[0]
    assert contents(place) == before


def test_a_demo_is_not_mixed_into_other_files(place: Path) -> None:
    before = contents(place)
    refused(genmix("demo", "-o", "photos"), "photos is not empty and is no demo: choose a new")
    refused(genmix("demo", "-o", "file"), "cannot write file: it is a file")
    assert contents(place) == before


def test_a_name_with_line_ends_and_escapes_stays_on_one_line_and_colours_no_terminal(
    place: Path,
) -> None:
    strange = place / "photos" / "ant\n\x1b[31mred"
    strange.mkdir()
    (strange / "a\u3000b.jpg").write_bytes(GARBAGE)
    (strange / "no\x07te.txt").touch()
    done = genmix(*augment(), "-o", "new")
    assert done.exit_code == 0, done.output
    shown = "ant\\n\\x1b[31mred"
    told = done.stderr.splitlines()
    assert f"could not be used: {shown}/a\u3000b.jpg: not an image" in told
    assert f"not used: {shown}/no\\x07te.txt: not an image (.txt)" in told
    assert f"warning: nothing of the class '{shown}' was written" in told
    traced = genmix("trace", strange / "a\u3000b.jpg", "new")
    assert traced.stdout.startswith(f"Planned from {shown}/a\u3000b.jpg in new: 1\n")
    refused(genmix("augment", "ant\nbee", "-o", "other"), "ant\\nbee does not exist")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp932"])
def test_what_a_terminal_cannot_write_is_no_error(place: Path, encoding: str) -> None:
    (place / "photos" / "柴犬é😀").mkdir()
    (place / "photos" / "柴犬é😀" / "1.jpg").write_bytes(Path("cat.jpg").read_bytes())
    for arguments in ([*augment(), "-o", "new"], ["prompts", "list", "--lang", "ja"]):
        done = CliRunner(charset=encoding).invoke(main, list(map(str, arguments)))
        assert done.exit_code == 0, done.exception
    told = CliRunner(charset=encoding).invoke(main, [*map(str, augment()), "-o", "new", "--json"])
    assert "柴犬é😀" in json.loads(told.stdout)["classes"]


def test_standard_error_may_be_closed(place: Path) -> None:
    command = [sys.executable, "-m", "genmix", *map(str, augment()), "-o", "new"]
    done = subprocess.run(["sh", "-c", '"$@" 2>&-', "sh", *command], capture_output=True, text=True)
    assert done.returncode == 0
    assert "Training set   new/images" in done.stdout
    assert (place / "new" / "manifest.parquet").exists()


def test_another_runs_folder_and_a_lost_photo_are_refused_before_fractals_are_drawn(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FractalBank, "open", lambda *_, **__: pytest.fail("drawn"))
    refused(genmix(*augment(), "-o", "out", "--seed", "5"), "seed was 0 there and is 5 now")
    refused(genmix("preview", "cat.jpg", "none.jpg", "-o", "s.png"), "cannot use none.jpg: No such")
    assert not (place / "s.png").exists()


def test_a_cache_of_edits_is_refused_in_a_wrong_place_before_any_is_made(place: Path) -> None:
    before = contents(place)
    edit = ["edit", "photos", "--recipe", "mine.yaml", "--workers", "1"]
    for done in (genmix(*edit, "-o", "out"), genmix(*augment(), "-o", "out", "--edits", "out")):
        refused(done, "out is an output: choose another folder for the edit cache")
    done = genmix(*edit, "-o", "file")
    refused(done, "cannot write file: it is a file; choose a folder")
    assert "edits: 0" not in done.stderr
    assert contents(place) == before


def test_an_audit_that_cannot_be_written_looks_at_no_picture(place: Path) -> None:
    (place / "out" / "audit.json").mkdir()
    done = genmix("audit", "out", "--encoder", "none")
    refused(done, "cannot write out/audit.json: it is a folder")
    assert "pictures" not in done.stderr


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["augment", "", "-o", "new"], "an argument is empty: is a variable of the shell not set?"),
        (["augment", "photos", "-o", ""], "-o is empty: is a variable of the shell not set?"),
        (["recipe", "init", ""], "an argument is empty"),
        (["forget", "--from", "out", "--edits", "", "cat.jpg"], "--edits is empty"),
    ],
)
def test_an_empty_argument_is_not_taken_for_the_working_folder(
    arguments: list[str], words: str
) -> None:
    refused(genmix(*arguments), words, code=2)


def test_an_audit_cuts_no_number_on_a_narrow_terminal(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = {}
    for width in ("200", "30"):
        monkeypatch.setenv("COLUMNS", width)
        done = genmix("audit", place / "out", "--source", "photos", "--encoder", "none")
        assert done.exit_code == 0, done.output
        shown[width] = re.findall(r"[+−\d.]+ ± [\d.]+|\d+\.\d+ to \d+\.\d+", done.stdout)
    assert len(shown["200"]) > 5
    assert shown["30"] == shown["200"]
