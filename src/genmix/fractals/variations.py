"""The nonlinear maps of fractal flames, written on the complex plane with z = x + iy.

Theta is arctan2(y, x) here, which is phi in Draves and Reckase; their theta is arctan(x / y). The
maps that use it are so mirrored about the diagonal, x for y.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Cloud: TypeAlias = npt.NDArray[np.complex64]
Variation: TypeAlias = Callable[[Cloud], Cloud]

_PI = np.float32(np.pi)


def linear(z: Cloud) -> Cloud:
    """Variation 0 of Draves and Reckase, "The Fractal Flame Algorithm" (2003), as all here."""
    return z


def sinusoidal(z: Cloud) -> Cloud:
    """Variation 1: (sin x, sin y)."""
    return _complex(np.sin(z.real), np.sin(z.imag))


def spherical(z: Cloud) -> Cloud:
    """Variation 2: (x, y) / r**2."""
    radius = _radius(z)
    return z / (radius * radius)


def swirl(z: Cloud) -> Cloud:
    """Variation 3: turned by r**2."""
    squared = z.real**2 + z.imag**2
    return z * _complex(np.sin(squared), np.cos(squared))


def horseshoe(z: Cloud) -> Cloud:
    """Variation 4: ((x - y)(x + y), 2xy) / r."""
    return z * z / _radius(z)


def polar(z: Cloud) -> Cloud:
    """Variation 5: (theta / pi, r - 1)."""
    return _complex(_angle(z) / _PI, np.abs(z) - 1)


def handkerchief(z: Cloud) -> Cloud:
    """Variation 6: r (sin(theta + r), cos(theta - r))."""
    radius, theta = _radius(z), _angle(z)
    return radius * _complex(np.sin(theta + radius), np.cos(theta - radius))


def heart(z: Cloud) -> Cloud:
    """Variation 7: r (sin(theta r), -cos(theta r))."""
    radius = _radius(z)
    turned = _angle(z) * radius
    return radius * _complex(np.sin(turned), -np.cos(turned))


def disc(z: Cloud) -> Cloud:
    """Variation 8: theta / pi (sin(pi r), cos(pi r))."""
    turned = _PI * _radius(z)
    across = _angle(z) / _PI
    return across * _complex(np.sin(turned), np.cos(turned))


def spiral(z: Cloud) -> Cloud:
    """Variation 9: (cos theta + sin r, sin theta - cos r) / r."""
    radius = _radius(z)
    return (z / radius + _complex(np.sin(radius), -np.cos(radius))) / radius


def hyperbolic(z: Cloud) -> Cloud:
    """Variation 10: (sin theta / r, r cos theta)."""
    radius = _radius(z)
    return _complex(z.imag / (radius * radius), z.real)


def julia(z: Cloud) -> Cloud:
    """Variation 13, one of its two branches: the square root of z."""
    return np.sqrt(z)


def bent(z: Cloud) -> Cloud:
    """Variation 14: x doubled where negative, y halved where negative."""
    return _complex(
        np.where(z.real < 0, 2 * z.real, z.real), np.where(z.imag < 0, z.imag / 2, z.imag)
    )


def fisheye(z: Cloud) -> Cloud:
    """Variation 27, eyefish: 2 (x, y) / (r + 1)."""
    return z * (2 / (np.abs(z) + 1))


def bubble(z: Cloud) -> Cloud:
    """Variation 28: 4 (x, y) / (r**2 + 4)."""
    return z * (4 / (z.real**2 + z.imag**2 + 4))


def cylinder(z: Cloud) -> Cloud:
    """Variation 29: (sin x, y)."""
    return _complex(np.sin(z.real), z.imag)


VARIATIONS: tuple[Variation, ...] = (
    linear,
    sinusoidal,
    spherical,
    swirl,
    horseshoe,
    polar,
    handkerchief,
    heart,
    disc,
    spiral,
    hyperbolic,
    julia,
    bent,
    fisheye,
    bubble,
    cylinder,
)


def _radius(z: Cloud) -> npt.NDArray[np.float32]:
    return np.abs(z) + np.float32(1e-6)


def _angle(z: Cloud) -> npt.NDArray[np.float32]:
    return np.arctan2(z.imag, z.real)


def _complex(x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> Cloud:
    z = np.empty(x.shape, np.complex64)
    z.real, z.imag = x, y
    return z
