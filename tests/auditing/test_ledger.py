"""The manifest is counted row by row, and the sample depends on the seed alone."""

from pathlib import Path

import pytest

from genmix.auditing.ledger import read_ledger
from genmix.datasets.manifest import read_rows, schema, write_rows
from genmix.datasets.source import Photo
from genmix.errors import OutputError
from tests.auditing.made import PROMPTS, Made, drawn, groups_of, write_output


def test_every_subject_gets_its_rows_and_no_others(tmp_path: Path) -> None:
    made = [
        Made(Photo("a/1.jpg", "cat"), (True, False, False, False)),
        Made(Photo("a/2.jpg", "dog"), (True, True, False, False)),
        Made(Photo("b/1.jpg", "dog"), (False, False, False, False)),
    ]
    found = read_ledger(write_output(tmp_path, made), groups={"a/1.jpg": "x", "a/2.jpg": "y"})
    everything = found.counts["all", ""]
    assert (everything.planned, everything.written) == (12, 9)
    assert everything.reasons == {"blank": 3}
    assert everything.outcomes.patterns == {(4, 1): 1, (4, 2): 1, (4, 0): 1}
    assert found.counts["class", "dog"].outcomes.patterns == {(4, 2): 1, (4, 0): 1}
    assert found.counts["prompt", "snowy"].outcomes.patterns == {(1, 1): 2, (1, 0): 1}
    assert found.counts["group", "y"].reasons == {"blank": 2}
    assert (found.subjects("group"), found.ungrouped) == (["x", "y"], 1)
    assert found.subjects("prompt") == sorted(PROMPTS)
    total, count = everything.scores["blank"]
    assert (total, count) == (3 * 1.0 + 9 * 9.0, 12)


def test_a_photo_that_could_not_be_used_is_failed_and_not_rejected(tmp_path: Path) -> None:
    write_output(tmp_path, drawn({"a": 0.0}, 3, seed=0, alike=0))
    rows = read_rows(tmp_path / "manifest.parquet")
    for row in rows[:4]:
        row |= {"decision": "failed", "reason": "truncated", "output": None}
    write_rows(tmp_path / "manifest.parquet", rows, schema(["blank"]))
    everything = read_ledger(tmp_path).counts["all", ""]
    assert (everything.planned, everything.written, everything.failed) == (12, 8, 4)
    assert not everything.reasons
    assert everything.outcomes.photos == 2


def test_the_sample_has_whole_photos_drawn_by_the_seed(tmp_path: Path) -> None:
    made = drawn({"a": 0.2, "b": 0.2}, 60, seed=0, alike=0.2)
    write_output(tmp_path / "out", made)
    one, same, other = (
        read_ledger(tmp_path / "out", pictures=60, seed=seed).sample for seed in (0, 0, 1)
    )
    assert one == same != other
    assert 40 < sum(len(photo.pictures) for photo in one) <= 60
    assert [photo.source for photo in one] == sorted(
        (photo.source for photo in one), key=[m.photo.path for m in made].index
    )
    kept = {m.photo.path: len(PROMPTS) - sum(m.rejected) for m in made}
    assert all(len(photo.pictures) == kept[photo.source] for photo in one)
    # A photo is in the sample or not whatever else is in the output.
    write_output(tmp_path / "half", [m for m in made if m.photo.path.startswith("a/")])
    half = {photo.source for photo in read_ledger(tmp_path / "half", pictures=60).sample}
    assert {photo.source for photo in one if photo.source.startswith("a/")} <= half
    assert not read_ledger(tmp_path / "out", pictures=0).sample
    assert len(read_ledger(tmp_path / "out", pictures=1).sample) == 1


def test_groups_are_given_to_their_photos(tmp_path: Path) -> None:
    made = drawn({"a": 0.5, "b": 0.0}, 10, seed=0, alike=0)
    found = read_ledger(write_output(tmp_path, made), groups=groups_of(made), pictures=20)
    assert found.photos["group", "a"] == found.photos["group", "b"] == 10
    assert all(photo.group == photo.source[0] for photo in found.sample)


def test_what_is_no_finished_output_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is no finished output of genmix augment"):
        read_ledger(tmp_path)
    (tmp_path / "manifest.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(OutputError, match=r"cannot read .*manifest\.parquet"):
        read_ledger(tmp_path)
    write_rows(tmp_path / "manifest.parquet", [], schema([]))
    with pytest.raises(OutputError, match="no composites"):
        read_ledger(tmp_path)
