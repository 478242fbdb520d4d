"""What each method does to pictures, drawn as a sheet: the cells, and the label weights above them.

GenMix is not among the methods: it needs edits, and `genmix preview` shows it step by step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch

from genmix.datasets.fetching import Picture
from genmix.images import Image
from genmix.mixing import CutMix, FMix, GridMix, MixUp, ResizeMix, SaliencyMix, SmoothMix
from genmix.mixing.base import Mixer, PairMixer
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

LABEL_PRESERVING: dict[str, type[Mixer]] = {}
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
    pictures: Sequence[Picture], methods: Sequence[str], lambdas: Sequence[float], *, seed: int = 0
) -> Image:
    """Draw a grid of mixed pictures with their label weights.

    Of one method, each picture is a line: mixed with the one after it, or as it is where the method
    keeps the label. Of several, each method is a line, for the first two pictures. A picture that
    is alone is mixed with itself, turned upside down.

    Args:
        pictures: One or more, of the same height and width.
        methods: One or more of `METHODS`.
        lambdas: λ of each column, in [0, 1]; a method that keeps the label makes as many draws.
        seed: Of every random choice.

    Returns:
        The sheet: uint8, height x width x 3, RGB.
    """
    mixing = [method for method in LABEL_MIXING if method in methods]
    preserving = [method for method in LABEL_PRESERVING if method in methods]
    if len(methods) == 1:
        pairs = _pairs(pictures) if mixing else [(picture, picture) for picture in pictures]
        rows = [_row("", methods[0], pair, lambdas, seed, k) for k, pair in enumerate(pairs)]
    else:
        pair = _pairs(pictures)[0]
        rows = [_row(method, method, pair, lambdas, seed, 0) for method in mixing]
        below = [_row(method, method, pair, lambdas, seed, 0) for method in preserving]
        if mixing and preserving:
            below[0] = replace(below[0], heading="These keep the label: as many draws of each")
        rows += below
    draws = [f"draw {k}" for k in range(1, len(lambdas) + 1)]
    columns = [f"lambda {lam:g}" for lam in lambdas] if mixing else draws
    title = methods[0] if len(methods) == 1 else ""
    return draw_sheet(rows, columns, title=title, cell_px=pictures[0].image.shape[0])


def _pairs(pictures: Sequence[Picture]) -> list[tuple[Picture, Picture]]:
    (first, *others) = pictures
    if not others:
        turned = np.ascontiguousarray(first.image[::-1, ::-1])
        return [(first, Picture(f"{first.name} turned", turned))]
    return list(pairwise(pictures))


def _row(
    title: str,
    method: str,
    pair: tuple[Picture, Picture],
    lambdas: Sequence[float],
    seed: int,
    line: int,
) -> SheetRow:
    if method in LABEL_MIXING:
        # The same draws for every λ, so that a box grows where it is.
        cells = [mix(method, pair, lam, seed=seed_of("mix", seed, line)) for lam in lambdas]
    else:
        cells = [
            keep(method, pair[0], seed=seed_of("mix", seed, line, k)) for k in range(len(lambdas))
        ]
    return SheetRow(title, [cell.image for cell in cells], captions=[c.caption for c in cells])


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


def keep(method: str, picture: Picture, *, seed: int) -> Mixed:
    """Change a picture by a method of `LABEL_PRESERVING`; `seed` is that of its draws."""
    generator = torch.Generator().manual_seed(seed)
    return _mixed(LABEL_PRESERVING[method](num_classes=1, generator=generator), [picture])


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
