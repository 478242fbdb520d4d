"""Applying reviews to an output in place: what was refused leaves it, and can come back."""

import filecmp
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from genmix.datasets.manifest import Row, join_parts, read_facts, read_rows, write_rows
from genmix.errors import ReviewError
from genmix.jobs.finish import describe
from genmix.jobs.folder import WHOLE, OutputFolder
from genmix.reviewing.made import NO_PICTURE, MadeOutput, key_of
from genmix.reviewing.outcomes import open_reviews, outcomes
from genmix.storage import remove, writing


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying reviews came to.

    Attributes:
        out: Pictures that are out of the output now.
        taken_out: Of these, how many were still in it before.
        put_back: Pictures that are in it again, since their refusal was taken back.
    """

    out: int
    taken_out: int
    put_back: int


def apply_reviews(out: str | Path) -> Applied:
    """Take every picture out of an output that its reviewers refused, or disagree about.

    Their rows in the manifest become "rejected", with the reason "review: …". What nobody has
    decided about stays. Pictures that were taken out lie in `.genmix/` and come back when the
    refusal is taken back and this is done again. After a kill, the same call ends what was begun.

    Args:
        out: A finished output with reviews.

    Raises:
        ReviewError: If there are no reviews, or the output is not finished or lacks `.genmix/`.
        OutputError: If a run is writing there, or it cannot be written.
    """
    folder, made = OutputFolder(Path(out)), MadeOutput(Path(out))
    with open_reviews(out) as store:
        refusals = {
            output: outcome.refusal
            for output, outcome in outcomes(store).items()
            if outcome.refusal is not None
        }
    made.check_finished()
    parts = folder.shard_parts()
    if not parts:
        raise ReviewError(
            f"{out} has no .genmix/ any more, which an output that changes needs: use genmix "
            "review export"
        )
    with folder.locked(WHOLE), folder.finishing(), writing(folder.path):
        for half_written in folder.path.glob(".*.part"):  # by one that was killed
            remove(half_written)
        _remember(made, parts, refusals)
        work = _Applying(MadeOutput(folder.path), refusals)
        put_back = sum(work.rewrite(part) for part in parts)
        _join(folder, parts)
        taken_out = sum(work.take_out(output) for output in refusals)
    return Applied(len(refusals), taken_out, put_back)


def _remember(made: MadeOutput, parts: Sequence[Path], refusals: Mapping[str, str]) -> None:
    """Keep the rows of what is to go, as they were made."""
    rows = dict(made.rows_taken_out)
    for part in parts:
        rows |= {key_of(row): row for row in read_rows(part) if row["output"] in refusals}
    if rows != made.rows_taken_out:
        _write(made.taken_out, list(rows.values()), pq.read_schema(parts[0]))


@dataclass(frozen=True)
class _Applying:
    """The steps that touch the output; each may be done again after a kill.

    At no moment does a shard name a picture that is not there: it would be made again.
    """

    made: MadeOutput
    refusals: Mapping[str, str]

    def rewrite(self, part: Path) -> int:
        """Bring a shard's rows up to date; returns how many pictures came back."""
        before = read_rows(part)
        after = [self._reviewed(row) for row in before]
        if after == before:
            return 0
        pairs = zip(before, after, strict=True)
        back = [new["output"] for old, new in pairs if new["output"] and not old["output"]]
        for output in back:
            _move(self.made.picture(output), self.made.path / output)
        _write(part, after, pq.read_schema(part))
        return len(back)

    def take_out(self, output: str) -> bool:
        """Put a refused picture aside; returns whether it was still in its place."""
        place = self.made.path / output
        if not place.exists():
            return False
        _move(place, self.made.taken_out_pictures / output)
        return True

    def _reviewed(self, row: dict[str, Any]) -> dict[str, Any]:
        as_made = self.made.as_made(row)
        if (refusal := self.refusals.get(as_made["output"])) is not None:
            return as_made | NO_PICTURE | {"decision": "rejected", "reason": refusal}
        comes_back = as_made is not row
        return row if comes_back and not self.made.picture(as_made["output"]).exists() else as_made


def _join(folder: OutputFolder, parts: Sequence[Path]) -> None:
    """Make the manifest and what describes the output say what the shards say."""
    unfinished = folder.manifest.with_suffix(".part")
    join_parts(parts, unfinished, read_facts(folder.manifest))
    if filecmp.cmp(unfinished, folder.manifest, shallow=False):
        unfinished.unlink()
        return
    describe(folder.path, unfinished)
    unfinished.replace(folder.manifest)


def _write(path: Path, rows: Sequence[Row], columns: Any) -> None:
    unfinished = path.with_suffix(".new")
    write_rows(unfinished, rows, columns)
    unfinished.replace(path)


def _move(place: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    place.replace(to)
