"""The noise family: fractional, ridged and billowing noise, bent by more noise."""

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np

from genmix.fractals.field import Field, Plane, equalise, relief, samples

Fold: TypeAlias = Callable[[Plane], Plane]

_FINEST = 100
"""Cells along an edge in the finest octave; a finer one would be grain at 256 pixels."""


def noise(size: int, rng: np.random.Generator) -> Field:
    """Draw fractional noise whose domain is warped by noise.

    f(p + k q(p)), once or twice (Inigo Quilez, "Domain warping", 2002; ridged and billowing sums:
    Ebert, Musgrave and others, "Texturing and Modeling", 1994).

    Args:
        size: Edge of the picture in pixels.
        rng: Draws the noise, the fold, the warp and the shading.

    Returns:
        The field, `samples(size)` points along an edge.
    """
    side = samples(size)
    cells, gain = int(rng.integers(2, 6)), rng.uniform(0.45, 0.62)
    fold = (_plain, _plain, _ridged, _billowing)[rng.integers(4)]
    east, north = (_octaves(side, cells, 0.5, 32, _plain, rng) for _ in range(2))
    height = _octaves(side, cells, gain, _FINEST, fold, rng)
    amount = np.float32(rng.uniform(0.05, 0.4) * side / cells)
    here = np.arange(side, dtype=np.float32)
    column, row = here[None, :] + amount * east, here[:, None] + amount * north
    for _ in range(rng.integers(1, 3)):
        warped = cv2.remap(height, column, row, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT_101)
        height = warped.astype(np.float32, copy=False)
    turns, drift = np.float32(rng.uniform(0.8, 2.2)), np.float32(rng.uniform(0, 0.4))
    light = relief(height, rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.9))
    return Field(turns * equalise(height) + drift * east, light)


def _octaves(
    side: int, cells: int, gain: float, finest: int, fold: Fold, rng: np.random.Generator
) -> Plane:
    """Sum layers of noise, each twice as fine as the last and `gain` times as high."""
    total = np.zeros((side, side), np.float32)
    weight = 1.0
    while cells < finest:
        total += np.float32(weight) * fold(_layer(side, cells, rng))
        weight *= gain
        cells *= 2
    return total


def _layer(side: int, cells: int, rng: np.random.Generator) -> Plane:
    """Draw smooth noise: normal values on a lattice, with bicubic interpolation between."""
    lattice = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
    at = (np.arange(side, dtype=np.float32) + 0.5) / side * cells + 1
    column, row = np.meshgrid(at, at)
    return cv2.remap(lattice, column, row, cv2.INTER_CUBIC).astype(np.float32, copy=False)


def _plain(layer: Plane) -> Plane:
    return layer


def _ridged(layer: Plane) -> Plane:
    return 1 - np.abs(layer)


def _billowing(layer: Plane) -> Plane:
    return np.abs(layer)
