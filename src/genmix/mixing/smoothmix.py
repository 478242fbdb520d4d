"""SmoothMix: a Simple Yet Effective Data Augmentation to Train Robust Classifiers.

Lee, Zaheer, Astrid and Lee, CVPR Workshops 2020.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias, Unpack, get_args

import numpy as np
import numpy.typing as npt
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing.base import PairMixer, PairSettings
from genmix.mixing.checks import Partners, check_batch, check_draws
from genmix.mixing.pairs import blend_spots, mix_targets

Shape: TypeAlias = Literal["circle", "square"]

_SPREADS: dict[Shape, tuple[float, float]] = {"circle": (0.25, 0.5), "square": (0.0, 1.0)}
"""Between which a spot's spread is drawn, as a share of the sides, in the paper's experiments."""

_EDGE = 0.2
"""k: a square's soft edge, as a share of half its side, in the paper's experiments."""


class Spot(NamedTuple):
    """Where the weights lie, in pixels: σ of a circle's Gaussian, or the sides of a square."""

    y: float
    x: float
    height: float
    width: float


class SmoothMix(PairMixer):
    """Mix through a spot with soft edges, and mix the labels by the mean weight.

    The paper draws the spot's spread evenly, from a quarter to half of the sides for circles and
    from nothing to all for squares. With `alpha` or `lam` the spread is instead such that the mean
    weight is λ, wherever the spot lies. See `smoothmix` for the arithmetic and `PairMixer` for the
    arguments.

    Args:
        alpha: See `PairMixer`; the paper's own draw when left out.
        shape: "circle", a Gaussian (SmoothMix C), or "square", with linear edges (SmoothMix S).
        **settings: See `PairMixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    SHOWN = ("shape",)

    def __init__(
        self,
        alpha: float | None = None,
        *,
        shape: Shape = "circle",
        **settings: Unpack[PairSettings],
    ) -> None:
        super().__init__(alpha, **settings)
        _check_shape(shape)
        self.shape = shape
        self.draws_lambda = alpha is not None or self.lam is not None

    def shown(self) -> tuple[str, ...]:
        """Return the names of the settings that the method goes by."""
        drawn, *others = super().shown()
        return (drawn, *others) if self.draws_lambda else tuple(others)

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw spots and partners, and mix."""
        height, width = images.shape[-2:]
        count = len(images) if self.per_sample else 1
        ys, xs = rng.uniform(0, height, count), rng.uniform(0, width, count)
        if self.draws_lambda:
            lam = np.atleast_1d(self.draw_lambda(rng, count))
            spreads = find_spreads(lam, ys, xs, height, width, self.shape)
        else:
            spreads = rng.uniform(*_SPREADS[self.shape], count)
        spots = np.stack([ys, xs, spreads * height, spreads * width], 1)
        partners = self.draw_partners(rng, len(images))
        return smoothmix(images, targets, spots, partners, shape=self.shape, inplace=self.inplace)


def find_spreads(
    lam: npt.NDArray[np.float64],
    ys: npt.NDArray[np.float64],
    xs: npt.NDArray[np.float64],
    height: int,
    width: int,
    shape: Shape,
) -> npt.NDArray[np.float64]:
    """Find how far spots must spread for their mean weights to be λ, to within 0.0001.

    Args:
        lam: λ of each spot, M of them in [0, 1].
        ys: Where the spots' centres lie, in pixels.
        xs: Likewise.
        height: H.
        width: W.
        shape: "circle" or "square".

    Returns:
        σ or sides of each, as a share of the picture's sides.
    """
    # The mean grows with the spread, so halving what is left of the range finds it. Its ends leave
    # nothing of one picture, or of the other.
    low, high = np.full(len(lam), math.log(1e-9)), np.full(len(lam), math.log(1e4))
    for _ in range(24):
        middle = (low + high) / 2
        spreads = np.exp(middle)
        rows = _profiles(ys, spreads * height, height, shape).mean(1)
        columns = _profiles(xs, spreads * width, width, shape).mean(1)
        too_small = rows * columns < lam
        low, high = np.where(too_small, middle, low), np.where(too_small, high, middle)
    return np.exp(high)


def smoothmix(
    images: Tensor,
    targets: Tensor,
    spots: Spot | Sequence[Spot] | npt.NDArray[np.float64],
    partners: Partners,
    *,
    shape: Shape = "circle",
    inplace: bool = False,
) -> tuple[Tensor, Tensor]:
    """Mix a batch: x' = G x_i + (1 - G) x_j, y' = λ y_i + (1 - λ) y_j, λ the mean of G.

    G = g(y) g(x). For a circle g is the Gaussian exp(-d² / 2σ²) of the distance d from the centre;
    for a square it is 1 within half a side and falls to 0 along a fifth of that beyond.

    Args:
        images: N x C x H x W.
        targets: N x K probabilities.
        spots: Of the batch or of each sample, or N x 4 numbers in the order of `Spot`; pixel
            (i, j) lies at (i + 0.5, j + 0.5).
        partners: j of each i.
        shape: "circle" or "square".
        inplace: Write into `images`.

    Returns:
        The mixed images, of the same type (uint8 is rounded), and the mixed targets.

    Raises:
        MixerError: If images, targets, spots or partners do not fit together, or `inplace`
            would overwrite a leaf that requires a gradient.
    """
    check_batch(images, targets, inplace=inplace)
    _check_shape(shape)
    each = _check_spots(spots, len(images))
    height, width = images.shape[-2:]
    rows = _profiles(each[:, 0], each[:, 2], height, shape)
    columns = _profiles(each[:, 1], each[:, 3], width, shape)
    means = rows.mean(1) * columns.mean(1)
    lam, partners = check_draws(len(images), means[0] if len(each) == 1 else means, partners)
    mixed = blend_spots(images, partners, rows, columns, inplace=inplace)
    return mixed, mix_targets(targets, lam, partners)


def _check_shape(shape: str) -> None:
    if shape not in get_args(Shape):
        raise MixerError(f"shape is {shape!r}: it must be one of {', '.join(get_args(Shape))}")


def _check_spots(
    spots: Spot | Sequence[Spot] | npt.NDArray[np.float64], count: int
) -> npt.NDArray[np.float64]:
    """Return spots as an array, M x 4, once they are one or one for each sample."""
    each = np.atleast_2d(np.asarray(spots, np.float64))
    if each.shape not in {(1, 4), (count, 4)}:
        raise MixerError(f"spots have the shape {each.shape}: give 1 x 4 or {count} x 4 numbers")
    wrong = ~np.isfinite(each).all(1) | (each[:, 2:] < 0).any(1)
    if wrong.any():
        first = Spot(*each[wrong][0].tolist())
        raise MixerError(f"{first} is no spot: give finite numbers, the spreads 0 or more")
    return each


def _profiles(
    centres: npt.NDArray[np.float64],
    spreads: npt.NDArray[np.float64],
    length: int,
    shape: Shape,
) -> npt.NDArray[np.float64]:
    """Return each spot's weights along one axis, M x length."""
    distances = np.abs(np.arange(length) + 0.5 - centres[:, None])
    spreads = np.maximum(spreads, np.finfo(np.float32).tiny)[:, None]
    if shape == "circle":
        return np.exp(-0.5 * (distances / spreads) ** 2)
    half = spreads / 2
    return np.clip(1 - (distances - half) / (_EDGE * half), 0, 1)
