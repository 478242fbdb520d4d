"""What is done when a device's memory does not suffice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch

from genmix.errors import GenmixError
from genmix.images import Image

Batch = TypeVar("Batch", Sequence[Image], torch.Tensor)
Block = TypeVar("Block")


def lacks_memory(error: Exception) -> bool:
    """Say whether an error of torch means that memory does not suffice."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


@contextmanager
def shortage_as(kind: type[GenmixError], device: torch.device, advice: str) -> Iterator[None]:
    """Turn a lack of memory into one clear line.

    Args:
        kind: Of the error to raise.
        device: Whose memory it is.
        advice: For what it does not suffice, and what to do: "for this batch: give a smaller one".

    Raises:
        GenmixError: Of that kind, if memory does not suffice.
    """
    try:
        yield
    except RuntimeError as error:
        if not lacks_memory(error):
            raise
        raise kind(f"the memory of {device} does not suffice {advice}") from error


def in_parts(compute: Callable[[Batch], Block], batch: Batch, device: torch.device) -> list[Block]:
    """Compute a batch at once, or in halves where memory does not suffice for that.

    Args:
        compute: Computes a part; what comes of a picture does not depend on the others.
        batch: All pictures.
        device: Whose memory it is.

    Returns:
        What `compute` gave, part by part.

    Raises:
        RuntimeError: What torch says, if memory does not suffice for one.
    """
    try:
        return [compute(batch)]
    except RuntimeError as error:
        if not lacks_memory(error) or len(batch) == 1:
            raise
    # Out of the handler, where nothing holds the memory of what failed.
    if device.type == "cuda":
        torch.cuda.empty_cache()
    middle = len(batch) // 2
    parts = batch[:middle], batch[middle:]
    return [block for part in parts for block in in_parts(compute, part, device)]
