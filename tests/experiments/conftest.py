"""Photos, a second domain and settings for comparisons that take seconds."""

from pathlib import Path

import pytest

from genmix.experiments.bench import CompareSettings
from genmix.training.settings import TrainSettings
from tests.experiments.places import make_place


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, drawings and a recipe; see `make_place`."""
    return make_place(tmp_path_factory.mktemp("comparison"))


@pytest.fixture(scope="session")
def settings(place: Path) -> CompareSettings:
    """Six steps of a tiny network on pictures of 32 pixels."""
    train = TrainSettings(model="test_resnet", weights="scratch", size=32, steps=6, batch_size=8)
    return CompareSettings(
        data=str(place / "photos"), targets={"drawings": str(place / "drawings")}, train=train
    )
