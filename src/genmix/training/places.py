"""What lies at a place that is trained or tested on: photos, or an output of `genmix augment`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from genmix.datasets import Source, open_source
from genmix.datasets.layout import IMAGES, MANIFEST, class_folder
from genmix.datasets.manifest import iterate_rows


@dataclass(frozen=True)
class Opened:
    """A source, and what a genmix output says of its pictures; of photos nothing is said.

    Attributes:
        source: The pictures.
        labels: Their classes as the user named them, by folder.
        origins: Of each picture's path, that of the photo that it shows.
        hashes: Of each picture's path, the SHA-256 of that photo.
        composed: Paths of the pictures that genmix made.
    """

    source: Source
    labels: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    composed: frozenset[str] = frozenset()


def open_place(source: str | Path | Source) -> Opened:
    """Open what `open_source` opens, or all pictures of an output of `genmix augment`.

    Raises:
        SourceError: If there are no labelled pictures.
    """
    if not isinstance(source, str | Path):
        return Opened(source)
    if (out := output_of(source)) is None:
        return Opened(open_source(source))
    labels, origins, hashes, composed = {}, {}, {}, set()
    columns = ["kind", "label", "output", "source", "source_sha256"]
    for row in iterate_rows(out / MANIFEST, columns):
        if row["output"] is None:
            continue
        path = row["output"].removeprefix(f"{IMAGES}/")
        labels[class_folder(row["label"])] = row["label"]
        origins[path], hashes[path] = row["source"], row["source_sha256"]
        if row["kind"] == "composite":
            composed.add(path)
    return Opened(open_source(out / IMAGES), labels, origins, hashes, frozenset(composed))


def output_of(place: str | Path) -> Path | None:
    """Find the output of `genmix augment` that a folder is, or whose folder of images it is.

    Args:
        place: A folder, named in any way.

    Returns:
        The output's folder; None where it is neither.
    """
    whole = (Path(place).absolute(), Path(place).resolve())  # a link may be called otherwise
    above = [folder.parent for folder in whole if folder.name == IMAGES]
    for folder in (Path(place), *above):
        if (folder / MANIFEST).is_file() and (folder / IMAGES).is_dir():
            return folder
    return None


def same_photos(one: str | Path, other: str | Path) -> bool:
    """Tell whether two names are of one folder; an output of genmix and its images are one."""
    first, second = ((output_of(place) or Path(place)).resolve() for place in (one, other))
    return first == second
