"""Helpers to look at an output folder."""

import hashlib
from pathlib import Path
from typing import Any

from genmix.datasets.manifest import read_rows


def contents(out: Path) -> dict[str, str]:
    """Hash every finished file of an output, by relative path."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and ".genmix" not in path.parts
    }


def rows(out: Path) -> list[dict[str, Any]]:
    """Read an output's manifest."""
    return read_rows(out / "manifest.parquet")
