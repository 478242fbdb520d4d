"""What each method does to pictures, drawn as a sheet: the cells, and the label weights above them.

GenMix is not among the methods: it needs edits, and `genmix preview` shows it step by step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from genmix.datasets.fetching import Picture
from genmix.fractals import FractalBank
from genmix.images import Image
from genmix.jobs.augment import Progress
from genmix.mixing.augmix import AugMix
from genmix.mixing.base import Mixer, PairMixer
from genmix.mixing.cutmix import CutMix
from genmix.mixing.cutout import Cutout
from genmix.mixing.fmix import FMix
from genmix.mixing.gridmix import GridMix
from genmix.mixing.ipmix import IPMix
from genmix.mixing.mixup import MixUp
from genmix.mixing.pixmix import PictureMixer, PixMix
from genmix.mixing.resizemix import ResizeMix
from genmix.mixing.saliencymix import SaliencyMix
from genmix.mixing.smoothmix import SmoothMix
from genmix.seeding import seed_of
from genmix.sheets import SheetRow, draw_sheet

LABEL_MIXING: dict[str, type[PairMixer]] = {
    "mixup": MixUp,
    "cutmix": CutMix,
    "resizemix": ResizeMix,
    "fmix": FMix,
    "gridmix": GridMix,
    "smoothmix": SmoothMix,
    "saliencymix": SaliencyMix,
}
"""The methods that mix labels, by the names that users write, in the order of a sheet."""

LABEL_PRESERVING: dict[str, type[Mixer]] = {
    "cutout": Cutout,
    "augmix": AugMix,
    "pixmix": PixMix,
    "ipmix": IPMix,
}
"""The methods that keep the label, after the others on a sheet; λ has no meaning for them."""

METHODS = (*LABEL_MIXING, *LABEL_PRESERVING)


@dataclass(frozen=True, slots=True)
class Mixed:
    """What a method made.

    Attributes:
        image: uint8, height x width x 3, RGB.
        weights: How much of each name is in its target.
    """

    image: Image
    weights: dict[str, float]

    @property
    def caption(self) -> str:
        """The weights in words, less those that round to nothing."""
        shown = {name: f"{weight:.2f}" for name, weight in self.weights.items()}
        return " + ".join(f"{name} {text}" for name, text in shown.items() if text != "0.00")


def draw_methods(
    pictures: Sequence[Picture],
    methods: Sequence[str],
    lambdas: Sequence[float],
    *,
    seed: int = 0,
    progress: Progress = lambda *_: None,
) -> Image:
    """Draw a grid of mixed pictures with their label weights.

    Of one method, each picture is a line: mixed with the one after it, or as it is where the method
    keeps the label. Of several, each method is a line, for the first two pictures. A picture that
    is alone is mixed with itself, turned upside down.

    Args:
        pictures: One or more, squares of one size.
        methods: One or more of `METHODS`.
        lambdas: λ of each column, in [0, 1]; a method that keeps the label makes as many draws,
            beside the original where no other method shows it.
        seed: Of every random choice.
        progress: Told (stage, done, total) while fractals are drawn, once for each size.

    Returns:
        The sheet: uint8, height x width x 3, RGB.
    """
    mixing = [method for method in LABEL_MIXING if method in methods]
    preserving = [method for method in LABEL_PRESERVING if method in methods]
    lines = None if len(methods) == 1 else 1
    rows = []
    for method in mixing:
        for k, pair in enumerate(_pairs(pictures)[:lines]):
            # The same draws for every λ, so that a box grows where it is.
            cells = [mix(method, pair, lam, seed=seed_of("mix", seed, k)) for lam in lambdas]
            rows.append(_row(method if lines else "", cells))
    for method in preserving:
        for k, picture in enumerate(pictures[:lines]):
            draws_seed = seed_of("mix", seed, k)
            cells = keep(method, picture, len(lambdas), seed=draws_seed, progress=progress)
            if not mixing:  # where there is λ, its last column mostly is the original
                cells = [Mixed(picture.image, {picture.name: 1.0}), *cells]
            heading = _PRESERVING if mixing and method == preserving[0] else None
            rows.append(_row(method if lines else "", cells, heading))
    columns = [f"lambda {lam:g}" for lam in lambdas]
    if not mixing:
        columns = ["original", *(f"draw {k}" for k in range(1, len(lambdas) + 1))]
    title = "" if lines else methods[0]
    return draw_sheet(rows, columns, title=title, cell_px=pictures[0].image.shape[0])


_PRESERVING = "These keep the label: as many draws of each"


def _pairs(pictures: Sequence[Picture]) -> list[tuple[Picture, Picture]]:
    (first, *others) = pictures
    if not others:
        turned = np.ascontiguousarray(first.image[::-1, ::-1])
        return [(first, Picture(f"{first.name} turned", turned))]
    return list(pairwise(pictures))


def _row(title: str, cells: Sequence[Mixed], heading: str | None = None) -> SheetRow:
    captions = [cell.caption for cell in cells]
    return SheetRow(title, [cell.image for cell in cells], heading=heading, captions=captions)


def mix(method: str, pair: tuple[Picture, Picture], lam: float, *, seed: int) -> Mixed:
    """Mix a picture with another, labels too.

    Args:
        method: One of `LABEL_MIXING`.
        pair: The picture that has all the weight at λ = 1, and its partner, of the same size.
        lam: λ, in [0, 1].
        seed: Of what else the method draws.

    Returns:
        What became of the first; two pictures of one name have one label.
    """
    # Rolled by one, each of two is the other's partner.
    mixer = LABEL_MIXING[method](
        lam=lam, pairing="roll", num_classes=2, generator=torch.Generator().manual_seed(seed)
    )
    return _mixed(mixer, pair)


def keep(
    method: str,
    picture: Picture,
    count: int,
    *,
    seed: int,
    progress: Progress = lambda *_: None,
) -> list[Mixed]:
    """Change a picture by a method that keeps its label, several times.

    Args:
        method: One of `LABEL_PRESERVING`.
        picture: What to change.
        count: How often.
        seed: Of all draws, one after the other.
        progress: Told (stage, done, total) while fractals are drawn.
    """
    kind = LABEL_PRESERVING[method]
    generator = torch.Generator().manual_seed(seed)
    if issubclass(kind, PictureMixer):
        # The mixer's own bank is eight times as large, for training, and takes as long to draw.
        size = max(picture.image.shape[:2]) * 8 // 7
        bank = FractalBank.open(
            16, size, 0, progress=lambda done, total: progress("fractals", done, total)
        )
        mixer: Mixer = kind(bank, num_classes=1, generator=generator)
    else:
        mixer = kind(num_classes=1, generator=generator)
    return [_mixed(mixer, [picture]) for _ in range(count)]


def _mixed(mixer: Mixer, batch: Sequence[Picture]) -> Mixed:
    """Return what becomes of a batch's first picture."""
    names = list(dict.fromkeys(picture.name for picture in batch))
    labels = torch.tensor([names.index(picture.name) for picture in batch])
    pixels = torch.from_numpy(np.stack([picture.image for picture in batch]))
    images, targets = mixer(pixels.permute(0, 3, 1, 2).float() / 255, labels)
    levels = (images[0].clamp(0, 1) * 255).round().to(torch.uint8)
    # A target has a column to spare where two pictures have one name.
    weights = dict(zip(names, targets[0].tolist(), strict=False))
    return Mixed(np.ascontiguousarray(levels.permute(1, 2, 0).numpy()), weights)
