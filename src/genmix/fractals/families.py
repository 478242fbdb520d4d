"""The families of fractals by name; each turns a size and a generator into a field."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from genmix.fractals.escape import julia, mandelbrot
from genmix.fractals.field import Field
from genmix.fractals.flame import flame
from genmix.fractals.newton import newton
from genmix.fractals.noise import noise

Family: TypeAlias = Callable[[int, np.random.Generator], Field]

BY_NAME: Mapping[str, Family] = MappingProxyType(
    {
        "julia": julia,
        "mandelbrot": mandelbrot,
        "flame": flame,
        "newton": newton,
        "noise": noise,
    }
)

FAMILIES: tuple[str, ...] = tuple(BY_NAME)
"""Every family's name, in the order in which a bank goes through them."""
