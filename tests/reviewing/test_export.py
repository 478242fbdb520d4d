import errno
import os
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner

from genmix.cli import main
from genmix.cli.review import review
from genmix.errors import OutputError, ReviewError
from genmix.reviewing import Store, apply_reviews, decide, export_reviewed, page
from tests.jobs.outputs import contents, rows


@pytest.fixture
def reviewed(out: Path) -> Path:
    """Of 24 made pictures, one is accepted, two refused, one disputed and one relabelled."""
    with Store(out) as store:
        accepted, rejected, mistaken, disputed, moved = page(store)[:5]
        verdicts = [
            ("anna", accepted, "accept"), ("anna", rejected, "reject"),
            ("anna", mistaken, "label-wrong"), ("anna", disputed, "accept"),
            ("ben", disputed, "reject"),
        ]  # fmt: skip
        for who, item, verdict in verdicts:
            decide(store, who, item.output, item.output_sha256, verdict)  # type: ignore[arg-type]
        other = next(i.label for i in page(store) if i.label != moved.label)
        decide(store, "anna", moved.output, moved.output_sha256, "label-wrong", label=other)
    return out


def folder_classes(images: Path) -> dict[str, list[str]]:
    """Read class folders as torchvision does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchvision.datasets import ImageFolder
    read = ImageFolder(images)
    found: dict[str, list[str]] = {name: [] for name in read.classes}
    for path, number in read.samples:
        found[read.classes[number]].append(Path(path).name)
    assert read[0][0].size == (48, 48)
    return found


def test_the_export_is_a_data_set_without_what_was_refused(reviewed: Path, tmp_path: Path) -> None:
    before = contents(reviewed)
    done = export_reviewed(reviewed, tmp_path / "kept")
    assert contents(reviewed) == before
    assert (done.pictures, done.relabelled, done.left_out) == (
        33, 1, {"rejected": 1, "label-wrong": 1, "disputed": 1},
    )  # fmt: skip

    with Store(reviewed) as store:
        status = {item.output: item for item in page(store, size=30)}
    (moved,) = (i for i in status.values() if i.better_label)
    read = folder_classes(tmp_path / "kept" / "images")
    assert {name: len(files) for name, files in read.items()} == done.classes
    assert Path(moved.output).name in read[str(moved.better_label)]
    assert Path(moved.output).name not in read[moved.label]
    assert "33 pictures of 3 classes" in (tmp_path / "kept" / "README.md").read_text()

    made, kept = rows(reviewed), rows(tmp_path / "kept")
    assert [row["source"] for row in kept] == [row["source"] for row in made]
    for was, now in zip(made, kept, strict=True):
        if was["kind"] == "original":
            assert now == was | {"review_status": None, "review_count": None}
            continue
        item = status[was["output"]]
        assert (now["review_status"], now["review_count"]) == (item.status, item.reviewers)
        if item == moved:
            assert now["label"] == moved.better_label
        else:
            assert (now["output"] is None) == (
                item.status in {"rejected", "disputed", "label-wrong"}
            )
        if now["output"] is not None:
            picture = tmp_path / "kept" / now["output"]
            assert picture.samefile(reviewed / was["output"])


def test_the_same_is_exported_after_the_reviews_were_applied(
    reviewed: Path, tmp_path: Path
) -> None:
    export_reviewed(reviewed, tmp_path / "before")
    apply_reviews(reviewed)
    export_reviewed(reviewed, tmp_path / "after")
    assert contents(tmp_path / "after") == contents(tmp_path / "before")


def test_what_nobody_looked_at_can_be_left_out(reviewed: Path, tmp_path: Path) -> None:
    done = export_reviewed(reviewed, tmp_path / "kept", undecided="leave-out")
    assert done.pictures == 12 + 1 + 1
    assert done.left_out["undecided"] == 19
    reasons = {row["reason"] for row in rows(tmp_path / "kept") if row["decision"] == "rejected"}
    assert "review: not looked at" in reasons


def test_what_stops_an_export_is_said_and_leaves_no_half_of_it(
    reviewed: Path, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="lies in the output"):
        export_reviewed(reviewed, reviewed / "images" / "kept")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(OutputError, match="is there already and not empty: choose a new folder"):
        export_reviewed(reviewed, tmp_path / "full")
    next((reviewed / "images").rglob("*-snowy-0.jpg")).unlink()
    with pytest.raises(ReviewError, match=r"snowy-0\.jpg is missing: run genmix augment"):
        export_reviewed(reviewed, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_full_disk_leaves_no_half_of_an_export_and_the_next_one_is_whole(
    reviewed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = []

    def full_after_five(*_: Path) -> None:
        placed.append(_)
        if len(placed) > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("genmix.reviewing.export._link", full_after_five)
        with pytest.raises(OutputError, match=r"the disk is full at .*kept: free some space"):
            export_reviewed(reviewed, tmp_path / "kept")
    assert not list(tmp_path.glob("*kept*"))
    assert not list(tmp_path.glob(".*kept*"))
    assert export_reviewed(reviewed, tmp_path / "kept").pictures


def test_what_a_run_is_to_finish_first_is_not_exported(reviewed: Path, tmp_path: Path) -> None:
    (reviewed / "prompts.yaml").write_bytes(b"\x93")
    with pytest.raises(ReviewError, match=r"prompts\.yaml is not UTF-8.*; run genmix augment on"):
        export_reviewed(reviewed, tmp_path / "kept")
    (reviewed / "manifest.parquet").unlink()
    with pytest.raises(ReviewError, match="is not finished: run genmix augment on it again"):
        export_reviewed(reviewed, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def run(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(review, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def test_the_command_draws_shows_exports_and_applies(reviewed: Path, tmp_path: Path) -> None:
    code, text = run("sample", reviewed, "--max-rate", "0.2", "--by", "class")
    assert code == 0
    assert "Check 10 of 24 pictures: if none is bad, fewer than 20 % of all are" in text
    code, text = run("status", reviewed)
    assert code == 0
    assert "of all, with 95 % confidence" in text
    assert "anna and ben agree" in text
    code, text = run("status", reviewed, "--json")
    assert code == 0
    assert '"outdated": 0' in text
    code, text = run("export", reviewed, "-o", tmp_path / "kept", "--undecided", "leave-out")
    assert code == 0
    assert (tmp_path / "kept" / "manifest.parquet").exists()
    code, text = run("apply", reviewed)
    assert code == 0
    assert text.startswith("4 pictures taken out of")


def test_a_sample_that_cannot_show_it_is_refused(reviewed: Path) -> None:
    done = CliRunner().invoke(review, ["sample", str(reviewed), "--bad", "2"])
    assert isinstance(done.exception, ReviewError)
    assert "no sample of" in str(done.exception)


def test_a_mistake_is_one_clear_line(out: Path, tmp_path: Path) -> None:
    for verb, more in (("status", []), ("apply", []), ("export", ["-o", str(tmp_path / "kept")])):
        done = CliRunner().invoke(main, ["review", verb, str(out), *more])
        assert done.exit_code == 1
        assert done.stderr == f"Error: {out} has no reviews.sqlite: nobody has reviewed it yet\n"
    assert CliRunner().invoke(main, ["review", "sample", str(tmp_path)]).exit_code == 1
