"""Photos in which colour gives the class away, and proofs of concept of seconds on them."""

import shutil
from pathlib import Path

import pytest

from genmix.experiments.poc.result import Poc
from tests.experiments.poc.drawn import draw
from tests.experiments.poc.quick import QUICK, run


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`photos`; `elsewhere`, where colour says nothing; and the same `flat`, without labels."""
    place = tmp_path_factory.mktemp("poc")
    draw(place / "photos", per_class=40, seed=1, tell_tale=True)
    draw(place / "elsewhere", per_class=30, seed=2, tell_tale=False)
    (place / "flat").mkdir()
    for path in (place / "elsewhere").rglob("*.png"):
        shutil.copyfile(path, place / "flat" / path.name)
    return place


@pytest.fixture(scope="session")
def quick(place: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Poc]:
    """All stages in one go, with so few steps that nothing is learnt well."""
    out = tmp_path_factory.mktemp("quick") / "out"
    return out, run(place / "photos", out, QUICK, target=place / "elsewhere")
