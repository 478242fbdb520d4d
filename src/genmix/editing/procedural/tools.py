"""Building blocks that several looks share: noise, tone, edges, texture. No look lives here.

Fields are float32, height x width, in [0, 1] unless said otherwise. Sizes are given as shares of
the shorter side, so that a look is the same at any resolution.
"""

import cv2
import numpy as np
import numpy.typing as npt

from genmix.images import Image

Field = npt.NDArray[np.float32]


def pixels(image: Image | Field, share: float, least: int = 1) -> int:
    """Turn a share of the shorter side into whole pixels, `least` or more."""
    return max(least, round(share * min(image.shape[:2])))


def noise(height: int, width: int, scale: float, rng: np.random.Generator, octaves: int = 4) -> Field:
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
    total = np.zeros((height, width), np.float32)
    cell = max(1.0, scale * min(height, width))
    for octave in range(octaves):
        rows, columns = (max(2, round(side / cell) + 2) for side in (height, width))
        grid = rng.random((rows, columns), dtype=np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.5**octave
        cell = max(1.0, cell / 2)
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


def lay(base: Image, colour: tuple[int, int, int] | Image, cover: Field) -> Image:
    """Lay a colour or a picture over `base`; `cover` 0 leaves the base, 1 hides it."""
    over = np.broadcast_to(np.asarray(colour, np.uint8), base.shape)
    mixed = base + (over.astype(np.float32) - base) * cover[..., None]
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
