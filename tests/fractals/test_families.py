"""The families give fields that a palette can turn into pictures, and do the mathematics right."""

from cmath import polar
from collections.abc import Callable
from math import cos, pi, sin, sqrt
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genmix.errors import GenmixError
from genmix.fractals import FAMILIES
from genmix.fractals.families import BY_NAME
from genmix.fractals.field import Plane, Points, calm, equalise, relief, samples, view
from genmix.fractals.newton import descend
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
from genmix.fractals.palettes import Palette, palettes, shades
from genmix.fractals.variations import VARIATIONS, Variation
from genmix.validation import parse_yaml

STEPS: list[tuple[Formula, Callable[[complex, complex], complex]]] = [
    (QUADRATIC, lambda z, c: z**2 + c),
    (CUBIC, lambda z, c: z**3 + c),
    (QUARTIC, lambda z, c: z**4 + c),
    (BURNING_SHIP, lambda z, c: complex(abs(z.real), abs(z.imag)) ** 2 + c),
    (TRICORN, lambda z, c: z.conjugate() ** 2 + c),
    (MCMULLEN, lambda z, c: z**3 + c / z**3),
]


def points(*values: complex) -> Points:
    return np.array(values, np.complex128)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("seed", range(4))
def test_a_family_gives_a_finite_field_with_light_and_many_phases(name: str, seed: int) -> None:
    field = BY_NAME[name](64, np.random.default_rng(seed))
    side = samples(64)
    for plane in field:
        assert plane.shape == (side, side)
        assert plane.dtype == np.float32
        assert np.isfinite(plane).all()
    assert len(np.unique(field.phase)) > side
    assert field.light.min() >= 0
    assert 0.4 < field.light.mean() < 1.6


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_takes_all_its_chances_from_the_generator(name: str) -> None:
    first, again, other = (BY_NAME[name](32, np.random.default_rng(s)) for s in (7, 7, 8))
    assert np.array_equal(first.phase, again.phase)
    assert not np.array_equal(first.phase, other.phase)


@pytest.mark.parametrize(("formula", "step"), STEPS)
def test_an_orbit_leaves_when_its_formula_says_so(
    formula: Formula, step: Callable[[complex, complex], complex]
) -> None:
    rng = np.random.default_rng(0)
    z = points(*(rng.uniform(-1, 1, 40) + 1j * rng.uniform(-1, 1, 40)))
    c = np.full_like(z, 0.3 + 0.45j)
    for start, time in zip(z.tolist(), escape_time(z, c, formula, 60).tolist(), strict=True):
        orbit, steps = start, 0
        while abs(orbit) <= 8 and steps < 60:
            orbit, steps = step(orbit, 0.3 + 0.45j), steps + 1
        # A continuous time lies up to one step before the whole one (two after a jump at a pole).
        assert (time == 0) == (steps == 60)
        assert time == 0 or steps - 2.1 < time <= steps or time == pytest.approx(0.01)


def test_the_escape_time_does_not_jump_from_one_count_to_the_next() -> None:
    c = np.linspace(0.5, 1.5, 2000).astype(np.complex128)
    times = escape_time(np.zeros_like(c), c, QUADRATIC, 120)
    assert np.abs(np.diff(times)).max() < 0.05


def test_an_orbit_that_stays_has_time_zero() -> None:
    assert escape_time(points(0), points(-1), QUADRATIC, 120).tolist() == [0]


def test_an_orbit_that_starts_at_a_pole_does_no_harm() -> None:
    times = escape_time(points(0, 1e-200), points(0.1, 0.1), MCMULLEN, 20)
    assert np.isfinite(times).all()


def test_traps_measure_how_near_an_orbit_comes() -> None:
    # The orbit of -1 under z**2 - 1 is 0, -1, 0, ...
    z, c = points(-1), points(-1)
    assert nearest_approach(z, c, QUADRATIC, origin, 5).tolist() == [0]
    assert nearest_approach(z, c, QUADRATIC, ring, 5).tolist() == [0.5]
    assert nearest_approach(points(1 + 1j), points(0), QUADRATIC, cross, 1).tolist() == [0]


@pytest.mark.parametrize("relaxation", [1, 0.7 + 0.3j])
def test_newtons_method_ends_at_the_root_that_is_told(relaxation: complex) -> None:
    roots = np.exp(2j * np.pi * np.arange(3) / 3)
    basin, times = descend(roots * 1.1, roots, relaxation)
    assert basin.tolist() == [0, 1, 2]
    assert (times > 0).all()
    nearer = descend(roots * 1.01, roots, relaxation)[1]
    assert (nearer < times).all()


class Place(NamedTuple):
    """A point of the plane: x and y, r and theta."""

    x: float
    y: float
    r: float
    t: float


