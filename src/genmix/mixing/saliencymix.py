"""SaliencyMix: A Saliency Guided Data Augmentation Strategy for Better Regularization.

Uddin et al., ICLR 2021, arXiv 2006.01791. The saliency is the spectral residual of Hou and Zhang,
CVPR 2007.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing.base import PairMixer, on_device, take
from genmix.mixing.checks import Lambda, Partners, check_batch, check_draws, check_images
from genmix.mixing.pairs import paste


class SaliencyMix(PairMixer):
    """Paste the box around another image's most salient point into each; λ ~ Beta(1, 1).

    As the authors', one box for the batch, around the peak of the first sample's partner; with
    `per_sample` one for each sample, around its own partner's. See `saliencymix` for the arithmetic
    and `PairMixer` for the arguments.
    """

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw λ and partners, find the peaks, and mix."""
        lam = self.draw_lambda(rng, len(images))
        partners = self.draw_partners(rng, len(images))
        if self.per_sample:
            peaks = find_peaks(saliency(images))[on_device(partners, images)]
        else:
            first = int(partners[0])
            peaks = find_peaks(saliency(images[first : first + 1]))
        return saliencymix(images, targets, lam, partners, peaks, inplace=self.inplace)


def saliencymix(
    images: Tensor,
    targets: Tensor,
    lam: Lambda,
    partners: Partners,
    peaks: Tensor,
    *,
    inplace: bool = False,
) -> tuple[Tensor, Tensor]:
    """Mix a batch: x' = M x_i + (1 - M) x_j, y' = λ' y_i + (1 - λ') y_j, λ' the mean of M.

    M is 0 in a box around the peak, whose half sides are floor(½ H sqrt(1 - λ)) and
    floor(½ W sqrt(1 - λ)) pixels, as CutMix's; what lies outside the picture is cut off.

    Args:
        images: N x C x H x W.
        targets: N x K probabilities.
        lam: λ of the batch or of each sample, in [0, 1].
        partners: j of each i.
        peaks: Row and column of the most salient pixel of each sample's partner, N x 2, or of one
            for all, 1 x 2, on the images' device. From `find_peaks` or a detector of your own.
        inplace: Write into `images`.

    Returns:
        The mixed images and the mixed targets; λ' is the exact share of pixels outside the box.

    Raises:
        MixerError: If images, targets, λ, partners or peaks do not fit together, or `inplace`
            would overwrite a leaf that requires a gradient.
    """
    check_batch(images, targets, inplace=inplace)
    count, _, height, width = images.shape
    lam, partners = check_draws(count, lam, partners)
    _check_peaks(peaks, count)
    boxes = torch.cat([_around(peaks[:, :1], lam, height), _around(peaks[:, 1:], lam, width)], 1)
    mixed = paste(images, partners, boxes, inplace=inplace)

    # λ' depends on the peaks, so it stays on their device.
    areas = (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])
    kept = 1 - areas.double() / (height * width)
    weights = kept[:, None].to(targets.device, targets.dtype)
    return mixed, torch.lerp(take(targets, partners), targets, weights)


def _check_peaks(peaks: Any, count: int) -> None:
    if not isinstance(peaks, Tensor):
        raise MixerError(f"peaks are a {type(peaks).__name__}: give a tensor, 1 x 2 or {count} x 2")
    if peaks.shape not in {(1, 2), (count, 2)}:
        raise MixerError(f"peaks have the shape {tuple(peaks.shape)}: give 1 x 2 or {count} x 2")


def _around(centres: Tensor, lam: Lambda, length: int) -> Tensor:
    """Return where boxes around the centres, M x 1, begin and end along an axis: M x 2."""
    halves = np.atleast_1d(0.5 * np.sqrt(1 - np.asarray(lam)) * length).astype(np.int64)
    reach = on_device(halves[:, None] * [-1, 1], centres)
    # A peak between two pixels, as a detector may give, takes those that lie within its reach.
    return (centres + reach).double().ceil().long().clamp(0, length)


def find_peaks(maps: Tensor) -> Tensor:
    """Find where each map is largest; of several such places, the first.

    Args:
        maps: N x H x W, such as `saliency` gives.

    Returns:
        N x 2, row and column of each, on the maps' device.
    """
    flat = maps.flatten(1).argmax(1)
    width = maps.shape[-1]
    return torch.stack([flat // width, flat % width], 1)


_SIZE = 64
"""Pixels of the longer side at which saliency is measured (Hou and Zhang)."""

_BLUR_SIGMA = 2.5
"""Of the final blur, in pixels of that size, as in the authors' code."""


def saliency(images: Tensor) -> Tensor:
    """Measure how much each pixel stands out: the spectral residual (Hou and Zhang, CVPR 2007).

    F is the Fourier transform of the grey image at 64 pixels, L = log |F|, and h an average of 3 x
    3: S = g ∗ |F⁻¹[exp(L - h ∗ L + i arg F)]|². As exp(L + i arg F) = F, that is
    g ∗ |F⁻¹[F exp(-h ∗ L)]|².

    Args:
        images: N x C x H x W.

    Returns:
        N x H x W, float32, on the images' device; larger is more salient, the scale is each
        image's own.

    Raises:
        MixerError: If `images` are not a batch of images.
    """
    check_images(images)
    height, width = images.shape[-2:]
    if not images.numel():
        return torch.zeros(len(images), height, width, device=images.device)
    scale = min(1.0, _SIZE / max(height, width))
    size = (max(1, round(scale * height)), max(1, round(scale * width)))
    grey = F.interpolate(images.mean(1, keepdim=True, dtype=torch.float32), size, mode="area")
    spectrum = torch.fft.fft2(grey)
    amplitude = spectrum.abs()
    # Below rounding error there is no signal whose logarithm would mean anything.
    floor = 1e-6 * amplitude.amax((-2, -1), keepdim=True) + 1e-12
    smooth = F.avg_pool2d(F.pad(torch.maximum(amplitude, floor).log(), [1] * 4, "replicate"), 3, 1)
    energy = torch.fft.ifft2(spectrum * torch.exp(-smooth)).abs().square()
    return F.interpolate(_blur(energy), (height, width), mode="bilinear")[:, 0]


def _blur(maps: Tensor) -> Tensor:
    """Blur maps, N x 1 x H x W, by a Gaussian; outside they count as 0.

    Tap by tap, because autocast would lower a convolution's precision.
    """
    reach = len(_KERNEL) // 2
    for dim, pad in ((-1, (reach, reach, 0, 0)), (-2, (0, 0, reach, reach))):
        padded, length = F.pad(maps, pad), maps.shape[dim]
        maps = torch.zeros_like(maps)
        for k, weight in enumerate(_KERNEL):
            maps.add_(padded.narrow(dim, k, length), alpha=weight)
    return maps


def _gaussian() -> list[float]:
    """Return the blur's weights, out to two standard deviations; their sum is 1."""
    reach = round(2 * _BLUR_SIGMA)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _BLUR_SIGMA) ** 2)
    return [float(weight) for weight in weights / weights.sum()]


_KERNEL = _gaussian()
