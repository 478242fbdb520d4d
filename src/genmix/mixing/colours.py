"""Operations on levels: each pixel of a channel by its level alone, and by the channel's others.

They are torch's, for devices other than the CPU. Which operation takes which, and how strong it may
be, is for `genmix.mixing.operations`.
"""

import numpy as np
import torch
from torch import Tensor

from genmix.mixing.steps import Steps


def autocontrast_many(levels: Tensor, _: Steps) -> Tensor:
    """Look levels up in the same tables as on the CPU; float64 makes them the same."""
    flat = levels.flatten(2)
    low, high = (edge.double() for edge in torch.aminmax(flat, dim=2, keepdim=True))
    # `255 / x` would be 255 times a rounded 1 / x.
    scale = torch.full_like(high, 255) / (high - low).clamp_min(1)
    ramp = torch.arange(256, device=levels.device)
    stretched = (ramp * scale - low * scale).clamp_(0, 255)
    tables = torch.where(high > low, stretched, ramp.double()).to(torch.uint8)
    return tables.gather(2, flat.long()).view_as(levels)


def equalize_many(levels: Tensor, _: Steps) -> Tensor:
    """Even the histogram of each channel as Pillow does."""
    from torchvision.transforms.v2 import functional as vision

    return vision.equalize(levels)


def posterize_many(levels: Tensor, steps: Steps) -> Tensor:
    """Keep so many of the highest bits."""
    masks = torch.from_numpy((256 - 2 ** (8 - steps.magnitudes)).astype(np.uint8))
    return levels & masks.to(levels.device, non_blocking=True).view(-1, 1, 1, 1)


def solarize_many(levels: Tensor, steps: Steps) -> Tensor:
    """Negate the levels from the threshold on."""
    # A threshold may be 256, which no byte holds.
    thresholds = torch.from_numpy(steps.magnitudes.astype(np.int16))
    thresholds = thresholds.to(levels.device, non_blocking=True).view(-1, 1, 1, 1)
    return torch.where(levels >= thresholds, 255 - levels, levels)


def invert_many(levels: Tensor, _: Steps) -> Tensor:
    """Negate all levels."""
    return 255 - levels
