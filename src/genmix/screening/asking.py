"""How a screen asks a network, in whatever memory there is. Needs torch."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from genmix.errors import ScreenError
from genmix.images import Image
from genmix.networks.shortage import in_parts, shortage_as
from genmix.screening.kept import Rows


def ask(
    compute: Callable[[Sequence[Image]], Rows], device: torch.device, pictures: Sequence[Image]
) -> Rows:
    """Compute a row for each picture, fewer at a time where memory does not suffice.

    Args:
        compute: Computes the rows of some pictures.
        device: Where the network is.
        pictures: One or more.

    Raises:
        ScreenError: If memory does not suffice for one picture.
    """
    advice = "for a screen's network and one picture: leave that screen out, or use a smaller model"
    with shortage_as(ScreenError, device, advice):
        return np.concatenate(in_parts(compute, pictures, device))
