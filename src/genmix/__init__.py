"""genmix: turn a folder of labelled photos into a training set that makes a better classifier.

`genmix.augment` is the main job; mixers such as `genmix.MixUp` are batch transforms for training
loops. Nothing heavy is imported before it is used.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from genmix.errors import MissingExtraError

__version__ = "0.1.0"

_HOMES = {
    **dict.fromkeys(("augment", "estimate", "preview"), "genmix.jobs"),
    **dict.fromkeys(("Recipe", "load_recipe"), "genmix.recipe"),
    **dict.fromkeys(
        (
            "AugMix",
            "CutMix",
            "Cutout",
            "FMix",
            "GenMix",
            "GenMixDataset",
            "GridMix",
            "IPMix",
            "MixUp",
            "PixMix",
            "RandomMix",
            "ResizeMix",
            "SaliencyMix",
            "Sequential",
            "SmoothMix",
            "SoftTargetLoss",
            "mixed_accuracy",
        ),
        "genmix.mixing",
    ),
}


def __getattr__(name: str) -> Any:
    """Import a public name from the room that it lives in."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'genmix' has no attribute '{name}'")
    if home == "genmix.mixing" and not (find_spec("torch") and find_spec("numba")):
        raise MissingExtraError(f"genmix.{name}", "torch")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
