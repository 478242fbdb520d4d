"""Drawing one fractal: a seed and a number in, a picture that is not dull out."""

from collections.abc import Iterable

from genmix.errors import GenmixError, nearest
from genmix.fractals.families import BY_NAME, FAMILIES
from genmix.fractals.interest import interest
from genmix.fractals.palettes import colour, known_palettes
from genmix.images import Image, resize
from genmix.seeding import generator

VERSION = 1
"""Raised whenever the same seed gives other pictures, so that none kept from before is used."""

_ATTEMPTS = 16
"""One in twenty draws is dull; should this many be, the best of them is taken."""

_LEAST_DRAWN, _MOST_DRAWN = 64, 1024
"""Edges in pixels. Below, a fractal is only grain and is shrunk from here; above, time and memory
grow for detail that nobody sees in a blend, and it is enlarged from here."""


def draw(
    size: int,
    seed: int,
    index: int,
    families: Iterable[str] = FAMILIES,
    palettes: Iterable[str] | None = None,
) -> tuple[str, Image]:
    """Draw one fractal, again and again until it is not dull.

    The result depends on the arguments alone. Families take turns by index, so a bank of any
    length holds as many of each.

    Args:
        size: Edge in pixels.
        seed: The bank's seed.
        index: The number within the bank, from 0.
        families: Names from `FAMILIES`, in the order in which they take turns.
        palettes: Names of the palettes to draw from; all when left out.

    Returns:
        The family's name, and the picture: uint8, size x size x 3, RGB.

    Raises:
        GenmixError: If a family or a palette does not exist, or none is given.
    """
    colours = known_palettes(palettes)
    names = known_families(families)
    name = names[index % len(names)]
    drawn_size = min(max(size, _LEAST_DRAWN), _MOST_DRAWN)
    dull: list[tuple[float, Image]] = []
    for attempt in range(_ATTEMPTS):
        rng = generator("fractal", seed, index, attempt)
        image = colour(BY_NAME[name](drawn_size, rng), drawn_size, rng, colours)
        score = interest(image).score
        if score >= 1:
            return name, resize(image, size, size)
        dull.append((score, image))
    _, image = max(dull, key=lambda scored: scored[0])
    return name, resize(image, size, size)


def known_families(families: Iterable[str]) -> tuple[str, ...]:
    """Check names of families.

    Returns:
        The names, as given.

    Raises:
        GenmixError: If a family does not exist, or none is given.
    """
    names = tuple(families)
    if not names:
        raise GenmixError(f"no fractal family was given; known: {', '.join(FAMILIES)}")
    for name in names:
        if name not in FAMILIES:
            raise GenmixError(f"there is no fractal family '{name}'; {nearest(name, FAMILIES)}")
    return names
