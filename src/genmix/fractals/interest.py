"""How much there is to see in a picture, so that dull draws can be thrown away."""

from typing import NamedTuple

import cv2
import numpy as np

from genmix.images import Image, resize

_SIDE = 128
"""Pictures are measured at this size, so that the measures mean the same at every size."""


class Interest(NamedTuple):
    """What was measured on a picture, each the higher the better.

    Attributes:
        entropy: Of the luminance in 64 levels, in bits, 0 to 6.
        detail: Mean difference of the luminance from its surroundings, in levels of 255.
        isotropy: How much luminance changes along the direction in which it changes least, as a
            share of how much along the one in which it changes most; 0 for stripes.
        unevenness: 1 minus the share of the largest connected area that is flat.
        coherence: Correlation of the luminance of neighbouring pixels; 0 for pure noise.
        colourfulness: After Hasler and Süsstrunk, "Measuring colourfulness in natural images",
            2003; about 15 is slightly, 45 quite, 80 very colourful.
        brightness: Mean luminance, 0 to 255.
    """

    entropy: float
    detail: float
    isotropy: float
    unevenness: float
    coherence: float
    colourfulness: float
    brightness: float

    @property
    def score(self) -> float:
        """The worst measure as a multiple of what is asked of it; below 1 the picture is dull."""
        return min(has / asked for has, asked in zip(self, ENOUGH, strict=True))

    @property
    def dull(self) -> bool:
        """Whether any measure is below what is asked."""
        return self.score < 1


ENOUGH = Interest(
    entropy=4.3,
    detail=4.0,
    isotropy=0.1,
    unevenness=0.8,
    coherence=0.62,
    colourfulness=45.0,
    brightness=60.0,
)
"""What is asked of each measure; docs/fractals.md shows what lies on either side."""


def interest(image: Image) -> Interest:
    """Measure how much there is to see.

    Args:
        image: uint8, height x width x 3, RGB, any size.

    Returns:
        The measures; `Interest.dull` says whether they suffice.
    """
    small = resize(image, _SIDE, _SIDE)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    levels = np.bincount((grey >> 2).ravel(), minlength=64) / grey.size
    seen = levels[levels > 0]
    return Interest(
        entropy=float(-(seen * np.log2(seen)).sum()),
        detail=_detail(grey),
        isotropy=_isotropy(grey),
        unevenness=1 - _largest_flat_share(small),
        coherence=_coherence(grey),
        colourfulness=_colourfulness(small),
        brightness=float(grey.mean()),
    )


def _detail(grey: Image) -> float:
    return float(cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), 1.5)).mean())


def _isotropy(grey: Image) -> float:
    """Compare the eigenvalues of the structure tensor of the whole picture."""
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    tensor = [[(a * b).mean(dtype=np.float64) for a in (across, down)] for b in (across, down)]
    least, most = np.linalg.eigvalsh(np.array(tensor))
    return float(least / most) if most > 0 else 0.0


def _largest_flat_share(image: Image) -> float:
    """Measure the largest connected area within which 5 x 5 pixels never differ by 12 levels."""
    window = np.ones((5, 5), np.uint8)
    spread = cv2.subtract(cv2.dilate(image, window), cv2.erode(image, window)).max(axis=2)
    flat = (spread < 12).astype(np.uint8)
    _, _, statistics, _ = cv2.connectedComponentsWithStats(flat, connectivity=4)
    largest = statistics[1:, cv2.CC_STAT_AREA].max(initial=0)
    return float(largest) / flat.size


def _coherence(grey: Image) -> float:
    centred = grey.astype(np.float32) - grey.mean(dtype=np.float32)
    variance = float(np.square(centred).mean())
    if variance == 0:
        return 1.0
    across = float((centred[:, 1:] * centred[:, :-1]).mean())
    down = float((centred[1:] * centred[:-1]).mean())
    return (across + down) / 2 / variance


def _colourfulness(image: Image) -> float:
    red, green, blue = (channel.astype(np.float32) for channel in cv2.split(image))
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))
