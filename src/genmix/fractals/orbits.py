"""Following orbits of complex maps: when they leave, and how near they come to a trap."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from genmix.fractals.field import Plane, Points

Trap: TypeAlias = Callable[[Points], npt.NDArray[np.float64]]

_RADIUS = 8.0
_BLOCK = 1 << 15
"""Points followed together: few enough for the processor's cache, many enough to hide overhead."""


class Formula(NamedTuple):
    """A map that is iterated.

    Attributes:
        power: The degree by which it grows far out; |z| becomes |z| ** power.
        step: Advances z in place, given c.
        stride: Steps between looks at who has left; so many past the circle nothing overflows.
        reach: Parameters worth looking at lie in a square of this half width around 0.
        critical: Where the orbit that decides over a parameter c begins.
    """

    power: int
    step: Callable[[Points, Points], None]
    stride: int
    reach: float
    critical: Callable[[Points], Points] = np.zeros_like


def escape_time(z: Points, c: Points, formula: Formula, limit: int) -> Plane:
    """Count the steps until each orbit leaves a circle, as a continuous number.

    After the step k at which |z| > R, the time is k - log_p(log|z| / log R), p the power: the
    normalised iteration count (Linas Vepstas, "Renormalizing the Mandelbrot Escape", 1997).

    Args:
        z: Where the orbits begin.
        c: Their parameters, the same shape.
        formula: The map.
        limit: Steps after which an orbit counts as one that stays.

    Returns:
        float32, the shape of z; 0 for orbits that stay, at least 0.01 for those that leave.
    """
    starts, parameters = z.ravel(), c.ravel()
    times = np.zeros(z.size, np.float32)
    with np.errstate(all="ignore"):
        for first in range(0, z.size, _BLOCK):
            block = slice(first, first + _BLOCK)
            times[block] = _block_times(starts[block].copy(), parameters[block], formula, limit)
    return times.reshape(z.shape)


def _block_times(z: Points, c: Points, formula: Formula, limit: int) -> Plane:
    times = np.zeros(z.size, np.float32)
    index = np.arange(z.size)
    for done in range(formula.stride, limit + 1, formula.stride):
        for _ in range(formula.stride):
            formula.step(z, c)
        squared = z.real**2 + z.imag**2
        inside = squared <= _RADIUS**2
        if inside.all():
            continue
        growth = np.log(squared.compress(~inside)) / (2 * np.log(_RADIUS))
        # fmax: an orbit that began beside a pole may have run past every number.
        times[index.compress(~inside)] = np.fmax(
            done - np.log(growth) / np.log(formula.power), 0.01
        )
        kept = inside.nonzero()[0]
        z, c, index = z.take(kept), c.take(kept), index.take(kept)
        if not kept.size:
            break
    return times


def nearest_approach(z: Points, c: Points, formula: Formula, trap: Trap, steps: int) -> Plane:
    """Measure how near each orbit comes to a trap (Clifford Pickover's stalks, 1987).

    Args:
        z: Where the orbits begin.
        c: Their parameters, the same shape.
        formula: The map.
        trap: The distance of points from the trap.
        steps: Steps to follow; an orbit that leaves is followed until then.

    Returns:
        float32, the shape of z, at least 0.
    """
    starts, parameters = z.ravel(), c.ravel()
    nearest = np.zeros(z.size, np.float32)
    with np.errstate(all="ignore"):
        for first in range(0, z.size, _BLOCK):
            block = slice(first, first + _BLOCK)
            nearest[block] = _block_nearest(
                starts[block].copy(), parameters[block], formula, trap, steps
            )
    return nearest.reshape(z.shape)


def _block_nearest(
    z: Points, c: Points, formula: Formula, trap: Trap, steps: int
) -> npt.NDArray[np.float64]:
    nearest = np.full(z.size, 1e6)
    index = np.arange(z.size)
    for _ in range(steps):
        formula.step(z, c)
        nearest[index] = np.fmin(nearest[index], trap(z))
        kept = (np.abs(z.real) < 4).nonzero()[0]
        if kept.size < index.size:
            z, c, index = z.take(kept), c.take(kept), index.take(kept)
    return nearest


def origin(z: Points) -> npt.NDArray[np.float64]:
    """Trap at 0."""
    return np.abs(z)


def cross(z: Points) -> npt.NDArray[np.float64]:
    """Trap along both axes."""
    return np.minimum(np.abs(z.real), np.abs(z.imag))


def ring(z: Points) -> npt.NDArray[np.float64]:
    """Trap on the circle of radius 1/2."""
    return np.abs(np.abs(z) - 0.5)


def _quadratic(z: Points, c: Points) -> None:
    z *= z
    z += c


def _cubic(z: Points, c: Points) -> None:
    z *= z * z
    z += c


def _quartic(z: Points, c: Points) -> None:
    z *= z
    z *= z
    z += c


def _burning_ship(z: Points, c: Points) -> None:
    parts = z.view(np.float64)
    np.abs(parts, out=parts)
    z *= z
    z += c


def _tricorn(z: Points, c: Points) -> None:
    np.conjugate(z, out=z)
    z *= z
    z += c


def _mcmullen(z: Points, c: Points) -> None:
    pole = c / (z * z * z)
    z *= z * z
    z += pole


def _mcmullen_critical(c: Points) -> Points:
    return np.power(c, 1 / 6)


QUADRATIC = Formula(2, _quadratic, stride=6, reach=2.0)
CUBIC = Formula(3, _cubic, stride=4, reach=1.5)
QUARTIC = Formula(4, _quartic, stride=3, reach=1.4)
BURNING_SHIP = Formula(2, _burning_ship, stride=6, reach=2.0)
"""Michelitsch and Rössler, "The Burning Ship and Its Quasi-Julia Sets", 1992."""
TRICORN = Formula(2, _tricorn, stride=6, reach=2.0)
"""Crowe, Hasson, Rippon and Strain-Clark, "On the structure of the Mandelbar set", 1989."""
MCMULLEN = Formula(3, _mcmullen, stride=2, reach=0.3, critical=_mcmullen_critical)
"""z**3 + c / z**3: McMullen, "Automorphisms of rational maps", 1988."""
