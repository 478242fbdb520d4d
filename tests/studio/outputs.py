"""A small finished output to review, made once and copied for each test."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from genmix import jobs
from genmix.datasets.samples import synthetic_photos
from genmix.recipe import load_recipe

PICTURES = 30


def reviewable(folder: Path) -> tuple[Path, Path]:
    """Copy photos and an output of 30 pictures to a folder, and return both places."""
    shutil.copytree(_made(), folder, dirs_exist_ok=True)
    return folder / "photos", folder / "out"


@cache
def _made() -> Path:
    folder = Path(mkdtemp(prefix="genmix-reviewable-"))
    synthetic_photos(folder / "photos", classes=2, per_class=5, size=96, seed=3)
    recipe = load_recipe("quick").changed(size=48, fractals={"count": 2})
    jobs.augment(folder / "photos", folder / "out", recipe, edits=folder / "edits")
    return folder
