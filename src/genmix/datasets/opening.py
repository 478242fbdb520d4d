"""Opening a source: finding out which layout of labelled photos lies at a path."""

import stat
from pathlib import Path

from genmix.datasets.files import Tree, walk
from genmix.datasets.folders import open_class_folders, open_metadata
from genmix.datasets.layout import IMAGES, MANIFEST
from genmix.datasets.metadata import METADATA
from genmix.datasets.source import Ignored, Source
from genmix.datasets.tables import open_tables
from genmix.errors import SourceError
from genmix.images import EXTENSIONS


def open_source(path: str | Path) -> Source:
    """Open whatever is at `path`: class folders, an imagefolder with metadata, or Parquet.

    Args:
        path: A folder, or a Parquet file.

    Returns:
        Its listing, which holds paths and labels only.

    Raises:
        SourceError: If no labelled photos are found there, with what to do about it.
    """
    root = Path(path)
    try:
        is_folder = stat.S_ISDIR(root.stat().st_mode)
    except FileNotFoundError as error:
        raise SourceError(f"{root} does not exist: give a folder of labelled photos") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise SourceError(f"cannot read {root}: {getattr(error, 'strerror', error)}") from error
    if is_folder:
        return _open_folder(root, walk(root))
    if root.suffix.lower() == ".parquet":
        return open_tables(root.parent, [root.name])
    if root.name in METADATA:
        raise SourceError(f"{root} is a file: give the folder that it lies in, {root.parent}")
    raise SourceError(f"{root} is a file: give a folder of labelled photos, or a .parquet file")


def _open_folder(root: Path, tree: Tree) -> Source:
    if metadata := [name for name in METADATA if name in tree.files]:
        if len(metadata) > 1:
            raise SourceError(f"{root} has {' and '.join(metadata)}: keep one of them")
        return open_metadata(root, tree, metadata[0])
    if MANIFEST in tree.files and IMAGES in tree.folders:
        raise SourceError(f"{root} is what genmix made: to use it, point at {root / IMAGES}")
    tables = [path for path in tree.files if path.lower().endswith(".parquet")]
    if not tables:
        return open_class_folders(root, tree)
    if any("/" in path and Path(path).suffix.lower() in EXTENSIONS for path in tree.files):
        raise SourceError(f"{root} has both photos and Parquet files: point at one kind only")
    others = [Ignored(path, "not a Parquet file") for path in tree.files if path not in tables]
    return open_tables(root, tables, sorted([*tree.ignored, *others]))
