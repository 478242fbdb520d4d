"""Checks of a mixer's settings that Python would let pass, or fail on far away."""

from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
import numpy.typing as npt

from genmix.errors import MixerError


def check_flags(**settings: bool) -> None:
    """Make sure that settings are booleans: the text "False" counts as true.

    Raises:
        MixerError: If one is not.
    """
    for name, value in settings.items():
        if not isinstance(value, bool | np.bool_):
            raise MixerError(f"{name} is {value!r}: it must be true or false")


def check_counts(**settings: int) -> None:
    """Make sure that settings are whole numbers, 1 or more.

    Raises:
        MixerError: If one is not.
    """
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise MixerError(f"{name} is {value!r}: it must be a whole number")
        if value < 1:
            raise MixerError(f"{name} is {value}: it must be 1 or more")


def check_pair(name: str, value: object) -> tuple[float, float]:
    """Make sure that a setting is two numbers, the smaller first.

    Returns:
        The numbers.

    Raises:
        MixerError: If it is something else.
    """
    pair = tuple(value) if isinstance(value, Sequence | np.ndarray) else ()
    numbers = [float(each) for each in pair if isinstance(each, Real)]
    if len(pair) != 2 or len(numbers) != 2 or not numbers[0] <= numbers[1]:
        raise MixerError(f"{name} is {value!r}: give two numbers, the smaller first")
    return numbers[0], numbers[1]


def check_colour(name: str, value: object) -> npt.NDArray[np.float64]:
    """Make sure that a setting is a finite number, or one for each channel.

    Returns:
        The numbers, C or 1.

    Raises:
        MixerError: If it is something else.
    """
    try:
        values = np.atleast_1d(np.asarray(value))
    except ValueError:  # rows of several lengths
        values = np.empty((0, 0))
    if values.ndim != 1 or values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise MixerError(
            f"{name} is {value!r}: give a finite number, or one for each channel in a list"
        )
    return values.astype(np.float64)
