"""The registry of looks: a look is a plain function that redraws a photo in one manner."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from genmix.images import Image

Look: TypeAlias = Callable[[Image, np.random.Generator, float], Image]
"""(image, rng, strength) -> image of the same size.

`image` is uint8, height x width x 3, RGB, and is not changed. `strength` is in (0, 1]: 1 is the
full look, towards 0 the result approaches the original. All chance comes from `rng`.
"""

LOOKS: dict[str, Look] = {}
"""Every look by the id of the prompt that it serves."""


def look(prompt_id: str) -> Callable[[Look], Look]:
    """Register a function as the look of a prompt."""

    def register(function: Look) -> Look:
        LOOKS[prompt_id] = function
        return function

    return register
