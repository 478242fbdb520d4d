"""The files below a folder: which there are, and what keeps one from being read."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from genmix.datasets.source import Ignored
from genmix.errors import SourceError
from genmix.storage import is_utf8, printable

SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
"""Names of folders and files, in lower case, that part a data set rather than name a class."""

# What operating systems and archivers leave behind. Nobody wants to read of it.
_JUNK = frozenset(
    {"thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "system volume information"}
)


@dataclass(frozen=True, slots=True)
class Tree:
    """The files below a folder, by relative path with forward slashes.

    Attributes:
        files: Every file that is neither hidden nor an operating system's litter, sorted; true
            for those that are, or lie behind, a symbolic link.
        folders: The names of the folders directly below, sorted.
        ignored: What could not be named, entered or followed.
    """

    files: dict[str, bool]
    folders: list[str]
    ignored: list[Ignored]


def walk(root: Path) -> Tree:
    """List the files below a folder.

    Links are followed, for data sets are often linked together; only a link to a folder that it
    lies in is not.

    Args:
        root: The folder.

    Returns:
        What was found.

    Raises:
        SourceError: If the folder itself cannot be listed.
    """
    files: dict[str, bool] = {}
    folders: list[str] = []
    ignored: list[Ignored] = []
    pending: list[tuple[str, frozenset[_Identity], bool]] = [("", frozenset(), False)]
    while pending:
        prefix, above, behind_link = pending.pop()
        try:
            here = _identity(root / prefix)
            entries = [] if here in above else _visible(root / prefix)
        except OSError as error:
            if not prefix:
                raise SourceError(f"cannot read {root}: {error.strerror}") from error
            ignored.append(Ignored(prefix, f"cannot be opened: {error.strerror}"))
            continue
        if here in above:
            ignored.append(Ignored(prefix, "link to a folder that it lies in"))
        for entry in entries:
            path, linked = prefix + entry.name, behind_link or entry.is_symlink()
            if fault := _fault(entry):
                ignored.append(Ignored(printable(path), fault))
            elif entry.is_dir():
                pending.append((f"{path}/", above | {here}, linked))
                if not prefix:
                    folders.append(entry.name)
            else:
                files[path] = linked
    return Tree(dict(sorted(files.items())), sorted(folders), ignored)


_Identity: TypeAlias = tuple[int, int]


def _identity(folder: Path) -> _Identity:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [e for e in entries if not e.name.startswith(".") and e.name.lower() not in _JUNK]


def _fault(entry: os.DirEntry[str]) -> str | None:
    """Say why an entry is neither a folder nor a file to read; None if it is."""
    if not is_utf8(entry.name):
        return "its name is not UTF-8"
    try:
        if entry.is_dir() or entry.is_file():
            return None
    except OSError:  # a link to itself
        return "broken link"
    return "broken link" if entry.is_symlink() else "neither a file nor a folder"
