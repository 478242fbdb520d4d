"""Views of batches as the compiled loops take them."""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def suits_loops(images: Tensor) -> bool:
    """Tell whether compiled loops can take a batch."""
    if not images.is_cpu or images.requires_grad:
        return False
    return images.is_contiguous() or images.is_contiguous(memory_format=torch.channels_last)


def as_rows(images: Tensor) -> npt.NDArray[np.generic]:
    """View a batch as N x P x H x W: planes, or with channels last one plane of rows of W C."""
    if images.is_contiguous():
        return images.numpy()
    return images.permute(0, 2, 3, 1).flatten(2)[:, None].numpy()


def as_planes(images: Tensor) -> npt.NDArray[np.generic]:
    """View a batch as N x P x L: planes, or with channels last one plane of H W C."""
    rows = as_rows(images)
    count, planes, height, width = rows.shape
    return rows.reshape(count, planes, height * width)


def as_lines(samples: Tensor) -> npt.NDArray[np.generic]:
    """View each sample's values as they follow one another in memory: N x L."""
    values = samples.numpy() if samples.is_contiguous() else as_rows(samples)
    return values.reshape(len(values), math.prod(values.shape[1:]))


def as_words(values: Tensor) -> Tensor:
    """View values as whole numbers as wide, because NumPy does not know all of torch's types."""
    return values.view(WORDS[values.element_size()])


def together(images: Tensor) -> int:
    """Return how many values of a pixel stand together in memory."""
    return 1 if images.is_contiguous() else images.shape[1]


WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Whole numbers of so many bytes."""
