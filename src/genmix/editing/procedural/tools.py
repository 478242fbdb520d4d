"""Building blocks that several looks share: noise, tone, edges, texture. No look lives here.

Fields are float32, height x width, in [0, 1] unless said otherwise. Sizes are given as shares of
the shorter side, so that a look is the same at any resolution.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from genmix.images import Image

Field = npt.NDArray[np.float32]
Colour = npt.NDArray[np.float32]


def pixels(image: Image | Field, share: float, least: int = 1) -> int:
    """Turn a share of the shorter side into whole pixels, `least` or more."""
    return max(least, round(share * min(image.shape[:2])))


def noise(
    height: int, width: int, scale: float, rng: np.random.Generator, octaves: int = 4
) -> Field:
    """Draw smooth fractional noise.

    Args:
        height: Rows.
        width: Columns.
        scale: Size of the largest blobs as a share of the shorter side.
        rng: The source of chance.
        octaves: Layers, each at half the size and half the weight of the one before.

    Returns:
        A field stretched to [0, 1].
    """
    total = np.zeros((2, 2), np.float32)
    cell = max(1.0, scale * min(height, width))
    # From coarse to fine, each octave on its own grid, so that only the last resize is a large one.
    for octave in range(octaves):
        rows, columns = (max(2, round(side / cell) + 2) for side in (height, width))
        total = np.asarray(cv2.resize(total, (columns, rows), interpolation=cv2.INTER_CUBIC))
        total += rng.random((rows, columns), dtype=np.float32) * np.float32(0.5**octave)
        cell = max(1.0, cell / 2)
    total = np.asarray(cv2.resize(total, (width, height), interpolation=cv2.INTER_CUBIC))
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def luminance(image: Image) -> Field:
    """Return the brightness that the eye sees (ITU-R BT.601), in [0, 1]."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255


def fade(original: Image, full: Image, strength: float) -> Image:
    """Go from the original (0) to the full look (1)."""
    if strength >= 1:
        return full
    return cv2.addWeighted(full, strength, original, 1 - strength, 0)


def sheet(height: int, width: int, colour: tuple[int, int, int]) -> Image:
    """Return an empty sheet of one colour."""
    blank = np.empty((height, width, 3), np.uint8)
    blank[:] = np.tile(np.array(colour, np.uint8), (width, 1))  # a row at a time is fast
    return blank


def lay(
    base: Image, colour: tuple[int, int, int] | Image, cover: npt.NDArray[np.floating[Any]]
) -> Image:
    """Lay a colour or a picture over `base`; `cover` 0 leaves the base, 1 hides it."""
    height, width = base.shape[:2]
    over = sheet(height, width, colour) if isinstance(colour, tuple) else colour
    # Weights that add up to 1 are left as they are; OpenCV only divides by their sum.
    share = np.clip(np.asarray(cover, np.float32), 0, 1)
    return np.asarray(cv2.blendLinear(over, base, share, 1 - share), np.uint8)


def linear(image: Image, tint: Colour | None = None) -> Field:
    """Undo the sRGB curve: float32 light, height x width x 3, in [0, 1] times the `tint`."""
    if tint is None:
        return np.asarray(cv2.LUT(image, _TO_LIGHT), np.float32)
    return np.asarray(cv2.LUT(image, _TO_LIGHT[:, None, None] * tint), np.float32)


def develop(light: Field) -> Image:
    """Clip light to [0, 1] and apply the sRGB curve, as a camera does; `linear` backwards."""
    index = light * np.float32(_STEPS)
    index += np.float32(0.5)
    np.clip(index, 0, _STEPS, out=index)
    return _FROM_LIGHT[index.astype(np.uint16)]


def brightness(light: Field) -> Field:
    """Return the luminance of linear light (ITU-R BT.709)."""
    return np.asarray(cv2.transform(light, _BT709), np.float32)


def mute(light: Field, share: float, tint: Colour | None = None) -> Field:
    """Take a share of the colour out of light, then tint it."""
    matrix = np.eye(3, dtype=np.float32) * (1 - share) + _BT709 * share
    return np.asarray(cv2.transform(light, matrix if tint is None else matrix * tint[:, None]))


def tinted(field: Field, colour: Colour, base: Colour | None = None) -> Field:
    """Turn a plain field into light of a colour: `base + field * colour`."""
    columns = [colour] if base is None else [colour, base]
    return np.asarray(cv2.transform(field, np.stack(columns, axis=1)), np.float32)


def scene_light(image: Image) -> float:
    """Tell how well lit a scene is: 1 in an ordinary photo, less the darker its bright parts are.

    What a look adds (fog, noise, dust in the light) is scaled by it, or it would bury a dark photo.
    """
    side = (min(64, image.shape[1]), min(64, image.shape[0]))
    small = np.asarray(cv2.resize(image, side, interpolation=cv2.INTER_AREA), np.uint8)
    bright = float(np.percentile(brightness(linear(small)), 85))
    return min(1.0, max(0.06, bright / 0.2))


def draw_path(canvas: Image, points: npt.NDArray[np.float64], shade: float, thick: int) -> None:
    """Draw an open line through points (x, y), to a sixteenth of a pixel, on a canvas of bytes."""
    fixed = np.rint(points * 16).astype(np.int32)
    cv2.polylines(canvas, [fixed], False, shade, thick, cv2.LINE_AA, shift=4)


