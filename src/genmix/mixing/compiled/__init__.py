"""Loops over pixels that numba compiles, where no call of NumPy, OpenCV or torch does all at once.

They run on the CPU, in the caller's thread and without Python's lock, and compute the same on every
processor: what they add and multiply is not put together in other ways. They take arrays that were
checked; nothing looks whether an index lies within.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function when it is first called with arguments of some types.

    The machine code is kept beside the source, or in the user's cache; where neither can be written
    to, it is made anew in each process.
    """
    settings: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return njit(cache=True, **settings)(function)
    except RuntimeError:  # there is no place for a cache
        return njit(**settings)(function)
