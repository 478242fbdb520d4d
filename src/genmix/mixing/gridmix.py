"""GridMix: Strong Regularization Through Local Context Mapping.

Baek, Bang and Shim, Pattern Recognition 109, 2021, doi 10.1016/j.patcog.2020.107594.
"""

from typing import Unpack

import numpy as np
import numpy.typing as npt
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing.base import PairMixer, PairSettings
from genmix.mixing.checks import Partners, check_batch, check_counts
from genmix.mixing.fmix import fmix


class GridMix(PairMixer):
    """Fill a grid's cells from two images by chance, and mix labels by area; λ ~ Beta(1, 1).

    The paper also predicts the label of each cell and adds that loss to the picture's; a batch
    transform cannot, so this is the picture's part. See `gridmix` for the arithmetic and
    `PairMixer` for the arguments.

    Args:
        alpha: See `PairMixer`.
        cells: n of n x n cells; 4 suits 32 x 32 pixels, 8 larger pictures.
        **settings: See `PairMixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    SHOWN = ("cells",)

    def __init__(
        self, alpha: float | None = None, *, cells: int = 4, **settings: Unpack[PairSettings]
    ) -> None:
        super().__init__(alpha, **settings)
        check_counts(cells=cells)
        self.cells = cells

    def check(self, images: Tensor) -> None:
        """Make sure that a batch fits, and has pixels for the cells; raises MixerError."""
        super().check(images)
        height, width = images.shape[-2:]
        if self.cells > max(height, width):
            raise MixerError(
                f"cells is {self.cells} and the images have {height} x {width} pixels: give fewer"
            )

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw cells and partners, and mix."""
        lam = np.asarray(self.draw_lambda(rng, len(images)))[..., None, None]
        kept = rng.random((*lam.shape[:-2], self.cells, self.cells)) < lam
        partners = self.draw_partners(rng, len(images))
        return gridmix(images, targets, kept, partners, inplace=self.inplace)


def gridmix(
    images: Tensor,
    targets: Tensor,
    cells: npt.NDArray[np.bool_],
    partners: Partners,
    *,
    inplace: bool = False,
) -> tuple[Tensor, Tensor]:
    """Mix a batch: x' = M x_i + (1 - M) x_j, y' = λ y_i + (1 - λ) y_j, λ the mean of M.

    Args:
        images: N x C x H x W.
        targets: N x K probabilities.
        cells: n x m of the batch or N x n x m of each sample; true for cells whose pixels stay.
            Pixel (y, x) lies in cell (floor(y n / H), floor(x m / W)).
        partners: j of each i.
        inplace: Write into `images`.

    Returns:
        The mixed images and the mixed targets; λ is the exact share of pixels that stay, which
        differs from that of cells where cells differ in size.

    Raises:
        MixerError: If images, targets, cells or partners do not fit together, or `inplace`
            would overwrite a leaf that requires a gradient.
    """
    check_batch(images, targets, inplace=inplace)
    cells = np.asarray(cells)
    count, _, height, width = images.shape
    fits = cells.ndim == 2 or (cells.ndim == 3 and len(cells) == count)
    if cells.dtype != np.bool_ or not fits or 0 in cells.shape[-2:]:
        raise MixerError(
            f"cells are {cells.dtype} of the shape {cells.shape}: give booleans, n x m or {count} "
            "x n x m, with n and m 1 or more"
        )
    rows = np.arange(height) * cells.shape[-2] // height
    columns = np.arange(width) * cells.shape[-1] // width
    masks = cells.take(rows, -2).take(columns, -1)
    return fmix(images, targets, masks, partners, inplace=inplace)
