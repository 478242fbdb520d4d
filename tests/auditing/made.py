"""Outputs whose manifest alone matters, written directly."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genmix.datasets.manifest import schema, write_rows
from genmix.datasets.source import Photo

PROMPTS = ("snowy", "mosaic", "sunset", "graffiti")


class Made(NamedTuple):
    """A photo, and for each prompt whether its edit was rejected."""

    photo: Photo
    rejected: tuple[bool, ...]


def write_output(out: Path, photos: Iterable[Made]) -> Path:
    """Write the manifest of an output with a row for each photo and prompt."""
    out.mkdir(parents=True, exist_ok=True)
    rows = [
        row(photo, prompt, rejected)
        for photo, fates in photos
        for prompt, rejected in zip(PROMPTS, fates, strict=False)
    ]
    write_rows(out / "manifest.parquet", rows, schema(["blank"]))
    return out


def row(photo: Photo, prompt: str, rejected: bool) -> dict[str, Any]:
    """Return a manifest row of a composite."""
    made: dict[str, Any] = {
        "kind": "composite",
        "source": photo.path,
        "source_sha256": "",
        "label": photo.label,
        "prompt": prompt,
        "variant": 0,
        "screen_blank": 1.0 if rejected else 9.0,
        "decision": "rejected" if rejected else "written",
    }
    if rejected:
        return made | {"reason": "blank: contrast 1.0 below 4.0"}
    return made | {"output": f"images/{photo.path}-{prompt}.jpg", "output_sha256": photo.path}


def drawn(rates: Mapping[str, float], per_group: int, seed: int, *, alike: float) -> list[Made]:
    """Draw photos of several groups, the edits of one photo sharing some of its fate.

    Args:
        rates: The share of edits to be rejected, by group; a photo is named `<group>/<number>`.
        per_group: Photos of each.
        seed: Of the draw.
        alike: The share of photos whose edits are kept or rejected all together.
    """
    rng = np.random.default_rng(seed)
    made = []
    for group, rate in rates.items():
        for number in range(per_group):
            label = f"class-{number % 3}"
            together = rng.random() < alike
            fates = rng.random(1).repeat(len(PROMPTS)) if together else rng.random(len(PROMPTS))
            photo = Photo(f"{group}/{number}.jpg", label)
            made.append(Made(photo, tuple((fates < rate).tolist())))
    return made


def groups_of(photos: Iterable[Made]) -> dict[str, str]:
    """Return the group of each photo: the first part of its path."""
    return {made.photo.path: made.photo.path.partition("/")[0] for made in photos}
