"""The output folder: its layout, whose it is, who may write to it, and which shards are done.

While a run goes on, everything lies in `.genmix/`: a shard's pictures and its part of the manifest
are written to a staging folder that is renamed when whole. `finish` then moves the pictures to
`images/` and joins the parts.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import portalocker

from genmix.datasets.layout import IMAGES, MANIFEST, alike
from genmix.datasets.manifest import Row, find_rows, iterate_rows, read_rows, write_rows
from genmix.errors import OutputError
from genmix.jobs.pipeline import Made
from genmix.storage import is_utf8, printable, remove, write_whole, writing

FORGOTTEN = "forgotten.jsonl"
"""The file of the output that says which photos were withdrawn, by their hash alone."""

OWN_CHECKER = "own safety checker"
"""What the record of a run has where the editor's own checker refuses pictures."""

BLENDED = "folder of fractals"
"""What the record of a run has of a folder of pictures to blend in; it is told, not compared."""

FRACTALS = "fractals version"
"""What the record of a run has of the fractals that are blended in."""

_HIDDEN = ".genmix"

_PART = "part.parquet"

_STAGING = "staging"
"""The folder of what a killed run leaves half written, or half removed."""


class OtherRunError(OutputError):
    """The output folder belongs to a run with other settings."""


class UnderWayError(OutputError):
    """Another process is writing to the output folder."""


@dataclass(frozen=True)
class Share:
    """Which part of the shards a run does: `index` of `count`, counted from 1."""

    index: int
    count: int

    def takes(self, shard: int) -> bool:
        """Tell whether a shard is this share's."""
        return shard % self.count == self.index - 1


WHOLE = Share(1, 1)


def keep_apart(source: str | Path, out: str | Path, what: str = "output") -> None:
    """Refuse an output among the photos that it is made of, or around them.

    Args:
        source: The photos.
        out: The folder that is written to.
        what: What it is, for the message.

    Raises:
        OutputError: If one of the folders lies in the other.
    """
    photos, written = Path(source).resolve(), Path(out).resolve()
    if photos in (written, *written.parents):
        raise OutputError(
            f"the {what} {out} lies inside the source {source}: what is written there would be "
            "read as photos next time; choose a folder beside it"
        )
    if written in photos.parents:
        raise OutputError(f"the {what} {out} contains the source {source}: choose another folder")


def keep_edits_apart(source: str | Path, edits: Path) -> None:
    """Refuse an edit cache among the photos, but in a hidden folder, of which no photo is read.

    Raises:
        OutputError: If one of the folders lies in the other.
    """
    photos, cache = Path(source).resolve(), edits.resolve()
    within = cache.relative_to(photos).parts if cache.is_relative_to(photos) else ()
    if not any(part.startswith(".") for part in within):
        keep_apart(source, edits, "edit cache")


def open_edits(edits: Path) -> None:
    """Make the folder of an edit cache if it is missing.

    Raises:
        OutputError: If it cannot be made, or is an output, among whose files edits would lie.
    """
    if (edits / _HIDDEN).exists():
        raise OutputError(f"{edits} is an output: choose another folder for the edit cache")
    with writing(edits):
        edits.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True)
