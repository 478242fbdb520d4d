"""Areas of a picture: flat colours, and what is open ground behind the subject. No look here."""

from functools import cache, wraps
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from genmix.editing.procedural.looks import Look
from genmix.editing.procedural.tools import Field, fade, smoothstep, soften
from genmix.images import Image

Picture = TypeVar("Picture", Image, Field)

Palette = npt.NDArray[np.uint8]
"""uint8, colours x 3, RGB."""

_WORKING_SIDE = 256
"""Pixels of the shorter side at which flat colours are found."""

_OPEN_SIDE = 112
"""Pixels of the shorter side at which open ground is found."""

_ROOM_SIDE = 112
"""Pixels of the shorter side below which marks have no room; see `roomy`."""

_ROOM_RATIO = 4.0
"""How much larger a small picture is drawn at most."""

_CUBE_BITS = 5
"""Bits a channel of the table that gives each colour its area."""


class Flat(NamedTuple):
    """A picture as areas of few colours.

    Attributes:
        labels: uint8, height x width: the area of each pixel.
        palette: The mean colour of each area, from dark to light.
    """

    labels: npt.NDArray[np.uint8]
    palette: Palette

    def paint(self, palette: Palette | None = None) -> Image:
        """Fill the areas with the colours of `palette`, or with their own."""
        return np.take(self.palette if palette is None else palette, self.labels, axis=0)


def roomy(draw: Look) -> Look:
    """Let a look draw a small picture at a larger size, where its marks have room.

    A line or a tile of a 32-pixel picture is finer than a pixel: it is drawn large and averaged
    down, as a photo of a painting is.
    """

    @wraps(draw)
    def draw_large(image: Image, rng: np.random.Generator, strength: float) -> Image:
        height, width = image.shape[:2]
        ratio = min(_ROOM_SIDE / min(height, width), _ROOM_RATIO)
        if ratio <= 1:
            return draw(image, rng, strength)
        size = (round(width * ratio), round(height * ratio))
        large = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        full = cv2.resize(draw(large, rng, 1.0), (width, height), interpolation=cv2.INTER_AREA)
        return fade(image, np.asarray(full, np.uint8), strength)

    return draw_large


def shrink(image: Image, side: int) -> Image:
    """Return the picture with its shorter side at most `side`."""
    height, width = image.shape[:2]
    ratio = side / min(height, width)
    if ratio >= 1:
        return image
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    # Below a factor of two, two taps miss next to nothing and are much faster than areas.
    how = cv2.INTER_LINEAR if ratio > 0.5 else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def enlarge(field: Picture, like: Image | Field) -> Picture:
    """Return a field found at working size at the size of `like`."""
    height, width = like.shape[:2]
    resized = cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, field.dtype)


def calm(image: Image, passes: int, contrast: float = 30.0) -> Image:
    """Smooth what is inside areas and keep their borders (a small bilateral filter, repeated)."""
    for _ in range(passes):
        image = np.asarray(cv2.bilateralFilter(image, 5, contrast, 5), np.uint8)
    return image


def relight(image: Image, limit: float = 2.0) -> Image:
    """Bring out what lies in shade or glare, as one who draws would see it (CLAHE)."""
    light, a, b = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2LAB))
    light = cv2.createCLAHE(limit, (4, 4)).apply(light)
    return np.asarray(cv2.cvtColor(cv2.merge([light, a, b]), cv2.COLOR_LAB2RGB), np.uint8)


