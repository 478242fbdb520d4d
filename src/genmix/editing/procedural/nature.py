"""Looks of season, weather and sky: autumn, snow, sunset, rainbow, aurora.

The subject keeps its form and most of its texture; colour, light and air change around it.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from genmix.editing.procedural.areas import enlarge, openness, relight, roomy, shrink
from genmix.editing.procedural.lines import edge_flow
from genmix.editing.procedural.looks import look
from genmix.editing.procedural.media import Colour, pick, ramp, speckle, streaks
from genmix.editing.procedural.tools import (
    Field,
    drag,
    fade,
    lay,
    luminance,
    noise,
    plane,
    smoothstep,
    soften,
)
from genmix.images import Image


@look("autumn")
@roomy
def autumn(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Greens turn gold, orange or red, the light is low and warm, leaves drift and lie about."""
    height, width = image.shape[:2]
    trees = pick(rng, _TREES)
    sun_x, glow = rng.uniform(-0.6, 0.6), rng.uniform(0.25, 0.45)
    full = _turn_leaves(image, trees, rng)
    full = grade(full, (1.10, 0.98, 0.72), (10, 2, -6))
    x, y = plane(height, width)
    light = np.exp(-3.0 * np.hypot(x - np.float32(sun_x), y + np.float32(0.6)))
    full = lay(full, (255, 196, 92), np.float32(glow) * light)
    leaves = [c for colours in (trees, pick(rng, _TREES)) for c in colours[1:]]
    full = _scatter_leaves(full, leaves, rng)
    return fade(image, full, strength)


