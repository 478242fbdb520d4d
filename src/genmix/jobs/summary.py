"""What a run came to: the numbers that the command line, the card and programs show."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from genmix.datasets.manifest import iterate_rows


@dataclass
class Tally:
    """What became of the items of some manifest rows.

    Attributes:
        written: Pictures in the output.
        rejected: Items rejected, by cause.
        failed: Items failed, by cause.
        failed_photos: Photos that could not be used, with the reason.
        classes: Written pictures of each class; 0 where a class lost all of them.
        prompts: Written pictures of each prompt; the photos themselves are "(original)".
        licenses: Written pictures by the licence of their photo.
    """

    written: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    failed_photos: dict[str, str] = field(default_factory=dict)
    classes: Counter[str] = field(default_factory=Counter)
    prompts: Counter[str] = field(default_factory=Counter)
    licenses: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, parts: Iterable[Path]) -> Self:
        """Count the rows of manifests, or of shards' parts of one."""
        tally = cls()
        for part in parts:
            for row in iterate_rows(part, _COLUMNS):
                tally._add(row)
        return tally

    def _add(self, row: dict[str, Any]) -> None:
        self.classes[row["label"]] += row["decision"] == "written"
        if row["decision"] == "written":
            self.written += 1
            self.prompts[row["prompt"] or "(original)"] += 1
            self.licenses[row["source_license"]] += 1
            return
        cause = row["reason"].partition(":")[0]
        if row["decision"] == "rejected":
            self.rejected[cause] += 1
        else:
            self.failed[cause] += 1
            self.failed_photos[row["source"]] = row["reason"]


_COLUMNS = ("source", "source_license", "label", "prompt", "decision", "reason")


@dataclass
class Summary:
    """The outcome of a run.

    Attributes:
        out: The output folder.
        planned: Items of this run's share.
        finished: Whether the output is complete; a run of one share may leave others to do.
        kept_from_before: Items that an earlier run had already done.
        edits_made: Edits made in this run.
        edits_reused: Edits that this run took from the cache.
        ignored: What in the source is no labelled photo, with the reason.
        fractals_left_out: What of a folder of fractals cannot be read, with the reason.
        forgotten: Photos that were withdrawn from this output (`genmix forget`) and stay out.
        seconds: How long this run took.
        tally: Of the whole output if it is complete, else of this run's share.
    """

    out: Path
    planned: int
    finished: bool = False
    kept_from_before: int = 0
    edits_made: int = 0
    edits_reused: int = 0
    ignored: dict[str, str] = field(default_factory=dict)
    fractals_left_out: dict[str, str] = field(default_factory=dict)
    forgotten: int = 0
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        values = vars(self) | vars(self.tally) | {"out": str(self.out)}
        del values["tally"]
        return values
