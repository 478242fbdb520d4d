"""Photos drawn for proofs of concept: patterns whose class a colour gives away, or does not."""

from pathlib import Path

import numpy as np

from genmix.images import Image, encode_png
from genmix.seeding import generator
from genmix.storage import write_whole

SIDE = 36

CLASSES = ("bars", "columns", "dots")

_TINTS = ((200, 70, 60), (60, 180, 80), (70, 90, 210))


def draw(
    folder: Path, *, per_class: int, seed: int, tell_tale: bool, labelled: bool = True
) -> None:
    """Draw bars, columns and dots.

    Args:
        folder: Where the class folders go.
        per_class: Pictures a class.
        seed: Of the drawing.
        tell_tale: Whether each class has a colour of its own, as in photos of one place; else
            every picture has any colour.
        labelled: Whether they lie in class folders.
    """
    for number, name in enumerate(CLASSES):
        for k in range(per_class):
            rng = generator("drawn", seed, name, k)
            tint = _TINTS[number] if tell_tale else rng.integers(30, 226, 3)
            place = folder / name if labelled else folder
            write_whole(
                place / f"{seed}-{name[0]}{k:03d}.png", encode_png(_picture(number, tint, rng))
            )


def _picture(kind: int, tint: object, rng: np.random.Generator) -> Image:
    y, x = np.mgrid[:SIDE, :SIDE]
    width, at = rng.integers(5, 8), rng.integers(0, 12, 2)
    bars, columns = (((line + start) // width) % 2 for line, start in zip((y, x), at, strict=True))
    shape = (bars, columns, bars * columns)[kind]
    ground = np.asarray(tint, np.float64) + rng.normal(0, 12, 3)
    figure = np.where(ground.mean() > 120, ground * 0.35, 255 - (255 - ground) * 0.35)
    picture = ground + shape[..., None] * (figure - ground)
    return (picture + rng.normal(0, 6, picture.shape)).clip(0, 255).astype(np.uint8)
