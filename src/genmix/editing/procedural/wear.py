"""Looks of what settles on things at work: dust and water."""

import math

import cv2
import numpy as np

from genmix.editing.procedural.looks import look
from genmix.editing.procedural.tools import (
    Field,
    develop,
    draw_path,
    linear,
    luminance,
    mute,
    noise,
    scene_light,
    smoothstep,
    soften,
    tinted,
)
from genmix.images import Image

_DUSTS = ((0.40, 0.31, 0.20), (0.46, 0.41, 0.33), (0.50, 0.38, 0.20), (0.40, 0.36, 0.31))


@look("dusty")
def dusty(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Cover the scene with dust: a patchy matt layer, thicker on ledges, specks and fibres.

    Somewhere a hand or a cloth has wiped a trace that is cleaner than the rest.
    """
    height, width = image.shape[:2]
    dust = np.array(_DUSTS[int(rng.integers(len(_DUSTS)))], np.float32)
    dust *= scene_light(image) ** 0.75
    layer = 0.24 + 0.46 * noise(height, width, 0.5, rng, octaves=5)
    layer += 0.30 * _ledges(image)
    layer *= 1 - 0.68 * _wiped(height, width, rng)
    powder = rng.random((height, width), dtype=np.float32) * 0.5 + 0.75
    lint = (1.9, 0.12, 0.25)[int(rng.integers(3))]
    specks, fibres = _specks(height, width, rng) * strength, _fibres(height, width, rng)
    cover = np.clip(layer * powder * strength, 0, 0.75)
    # Layer upon layer, what is left of the photo and how bright the dust on it is.
    left, added = 1 - cover, cover * powder
    for share, brightness in (
        (np.maximum(specks, 0), 1.35),
        (np.maximum(specks * -0.6, 0), 0.0),
        (fibres * (0.7 * strength), lint),
    ):
        left *= 1 - share
        added += (brightness - added) * share
    light = mute(linear(image), 0.3 * strength)
    light *= left[..., None]
    light += tinted(added, dust)
    return develop(light)


@look("wet")
def wet(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Sprinkle clear drops and trails: each bends what is behind it and catches the light.

    A drop is a small strong lens: what is behind it stands in it upside down. It is dark towards
    the lamp but for one glint, and bright on the far side, where it gathers the light.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    water = _drops(height, width, rng)
    lamp = rng.uniform(-1.0, 1.0) - math.pi / 2
    lamp_x, lamp_y = math.cos(lamp), math.sin(lamp)
    slope_x = np.asarray(cv2.Sobel(water, cv2.CV_32F, 1, 0, ksize=3), np.float32) / 8
    slope_y = np.asarray(cv2.Sobel(water, cv2.CV_32F, 0, 1, ksize=3), np.float32) / 8
    # In (R^2 - r^2) / 2, the height of a cap, the slope is r: both together give R back.
    radius = np.sqrt(2 * water + slope_x**2 + slope_y**2) + np.float32(1e-3)
    out_x, out_y = slope_x / -radius, slope_y / -radius
    rise = np.asarray(1 - out_x**2 - out_y**2, np.float32)
    inside = smoothstep(0.0, 0.35, rise) * (water > 0.02)
    bend = 1.9 * strength
    at_x = np.arange(width, dtype=np.float32)[None] + slope_x * bend
    at_y = np.arange(height, dtype=np.float32)[:, None] + slope_y * bend
    bent = np.asarray(
        cv2.remap(image, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.uint8
    )
    facing = out_x * lamp_x + out_y * lamp_y
    shading = inside * (-0.45 * facing - 0.28 * (out_x**2 + out_y**2))
    reach = 0.006 * side
    shift = np.array([[1, 0, -lamp_x * reach], [0, 1, -lamp_y * reach]])
    shadow = soften(np.asarray(cv2.warpAffine(inside, shift, (width, height))), 0.003 * side)
    shading -= 0.45 * shadow * (1 - inside) + 0.08
    glint = np.exp(((out_x - 0.55 * lamp_x) ** 2 + (out_y - 0.55 * lamp_y) ** 2) * -45) * inside
    light = linear(bent)
    light *= (1 + strength * shading)[..., None]
    light += ((0.06 * inside * np.maximum(-facing, 0) + 0.9 * glint) * strength)[..., None]
    return develop(light)


def _ledges(image: Image) -> Field:
    """Find where dust gathers: just above edges between dark and bright, and in what is dark."""
    grey = soften(luminance(image), 0.01 * min(image.shape[:2]))
    slope = np.asarray(cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3), np.float32)
    scale = max(float(np.abs(slope).max()), 1e-3)
    return np.clip(np.abs(slope) / scale, 0, 1)


def _wiped(height: int, width: int, rng: np.random.Generator) -> Field:
    """Draw one curved stroke of a hand, with the streaks that fingers leave."""
    side = min(height, width)
    canvas = np.zeros((height, width), np.uint8)
    angle, length = rng.uniform(0, math.tau), rng.uniform(0.5, 0.9) * side
    middle = (rng.uniform(0.25, 0.75) * width, rng.uniform(0.25, 0.75) * height)
    steps = np.linspace(-0.5, 0.5, 16)
    bend = rng.uniform(-0.5, 0.5) * length
    for finger in range(4):
        across = (finger - 1.5) * 0.045 * side + (steps**2 * 4 - 0.5) * bend
        along = (steps + rng.uniform(-0.06, 0.06)) * length
        points = np.stack(
            [
                middle[0] + along * math.cos(angle) - across * math.sin(angle),
                middle[1] + along * math.sin(angle) + across * math.cos(angle),
            ],
            axis=1,
        )
        draw_path(canvas, points, 255, max(1, round(rng.uniform(0.03, 0.042) * side)))
    return soften(_share(canvas), 0.004 * side)


def _specks(height: int, width: int, rng: np.random.Generator) -> Field:
    """Scatter grains: above 0 bright ones, below 0 dark ones, few of them large."""
    side = min(height, width)
    # A grain is never smaller than a pixel: small pictures get fewer.
    crowd = max(height, width) / side * min(1.0, side / 400) ** 2
    coarse = max(1.0, side / 512)
    rows, columns = (math.ceil(extent / coarse) for extent in (height, width))
    fine = np.zeros((rows, columns), np.float32)
    drawn = round(2400 * crowd)
    at = rng.integers(rows, size=drawn), rng.integers(columns, size=drawn)
    fine[at] = rng.uniform(-1.4, 2.4, drawn)
    total = np.asarray(cv2.resize(soften(fine, 0.6), (width, height)), np.float32)
    for _ in range(round(70 * crowd)):
        x, y, radius = rng.random() * width, rng.random() * height, rng.uniform(0.3, 1) * 0.0042
        centre, sixteenths = (round(16 * x), round(16 * y)), max(6, round(radius * side * 16))
        shade = 0.7 if rng.random() < 0.6 else -0.7
        cv2.circle(total, centre, sixteenths, shade, -1, cv2.LINE_8, shift=4)
    return np.clip(soften(total, 0.001 * side), -0.8, 0.8)


def _fibres(height: int, width: int, rng: np.random.Generator) -> Field:
    """Draw a few curled fibres of cloth or paper."""
    side = min(height, width)
    canvas = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(5, 11))):
        turns = np.cumsum(rng.normal(0, 0.22, 24)) + rng.uniform(0, math.tau)
        step = rng.uniform(0.003, 0.008) * side
        path = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], axis=1) * step, axis=0)
        points = path + rng.random(2) * (width, height)
        draw_path(canvas, points, 255, max(1, round(0.0018 * side)))
    return soften(_share(canvas), 0.0012 * side)


def _drops(height: int, width: int, rng: np.random.Generator) -> Field:
    """Build the water, a heap of caps and the trails of drops that ran; see `_add_cap`."""
    side = min(height, width)
    water = np.zeros((height, width), np.float32)
    # A drop is never smaller than it can be seen: small pictures get fewer.
    amount = rng.uniform(0.75, 1.3) * max(height, width) / side * min(1.0, (side + 40) / 250)
    for count, low, high in ((220, 0.005, 0.012), (60, 0.012, 0.028), (11, 0.03, 0.055)):
        for _ in range(round(count * amount)):
            radius = max(rng.uniform(low, high) * side, 1.5)
            stretch = rng.uniform(0.85, 1.3)
            _add_cap(water, rng.random() * width, rng.random() * height, radius, radius * stretch)
    for _ in range(int(rng.integers(1, 5))):
        _add_trail(water, rng)
    return soften(water, 0.0012 * side)


def _add_cap(water: Field, x: float, y: float, radius_x: float, radius_y: float) -> None:
    """Heap one cap, of height (R^2 - r^2) / 2, onto the water where it is higher than that."""
    height, width = water.shape
    left, right = max(0, math.floor(x - radius_x)), min(width, math.ceil(x + radius_x) + 1)
    top, bottom = max(0, math.floor(y - radius_y)), min(height, math.ceil(y + radius_y) + 1)
    if left >= right or top >= bottom:
        return
    dx = (np.arange(left, right, dtype=np.float32) - x) / radius_x
    dy = (np.arange(top, bottom, dtype=np.float32) - y) / radius_y
    inside = np.maximum(1 - dx[None] ** 2 - dy[:, None] ** 2, 0)
    cap = inside * (0.5 * radius_x * radius_y)
    patch = water[top:bottom, left:right]
    np.maximum(patch, cap, out=patch)


def _add_trail(water: Field, rng: np.random.Generator) -> None:
    """Let one drop run down: a wavering thin trail with the drop at its end."""
    height, width = water.shape
    side = min(height, width)
    x, y = rng.random() * width, rng.uniform(-0.1, 0.4) * height
    length = rng.uniform(0.3, 0.6) * height
    radius = rng.uniform(0.012, 0.02) * side
    steps = np.arange(0, length, max(0.6 * radius, 1.0))
    sway = np.cumsum(rng.normal(0, 0.16 * radius, len(steps)))
    thin = radius * rng.uniform(0.35, 0.8, len(steps))
    for step, aside, breadth in zip(steps.tolist(), sway.tolist(), thin.tolist(), strict=True):
        _add_cap(water, x + aside, y + step, breadth, 1.6 * breadth)
    _add_cap(water, x + float(sway[-1]), y + length, 1.7 * radius, 2.2 * radius)


def _share(canvas: Image) -> Field:
    """Take what is drawn on a canvas of bytes for a field in [0, 1]."""
    return np.asarray(canvas, np.float32) / np.float32(255)
