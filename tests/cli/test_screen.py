"""`genmix screen` as its users meet it."""

import csv
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from genmix.cli import main
from genmix.errors import OutputError
from genmix.images import decode
from genmix.jobs import Share, augment
from genmix.jobs import plan as plan_module
from genmix.jobs.rescreen import rescreen, tabulate
from genmix.recipe import Recipe, load_recipe
from tests.jobs.outputs import contents, rows


@pytest.fixture
def output(photos: Path, small: Recipe, tmp_path: Path) -> Path:
    augment(photos, tmp_path / "out", small, edits=tmp_path / "edits")
    return tmp_path / "out"


def screen(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["screen", *map(str, arguments)])


def test_new_limits_give_a_figure_sheets_a_table_and_a_recipe_that_makes_no_edit_again(
    output: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, report = contents(output), tmp_path / "out-screening"
    monkeypatch.chdir(tmp_path)
    done = screen(
        "out", "--photos", photos, "--edits", tmp_path / "edits", "--off", "blank",
        "--on", "density", "--similarity-min", "0.4", "--encoder", "efficientnet_lite0",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert contents(output) == before
    assert {path.name for path in report.iterdir()} == {
        "scores.png", "scores.svg", "screening.csv", "recipe.yaml",
        "nearest-unchanged.png", "nearest-similarity.png", "nearest-density.png",
    }  # fmt: skip
    assert decode((report / "scores.png").read_bytes()).std() > 5
    table = list(csv.DictReader((report / "screening.csv").read_text().splitlines()))
    by_class = [row for row in table if row["by"] == "class"]
    kept = sum(int(row["kept"]) for row in by_class)
    assert {row["by"] for row in table} == {"class", "prompt"}
    lost = sum(int(row[f"rejected by {name}"]) for row in by_class for name in ("similarity",))
    assert lost > 0
    assert "genmix augment" in done.stdout
    recipe = load_recipe(report / "recipe.yaml")
    assert "library: ../out/prompts.yaml" in (report / "recipe.yaml").read_text()
    summary = augment(photos, tmp_path / "new", recipe, edits=tmp_path / "edits")
    assert (summary.edits_made, summary.edits_reused) == (0, 24)
    assert summary.tally.written == kept
    assert "screen_blank" not in rows(tmp_path / "new")[0]


def test_the_screens_of_another_recipe_can_be_tried_and_changed(
    output: Path, photos: Path, small: Recipe, tmp_path: Path
) -> None:
    other = small.changed(screens={"blank": None, "unchanged": {"min_difference": 250}})
    (tmp_path / "other.yaml").write_text(other.to_yaml())
    done = screen(
        output, "--photos", photos, "--edits", tmp_path / "edits", "--recipe",
        tmp_path / "other.yaml", "--structure-min", "-1",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    screens = load_recipe(tmp_path / "out-screening" / "recipe.yaml").screens
    assert screens.names == ("unchanged", "structure")
    assert screens.unchanged == other.screens.unchanged
    assert "0 of 8, 8 by unchanged" in done.stdout


def test_an_output_under_way_is_judged_as_far_as_it_is(
    photos: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "_ITEMS_PER_SHARD", 8)
    augment(photos, tmp_path / "out", small, share=Share(1, 2), edits=tmp_path / "edits")
    found = rescreen(tmp_path / "out", photos, edits=tmp_path / "edits")
    assert 0 < len(found.judged) < 24
    assert list(found.limits) == ["blank", "unchanged"]
    assert sum(kept for _, kept, _ in tabulate(found.judged, "label")) <= len(found.judged)


def test_edits_that_the_cache_has_lost_are_counted(output: Path, photos: Path) -> None:
    edits = output.with_name("edits")
    next(edits.rglob("*.jpg")).unlink()
    found = rescreen(output, photos, edits=edits)
    assert (len(found.judged), found.missing) == (23, 1)
    with pytest.raises(OutputError, match=r"none of the 24 edits .* give its folder with --edits"):
        rescreen(output, photos, edits=output.with_name("empty"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--on", "densty"], "there is no screen 'densty'; did you mean 'density'?"),
        (["--similarity-min", "2"], "similarity.min_similarity"),
        (["--on", "label"], "label.model"),
    ],
)
def test_a_mistake_is_one_clear_line(
    arguments: list[str], message: str, output: Path, photos: Path
) -> None:
    done = screen(output, "--photos", photos, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_is_no_output_or_not_of_these_photos_is_refused(
    output: Path, photos: Path, tmp_path: Path
) -> None:
    assert "is no output of genmix augment" in screen(photos, "--photos", photos).stderr
    other = tmp_path / "other" / "ant"
    other.mkdir(parents=True)
    (other / "strange.jpg").write_bytes(next(photos.rglob("*.jpg")).read_bytes())
    done = screen(output, "--photos", tmp_path / "other")
    assert "none of the photos" in done.stderr
    changed = tmp_path / "changed"
    shutil.copytree(photos, changed)
    first = min(changed.rglob("*.jpg"))
    first.write_bytes(max(changed.rglob("*.jpg")).read_bytes())
    done = screen(output, "--photos", changed, "--edits", tmp_path / "edits")
    assert f"{first.relative_to(changed).as_posix()} has changed" in done.stderr


def test_a_report_goes_neither_among_the_photos_nor_into_the_output(
    output: Path, photos: Path
) -> None:
    before = contents(output.parent), contents(photos)
    among = screen(output, "--photos", photos, "-o", photos / "report")
    assert among.exit_code == 1
    assert "lies inside the source" in among.stderr
    for place in (output, output / "images" / "report"):
        done = screen(output, "--photos", photos, "-o", place)
        assert done.exit_code == 1
        assert f"the report {place} lies inside the output {output}" in done.stderr
    assert (contents(output.parent), contents(photos)) == before


def test_the_output_may_be_the_folder_that_one_is_in(
    output: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(output)
    done = screen(".", "--photos", photos, "--edits", "../edits", "--limit", "3")
    assert done.exit_code == 0, done.output
    assert (output.parent / "out-screening" / "scores.png").exists()
