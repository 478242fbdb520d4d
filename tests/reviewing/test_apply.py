"""Applying reviews to an output, and being killed while at it."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from genmix.cli import main
from genmix.datasets.manifest import read_rows
from genmix.errors import OutputError, ReviewError
from genmix.jobs import augment
from genmix.jobs.folder import WHOLE, OutputFolder
from genmix.reviewing import MadeOutput, Store, Verdict, apply_reviews, counts, decide, page, undo
from tests.jobs.outputs import contents, rows
from tests.reviewing.conftest import RECIPE

KILLED = """
import os, signal, sys
from pathlib import Path
from genmix.reviewing import apply_reviews

replace, left = Path.replace, [int(sys.argv[2])]

def replace_or_die(self, target):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return replace(self, target)

Path.replace = replace_or_die
apply_reviews(sys.argv[1])
"""


def say(out: Path, who: str, verdict: Verdict, *numbers: int, **more: str) -> list[str]:
    """Judge pictures by their place in the queue; returns their names."""
    with Store(out) as store:
        items = [page(store, size=30)[number] for number in numbers]
        for item in items:
            decide(store, who, item.output, item.output_sha256, verdict, **more)
    return [item.output for item in items]


def state(out: Path) -> dict[str, str]:
    """Hash all that a reader of an output sees."""
    return {name: sha for name, sha in contents(out).items() if "reviews.sqlite" not in name}


def without_sheet(out: Path) -> dict[str, str]:
    """Leave out the contact sheet: only a run draws it, as things are then."""
    return {name: sha for name, sha in state(out).items() if name != "contact-sheet.png"}


def test_what_was_refused_leaves_and_its_row_says_why(out: Path) -> None:
    before = {row["output"]: row for row in rows(out)}
    (blurred,) = say(out, "anna", "reject", 0, reason="blurred")
    say(out, "ben", "reject", 0, reason="dark | blurred")
    (disputed,) = say(out, "anna", "accept", 1)
    say(out, "ben", "reject", 1)
    (mistaken,) = say(out, "anna", "label-wrong", 2)
    (kept,) = say(out, "anna", "accept", 3)

    assert apply_reviews(out).taken_out == 3
    gone = {row["source"] + row["prompt"]: row for row in rows(out) if row["output"] is None}
    reasons = {
        blurred: "review: rejected (blurred; dark | blurred)",
        disputed: "review: reviewers disagree",
        mistaken: "review: wrong label",
    }
    for output, reason in reasons.items():
        was = before[output]
        now = gone.pop(was["source"] + was["prompt"])
        assert (now["decision"], now["reason"], now["output_sha256"]) == ("rejected", reason, None)
        same = {"source_sha256", "edit_key", "mask", "screen_blank", "label"}
        assert {k: now[k] for k in same} == {k: was[k] for k in same}
        assert not (out / output).exists()
        assert MadeOutput(out).picture(output).exists()
    assert gone == {}
    assert (out / kept).exists()
    assert [row for row in rows(out) if row["output"]] == [
        row for output, row in before.items() if output not in reasons
    ]
    card = (out / "README.md").read_text()
    assert "33 pictures of 3 classes" in card
    assert "| rejected: review | 3 |" in card


def test_a_run_leaves_it_so_and_a_refusal_taken_back_brings_the_picture_back(
    out: Path, photos: Path, finished: Path
) -> None:
    untouched = state(out)
    say(out, "anna", "reject", 0, 5)
    apply_reviews(out)
    applied = state(out)
    assert apply_reviews(out).taken_out == 0
    summary = augment(photos, out, RECIPE, edits=finished.parent / "edits")
    assert (summary.tally.rejected, summary.edits_made) == ({"review": 2}, 0)
    assert state(out) == applied
    with Store(out) as store:
        assert counts(store, "status") == {"rejected": 2, "undecided": 22}
        undo(store, "anna")
    assert apply_reviews(out).put_back == 1
    with Store(out) as store:
        undo(store, "anna")
    done = apply_reviews(out)
    assert (done.out, done.put_back) == (0, 1)
    assert state(out) == untouched


def test_a_run_may_apply_the_reviews_at_its_end(out: Path, photos: Path, tmp_path: Path) -> None:
    (blurred,) = say(out, "anna", "reject", 0)
    (recipe := tmp_path / "recipe.yaml").write_text(RECIPE.to_yaml())
    arguments = ["augment", str(photos), "-o", str(out), "--recipe", str(recipe)]
    done = CliRunner().invoke(main, [*arguments, "--apply-reviews", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["reviews"] == {"out": 1, "taken_out": 1, "put_back": 0}
    assert not (out / blurred).exists()
    again = CliRunner().invoke(main, [*arguments, "--apply-reviews"])
    assert "Reviews        1 picture is out" in again.output


def test_pictures_that_were_made_again_are_taken_out_again(
    out: Path, photos: Path, finished: Path
) -> None:
    refused = say(out, "anna", "reject", *range(8))
    apply_reviews(out)
    applied = without_sheet(out)
    next((out / "images").rglob("*-snowy-0.jpg")).unlink()
    shutil.rmtree(out / ".genmix" / "shards" / "000000")
    (out / "manifest.parquet").unlink()
    with pytest.raises(ReviewError, match="is not finished: run genmix augment on it again first"):
        apply_reviews(out)
    augment(photos, out, RECIPE, edits=finished.parent / "edits")
    assert any((out / output).exists() for output in refused)
    apply_reviews(out)
    assert without_sheet(out) == applied


@pytest.mark.parametrize("steps", [1, 3, 6, 8])
def test_whoever_is_killed_while_applying_can_do_it_again(
    out: Path, photos: Path, finished: Path, tmp_path: Path, steps: int
) -> None:
    say(out, "anna", "reject", 0, 1)
    apply_reviews(out)
    with Store(out) as store:
        undo(store, "anna")
    say(out, "anna", "reject", 2, 3)
    shutil.copytree(out, tmp_path / "undisturbed")
    apply_reviews(tmp_path / "undisturbed")

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(out), str(steps)], check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL
    for part in OutputFolder(out).shard_parts():
        named = [row["output"] for row in read_rows(part) if row["output"]]
        assert all((out / output).exists() for output in named)
    apply_reviews(out)
    assert state(out) == state(tmp_path / "undisturbed")
    summary = augment(photos, out, RECIPE, edits=finished.parent / "edits")
    assert summary.kept_from_before == summary.planned
    assert state(out) == state(tmp_path / "undisturbed")


def without_hidden(out: Path) -> None:
    say(out, "anna", "reject", 0)
    shutil.rmtree(out / ".genmix")


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda _: None, r"has no reviews\.sqlite: nobody has reviewed it yet"),
        (without_hidden, r"has no \.genmix/ any more.* use genmix review export"),
    ],
)
def test_what_cannot_be_done_is_said(
    out: Path, prepare: Callable[[Path], Any], message: str
) -> None:
    prepare(out)
    before = state(out)
    with pytest.raises(ReviewError, match=message):
        apply_reviews(out)
    assert state(out) == before


def test_a_run_that_is_writing_there_is_not_disturbed(out: Path) -> None:
    say(out, "anna", "reject", 0)
    with (
        OutputFolder(out).locked(WHOLE),
        pytest.raises(OutputError, match="another genmix run is writing"),
    ):
        apply_reviews(out)


def test_a_list_of_what_was_taken_out_that_is_damaged_is_never_replaced(out: Path) -> None:
    say(out, "anna", "reject", 0)
    apply_reviews(out)
    (out / ".genmix" / "taken-out.parquet").write_bytes(b"no list")
    with pytest.raises(ReviewError, match=r"cannot read .*taken-out\.parquet, which lists"):
        apply_reviews(out)
    assert (out / ".genmix" / "taken-out.parquet").read_bytes() == b"no list"
