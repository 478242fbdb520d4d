"""Looks of painted and printed art: watercolour, mosaic, ukiyo-e, digital art."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from genmix.editing.procedural.areas import (
    Flat,
    Palette,
    calm,
    enlarge,
    flatten,
    openness,
    relight,
    roomy,
    shrink,
    snap_to,
    vivid,
)
from genmix.editing.procedural.lines import (
    along,
    edge_flow,
    grid,
    line_distance,
    pressure,
    stroke,
    wobble,
)
from genmix.editing.procedural.looks import look
from genmix.editing.procedural.media import (
    Colour,
    pick,
    ramp,
    speckle,
    stain,
    streaks,
    tooth,
    vignette,
)
from genmix.editing.procedural.tools import (
    Field,
    fade,
    lay,
    luminance,
    noise,
    plane,
    sheet,
    smoothstep,
    soften,
)
from genmix.images import Image


@look("watercolor-art")
@roomy
def watercolor_art(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Transparent washes on grained paper: pigment pools at their edges, water leaves blooms."""
    height, width = image.shape[:2]
    paper, bare, pencilled = pick(rng, _PAPERS), rng.uniform(0.02, 0.1), rng.random() < 0.5
    tint, tinted = pick(rng, _TINTS), rng.uniform(0.0, 0.35)
    flat, washes = _washes(image, rng)
    grain = soften(tooth(height, width, rng, 1 / 260), 0.6)
    density = _wet_density(luminance(washes), rng) + 0.75 * (grain - 0.5)
    full = stain(_pigment(washes, density), tint, np.full((height, width), tinted, np.float32))
    edge = vignette(height, width, rng, bare)
    full = lay(sheet(height, width, paper), full, 0.97 * edge)
    drops = speckle(height, width, rng, int(rng.integers(8, 40)), (0.002, 0.014))
    red, green, blue = (int(v) for v in flat.palette[rng.integers(len(flat.palette))])
    full = lay(full, (red, green, blue), 0.45 * drops)
    if pencilled:
        pencil = stroke(line_distance(image, 0.8), 0.003 * pressure(height, width, rng))
        full = lay(full, (70, 66, 70), 0.5 * pencil * grain)
    return fade(image, full, strength)


