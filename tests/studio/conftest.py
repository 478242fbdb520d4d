"""A studio on drawn photos, and who visits it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from tests.studio.visitors import Visitor, open_studio


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder of the studio."""
    return tmp_path / "out"


@pytest.fixture
def app(photos: Path, out: Path) -> Starlette:
    """The studio."""
    return open_studio(photos, out)


@pytest.fixture
def visitor(app: Starlette) -> Iterator[Visitor]:
    """Somebody who has opened the first page."""
    with Visitor(app) as visitor:
        yield visitor.sign_in()