class OutputFolder:
    """One output, finished or under way.

    Attributes:
        path: The folder.
    """

    path: Path

    def __post_init__(self) -> None:
        """Refuse a name that no manifest can be written below."""
        if not is_utf8(self.path):
            raise OutputError(f"{printable(self.path)} is no UTF-8 name: choose another folder")

    @property
    def manifest(self) -> Path:
        """The finished manifest."""
        return self.path / MANIFEST

    @property
    def images(self) -> Path:
        """The finished pictures, in class folders."""
        return self.path / IMAGES

    def check(self, identity: Mapping[str, Any] | None = None) -> None:
        """Refuse, before any work, a folder that is not to be written to; nothing is made.

        Args:
            identity: See `claim`; with it, the folder of another run is refused, too.

        Raises:
            OutputError: As `open` and `claim` do.
        """
        with writing(self.path):
            if self.path.exists() and not self.hidden.exists() and any(self.path.iterdir()):
                raise OutputError(
                    f"{self.path} is not empty and is no genmix output: choose a new folder"
                )
        if identity is not None:
            self.refuse_another(identity)

    def open(self) -> None:
        """Make the folder if it is missing.

        Raises:
            OutputError: If it cannot be made, or holds something that is no genmix output.
        """
        self.check()
        with writing(self.path):
            self.hidden.mkdir(parents=True, exist_ok=True)

    def check_classes(self, labels: Iterable[str]) -> None:
        """Refuse classes that would share a folder, on a file system where capitals do not count.

        Raises:
            OutputError: If there are two such classes.
        """
        if not (self.path / self.hidden.name.upper()).exists():
            return
        if (pair := alike(labels)) is not None:
            raise OutputError(
                f"the classes '{pair[0]}' and '{pair[1]}' would share a folder in {self.path}, "
                "where capitals do not count: rename one of them"
            )

    @property
    def claimed(self) -> bool:
        """Whether it is some run's."""
        return self._record.exists()

    def claim(self, identity: Mapping[str, Any], *, hint: str = "") -> None:
        """Make the folder this run's, or make sure that it already is.

        Args:
            identity: What the output depends on, as plain values.
            hint: What to add where it is another run's.

        Raises:
            OtherRunError: If the folder belongs to another run; the message names the difference.
            OutputError: If `genmix forget` was stopped in it.
        """
        self._refuse_half_forgotten()
        self.refuse_another(identity, hint=hint)
        if not self.claimed:
            write_whole(self._record, json.dumps(identity, indent=1, ensure_ascii=False).encode())

    def refuse_another(
        self, identity: Mapping[str, Any], *, hint: str = "", but: str = BLENDED
    ) -> None:
        """Refuse the folder of another run; see `claim`.

        Args:
            identity: As for `claim`.
            hint: As there.
            but: What of it is not compared, as it is not known yet.

        Raises:
            OtherRunError: If the folder belongs to another run.
        """
        if not self.claimed:
            return
        there, left_out = self._read_record(), dict.fromkeys((BLENDED, but))
        if [there.get(key) for key in _KIND] != [identity.get(key) for key in _KIND]:
            raise OtherRunError(
                f"{self.path} was made by another command, or another version of genmix: choose a "
                "new folder"
            )
        if difference := _difference({**there, **left_out}, {**identity, **left_out}):
            raise OtherRunError(
                f"{self.path} belongs to another run: {difference}; choose a new folder{hint}"
            )

    def release(self) -> None:
        """Make the folder nobody's again, for a run that ended before it had anything to keep."""
        remove(self._record)

    @contextmanager
    def locked(self, share: Share) -> Iterator[None]:
        """Keep other runs out; runs of different shares may go side by side.

        Raises:
            UnderWayError: If another run is writing here.
        """
        whole = share.count == 1
        kind = portalocker.LockFlags.EXCLUSIVE if whole else portalocker.LockFlags.SHARED
        with self._lock("lock", kind):
            if whole:
                yield
                return
            name = f"lock-{share.index}-of-{share.count}"
            with self._lock(name, portalocker.LockFlags.EXCLUSIVE):
                yield

    @contextmanager
    def _lock(
        self, name: str, kind: portalocker.LockFlags, *, wait: bool = False
    ) -> Iterator[None]:
        flags = kind if wait else kind | portalocker.LockFlags.NON_BLOCKING
        with writing(self.hidden), (self.hidden / name).open("a") as file:
            try:
                portalocker.lock(file, flags)
            except portalocker.exceptions.LockException as error:
                raise UnderWayError(
                    f"another genmix run is writing to {self.path}: wait for it to end, or choose "
                    "another folder"
                ) from error
            yield

    def clean(self, share: Share) -> None:
        """Remove what a killed run of the same share left behind."""
        shutil.rmtree(self._staging(share), ignore_errors=True)

    def remove_halves(self) -> None:
        """Remove what killed runs left half written or half removed, of all shares."""
        shutil.rmtree(self.hidden / _STAGING, ignore_errors=True)
        for shard in self._shards.glob("*"):
            if not (shard / _PART).exists():
                shutil.rmtree(shard)

    def done(self, shard: int) -> bool:
        """Tell whether a shard is whole."""
        return self.part(shard).exists()

    def part(self, shard: int) -> Path:
        """Return a shard's part of the manifest."""
        return self._shard(shard) / _PART

    def write_shard(self, shard: int, share: Share, made: Iterable[Made], columns: Any) -> None:
        """Write a shard: all of it, or nothing.

        Args:
            shard: Its index.
            share: The share that writes it.
            made: What became of its items.
            columns: The manifest's schema.

        Raises:
            OutputError: If it cannot be written, or two of its pictures have one name.
        """
        staging = self._staging(share) / f"{shard:06d}"
        with writing(self.path):
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
            rows = _written(made, staging)
            write_rows(staging / _PART, rows, columns)
            self._shards.mkdir(exist_ok=True)
            with self.finishing():
                if not self.done(shard):
                    shutil.rmtree(self._shard(shard), ignore_errors=True)  # one without its part
                    staging.rename(self._shard(shard))

    def publish(self, shard: int) -> None:
        """Move a shard's pictures to `images/`; doing it again is harmless.

        Raises:
            OutputError: If they cannot be written, or another photo's picture has the name of one.
        """
        folder = self._shard(shard)
        with writing(self.path):
            rows = [row for row in read_rows(self.part(shard)) if row["output"] is not None]
            staged = [row for row in rows if os.path.lexists(folder / row["output"])]
            self._refuse_to_overwrite([row for row in staged if self._differs(row)])
            for row in staged:
                place = self.path / row["output"]
                place.parent.mkdir(parents=True, exist_ok=True)
                (folder / row["output"]).replace(place)
            shutil.rmtree(folder / IMAGES, ignore_errors=True)

    def _differs(self, row: Row) -> bool:
        """Tell whether a file with other content stands where a picture belongs."""
        try:
            there = (self.path / row["output"]).read_bytes()
        except FileNotFoundError:
            return False
        return hashlib.sha256(there).hexdigest() != row["output_sha256"]

    def _refuse_to_overwrite(self, rows: Iterable[Row]) -> None:
        """Refuse pictures whose names another photo's have; one that was changed is replaced."""
        sources = {row["output"]: row["source"] for row in rows}
        if not sources:
            return
        for part in self.shard_parts():
            for row in find_rows(part, {"output": sources}):
                if row["source"] != sources[row["output"]]:
                    raise _one_name(row["output"], row["source"], sources[row["output"]])

    def forget_incomplete(self, shards: int) -> None:
        """Un-finish what was finished but lost pictures or rows since: they are made again.

        While another share finishes the output, its pictures are on their way: this waits.
        """
        aside = self.hidden / _STAGING / "incomplete"
        with self.finishing(), writing(self.path):
            shutil.rmtree(aside, ignore_errors=True)
            for shard in range(shards):
                if self.done(shard) and not self._complete(shard):
                    self.manifest.unlink(missing_ok=True)
                    aside.parent.mkdir(exist_ok=True)
                    self._shard(shard).rename(aside)
                    shutil.rmtree(aside)

    def _complete(self, shard: int) -> bool:
        """Tell whether a shard's rows can be read, and all of its pictures are there."""
        folder = self._shard(shard)
        try:
            outputs = [row["output"] for row in iterate_rows(self.part(shard), ["output"])]
        except OutputError:
            return False
        return all(
            (self.path / output).exists() or (folder / output).exists()
            for output in outputs
            if output is not None
        )

    def parts(self) -> list[Path]:
        """Return the finished manifest, or the parts of it that there are, in order."""
        return [self.manifest] if self.manifest.exists() else self.shard_parts()

    def shard_parts(self) -> list[Path]:
        """Return the whole shards' parts of the manifest, in order."""
        return sorted(self._shards.glob(f"*/{_PART}"))

    @property
    def forgotten_record(self) -> Path:
        """A line of JSON for every photo that was withdrawn."""
        return self.path / FORGOTTEN

    def forgotten(self) -> frozenset[str]:
        """Return the SHA-256 of every photo that was withdrawn.

        Raises:
            OutputError: If the record cannot be read.
        """
        try:
            lines = self.forgotten_record.read_text(encoding="utf-8").splitlines()
            return frozenset(json.loads(line)["source_sha256"] for line in lines) - {None}
        except FileNotFoundError:
            return frozenset()
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise OutputError(
                f"cannot read {self.forgotten_record}, which says which photos must stay out: put "
                "it back from a copy, or choose a new folder"
            ) from error

    @property
    def half_forgotten(self) -> Path:
        """What `genmix forget` is about to remove; there while it does, and after it was killed."""
        return self.hidden / "forgetting.json"

    def _refuse_half_forgotten(self) -> None:
        if self.half_forgotten.exists():
            raise OutputError(
                f"genmix forget was stopped in {self.path}: run it again first, then this"
            )

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """Let one run at a time move shards or finish the output; others wait."""
        with self._lock("finish", portalocker.LockFlags.EXCLUSIVE, wait=True):
            yield

    @property
    def hidden(self) -> Path:
        """What a run keeps for itself."""
        return self.path / _HIDDEN

    @property
    def _shards(self) -> Path:
        return self.hidden / "shards"

    def _shard(self, shard: int) -> Path:
        return self._shards / f"{shard:06d}"

    def _staging(self, share: Share) -> Path:
        return self.hidden / _STAGING / f"{share.index}-of-{share.count}"

    @property
    def _record(self) -> Path:
        """What the run that the folder belongs to depends on."""
        return self.hidden / "job.json"

    def _read_record(self) -> dict[str, Any]:
        try:
            identity = json.loads(self._record.read_bytes())
        except (OSError, ValueError) as error:
            raise OutputError(f"cannot read {self._record}: choose a new folder") from error
        return identity if isinstance(identity, dict) else {}