@look("mosaic")
@roomy
def mosaic(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Small irregular tiles of stone and glass that keep off the contours, set in grout."""
    height, width = image.shape[:2]
    tile = max(5.5, rng.uniform(0.024, 0.046) * min(height, width))
    grout, order = pick(rng, _GROUTS), rng.uniform(0.15, 0.9)
    labels = _tiles(image, tile, order, rng)
    full = np.take(_glaze(image, labels, rng), labels, axis=0)
    joint = _joints(labels, max(1.0, 0.11 * tile))
    shift = max(1, round(0.09 * tile))
    relief = soften(joint, 0.10 * tile)
    slope = np.roll(relief, (shift, shift), (0, 1)) - np.roll(relief, (-shift, -shift), (0, 1))
    full = lay(full, (255, 255, 255), np.minimum(0.75 * slope, 0.6))
    dirt = 0.2 * tooth(height, width, rng, 1 / 260)
    full = lay(full, (16, 12, 10), np.clip(dirt - 0.8 * slope, 0, 0.6))
    return fade(image, lay(full, grout, joint), strength)


@look("ukiyo-e")
@roomy
def ukiyo_e(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """A woodblock print: few flat colours, indigo outlines, graded bands, wood grain, washi."""
    height, width = image.shape[:2]
    blocks, key, detail = pick(rng, _WOODBLOCKS), pick(rng, _KEYBLOCKS), rng.uniform(0.6, 1.0)
    misty, wide = rng.random() < 0.5, rng.uniform(0.006, 0.011)
    flat = flatten(image, int(rng.integers(7, 11)), passes=5)
    full = flat.paint(snap_to(vivid(flat.palette, 1.5, 0.12), blocks, 0.85))
    sky = smoothstep(0.15, 0.5, openness(image, from_top=True))
    full = lay(full, _graded_sky(height, width, rng), 0.9 * sky)
    if misty:
        full = _mist_bands(full, sky, rng)
    full = lay(full, (96, 66, 40), 0.3 * _wood_grain(height, width, rng))
    pen = wide * pressure(height, width, rng, 0.8)
    full = lay(full, key, 0.95 * stroke(line_distance(image, detail), pen))
    fibres = streaks(height, width, rng, rng.uniform(0, np.pi), 0.05, 0.002)
    washi = 0.1 + 0.14 * smoothstep(0.8, 1.0, fibres) + 0.1 * tooth(height, width, rng)
    return fade(image, _seal(lay(full, (240, 226, 192), washi), rng), strength)


@look("digital-art")
@roomy
def digital_art(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Clean, smooth painting in a vivid two-colour light, with rims and specks that glow."""
    height, width = image.shape[:2]
    side = min(height, width)
    cool, warm, deep = pick(rng, _NEONS)
    full = _painterly(image)
    full = _split_tone(full, deep, warm)
    open_ground = openness(image)
    x, y = plane(height, width)
    heading = rng.uniform(0, 2 * np.pi)
    across = np.float32(np.cos(heading)) * x + np.float32(np.sin(heading)) * y
    ground = ramp(np.clip(across + 0.5, 0, 1), (deep, cool, warm))
    full = lay(full, ground, 0.75 * smoothstep(0.15, 0.6, open_ground))
    glow, far_glow = _rims(image, open_ground, heading)
    full = lay(full, cool, np.clip(0.95 * glow + 0.45 * far_glow, 0, 1))
    glow, far_glow = _rims(image, open_ground, heading + np.pi)
    full = lay(full, warm, np.clip(0.8 * glow + 0.35 * far_glow, 0, 1))
    bright = smoothstep(0.6, 1.0, luminance(full))
    full = lay(full, (255, 255, 255), 0.3 * soften(bright, 0.02 * side))
    specks = speckle(height, width, rng, int(rng.integers(20, 70)), (0.001, 0.008))
    halo = np.clip(3 * soften(specks, 0.01 * side), 0, 1)
    full = lay(full, warm, 0.5 * halo)
    full = lay(full, (255, 255, 255), 0.9 * specks)
    return fade(image, full, strength)


def _washes(image: Image, rng: np.random.Generator) -> tuple[Flat, Image]:
    """Lay washes with hard edges, mix them where it is wet, and let the colours run."""
    height, width = image.shape[:2]
    wet, colourful, running = (
        rng.uniform(0.3, 0.6),
        rng.uniform(1.0, 2.0),
        rng.uniform(0.007, 0.017),
    )
    flat = flatten(image, int(rng.integers(9, 15)), passes=5)
    washes = flat.paint(vivid(flat.palette, colourful, 0.3))
    mixed = calm(shrink(image, 200), 3, 40)
    pale = np.full(mixed.shape[:2], 0.18, np.float32)
    mixed = enlarge(lay(mixed, (255, 255, 255), pale), image)
    washes = lay(washes, mixed, smoothstep(wet, wet + 0.45, noise(height, width, 0.4, rng)))
    x, y = grid(height, width)
    reach = np.float32(2 * running * min(height, width))
    x += reach * (noise(height, width, 0.07, rng) - 0.5)
    y += reach * (noise(height, width, 0.07, rng) - 0.5)
    run = cv2.remap(washes, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return flat, np.asarray(run, np.uint8)


def _wet_density(light: Field, rng: np.random.Generator) -> Field:
    """Return how much pigment lies where: clouds of it, dark rims of washes, lines of blooms."""
    height, width = light.shape
    thin, tide_level = rng.uniform(0.3, 0.5), rng.uniform(0.42, 0.62)
    rims = np.abs(light - soften(light, 0.008 * min(height, width)))
    rims += 0.5 * np.abs(light - soften(light, 0.02 * min(height, width)))
    water = noise(height, width, 0.35, rng, octaves=5)
    tide = smoothstep(0.035, 0.0, np.abs(water - np.float32(tide_level)))
    return np.asarray(thin + water + 3.2 * rims + 0.3 * tide, np.float32)


def _pigment(picture: Image, density: npt.NDArray[np.floating[Any]]) -> Image:
    """Lay more or less pigment: C' = C - (C - C^2) (d - 1), Bousseau et al. 2006.

    Args:
        picture: The colours at density 1.
        density: Around 1.
    """
    steps = np.arange(256) / 255
    darker = np.rint(255 * (steps - (steps - steps**2))).astype(np.uint8)
    lighter = np.rint(255 * (steps + 0.8 * (steps - steps**2))).astype(np.uint8)
    deep = np.asarray(cv2.LUT(picture, darker), np.uint8)
    thin = np.asarray(cv2.LUT(picture, lighter), np.uint8)
    painted = lay(picture, thin, (1 - density) / 0.8)
    return lay(painted, deep, density - 1)


def _tiles(
    image: Image, tile: float, order: float, rng: np.random.Generator
) -> npt.NDArray[np.int32]:
    """Divide the picture into tiles (Voronoi cells) that do not lie across contours.

    Args:
        image: The photo.
        tile: Width of a tile in pixels.
        order: 0 sets the tiles at random, 1 in rows.
        rng: The source of chance.
    """
    height, width = image.shape[:2]
    rows, columns = max(1, round(height / tile)), max(1, round(width / tile))
    y, x = np.mgrid[0:rows, 0:columns].reshape(2, -1) + 0.5
    y, x = y * height / rows, x * width / columns
    swing, turns, phase = 1.2 * tile, rng.uniform(1, 3, 2), rng.uniform(0, 6.28, 2)
    y += swing * np.sin(turns[0] * 6.28 * x / width + phase[0])
    x += swing * np.sin(turns[1] * 6.28 * y / height + phase[1])
    x += (1 - order) * tile * rng.uniform(-0.5, 0.5, len(x))
    y += (1 - order) * tile * rng.uniform(-0.5, 0.5, len(y))
    distance = line_distance(image, 0.8) * np.float32(min(height, width))
    away_x = np.asarray(cv2.Sobel(distance, cv2.CV_32F, 1, 0, scale=0.125), np.float32)
    away_y = np.asarray(cv2.Sobel(distance, cv2.CV_32F, 0, 1, scale=0.125), np.float32)
    for _ in range(2):
        column = np.clip(x, 0, width - 1).astype(int)
        row = np.clip(y, 0, height - 1).astype(int)
        push = np.clip(0.5 * tile - distance[row, column], -0.2 * tile, 0.5 * tile)
        near = distance[row, column] < 0.9 * tile
        x += np.where(near, push * away_x[row, column], 0)
        y += np.where(near, push * away_y[row, column], 0)
    seeds = np.ones((height, width), np.uint8)
    seeds[np.clip(y, 0, height - 1).astype(int), np.clip(x, 0, width - 1).astype(int)] = 0
    _, labels = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return np.asarray(labels, np.int32)


def _glaze(image: Image, labels: npt.NDArray[np.int32], rng: np.random.Generator) -> Palette:
    """Give each tile the mean colour of its place, livelier, and as uneven as fired tiles are."""
    count = int(labels.max()) + 1
    source = cv2.cvtColor(relight(image, 1.5), cv2.COLOR_RGB2LAB).reshape(-1, 3)
    places = labels.ravel()
    sums = [np.bincount(places, source[:, k], count) for k in range(3)]
    colours = np.stack(sums, 1) / np.maximum(np.bincount(places, minlength=count), 1)[:, None]
    colours = (colours - (0, 128, 128)) * (1, 1.45, 1.45) + (0, 128, 128)
    colours += rng.normal(0, 1, (count, 3)) * (14, 4, 4)
    colours[rng.random(count) < 0.04] += (40, 0, 0)
    glaze = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(glaze[None], cv2.COLOR_LAB2RGB)[0], np.uint8)


def _joints(labels: npt.NDArray[np.int32], wide: float) -> Field:
    """Return the cover of the grout between tiles."""
    edge = np.zeros(labels.shape, np.uint8)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    distance = np.asarray(cv2.distanceTransform(1 - edge, cv2.DIST_L2, 3), np.float32)
    return np.clip(np.float32(wide / 2 + 0.4) - soften(distance, 0.4), 0, 1)


def _graded_sky(height: int, width: int, rng: np.random.Generator) -> Image:
    """Print a sky with bokashi: a dark band that fades from the top, and a glow lower down."""
    top, low = rng.uniform(-0.35, 0.0), rng.uniform(-0.1, 0.3)
    _, y = plane(height, width)
    sky = sheet(height, 1, pick(rng, _SKIES))
    sky = lay(sky, pick(rng, _BOKASHI), smoothstep(top, -0.5, y))
    sky = lay(sky, pick(rng, _GLOWS), 0.75 * smoothstep(0.3, 0.0, np.abs(y - np.float32(low))))
    return np.repeat(sky, width, axis=1)


def _mist_bands(picture: Image, sky: Field, rng: np.random.Generator) -> Image:
    """Draw the long flat mists with round ends that float through old prints."""
    height, width = sky.shape
    mists = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(3, 7))):
        thick = max(2, round(min(height, width) * rng.uniform(0.02, 0.05)))
        y, x = int(height * rng.uniform(0.03, 0.5)), int(width * rng.uniform(-0.2, 0.9))
        end = x + int(width * rng.uniform(0.3, 0.7))
        cv2.line(mists, (x, y), (end, y), 255, thick, cv2.LINE_AA)
        cv2.line(
            mists, (x + thick, y + thick), (end + 3 * thick, y + thick), 255, thick, cv2.LINE_AA
        )
    cover = mists.astype(np.float32) / 255
    return lay(picture, pick(rng, _MISTS), 0.9 * cover * (0.25 + 0.75 * sky))


