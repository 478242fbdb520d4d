"""Looks of the lens and the sensor: moved, out of focus, scratched, smeared, old, noisy."""

import math

import cv2
import numpy as np

from genmix.editing.procedural.looks import look
from genmix.editing.procedural.tools import (
    Field,
    add_noise,
    brightness,
    develop,
    drag,
    draw_path,
    grain,
    linear,
    noise,
    plane,
    scene_light,
    smoothstep,
    soften,
    tinted,
)
from genmix.images import Image

_BLOCK = 8
_WHERE = np.arange(_BLOCK)
_DCT = np.sqrt(2 / _BLOCK) * np.cos((_WHERE + 0.5) * _WHERE[:, None] * (math.pi / _BLOCK))
_DCT[0] /= math.sqrt(2)
_DCT = _DCT.astype(np.float32)
"""The cosine transform of eight samples: what JPEG and the codecs of old cameras cut up."""

_CODE_STEPS = (0.03 + 0.012 * (_WHERE + _WHERE[:, None])).astype(np.float32)
"""How coarsely a codec at low quality keeps each coefficient: the finer the detail, the coarser."""


@look("motion-blur")
def motion_blur(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Keep the shutter open while the scene moves along a line, with a slight turn.

    The average is taken in light, so that what is bright draws a streak.
    """
    angle = rng.uniform(0, math.pi)
    path = rng.uniform(0.055, 0.09) * strength * min(image.shape[:2])
    turn = rng.uniform(-0.03, 0.03) * strength
    light = _with_highlights(linear(image), strength)
    return develop(drag(light, path * math.cos(angle), path * math.sin(angle), turn))


@look("defocus")
def defocus(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Spread each point into the disc of the aperture, more on one side of a slanted focus plane.

    The disc is round or has blades, and what is bright shows its shape.
    """
    height, width = image.shape[:2]
    blades = int(rng.choice([0, 5, 6, 7, 8]))
    turn, rim = rng.uniform(0, math.tau), rng.uniform(-0.4, 0.8)
    radius = max(1.4, rng.uniform(0.020, 0.032) * min(height, width)) * strength
    x, y = plane(height, width)
    slope = rng.uniform(0, math.tau)
    near = smoothstep(-0.45, 0.45, x * math.cos(slope) + y * math.sin(slope))
    light = _with_highlights(linear(image), strength)
    sharper = _through_aperture(light, 0.7 * radius, blades, turn, rim)
    softer = _through_aperture(light, 1.2 * radius, blades, turn, rim)
    softer -= sharper
    softer *= near[..., None]
    sharper += softer
    return develop(sharper)


@look("scratched-lens")
def scratched_lens(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Put a scratched cover before the lens: bright and dark hair lines, streaks of stray light."""
    height, width = image.shape[:2]
    side = min(height, width)
    wiped = rng.uniform(0, math.pi)
    cuts = _scratches(height, width, wiped, rng)
    lit_from = rng.uniform(0, math.tau)
    shift = np.array(
        [[1, 0, math.cos(lit_from) * side / 250], [0, 1, math.sin(lit_from) * side / 250]]
    )
    edge = cuts - np.asarray(cv2.warpAffine(cuts, shift, (width, height)), np.float32)
    light = linear(image)
    grey = brightness(light)
    around = soften(grey, 0.12 * side)
    small = cv2.resize(np.maximum(grey - 0.45, 0), (max(1, width // 4), max(1, height // 4)))
    reach = 0.11 * side
    flare = drag(np.asarray(small, np.float32), -reach * math.sin(wiped), reach * math.cos(wiped))
    flare = np.asarray(cv2.resize(flare, (width, height)), np.float32)
    veil = 0.5 * flare + 0.06 * around
    glint = np.maximum(edge, 0) * (0.35 + 0.9 * around)
    light *= (1 - (0.12 + 0.62 * np.maximum(-edge, 0)) * strength)[..., None]
    light += ((glint + veil) * strength)[..., None]
    return develop(light)


@look("oil-smudge")
def oil_smudge(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Smear grease over the lens: wiped streaks and fingerprints that blur and veil in patches."""
    height, width = image.shape[:2]
    side = min(height, width)
    wiped = rng.uniform(0, math.pi)
    grease = _wipes(height, width, wiped, rng)
    prints = _fingerprints(height, width, rng)
    tint = np.array([1.0, 0.96, 0.86], np.float32) ** rng.uniform(0, 1.5)
    light = linear(image)
    # What is smeared needs few pixels: it is made at half the size.
    half = (math.ceil(width / 2), math.ceil(height / 2))
    small = np.asarray(cv2.resize(light, half, interpolation=cv2.INTER_AREA), np.float32)
    veil = soften(brightness(small), 0.1 * side) * 0.46 + 0.07 * scene_light(image)
    path = 0.045 * side * strength
    smeared = soften(small, 0.009 * side * strength)
    smeared = drag(smeared, path * math.cos(wiped), path * math.sin(wiped))
    smeared *= 1 - 0.46 * strength * tint
    smeared += tinted(veil, strength * tint)
    over = np.asarray(cv2.resize(smeared, (width, height)), np.float32)
    over -= light
    over *= (np.clip(grease + prints, 0, 1) * min(1.0, 1.5 * strength))[..., None]
    light += over
    # Between the streaks the film is thinner: its ridges catch the light of the scene.
    ridges = grease - soften(grease, 0.015 * side)
    ridges *= 0.5 * strength * float(veil.mean())
    light += ridges[..., None]
    return develop(light)


@look("older-camera")
def older_camera(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Take the photo with an old surveillance camera or an early digital one.

    Few lines, colour fringes towards the corners, little dynamic range, smeared colour, dark
    corners; then either interlaced fields and scan lines, or the blocks of a coarse codec.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    analogue = bool(rng.random() < 0.5)
    lines = min(side, max(0.55 * side, 30), rng.uniform(150, 200))
    shrink = (side / lines) ** strength
    tint = rng.uniform(0.86, 1.12, 3).astype(np.float32)
    rows, columns = (max(4, round(extent / shrink)) for extent in (height, width))
    small = np.asarray(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    light = _fringes(linear(small), rng.uniform(0.008, 0.016) * strength)
    x, y = plane(rows, columns)
    light *= (
        np.exp((x * x + y * y) * (-2.0 * side / max(height, width) * strength))[..., None]
        * tint**strength
    )
    lit = scene_light(image)
    light += grain(rows, columns, rng) * (0.022 * lit * strength)
    tones = develop((light - 0.010 * lit * strength) * 2 ** (0.55 * strength))
    code = np.asarray(cv2.cvtColor(tones, cv2.COLOR_RGB2YCrCb), np.float32) / np.float32(255)
    code = _smear_colour(code, strength)
    code = _interlace(code, rng, strength) if analogue else _blocks(code, strength * lit**0.4)
    code8 = np.clip(np.rint(code * 255), 0, 255).astype(np.uint8)
    coarse = cv2.cvtColor(code8, cv2.COLOR_YCrCb2RGB)
    return np.asarray(cv2.resize(coarse, (width, height)), np.uint8)


@look("sensor-noise")
def sensor_noise(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Turn the gain up: coloured shot and read noise, stripes of the rows, blotches, hot pixels."""
    height, width = image.shape[:2]
    gain = rng.uniform(0.8, 1.25) * strength * scene_light(image) ** 0.8
    upright = bool(rng.random() < 0.5)
    colours = rng.uniform(0.75, 1.35, 3).astype(np.float32)
    light = linear(image)
    dirt = grain(height, width, rng, 1 / 420)
    dirt *= colours
    add_noise(light, dirt, shot=0.035, read=0.033, gain=gain)
    blotch = [(noise(height, width, 0.06, rng, 2) - 0.5) * (0.08 * gain) for _ in range(3)]
    light += np.asarray(cv2.merge(blotch), np.float32)
    stripes = rng.standard_normal((1, width, 1) if upright else (height, 1, 1), dtype=np.float32)
    light += stripes * (0.014 * gain)
    hot = round(0.0008 * height * width)
    at = rng.integers(height, size=hot), rng.integers(width, size=hot)
    light[at] += rng.random((hot, 3), dtype=np.float32) * (0.9 * gain)
    return develop(light)


def _with_highlights(light: Field, strength: float) -> Field:
    """Give back to clipped highlights, in place, some of the light that the camera cut off."""
    excess = np.maximum(light, 0.85)
    excess -= 0.85
    excess *= 3.0 * strength
    light += excess
    return light


def _through_aperture(light: Field, radius: float, blades: int, turn: float, rim: float) -> Field:
    """Convolve with an aperture of this radius in pixels; a large one at a smaller size."""
    height, width = light.shape[:2]
    cut = max(1.0, radius / 5)
    rows, columns = max(1, round(height / cut)), max(1, round(width / cut))
    kernel = _aperture(radius / cut, blades, turn, rim)
    blurred = cv2.resize(light, (columns, rows), interpolation=cv2.INTER_AREA)
    blurred = cv2.filter2D(blurred, -1, kernel, borderType=cv2.BORDER_REFLECT)
    if (rows, columns) != (height, width):
        blurred = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(blurred, np.float32)


def _aperture(radius: float, blades: int, turn: float, rim: float) -> Field:
    """Draw the disc of an aperture, sum 1; `rim` above 0 makes its border brighter."""
    reach = math.ceil(radius)
    x = np.arange(-reach, reach + 1, dtype=np.float32)
    distance = np.sqrt(x * x + x[:, None] ** 2)
    if blades:
        sector = math.tau / blades
        angle = np.mod(np.arctan2(x[:, None], x) + turn, sector) - sector / 2
        distance = np.asarray(distance * np.cos(angle) / math.cos(sector / 2) ** 0.5, np.float32)
    disc = np.clip(radius + 0.5 - distance, 0, 1)
    disc *= 1 + rim * (distance / max(radius, 0.5)) ** 2
    return np.asarray(disc / disc.sum(), np.float32)


def _scratches(height: int, width: int, wiped: float, rng: np.random.Generator) -> Field:
    """Draw hair lines, most along the direction in which the cover was wiped, a few deep ones."""
    canvas = np.zeros((height, width), np.uint8)
    side = min(height, width)
    steps = np.linspace(-0.5, 0.5, 12)
    # A line is never thinner than a pixel: small pictures get fewer.
    for stroke in range(round(110 * min(1.0, max(0.25, side / 300)))):
        deep = stroke < 7
        angle = wiped + rng.normal(0, 0.22) if rng.random() < 0.75 else rng.uniform(0, math.pi)
        length = side * (rng.uniform(0.4, 1.1) if deep else rng.exponential(0.22) + 0.04)
        bend = rng.normal(0, 0.12) * length
        middle = rng.random(2) * (width, height)
        along, across = steps * length, (steps**2 * 4) * bend
        points = np.stack(
            [
                middle[0] + along * math.cos(angle) - across * math.sin(angle),
                middle[1] + along * math.sin(angle) + across * math.cos(angle),
            ],
            axis=1,
        )
        depth = rng.uniform(170, 255) if deep else rng.uniform(40, 170)
        thick = max(1, round(side * (rng.uniform(0.003, 0.007) if deep else 0.0018)))
        # Thin ends: the thick line is the middle of the thin one.
        draw_path(canvas, points, depth, 1)
        draw_path(canvas, points[2:-2], depth, thick)
    return soften(np.asarray(canvas, np.float32) / np.float32(255), 0.0014 * side)


def _wipes(height: int, width: int, wiped: float, rng: np.random.Generator) -> Field:
    """Draw where grease lies: broad wipes along one direction, streaked as a cloth leaves them."""
    side = min(height, width) / 2
    dx, dy = 0.7 * side * math.cos(wiped), 0.7 * side * math.sin(wiped)
    # A margin, so that no streak is mirrored at the border of the picture.
    margin = math.ceil(0.36 * side)
    rows, columns = math.ceil(height / 2) + 2 * margin, math.ceil(width / 2) + 2 * margin
    patches = noise(rows, columns, 0.35, rng, octaves=2)
    clean, covered = np.percentile(patches, (rng.uniform(20, 45), 75)).tolist()
    patches = smoothstep(clean, max(covered, clean + 0.05), patches)
    streaks = soften(rng.random((rows, columns), dtype=np.float32), 0.006 * side)
    streaks = drag(streaks, dx, dy)
    streaks = (streaks - streaks.mean()) / max(float(streaks.std()), 1e-6)
    grease = drag(patches, 0.2 * dx, 0.2 * dy)
    grease = np.clip(grease * (0.75 + 0.26 * streaks), 0, 1)
    grease = np.ascontiguousarray(grease[margin : rows - margin, margin : columns - margin])
    return np.asarray(cv2.resize(grease, (width, height)), np.float32)


def _fingerprints(height: int, width: int, rng: np.random.Generator) -> Field:
    """Press one to three fingers on the lens: ovals of looping ridges, worn away in places."""
    side = min(height, width)
    total = np.zeros((height, width), np.float32)
    extent = max(2, round(0.34 * side))
    for _ in range(int(rng.integers(1, 4))):
        finger = _fingerprint(extent, side, rng)
        left = round(rng.uniform(0.05, 0.95) * width - extent / 2)
        top = round(rng.uniform(0.05, 0.95) * height - extent / 2)
        across = slice(max(0, left), min(width, left + extent))
        down = slice(max(0, top), min(height, top + extent))
        total[down, across] += finger[
            down.start - top : down.stop - top, across.start - left : across.stop - left
        ]
    return total


def _fingerprint(extent: int, side: int, rng: np.random.Generator) -> Field:
    """Draw one fingerprint in a square of `extent` pixels; lengths are shares of `side`."""
    x, y = plane(extent, extent)
    x, y = x * (extent / side), y * (extent / side)
    angle, ridge = rng.uniform(0, math.tau), rng.uniform(0.011, 0.014)
    u = x * math.cos(angle) + y * math.sin(angle)
    v = y * math.cos(angle) - x * math.sin(angle)
    oval = np.asarray(np.sqrt((u / 0.15) ** 2 + (v / 0.105) ** 2), np.float32)
    uneven = noise(extent, extent, 0.35, rng, octaves=3)
    inside = smoothstep(1.02, 0.7, oval + 0.3 * (uneven - 0.5))
    loops = np.sqrt((u + rng.uniform(-0.05, 0.05) - 6 * v * v) ** 2 + (1.5 * v) ** 2)
    waves = np.sin(loops * (math.tau / ridge) + 9 * uneven)
    # Ridges finer than the pixels would only make a moire.
    contrast = min(max(ridge * side - 1.5, 0), 1) * smoothstep(0.2, 0.6, uneven)
    return np.asarray(inside * (0.48 + 0.46 * contrast * waves), np.float32)


def _fringes(light: Field, spread: float) -> Field:
    """Magnify red a little and shrink blue, as a simple lens does."""
    height, width = light.shape[:2]
    planes = list(cv2.split(light))
    for plane_index, zoom in ((0, 1 + spread), (2, 1 - spread)):
        shift_x, shift_y = (1 - zoom) * (width - 1) / 2, (1 - zoom) * (height - 1) / 2
        matrix = np.array([[zoom, 0, shift_x], [0, zoom, shift_y]])
        planes[plane_index] = cv2.warpAffine(
            planes[plane_index], matrix, (width, height), borderMode=cv2.BORDER_REPLICATE
        )
    return np.asarray(cv2.merge(planes), np.float32)


def _smear_colour(code: Field, strength: float) -> Field:
    """Blur colour sideways and pale it: old signals carry far fewer colours than lines."""
    reach = 1 + 2 * round(3 * strength)
    blurred = np.asarray(cv2.blur(code, (reach, 1)), np.float32)
    blurred[..., 0] = code[..., 0]
    blurred[..., 1:] = 0.5 + (blurred[..., 1:] - 0.5) * (1 - 0.45 * strength)
    return blurred


def _interlace(code: Field, rng: np.random.Generator, strength: float) -> Field:
    """Shift every other line, darken between lines, and let some lines jitter."""
    rows, columns = code.shape[:2]
    shift = np.zeros(rows, np.float32)
    shift[1::2] = rng.uniform(0.006, 0.012) * columns * rng.choice([-1, 1])
    shift += rng.normal(0, 0.0012 * columns, rows).astype(np.float32)
    at_x = np.arange(columns, dtype=np.float32) + (shift * strength)[:, None]
    at_y = np.broadcast_to(np.arange(rows, dtype=np.float32)[:, None], at_x.shape)
    woven = cv2.remap(
        code, at_x, np.ascontiguousarray(at_y), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    woven[::2, :, 0] *= 1 - 0.22 * strength
    return np.asarray(woven, np.float32)


def _blocks(code: Field, strength: float) -> Field:
    """Cut the picture into blocks of eight and keep their cosine coefficients coarsely."""
    rows, columns = code.shape[:2]
    below, beside = -rows % _BLOCK, -columns % _BLOCK
    padded = cv2.copyMakeBorder(code, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    tiles = np.asarray(padded, np.float32).reshape(
        (rows + below) // _BLOCK, _BLOCK, (columns + beside) // _BLOCK, _BLOCK, 3
    )
    tiles = tiles.transpose(0, 2, 4, 1, 3)
    # In a small picture a block covers much: it must keep more.
    step = _CODE_STEPS * (2.5 * strength * min(1.0, min(rows, columns) / 110))
    kept = np.rint((_DCT @ tiles @ _DCT.T) / step) * step
    decoded = (_DCT.T @ kept @ _DCT).transpose(0, 3, 1, 4, 2)
    return np.asarray(decoded.reshape(padded.shape)[:rows, :columns], np.float32)
