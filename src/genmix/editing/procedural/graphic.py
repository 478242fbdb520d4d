"""Looks that are drawn: crayon, chalk, graffiti, comic and cartoon.

They leave photographic texture behind (lines and flat colours carry the form), because a
classifier trained on them has to read drawings.
"""

import cv2
import numpy as np

from genmix.editing.procedural.areas import (
    Flat,
    Palette,
    chroma,
    enlarge,
    flatten,
    openness,
    roomy,
    shrink,
    snap_to,
    turn_hue,
    vivid,
)
from genmix.editing.procedural.lines import elbow_room, line_distance, pressure, stroke, wobble
from genmix.editing.procedural.looks import look
from genmix.editing.procedural.media import (
    Colour,
    bricks,
    concrete,
    halftone,
    pick,
    rub,
    speckle,
    stain,
    tooth,
)
from genmix.editing.procedural.tools import (
    Field,
    fade,
    lay,
    noise,
    plane,
    sheet,
    smoothstep,
    soften,
)
from genmix.images import Image


@look("cartoon-style")
@roomy
def cartoon_style(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Bold dark outlines around bright flat colours; the ground is sometimes cleared."""
    height, width = image.shape[:2]
    saturation, hue = rng.uniform(1.7, 2.8), rng.uniform(-0.5, 0.5) * (rng.random() < 0.4)
    ground = (255, 255, 255) if rng.random() < 0.5 else pick(rng, _PASTELS)
    cleared, ink, wide = rng.random() < 0.6, pick(rng, _INKS), rng.uniform(0.011, 0.022)
    detail = rng.uniform(0.45, 0.9)
    flat = flatten(image, int(rng.integers(5, 11)), passes=5)
    full = flat.paint(turn_hue(vivid(flat.palette, saturation, least=0.24), hue))
    if cleared:
        full = lay(full, ground, smoothstep(0.28, 0.4, openness(image)))
    distance = line_distance(image, detail)
    pen = wide * pressure(height, width, rng, 0.4) * elbow_room(distance)
    full = lay(full, ink, stroke(distance, pen))
    return fade(image, full, strength)


@look("crayon-sketch")
@roomy
def crayon_sketch(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Waxy strokes and outlines on rough paper: many colours, one colour, or lines only."""
    height, width = image.shape[:2]
    many_colours, lines_only = rng.random() < 0.5, rng.random() < 0.6
    paper = (255, 254, 250) if rng.random() < 0.6 else pick(rng, _PAPERS)
    dark, wide = pick(rng, _DARK_CRAYONS), rng.uniform(0.006, 0.013)
    bare_ground, detail, pen = rng.random() < 0.4, rng.uniform(0.4, 0.95), rng.uniform(0.007, 0.02)
    grain = tooth(height, width, rng, rng.uniform(1 / 340, 1 / 220))
    full = sheet(height, width, paper)
    if many_colours or not lines_only:
        flat = flatten(image, int(rng.integers(6, 11)), passes=5)
        wax = flat.paint(snap_to(vivid(flat.palette, 2.2, 0.2), _CRAYONS, share=0.65))
        tones = np.clip(1.15 - vivid(flat.palette, 1.0, 0.0).max(1) / 255, 0, 0.8)
        tones = (tones + 0.45 * chroma(flat.palette)) if many_colours else 0.8 * tones
        cover = 0.94 * _hatching(flat, 0.88 * tones, grain, rng, wide)
        if bare_ground:
            cover *= smoothstep(0.45, 0.25, openness(image))
        full = lay(full, wax if many_colours else dark, cover)
    distance = line_distance(image, detail)
    pens = pen * pressure(height, width, rng) * elbow_room(distance)
    # Drawn twice, with a hand that does not hit the same place again.
    first = stroke(wobble(distance, 0.005, rng), pens)
    again = stroke(wobble(distance, 0.009, rng), 0.6 * pens)
    lines = np.maximum(first, 0.8 * again) * smoothstep(0.05, 0.45, grain)
    return fade(image, lay(full, dark, lines), strength)


@look("chalk-drawing")
@roomy
def chalk_drawing(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Dusty chalk lines and hatching on a black or green board, white or in pastels."""
    height, width = image.shape[:2]
    many_colours, lines_only = rng.random() < 0.6, rng.random() < 0.35
    board, detail, pen = pick(rng, _BOARDS), rng.uniform(0.5, 1.0), rng.uniform(0.008, 0.018)
    dusty, rubbed, wide = rng.uniform(0.06, 0.18), rng.uniform(0.5, 0.8), rng.uniform(0.006, 0.01)
    bare_ground = rng.random() < 0.4
    grain = tooth(height, width, rng, rng.uniform(1 / 380, 1 / 260))
    dust = smoothstep(0.35, 1.0, noise(height, width, rng.uniform(0.3, 0.7), rng, octaves=5))
    full = lay(sheet(height, width, board), (190, 200, 195), dusty * dust)
    distance = line_distance(image, detail)
    full = lay(full, _WHITE, 0.15 * smoothstep(0.03, 0.0, distance))
    chalks: Image | Colour = _WHITE
    if many_colours or not lines_only:
        flat = flatten(image, int(rng.integers(6, 10)), passes=5)
        if many_colours:
            chalks = flat.paint(snap_to(vivid(flat.palette, 1.2, 0.5), _CHALKS, share=0.85))
        if not lines_only:
            lightness = vivid(flat.palette, 1.0, 0.0).max(1) / np.float32(255)
            tones = rubbed * smoothstep(0.3, 1.1, lightness)
            cover = 0.75 * _hatching(flat, tones, grain, rng, wide)
            if bare_ground:
                cover *= smoothstep(0.45, 0.25, openness(image))
            # The hatching keeps off the lines, or they would drown in it.
            full = lay(full, chalks, cover * smoothstep(0.5 * pen, 1.3 * pen, distance))
    pens = pen * pressure(height, width, rng)
    lines = stroke(wobble(distance, 0.004, rng), pens) * smoothstep(0.08, 0.5, grain)
    full = lay(full, _WHITE, 0.55 * lines)
    return fade(image, lay(full, chalks, 0.7 * lines), strength)


@look("graffiti")
@roomy
def graffiti(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Spray paint on a wall: flat loud colours, black outlines with a white edge, drips."""
    height, width = image.shape[:2]
    sprays, splashes, wall = np.array(pick(rng, _SPRAYS), np.uint8), pick(rng, _LOUD), rng.random()
    wide, detail, misty = rng.uniform(0.014, 0.024), rng.uniform(0.35, 0.75), pick(rng, _LOUD)
    rows, columns = shrink(image, _WALL_SIDE).shape[:2]
    bare = bricks(rows, columns, rng) if wall < 0.6 else concrete(rows, columns, rng)
    full = enlarge(bare, image)
    flat = flatten(image, len(sprays), passes=5)
    mist = smoothstep(0.62, 0.9, noise(height, width, 0.35, rng))
    paint = lay(flat.paint(sprays[-len(flat.palette) :]), misty, 0.5 * mist)
    spatter = 0.25 * (tooth(height, width, rng, 1 / 200) - 0.5)
    # Paint is thin: the wall's joints and pores stay visible through it.
    full = lay(full, paint, 0.86 * smoothstep(0.55, 0.3, openness(image) + spatter))
    distance = wobble(line_distance(image, detail), 0.004, rng)
    pen = wide * pressure(height, width, rng, 0.35) * elbow_room(distance)
    full = lay(full, (250, 250, 250), 0.9 * stroke(distance, 2.1 * pen))
    full = lay(full, splashes, speckle(height, width, rng, 70, (0.001, 0.012)))
    black = np.maximum(stroke(distance, pen), speckle(height, width, rng, 50, (0.001, 0.008)))
    full = lay(full, (14, 12, 16), np.maximum(black, _drips(distance, rng)))
    return fade(image, full, strength)


@look("retro-comic")
@roomy
def retro_comic(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Black ink, dots of a few printing inks that do not quite meet, yellowed paper, a frame."""
    height, width = image.shape[:2]
    paper, detail, framed = pick(rng, _NEWSPRINT), rng.uniform(0.6, 1.0), rng.random() < 0.6
    cell, tilt, slip = rng.uniform(0.011, 0.022), rng.uniform(0, 1.5), rng.uniform(-1, 1, (4, 2))
    wide, saturation = rng.uniform(0.009, 0.016), rng.uniform(2.2, 3.4)
    flat = flatten(image, int(rng.integers(6, 10)), passes=5)
    tones = _separate(vivid(flat.palette, saturation, 0.3))
    ground, open_ground = _fading_ground(image, rng)
    covers = []
    for ink in range(4):
        tone = np.take(tones[:, ink], flat.labels)
        tone += open_ground * (ground[ink] - tone)
        dx, dy = 0.0035 * min(height, width) * slip[ink]
        covers.append(halftone(_moved(tone, dx, dy), tilt + 0.52 * ink, cell))
    full = _print_inks(paper, covers)
    pen = wide * pressure(height, width, rng, 0.7)
    full = lay(full, _BLACK, stroke(line_distance(image, detail), pen))
    full = stain(full, (226, 204, 160), 0.5 * noise(height, width, 0.6, rng, octaves=5))
    return fade(image, _frame(full, paper, rng) if framed else full, strength)


def _hatching(
    flat: Flat, tones: Field, grain: Field, rng: np.random.Generator, wide: float
) -> Field:
    """Fill the areas with strokes: how densely, `tones` says for each area."""
    tone = np.take(np.clip(tones, 0, 1).astype(np.float32), flat.labels)
    tone = soften(tone, 0.005 * min(tone.shape))
    angles = rng.uniform(0, np.pi) + np.array([0.0, rng.uniform(0.4, 1.4)])
    return rub(tone, grain, rng, angles, wide)


def _drips(distance: Field, rng: np.random.Generator) -> Field:
    """Let paint run down from some places of the outlines: the cover."""
    side = min(distance.shape)
    rows, columns = np.nonzero(distance[:, ::3] < 0.006)
    drips = np.zeros(distance.shape, np.uint8)
    for _ in range(int(rng.integers(6, 16)) if len(rows) else 0):
        start = int(rng.integers(len(rows)))
        x, y = 3 * int(columns[start]), int(rows[start])
        end = y + int(side * rng.uniform(0.04, 0.2))
        thick = max(1, round(side * rng.uniform(0.004, 0.009)))
        cv2.line(drips, (x, y), (x, end), 255, thick, cv2.LINE_AA)
        cv2.circle(drips, (x, end), max(1, round(0.8 * thick)), 255, -1, cv2.LINE_AA)
    return np.asarray(drips / np.float32(255), np.float32)


def _fading_ground(image: Image, rng: np.random.Generator) -> tuple[tuple[Field, ...], Field]:
    """Choose a ground of dots that grow to one side: the tone of each ink, and where it is."""
    height, width = image.shape[:2]
    inks, fall_x, fall_y = pick(rng, _SOLIDS), *rng.uniform(-0.9, 0.9, 2)
    x, y = plane(height, width)
    gradient = np.clip(0.5 + np.float32(fall_x) * x + np.float32(fall_y) * y, 0, 1)
    if rng.random() < 0.3:
        return (gradient,) * 4, np.zeros((height, width), np.float32)
    tones = tuple(np.asarray(ink * gradient, np.float32) for ink in inks)
    return tones, smoothstep(0.35, 0.5, openness(image))


def _separate(palette: Palette) -> Field:
    """Return how much cyan, magenta, yellow and black prints each colour, in few steps.

    Most of the grey goes into black, as cheap printing does it, so the colours stay loud.
    """
    inks = 1 - palette.astype(np.float32) / 255
    grey = inks.min(1, keepdims=True)
    inks = (inks - 0.85 * grey) / (1 - 0.8 * grey)
    black = np.where(grey > 0.72, 1.0, 0.75 * smoothstep(0.2, 0.8, grey))
    steps = np.round(np.clip(1.1 * inks, 0, 1) * 3) / 3
    return np.concatenate([steps, black], 1).astype(np.float32)


def _print_inks(paper: Colour, covers: list[Field]) -> Image:
    """Print transparent inks over each other: each takes its share of each channel's light."""
    channels = []
    for channel in range(3):
        light = np.full(covers[0].shape, paper[channel], np.float32)
        for ink, cover in zip((*_PROCESS, _BLACK), covers, strict=True):
            light *= 1 - np.float32(1 - ink[channel] / 255) * cover
        channels.append(light)
    return np.asarray(cv2.convertScaleAbs(cv2.merge(channels)), np.uint8)


def _moved(field: Field, dx: float, dy: float) -> Field:
    """Shift a field by pixels."""
    matrix = np.array([[1, 0, dx], [0, 1, dy]])
    size = field.shape[::-1]
    return np.asarray(
        cv2.warpAffine(field, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def _frame(panel: Image, paper: Colour, rng: np.random.Generator) -> Image:
    """Draw the black frame of the panel, and the bare paper around it."""
    height, width = panel.shape[:2]
    side = min(height, width)
    gutter, line = round(side * rng.uniform(0.01, 0.035)), max(1, round(0.01 * side))
    framed = sheet(height, width, paper)
    cv2.rectangle(framed, (gutter, gutter), (width - 1 - gutter, height - 1 - gutter), _BLACK, -1)
    inside = (
        slice(gutter + line, height - gutter - line),
        slice(gutter + line, width - gutter - line),
    )
    framed[inside] = panel[inside]
    return framed


_WALL_SIDE = 320
"""Pixels of the shorter side at which a wall is drawn; it lies behind, a little soft."""

_INKS: tuple[Colour, ...] = ((16, 14, 18), (28, 20, 16), (18, 22, 48), (40, 18, 44))
_PASTELS: tuple[Colour, ...] = (
    (255, 236, 179),
    (179, 229, 252),
    (200, 230, 201),
    (255, 205, 210),
    (225, 190, 231),
    (255, 224, 130),
    (128, 222, 234),
)
_PAPERS: tuple[Colour, ...] = ((253, 245, 226), (240, 232, 214), (232, 240, 244), (206, 176, 138))
_WHITE: Colour = (246, 246, 240)
_DARK_CRAYONS: tuple[Colour, ...] = (
    (30, 28, 30),
    (30, 28, 30),
    (24, 62, 150),
    (92, 50, 26),
    (176, 24, 36),
    (88, 36, 122),
    (18, 98, 48),
)
_CRAYONS: tuple[Colour, ...] = (
    (30, 28, 30),
    (206, 32, 41),
    (236, 102, 20),
    (250, 200, 20),
    (46, 139, 60),
    (140, 198, 63),
    (28, 88, 180),
    (70, 170, 220),
    (110, 54, 150),
    (226, 82, 140),
    (122, 72, 36),
    (198, 138, 82),
    (245, 200, 170),
    (130, 130, 134),
)
_BOARDS: tuple[Colour, ...] = ((24, 27, 29), (32, 34, 38), (32, 68, 54), (40, 82, 62), (34, 46, 66))
_CHALKS: tuple[Colour, ...] = (
    (244, 244, 238),
    (250, 226, 130),
    (246, 170, 180),
    (160, 206, 240),
    (170, 222, 170),
    (246, 190, 130),
    (206, 180, 236),
)
_SPRAYS: tuple[tuple[Colour, ...], ...] = (
    ((40, 16, 80), (214, 20, 110), (255, 92, 30), (255, 214, 10), (255, 250, 235)),
    ((14, 30, 90), (0, 110, 220), (0, 200, 200), (150, 240, 60), (255, 255, 240)),
    ((60, 10, 50), (150, 30, 180), (250, 60, 160), (90, 210, 250), (250, 250, 255)),
    ((20, 60, 40), (0, 150, 90), (120, 210, 40), (255, 220, 0), (255, 250, 220)),
    ((80, 10, 20), (220, 30, 40), (255, 130, 0), (60, 200, 230), (255, 245, 230)),
    ((24, 20, 60), (90, 40, 200), (240, 70, 120), (255, 170, 60), (255, 246, 220)),
    ((10, 50, 70), (230, 60, 60), (250, 150, 40), (100, 220, 200), (250, 250, 240)),
    ((30, 30, 34), (110, 110, 120), (250, 50, 110), (250, 220, 40), (255, 255, 255)),
)
_LOUD: tuple[Colour, ...] = (
    (255, 40, 130),
    (0, 190, 255),
    (255, 230, 0),
    (120, 230, 40),
    (255, 110, 0),
    (150, 50, 230),
)
_NEWSPRINT: tuple[Colour, ...] = ((246, 234, 204), (250, 240, 216), (240, 224, 190))
_BLACK: Colour = (24, 20, 24)
_PROCESS: tuple[Colour, ...] = ((0, 160, 224), (228, 30, 110), (255, 222, 20))
_SOLIDS: tuple[tuple[float, float, float, float], ...] = (
    (0.9, 0.0, 0.0, 0.0),
    (0.0, 0.0, 1.2, 0.0),
    (0.0, 0.9, 1.2, 0.0),
    (0.9, 0.9, 0.0, 0.0),
    (0.0, 0.8, 0.0, 0.0),
    (0.9, 0.0, 1.1, 0.0),
    (0.0, 0.0, 0.0, 0.0),
)
