"""Escape-time families: Julia sets, and the Mandelbrot set with its relatives."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from genmix.fractals.field import (
    Field,
    Plane,
    Points,
    calm,
    equalise,
    relief,
    samples,
    view,
)
from genmix.fractals.orbits import (
    BURNING_SHIP,
    CUBIC,
    MCMULLEN,
    QUADRATIC,
    QUARTIC,
    TRICORN,
    Formula,
    cross,
    escape_time,
    nearest_approach,
    origin,
    ring,
)

Times: TypeAlias = Callable[[Points], Plane]
Window: TypeAlias = tuple[complex, float]

_JULIA_FORMULAS = (QUADRATIC, QUADRATIC, QUADRATIC, CUBIC, QUARTIC, MCMULLEN)
_MANDELBROT_FORMULAS = (QUADRATIC, QUADRATIC, QUADRATIC, CUBIC, QUARTIC, BURNING_SHIP, TRICORN)


def julia(size: int, rng: np.random.Generator) -> Field:
    """Draw part of a Julia set whose parameter lies just outside the set of connected ones.

    There every orbit leaves, but slowly, and the set is all filaments (Gaston Julia, 1918;
    Peitgen and Richter, "The Beauty of Fractals", 1986).

    Args:
        size: Edge of the picture in pixels.
        rng: Draws formula, parameter, view and shading.

    Returns:
        The field, `samples(size)` points along an edge.
    """
    formula = _JULIA_FORMULAS[rng.integers(len(_JULIA_FORMULAS))]
    parameter = _slow_parameter(formula, rng)
    angle = rng.uniform(0, 2 * np.pi)

    def times(z: Points) -> Plane:
        return escape_time(z, np.full_like(z, parameter), formula, limit=200)

    spots = _square(1.2, 1024, rng)
    beside_set = spots[np.argsort(times(spots), kind="stable")[-256:]]
    centres = rng.choice(beside_set, 10)
    widths = np.exp(rng.uniform(np.log(0.15), np.log(2.4), len(centres)))
    windows = list(zip(centres.tolist(), widths.tolist(), strict=True))
    z = view(samples(size), *_best_window(windows, angle, times), angle)
    return _paint(z, np.full_like(z, parameter), formula, times(z), rng)


def mandelbrot(size: int, rng: np.random.Generator) -> Field:
    """Draw a place on the edge of the Mandelbrot set, or of one of its relatives.

    The place is found by walking down: see `_edge_windows`.

    Args:
        size: Edge of the picture in pixels.
        rng: Draws formula, place, depth and shading.

    Returns:
        The field, `samples(size)` points along an edge.
    """
    formula = _MANDELBROT_FORMULAS[rng.integers(len(_MANDELBROT_FORMULAS))]
    depth = rng.uniform(0.3, 4.5)
    angle = rng.uniform(0, 2 * np.pi)

    def times(c: Points) -> Plane:
        return escape_time(formula.critical(c), c, formula, limit=int(120 + 60 * depth))

    windows = _edge_windows(2 * formula.reach, depth, times, rng)
    c = view(samples(size), *_best_window(windows, angle, times), angle)
    return _paint(formula.critical(c), c, formula, times(c), rng)


def _square(reach: float, count: int, rng: np.random.Generator) -> Points:
    parts = rng.uniform(-reach, reach, (2, count))
    return parts[0] + 1j * parts[1]


def _slow_parameter(formula: Formula, rng: np.random.Generator) -> complex:
    """Find a parameter whose critical orbit leaves, but only after many steps."""
    c = _square(formula.reach, 4096, rng)
    times = escape_time(formula.critical(c), c, formula, limit=120)
    slow = c[times > min(rng.uniform(12, 30), times.max() - 0.01)]
    return complex(rng.choice(slow))


def _edge_windows(
    width: float, depth: float, times: Times, rng: np.random.Generator
) -> list[Window]:
    """Walk down to the edge of a parameter set: again and again look closer at a slow point.

    Args:
        width: Of the square around 0 to begin with.
        depth: How far to zoom in, in powers of ten.
        times: Escape times of parameters.
        rng: Draws the points to look at.

    Returns:
        Windows (centre, width) around the places found.
    """
    paths, looks, zoom = 4, 256, 0.12
    final = width * 10.0**-depth
    centres = np.zeros((paths, 1), np.complex128)
    while True:
        c = centres + _square(width / 2, paths * looks, rng).reshape(paths, looks)
        slow = np.argsort(times(c), axis=1, kind="stable")[:, -rng.integers(2, 24)]
        centres = np.take_along_axis(c, slow[:, None], axis=1)
        if width <= final:
            return [(centre, width * f) for centre in centres[:, 0].tolist() for f in (0.5, 1, 2)]
        width = max(final, width * zoom)


def _best_window(windows: Sequence[Window], angle: float, times: Times) -> Window:
    """Choose the window that is neither smooth nor grain, and in which few orbits stay."""
    seen = times(np.stack([view(32, centre, width, angle) for centre, width in windows]))
    return windows[int(np.argmax([_promise(one) for one in seen]))]


def _promise(times: Plane) -> float:
    """Score a small view: 0 at best, lower when too smooth, too rough or mostly interior."""
    ideal_roughness, enough_outside = 0.11, 0.75
    height = equalise(np.log(times + 1))
    roughness = np.mean([np.abs(np.diff(height, axis=axis)).mean() for axis in (0, 1)])
    outside = float((times > 0).mean())
    return -abs(np.log((roughness + 1e-3) / ideal_roughness)) - 3 * max(0, enough_outside - outside)


def _paint(z: Points, c: Points, formula: Formula, times: Plane, rng: np.random.Generator) -> Field:
    """Turn escape times into phase and light; sometimes an orbit trap is woven in.

    Args:
        z: Where the orbits began, side x side.
        c: Their parameters.
        formula: The map.
        times: Their escape times.
        rng: Draws the shading.
    """
    stays = times == 0
    height = np.log(times + 1)
    height[stays] = height.max()
    height = equalise(height)
    turns = np.float32(rng.uniform(0.8, 2.2))
    light = relief(calm(height, 0.05), rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.8))
    bands = turns * calm(height, 0.1 / float(turns))
    trap = (None, None, None, origin, cross, ring)[rng.integers(6)]
    if trap:
        near = equalise(np.log(nearest_approach(z, c, formula, trap, steps=14) + 1e-3))
        bands = np.float32(0.3) * bands + turns * calm(near, 0.15 / float(turns))
    if stays.any():
        near = nearest_approach(z[stays], c[stays], formula, origin, steps=40)
        bands[stays] = 0.5 + turns * equalise(np.log(near + 1e-3))
        light[stays] = 0.55
    return Field(bands, light)
