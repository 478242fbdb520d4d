"""Looks of the weather, in the yard or behind an open gate: fog and rain."""

import math

import cv2
import numpy as np
import numpy.typing as npt

from genmix.editing.procedural.looks import look
from genmix.editing.procedural.tools import (
    Field,
    brightness,
    develop,
    drag,
    linear,
    mute,
    noise,
    plane,
    scene_light,
    smoothstep,
    soften,
    tinted,
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
    air = np.array(_AIR[int(rng.integers(len(_AIR)))], np.float32) * scene_light(image)
    depth = _fog_depth(height, width, rng)
    through = np.exp(depth * -strength)
    light = linear(image)
    hazy = soften(light, 0.012 * min(height, width) * strength)
    # The more fog, the more of what comes through is scattered: sharp t^2, soft t (1 - t).
    light *= (through**2)[..., None]
    hazy *= (through * (1 - through))[..., None]
    light += hazy
    light += tinted(1 - through, air)
    return develop(light)


@look("rain")
def rain(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Let it rain: slanted streaks, many thin far ones and few broad near ones, in a dull light."""
    height, width = image.shape[:2]
    lean = rng.uniform(-0.55, 0.55)
    dull = np.array([0.82, 0.92, 1.0], np.float32) * rng.uniform(0.5, 0.65)
    streaks = _streaks(height, width, lean, rng)
    _, y = plane(height, width)
    mist = (0.14 + 0.16 * smoothstep(0.5, -0.5, y)) * strength
    light = linear(image)
    sky = 0.35 * scene_light(image) + 0.5 * float(brightness(light).mean())
    light = mute(light, 0.45 * strength, dull**strength)
    # A drop gathers the light of the whole sky: it is about as bright wherever it falls.
    streaks *= strength
    light *= ((1 - mist) * (1 - 0.7 * streaks))[..., None]
    light += (mist * (1 - 0.7 * streaks) * (0.6 * sky) + streaks * sky)[..., None]
    return develop(light)


def _fog_depth(height: int, width: int, rng: np.random.Generator) -> Field:
    """Draw how much fog lies before each pixel: a slope towards the horizon, banks and wisps."""
    x, y = plane(height, width)
    lean = rng.normal(0, 0.5)
    far = smoothstep(0.7, -0.6, y * math.cos(lean) + x * math.sin(lean))
    narrow = max(1, width // 3)
    banks = noise(height, narrow, rng.uniform(0.5, 1.2), rng, octaves=4)
    drift = np.asarray(cv2.resize(banks, (width, height), interpolation=cv2.INTER_CUBIC))
    depth = 0.40 + rng.uniform(0.8, 1.3) * far + rng.uniform(0.9, 1.6) * (drift - 0.45)
    # Thicker than this, the fog would hide what the photo shows.
    return np.asarray(1.5 * np.tanh(np.maximum(depth, 0.12) / 1.5), np.float32)


def _streaks(height: int, width: int, lean: float, rng: np.random.Generator) -> Field:
    """Draw three layers of streaks; nearer ones are fewer, longer, broader and less sharp."""
    side = min(height, width)
    total = np.zeros((height, width), np.float32)
    amount = rng.uniform(0.7, 1.5) * max(height, width) / side
    for drops, length, breadth, weight in (
        (1100, 0.035, 0.0010, 0.70),
        (330, 0.075, 0.0020, 0.75),
        (30, 0.17, 0.0055, 0.55),
    ):
        layer = np.zeros((height, width), np.uint8)
        thick = max(1, round(breadth * side))
        # Three brightnesses: drops fall at all distances and cross the shutter at all times.
        for shine in (90, 160, 255):
            lines = _falling(height, width, lean, round(drops * amount / 3), length, rng)
            cv2.polylines(layer, lines, False, shine, thick, cv2.LINE_AA, shift=4)
        field = soften(np.asarray(layer, np.float32), max(0.4, 0.5 * breadth * side))
        # A line is never thinner than a pixel: in small pictures it covers less of it.
        total += field * (weight / 255 * min(1.0, math.sqrt(breadth * side / thick)))
    blur = 0.025 * side
    return np.minimum(drag(total, math.sin(lean) * blur, math.cos(lean) * blur), 0.8)


def _falling(
    height: int, width: int, lean: float, count: int, length: float, rng: np.random.Generator
) -> list[npt.NDArray[np.int32]]:
    """Place `count` lines that slant by about `lean`, as polylines in sixteenths of a pixel."""
    start = rng.random((count, 2)) * (1.4 * width, 1.3 * height) - (0.2 * width, 0.15 * height)
    slant = lean + rng.normal(0, 0.03, count)
    reach = min(height, width) * length * rng.uniform(0.4, 1.4, count)
    end = start + np.stack([np.sin(slant), np.cos(slant)], axis=1) * reach[:, None]
    return list(np.rint(np.stack([start, end], axis=1) * 16).astype(np.int32))
