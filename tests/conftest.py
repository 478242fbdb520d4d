"""What every test shares: a cache of its own session, and a small set of drawn scenes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from genmix.datasets.samples import synthetic_photos
from genmix.recipe import Recipe

# Tests mix tiny tensors: threads would only wait for each other. Read when torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says nothing on a machine that others share. The same examples every
# time: a red run is a fault of the change it judges. `--hypothesis-profile explore` looks further.
settings.register_profile("genmix", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("genmix")


def pytest_configure() -> None:
    """Let Ctrl-C mean what it does at a terminal; what starts in the background ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's cache out; fractals are drawn once a session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENMIX_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve scenes of three classes; tests read it and leave it as it is."""
    folder = tmp_path_factory.mktemp("source") / "photos"
    synthetic_photos(folder, classes=3, per_class=4, size=64, seed=1)
    return folder


@pytest.fixture
def small() -> Recipe:
    """A recipe that is quick to run."""
    return Recipe().changed(
        size=48,
        prompts={"only": ["snowy", "mosaic"]},
        fractals={"count": 6},
        blend=[0.1, 0.3],
        screens={"structure": None},
    )
