"""Memory that batches are mixed into: large pages for new ones, and autograd's count of writes."""

import numpy as np
import torch
from torch import Tensor

from genmix.mixing.checks import check_writable


def empty_like(images: Tensor) -> Tensor:
    """Allocate a batch of the same shape, type and memory format, with any values in it.

    A large one on a CPU lies in an array, because NumPy asks Linux for large pages, and torch does
    not: to write to them for the first time takes a fifth of the time.
    """
    if not images.is_cpu or images.nbytes < _LARGE_PAGES_BYTES:
        return torch.empty_like(images, requires_grad=False)
    strides = torch.empty_like(images, device="meta").stride()
    memory = torch.from_numpy(np.empty(images.nbytes, np.uint8))
    return memory.view(images.dtype).as_strided(images.shape, strides)


def overwriting(images: Tensor) -> Tensor:
    """Return a batch that is about to be overwritten, and count that for autograd.

    NumPy and compiled loops write past its counter, by which `backward()` finds what was changed.

    Raises:
        MixerError: For a leaf that requires a gradient.
    """
    check_writable(images)
    if not images.is_inference():  # such have no counter
        torch.autograd.graph.increment_version(images)
    return images


def copy_of(images: Tensor) -> Tensor:
    """Copy a batch to memory as `empty_like` allocates it."""
    return empty_like(images).copy_(images)


_LARGE_PAGES_BYTES = 2**22
"""From which NumPy asks for large pages."""
