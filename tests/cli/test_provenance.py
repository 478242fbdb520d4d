"""`genmix trace`, `genmix forget` and signing as their users meet them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from genmix.cli import main
from genmix.jobs import augment
from genmix.recipe import Recipe
from genmix.reviewing import Store, decide
from tests.jobs.outputs import contents, rows
from tests.provenance.certificates import write_chain
from tests.provenance.test_signing import read


@pytest.fixture
def out(photos: Path, small: Recipe, tmp_path: Path) -> Path:
    licensed = small.changed(rights={"photos": "CC-BY-4.0"})
    augment(photos, tmp_path / "out", licensed, edits=tmp_path / "edits")
    return tmp_path / "out"


def genmix(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_trace_tells_a_picture_in_lines_and_as_json(out: Path) -> None:
    row = rows(out)[0]
    told = genmix("trace", out / row["output"])
    assert told.exit_code == 0, told.output
    lines = {line[:11].strip(): line[13:] for line in told.stdout.splitlines()}
    assert lines["picture"] == row["output"]
    assert lines["known by"] == "its bytes, which are those that were written"
    assert lines["made of"] == row["source"]
    assert lines["SHA-256"] == row["source_sha256"]
    assert lines["prompt"] == f"{row['prompt']}: {row['prompt']}"
    assert lines["editor"] == row["editor"]
    assert lines["recipe"] == f"{out / 'recipe.yaml'}, seed 0"
    assert "no trained model draws" in told.stdout
    as_json = json.loads(genmix("trace", out / row["output"], "--json").stdout)
    assert as_json["picture"] == row
    assert (as_json["found_by"], as_json["seed"]) == ("file", 0)


def test_trace_lists_what_came_of_a_photo(photos: Path, out: Path) -> None:
    row = rows(out)[0]
    told = genmix("trace", photos / row["source"], out)
    assert told.stdout.startswith(f"Planned from {row['source']} in {out}: 2\n")
    assert f"  {row['prompt']}: {row['output']}\n" in told.stdout


def test_trace_tells_a_missing_file_from_one_that_it_does_not_know(
    photos: Path, out: Path, tmp_path: Path
) -> None:
    composite = out / rows(out)[0]["output"]
    moved = tmp_path / "moved.jpg"
    moved.write_bytes(composite.read_bytes())
    for asked, words in (
        ([tmp_path / "nothere.jpg"], f"there is no file {tmp_path / 'nothere.jpg'}: check"),
        ([tmp_path / "nothere.jpg", out], "there is no such file, and its manifest has no such"),
        ([next(photos.rglob("*.jpg"))], "and no metadata says that genmix made it"),
        ([moved], "and its metadata links to a picture of one: name the output"),
        ([out / "images"], "is a folder: give a picture"),
    ):
        told = genmix("trace", *asked)
        assert told.exit_code == 1
        assert words in told.stderr
        assert len(told.stderr.splitlines()) == 1
    assert genmix("trace", moved, out).exit_code == 0


def test_trace_of_something_else_is_one_line(tmp_path: Path, out: Path) -> None:
    (tmp_path / "other.jpg").write_bytes(b"\xff\xd8\xff another")
    told = genmix("trace", tmp_path / "other.jpg", out)
    assert told.exit_code == 1
    assert told.stderr.startswith("Error: ")
    assert "knows nothing of" in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_forget_tells_what_it_removed_and_augment_that_it_stays_out(
    photos: Path, small: Recipe, out: Path, tmp_path: Path
) -> None:
    row, edits = rows(out)[0], tmp_path / "edits"
    (out / "audit.json").write_text("{}")
    done = genmix("forget", row["source"], "--from", out, "--edits", edits)
    assert done.exit_code == 0, done.output
    told = dict(line.strip().rsplit(None, 1) for line in done.stdout.splitlines() if line.strip())
    assert told["photos forgotten"] == "1"
    assert told["edits removed from the cache"] == "2"
    assert "the contact sheet was drawn anew without them" in done.stderr
    assert "audit.json was removed, as its figures counted them" in done.stderr
    before = contents(out)
    again = genmix("forget", photos / row["source"], "--from", out, "--edits", edits)
    assert again.stdout.startswith("Nothing to do: forgotten before")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(small.changed(rights={"photos": "CC-BY-4.0"}).to_yaml())
    made = genmix(
        "augment", photos, "-o", out, "--recipe", recipe, "--edits", edits, "--workers", 1
    )
    assert made.exit_code == 0, made.output
    assert "photos that genmix forget withdrew from this output: 1" in made.stderr
    assert contents(out) == before


def test_forget_as_json(photos: Path, out: Path, tmp_path: Path) -> None:
    photo = photos / rows(out)[0]["source"]
    done = genmix("forget", photo, "--from", out, "--edits", tmp_path / "edits", "--json")
    assert json.loads(done.stdout) == {
        "out": str(out),
        "photos": 1,
        "rows": 2,
        "pictures": 2,
        "edits": 2,
        "sheet": "redrawn",
        "audit_removed": False,
        "blended_folder": None,
    }


def test_augment_signs_and_states_the_licence_of_the_photos(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(small.to_yaml())
    chain, key, root = write_chain(tmp_path / "secret")
    asked = ["augment", photos, "-o", tmp_path / "out", "--recipe", recipe, "--workers", "2"]
    asked += ["--license", "CC0-1.0", "--limit", "2"]
    done = genmix(*asked, "--sign-cert", chain, "--sign-key", key)
    assert done.exit_code == 0, done.output
    for row in rows(tmp_path / "out"):
        data = (tmp_path / "out" / row["output"]).read_bytes()
        assert read(data, "image/jpeg", root)[0] == "Trusted"
        assert row["source_license"] == "CC0-1.0"
    half = genmix(*asked, "--sign-cert", chain)
    assert half.exit_code == 2
    assert "--sign-cert and --sign-key belong together" in half.stderr


def test_a_licence_outside_the_allow_list_stops_augment_with_one_line(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(small.changed(rights={"allow": ["CC0-1.0"]}).to_yaml())
    done = genmix("augment", photos, "-o", tmp_path / "out", "--recipe", recipe)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: 12 photos have a licence that the recipe does not allow")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_forget_reaches_the_reviews_and_is_not_done_before_it_has(
    out: Path, tmp_path: Path
) -> None:
    row, edits = rows(out)[0], tmp_path / "edits"
    with Store(out) as store:
        decide(store, "anna", row["output"], row["output_sha256"], "reject", reason="her face")
        with store.reading() as connection:
            connection.execute("SELECT * FROM items").fetchone()
            asked = ["forget", row["source"], "--from", out, "--edits", edits]
            refused = genmix(*asked)
    assert refused.exit_code == 1
    assert "is open elsewhere" in refused.stderr
    assert (out / ".genmix" / "forgetting.json").exists()
    done = genmix(*asked)
    assert done.exit_code == 0, done.output
    for path in out.rglob("*"):
        kept = path.read_bytes() if path.is_file() else b""
        for word in (row["source"], Path(row["output"]).stem, "her face", "anna"):
            assert word.encode() not in kept, path
