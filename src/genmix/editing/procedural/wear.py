"""Looks of what settles on things at work: dust and water."""

import math

import cv2
import numpy as np

from genmix.editing.procedural.looks import look
from genmix.editing.procedural.tools import (
    Field,
    brightness,
    develop,
    linear,
    luminance,
    noise,
    smoothstep,
    soften,
)
from genmix.images import Image

_DUSTS = ((0.44, 0.38, 0.30), (0.48, 0.46, 0.43), (0.50, 0.42, 0.29), (0.36, 0.34, 0.32))


@look("dusty")
def dusty(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Cover the scene with dust: a patchy matt layer, thicker on ledges, specks and fibres.

    Somewhere a hand or a cloth has wiped a trace that is cleaner than the rest.
    """
    height, width = image.shape[:2]
    dust = np.array(_DUSTS[int(rng.integers(len(_DUSTS)))], np.float32)
    layer = 0.30 + 0.45 * noise(height, width, 0.5, rng, octaves=5)
    layer += 0.30 * _ledges(image)
    layer *= 1 - 0.75 * _wiped(height, width, rng)
    powder = rng.random((height, width), dtype=np.float32)
    layer *= 0.75 + 0.5 * powder
    specks, fibres = _specks(height, width, rng), _fibres(height, width, rng)
    light = linear(image)
    light += (brightness(light)[..., None] - light) * (0.3 * strength)
    cover = np.clip(layer * strength, 0, 0.85)[..., None]
    light += (dust * (0.75 + 0.5 * powder)[..., None] - light) * cover
    bright = np.minimum(1.7 * dust, 1)
    light += (bright - light) * (np.maximum(specks, 0) * strength)[..., None]
    light *= 1 - (np.maximum(-specks, 0) * (0.6 * strength))[..., None]
    light *= 1 - (fibres * (0.75 * strength))[..., None]
    return develop(light)


@look("wet")
def wet(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Sprinkle clear drops and trails: each bends what is behind it and catches the light."""
    height, width = image.shape[:2]
    side = min(height, width)
    water = _drops(height, width, rng)
    toward = rng.uniform(-0.9, 0.9) - math.pi / 2
    slope_x = np.asarray(cv2.Sobel(water, cv2.CV_32F, 1, 0, ksize=3), np.float32) / 8
    slope_y = np.asarray(cv2.Sobel(water, cv2.CV_32F, 0, 1, ksize=3), np.float32) / 8
    bend = 1.15 * strength
    at_x = np.arange(width, dtype=np.float32)[None] + slope_x * (bend * side * 0.10)
    at_y = np.arange(height, dtype=np.float32)[:, None] + slope_y * (bend * side * 0.10)
    bent = np.asarray(
        cv2.remap(image, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.uint8
    )
    light = linear(bent)
    inside = smoothstep(0.0, 0.02 * side, water)
    facing = np.asarray(slope_x * math.cos(toward) + slope_y * math.sin(toward), np.float32)
    steep = np.sqrt(slope_x**2 + slope_y**2)
    light *= 1 - (0.10 * strength)
    light *= (1 - strength * 0.55 * inside * np.clip(steep, 0, 1))[..., None]
    light *= (1 + strength * 0.7 * facing)[..., None]
    glint = smoothstep(-0.45, -0.75, facing) * inside
    light += (glint * (0.8 * strength))[..., None]
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
        fixed = np.rint(points * 16).astype(np.int32)
        thick = max(1, round(rng.uniform(0.03, 0.042) * side))
        cv2.polylines(canvas, [fixed], False, 255, thick, cv2.LINE_AA, shift=4)
    return soften(_share(canvas), 0.004 * side)


def _specks(height: int, width: int, rng: np.random.Generator) -> Field:
    """Draw grains: above 0 bright ones, below 0 dark ones, few of them large."""
    side = min(height, width)
    total = np.zeros((height, width), np.float32)
    for count, largest, weight in ((900, 0.0022, 0.8), (120, 0.0065, 0.75)):
        for sign in (1, -1):
            canvas = np.zeros((height, width), np.uint8)
            drawn = round(count * (1 if sign > 0 else 0.4) * max(height, width) / side)
            places = rng.random((drawn, 2)) * (width, height) * 16
            radii = rng.uniform(0.3, 1, drawn) * largest * side * 16
            for (x, y), radius in zip(
                places.astype(int).tolist(), radii.astype(int).tolist(), strict=True
            ):
                cv2.circle(canvas, (x, y), max(4, radius), 255, -1, cv2.LINE_AA, shift=4)
            total += soften(canvas.astype(np.float32), 0.0012 * side) * (sign * weight / 255)
    return total


def _fibres(height: int, width: int, rng: np.random.Generator) -> Field:
    """Draw a few curled fibres of cloth or paper."""
    side = min(height, width)
    canvas = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(7, 14))):
        turns = np.cumsum(rng.normal(0, 0.22, 24)) + rng.uniform(0, math.tau)
        step = rng.uniform(0.003, 0.008) * side
        path = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], axis=1) * step, axis=0)
        points = path + rng.random(2) * (width, height)
        fixed = np.rint(points * 16).astype(np.int32)
        thick = max(1, round(0.003 * side))
        cv2.polylines(canvas, [fixed], False, 255, thick, cv2.LINE_AA, shift=4)
    return soften(_share(canvas), 0.0012 * side)


def _drops(height: int, width: int, rng: np.random.Generator) -> Field:
    """Build the height of the water in pixels: a heap of caps, and trails that drops have run."""
    side = min(height, width)
    water = np.zeros((height, width), np.float32)
    amount = rng.uniform(0.75, 1.3) * max(height, width) / side
    for count, low, high in ((170, 0.006, 0.014), (45, 0.015, 0.032), (9, 0.035, 0.06)):
        for _ in range(round(count * amount)):
            radius = rng.uniform(low, high) * side
            stretch = rng.uniform(0.85, 1.3)
            _add_cap(water, rng.random() * width, rng.random() * height, radius, radius * stretch)
    for _ in range(int(rng.integers(1, 5))):
        _add_trail(water, rng)
    return soften(water, 0.002 * side)


def _add_cap(water: Field, x: float, y: float, radius_x: float, radius_y: float) -> None:
    """Heap one drop onto the water, where it is higher than what is there."""
    height, width = water.shape
    left, right = max(0, math.floor(x - radius_x)), min(width, math.ceil(x + radius_x) + 1)
    top, bottom = max(0, math.floor(y - radius_y)), min(height, math.ceil(y + radius_y) + 1)
    if left >= right or top >= bottom:
        return
    dx = (np.arange(left, right, dtype=np.float32) - x) / radius_x
    dy = (np.arange(top, bottom, dtype=np.float32) - y) / radius_y
    inside = np.maximum(1 - dx[None] ** 2 - dy[:, None] ** 2, 0)
    cap = np.sqrt(inside) * radius_x
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
