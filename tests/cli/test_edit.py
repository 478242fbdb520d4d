"""`genmix edit`: the cache is filled once, and `genmix augment` finds everything in it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from genmix.cli import main
from genmix.datasets.samples import synthetic_photos
from genmix.jobs import plan as plan_module


def genmix(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


OPTIONS = ("--size", "32", "--prompts", "snowy,fog", "--workers", "1", "--json")


def outcome(*arguments: str | Path) -> dict[str, Any]:
    done = genmix(*arguments, *OPTIONS)
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_augment_makes_no_edit_that_edit_has_made(photos: Path, tmp_path: Path) -> None:
    edits = tmp_path / "edits"
    part = outcome("edit", photos, "-o", edits, "--limit", "5")
    assert (part["planned"], part["made"], part["reused"]) == (10, 10, 0)
    whole = outcome("edit", photos, "-o", edits)
    assert (whole["planned"], whole["made"], whole["reused"]) == (24, 14, 10)
    assert len(list(edits.rglob("*.jpg"))) == 24
    train = outcome("augment", photos, "-o", tmp_path / "out", "--edits", edits)
    assert (train["edits_made"], train["edits_reused"]) == (0, 24)


def test_edits_are_kept_out_of_the_photos(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = shutil.copytree(photos, tmp_path / "photos"), tmp_path / "out"
    before = sorted(source.rglob("*"))
    augment = ("augment", source, "-o", out)
    one = next(source.rglob("*.jpg"))
    for edits, fault in ((source / "edits", "lies inside"), (tmp_path, "contains")):
        for command in (
            ("edit", source, "-o", edits),
            (*augment, "--edits", edits),
            (*augment, "--dry-run", "--edits", edits),
            ("preview", one, "--source", source, "-o", tmp_path / "s.png", "--edits", edits),
        ):
            done = genmix(*command)
            assert done.exit_code == 1, command
            assert f"the edit cache {edits} {fault} the source {source}" in done.output
    monkeypatch.setenv("GENMIX_CACHE", str(source / "cache"))
    assert genmix(*augment).exit_code == genmix(*augment, "--dry-run").exit_code == 1
    assert sorted(source.rglob("*")) == before
    assert not out.exists()


def test_a_hidden_edit_cache_may_lie_among_the_photos(photos: Path, tmp_path: Path) -> None:
    source = shutil.copytree(photos, tmp_path / "photos")
    for _ in range(2):
        told = outcome("edit", source, "-o", source / ".cache" / "edits")
        assert told["planned"] == 24


def test_workers_and_variants_make_the_edits_that_are_asked_for(
    photos: Path, tmp_path: Path
) -> None:
    edits = tmp_path / "edits"
    options = ("--size", "32", "--prompts", "snowy", "--variants", "2", "--workers", "2")
    done = genmix("edit", photos, "-o", edits, *options)
    assert done.exit_code == 0, done.output
    assert len(list(edits.rglob("*.jpg"))) == 24
    for word in ("planned", "edits made", "re-used", "could not be used", "Edits"):
        assert word in done.output


def test_shares_fill_one_cache(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "_ITEMS_PER_SHARD", 4)
    shares = [
        outcome("edit", photos, "-o", tmp_path / "edits", "--shard", f"{k}/4") for k in (1, 2, 3, 4)
    ]
    assert sum(share["planned"] for share in shares) == 24
    assert all(share["made"] == share["planned"] > 0 for share in shares)
    assert outcome("edit", photos, "-o", tmp_path / "edits")["reused"] == 24


def test_failed_photos_are_listed_and_strict_says_so(tmp_path: Path) -> None:
    source = tmp_path / "photos"
    synthetic_photos(source, classes=2, per_class=1, size=32)
    bad = next(source.iterdir()) / "bad.jpg"
    bad.write_bytes(b"broken")
    told = outcome("edit", source, "-o", tmp_path / "edits")
    assert told["failed_photos"] == {f"{bad.parent.name}/bad.jpg": "not an image"}
    assert told["planned"] == told["made"] + 2 == 6
    strict = genmix("edit", source, "-o", tmp_path / "edits", *OPTIONS[:-1], "--strict")
    assert strict.exit_code == 3
    assert f"could not be used: {bad.parent.name}/bad.jpg: not an image" in strict.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["{empty}", "-o", "{out}"], 1, "{empty}"),
        (["{broken}", "-o", "{out}"], 1, "none of the 1 photos could be used"),
        (["{photos}", "-o", "{file}/edits"], 1, "cannot write"),
        (["{photos}", "-o", "{out}", "--editor", "procedral"], 1, "did you mean 'procedural'"),
        (["{photos}"], 2, "Missing option '-o' / '--out'"),
    ],
)
def test_a_mistake_is_one_clear_line(
    photos: Path, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    places = {name: tmp_path / name for name in ("empty", "broken", "out", "file")}
    places["empty"].mkdir()
    (places["broken"] / "cat").mkdir(parents=True)
    (places["broken"] / "cat" / "bad.jpg").write_bytes(b"broken")
    places["file"].write_text("")
    filled = [a.format(photos=photos, **places) for a in arguments]
    done = genmix("edit", *filled, *OPTIONS)
    assert done.exit_code == code, done.output
    assert words.format(**places) in done.stderr.splitlines()[-1]
