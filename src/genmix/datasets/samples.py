"""Sample sources: a few real photos to try genmix on, and drawn scenes for tests and trials."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from genmix.errors import MissingExtraError
from genmix.images import Image, encode_jpeg
from genmix.seeding import generator
from genmix.storage import write_whole

# Parts of a photo that each still show its object: left, top, right and bottom, as shares of the
# photo's width and height.
_WHOLE = (0.0, 0.0, 1.0, 1.0)
_VIEWS = {
    "astronaut": (_WHOLE, (0.0, 0.0, 0.72, 0.72), (0.1, 0.0, 0.9, 1.0)),
    "cat": (_WHOLE, (0.15, 0.0, 0.82, 1.0), (0.0, 0.0, 0.75, 0.95)),
    "coffee": (_WHOLE, (0.1, 0.0, 0.85, 1.0), (0.15, 0.05, 1.0, 0.9)),
    "coins": (_WHOLE, (0.0, 0.0, 0.6, 1.0), (0.4, 0.0, 1.0, 1.0)),
    "motorcycle": (_WHOLE, (0.0, 0.22, 1.0, 1.0), (0.08, 0.1, 0.92, 1.0)),
    "rocket": (_WHOLE, (0.2, 0.0, 0.8, 1.0), (0.3, 0.15, 0.75, 1.0)),
}


def demo_photos(folder: Path) -> None:
    """Write a small labelled data set of real photos that scikit-image ships: nothing is fetched.

    Six classes of three JPEGs, `cat/1.jpg` and so on. The three of a class are views of one photo
    (of the motorcycle, two photos), so they show what genmix does but prove nothing about
    accuracy.

    Args:
        folder: Where the class folders go; made if missing.

    Raises:
        MissingExtraError: If scikit-image is not installed.
        OutputError: If `folder` cannot be written.
    """
    try:
        data: Any = import_module("skimage.data")  # half of it is typed
    except ImportError as error:
        raise MissingExtraError("the demo's photos", "demo") from error
    motorcycle_left, motorcycle_right, _ = data.stereo_motorcycle()
    photos = {
        "astronaut": data.astronaut(),
        "cat": data.chelsea(),
        "coffee": data.coffee(),
        "coins": np.dstack([data.coins()] * 3),
        "motorcycle": motorcycle_left,
        "rocket": data.rocket(),
    }
    for label, photo in photos.items():
        for number, view in enumerate(_VIEWS[label], 1):
            whole = motorcycle_right if label == "motorcycle" and number > 1 else photo
            write_whole(folder / label / f"{number}.jpg", encode_jpeg(_cut(whole, view)))


def synthetic_photos(
    folder: Path, *, classes: int = 4, per_class: int = 20, size: int = 96, seed: int = 0
) -> None:
    """Write a labelled data set of drawn scenes, for tests and trials; they are no photos.

    Each shows one shape, which is its class, in a random place, size, turn and colour, before a
    random texture. A small network learns them in a minute, but not from colour or place.

    Args:
        folder: Where the class folders go; made if missing.
        classes: How many shapes, 1 to 8, in the order of `SHAPES`.
        per_class: Pictures a class.
        size: Height in pixels, at least 16; the width varies up to half as much again.
        seed: The same seed draws the same scenes.

    Raises:
        OutputError: If `folder` cannot be written.
    """
    for label in list(SHAPES)[:classes]:
        for number in range(per_class):
            scene = _scene(SHAPES[label](), size, generator("synthetic", seed, label, number))
            write_whole(folder / label / f"{number:04d}.jpg", encode_jpeg(scene))


def _cut(photo: Image, view: tuple[float, float, float, float]) -> Image:
    height, width = photo.shape[:2]
    left, top, right, bottom = view
    return photo[
        round(top * height) : round(bottom * height), round(left * width) : round(right * width)
    ]


_Floats: TypeAlias = npt.NDArray[np.float64]
_Outline: TypeAlias = Sequence[_Floats]
"""Closed contours, each points x 2 in the unit circle; where two overlap is a hole."""


def _spokes(radii: Sequence[float]) -> _Floats:
    """Place a point at each radius, at even turns."""
    turns = np.arange(len(radii)) * (2 * np.pi / len(radii))
    return np.stack([np.sin(turns), -np.cos(turns)], 1) * np.array(radii)[:, None]


def _heart() -> _Outline:
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [np.stack([x, -y], 1) / 17]


def _cross() -> _Outline:
    a, b = 0.28, 0.95
    corners = [(-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a)]
    return [np.array([*corners, *((-x, -y) for x, y in corners)])]


def _arrow() -> _Outline:
    half = [(0.0, -1.0), (0.75, -0.1), (0.28, -0.1), (0.28, 0.9)]
    return [np.array([*half, *((-x, y) for x, y in reversed(half[1:]))])]


SHAPES: dict[str, Callable[[], _Outline]] = {
    "disc": lambda: [_spokes([0.9] * 64)],
    "triangle": lambda: [_spokes([1.0] * 3)],
    "star": lambda: [_spokes([1.0, 0.42] * 5)],
    "square": lambda: [_spokes([1.0] * 4)],
    "ring": lambda: [_spokes([0.95] * 64), _spokes([0.5] * 64)],
    "cross": _cross,
    "heart": _heart,
    "arrow": _arrow,
}
"""The classes of `synthetic_photos`."""


def _scene(outline: _Outline, size: int, rng: np.random.Generator) -> Image:
    height, width = size, int(size * rng.uniform(1, 1.5))
    light, dark = rng.uniform(130, 230, 3), rng.uniform(20, 100, 3)
    ground, figure = (light, dark) if rng.random() < 0.5 else (dark, light)
    background = _texture(height, width, ground, rng)
    mask = _mask(outline, height, width, rng)[..., None]
    shadow = np.roll(cv2.GaussianBlur(mask, (0, 0), size / 30), size // 24, (0, 1))[..., None]
    background *= 1 - 0.4 * shadow
    scene = background + mask * (_texture(height, width, figure, rng) - background)
    scene += rng.normal(0, 4, scene.shape)
    return np.rint(scene).clip(0, 255).astype(np.uint8)


def _texture(height: int, width: int, colour: _Floats, rng: np.random.Generator) -> _Floats:
    """Fill an area with clouds and stripes around a colour, 0 to 255."""
    cells = int(rng.integers(3, 12))
    clouds = cv2.resize(
        rng.normal(0, 18, (cells, cells, 3)),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    y, x = np.mgrid[:height, :width] / height
    across, along = rng.uniform(-25, 25, 2)
    stripes = rng.uniform(0, 18) * np.sin(2 * np.pi * (across * x + along * y))
    return colour + clouds + stripes[..., None]


def _mask(outline: _Outline, height: int, width: int, rng: np.random.Generator) -> _Floats:
    """Draw the shape somewhere, turned and scaled, height x width, 0 outside to 1 inside."""
    fine = 4  # drawn larger, for smooth edges
    radius = height * rng.uniform(0.22, 0.42)
    turn = rng.uniform(0, 2 * np.pi)
    centre = [rng.uniform(radius, side - radius) for side in (width, height)]
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    contours = [
        np.rint((points @ rotation.T * radius + centre) * fine).astype(np.int32)
        for points in outline
    ]
    canvas = np.zeros((height * fine, width * fine), np.uint8)
    cv2.fillPoly(canvas, contours, 255)
    return (
        cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    )
