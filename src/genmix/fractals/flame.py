"""The flame family: where a random system of maps throws a cloud of points."""

from collections.abc import Iterator
from itertools import count
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from genmix.fractals.field import Field, Plane, calm, equalise, relief, samples
from genmix.fractals.variations import VARIATIONS, Cloud, Variation

Hues: TypeAlias = npt.NDArray[np.float32]

_POINTS = 1 << 14
_HITS_PER_SAMPLE = 7
_SETTLING_STEPS = 16
_CANDIDATES = 5


class Map(NamedTuple):
    """One map of a system: an affine map, then a blend of variations.

    Attributes:
        share: How often it is taken, of 1.
        hue: Towards which place in the palette it pulls a point, of 1.
        affine: The a, b and c of a z + b conj(z) + c.
        blend: Variations and their weights.
    """

    share: float
    hue: np.float32
    affine: Cloud
    blend: tuple[tuple[np.float32, Variation], ...]


class System(NamedTuple):
    """Maps, and into how many turned copies their picture is repeated."""

    maps: tuple[Map, ...]
    symmetry: int


class Frame(NamedTuple):
    """The square of the plane that is looked at."""

    centre: complex
    width: float


def flame(size: int, rng: np.random.Generator) -> Field:
    """Draw a fractal flame (Draves and Reckase, "The Fractal Flame Algorithm", 2003).

    A cloud of points is thrown about by maps taken at random; density is shown on a logarithmic
    scale, colour by the maps that a point went through. Of a few systems, the one is drawn whose
    points cover the picture neither thinly nor evenly.

    Args:
        size: Edge of the picture in pixels.
        rng: Draws the system, the points and the shading.

    Returns:
        The field, `samples(size)` points along an edge.
    """
    ideal_entropy = 5.6
    with np.errstate(all="ignore"):
        systems = [_draw_system(rng) for _ in range(_CANDIDATES)]
        looks = [_survey(system, rng) for system in systems]
        best = int(np.argmin([abs(entropy - ideal_entropy) for _, entropy in looks]))
        frame, _ = looks[best]
        closer = frame._replace(width=frame.width * rng.uniform(0.65, 1.0))
        density, hues = _expose(systems[best], closer, samples(size), rng)
    return _develop(density, hues, rng)


def _draw_system(rng: np.random.Generator) -> System:
    shares = rng.dirichlet(np.full(rng.integers(2, 5), 4.0))
    kinds = rng.choice(len(VARIATIONS), 2, replace=False)
    maps = tuple(_draw_map(float(share), kinds, rng) for share in shares)
    return System(maps, symmetry=int(rng.choice([1, 1, 2, 3, 4, 5, 6])))


def _draw_map(share: float, kinds: npt.NDArray[np.int64], rng: np.random.Generator) -> Map:
    # An affine map with singular values s, t is a z + b conj(z), |a| = (s + t)/2, |b| = (s - t)/2.
    stretch = rng.uniform(0.35, 1.0, 2)
    turns = np.exp(2j * np.pi * rng.random(2))
    linear, mirrored = turns * (stretch.sum() / 2, (stretch[0] - stretch[1]) / 2)
    affine = np.array([linear, mirrored, complex(*rng.uniform(-1, 1, 2))])
    weights = rng.dirichlet((0.6, 0.6))
    blend = tuple(
        (np.float32(weight), VARIATIONS[kind])
        for weight, kind in zip(weights, rng.permutation(kinds), strict=True)
        if weight > 0.08
    )
    return Map(
        share,
        np.float32(rng.random()),
        affine.astype(np.complex64),
        blend,
    )


def _throw(system: System, points: int, rng: np.random.Generator) -> Iterator[tuple[Cloud, Hues]]:
    """Play the chaos game with many points at once, for ever.

    Each step shuffles the points and gives each map a run of them as long as its share, which is
    cheaper than a choice for each point.

    Yields:
        Where the points are, complex64, and their hues, float32 in [0, 1].
    """
    ends = np.cumsum([one.share for one in system.maps]) * points
    bounds = [0, *np.rint(ends[:-1]).astype(int).tolist(), points]
    shuffles = [rng.permutation(points) for _ in range(4)]
    copies = np.exp(2j * np.pi * np.arange(points) / system.symmetry).astype(np.complex64)
    z = (rng.uniform(-1, 1, points) + 1j * rng.uniform(-1, 1, points)).astype(np.complex64)
    hues = rng.random(points, np.float32)
    for step in count():
        shuffle = shuffles[rng.integers(len(shuffles))]
        z, hues = z.take(shuffle), hues.take(shuffle)
        for one, first, end in zip(system.maps, bounds, bounds[1:], strict=False):
            z[first:end] = _mapped(one, z[first:end])
            hues[first:end] = (hues[first:end] + one.hue) / 2
        z[~(np.abs(z.real) + np.abs(z.imag) < 1e4)] = 0
        if step >= _SETTLING_STEPS:
            yield z * copies, hues


