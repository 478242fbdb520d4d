"""The results that lie in the studio's folders: found, told in a sentence, and reported of.

What a report says lives in `genmix.reporting`, which works in a process of its own: a result may be
somebody else's file, and drawing takes memory that a server should not keep. It is imported when
the first result is read: the studio and its editor's process open sooner without.
"""

import os
import stat
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from genmix.datasets.layout import IMAGES, MANIFEST
from genmix.errors import GenmixError, MissingExtraError
from genmix.processes import elsewhere
from genmix.studio.words import LANGUAGES, Language
from genmix.studio.work import Work

if TYPE_CHECKING:
    from genmix.reporting.document import Glance

Kind: TypeAlias = Literal["poc", "ablation", "comparison"]
State: TypeAlias = Literal["finished", "more", "begun", "large", "linked"]

MOST = 100
"""So many results are listed, the newest."""

MOST_MEGABYTES = 16
"""No result of genmix is larger; a hundred runs of a hundred numbers take two."""

_FILES: dict[str, Kind] = {
    "poc.json": "poc",
    "ablation.json": "ablation",
    "comparison.json": "comparison",
}
"""What a finished result is known by; the first that is there tells."""

_DEPTH = 4
_FOLDERS = 1000
_ENTRIES = 1000
"""Of a folder; one with more holds pictures and not results."""

_NEEDED = ("jinja2", "matplotlib", "matplotlib_fontja", "scipy")
_MOST_SECONDS = 180.0
_LONGEST_NAME = 120
_LONGEST_SENTENCE = 600


class UnreadableError(GenmixError):
    """A result of which no report can be made."""


@dataclass(frozen=True)
class Result:
    """A folder in which `genmix poc`, `compare` or `ablate` worked.

    Attributes:
        id: In addresses of pages: says nothing of where it lies.
        name: For people: its place in the studio's folders.
        folder: Where it lies.
        kind: What was run.
        state: "finished"; "more" if it is, and more runs were begun in the same folder; "begun" if
            it is not finished; "large" or "linked" if its file is none to be read.
        file: What holds what was found; "" if there is none yet.
        changed: When, in seconds since 1970.
        version: Another one when the report would be another one.
    """

    id: str
    name: str
    folder: Path
    kind: Kind
    state: State
    file: str
    changed: float
    version: str

    @property
    def readable(self) -> bool:
        """Whether there is something to report of."""
        return self.state in {"finished", "more"}


@dataclass(frozen=True)
class Listing:
    """The results that were found.

    Attributes:
        results: The newest first.
        whole: Whether every folder was looked through.
        older: Results that are not listed.
    """

    results: tuple[Result, ...]
    whole: bool
    older: int


class Results:
    """The results of a studio."""

    def __init__(self, out: Path, others: Iterable[Path] = ()) -> None:
        """Know folders.

        Args:
            out: The studio's folder.
            others: More folders of results.
        """
        self._out = out.resolve()
        self._others = [path.resolve() for path in others]
        self._glances: dict[tuple[str, str], dict[Language, Glance] | None] = {}

    def listing(self) -> Listing:
        """Look through the folders, not beyond a bound and behind no link."""
        walk = _Walk()
        found: dict[Path, Result] = {}
        for number, root in enumerate((self._out, *self._others)):
            own = root == self._out
            for folder in walk.folders(root):
                place = folder.relative_to(root if own else root.parent)
                result = _look(folder, place, str(number))
                if result is not None:
                    walk.leave(folder)
                    found.setdefault(folder, result)
        order = sorted(found.values(), key=lambda each: (-each.changed, each.name))
        return Listing(tuple(order[:MOST]), walk.whole, max(0, len(order) - MOST))

    def find(self, id_: str) -> Result | None:
        """Return the result of an id, if there is one."""
        return next((each for each in self.listing().results if each.id == id_), None)

    def unread(self, results: Iterable[Result]) -> list[Result]:
        """Return those whose files are to be read before anything can be said of them."""
        return [each for each in results if each.readable and _key(each) not in self._glances]

    def read(self, results: Sequence[Result], work: Work) -> None:
        """Read what results say first, and keep it.

        Raises:
            GenmixError: If that cannot be done here.
            StoppedError: If the work is stopped meanwhile.
        """
        from genmix.reporting.reports import glances_at

        work.report("results")
        missing = self.unread(results)
        if missing:
            folders = [each.folder for each in missing]
            arguments = {"folders": folders, "languages": LANGUAGES}
            told = _reported(glances_at, arguments, work)
            known = {_key(each) for each in results}
            kept = {key: glance for key, glance in self._glances.items() if key in known}
            self._glances = kept | dict(zip(map(_key, missing), told, strict=True))

    def glance(self, result: Result, language: Language) -> "Glance | None":
        """Return what a result that was read says first; None if that cannot be told."""
        told = self._glances.get(_key(result))
        if told is None:
            return None
        glance = told[language]
        return replace(
            glance,
            about=shown(glance.about, _LONGEST_SENTENCE),
            compared=shown(glance.compared, _LONGEST_SENTENCE),
            decision=shown(glance.decision, _LONGEST_SENTENCE),
        )

    def report(self, result: Result, language: Language, work: Work) -> bytes:
        """Write a result's report, as HTML.

        Raises:
            MissingExtraError: If what it needs is not installed.
            UnreadableError: If the result is not one that can be reported of.
            StoppedError: If the work is stopped meanwhile.
        """
        from genmix.reporting.reports import report_of

        work.report("report")
        if not result.readable:
            raise UnreadableError(f"{result.name} holds nothing to report of")
        page = _reported(report_of, {"folder": result.folder, "language": language}, work)
        return str(page).encode(errors="replace")


