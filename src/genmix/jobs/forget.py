"""Forgetting: removes photos and all that was made of them from an output and the edit cache.

What is to go is written down first and that note removed last, so whoever was killed can do it
again. What stays of a photo is a line with its hash and the day: a hash shows no one, and keeps the
photo from coming back.
"""

import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from genmix.datasets.layout import AUDIT, SHEET
from genmix.datasets.manifest import Matching, find_rows, read_facts, without_rows
from genmix.editing.cache import EditCache
from genmix.errors import OutputError, SourceError
from genmix.jobs.augment import default_edits
from genmix.jobs.finish import describe
from genmix.jobs.folder import BLENDED, WHOLE, OutputFolder
from genmix.jobs.sheet import redraw_sheet
from genmix.storage import is_utf8, printable, remove, write_whole, writing

Also: TypeAlias = Callable[[Path], object]


@dataclass
class Forgotten:
    """What was removed.

    Attributes:
        out: The output.
        photos: Photos that are forgotten now, one for each content.
        rows: Their rows of the manifest.
        pictures: Their pictures.
        edits: Their edits in the cache.
        sheet: What became of the contact sheet: "redrawn" without the photos, "removed" where there
            is nothing to draw it from; None if there was none.
        audit_removed: Whether there was an audit, whose figures counted the photos.
        blended_folder: The folder of pictures that the output blends in, if it does: whether a
            photo is among those too is not known.
    """

    out: Path
    photos: int = 0
    rows: int = 0
    pictures: int = 0
    edits: int = 0
    sheet: Literal["redrawn", "removed"] | None = None
    audit_removed: bool = False
    blended_folder: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return vars(self) | {"out": str(self.out)}


@dataclass
class _Photo:
    """One photo to forget, by its content, or by its paths where it cannot be read.

    Attributes:
        source_sha256: Of its bytes.
        paths: Where there are none: its paths in the source.
        rows: Its rows of the manifest.
        pictures: Its pictures.
    """

    source_sha256: str | None
    paths: list[str] = field(default_factory=list)
    rows: int = 0
    pictures: int = 0


@dataclass
class _Note:
    """What is about to be removed, as it is written down.

    Attributes:
        asked: As the user named the photos.
        when: The time of the asking, UTC.
        photos: The photos.
    """

    asked: list[str]
    when: str
    photos: list[_Photo]

    @classmethod
    def read(cls, path: Path) -> "_Note | None":
        try:
            noted = json.loads(path.read_bytes())
            return cls(noted["asked"], noted["when"], [_Photo(**one) for one in noted["photos"]])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise OutputError(f"cannot read {path}: remove it and forget again") from error

    def write(self, path: Path) -> None:
        write_whole(path, json.dumps(asdict(self), ensure_ascii=False).encode())


def forget(
    sources: Sequence[str],
    out: str | Path,
    *,
    edits: Path | None = None,
    also: Also = lambda _: None,
) -> Forgotten:
    """Remove photos and all that was made of them from an output and the edit cache.

    Args:
        sources: The photos: files, paths as the manifest has them, or the SHA-256 of their bytes.
            A photo that lies in the source more than once is forgotten everywhere. The source
            itself is not touched.
        out: The output, finished or under way.
        edits: The folder of the edit cache; in the user's cache folder when left out.
        also: Told the output when the manifest has lost the rows, to forget what else is kept of
            them; told again by the next call, if it fails.

    Returns:
        What was removed, also by the call that this one goes on with.

    Raises:
        OutputError: If there is no output, or a run is writing to it.
        SourceError: If a photo is none of the output's; nothing is removed then.
    """
    for source in sources:
        if not is_utf8(source):
            raise SourceError(f"{printable(source)} is no UTF-8 name: give the photo's SHA-256")
    folder, cache = OutputFolder(Path(out)), EditCache(edits or default_edits())
    done = Forgotten(folder.path, blended_folder=_blended_folder(folder))
    with _opened(folder):
        unfinished = _Note.read(folder.half_forgotten)
        if unfinished is not None:
            _carry_out(unfinished, folder, cache, done, also)
        left = [s for s in sources if unfinished is None or s not in unfinished.asked]
        photos = _identified(left, folder)
        if photos:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            note = _Note(list(left), now, photos)
            note.write(folder.half_forgotten)
            _carry_out(note, folder, cache, done, also)
        if not done.photos or not folder.manifest.exists():
            also(folder.path)
    return done


@contextmanager
def _opened(folder: OutputFolder) -> Iterator[None]:
    """Hold an output alone; what is made for that goes again."""
    if not folder.parts() and not folder.hidden.exists():
        raise OutputError(f"{folder.path} is no output of genmix augment: nothing is in it")
    if folder.manifest.exists() and not read_facts(folder.manifest):
        raise OutputError(
            f"{folder.path} was made by an earlier version of genmix, which noted less: make it "
            "anew without the photo (edits are cached)"
        )
    made = not folder.hidden.exists()
    with writing(folder.path):
        folder.hidden.mkdir(exist_ok=True)
    try:
        with folder.locked(WHOLE):
            yield
    finally:
        if made and not folder.half_forgotten.exists():
            shutil.rmtree(folder.hidden)


