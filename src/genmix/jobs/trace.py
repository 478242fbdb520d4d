"""Tracing: where a picture of an output came from, and what came of a photo."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genmix.datasets.layout import MANIFEST, PROMPTS, RECIPE
from genmix.datasets.manifest import Matching, find_rows
from genmix.errors import GenmixError, OutputError, SourceError
from genmix.images import without_metadata
from genmix.jobs.folder import OutputFolder
from genmix.prompts import load_library
from genmix.provenance.metadata import linked_item
from genmix.recipe import load_recipe
from genmix.storage import is_utf8, printable

Row = dict[str, Any]


@dataclass
class Trace:
    """What an output knows of a picture.

    Attributes:
        out: The output.
        picture: The manifest row of the picture, if it is one of the output's.
        found_by: How it was recognised: "file" (its bytes are those that were written), "picture"
            (its metadata was changed or stripped, its picture was not), "link" (by its metadata
            alone: its picture was changed since, or the metadata copied) or "path".
        made_of_it: The rows of everything that was planned from it, if it is a photo of the source.
        prompt_text: The words of the picture's prompt.
        seed: The recipe's.
        recipe: The recipe's file; None as long as the output is not finished.
    """

    out: Path
    picture: Row | None = None
    found_by: str | None = None
    made_of_it: list[Row] = field(default_factory=list)
    prompt_text: str | None = None
    seed: int | None = None
    recipe: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return vars(self) | {"out": str(self.out), "recipe": self.recipe and str(self.recipe)}


def trace(what: str | Path, out: str | Path | None = None) -> Trace:
    """Find out where a picture came from, and what came of it.

    The manifest is read a batch of rows at a time, however long it is.

    Args:
        what: A file: a picture that an output holds or held, or a photo that one was made of. Or a
            path as the manifest has it, of a picture or a photo.
        out: The output, finished or under way; the one that the file lies in when left out.

    Returns:
        What is known.

    Raises:
        OutputError: If there is no output.
        SourceError: If the output knows nothing of it, or the file cannot be read.
    """
    if not is_utf8(what):
        raise SourceError(f"{printable(what)} is no UTF-8 name: trace a copy that has one")
    folder = OutputFolder(_output_around(Path(what)) if out is None else Path(out))
    parts = folder.parts()
    if not parts:
        raise OutputError(f"{folder.path} is no output of genmix augment: it has no {MANIFEST}")
    found, marks = Trace(folder.path), _marks(str(what))
    for part in parts:
        for row in (_NOT_YET_THEN | row for row in find_rows(part, marks.matching)):
            if row["source_sha256"] in marks.file or row["source"] == marks.path:
                found.made_of_it.append(row)
            evidence = marks.evidence(row)
            if evidence and (found.found_by is None or _stronger(evidence, found.found_by)):
                found.picture, found.found_by = row, evidence
    if found.picture is None and not found.made_of_it:
        gone = " any more: it was withdrawn" if marks.file & folder.forgotten() else ""
        hint = _HINT if marks.file else _NO_FILE
        raise SourceError(f"{folder.path} knows nothing of {what}{gone or hint}")
    _add_recipe(found)
    return found


_HINT = (
    ": it is neither a picture of this output nor a photo that it was made of, or was encoded anew "
    "and lost its metadata"
)
_NO_FILE = ": there is no such file, and its manifest has no such path"
_NOT_YET_THEN = dict.fromkeys(("item", "picture_sha256", "source_license", "model_license"))
"""Columns that manifests of the first version lack."""

_EVIDENCE = ("file", "picture", "path", "link")


def _stronger(one: str, other: str) -> bool:
    return _EVIDENCE.index(one) < _EVIDENCE.index(other)


@dataclass(frozen=True)
class _Marks:
    """What a picture is known by.

    Attributes:
        path: As it was asked for.
        file: SHA-256 of its bytes; empty, like the others, if there is no file.
        picture: SHA-256 of its bytes without metadata.
        link: The item that its metadata names.
    """

    path: str
    file: frozenset[str] = frozenset()
    picture: frozenset[str] = frozenset()
    link: frozenset[str] = frozenset()

    @property
    def matching(self) -> Matching:
        return {
            "output_sha256": self.file,
            "picture_sha256": self.picture,
            "item": self.link,
            "output": {self.path},
            "source": {self.path},
            "source_sha256": self.file,
        }

    def evidence(self, row: Row) -> str | None:
        """Say by what a row is recognised as this very picture's."""
        if row["output_sha256"] in self.file:
            return "file"
        if row["picture_sha256"] in self.picture:
            return "picture"
        if row["output"] == self.path:
            return "path"
        return "link" if row["item"] in self.link else None


def _marks(what: str) -> _Marks:
    try:
        data = Path(what).read_bytes()
    except FileNotFoundError:
        return _Marks(what)
    except IsADirectoryError as error:
        raise SourceError(f"{what} is a folder: give a picture, or a photo") from error
    except OSError as error:
        raise SourceError(f"cannot read {what}: {error.strerror}") from error
    link = linked_item(data)
    return _Marks(
        what,
        frozenset({hashlib.sha256(data).hexdigest()}),
        frozenset({hashlib.sha256(without_metadata(data)).hexdigest()}),
        frozenset() if link is None else frozenset({link}),
    )


def _output_around(picture: Path) -> Path:
    """Find the output that a picture lies in."""
    for folder in picture.absolute().parents:
        if (folder / MANIFEST).exists():
            return folder
    marks = _marks(str(picture))
    if not marks.file:
        raise SourceError(
            f"there is no file {picture}: check the path; for a path as a manifest has it, name "
            "the output after it"
        )
    if not marks.link:
        raise OutputError(
            f"{picture} lies in no finished output, and no metadata says that genmix made it: if "
            "it may be a picture or a photo of an output, name the output after it"
        )
    raise OutputError(
        f"{picture} lies in no finished output, and its metadata links to a picture of one: name "
        "the output that it was made in after it"
    )


def _add_recipe(found: Trace) -> None:
    """Add what the files beside the manifest say."""
    recipe = found.out / RECIPE
    if not recipe.exists():
        return
    found.recipe = recipe
    try:
        found.seed = load_recipe(recipe).seed
        if found.picture is not None and found.picture["prompt"] is not None:
            prompts = load_library(str(found.out / PROMPTS)).prompts
            texts = {prompt.id: prompt.prompt for prompt in prompts}
            found.prompt_text = texts.get(found.picture["prompt"])
    except GenmixError:
        return  # changed or removed since; the manifest stands