def _wood_grain(height: int, width: int, rng: np.random.Generator) -> Field:
    """Draw the lines of the block that print into flat areas."""
    grain = streaks(height, width, rng, rng.uniform(-0.06, 0.06), 1.2, 0.005)
    return wobble(smoothstep(0.35, 1.0, grain), 0.02, rng)


def _seal(picture: Image, rng: np.random.Generator) -> Image:
    """Stamp a small red seal of strokes that are no writing into a corner."""
    height, width = picture.shape[:2]
    side = min(height, width)
    tall, wide = max(4, round(0.11 * side)), max(3, round(0.05 * side))
    gap = round(0.03 * side)
    y = gap if rng.random() < 0.5 else height - gap - tall
    x = gap if rng.random() < 0.5 else width - gap - wide
    if y < 0 or x < 0 or side < 48:
        return picture
    stamp = np.full((tall, wide, 3), (196, 44, 34), np.uint8)
    for row in range(3):
        top = int((row + 0.25) * tall / 3)
        for _ in range(4):
            ends = rng.uniform((0.2, 0.0), (0.8, 0.55 * tall / 3), (2, 2)) * (wide, 1) + (0, top)
            start, stop = (tuple(int(v) for v in end) for end in ends)
            cv2.line(stamp, start, stop, (244, 228, 200), max(1, side // 300), cv2.LINE_AA)
    stamped = picture.copy()
    stamped[y : y + tall, x : x + wide] = stamp
    return stamped


def _painterly(image: Image) -> Image:
    """Smooth along the form and sharpen across it, as a brush does."""
    work = calm(relight(shrink(image, 320), 1.5), 4, 40)
    wide = work.astype(np.float32)
    flow = edge_flow(luminance(work), sigma=2.5)
    wide = along(wide, flow, steps=4, stride=1.5)
    crisp = np.clip(1.7 * wide - 0.7 * cv2.GaussianBlur(wide, (0, 0), 2.5), 0, 255)
    return enlarge(np.rint(crisp).astype(np.uint8), image)


def _split_tone(picture: Image, deep: Colour, warm: Colour) -> Image:
    """Raise contrast and colour, tint shadows and lights."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    steps = np.arange(256) / 255
    table = np.stack([steps * 255, 255 * (1 - (1 - steps) ** 1.9), 255 * steps**0.85], -1)
    table[:, 0] = np.arange(256)
    lively = cv2.cvtColor(cv2.LUT(hsv, table.astype(np.uint8)[:, None]), cv2.COLOR_HSV2RGB)
    lively = np.asarray(lively, np.uint8)
    light = luminance(lively)
    lively = lay(lively, deep, 0.6 * smoothstep(0.5, 0.0, light))
    return lay(lively, warm, 0.22 * smoothstep(0.55, 1.0, light))


def _rims(image: Image, open_ground: Field, heading: float) -> tuple[Field, Field]:
    """Return the light on the subject's edges that face `heading`, sharp and wide."""
    work = enlarge(open_ground, shrink(image, 256))
    side = min(work.shape)
    solid = soften(smoothstep(0.55, 0.2, work), max(0.6, 0.008 * side))
    across = np.asarray(cv2.Sobel(solid, cv2.CV_32F, 1, 0), np.float32)
    down = np.asarray(cv2.Sobel(solid, cv2.CV_32F, 0, 1), np.float32)
    facing = np.maximum(-np.cos(heading) * across - np.sin(heading) * down, 0)
    rim = np.clip(1.2 * facing, 0, 1).astype(np.float32)
    return enlarge(rim, image), enlarge(np.clip(2.0 * soften(rim, 0.04 * side), 0, 1), image)


_TINTS: tuple[Colour, ...] = ((255, 214, 170), (176, 206, 255), (255, 196, 206), (196, 240, 206))
_PAPERS: tuple[Colour, ...] = ((253, 251, 245), (250, 246, 234), (248, 249, 250))
_GROUTS: tuple[Colour, ...] = (
    (58, 54, 50),
    (90, 84, 78),
    (222, 214, 200),
    (176, 168, 156),
    (40, 36, 40),
)
_WOODBLOCKS: tuple[tuple[Colour, ...], ...] = (
    (
        (28, 34, 58),
        (24, 60, 110),
        (60, 110, 150),
        (140, 176, 184),
        (196, 76, 52),
        (214, 160, 92),
        (120, 134, 84),
        (98, 70, 52),
        (226, 196, 158),
        (240, 228, 198),
    ),
    (
        (32, 30, 44),
        (38, 78, 104),
        (82, 122, 110),
        (60, 92, 66),
        (176, 62, 48),
        (222, 142, 88),
        (226, 186, 96),
        (150, 150, 140),
        (232, 202, 176),
        (242, 230, 204),
    ),
    (
        (38, 28, 36),
        (92, 58, 84),
        (50, 76, 122),
        (120, 150, 170),
        (206, 92, 74),
        (232, 164, 128),
        (156, 150, 88),
        (110, 92, 72),
        (236, 210, 186),
        (246, 234, 206),
    ),
    (
        (20, 34, 66),
        (28, 58, 108),
        (52, 92, 142),
        (98, 138, 172),
        (150, 180, 196),
        (196, 210, 210),
        (238, 230, 208),
    ),
    (
        (44, 34, 36),
        (150, 44, 44),
        (206, 84, 80),
        (232, 152, 140),
        (92, 118, 82),
        (158, 172, 120),
        (226, 196, 130),
        (104, 84, 74),
        (244, 232, 208),
    ),
)
_SKIES: tuple[Colour, ...] = (
    (240, 228, 198),
    (226, 212, 186),
    (176, 200, 200),
    (240, 206, 176),
    (206, 214, 190),
)
_BOKASHI: tuple[Colour, ...] = (
    (22, 56, 112),
    (30, 74, 120),
    (178, 58, 46),
    (60, 52, 88),
    (40, 96, 104),
)
_GLOWS: tuple[Colour, ...] = ((232, 150, 110), (240, 196, 130), (236, 172, 150), (190, 210, 200))
_KEYBLOCKS: tuple[Colour, ...] = ((22, 32, 66), (26, 26, 40), (18, 44, 78))
_MISTS: tuple[Colour, ...] = ((244, 232, 204), (236, 200, 170), (226, 180, 90), (206, 220, 222))
_NEONS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((0, 220, 255), (255, 60, 180), (24, 12, 70)),
    ((70, 255, 220), (255, 140, 60), (10, 36, 70)),
    ((120, 140, 255), (255, 90, 120), (34, 10, 60)),
    ((0, 255, 170), (190, 90, 255), (8, 24, 54)),
    ((90, 200, 255), (255, 210, 90), (16, 30, 84)),
)
