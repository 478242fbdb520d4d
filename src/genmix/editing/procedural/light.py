"""Looks of light: too little, too much, coloured, flickering, blocked, mirrored.

All of them work on linear light, where exposures multiply and lamps add up.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from genmix.editing.procedural.looks import look
from genmix.editing.procedural.tools import (
    Colour,
    Field,
    add_noise,
    brightness,
    develop,
    grain,
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

_NIGHT = ((0.72, 0.92, 1.35), (0.85, 1.05, 1.05), (1.25, 0.95, 0.62), (0.95, 0.95, 1.15))
_SUNS = ((1.06, 1.0, 0.92), (0.97, 1.0, 1.05), (1.05, 0.99, 1.0), (1.0, 1.0, 1.0))
_LAMPS = ((1.35, 0.78, 0.30), (1.45, 0.70, 0.18), (1.30, 0.86, 0.42), (1.50, 0.66, 0.26))
_TUBES = ((0.74, 1.12, 0.70), (0.82, 1.10, 0.86), (0.80, 1.14, 0.58))
_GLARES = ((1.0, 1.0, 1.0), (1.0, 0.93, 0.78), (0.86, 0.95, 1.0))


@look("low-light")
def low_light(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Cut the exposure by some stops, leave one weak pool of light, let the sensor noise show."""
    height, width = image.shape[:2]
    tint = _pick(rng, _NIGHT)
    level = rng.uniform(0.024, 0.048)
    pool = _pool(height, width, rng)
    dirt = grain(height, width, rng, 1 / 480)
    light = linear(image)
    lit = scene_light(image)
    # Towards 1 in what is dark already: two more stops would leave nothing.
    exposure = min(0.6 - 0.3 * lit, max(0.075, level / max(float(brightness(light).mean()), 1e-3)))
    light = mute(light, 0.45 * strength, tint**strength)
    light *= (((0.35 + 1.8 * pool) * exposure) ** strength)[..., None]
    return develop(add_noise(light, dirt, shot=1.5e-3, read=3.4e-3, gain=strength * lit))


