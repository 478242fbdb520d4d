"""Contour lines as an artist draws them, for the looks that are drawn. No look lives here.

Lines are found at a fixed working size, in the strongest contrast of the colours, along the flow
of the form, and less where everything is busy, so that fur, grass and noise do not turn into
scribble. What comes out is the distance to the nearest line: a look chooses the width, the wobble
and the texture of its own pen.
"""

from typing import NamedTuple

import cv2
import numpy as np

from genmix.editing.procedural.areas import calm, shrink
from genmix.editing.procedural.tools import Field, noise, soften
from genmix.images import Image

_WORKING_SIDE = 320
"""Pixels of the shorter side at which form is read; more finds texture, not form."""

_SCALE = 0.0035
"""Deviation of the Gaussian that finds lines, as a share of the shorter side."""

_SURROUND = 0.06
"""How far around a line busyness is felt, as a share of the shorter side."""

_LEAST_RESPONSE = 0.004
"""Contrast below which nothing is a line, however empty the picture is."""

_COLOUR_COUNTS = 2.0
"""How much a step of colour counts as a line, against a step of lightness."""

_FAR = 1.0
"""The distance, in shorter sides, of a picture that has no lines."""


class Flow(NamedTuple):
    """The direction along the edges of a picture, as cosine and sine; its sense is arbitrary."""

    cosine: Field
    sine: Field


