"""Mixers by name, for settings that are text: "cutmix", "mixup:alpha=0.4+cutout:size=0.3"."""

import inspect
import json
from typing import Any

from genmix import mixing
from genmix.errors import MixerError, nearest
from genmix.mixing.base import Mixer

MIXERS: dict[str, type[Mixer]] = {
    kind.__name__.lower(): kind
    for kind in (
        mixing.MixUp,
        mixing.CutMix,
        mixing.Cutout,
        mixing.FMix,
        mixing.GridMix,
        mixing.ResizeMix,
        mixing.SaliencyMix,
        mixing.SmoothMix,
        mixing.AugMix,
        mixing.PixMix,
        mixing.IPMix,
    )
}
"""The mixers that take single pictures, by name. GenMix takes pairs, which a data set gives."""

_DEFAULTS: dict[str, dict[str, Any]] = {
    "cutout": {"fill": 0.5},  # pictures come in [0, 1], not normalised, so 0 would be black
}


def create_mixer(text: str, classes: int) -> Mixer:
    """Make a mixer from its text.

    Args:
        text: Names joined by "+", applied in turn; each may have settings:
            `name:key=value,key=value`.
        classes: K; targets come as K probabilities.

    Raises:
        MixerError: If there is no such mixer or setting, or a value does not fit.
    """
    members = [_one(part.strip(), classes) for part in text.split("+")]
    return members[0] if len(members) == 1 else mixing.Sequential(members)


def _one(text: str, classes: int) -> Mixer:
    name, _, rest = text.partition(":")
    if name == "genmix":
        raise MixerError("genmix is no mixer of single pictures: train on what genmix augment made")
    if name not in MIXERS:
        raise MixerError(f"there is no mixer {name!r}: {nearest(name, MIXERS)}")
    given: dict[str, Any] = {}
    for pair in filter(None, rest.split(",")):
        key, _, value = (part.strip() for part in pair.partition("="))
        if key not in _settings(name):
            raise MixerError(f"{name} has no setting {key!r}: {nearest(key, _settings(name))}")
        if key in given:
            raise MixerError(f"{text!r} sets {key!r} twice: give it once")
        given[key] = _value(value)
    return MIXERS[name](num_classes=classes, **_DEFAULTS.get(name, {}) | given)


def _settings(name: str) -> list[str]:
    """List what a mixer can be set to in text, its base classes' settings too."""
    found: dict[str, None] = {}
    for kind in inspect.getmro(MIXERS[name]):
        if issubclass(kind, Mixer):
            found |= dict.fromkeys(inspect.signature(kind).parameters)
    return [key for key in found if key not in _NOT_IN_TEXT]


_NOT_IN_TEXT = {"settings", "num_classes", "generator", "inplace", "pictures"}


def _value(text: str) -> float | str | bool | None:
    """Read a number, null, or true or false in any case; anything else is a word."""
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    try:
        return json.loads(text)
    except ValueError:
        return text
