"""What a comparison needs on disk, small enough to train on in seconds."""

from pathlib import Path

from genmix.datasets.samples import synthetic_photos

_RECIPE = """
prompts: {only: [snowy, mosaic]}
fractals: {count: 4}
screens: {structure: null}
blend: [0.1, 0.3]
"""


def make_place(place: Path) -> Path:
    """Write `photos`, `drawings` of the same classes, and `mine.yaml`, a quick recipe."""
    synthetic_photos(place / "photos", classes=3, per_class=10, size=48, seed=1)
    synthetic_photos(place / "drawings", classes=3, per_class=4, size=48, seed=2)
    (place / "mine.yaml").write_text(_RECIPE)
    return place