def _identified(sources: Sequence[str], folder: OutputFolder) -> list[_Photo]:
    """Find the photos that are meant, all of them before anything is removed."""
    hashes = {source: _hash_of(source) for source in sources}
    wanted = {sha256 for sha256 in hashes.values() if sha256 is not None}
    by_hash: dict[str, _Photo] = {}
    unread = _Photo(None)
    found = folder.forgotten() & wanted
    known: set[str] = set(found)
    for row in _rows(folder, {"source_sha256": wanted, "source": sources}):
        sha256 = row["source_sha256"]
        known |= {row["source"], *([sha256] if sha256 else [])}
        if sha256 is not None:
            by_hash.setdefault(sha256, _Photo(sha256))
        elif row["source"] not in unread.paths:
            unread.paths.append(row["source"])
    if not folder.manifest.exists():  # not made yet, and never to be
        by_hash |= {s: _Photo(s) for s in wanted - found if s not in by_hash}
        known |= wanted
    for source, sha256 in hashes.items():
        if source not in known and sha256 not in known:
            raise SourceError(
                f"nothing in {folder.path} was made of {source}: give the photo as it was then, "
                "its path as the column 'source' of the manifest has it, or its SHA-256"
            )
    photos = [*by_hash.values(), *([unread] if unread.paths else [])]
    for row in _rows(folder, _matching(photos)):
        photo = by_hash.get(row["source_sha256"], unread)
        photo.rows += 1
        photo.pictures += row["output"] is not None
    return photos


def _matching(photos: Sequence[_Photo]) -> Matching:
    """Return what the rows of photos are found by."""
    return {
        "source_sha256": [p.source_sha256 for p in photos if p.source_sha256 is not None],
        "source": [path for photo in photos for path in photo.paths],
    }


def _hash_of(source: str) -> str | None:
    """Return the SHA-256 that a source is named by, or that of the file that it names."""
    if len(source) == _HASH_DIGITS and not set(source) - set("0123456789abcdef"):
        return source
    try:
        return hashlib.sha256(Path(source).read_bytes()).hexdigest()
    except OSError:
        return None


_HASH_DIGITS = 64


def _rows(folder: OutputFolder, matching: Matching) -> Iterator[dict[str, Any]]:
    for part in folder.parts():
        yield from find_rows(part, matching)


def _carry_out(
    note: _Note, folder: OutputFolder, cache: EditCache, done: Forgotten, also: Also
) -> None:
    """Remove what a note says; doing it again is harmless."""
    with writing(folder.path):
        matching = _matching(note.photos)
        keys = _remove_pictures(folder, matching)
        for photo in note.photos:
            done.edits += cache.forget(photo.source_sha256, keys[photo.source_sha256])
            done.photos += 1
            done.rows += photo.rows
            done.pictures += photo.pictures
        _remove_remains(folder)
        for part in folder.shard_parts():
            if next(find_rows(part, matching), None) is not None:
                shorter = part.with_suffix(".part")
                without_rows(part, shorter, matching)
                shorter.replace(part)
        done.audit_removed |= remove(folder.path / AUDIT)
        if remove(folder.path / SHEET):
            done.sheet = "removed"
        if folder.manifest.exists():
            shorter = folder.manifest.with_suffix(".part")
            without_rows(folder.manifest, shorter, matching)
            if redraw_sheet(folder.path, shorter):
                done.sheet = "redrawn"
            describe(folder.path, shorter)
            shorter.replace(folder.manifest)
            also(folder.path)
        _record(folder, note)
        remove(folder.half_forgotten)


def _remove_pictures(folder: OutputFolder, matching: Matching) -> dict[str | None, set[str]]:
    """Remove the pictures of photos, wherever they lie by now, and return the keys of edits."""
    keys: dict[str | None, set[str]] = defaultdict(set)
    for part in {*folder.parts(), *folder.shard_parts()}:
        for row in find_rows(part, matching):
            if row["edit_key"] is not None:
                keys[row["source_sha256"]].add(row["edit_key"])
            if row["output"] is None:
                continue
            for root in {folder.path, part.parent}:
                remove(root / row["output"])
                _remove_if_empty((root / row["output"]).parent)
    return keys


def _remove_if_empty(folder: Path) -> None:
    """Remove a class folder without pictures, which torchvision's ImageFolder would not read."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _remove_remains(folder: OutputFolder) -> None:
    """Remove what a killed run left half written: nobody can say of which photo it is."""
    folder.remove_halves()
    for place in (folder.path, folder.hidden):
        for path in place.glob(".*.part"):
            remove(path)


def _record(folder: OutputFolder, note: _Note) -> None:
    """Add a line for each photo to the record of what was withdrawn, unless it has one."""
    record = folder.forgotten_record
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    for photo in note.photos:
        line = {
            "source_sha256": photo.source_sha256,
            "forgotten": note.when,
            "rows": photo.rows,
            "pictures": photo.pictures,
        }
        if (text := json.dumps(line)) not in lines:
            lines.append(text)
    write_whole(record, _joined(lines))


def _joined(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _blended_folder(folder: OutputFolder) -> str | None:
    try:
        found = json.loads((folder.hidden / "job.json").read_bytes())[BLENDED]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return str(found) if found else None