def line_distance(image: Image, detail: float) -> Field:
    """Return how far each pixel is from the nearest contour line.

    Args:
        image: The photo.
        detail: 0 draws the main contours only, 1 every line that can be told from texture.

    Returns:
        Distance in shorter sides, at the photo's size; see `stroke`.
    """
    work = calm(shrink(image, _WORKING_SIDE), passes=2)
    light, colour = _light_and_colour(work)
    flow = edge_flow(light, colour)
    calming = 0.85 - 0.45 * detail
    response = _line_response(light, colour, flow, max(0.7, _SCALE * min(light.shape)), calming)
    response *= _middle_first(*light.shape)
    ridge = _ridge(response, flow)
    lines = _linked(ridge, response, density=0.03 + 0.05 * detail, least=0.10 - 0.07 * detail)
    if not lines.any():
        return np.full(image.shape[:2], _FAR, np.float32)
    distance = cv2.distanceTransform(1 - lines, cv2.DIST_L2, 5)
    distance = soften(np.asarray(distance, np.float32), 0.8)
    height, width = image.shape[:2]
    distance = cv2.resize(distance, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(distance / min(light.shape), np.float32)


def stroke(distance: Field, width: float | Field) -> Field:
    """Return the cover of a pen stroke of this width (in shorter sides) along the lines."""
    edge = 0.7 / min(distance.shape)
    half = np.maximum(np.asarray(width, np.float32) / 2, np.float32(edge))
    return np.asarray(np.clip((half - distance) / np.float32(2 * edge) + 0.5, 0, 1), np.float32)


def pressure(height: int, width: int, rng: np.random.Generator, share: float = 0.6) -> Field:
    """Draw how hard a hand presses, place by place: a field from 1 - `share` to 1 + `share`."""
    return 1 + share * (2 * noise(height, width, 0.25, rng, octaves=2) - 1)


def elbow_room(distance: Field) -> Field:
    """Return a factor on the pen's width: 1 for a line alone, a third where many run close."""
    crowd = soften(stroke(distance, 0.008), 0.03 * min(distance.shape))
    return np.clip(1.25 - 1.7 * crowd, 0.33, 1)


def edge_flow(*planes: Field, sigma: float = 2.0) -> Flow:
    """Read the direction along the edges of one plane or several (smoothed structure tensor)."""
    xx, yy, xy = (np.zeros(planes[0].shape, np.float32) for _ in range(3))
    for plane in planes:
        across, down = _slopes(plane)
        xx += across * across
        yy += down * down
        xy += across * down
    xx, yy, xy = soften(xx, sigma), soften(yy, sigma), soften(xy, sigma)
    # The tensor gives the doubled angle of the steepest way; halve it, and turn by a right angle.
    doubled = (xx - yy) / (np.sqrt((xx - yy) ** 2 + 4 * xy * xy) + np.float32(1e-12))
    cosine = np.sqrt(np.maximum(0.5 + 0.5 * doubled, 0))
    sine = np.copysign(np.sqrt(np.maximum(0.5 - 0.5 * doubled, 0)), xy)
    return Flow(-sine, cosine)


def along(field: Field, flow: Flow, steps: int, stride: float = 1.0) -> Field:
    """Average a field along the flow, `steps` steps to both sides (line integral convolution).

    Args:
        field: One plane or three.
        flow: The direction at each pixel.
        steps: To each side.
        stride: Pixels a step.
    """
    x0, y0 = grid(*field.shape[:2])
    total = field.copy()
    for sense in (stride, -stride):
        x, y, dx, dy = x0, y0, sense * flow.cosine, sense * flow.sine
        for step in range(steps):
            x, y = x + dx, y + dy
            total += _sample(field, x, y, cv2.INTER_LINEAR)
            if step + 1 < steps:
                cosine = _sample(flow.cosine, x, y, cv2.INTER_NEAREST)
                sine = _sample(flow.sine, x, y, cv2.INTER_NEAREST)
                # The tensor knows a direction, not its sense: walk on the way we came.
                sense_here = np.copysign(np.float32(stride), cosine * dx + sine * dy)
                dx, dy = cosine * sense_here, sine * sense_here
    total /= 2 * steps + 1
    return total


def wobble(field: Field, amount: float, rng: np.random.Generator) -> Field:
    """Shift a field by smooth noise of `amount` shorter sides, as an unsteady hand does."""
    height, width = field.shape[:2]
    reach = 2 * amount * min(height, width)
    x, y = grid(height, width)
    x = x + reach * (noise(height, width, 0.18, rng, octaves=2) - 0.5)
    y = y + reach * (noise(height, width, 0.18, rng, octaves=2) - 0.5)
    return _sample(field, x, y, cv2.INTER_LINEAR)


def grid(height: int, width: int) -> tuple[Field, Field]:
    """Return x and y of every pixel."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y


def _middle_first(height: int, width: int) -> Field:
    """Return the weight of lines by place: whoever takes a photo puts the subject in the middle."""
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    return np.asarray(1.2 - 0.3 * (x * x + y * y), np.float32)


def _light_and_colour(image: Image) -> tuple[Field, Field]:
    """Return lightness, and the axis along which the colours differ most.

    Where red meets green of the same lightness there is a line too.
    """
    light, a, b = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32) / 255)
    chroma = np.stack([a.ravel(), b.ravel()])[:, ::7]
    if chroma.shape[1] < 3:
        return np.asarray(light, np.float32), np.zeros(light.shape, np.float32)
    _, axes = np.linalg.eigh(np.cov(chroma))
    first, second = _COLOUR_COUNTS * axes[:, 1].astype(np.float32)
    return np.asarray(light, np.float32), np.asarray(first * a + second * b, np.float32)


def _line_response(light: Field, colour: Field, flow: Flow, sigma: float, calming: float) -> Field:
    """Return how much darker each pixel is than its sides, less the surroundings' busyness."""
    light_x, light_y = _slopes(light)
    colour_x, colour_y = _slopes(colour)
    # A step of colour counts as a step of lightness, in whatever sense the two go together here.
    together = soften(light_x * colour_x + light_y * colour_y, 4 * sigma)
    darker = _dark_side(light, sigma) + np.sign(together) * _dark_side(colour, sigma)
    response = along(np.asarray(darker, np.float32), flow, steps=3, stride=1.4)
    reach = max(3, round(_SURROUND * min(light.shape)) | 1)
    busy = cv2.blur(cv2.blur(np.abs(response), (reach, reach)), (reach, reach))
    return np.asarray(np.maximum(response - np.float32(calming) * busy, 0), np.float32)


def _dark_side(plane: Field, sigma: float) -> Field:
    """Return how far each pixel lies below what is around it (difference of Gaussians)."""
    return soften(plane, 1.6 * sigma) - soften(plane, sigma)


def _slopes(plane: Field) -> tuple[Field, Field]:
    """Return the slopes to the right and downwards."""
    across = cv2.Sobel(plane, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(plane, cv2.CV_32F, 0, 1)
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _ridge(response: Field, flow: Flow) -> Field:
    """Keep the response where it is highest across the flow."""
    x, y = grid(*response.shape)
    one = _sample(response, x - flow.sine, y + flow.cosine, cv2.INTER_LINEAR)
    other = _sample(response, x + flow.sine, y - flow.cosine, cv2.INTER_LINEAR)
    return np.where((response >= one) & (response >= other), response, np.float32(0))


def _linked(ridge: Field, response: Field, density: float, least: float) -> Image:
    """Keep the ridges that are strong somewhere and long enough (hysteresis).

    Args:
        ridge: See `_ridge`.
        response: See `_line_response`.
        density: Share of the picture that may answer as line.
        least: Length of the shortest line, in shorter sides.

    Returns:
        uint8, height x width: 1 on lines.
    """
    high, low = np.quantile(response[::2, ::2], (1 - density, 1 - 3 * density))
    high, low = max(high, _LEAST_RESPONSE), max(low, 0.4 * _LEAST_RESPONSE)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (ridge > low).astype(np.uint8), connectivity=8
    )
    keep = np.zeros(count, np.uint8)
    keep[labels[ridge > high]] = 1
    extent = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    keep[extent < least * min(ridge.shape)] = 0
    keep[0] = 0
    return keep[labels]


def _sample(field: Field, x: Field, y: Field, how: int) -> Field:
    sampled = cv2.remap(field, x, y, how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.float32)