@look("overexposed")
def overexposed(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Raise the exposure until bright areas clip, and let their light bleed over the edges."""
    height, width = image.shape[:2]
    tint = _pick(rng, _SUNS)
    stops = max(1.6, math.log2(_exposure_to(image, 0.5))) + rng.uniform(-0.3, 0.5)
    tilt = _slope(height, width, rng) * rng.uniform(0.6, 1.8)
    light = linear(image, tint**strength)
    light *= np.exp2((stops + tilt) * strength)[..., None]
    light += _bloom(light, 0.8, 0.40 * strength)
    # A knee before the clip keeps a trace of drawing in what is bright already.
    knee = 1 - 0.35 * strength
    room = 1.03 - knee
    over = np.maximum(light, knee)
    over -= knee
    over *= -1 / room
    np.expm1(over, out=over)
    over *= room
    np.minimum(light, knee, out=light)
    light -= over
    return develop(light)


@look("warm-lamp")
def warm_lamp(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Light the scene by one tungsten or sodium lamp beside it, with its fall-off and its haze."""
    height, width = image.shape[:2]
    colour = _pick(rng, _LAMPS)
    distance2 = _distance2(height, width, rng.uniform(0, math.tau), rng.uniform(0.35, 0.65))
    reach = rng.uniform(0.55, 0.8)
    fall = (1 + distance2 / reach**2) ** -1.6
    light = linear(image, colour**strength)
    light *= ((fall * (1.05 / float(fall.mean()))) ** strength)[..., None]
    haze = np.exp(distance2 * -7.0)
    light += tinted(haze, colour * np.float32(0.16 * scene_light(image) * strength))
    return develop(light)


@look("fluorescent-flicker")
def fluorescent_flicker(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Cast green and lay the bands that a rolling shutter draws under tubes on mains power.

    The phosphors glow on for different times, so the three channels dim with different depth and
    delay and each band has coloured borders.
    """
    upright = rng.random() < 0.25
    cycles = rng.uniform(2.2, 5.0)
    phase = rng.uniform(0, math.tau) + np.array([0.45, 0.0, -0.35], np.float32)
    depth = np.array([0.80, 0.62, 0.78], np.float32) * rng.uniform(0.9, 1.15)
    tint = _pick(rng, _TUBES)
    rows = image.shape[1] if upright else image.shape[0]
    turns = np.arange(rows, dtype=np.float32)[:, None] / rows * (cycles * math.tau)
    wave = (0.5 + 0.5 * np.cos(turns + phase)) ** 1.4
    lamp = (1.12 * (1 - depth * wave * strength) ** 1.3 * tint**strength).astype(np.float32)
    lamp *= np.float32(1.12 ** (strength - 1))
    return develop(linear(image) * (lamp[None] if upright else lamp[:, None]))


@look("hard-shadow")
def hard_shadow(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Let strong sun cast the shadow of slats, a window, poles, a fence or a roof on the scene.

    Shadows keep the blue light of the sky, and their borders soften with the caster's distance.
    """
    height, width = image.shape[:2]
    cast = _CASTERS[int(rng.integers(len(_CASTERS)))]
    across, along = _slanted_plane(height, width, rng)
    penumbra = (rng.uniform(0.004, 0.012) * (1.6 + 1.8 * along)).clip(0.003)
    lit = cast(across, along, penumbra, rng)
    shade = np.array([0.15, 0.18, 0.25], np.float32) * rng.uniform(0.8, 1.2)
    sun = np.array([1.12, 1.02, 0.86], np.float32) * min(2.0, max(1.1, _exposure_to(image, 0.4)))
    shade, sun = shade**strength, sun**strength
    light = linear(image)
    light *= tinted(lit, sun - shade, shade)
    return develop(light)


@look("glare")
def glare(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Shine a lamp into the lens, or mirror tubes or a window in the surface, and veil the rest."""
    height, width = image.shape[:2]
    kind = _GLINTS[int(rng.integers(len(_GLINTS)))]
    colour = _pick(rng, _GLARES)
    shine = kind(height, width, rng)
    bloom = soften(shine, 0.05 * min(height, width))
    light = linear(image)
    # The camera's automatic exposure gives way to the bright spot, if it has room to.
    light *= (1 - 0.5 * scene_light(image)) ** strength
    shine += bloom * np.float32(0.35)
    light += tinted(shine, colour * np.float32(strength), colour * np.float32(0.02 * strength))
    return develop(light)


def _lamp_in_lens(height: int, width: int, rng: np.random.Generator) -> Field:
    """A lamp with halo, rays and a row of ghosts mirrored through the middle of the lens."""
    x, y = plane(height, width)
    angle, away = rng.uniform(0, math.tau), rng.uniform(0.25, 0.42)
    lamp_x, lamp_y = away * math.cos(angle), away * math.sin(angle)
    dx, dy = x - lamp_x, y - lamp_y
    distance = np.sqrt(dx * dx + dy * dy)
    rays = np.cos(np.arctan2(dy, dx) * int(rng.integers(3, 6)) + rng.uniform(0, math.tau))
    shine = 4 * np.exp(distance**2 * -900) + 0.7 * np.exp(distance * -9)
    shine += rays**64 * np.exp(distance * -6.5) + 0.10 * np.exp(distance * -1.5)
    for share in rng.uniform(-1.6, 0.4, 5).tolist():
        radius = rng.uniform(0.02, 0.09)
        ghost = np.sqrt((x - share * lamp_x) ** 2 + (y - share * lamp_y) ** 2)
        shine += rng.uniform(0.05, 0.13) * smoothstep(radius, radius * 0.85, ghost)
    return shine.astype(np.float32)


def _mirrored_tubes(height: int, width: int, rng: np.random.Generator) -> Field:
    """Long lamps mirrored in a glossy, slightly uneven surface."""
    across, along = _slanted_plane(height, width, rng)
    uneven = noise(height, width, 0.7, rng, octaves=2) - 0.5
    across = across + 0.08 * uneven
    shine = np.zeros((height, width), np.float32)
    first, gap = rng.uniform(-0.30, 0.05), rng.uniform(0.2, 0.34)
    for tube in range(int(rng.integers(1, 4))):
        thick = rng.uniform(0.012, 0.024)
        bar = smoothstep(2.4, 0.3, np.abs(across - first - gap * tube) / thick)
        reach = rng.uniform(0.25, 0.6)
        shine += bar * smoothstep(1.0, 0.7, np.abs(along - rng.uniform(-0.2, 0.2)) / reach)
    return (shine * (0.75 + 1.1 * uneven)).astype(np.float32)


def _mirrored_window(height: int, width: int, rng: np.random.Generator) -> Field:
    """A row of bright window panes mirrored in a glossy, slightly uneven surface."""
    across, along = _slanted_plane(height, width, rng)
    uneven = noise(height, width, 0.6, rng, octaves=3) - 0.5
    across, along = across + 0.04 * uneven, along - 0.04 * uneven
    across, along = across - rng.uniform(-0.2, 0.2), along - rng.uniform(-0.3, 0.3)
    pane, high = rng.uniform(0.13, 0.18), rng.uniform(0.09, 0.15)
    blur = np.full_like(across, 0.010)
    panes = _inside(across, 2 * pane, blur) * _inside(along, high, blur)
    panes *= _stripes(across + pane / 2, pane, 0.88, blur)
    panes *= 1 - _inside(along - high * rng.uniform(-0.5, 0.5), 0.007, blur)
    return np.asarray(panes * (0.45 + 0.6 * uneven + 0.5 * across), np.float32)


_GLINTS = (_lamp_in_lens, _mirrored_tubes, _mirrored_window)


def _slats(across: Field, _along: Field, blur: Field, rng: np.random.Generator) -> Field:
    period = rng.uniform(0.10, 0.19)
    return _stripes(across + rng.uniform(0, period), period, rng.uniform(0.42, 0.58), blur)


def _window(across: Field, along: Field, blur: Field, rng: np.random.Generator) -> Field:
    across, along = across - rng.uniform(-0.12, 0.12), along - rng.uniform(-0.12, 0.12)
    pane, bar = rng.uniform(0.22, 0.32), rng.uniform(0.018, 0.03)
    frame = _inside(across, 1.5 * pane, blur) * _inside(along, pane, blur)
    return (
        frame
        * _stripes(across + pane / 2, pane, 1 - bar / pane, blur)
        * (1 - _inside(along, bar / 2, blur))
    )


def _poles(across: Field, along: Field, blur: Field, rng: np.random.Generator) -> Field:
    lit = 1 - _inside(along - rng.uniform(-0.35, 0.35), rng.uniform(0.02, 0.04), blur)
    at = rng.uniform(-0.5, -0.3)
    for _ in range(3):
        lit *= 1 - _inside(across - at, rng.uniform(0.025, 0.085), blur)
        at += rng.uniform(0.25, 0.42)
    return lit


def _fence(across: Field, along: Field, blur: Field, rng: np.random.Generator) -> Field:
    period = rng.uniform(0.11, 0.17)
    return _stripes(across, period, 0.78, blur) * _stripes(along, 1.4 * period, 0.84, blur)


def _roof(across: Field, along: Field, blur: Field, rng: np.random.Generator) -> Field:
    """A roof that covers one side, with a pole that stands out from it."""
    lit = smoothstep(-1, 1, (across - rng.uniform(-0.15, 0.1)) / blur)
    for _ in range(2):
        at = rng.uniform(-0.5, 0.5)
        lit *= 1 - _inside(along - at, rng.uniform(0.02, 0.05), blur) * (across < 0.4)
    return lit


_CASTERS = (_slats, _window, _poles, _fence, _roof)


def _stripes(position: Field, period: float, open_share: float, blur: Field) -> Field:
    """Light through gaps that repeat every `period` and are open for `open_share` of it."""
    from_gap = np.abs(np.mod(position / period, 1) - 0.5) - open_share / 2
    return smoothstep(1, -1, np.asarray(from_gap * period / blur, np.float32))


def _inside(position: Field, half_width: float, blur: Field) -> Field:
    return smoothstep(1, -1, np.asarray((np.abs(position) - half_width) / blur, np.float32))


def _slanted_plane(height: int, width: int, rng: np.random.Generator) -> tuple[Field, Field]:
    """Two axes, turned and in perspective, as a pattern falls on a floor seen at a slant."""
    x, y = plane(height, width)
    angle = rng.uniform(0, math.tau)
    skew = angle + math.pi / 2 + rng.uniform(-0.35, 0.35)
    depth = 1 + rng.uniform(-0.45, 0.45) * x + rng.uniform(-0.45, 0.45) * y
    depth = np.maximum(depth, 0.4)
    across = np.asarray((x * math.cos(angle) + y * math.sin(angle)) / depth, np.float32)
    along = np.asarray((x * math.cos(skew) + y * math.sin(skew)) / depth, np.float32)
    return across, along


def _bloom(light: Field, threshold: float, gain: float) -> Field:
    """Spread what exceeds a threshold; so soft a field is made at a quarter of the size."""
    height, width = light.shape[:2]
    small = (math.ceil(width / 4), math.ceil(height / 4))
    over = np.asarray(cv2.resize(light, small, interpolation=cv2.INTER_AREA), np.float32)
    over = np.clip(over - threshold, 0, 2) * gain
    over = soften(over, 0.035 * min(small))
    return np.asarray(cv2.resize(over, (width, height)), np.float32)


def _pool(height: int, width: int, rng: np.random.Generator) -> Field:
    """A soft round patch of light somewhere in the frame, 1 in its middle."""
    distance2 = _distance2(height, width, rng.uniform(0, math.tau), rng.uniform(0.1, 0.45))
    return np.exp(distance2 / -(rng.uniform(0.3, 0.5) ** 2))


def _distance2(height: int, width: int, angle: float, away: float) -> Field:
    """Squared distance, in shorter sides, from the point `away` from the centre."""
    x, y = plane(height, width)
    return (x - away * math.cos(angle)) ** 2 + (y - away * math.sin(angle)) ** 2


def _slope(height: int, width: int, rng: np.random.Generator) -> Field:
    """Rise along a direction of chance, 0 in the middle of the frame."""
    x, y = plane(height, width)
    angle = rng.uniform(0, math.tau)
    return x * math.cos(angle) + y * math.sin(angle)


def _exposure_to(image: Image, target: float) -> float:
    """Find the gain that takes the median of what is not background white to `target`."""
    side = (min(64, image.shape[1]), min(64, image.shape[0]))
    grey = brightness(
        linear(cv2.resize(image, side, interpolation=cv2.INTER_AREA).astype(np.uint8))
    )
    subject = grey[grey < 0.75]
    typical = float(np.median(subject)) if subject.size else 0.75
    return min(max(target / max(typical, 1e-3), 1.8), 5.5)


def _pick(rng: np.random.Generator, colours: Sequence[tuple[float, float, float]]) -> Colour:
    return np.array(colours[int(rng.integers(len(colours)))], np.float32)