def shown(text: str, most: int = _LONGEST_NAME) -> str:
    """Return a text of a file as a line for people, with nothing in it that turns or breaks it."""
    line = "".join("\N{REPLACEMENT CHARACTER}" if _steers(c) else c for c in text[: most + 1])
    return line if len(text) <= most else f"{line[:most]}…"


def _steers(character: str) -> bool:
    return unicodedata.category(character)[0] == "C"


def _key(result: Result) -> tuple[str, str]:
    return result.id, result.version


def _reported(job: Callable[..., Any], arguments: Mapping[str, Any], work: Work) -> Any:
    """Do a job of reporting in a process of its own, as long as is borne."""
    for package in _NEEDED:
        if find_spec(package) is None:
            raise MissingExtraError("the page Results", "proof")
    ends = time.monotonic() + _MOST_SECONDS

    def check() -> None:
        work.check()
        if time.monotonic() > ends:
            raise UnreadableError("the report takes too long to make")

    try:
        return elsewhere(job, arguments, check)
    except UnreadableError:
        raise
    except GenmixError as error:
        raise UnreadableError(str(error)) from error


class _Walk:
    """A walk through folders: near ones first, behind no link, not beyond a bound.

    Attributes:
        whole: Whether nothing was passed over.
    """

    def __init__(self) -> None:
        self.whole = True
        self._left = _FOLDERS
        self._done: set[Path] = set()

    def leave(self, folder: Path) -> None:
        """Go no deeper in a folder."""
        self._done.add(folder)

    def folders(self, root: Path) -> Iterator[Path]:
        """Yield a folder and those in it."""
        level = [root]
        for _ in range(_DEPTH):
            deeper: list[Path] = []
            for folder in level:
                if self._left == 0:
                    self.whole = False
                    return
                self._left -= 1
                yield folder
                if folder not in self._done:
                    deeper += self._inside(folder)
            level = deeper

    def _inside(self, folder: Path) -> list[Path]:
        try:
            with os.scandir(folder) as entries:
                some = list(islice(entries, _ENTRIES + 1))
        except OSError:
            return []
        self.whole = self.whole and len(some) <= _ENTRIES
        # The pictures of an output are many, and among them is no result.
        passed = {IMAGES} if any(entry.name == MANIFEST for entry in some) else set()
        return sorted(
            Path(entry.path)
            for entry in some[:_ENTRIES]
            if entry.name[0] != "." and entry.name not in passed
            if entry.is_dir(follow_symlinks=False)
        )


def _look(folder: Path, place: Path, root: str) -> Result | None:
    """Tell what a folder holds, if it is one of a result."""
    there = {name: info for name in _FILES if (info := _info(folder / name)) is not None}
    begun = _begun(folder)
    if not there and begun is None:
        return None
    file = next(iter(there), "")
    kind = _FILES[file] if there else begun or "comparison"
    if not there:
        state: State = "begun"
    elif not all(stat.S_ISREG(info.st_mode) for info in there.values()):
        state = "linked"
    elif max(info.st_size for info in there.values()) > MOST_MEGABYTES * 1_000_000:
        state = "large"
    else:
        state = "more" if kind != "poc" and _has_work(folder) else "finished"
    marks = [there[file]] if there else _times(folder, ("clock.json", ".genmix/job.json", "runs"))
    of_pictures = _times(folder, ("examples", *_sets(folder)))
    version = [(i.st_mtime_ns, i.st_size) for i in (*there.values(), *of_pictures)]
    return Result(
        id=_digest(f"{root}\0", os.fsencode(place)),
        name=shown(place.as_posix() if place.parts else folder.name),
        folder=folder,
        kind=kind,
        state=state,
        file=file,
        changed=max((info.st_mtime for info in marks), default=0.0),
        version=_digest(repr(version)),
    )


def _begun(folder: Path) -> Kind | None:
    """Tell what was begun in a folder, by what only that leaves there."""
    job = _info(folder / ".genmix" / "job.json")
    if job is None or not stat.S_ISREG(job.st_mode):
        return None
    if _info(folder / "clock.json") is not None:
        return "poc"
    under_way = [folder / name for name in ("runs", "work") if _info(folder / name) is not None]
    if not under_way:
        return None
    return "ablation" if any((each / "recipe").is_dir() for each in under_way) else "comparison"


def _has_work(folder: Path) -> bool:
    """Tell whether a run was begun and not finished: what is left of one that was is removed."""
    try:
        with os.scandir(folder / "work") as entries:
            return any(True for _ in entries)
    except OSError:
        return False


def _sets(folder: Path) -> list[str]:
    """Name what tells that pictures of a comparison are others now, or withdrawn."""
    try:
        with os.scandir(folder / "sets") as entries:
            names = sorted(entry.name for entry in islice(entries, _ENTRIES))
    except OSError:
        return []
    return [f"sets/{name}/{MANIFEST}" for name in names]


def _times(folder: Path, names: Iterable[str]) -> list[os.stat_result]:
    return [info for name in names if (info := _info(folder / name)) is not None]


def _info(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None


def _digest(text: str, more: bytes = b"") -> str:
    return blake2b(text.encode() + more, digest_size=8).hexdigest()