def flatten(image: Image, colours: int, passes: int = 4) -> Flat:
    """Divide a picture into areas of at most so many colours.

    Args:
        image: The photo.
        colours: At most 32.
        passes: How far texture is smoothed away first.
    """
    work = calm(relight(shrink(image, _WORKING_SIDE)), passes, contrast=45)
    lab = cv2.cvtColor(work, cv2.COLOR_RGB2LAB).reshape(-1, 3)
    centres = _centres(lab[:: max(1, len(lab) // 2048)].astype(np.float32), colours)
    centres = centres[np.argsort(centres[:, 0])]
    smooth = np.asarray(cv2.resize(work, image.shape[1::-1], interpolation=cv2.INTER_LINEAR))
    labels = nearest_colour(smooth, centres)
    if min(image.shape[:2]) > 64:
        labels = np.asarray(cv2.medianBlur(labels, 5), np.uint8)
    palette = cv2.cvtColor(np.rint(centres).astype(np.uint8)[None], cv2.COLOR_LAB2RGB)[0]
    return Flat(labels, np.asarray(palette, np.uint8))


def nearest_colour(image: Image, centres: Field) -> npt.NDArray[np.uint8]:
    """Return for each pixel which of the `centres` (colours x 3, OpenCV's 8-bit Lab) is nearest."""
    # Up to what is the same for all centres, the squared distance is |c|^2 - 2 c.x: linear in x.
    linear = np.column_stack([-2 * centres, (centres * centres).sum(1)]).astype(np.float32)
    far = cv2.transform(_lab_cube()[None], linear).reshape(-1, len(centres))
    table = far.argmin(1).astype(np.uint8)
    index = cv2.transform(cv2.LUT(image, _CELL_OF), np.ones((1, 3), np.float32))
    return np.take(table, np.asarray(index, np.uint16))


def to_lab(palette: Palette) -> Field:
    """Return RGB colours as float32 colours x 3 in OpenCV's 8-bit Lab."""
    return np.asarray(cv2.cvtColor(palette[None], cv2.COLOR_RGB2LAB)[0], np.float32)


def vivid(palette: Palette, saturation: float, least: float) -> Palette:
    """Brighten a palette: stretch its range up to white, and raise colour where there is some.

    Args:
        palette: RGB.
        saturation: Factor on the colours' saturation.
        least: Brightness of the darkest colour afterwards, in [0, 1].
    """
    hue, colour, value = cv2.split(
        cv2.cvtColor(palette[None].astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    )
    low, high = float(value.min()), max(float(value.max()), 0.1)
    value = least + (1 - least) * (value - low) / max(high - low, 0.35)
    colour = 1 - np.exp(-saturation * colour * smoothstep(0.02, 0.2, colour))
    mixed = cv2.merge([hue, np.clip(colour, 0, 1), np.clip(value, 0, 1)])
    return np.asarray(np.rint(255 * cv2.cvtColor(mixed, cv2.COLOR_HSV2RGB)[0]), np.uint8)


def turn_hue(palette: Palette, turn: float) -> Palette:
    """Turn all hues by a share of the colour circle."""
    hsv = cv2.cvtColor(palette[None], cv2.COLOR_RGB2HSV_FULL)
    hsv[..., 0] += np.uint8(round(256 * turn) % 256)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)[0], np.uint8)


def chroma(palette: Palette) -> Field:
    """Return how colourful each colour is, in [0, 1]."""
    wide = palette.astype(np.float32)
    return np.asarray((wide.max(1) - wide.min(1)) / 255, np.float32)


def snap_to(palette: Palette, colours: tuple[tuple[int, int, int], ...], share: float) -> Palette:
    """Move each colour towards the nearest of the colours that a medium has."""
    known = np.array(colours, np.uint8)
    weights = np.array([0.7, 1, 1], np.float32)
    apart = (to_lab(palette)[:, None] - to_lab(known)[None]) * weights
    nearest = known[(apart * apart).sum(2).argmin(1)].astype(np.float32)
    return np.asarray(np.rint(palette + share * (nearest - palette)), np.uint8)


def openness(image: Image, *, from_top: bool = False) -> Field:
    """Return how freely each pixel is reached from the border without crossing contrast.

    Sky, walls and plain ground come out near 1, the subject and what it hides near 0 (geodesic
    distance from the border, in four sweeps, twice).

    Args:
        image: The photo.
        from_top: Start at the upper border and the top of the sides only, to find sky.
    """
    work = shrink(image, _OPEN_SIDE)
    lab = np.asarray(cv2.cvtColor(work, cv2.COLOR_RGB2LAB), np.float32)
    lab = cv2.GaussianBlur(lab, (0, 0), 1.0)
    across = np.abs(np.diff(lab, axis=1, prepend=lab[:, :1])).sum(2)
    down = np.abs(np.diff(lab, axis=0, prepend=lab[:1])).sum(2)
    effort = np.maximum(np.hypot(across, down) - 2.0, 0) + 0.05
    distance = np.full(effort.shape, 1e4, np.float32)
    # The subject often stands on the lower border, so nothing starts there.
    reach = max(1, round(effort.shape[0] * (0.33 if from_top else 0.75)))
    distance[0], distance[:reach, 0], distance[:reach, -1] = 0, 0, 0
    for _ in range(2):
        for axis in (0, 1):
            for step in (1, -1):
                distance = _sweep(distance, effort, axis, step)
    return snap(np.exp(distance * np.float32(-1 / 40)), work, image)


def snap(field: Field, work: Image, image: Image, reach: int = 4) -> Field:
    """Bring a field from working size to the photo's size, along the photo's edges.

    A fast guided filter (He and Sun, arXiv 1505.00996) with the photo's lightness as the guide.
    """
    guide = np.asarray(cv2.cvtColor(work, cv2.COLOR_RGB2GRAY), np.float32) / 255
    window = (2 * reach + 1, 2 * reach + 1)
    mean_guide, mean_field = cv2.blur(guide, window), cv2.blur(field, window)
    covariance = cv2.blur(guide * field, window) - mean_guide * mean_field
    variance = cv2.blur(guide * guide, window) - mean_guide * mean_guide
    slope = np.asarray(covariance / (variance + np.float32(1e-3)), np.float32)
    offset = np.asarray(mean_field - slope * mean_guide, np.float32)
    slope, offset = soften(slope, reach / 2), soften(offset, reach / 2)
    full = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32) / 255
    return np.clip(enlarge(slope, image) * full + enlarge(offset, image), 0, 1)


def _sweep(distance: Field, effort: Field, axis: int, step: int) -> Field:
    """Let distances travel one way along an axis: min over the way of start plus effort between."""
    turned = slice(None, None, step)
    keys = (turned, slice(None)) if axis == 0 else (slice(None), turned)
    spent = np.cumsum(effort[keys], axis=axis)
    best = np.minimum.accumulate(distance[keys] - spent, axis=axis) + spent
    return np.asarray(best[keys], np.float32)


def _centres(colours: Field, count: int, rounds: int = 6) -> Field:
    """Choose `count` colours that stand for all (k-means from the farthest points, no chance)."""
    chosen = [colours.mean(0)]
    far = ((colours - chosen[0]) ** 2).sum(1)
    while len(chosen) < count and far.max() > 30:
        chosen.append(colours[far.argmax()])
        far = np.minimum(far, ((colours - chosen[-1]) ** 2).sum(1))
    centres = np.array(chosen, np.float32)
    for _ in range(rounds):
        nearest = ((centres * centres).sum(1) - 2 * colours @ centres.T).argmin(1)
        members = np.bincount(nearest, minlength=len(centres))
        sums = [np.bincount(nearest, colours[:, k], len(centres)) for k in range(3)]
        means = np.stack(sums, 1) / np.maximum(members, 1)[:, None]
        centres = np.where(members[:, None] > 0, means, centres).astype(np.float32)
    return centres


def _cell_of() -> npt.NDArray[np.uint16]:
    """Return what each channel's value adds to the number of a colour's cell in the cube."""
    level = np.arange(256, dtype=np.uint16) >> (8 - _CUBE_BITS)
    shifts = np.array([2 * _CUBE_BITS, _CUBE_BITS, 0], np.uint16)
    return np.asarray(level[:, None] << shifts, np.uint16)[:, None]


_CELL_OF = _cell_of()


@cache
def _lab_cube() -> Field:
    """Return the Lab colour of each cell of the RGB cube, at its middle."""
    levels = (np.arange(1 << _CUBE_BITS) << (8 - _CUBE_BITS)) + (1 << (7 - _CUBE_BITS))
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).astype(np.uint8)
    return to_lab(cube.reshape(-1, 3))
