"""A finished output with pictures, made once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from genmix.jobs import augment
from genmix.jobs import plan as plan_module
from genmix.recipe import Recipe

RECIPE = Recipe().changed(
    size=48,
    prompts={"only": ["snowy", "mosaic"]},
    fractals={"count": 6},
    screens={"structure": None},
    output={"originals": "copy"},
)


@pytest.fixture(scope="session")
def finished(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Twelve photos and their 24 composites, in shards of a few; tests copy it."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_module, "_ITEMS_PER_SHARD", 8)
        augment(photos, folder / "out", RECIPE, edits=folder / "edits")
        yield folder / "out"


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    """The same, for one test to change."""
    shutil.copytree(finished, tmp_path / "out")
    return tmp_path / "out"
