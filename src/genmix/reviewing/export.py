"""Exporting what reviewers kept, as a data set of its own; the output stays as it is."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from genmix.datasets.layout import IMAGES, MANIFEST, class_folder
from genmix.datasets.manifest import read_schema
from genmix.errors import OutputError, ReviewError
from genmix.jobs.finish import PROMPTS, RECIPE, SHEET, describe
from genmix.reviewing.made import CAUSE, NO_PICTURE, MadeOutput
from genmix.reviewing.outcomes import UNDECIDED, Outcome, open_reviews, outcomes
from genmix.storage import writing

Undecided: TypeAlias = Literal["keep", "leave-out"]


@dataclass
class Exported:
    """What an export came to.

    Attributes:
        pictures: In the export.
        relabelled: Of these, how many lie in another class than their photo.
        left_out: Made pictures that are not in it, by status.
        classes: Pictures of each class of the output; 0 where a class has lost all of them, and
            readers of folders will not see it.
    """

    pictures: int = 0
    relabelled: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)


def export_reviewed(out: str | Path, to: str | Path, *, undecided: Undecided = "keep") -> Exported:
    """Write what reviewers kept of an output to a new folder of the same layout.

    Pictures are hard links where the file system can, else copies. A picture of a wrong label whose
    right class was named goes to that class; one that was rejected, or about which reviewers
    disagree, stays out. The manifest keeps every row, with `review_status` and `review_count`
    beside. The folder appears when it is complete.

    Args:
        out: An output with reviews, reviews applied to it or not.
        to: The folder to make.
        undecided: What to do with pictures that nobody has decided about.

    Raises:
        ReviewError: If there are no reviews, the output is not finished, or a picture is missing.
        OutputError: If the folder is not empty, lies in the output, or cannot be written.
    """
    out, to = Path(out), Path(to)
    _check_place(out, to)
    with open_reviews(out) as store:
        found = outcomes(store)
    made = MadeOutput(out)
    made.check_finished()
    staging = to.with_name(f".{to.name}.part")
    try:
        with writing(to):
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
            work = _Exporting(made, staging, found, undecided)
            work.run()
            for name in (RECIPE, PROMPTS, SHEET):
                if (out / name).exists():
                    shutil.copyfile(out / name, staging / name)
            describe(staging, staging / MANIFEST)
            if to.exists():
                to.rmdir()
            staging.rename(to)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return work.done


def _check_place(out: Path, to: Path) -> None:
    if out.resolve() in [to.resolve(), *to.resolve().parents]:
        raise OutputError(f"{to} lies in the output {out}: choose a folder beside it")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise OutputError(f"{to} is there already and not empty: choose a new folder")


@dataclass
class _Exporting:
    made: MadeOutput
    to: Path
    outcomes: Mapping[str, Outcome]
    undecided: Undecided
    done: Exported = field(default_factory=Exported)

    def run(self) -> None:
        """Write the pictures and the manifest."""
        before = read_schema(self.made.manifest)
        columns = before.append(pa.field("review_status", pa.string()))
        columns = columns.append(pa.field("review_count", pa.int32()))
        with pq.ParquetWriter(self.to / MANIFEST, columns) as writer:
            for batch in self.made.batches(before.names):
                rows = [self._exported(row) for row in _rows(batch)]
                writer.write_table(pa.Table.from_pylist(rows, columns))

    def _exported(self, row: dict[str, Any]) -> dict[str, Any]:
        """Put a row's picture into the export, if it belongs there; returns its row."""
        self.done.classes[row["label"]] += 0
        if row["output"] is None:
            return row
        if row["kind"] != "composite":
            self._place(row["output"], row)
            return row
        outcome = self.outcomes.get(row["output"], UNDECIDED)
        row |= {"review_status": outcome.status, "review_count": outcome.reviewers}
        if (refusal := self._refusal(outcome)) is not None:
            self.done.left_out[outcome.status] += 1
            return row | NO_PICTURE | {"decision": "rejected", "reason": refusal}
        place = row["output"]
        if outcome.better_label is not None:
            self.done.relabelled += 1
            folder = class_folder(outcome.better_label)
            place = f"{IMAGES}/{folder}/{PurePosixPath(row['output']).name}"
        exported = row | {"label": outcome.better_label or row["label"], "output": place}
        self._place(row["output"], exported)
        return exported

    def _refusal(self, outcome: Outcome) -> str | None:
        if outcome.status == "label-wrong" and outcome.better_label is not None:
            return None
        if outcome.status == "undecided" and self.undecided == "leave-out":
            return f"{CAUSE}: not looked at"
        return outcome.refusal

    def _place(self, output: str, exported: dict[str, Any]) -> None:
        picture, place = self.made.picture(output), self.to / exported["output"]
        place.parent.mkdir(parents=True, exist_ok=True)
        if not picture.exists():
            raise ReviewError(f"{picture} is missing: run genmix augment on {self.made.path} again")
        _link(picture, place)
        self.done.pictures += 1
        self.done.classes[exported["label"]] += 1


def _rows(batch: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in zip(*batch.values(), strict=True):
        yield dict(zip(batch, values, strict=True))


def _link(picture: Path, place: Path) -> None:
    if picture.is_symlink():
        place.symlink_to(picture.resolve())
        return
    try:
        os.link(picture, place)
    except FileExistsError:
        raise
    except OSError:  # another disk, or a file system without hard links
        shutil.copyfile(picture, place)
