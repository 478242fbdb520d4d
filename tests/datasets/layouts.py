"""Small sources on disk, and a way to look at what was found in them."""

from pathlib import Path

import numpy as np

from genmix.datasets import Source, open_source
from genmix.images import encode_jpeg

PICTURE = encode_jpeg(np.full((8, 8, 3), 90, np.uint8))


def put(root: Path, *paths: str, data: bytes = PICTURE) -> Path:
    """Write a file at each path below `root`."""
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return root


def labels(source: Source) -> dict[str, str]:
    return {photo.path: photo.label for photo in source.photos}


def reasons(source: Source) -> dict[str, str]:
    return {ignored.path: ignored.reason for ignored in source.ignored}


def found(root: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Open a source; return its labels by path, and its reasons by what it ignores."""
    source = open_source(root)
    return labels(source), reasons(source)