def plane(height: int, width: int) -> tuple[Field, Field]:
    """Return x (rightwards) and y (downwards) of each pixel from the centre, in shorter sides.

    They broadcast: x is 1 x width, y is height x 1.
    """
    side = min(height, width)
    x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / side
    y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / side
    return x[None].astype(np.float32), y[:, None].astype(np.float32)


def smoothstep(low: float, high: float, field: Field) -> Field:
    """Rise from 0 at `low` to 1 at `high` without corners; `high` below `low` falls instead."""
    t = np.asarray((field - np.float32(low)) * np.float32(1 / (high - low)), np.float32)
    t = np.clip(t, 0, 1, out=t if t.ndim else None)
    rise = t * t
    t = 3 - 2 * t
    return np.asarray(rise * t, np.float32)


def soften(field: Field, sigma: float) -> Field:
    """Blur by a Gaussian of `sigma` pixels; a wide one is made at a smaller size."""
    height, width = field.shape[:2]
    if sigma < 0.2:
        return field.copy()
    cut = max(1.0, sigma / 3)
    if cut < 1.5:
        blurred = cv2.GaussianBlur(field, (0, 0), sigma)
    else:
        small = (max(1, round(width / cut)), max(1, round(height / cut)))
        blurred = cv2.resize(field, small, interpolation=cv2.INTER_AREA)
        blurred = cv2.GaussianBlur(blurred, (0, 0), sigma / cut)
        blurred = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(blurred, np.float32)


def drag(field: Field, dx: float, dy: float, turn: float = 0.0) -> Field:
    """Average a field along a motion, as a shutter that stays open does.

    Args:
        field: Light or a plain field.
        dx: Motion to the right in pixels.
        dy: Motion downwards in pixels.
        turn: Rotation about the centre in radians, at the same time.

    Returns:
        The average over the motion, centred on the place where the field was.
    """
    height, width = field.shape[:2]
    path = np.hypot(dx, dy) + abs(turn) * max(height, width) / 2
    doublings = max(0, int(np.ceil(np.log2(max(path, 1.0)))) + (path > 0.25))
    taps = 1 << doublings
    # A field averaged with itself moved by 1, 2, 4, ... steps has soon covered the whole path.
    blurred = _move(field, dx, dy, turn, -(taps - 1) / (2 * taps))
    for doubling in range(doublings):
        moved = _move(blurred, dx, dy, turn, (1 << doubling) / taps)
        blurred = np.asarray(cv2.addWeighted(blurred, 0.5, moved, 0.5, 0), np.float32)
    return blurred


def grain(height: int, width: int, rng: np.random.Generator, size: float = 1 / 640) -> Field:
    """Draw three planes of Gaussian noise of unit deviation, height x width x 3.

    Args:
        height: Rows.
        width: Columns.
        rng: The source of chance.
        size: A grain's size as a share of the shorter side; never below one pixel.
    """
    cell = max(1.0, size * min(height, width))
    rows, columns = (max(1, round(side / cell)) for side in (height, width))
    # Three windows of one draw are as good as three draws to the eye, at a third of the time.
    drawn = rng.standard_normal((rows + 14, columns + 10), dtype=np.float32)
    planes = cv2.merge([drawn[7 * k : 7 * k + rows, 5 * k : 5 * k + columns] for k in range(3)])
    if (rows, columns) != (height, width):
        planes = cv2.resize(planes, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(planes, np.float32).reshape(height, width, 3)


def add_noise(light: Field, dirt: Field, shot: float, read: float, gain: float) -> Field:
    """Add a sensor's noise to light, in place.

    Args:
        light: Is changed.
        dirt: Unit noise, as `grain` draws it.
        shot: Variance for each unit of light, as photons come by chance.
        read: Deviation that is there without light.
        gain: Scales all of it.

    Returns:
        The same `light`.
    """
    deviation = light * np.float32(shot)
    deviation += np.float32(read**2)
    np.sqrt(deviation, out=deviation)
    deviation *= dirt
    deviation *= np.float32(gain)
    light += deviation
    return light


def _move(field: Field, dx: float, dy: float, turn: float, share: float) -> Field:
    """Move a field along `share` of a motion; shares add up: moving 0.1 and 0.2 is moving 0.3."""
    height, width = field.shape[:2]
    spin = complex(0, turn)
    rotation = np.exp(spin * share)
    offset = complex(dx, dy) * (share if turn == 0 else (rotation - 1) / spin)
    centre = complex((width - 1) / 2, (height - 1) / 2)
    offset += centre - rotation * centre
    matrix = np.array(
        [[rotation.real, -rotation.imag, offset.real], [rotation.imag, rotation.real, offset.imag]]
    )
    moved = cv2.warpAffine(field, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.float32)


def _srgb_curve(steps: int) -> npt.NDArray[np.float64]:
    """Return the sRGB code, in [0, 1], of evenly spaced light."""
    light = np.arange(steps + 1) / steps
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


_CODES = np.arange(256) / 255
_TO_LIGHT = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)
_STEPS = 16383
_FROM_LIGHT = np.rint(255 * _srgb_curve(_STEPS)).astype(np.uint8)
_BT709 = np.array([[0.2126, 0.7152, 0.0722]], np.float32)