MAPS: dict[str, Callable[[Place], tuple[float, float]]] = {
    "linear": lambda p: (p.x, p.y),
    "sinusoidal": lambda p: (sin(p.x), sin(p.y)),
    "spherical": lambda p: (p.x / p.r**2, p.y / p.r**2),
    "swirl": lambda p: (
        p.x * sin(p.r**2) - p.y * cos(p.r**2),
        p.x * cos(p.r**2) + p.y * sin(p.r**2),
    ),
    "horseshoe": lambda p: ((p.x - p.y) * (p.x + p.y) / p.r, 2 * p.x * p.y / p.r),
    "polar": lambda p: (p.t / pi, p.r - 1),
    "handkerchief": lambda p: (p.r * sin(p.t + p.r), p.r * cos(p.t - p.r)),
    "heart": lambda p: (p.r * sin(p.t * p.r), -p.r * cos(p.t * p.r)),
    "disc": lambda p: (p.t / pi * sin(pi * p.r), p.t / pi * cos(pi * p.r)),
    "spiral": lambda p: ((cos(p.t) + sin(p.r)) / p.r, (sin(p.t) - cos(p.r)) / p.r),
    "hyperbolic": lambda p: (sin(p.t) / p.r, p.r * cos(p.t)),
    "julia": lambda p: (sqrt(p.r) * cos(p.t / 2), sqrt(p.r) * sin(p.t / 2)),
    "bent": lambda p: (p.x if p.x >= 0 else 2 * p.x, p.y if p.y >= 0 else p.y / 2),
    "fisheye": lambda p: (2 * p.x / (p.r + 1), 2 * p.y / (p.r + 1)),
    "bubble": lambda p: (4 * p.x / (p.r**2 + 4), 4 * p.y / (p.r**2 + 4)),
    "cylinder": lambda p: (sin(p.x), p.y),
}
"""Draves and Reckase's formulas."""


@pytest.mark.parametrize("variation", VARIATIONS)
def test_a_variation_is_its_formula_in_single_precision(variation: Variation) -> None:
    rng = np.random.default_rng(0)
    cloud = (rng.normal(size=500) + 1j * rng.normal(size=500)).astype(np.complex64)
    cloud = np.append(cloud[np.abs(cloud) > 0.2], cloud.dtype.type(0))
    mapped = variation(cloud)
    assert mapped.dtype == np.complex64
    assert np.isfinite(mapped).all()
    places = [Place(z.real, z.imag, *polar(z)) for z in cloud[:-1].tolist()]
    expected = [complex(*MAPS[variation.__name__](place)) for place in places]
    np.testing.assert_allclose(mapped[:-1], expected, atol=2e-4)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=60))
def test_equalising_keeps_order_and_stays_within_0_and_1(values: list[float]) -> None:
    plane = np.array(sorted(values), np.float32)
    spread = equalise(plane)
    assert spread.min() >= 0
    assert spread.max() <= 1 + 1e-6
    assert (np.diff(spread) >= -1e-6).all()


def test_equalising_gives_each_part_of_the_range_the_same_area() -> None:
    skewed = np.random.default_rng(0).exponential(size=(200, 200)).astype(np.float32)
    counts, _ = np.histogram(equalise(skewed), bins=10, range=(0, 1))
    assert counts.min() > 0.09 * skewed.size


def test_calming_takes_grain_away_and_leaves_slopes() -> None:
    slope: Plane = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (100, 1))
    assert np.abs(calm(slope, 0.1) - slope)[:, 10:-10].max() < 0.01
    grain = np.random.default_rng(0).random((100, 100), np.float32)
    assert calm(grain, 0.05).std() < grain.std() / 2


def test_level_ground_is_neither_lit_nor_shaded() -> None:
    assert np.array_equal(relief(np.ones((20, 20), np.float32), 1.0, 0.8), np.ones((20, 20)))


def test_a_view_has_its_centre_width_and_angle() -> None:
    grid = view(100, 1 + 2j, 4.0, np.pi / 2)
    assert grid.mean() == pytest.approx(1 + 2j)
    assert grid[0, 1] - grid[0, 0] == pytest.approx(0.04j)


def test_twenty_or_more_palettes_ship_each_with_its_own_name() -> None:
    names = {palette.name for palette in palettes()}
    assert len(names) == len(palettes()) >= 20


@pytest.mark.parametrize("palette", palettes(), ids=lambda palette: palette.name)
def test_a_palette_is_cyclic_smooth_and_vivid(palette: Palette) -> None:
    turn = shades(palette)
    assert turn.min() >= 0
    assert turn.max() <= 1
    assert np.abs(turn - np.roll(turn, 1, axis=0)).max() < 0.02
    saturation = (turn.max(axis=1) - turn.min(axis=1)) / turn.max(axis=1)
    assert saturation.mean() > 0.5


def test_a_palette_with_a_colour_that_is_no_hex_colour_is_refused() -> None:
    with pytest.raises(GenmixError, match=r"odd\.yaml:2"):
        parse_yaml(
            "name: odd\nstops: ['#ff0000', 'red', '#0000ff']", Palette, GenmixError, "odd.yaml"
        )
