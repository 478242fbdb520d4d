"""The Newton family: which root of a polynomial a point runs to, and how long it takes."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from genmix.fractals.field import Field, Plane, Points, calm, equalise, relief, samples, view

Roots: TypeAlias = npt.NDArray[np.complex128]

_LIMIT = 40
_NEAR = 1e-4
_BLOCK = 1 << 14


def newton(size: int, rng: np.random.Generator) -> Field:
    """Draw the basins of Newton's method, often relaxed so that they wind into each other.

    z becomes z - a p(z) / p'(z), with a complex a near 1 (Arthur Cayley, 1879; relaxed: Peitgen,
    Saupe and von Haeseler, "Cayley's problem and Julia sets", 1984).

    Args:
        size: Edge of the picture in pixels.
        rng: Draws the roots, the relaxation, the view and the shading.

    Returns:
        The field, `samples(size)` points along an edge.
    """
    roots = _draw_roots(rng)
    relaxed = rng.random() < 0.6
    shrinkage = rng.uniform(0.2, 0.7) * np.exp(2j * np.pi * rng.random())
    relaxation = complex(1 - shrinkage) if relaxed else 1 + 0j
    angle = rng.uniform(0, 2 * np.pi)
    centre, width = _best_window(roots, relaxation, angle, rng)
    basin, times = descend(view(samples(size), centre, width, angle), roots, relaxation)

    height = equalise(times)
    by_basin = rng.random() < 0.5
    turns = rng.uniform(0.2, 0.7) if by_basin else rng.uniform(0.8, 3.0)
    phase = np.float32(turns) * calm(height, 0.1 / max(1.0, turns))
    light = relief(calm(-height, 0.05), rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.6))
    if by_basin:
        phase = phase + basin / np.float32(len(roots))
        light = light * (1 - np.float32(0.35) * calm(height, 0.1))
    return Field(phase, light)


def descend(z: Points, roots: Roots, relaxation: complex) -> tuple[Plane, Plane]:
    """Run Newton's method until its steps are short.

    The time is continuous: at the end the step's length is squared each time (a = 1), or shrinks
    by |1 - a|, and the fraction of a step is read from how far below the goal it fell.

    Args:
        z: Where to begin, any shape.
        roots: Of the polynomial, all different.
        relaxation: The a above, |1 - a| < 1.

    Returns:
        Two float32 of the shape of z: the number of the root, and the steps to it.
    """
    goal = np.zeros(z.size, np.complex128)
    times = np.full(z.size, _LIMIT, np.float32)
    flat = z.ravel()
    with np.errstate(all="ignore"):
        for first in range(0, z.size, _BLOCK):
            block = slice(first, first + _BLOCK)
            goal[block], times[block] = _descend_block(flat[block], roots, relaxation)
    basin = np.abs(goal[:, None] - roots).argmin(axis=1)
    return basin.astype(np.float32).reshape(z.shape), times.reshape(z.shape)


def _descend_block(z: Points, roots: Roots, relaxation: complex) -> tuple[Points, Plane]:
    coefficients = np.poly(roots).astype(np.complex128)
    degree = len(roots)
    slopes = coefficients[:-1] * np.arange(degree, 0, -1)
    shrinkage = abs(1 - relaxation)
    goal = np.zeros(z.size, np.complex128)
    times = np.full(z.size, _LIMIT, np.float32)
    index = np.arange(z.size)
    for done in range(1, _LIMIT + 1):
        step = _polynomial(coefficients, z)
        step /= _polynomial(slopes, z)
        step *= relaxation
        z = z - step
        squared = step.real**2 + step.imag**2
        near = squared < _NEAR**2
        if not near.any():
            continue
        below = np.log(np.maximum(squared.compress(near), 1e-60)) / (2 * np.log(_NEAR))
        fraction = (below - 1) * np.log(_NEAR) / np.log(shrinkage) if shrinkage else np.log2(below)
        arrived = index.compress(near)
        goal[arrived], times[arrived] = z.compress(near), done - fraction
        away = (~near).nonzero()[0]
        z, index = z.take(away), index.take(away)
        if not away.size:
            break
    goal[index] = z
    return goal, times


def _polynomial(coefficients: Roots, z: Points) -> Points:
    value = coefficients[0] * z
    for coefficient in coefficients[1:-1]:
        value += coefficient
        value *= z
    value += coefficients[-1]
    return value


def _draw_roots(rng: np.random.Generator) -> Roots:
    """Draw three to eight roots in the unit disc: one or two polygons, or scattered."""
    if rng.random() < 0.5:
        degree = int(rng.integers(3, 7))
        roots = rng.normal(size=degree) + 1j * rng.normal(size=degree)
        roots -= roots.mean()
        return roots / np.abs(roots).max()
    corners = int(rng.integers(3, 6))
    polygon = np.exp(2j * np.pi * np.arange(corners) / corners)
    if corners < 5 and rng.random() < 0.6:
        turn = np.exp(2j * np.pi * rng.random())
        return np.concatenate((polygon, rng.uniform(0.3, 0.8) * turn * polygon))
    return polygon


def _best_window(
    roots: Roots, relaxation: complex, angle: float, rng: np.random.Generator
) -> tuple[complex, float]:
    """Choose, among eight windows, the one with a good share of border between basins."""
    ideal_border = 0.25
    centres = rng.uniform(-0.8, 0.8, (8, 2)) @ np.array([1, 1j])
    widths = np.exp(rng.uniform(np.log(0.15), np.log(3.0), len(centres)))
    probes = np.stack([view(24, c, w, angle) for c, w in zip(centres, widths, strict=True)])
    basin, _ = descend(probes, roots, relaxation)
    border = (np.diff(basin, axis=1) != 0).mean(axis=(1, 2))
    best = int(np.abs(np.log((border + 1e-3) / ideal_border)).argmin())
    return complex(centres[best]), float(widths[best])