def _mapped(one: Map, z: Cloud) -> Cloud:
    linear, mirrored, shift = one.affine
    placed: Cloud = linear * z + mirrored * np.conj(z) + shift
    mixed = np.zeros_like(placed)
    for weight, variation in one.blend:
        mixed += weight * variation(placed)
    return mixed


def _survey(system: System, rng: np.random.Generator) -> tuple[Frame, float]:
    """Find the frame that holds most of a system, and the entropy of its density there."""
    cells = 24
    throws = _throw(system, 1024, rng)
    cloud = np.concatenate([next(throws)[0] for _ in range(8)])
    low, high = np.quantile([cloud.real, cloud.imag], (0.06, 0.94), axis=1)
    middle = (low + high) / 2
    frame = Frame(complex(*middle), float((high - low).max()) + 1e-6)
    places, _ = _hits(cloud, frame, cells, tilt=1)
    counts = np.bincount(places, minlength=cells * cells)
    share = counts[counts > 0] / max(counts.sum(), 1)
    return frame, float(-(share * np.log(share)).sum())


def _hits(
    cloud: Cloud, frame: Frame, side: int, tilt: complex
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.intp]]:
    """Find in which sample of the frame each point falls, and which points fall into it at all."""
    scale = tilt * side / frame.width
    on_grid = cloud * np.complex64(scale) + np.complex64(side * (0.5 + 0.5j) - scale * frame.centre)
    x, y = on_grid.real, on_grid.imag
    inside = ((x >= 0) & (x < side) & (y >= 0) & (y < side)).nonzero()[0]
    return y.take(inside).astype(np.int32) * side + x.take(inside).astype(np.int32), inside


def _expose(
    system: System, frame: Frame, side: int, rng: np.random.Generator
) -> tuple[Plane, Plane]:
    """Count the hits on each sample, and sum their hues."""
    density, hue_sum = np.zeros(side * side), np.zeros(side * side)
    tilt = complex(np.exp(2j * np.pi * rng.random()))
    throws = _throw(system, _POINTS, rng)
    at_once = 16
    for _ in range(0, _HITS_PER_SAMPLE * side * side, _POINTS * at_once):
        clouds, hues = zip(*(next(throws) for _ in range(at_once)), strict=True)
        places, inside = _hits(np.concatenate(clouds), frame, side, tilt)
        density += np.bincount(places, minlength=side * side)
        hue_sum += np.bincount(places, np.concatenate(hues)[inside], minlength=side * side)
    shape = (side, side)
    return density.astype(np.float32).reshape(shape), hue_sum.astype(np.float32).reshape(shape)


def _develop(density: Plane, hue_sum: Plane, rng: np.random.Generator) -> Field:
    """Turn counts into phase and light.

    Where hits are few they are spread over their neighbours, the fewer the further (adaptive
    density estimation, Suykens and Willems, 2000); a wide glow fills what stays empty.
    """
    side = len(density)
    both = cv2.merge((density, hue_sum))
    fine, middle, wide, glow = (
        _blurred(both, sigma) for sigma in (0.7, side / 200, side / 60, side / 12)
    )
    spread = _blend(middle, wide, middle[..., :1], enough=1.5)
    spread = _blend(fine, spread, fine[..., :1], enough=6)
    mean = float(density.mean()) + 1e-6
    filled = spread + np.float32(0.02) * glow
    hue = filled[..., 1] / (filled[..., 0] + np.float32(1e-3 * mean))
    tone = np.log1p(spread[..., 0] * np.float32(4 / mean))
    tone /= np.float32(np.quantile(tone, 0.995) + 1e-6)
    far = np.log1p(glow[..., 0] * np.float32(4 / mean))
    even = equalise(tone + np.float32(0.3) * far / (far.max() + np.float32(1e-6)))
    turns = np.float32(rng.uniform(0.6, 1.5))
    if rng.random() < 0.6:
        shade = relief(calm(tone, 0.1), rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.35))
        light = shade * (np.float32(0.75) + np.float32(0.3) * even)
        return Field(np.float32(0.5) * hue + turns * calm(even, 0.15), light)
    light = np.float32(0.4) + np.float32(0.7) * even + np.float32(0.35) * np.maximum(tone - 0.8, 0)
    return Field(turns * (np.float32(0.7) * hue + np.float32(0.45) * even), light)


def _blurred(picture: Plane, sigma: float) -> Plane:
    """Blur with a Gaussian; a wide one on a smaller copy, where it costs little."""
    height, width = picture.shape[:2]
    shrink = max(1, int(sigma / 2))
    small = cv2.resize(picture, (width // shrink, height // shrink), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / shrink)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def _blend(near: Plane, far: Plane, hits: Plane, enough: float) -> Plane:
    """Take what is near where it rests on enough hits, and what is further away elsewhere."""
    return far + np.minimum(hits / np.float32(enough), np.float32(1)) * (near - far)
