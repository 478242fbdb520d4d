"""FMix: Enhancing Mixed Sample Data Augmentation (Harris et al., arXiv 2002.12047)."""

import functools
import math
from typing import Unpack

import numpy as np
import numpy.typing as npt
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing.base import PairMixer, PairSettings
from genmix.mixing.checks import Lambda, Partners, check_batch, check_draws, is_number
from genmix.mixing.pairs import mix_targets, select


class FMix(PairMixer):
    """Mix along a random low-frequency shape, and labels by its area; λ ~ Beta(1, 1).

    As the authors', one mask for the batch; with `per_sample` one for each sample, which takes a
    Fourier transform of each. See `fmix` for the arithmetic and `PairMixer` for the arguments.

    Args:
        alpha: See `PairMixer`.
        decay: The power by which amplitudes fall with frequency; more makes rounder shapes.
        **settings: See `PairMixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    SHOWN = ("decay",)

    def __init__(
        self, alpha: float | None = None, *, decay: float = 3.0, **settings: Unpack[PairSettings]
    ) -> None:
        super().__init__(alpha, **settings)
        if not (is_number(decay) and decay >= 0):
            raise MixerError(f"decay is {decay!r}: it must be 0 or more")
        self.decay = decay

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw masks and partners, and mix."""
        height, width = images.shape[-2:]
        lam = self.draw_lambda(rng, len(images))
        masks = draw_masks(rng, lam, height, width, self.decay)
        partners = self.draw_partners(rng, len(images))
        return fmix(images, targets, masks, partners, inplace=self.inplace)


def draw_masks(
    rng: np.random.Generator, lam: Lambda, height: int, width: int, decay: float = 3.0
) -> npt.NDArray[np.bool_]:
    """Draw masks of mean λ, to the nearest pixel (section "FMix: Improved Masking").

    Complex Gaussian noise, its amplitudes divided by frequency to the power of `decay`, gives a
    smooth picture by the inverse Fourier transform; the mask is its λ H W largest values.

    Args:
        rng: What to draw from.
        lam: λ of one mask or of each, in [0, 1].
        height: H.
        width: W.
        decay: δ of the paper.

    Returns:
        H x W for one λ, else N x H x W.
    """
    lam = np.asarray(lam)
    amplitudes = _amplitudes(height, width, decay)
    noise = rng.standard_normal((*lam.shape, *amplitudes.shape, 2), np.float32)
    spectra = noise.view(np.complex64)[..., 0] * amplitudes
    pictures = np.fft.irfft2(spectra, (height, width)).reshape(lam.size, height * width)
    thresholds = [_threshold(pictures[k], each) for k, each in enumerate(lam.flat)]
    masks: npt.NDArray[np.bool_] = pictures >= np.asarray(thresholds)[:, None]
    return masks.reshape(*lam.shape, height, width)


def _threshold(values: npt.NDArray[np.floating], share: float) -> float:
    """Return the value that a share of the values reaches."""
    left_out = values.size - round(share * values.size)
    if left_out == values.size:
        return math.inf
    return float(np.partition(values, left_out)[left_out])


@functools.lru_cache(maxsize=8)
def _amplitudes(height: int, width: int, decay: float) -> npt.NDArray[np.float32]:
    """Return 1 / f^decay of half a spectrum; the mean counts as the lowest frequency."""
    frequencies = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    lowest = 1 / max(height, width)
    amplitudes = ((lowest / np.maximum(frequencies, lowest)) ** decay).astype(np.float32)
    amplitudes.setflags(write=False)
    return amplitudes


def fmix(
    images: Tensor,
    targets: Tensor,
    masks: npt.NDArray[np.bool_],
    partners: Partners,
    *,
    inplace: bool = False,
) -> tuple[Tensor, Tensor]:
    """Mix a batch: x' = M x_i + (1 - M) x_j, y' = λ y_i + (1 - λ) y_j, λ the mean of M.

    Args:
        images: N x C x H x W.
        targets: N x K probabilities.
        masks: M, H x W of the batch or N x H x W of each sample; true where a pixel stays.
        partners: j of each i.
        inplace: Write into `images`.

    Returns:
        The mixed images, every value a copy of one of the two, and the mixed targets; λ is the
        exact share of pixels that stay, which is the drawn one to the nearest pixel.

    Raises:
        MixerError: If images, targets, masks or partners do not fit together, or `inplace`
            would overwrite a leaf that requires a gradient.
    """
    check_batch(images, targets, inplace=inplace)
    masks = np.asarray(masks)
    count, _, height, width = images.shape
    if masks.dtype != np.bool_ or masks.shape not in {(height, width), (count, height, width)}:
        raise MixerError(
            f"masks are {masks.dtype} of the shape {masks.shape}: give booleans, "
            f"{height} x {width} or {count} x {height} x {width}"
        )
    shares = np.count_nonzero(masks, axis=(-2, -1)) / (height * width)
    lam, partners = check_draws(count, shares, partners)
    taken = ~masks.reshape(-1, height, width)
    mixed = select(images, partners, taken, inplace=inplace)
    return mixed, mix_targets(targets, lam, partners)
