"""Steps of the operations that AugMix, PixMix and IPMix chain: one, and many as arrays."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

Operation: TypeAlias = Literal[
    "autocontrast",
    "equalize",
    "invert",
    "mirror",
    "posterize",
    "rotate",
    "shear_x",
    "shear_y",
    "solarize",
    "translate_x",
    "translate_y",
]

OPERATIONS: tuple[Operation, ...] = get_args(Operation)

AUGMIX_OPERATIONS: tuple[Operation, ...] = (
    "autocontrast",
    "equalize",
    "posterize",
    "rotate",
    "solarize",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
"""AugMix's set (arXiv 1912.02781, section 3): none of them is among ImageNet-C's corruptions."""


class Step(NamedTuple):
    """One operation and how strong it is.

    | operation | what it does | magnitude |
    |---|---|---|
    | autocontrast | stretches each channel to the whole range | none |
    | equalize | evens each channel's histogram, as Pillow | none |
    | invert, mirror | negates; swaps left and right | none |
    | posterize | keeps the highest bits | 0 to 8 bits |
    | solarize | negates all levels from a threshold on | 0 to 256 |
    | rotate | turns about the centre, counterclockwise | degrees |
    | shear_x, shear_y | pushes rows right by their distance from the top; columns down | a share |
    | translate_x, translate_y | moves right; down | whole pixels |

    What comes into the picture from outside is black.
    """

    operation: Operation
    magnitude: float = 0.0


Chain: TypeAlias = Sequence[Step]
"""Operations to apply one after the other."""

Numbers: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int8]

NONE = -1
"""The code of what is not there."""


class Steps(NamedTuple):
    """Many steps as arrays of one shape: what drawing makes and applying takes."""

    operations: Codes
    """Indices in `OPERATIONS`, or `NONE`."""
    magnitudes: Numbers

    def at(self, index: Any) -> "Steps":
        """Return the steps at an index of their shape."""
        return Steps(self.operations[index], self.magnitudes[index])

    def spread(self, used: npt.NDArray[np.bool_]) -> "Steps":
        """Lay steps out, in their order, over the true places of an array."""
        return Steps(*(spread(each, used) for each in self))


def spread(values: npt.NDArray[Any], used: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Lay values out, in their order, over the true places of an array.

    In other places codes are `NONE`, and all else is 0.
    """
    fill = NONE if values.dtype == np.int8 else 0
    laid = np.full((*used.shape, *values.shape[1:]), fill, values.dtype)
    laid[used] = values
    return laid


def up_to(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return where rows of these lengths have something: lengths' shape x the longest."""
    return np.arange(lengths.max(initial=0)) < lengths[..., None]
