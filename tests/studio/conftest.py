"""A studio on drawn photos, one with pictures to review, and who visits it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from genmix import jobs
from genmix.datasets.samples import synthetic_photos
from genmix.recipe import load_recipe
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


@pytest.fixture(scope="session")
def reviewable(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], tuple[Path, Path]]:
    """Copies ten photos and the output of thirty pictures made of them, and gives both places."""
    made = tmp_path_factory.mktemp("reviewable")
    synthetic_photos(made / "photos", classes=2, per_class=5, size=96, seed=3)
    recipe = load_recipe("quick").changed(size=48, fractals={"count": 2})
    jobs.augment(made / "photos", made / "out", recipe, edits=made / "edits")

    def copy(folder: Path) -> tuple[Path, Path]:
        shutil.copytree(made, folder, dirs_exist_ok=True)
        return folder / "photos", folder / "out"

    return copy
