"""Photos redrawn by filters that genmix's editor does not use, as a domain to tune presets on.

    python -m benchmarks.effect.redraw pacs/photo pacs-redrawn

Every fifth photo of each class is held out: it lies in `held-out`, and in `redrawn` once by each
filter; the others lie in `train`. So a preset is tuned without a picture or a label of any target.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.uint8]

HELD_OUT = 5


def pencil(image: Image) -> Image:
    """Grey strokes on white."""
    grey, _ = cv2.pencilSketch(image, sigma_s=60, sigma_r=0.07, shade_factor=0.05)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


def coloured_pencil(image: Image) -> Image:
    """Coloured strokes on white."""
    _, coloured = cv2.pencilSketch(image, sigma_s=60, sigma_r=0.07, shade_factor=0.05)
    return np.asarray(coloured, np.uint8)


def stylised(image: Image) -> Image:
    """Watercolour-like areas."""
    return np.asarray(cv2.stylization(image, sigma_s=60, sigma_r=0.45), np.uint8)


def lines(image: Image) -> Image:
    """Black lines on white."""
    calm = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (5, 5), 0)
    edges = cv2.dilate(cv2.Canny(calm, 40, 120), np.ones((2, 2), np.uint8))
    return np.asarray(cv2.cvtColor(255 - edges, cv2.COLOR_GRAY2BGR), np.uint8)


def flat(image: Image) -> Image:
    """Flat areas within black lines."""
    areas = cv2.pyrMeanShiftFiltering(image, sp=12, sr=40)
    areas[lines(image)[..., 0] == 0] = 0
    return np.asarray(areas, np.uint8)


FILTERS: dict[str, Callable[[Image], Image]] = {
    "pencil": pencil,
    "coloured-pencil": coloured_pencil,
    "stylised": stylised,
    "lines": lines,
    "flat": flat,
}


def redraw(source: Path, out: Path) -> None:
    """Split a folder of photos, and draw what is held out."""
    for place in sorted(each for each in source.iterdir() if each.is_dir()):
        for number, path in enumerate(sorted(place.iterdir())):
            if number % HELD_OUT:
                _keep(path, out / "train" / place.name)
                continue
            _keep(path, out / "held-out" / place.name)
            image = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)
            for name, draw in FILTERS.items():
                drawn = out / "redrawn" / place.name / f"{path.stem}-{name}.png"
                drawn.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(drawn), draw(image))


def _keep(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / path.name).write_bytes(path.read_bytes())


if __name__ == "__main__":
    redraw(Path(sys.argv[1]), Path(sys.argv[2]))
