"""What pictures are made on and with: paper, board, wall, and the marks of a medium. No look here.

Like everything that looks share, textures are sized by the shorter side of the picture.
"""

from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from genmix.editing.procedural.tools import Field, lay, noise, sheet, smoothstep, soften
from genmix.images import Image

Colour = tuple[int, int, int]

Choice = TypeVar("Choice")


def pick(rng: np.random.Generator, choices: tuple[Choice, ...]) -> Choice:
    """Choose one."""
    return choices[int(rng.integers(len(choices)))]


def ramp(field: npt.NDArray[np.floating[Any]], colours: tuple[Colour, ...]) -> Image:
    """Return the picture in which 0 has the first colour, 1 the last, the others in between."""
    stops = np.linspace(0, 1, len(colours))
    steps = np.linspace(0, 1, 256)
    table = np.stack([np.interp(steps, stops, [c[k] for c in colours]) for k in range(3)], -1)
    index = (255 * field).astype(np.uint8)
    return np.take(np.rint(table).astype(np.uint8), index, axis=0)


def tooth(height: int, width: int, rng: np.random.Generator, size: float = 1 / 300) -> Field:
    """Draw the roughness of paper: grains of `size` shorter sides, even in [0, 1]."""
    cell = max(1.0, size * min(height, width))
    rows, columns = (max(2, round(side / cell) + 1) for side in (height, width))
    grains = rng.integers(0, 256, (rows, columns), dtype=np.uint8).astype(np.float32)
    grains = cv2.resize(grains, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grains / 255, np.float32)


def streaks(
    height: int,
    width: int,
    rng: np.random.Generator,
    angle: float,
    length: float = 0.12,
    thickness: float = 0.006,
) -> Field:
    """Draw strokes side by side in one direction, as brightness in [0, 1].

    Args:
        height: Rows.
        width: Columns.
        rng: The source of chance.
        angle: Direction in radians.
        length: Of a stroke, in shorter sides.
        thickness: Of a stroke, in shorter sides; never below 1.5 pixels.
    """
    side = min(height, width)
    thick, long = max(1.5, thickness * side), max(3.0, length * side)
    reach = float(np.hypot(height, width))
    rows, columns = int(reach / thick) + 4, int(reach / long) + 4
    grid = rng.random((rows, columns), dtype=np.float32)
    cosine, sine = np.cos(angle), np.sin(angle)
    # From a pixel to its cell: turn about the centre, then divide by the size of a stroke.
    turn = np.array([[cosine / long, sine / long], [-sine / thick, cosine / thick]])
    shift = np.array([columns / 2, rows / 2]) - turn @ np.array([width / 2, height / 2])
    drawn = cv2.warpAffine(
        grid,
        np.column_stack([turn, shift]),
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )
    return np.asarray(drawn, np.float32)


def rub(
    tone: Field,
    grain: Field,
    rng: np.random.Generator,
    angles: npt.NDArray[np.float64],
    wide: float,
) -> Field:
    """Fill with the side of a crayon or a chalk: strokes in some directions, broken by the grain.

    Args:
        tone: How densely to fill, place by place: 0 stays bare, 1 is nearly closed.
        grain: Roughness of the ground; see `tooth`.
        rng: The source of chance.
        angles: Directions of the layers of strokes, in radians.
        wide: Thickness of a stroke, in shorter sides.

    Returns:
        The cover.
    """
    height, width = tone.shape
    cover = np.zeros((height, width), np.float32)
    for layer, angle in enumerate(angles):
        strokes = streaks(height, width, rng, float(angle), length=14 * wide, thickness=wide)
        # Later layers come in only where the tone is deep, as hatching is built up by hand.
        need = 1.05 - tone * (1.0 - 0.15 * layer)
        cover = np.maximum(
            cover, smoothstep(0.0, 0.25, 0.62 * strokes + 0.38 * grain - 0.75 * need)
        )
    return cover


def bricks(height: int, width: int, rng: np.random.Generator) -> Image:
    """Draw a brick wall, painted or bare, evenly lit."""
    side = min(height, width)
    course = side * rng.uniform(0.06, 0.09)
    long, joint = course * rng.uniform(2.1, 2.6), 0.09
    row = np.arange(height, dtype=np.float32)[:, None] / course + rng.random()
    row_number = np.floor(row)
    column = np.arange(width, dtype=np.float32)[None] / long + 0.5 * (row_number % 2) + rng.random()
    column_number = np.floor(column).astype(np.int32)
    edge_y = np.abs(row - row_number - 0.5)
    edge_x = np.abs(column - column_number - 0.5) * np.float32(long / course)
    mortar = np.maximum(
        smoothstep(0.5 - joint, 0.5 - joint / 3, edge_y),
        smoothstep(float(long / course) / 2 - joint, float(long / course) / 2 - joint / 3, edge_x),
    )
    tones = rng.random(1024, dtype=np.float32)
    each = np.take(tones, (row_number.astype(np.int32) * 37 + column_number * 101) % 1024)
    fired = (_BRICKS[rng.integers(len(_BRICKS))], _BRICKS[rng.integers(len(_BRICKS))])
    wall = lay(sheet(height, width, fired[0]), fired[1], 0.7 * each)
    wall = lay(
        wall, (25, 18, 16), 0.45 * tooth(height, width, rng) * noise(height, width, 0.2, rng)
    )
    return lay(wall, (150, 143, 134), 0.9 * mortar)


