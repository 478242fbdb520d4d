"""Photos that are files in a folder: in class folders, or named by a metadata table."""

import os
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from genmix.datasets.files import SPLITS, Tree
from genmix.datasets.metadata import METADATA, label_of, metadata_rows
from genmix.datasets.source import Ignored, Photo
from genmix.errors import ImageError, SourceError
from genmix.images import EXTENSIONS, SNIFF_BYTES, sniff

MAX_FILE_BYTES = 2 << 30
"""A larger file is refused unread: no picture of a size that is decoded needs it."""


@dataclass(frozen=True, slots=True)
class FolderSource:
    """Photos that are files below a folder; see `genmix.datasets.source.Source`."""

    root: Path
    photos: Sequence[Photo] = ()
    ignored: Sequence[Ignored] = ()

    def read(self, photo: Photo) -> bytes:
        """Return the encoded bytes of a photo; an ImageError says why not."""
        try:
            with (self.root / photo.path).open("rb") as file:
                if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
                    raise ImageError(f"file is larger than {MAX_FILE_BYTES >> 30} GiB")
                return file.read()
        except OSError as error:
            raise ImageError(f"cannot be read: {error.strerror}") from error

    def locate(self, photo: Photo) -> Path | None:
        """Return the file of a photo."""
        return self.root / photo.path

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        """Leave the listing behind: a worker reads the photos that it is handed."""
        return type(self), (self.root,)


def open_class_folders(root: Path, tree: Tree) -> FolderSource:
    """Label each photo with the first folder below the source, as torchvision's ImageFolder does.

    Args:
        root: The source.
        tree: What lies in it.

    Raises:
        SourceError: If there is no photo in a class folder, or the folders are splits.
    """
    photos, ignored = [], list(tree.ignored)
    for path in tree.files:
        label, below, _ = path.partition("/")
        fault = _no_photo(root, path) or (None if below else _NO_CLASS)
        if fault:
            ignored.append(Ignored(path, fault))
        else:
            photos.append(Photo(path, label))
    if not photos:
        raise SourceError(_why_empty(root, ignored))
    classes = {photo.label for photo in photos}
    if all(name.lower() in SPLITS for name in classes):
        raise SourceError(
            f"{root} has split folders {', '.join(sorted(classes))}: "
            f"point at one of them, e.g. {root / min(classes, key=_training_first)}"
        )
    explained = {left_out.path for left_out in ignored}
    empty = {f"{name}/" for name in tree.folders if name not in classes} - explained
    ignored += [Ignored(folder, "no photo in it") for folder in empty]
    return FolderSource(root.absolute(), photos, sorted(ignored))


def open_metadata(root: Path, tree: Tree, name: str) -> FolderSource:
    """Label the photos that a table names, the layout that Hugging Face calls imagefolder.

    Tables come from elsewhere, so no row can name a file outside the source, be it by its path or
    through a link.

    Args:
        root: The source.
        tree: What lies in it.
        name: The table directly in the source, one of `METADATA`.

    Raises:
        SourceError: If the table is damaged, lacks a column, gives one photo two labels, or names
            no labelled photo that is there.
    """
    labels: dict[str, str] = {}
    licenses: dict[str, str | None] = {}
    ignored = list(tree.ignored)
    unnamed = {path for path in tree.files if path != name}
    for place, file_name, value, stated in metadata_rows(root / name):
        path, label = posixpath.normpath(file_name), label_of(value, place)
        unnamed.discard(path)
        if fault := _out_of_reach(root, tree, path):
            ignored.append(Ignored(file_name, fault))
        elif label is None:
            ignored.append(Ignored(path, "no label"))
        elif labels.setdefault(path, label) != label:
            raise SourceError(
                f"{place}: {path} is labelled '{label}' here and '{labels[path]}' before: "
                "a photo has one label"
            )
        elif licenses.setdefault(path, stated) != stated:
            raise SourceError(
                f"{place}: the licence of {path} is '{stated}' here and '{licenses[path]}' before"
            )
    if not labels:
        raise SourceError(_why_empty(root, ignored or [Ignored(name, "no rows")]))
    ignored += [Ignored(path, f"not in {name}") for path in unnamed]
    photos = [Photo(path, label, licenses[path]) for path, label in sorted(labels.items())]
    return FolderSource(root.absolute(), photos, sorted(ignored))


_NO_CLASS = "no class folder"


def _no_photo(root: Path, path: str) -> str | None:
    """Say why a file is no photo; None if it is one, by its extension or else its beginning."""
    name = PurePosixPath(path)
    if name.suffix.lower() in EXTENSIONS:
        return None
    if name.name in METADATA:
        return "metadata is read only directly in the source"
    try:
        with (root / path).open("rb") as file:
            head = file.read(SNIFF_BYTES)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None if sniff(head) else f"not an image ({name.suffix or 'no extension'})"


def _out_of_reach(root: Path, tree: Tree, path: str) -> str | None:
    """Say why a file that a table names is not to be had; None if it is."""
    if path.startswith(("/", "../")) or path == "..":
        return "path leaves the folder"
    if path not in tree.files:
        return "no such file"
    if tree.files[path] and not (root / path).resolve().is_relative_to(root.resolve()):
        return "path leaves the folder"
    return None


def _why_empty(root: Path, ignored: Sequence[Ignored]) -> str:
    if any(found.reason == _NO_CLASS for found in ignored):
        return (
            f"{root} holds photos but no class folders: put the photos of each class into a "
            f"folder named after it, e.g. {root / 'cat' / '1.jpg'}"
        )
    if not ignored:
        return f"{root} is empty: it should hold a folder of photos for each class"
    first = min(ignored)
    return f"{root} holds no labelled photos; {first.path}: {first.reason}"


def _training_first(name: str) -> tuple[bool, str]:
    return not name.lower().startswith("train"), name