def _written(made: Iterable[Made], staging: Path) -> list[Row]:
    """Write pictures to a staging folder, which none of them is in yet; return their rows."""
    sources: dict[str, str] = {}
    rows: list[Row] = []
    for one in made:
        rows.append(one.row)
        if one.link_to is None and one.data is None:
            continue
        output, source = one.row["output"], one.row["source"]
        if output in sources:
            raise _one_name(output, sources[output], source)
        sources[output] = source
        place = staging / output
        place.parent.mkdir(parents=True, exist_ok=True)
        if one.link_to is not None:
            place.symlink_to(one.link_to.resolve())
        elif one.data is not None:
            place.write_bytes(one.data)
    return rows


def _one_name(output: str, *sources: str) -> OutputError:
    return OutputError(
        f"the photos {sources[0]} and {sources[1]} would both become {output}: rename one of them, "
        "or the file that it is a row of"
    )


_KIND = ("job", "format")
"""What tells the records of one kind of run, and of one version of genmix, from others."""


def _difference(there: Mapping[str, Any], here: Mapping[str, Any], path: str = "") -> str | None:
    """Name the first value in which two identities differ."""
    for key in [*here, *(k for k in there if k not in here)]:
        a, b = there.get(key), here.get(key)
        if a == b:
            continue
        name = f"{path}.{key}" if path else key
        if isinstance(a, dict) and isinstance(b, dict):
            return _difference(a, b, name)
        if max(len(str(a)), len(str(b))) > _LONG:
            return f"not the same {name}"
        return f"{name} was {_said(a)} there and is {_said(b)} now"
    return None


def _said(value: object) -> str:
    return "not set" if value is None else str(value)


_LONG = 60
"""Longer values are hashes of listings, and long texts."""