@look("snowy")
@roomy
def snowy(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Snow lies on upper edges and on the ground, flakes fall near and far, the tone is cold."""
    height, width = image.shape[:2]
    pale = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    full = lay(image, cv2.merge([pale, pale, pale]), np.full(pale.shape, 0.5, np.float32))
    dim = rng.uniform(0.0, 1.0)
    full = grade(full, (0.82 - 0.2 * dim, 0.90 - 0.13 * dim, 1.02 - 0.04 * dim), (24, 30, 40))
    mist = smoothstep(0.2, 1.0, noise(height, width, 0.7, rng))
    full = lay(full, (226, 233, 242), rng.uniform(0.1, 0.5) * mist)
    cover = _snow_cover(image, rng)
    full = lay(full, (247, 250, 255), cover)
    full = lay(full, (170, 190, 222), 0.5 * _under(cover, 0.012))
    return fade(image, _falling_snow(full, rng), strength)


@look("sunset")
def sunset(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """A sky from magenta to orange around a low sun; what stands before it lies in warm shade."""
    height, width = image.shape[:2]
    colours = pick(rng, _DUSKS)
    sky = openness(image, from_top=True)
    sun_x, sun_y = _place_sun(sky, rng)
    radius, span, dark = rng.uniform(0.04, 0.11), rng.uniform(0.9, 2.2), rng.uniform(0, 0.3)
    cloudy = rng.uniform(0.1, 0.45)
    x, y = plane(height, width)
    away = np.hypot(x - np.float32(sun_x), y - np.float32(sun_y))
    fall = 0.98 - np.float32(span) * np.hypot(
        np.float32(0.35) * (x - np.float32(sun_x)), y - np.float32(sun_y)
    )
    clouds = streaks(height, width, rng, rng.uniform(-0.15, 0.15), 0.7, 0.05)
    clouds = smoothstep(0.45, 0.85, 0.6 * clouds + 0.4 * noise(height, width, 0.4, rng))
    heaven = ramp(np.clip(fall + np.float32(cloudy) * (clouds - 0.4), 0, 1), colours)
    heaven = lay(heaven, (255, 246, 214), smoothstep(radius + 0.012, radius - 0.012, away))
    ground = grade(image, (0.85 - dark, 0.56 - dark, 0.50 - dark), (8, -2, 14))
    full = lay(ground, heaven, 0.94 * smoothstep(0.15, 0.6, sky))
    full = lay(full, colours[-2], 0.55 * np.exp(-3.2 * away))
    glare = (0.3 + 0.6 * sky) * np.exp(-((away / np.float32(2.0 * radius)) ** 2))
    full = lay(full, (255, 228, 150), glare)
    return fade(image, full, strength)


@look("rainbow")
def rainbow(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """A soft rainbow across the picture, red outside and violet inside, often with a second one."""
    height, width = image.shape[:2]
    centre_x, radius = rng.uniform(-0.35, 0.35), rng.uniform(0.5, 0.8)
    centre_y, band = radius - rng.uniform(0.22, 0.42), rng.uniform(0.1, 0.17)
    second = rng.random() < 0.6
    x, y = plane(height, width)
    away = np.hypot(x - np.float32(centre_x), y - np.float32(centre_y))
    sky = smoothstep(0.1, 0.7, openness(image, from_top=True))
    full = grade(image, (0.88, 0.93, 1.0), (8, 10, 14))
    veil = noise(height, width, 0.6, rng)
    full = lay(full, (120, 138, 165), 0.35 * sky * veil)
    full = lay(full, (255, 252, 236), 0.22 * smoothstep(radius, radius - 0.35, away))
    alive = (0.62 + 0.38 * sky) * (0.75 + 0.25 * veil)
    full = _bow(full, (away - np.float32(radius)) / np.float32(band), 0.85 * alive)
    if second:
        outer = (away - np.float32(radius + 2.1 * band)) / np.float32(-1.3 * band)
        full = _bow(full, outer, 0.4 * alive)
    return fade(image, full, strength)


@look("aurora")
def aurora(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Night, stars, and waving curtains of green and violet light that shine on the ground."""
    height, width = image.shape[:2]
    low, high = pick(rng, _AURORAS)
    sky = smoothstep(0.1, 0.6, openness(image, from_top=True))
    night = grade(relight(image), (0.34, 0.44, 0.60), (2, 6, 20))
    x, y = plane(height, width)
    heaven = ramp(np.clip(y + 0.5 + 0.0 * x, 0, 1), ((4, 8, 28), (10, 24, 58), (22, 62, 78)))
    full = lay(night, heaven, 0.88 * sky)
    full = lay(full, (235, 240, 255), sky * speckle(height, width, rng, 170, (0.0008, 0.0035)))
    curtain, tall = _curtains(height, width, rng)
    # Without sky the curtains come to the front, or there would be no aurora.
    front = 0.7 - 0.4 * float(sky[: max(1, height // 2)].mean())
    seen = front + (1 - front) * sky
    full = lay(full, low, np.clip(1.5 * curtain * seen * (1 - 0.8 * tall), 0, 0.95))
    full = lay(full, high, np.clip(1.3 * curtain * seen * tall, 0, 0.9))
    shine = soften(curtain, 0.12 * min(height, width)) * luminance(image)
    full = lay(full, low, np.clip(0.5 * shine, 0, 0.5))
    return fade(image, full, strength)


def grade(image: Image, gain: tuple[float, float, float], lift: tuple[int, int, int]) -> Image:
    """Grade the light: multiply and then lift each channel."""
    table = np.arange(256)[:, None] * np.array(gain) + np.array(lift)
    table = np.clip(np.rint(table), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[:, None]), np.uint8)


def _place_sun(sky: Field, rng: np.random.Generator) -> tuple[float, float]:
    """Choose, among some places, the one with most sky around it; returned as `plane` counts."""
    height, width = sky.shape
    places = rng.uniform((0.1, 0.1), (0.9, 0.6), (8, 2))
    small = cv2.resize(sky, (12, 12), interpolation=cv2.INTER_AREA)
    free = small[(12 * places[:, 1]).astype(int), (12 * places[:, 0]).astype(int)]
    # Where there is no sky at all, the higher the better: the sun then leaves the subject alone.
    x, y = places[int(np.argmax(free - 0.4 * places[:, 1]))]
    side = min(height, width)
    return float((x - 0.5) * width / side), float((y - 0.5) * height / side)


def _turn_leaves(image: Image, trees: tuple[Colour, ...], rng: np.random.Generator) -> Image:
    """Give what is green the colours of autumn trees, each place its own."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hue = np.arange(256)
    green = np.interp(hue, (19, 32, 85, 100), (0, 1, 1, 0)).astype(np.float32)
    colourful = np.interp(hue, (25, 75), (0, 1)).astype(np.float32)
    leafy = np.take(green, hsv[..., 0]) * np.take(colourful, hsv[..., 1])
    leafy = np.asarray(cv2.blur(leafy, (3, 3)), np.float32)
    patches = noise(image.shape[0], image.shape[1], 0.22, rng, octaves=5)
    value = hsv[..., 2].astype(np.float32) / 255
    foliage = ramp(np.clip(1.25 * patches - 0.35 + 0.45 * value, 0, 1), trees)
    foliage = lay(foliage, (30, 12, 8), np.clip(1.02 - 1.5 * value, 0, 1))
    return lay(image, foliage, 0.95 * leafy)


def _scatter_leaves(picture: Image, colours: list[Colour], rng: np.random.Generator) -> Image:
    """Let leaves drift through the picture and lie along its lower edge, some near and blurred."""
    height, width = picture.shape[:2]
    side = min(height, width)
    picture = picture.copy()
    for _ in range(int(rng.integers(14, 40))):
        place = rng.random(2) * (width, height)
        _leaf(picture, place, side * rng.uniform(0.014, 0.034), colours, rng)
    for _ in range(int(rng.integers(20, 60))):
        place = np.array([rng.random() * width, height - side * 0.12 * rng.random() ** 2])
        _leaf(picture, place, side * rng.uniform(0.018, 0.04), colours, rng)
    near = np.zeros_like(picture[::2, ::2])
    for _ in range(int(rng.integers(2, 6))):
        place = np.where(rng.random(2) < 0.5, rng.uniform(0, 0.16, 2), rng.uniform(0.84, 1, 2))
        _leaf(near, place * near.shape[1::-1], 0.5 * side * rng.uniform(0.06, 0.1), colours, rng)
    drawn = (near.max(2) > 0).astype(np.float32)
    sigma = max(0.5, 0.007 * side)
    cover = enlarge(soften(drawn, sigma), picture)
    # Leaf colours spread past the leaf, so that its soft edge is not dark.
    colour = cv2.GaussianBlur(near, (0, 0), sigma).astype(np.float32)
    colour /= np.maximum(soften(drawn, sigma), 1e-2)[..., None]
    blurred = enlarge(np.clip(colour, 0, 255).astype(np.uint8), picture)
    return lay(picture, blurred, 0.92 * cover)


def _leaf(
    picture: Image,
    place: npt.NDArray[np.float64],
    size: float,
    colours: list[Colour],
    rng: np.random.Generator,
) -> None:
    """Draw one leaf, turned and tilted, in two shades with its rib."""
    outline = pick(rng, _LEAVES) * (1.0, rng.uniform(0.45, 1.0))
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = np.rint(16 * (size * outline @ turn.T + place)).astype(np.int32)
    colour = np.array(colours[rng.integers(len(colours))]) * rng.uniform(0.8, 1.1)
    colour = np.clip(colour, 0, 255)
    half = len(points) // 2
    cv2.fillPoly(picture, [points], colour.tolist(), cv2.LINE_AA, shift=4)
    cv2.fillPoly(picture, [points[: half + 1]], (0.8 * colour).tolist(), cv2.LINE_AA, shift=4)
    stem = np.rint(16 * (size * np.array([[-1.35, 0.0], [0.8, 0.0]]) @ turn.T + place))
    rib = stem.astype(np.int32)
    cv2.polylines(picture, [rib], False, (0.55 * colour).tolist(), 1, cv2.LINE_AA, shift=4)


def _snow_cover(image: Image, rng: np.random.Generator) -> Field:
    """Find where snow lies: on edges that look up, thicker by chance, and over the ground."""
    work = shrink(image, 256)
    height, width = work.shape[:2]
    side = min(height, width)
    grey = soften(luminance(work), max(0.6, 0.005 * side))
    flow = edge_flow(grey)
    step = np.abs(np.asarray(cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.125), np.float32))
    upper = step * smoothstep(0.55, 0.9, np.abs(flow.cosine))
    thick = max(2, round(side * rng.uniform(0.02, 0.04)))
    piled = np.asarray(cv2.dilate(upper, np.ones((thick, 1)), anchor=(0, thick - 1)), np.float32)
    lumps = noise(height, width, 0.06, rng, octaves=3)
    free = openness(work)
    # Snow falls out of the open: what has no open air above it keeps most of its own surface.
    above = np.roll(free, thick + 1, axis=0)
    above[: thick + 1] = 1
    ledge = smoothstep(0.02, 0.09, soften(piled, 1.0) * (0.5 + lumps))
    ledge = ledge * (0.3 + 0.7 * smoothstep(0.1, 0.45, above))
    rise = rng.uniform(0.08, 0.24)
    y = np.linspace(1, 0, height, dtype=np.float32)[:, None]
    drift = smoothstep(rise + 0.04, rise - 0.08, y + 0.25 * (noise(height, width, 0.35, rng) - 0.5))
    drift = drift * smoothstep(0.0, 0.6, free + 0.3 * lumps + 0.3 * (rise - y) / rise)
    bright = smoothstep(0.35, 0.8, luminance(work)) * smoothstep(0.35, 0.7, lumps)
    cover = np.maximum(np.maximum(0.95 * ledge, 0.9 * drift), 0.45 * bright)
    return enlarge(cover, image)


def _under(cover: Field, share: float) -> Field:
    """Return the shade just below what covers."""
    down = max(1, round(share * min(cover.shape)))
    shade = np.zeros_like(cover)
    shade[down:] = cover[:-down]
    return np.clip(shade - cover, 0, 1)


def _falling_snow(picture: Image, rng: np.random.Generator) -> Image:
    height, width = picture.shape[:2]
    side = min(height, width)
    density, wind, size = rng.uniform(0.5, 1.7), rng.uniform(-1.2, 1.2), rng.uniform(0.7, 1.5)
    far = speckle(height, width, rng, int(420 * density), (0.0015 * size, 0.004 * size))
    middle = speckle(height, width, rng, int(110 * density), (0.004 * size, 0.009 * size))
    near = speckle(height, width, rng, int(16 * density), (0.01 * size, 0.026 * size))
    fall = 0.02 * side
    middle = drag(soften(middle, 0.002 * side), 0.5 * wind * fall, 0.5 * fall)
    near = drag(soften(near, 0.008 * side), wind * fall, fall)
    return lay(
        picture, (255, 255, 255), np.maximum(np.maximum(0.85 * far, 0.95 * middle), 0.8 * near)
    )


def _bow(picture: Image, across: Field, alive: npt.NDArray[np.floating[Any]]) -> Image:
    """Lay one arc; `across` runs from -0.5 (inside, violet) to 0.5 (outside, red)."""
    band = ramp(np.clip(across + 0.5, 0, 1), _SPECTRUM)
    return lay(picture, band, alive * smoothstep(0.62, 0.34, np.abs(across)))


def _curtains(height: int, width: int, rng: np.random.Generator) -> tuple[Field, Field]:
    """Draw waving curtains: how bright, and how far up in its curtain each place is."""
    rows, columns = min(height, 256), min(width, 256)
    x = np.linspace(0, 1, columns, dtype=np.float32)[None]
    y = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    light, tall = np.zeros((rows, columns), np.float32), np.zeros((rows, columns), np.float32)
    for _ in range(int(rng.integers(2, 5))):
        waves = rng.uniform(0.5, 2.6, 3), rng.uniform(0, 2 * np.pi, 3), rng.uniform(0.03, 0.09, 3)
        hem = rng.uniform(0.15, 0.52) + rng.uniform(-0.3, 0.3) * (x - 0.5)
        for turns, phase, swing in zip(*waves, strict=True):
            hem = hem + swing * np.sin(2 * np.pi * turns * x + phase)
        rays = np.asarray(cv2.resize(rng.random((1, 70), dtype=np.float32), (columns, 1)))
        folds = np.asarray(cv2.resize(rng.random((1, 7), dtype=np.float32), (columns, 1)))
        up = (hem - y) / rng.uniform(0.3, 0.6)
        shape = smoothstep(-0.06, 0.06, up) * np.exp(-2.2 * np.maximum(up, 0)) * (up < 1.6)
        here = shape * (0.45 + 0.55 * rays) * (0.3 + 0.9 * folds)
        tall = np.where(here > light, np.clip(1.3 * up, 0, 1), tall)
        light = np.maximum(light, here)
    size = (width, height)
    return np.asarray(cv2.resize(light, size), np.float32), np.asarray(
        cv2.resize(soften(tall, 3), size), np.float32
    )


def _leaf_outline(kind: str) -> npt.NDArray[np.float64]:
    """Return a leaf's outline, tip to the right, of about unit radius, one half after the other."""
    turn = np.linspace(0, 2 * np.pi, 49)[:-1]
    if kind == "maple":
        radius = 0.62 + 0.38 * np.abs(np.cos(2.5 * turn)) ** 1.5 + 0.06 * np.cos(15 * turn)
        radius *= np.where(np.cos(turn) < -0.85, 0.55, 1)
    elif kind == "oak":
        radius = (0.62 + 0.12 * np.cos(9 * turn)) * (1 + 0.55 * np.cos(turn) ** 2)
    elif kind == "ginkgo":
        radius = np.where(np.abs(np.sin(turn / 2)) < 0.62, 1.0 - 0.08 * np.cos(8 * turn), 0.2)
    else:
        return np.column_stack([np.cos(turn), 0.42 * np.sin(turn) * (1 - 0.35 * np.cos(turn))])
    return np.column_stack([radius * np.cos(turn), radius * np.sin(turn)])


_LEAVES = tuple(_leaf_outline(kind) for kind in ("maple", "maple", "oak", "beech", "ginkgo"))
_TREES: tuple[tuple[Colour, ...], ...] = (
    ((120, 22, 14), (200, 44, 20), (232, 98, 22), (246, 164, 40)),
    ((150, 60, 12), (224, 104, 18), (246, 158, 28), (252, 206, 70)),
    ((96, 14, 26), (168, 24, 30), (212, 52, 30), (236, 112, 40)),
    ((130, 74, 18), (206, 134, 24), (240, 186, 42), (250, 222, 96)),
)
_DUSKS: tuple[tuple[Colour, ...], ...] = (
    ((44, 22, 84), (150, 40, 110), (236, 84, 70), (255, 150, 50), (255, 208, 92)),
    ((40, 50, 110), (140, 80, 140), (240, 120, 120), (255, 170, 100), (255, 220, 150)),
    ((70, 16, 60), (176, 30, 70), (240, 70, 40), (255, 130, 30), (255, 190, 60)),
    ((24, 60, 90), (110, 90, 120), (226, 110, 80), (255, 160, 60), (255, 214, 120)),
)
_SPECTRUM: tuple[Colour, ...] = (
    (130, 40, 190),
    (60, 60, 220),
    (30, 150, 240),
    (40, 200, 80),
    (250, 235, 40),
    (255, 150, 20),
    (240, 30, 40),
)
_AURORAS: tuple[tuple[Colour, Colour], ...] = (
    ((70, 255, 150), (170, 70, 230)),
    ((60, 250, 190), (90, 90, 250)),
    ((130, 255, 110), (240, 70, 160)),
    ((80, 240, 230), (190, 90, 240)),
)