def concrete(height: int, width: int, rng: np.random.Generator) -> Image:
    """Draw a wall of stained concrete."""
    grey = int(rng.integers(120, 190))
    wall = sheet(height, width, (grey, grey, grey - 6))
    stains = noise(height, width, 0.5, rng, octaves=5)
    wall = lay(wall, (70, 68, 64), 0.5 * smoothstep(0.45, 0.95, stains))
    wall = lay(wall, (225, 222, 214), 0.4 * smoothstep(0.55, 0.05, stains))
    return lay(wall, (50, 48, 46), 0.3 * smoothstep(0.6, 1.0, tooth(height, width, rng)))


def speckle(
    height: int,
    width: int,
    rng: np.random.Generator,
    count: int,
    size: tuple[float, float],
) -> Field:
    """Throw round drops: the cover of `count` discs with radii between two shares.

    Small drops are more frequent than large ones.
    """
    cover = np.zeros((height, width), np.uint8)
    places = 16 * rng.random((count, 2)) * (width, height)
    radii = size[0] + (size[1] - size[0]) * rng.random(count) ** 3
    radii *= 16 * min(height, width)
    # What is smaller than a pixel cannot be drawn smaller, so it is drawn fainter.
    shades = np.clip(255 * radii / 13, 0, 255)
    for (x, y), radius, shade in zip(places, radii, shades, strict=True):
        place, wide = (int(x), int(y)), max(8, int(radius))
        cv2.circle(cover, place, wide, int(shade), -1, cv2.LINE_AA, shift=4)
    return np.asarray(cover / np.float32(255), np.float32)


def halftone(
    tone: Field, angle: float, cell: float, offset: tuple[float, float] = (0.0, 0.0)
) -> Field:
    """Print a tone as dots of one ink that grow with it, on a screen turned by `angle`.

    Args:
        tone: 0 is paper, 1 is solid ink.
        angle: Of the screen, in radians.
        cell: Distance of the dots, in shorter sides; never below 3 pixels.
        offset: Shift of the screen, in cells.
    """
    height, width = tone.shape
    pitch = max(3.0, cell * min(height, width))
    x = np.arange(width, dtype=np.float32)[None] / np.float32(pitch)
    y = np.arange(height, dtype=np.float32)[:, None] / np.float32(pitch)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    turn = np.float32(2 * np.pi)
    u = turn * (cosine * x + sine * y + np.float32(offset[0]))
    v = turn * (cosine * y - sine * x + np.float32(offset[1]))
    screen = 0.5 - 0.25 * (np.cos(u) + np.cos(v))
    soft = np.float32(min(0.5, 1.6 / pitch))
    return np.asarray(np.clip(((1 + soft) * tone - screen) / soft, 0, 1), np.float32)


def vignette(height: int, width: int, rng: np.random.Generator, bare: float) -> Field:
    """Return 1 in the picture and 0 along a torn border of `bare` shorter sides."""
    side = min(height, width)
    x = np.minimum(np.arange(width), np.arange(width)[::-1]).astype(np.float32)[None] / side
    y = np.minimum(np.arange(height), np.arange(height)[::-1]).astype(np.float32)[:, None] / side
    ragged = np.minimum(x, y) + bare * 1.6 * (noise(height, width, 0.15, rng) - 0.5)
    return soften(smoothstep(0.6 * bare, 1.0 * bare, ragged), 1.0)


def stain(paper: Image, ink: Colour, cover: npt.NDArray[np.floating[Any]]) -> Image:
    """Lay a transparent colour: what is below is multiplied by it."""
    table = np.arange(256)[:, None] * np.array(ink) / 255
    inked = cv2.LUT(paper, np.rint(table).astype(np.uint8)[:, None])
    return lay(paper, np.asarray(inked, np.uint8), cover)


_BRICKS: tuple[Colour, ...] = (
    (142, 70, 52),
    (165, 92, 66),
    (122, 60, 50),
    (176, 116, 92),
    (110, 104, 100),
    (188, 178, 166),
)
