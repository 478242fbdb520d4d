"""Looks of the weather, in the yard or behind an open gate: fog and rain."""

import math

import cv2
import numpy as np

from genmix.editing.procedural.looks import look
from genmix.editing.procedural.tools import (
    Field,
    brightness,
    develop,
    drag,
    linear,
    noise,
    plane,
    smoothstep,
    soften,
)
from genmix.images import Image

_AIR = ((0.62, 0.64, 0.66), (0.55, 0.60, 0.68), (0.70, 0.66, 0.58), (0.50, 0.52, 0.53))


@look("fog")
def fog(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Fill the scene with drifting layers of fog, thicker towards the far end of the frame.

    Light is lost exponentially with depth (Koschmieder's law) and scattered, so that what is far
    turns pale and soft.
    """
    height, width = image.shape[:2]
    air = np.array(_AIR[int(rng.integers(len(_AIR)))], np.float32)
    depth = _fog_depth(height, width, rng)
    through = np.exp(depth * -strength)
    light = linear(image)
    hazy = soften(light, 0.012 * min(height, width) * strength)
    light += (hazy - light) * (1 - through)[..., None]
    light *= through[..., None]
    light += (1 - through)[..., None] * air
    return develop(light)


@look("rain")
def rain(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Let it rain: slanted streaks, many thin far ones and few broad near ones, in a dull light."""
    height, width = image.shape[:2]
    lean = rng.uniform(-0.55, 0.55)
    dull = np.array([0.82, 0.92, 1.0], np.float32) * rng.uniform(0.5, 0.65)
    streaks = _streaks(height, width, lean, rng)
    x, y = plane(height, width)
    mist = (0.14 + 0.16 * smoothstep(0.5, -0.5, y)) * strength
    light = linear(image)
    grey = brightness(light)
    sky = 0.35 + 0.5 * float(grey.mean())
    light += (grey[..., None] - light) * (0.45 * strength)
    light *= dull**strength
    light += (sky * 0.6 - light) * (mist + 0 * x)[..., None]
    # A drop gathers the light of the whole sky: it is about as bright wherever it falls.
    light += (sky - 0.7 * light) * (streaks * strength)[..., None]
    return develop(light)


def _fog_depth(height: int, width: int, rng: np.random.Generator) -> Field:
    """Draw how much fog lies before each pixel: a slope towards the horizon, banks and wisps."""
    x, y = plane(height, width)
    lean = rng.normal(0, 0.5)
    far = smoothstep(0.7, -0.6, y * math.cos(lean) + x * math.sin(lean))
    narrow = max(1, width // 3)
    banks = noise(height, narrow, rng.uniform(0.5, 1.2), rng, octaves=4)
    drift = np.asarray(cv2.resize(banks, (width, height), interpolation=cv2.INTER_CUBIC))
    depth = 0.45 + rng.uniform(0.9, 1.5) * far + rng.uniform(1.0, 1.8) * (drift - 0.45)
    return np.asarray(np.maximum(depth, 0.12), np.float32)


def _streaks(height: int, width: int, lean: float, rng: np.random.Generator) -> Field:
    """Draw three layers of streaks; nearer ones are fewer, longer, broader and less sharp."""
    side = min(height, width)
    total = np.zeros((height, width), np.float32)
    amount = rng.uniform(0.7, 1.4)
    for drops, length, breadth, weight in (
        (1300, 0.05, 0.0012, 0.45),
        (420, 0.10, 0.0022, 0.60),
        (45, 0.22, 0.0055, 0.55),
    ):
        layer = np.zeros((height, width), np.uint8)
        count = round(drops * amount * max(height, width) / side)
        start = rng.random((count, 2)) * (width * 1.4, height * 1.3) - (0.2 * width, 0.15 * height)
        slant = lean + rng.normal(0, 0.03, count)
        reach = side * length * rng.uniform(0.5, 1.3, count)
        end = start + np.stack([np.sin(slant), np.cos(slant)], axis=1) * reach[:, None]
        lines = np.rint(np.stack([start, end], axis=1) * 16).astype(np.int32)
        thick = max(1, round(breadth * side))
        cv2.polylines(layer, list(lines), False, 255, thick, cv2.LINE_AA, shift=4)
        field = soften(layer.astype(np.float32), max(0.5, breadth * side / 2))
        field = drag(
            field, math.sin(lean) * 0.3 * length * side, math.cos(lean) * 0.3 * length * side
        )
        total += field * (weight / 255)
    return np.minimum(total, 0.8)
