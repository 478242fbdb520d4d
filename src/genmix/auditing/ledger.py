"""What the manifest says: counts for each prompt, class and group, and a sample of the photos.

It is read once, row by row; memory holds the counts and the sample, whatever its size.
"""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, TypeAlias

from genmix.auditing.certainty import Outcomes
from genmix.datasets.layout import MANIFEST
from genmix.datasets.manifest import iterate_rows, read_schema
from genmix.errors import OutputError
from genmix.seeding import seed_of

By: TypeAlias = Literal["all", "prompt", "class", "group"]
Subject: TypeAlias = tuple[By, str]
"""What is counted together: ("prompt", "snowy"), ("class", "cat"), …; ("all", "") is everything."""

ALL: Subject = ("all", "")


@dataclass
class Count:
    """What became of the composites that were planned for a subject.

    Attributes:
        planned: How many there were to be.
        written: How many there are.
        reasons: Rejected ones, by the screen that refused them first.
        failed: How many could not be made, as their photo could not be used.
        scores: Of each screen, the sum of its scores and how many there were.
        outcomes: Kept and rejected, photo by photo.
    """

    planned: int = 0
    written: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    scores: dict[str, tuple[float, int]] = field(default_factory=dict)
    outcomes: Outcomes = field(default_factory=Outcomes)

    def add(self, row: Mapping[str, Any], screens: Mapping[str, str]) -> None:
        """Count one row of the manifest, but for its outcome."""
        self.planned += 1
        self.written += row["decision"] == "written"
        self.failed += row["decision"] == "failed"
        if row["decision"] == "rejected":
            self.reasons[row["reason"].partition(":")[0]] += 1
        for column, name in screens.items():
            if row[column] is not None:
                total, count = self.scores.get(name, (0.0, 0))
                self.scores[name] = total + row[column], count + 1


@dataclass(frozen=True)
class Written:
    """A picture of the output: its prompt, its place below the output, the hash of its bytes."""

    prompt: str
    output: str
    sha256: str


@dataclass(frozen=True)
class Sampled:
    """A photo that is looked at, with all pictures that were made of it.

    Attributes:
        source: Its path in the source.
        sha256: Of its bytes.
        label: Its class.
        group: Its group; None where it has none.
        original: Its own place below the output, if it was put there.
        pictures: What was made of it.
    """

    source: str
    sha256: str
    label: str
    group: str | None
    original: str | None
    pictures: tuple[Written, ...]


@dataclass
class Ledger:
    """An output in numbers.

    Attributes:
        counts: For each subject.
        photos: Planned photos of each subject.
        ungrouped: Photos without a group, where groups were asked for.
        sample: Photos to look at, in the plan's order.
    """

    counts: dict[Subject, Count] = field(default_factory=dict)
    photos: Counter[Subject] = field(default_factory=Counter)
    ungrouped: int = 0
    sample: list[Sampled] = field(default_factory=list)

    def subjects(self, by: By) -> list[str]:
        """Return the names of all subjects of a kind, sorted."""
        return sorted(name for kind, name in self.counts if kind == by)


def read_ledger(
    out: Path, *, groups: Mapping[str, str] | None = None, pictures: int = 0, seed: int = 0
) -> Ledger:
    """Read the manifest of a finished output.

    Args:
        out: The output.
        groups: The group of each photo, by its path in the source.
        pictures: Sample so many photos that about this many pictures were made of them; at least
            one, unless this is 0. Every photo with a picture is as likely as any other.
        seed: Of the sample, which depends on nothing else.

    Raises:
        OutputError: If there is no finished output, or its manifest is damaged.
    """
    ledger, sample = Ledger(), _Sample(pictures)
    for position, (source, rows) in enumerate(_photos(out / MANIFEST)):
        group = None if groups is None else groups.get(source)
        composites = [row for row in rows if row["kind"] == "composite"]
        if not composites:
            continue
        label = composites[0]["label"]
        ledger.ungrouped += groups is not None and group is None
        _count(ledger, composites, label, group)
        if pictures and (found := _sampled(source, label, group, rows)).pictures:
            sample.offer(seed_of("audit", seed, source), position, found)
    if not ledger.counts:
        raise OutputError(f"{out / MANIFEST} has no composites: there is nothing to audit")
    ledger.sample = sample.chosen()
    return ledger


def check_manifest(out: Path) -> None:
    """Make sure that an output is finished and its manifest one, without reading its rows.

    Raises:
        OutputError: If there is no finished output, or its manifest is damaged or of another kind.
    """
    manifest = out / MANIFEST
    if not manifest.exists():
        raise OutputError(
            f"{out} is no finished output of genmix augment: it has no {manifest.name}"
        )
    names = read_schema(manifest).names
    missing = [name for name in (*_COLUMNS, *_OUTPUT) if name not in names]
    if missing:
        raise OutputError(
            f"{manifest} is no manifest of genmix augment: it has no column {missing[0]}"
        )


_COLUMNS = ("kind", "source", "source_sha256", "label", "prompt", "decision", "reason")
_OUTPUT = ("output", "output_sha256")
_SCREEN = "screen_"


def _photos(manifest: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each photo with its rows, which follow each other in the plan's order."""
    check_manifest(manifest.parent)
    columns = [*_COLUMNS, *_OUTPUT, *_screens(read_schema(manifest).names)]
    for source, rows in groupby(iterate_rows(manifest, columns), lambda row: row["source"]):
        yield source, list(rows)


def _screens(columns: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Return the columns of the screens' scores, with the screens' names."""
    return {name: name.removeprefix(_SCREEN) for name in columns if name.startswith(_SCREEN)}


def _count(ledger: Ledger, rows: list[dict[str, Any]], label: str, group: str | None) -> None:
    """Count a photo's composites for all of its subjects."""
    screens = _screens(list(rows[0]))
    whole: list[Subject] = [ALL, ("class", label)]
    if group is not None:
        whole.append(("group", group))
    parts: dict[Subject, list[dict[str, Any]]] = dict.fromkeys(whole, rows)
    for row in rows:
        parts.setdefault(("prompt", row["prompt"]), []).append(row)
    for subject, of_photo in parts.items():
        count = ledger.counts.setdefault(subject, Count())
        for row in of_photo:
            count.add(row, screens)
        decisions = Counter(row["decision"] for row in of_photo)
        count.outcomes.add(decisions["written"] + decisions["rejected"], decisions["rejected"])
        ledger.photos[subject] += 1


def _sampled(source: str, label: str, group: str | None, rows: list[dict[str, Any]]) -> Sampled:
    originals = [row["output"] for row in rows if row["kind"] == "original" and row["output"]]
    pictures = [
        Written(row["prompt"], row["output"], row["output_sha256"])
        for row in rows
        if row["kind"] == "composite" and row["decision"] == "written"
    ]
    return Sampled(
        source,
        rows[0]["source_sha256"] or "",
        label,
        group,
        originals[0] if originals else None,
        tuple(pictures),
    )


@dataclass
class _Sample:
    """The photos with the least hashes, as long as their pictures are not too many."""

    most: int
    heap: list[tuple[int, int, Sampled]] = field(default_factory=list)
    pictures: int = 0

    def offer(self, rank: int, position: int, photo: Sampled) -> None:
        heapq.heappush(self.heap, (-rank, position, photo))
        self.pictures += len(photo.pictures)
        while self.pictures > self.most and len(self.heap) > 1:
            *_, dropped = heapq.heappop(self.heap)
            self.pictures -= len(dropped.pictures)

    def chosen(self) -> list[Sampled]:
        return [photo for _, _, photo in sorted(self.heap, key=lambda entry: entry[1])]
