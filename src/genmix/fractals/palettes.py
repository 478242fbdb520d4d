"""Colours for a field: cyclic gradients kept as data, interpolated in a perceptual space."""

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import as_file, files
from typing import Annotated, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic import Field as Constraint

from genmix.errors import GenmixError, nearest
from genmix.fractals.field import Field, Plane
from genmix.images import Image
from genmix.validation import load_yaml

SHADES = 2048
"""Colours in one turn of a palette."""

Shades: TypeAlias = npt.NDArray[np.float32]


class Palette(BaseModel):
    """A cyclic gradient.

    Attributes:
        name: What people call it.
        stops: Its colours at equal distances, sRGB in hex; the last runs on into the first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    stops: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")], ...],
        Constraint(min_length=3),
    ]


class _PaletteFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    palettes: Annotated[list[Palette], Constraint(min_length=1)]


@cache
def palettes() -> tuple[Palette, ...]:
    """Read the palettes that ship with genmix."""
    with as_file(files("genmix.fractals") / "palettes.yaml") as path:
        return tuple(load_yaml(path, _PaletteFile, GenmixError).palettes)


@cache
def shades(palette: Palette) -> Shades:
    """Interpolate a palette in OKLab (Björn Ottosson, 2020), where equal steps look equal.

    Returns:
        float32, `SHADES` x 3, linear light in [0, 1], one turn of the palette.
    """
    srgb = np.array([[int(s[i : i + 2], 16) for i in (1, 3, 5)] for s in palette.stops]) / 255
    lab = np.cbrt(_to_linear(srgb) @ _TO_CONES.T) @ _TO_LAB.T
    lab = np.concatenate((lab, lab[:1]))
    at = np.arange(SHADES) * (len(palette.stops) / SHADES)
    mixed = np.stack([np.interp(at, np.arange(len(lab)), channel) for channel in lab.T], axis=1)
    linear = ((mixed @ np.linalg.inv(_TO_LAB).T) ** 3) @ np.linalg.inv(_TO_CONES).T
    return np.clip(linear, 0, 1).astype(np.float32)


def known_palettes(names: Iterable[str] | None) -> tuple[Palette, ...]:
    """Return palettes by their names, or all of them.

    Raises:
        GenmixError: If one does not exist, or none is given.
    """
    if names is None:
        return palettes()
    by_name = {palette.name: palette for palette in palettes()}
    chosen = tuple(names)
    if not chosen:
        raise GenmixError(f"no palette was given; known: {', '.join(by_name)}")
    for name in chosen:
        if name not in by_name:
            raise GenmixError(f"there is no palette '{name}'; {nearest(name, by_name)}")
    return tuple(by_name[name] for name in chosen)


def colour(
    field: Field, size: int, rng: np.random.Generator, known: Sequence[Palette] | None = None
) -> Image:
    """Give a field its colours: a palette, where it starts and which way it runs drawn by `rng`.

    Args:
        field: What to colour; its side at least `size`.
        size: Edge of the result in pixels.
        rng: Draws the palette.
        known: Palettes to draw from; all when left out.

    Returns:
        uint8, size x size x 3, RGB.
    """
    known = known or palettes()
    turn = shades(known[int(rng.integers(len(known)))])
    offset, direction = rng.random(), rng.choice((-1, 1))
    place = (direction * field.phase + offset) * SHADES
    linear = turn[place.astype(np.int32) & (SHADES - 1)]
    return _encoded(_lit(linear, field.light), size)


def swatch(palette: Palette, height: int, width: int) -> Image:
    """Draw one turn of a palette from left to right: uint8, height x width x 3, RGB."""
    turn = shades(palette)[np.arange(width) * SHADES // width]
    return np.repeat(_encoded(turn[None], width)[:1], height, axis=0)


def _lit(linear: Shades, light: Plane) -> Shades:
    """Darken towards black below a light of 1, and brighten towards white above it."""
    dimmed = linear * np.minimum(light, 1)[..., None]
    glare = np.clip(light - 1, 0, 1)[..., None]
    return dimmed + glare * (1 - dimmed)


def _encoded(linear: Shades, size: int) -> Image:
    """Average linear light over each pixel, as a camera does, and encode it as sRGB."""
    averaged = cv2.resize(linear, (size, size), interpolation=cv2.INTER_AREA)
    return _SRGB[(averaged * (len(_SRGB) - 1) + 0.5).astype(np.uint16)]


def _to_linear(srgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _srgb_table(steps: int = 1 << 14) -> npt.NDArray[np.uint8]:
    linear = np.arange(steps) / (steps - 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (srgb * 255 + 0.5).astype(np.uint8)


_SRGB = _srgb_table()
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
