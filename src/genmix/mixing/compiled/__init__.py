"""Loops over pixels that numba compiles, where no call of NumPy, OpenCV or torch does all at once.

They run on the CPU, in the caller's thread and without Python's lock, and compute the same on every
processor: what they add and multiply is not put together in other ways. They take arrays that were
checked; nothing looks whether an index lies within.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from genmix.errors import MissingExtraError

try:
    from numba import njit
except ModuleNotFoundError as error:
    raise MissingExtraError("mixing", "torch") from error

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function when it is first called with arguments of some types.

    The machine code is kept beside the source, or in the user's cache; where neither can be written
    to, it is made anew in each process.
    """
    settings: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        loop = njit(cache=True, **settings)(function)
    except RuntimeError:  # there is no place for a cache
        return njit(**settings)(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return loop(*args, **kwargs)
        except OSError:  # what was compiled could not be kept, as on a full disk; it is there
            return loop(*args, **kwargs)

    return call


def compiled_part(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function into those of its file that call it; it cannot be called from Python.

    What a file's functions call must lie in the same file: by its date their code is kept.
    """
    settings: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    settings |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return njit(**settings)(function)
