"""PixMix (Hendrycks et al., CVPR 2022, arXiv 2112.05135): mix in fractals, several times."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genmix.errors import MixerError
from genmix.fractals import FractalBank
from genmix.mixing.base import Mixer, check_images, on_device, weights_like
from genmix.mixing.operations import (
    AUGMIX_OPERATIONS,
    Levels,
    Step,
    apply_chain,
    apply_chains,
    check_severity,
    check_steps,
    draw_steps,
    for_parts,
    is_on_cpu,
    plane,
    to_exact,
    to_levels,
    write_,
)


class PictureMixer(Mixer):
    """Base of the methods that mix in pictures which show no class.

    Args:
        pictures: A `FractalBank`, or M x C x H x W, uint8 or float in [0, 1], at least as large as
            the images. A bank of 128 fractals, made when the first batch comes and kept in the
            cache, when left out.
        num_classes: See `Mixer`.
        probability: See `Mixer`.
        inplace: See `Mixer`.
        generator: See `Mixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    def __init__(
        self,
        pictures: FractalBank | Tensor | None = None,
        *,
        num_classes: int | None = None,
        probability: float = 1.0,
        inplace: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(
            num_classes=num_classes, probability=probability, inplace=inplace, generator=generator
        )
        if isinstance(pictures, Tensor):
            check_images(pictures)
            pictures = to_levels(pictures, to_exact(pictures))
        if pictures is not None and len(pictures) == 0:
            raise MixerError("there are no pictures to mix in: give one or more")
        self.pictures = pictures
        self._kept: tuple[int, Tensor] | None = None

    def draw_pictures(self, rng: np.random.Generator, images: Tensor) -> Tensor:
        """Draw a picture for each image, and cut a piece of the image's size from it.

        Returns:
            N x C x H x W uint8, on the images' device.

        Raises:
            MixerError: If the pictures have other channels or are too small.
        """
        count, channels, height, width = images.shape
        pictures = self._levels(images)
        depth, rows, columns = pictures.shape[1:]
        if depth != channels or rows < height or columns < width:
            raise MixerError(
                f"the pictures to mix in are {depth} x {rows} x {columns} and the images "
                f"{channels} x {height} x {width}: give pictures of {channels} channels, at least "
                "as large"
            )
        numbers = rng.integers(len(pictures), size=count).tolist()
        tops = rng.integers(rows - height + 1, size=count).tolist()
        lefts = rng.integers(columns - width + 1, size=count).tolist()
        return torch.stack(
            [
                pictures[k, :, top : top + height, left : left + width]
                for k, top, left in zip(numbers, tops, lefts, strict=True)
            ]
        )

    def _levels(self, images: Tensor) -> Tensor:
        """Return all pictures on the images' device, a bank's a little larger than the images."""
        if isinstance(self.pictures, Tensor):
            if self.pictures.device != images.device:
                self.pictures = self.pictures.to(images.device)
            return self.pictures
        side = max(8, math.ceil(max(images.shape[-2:]) * _MARGIN))
        if self._kept is None or self._kept[0] != side or self._kept[1].device != images.device:
            bank = self.pictures or FractalBank.open(_COUNT, side, _SEED)
            drawn = np.stack([bank.fitting(k, side, side) for k in range(len(bank))])
            levels = torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous()
            self._kept = (side, levels.to(images.device))
        return self._kept[1]

    def __getstate__(self) -> dict[str, Any]:
        """Pickle a bank without its pixels, which are quick to read again."""
        return {**self.__dict__, "_kept": None}


_MARGIN = 256 / 224
"""The authors' code cuts pieces of 224 from pictures of 256."""

_COUNT, _SEED = 128, 0
"""Of the bank that is made when none is given."""


class PixMix(PictureMixer):
    """Mix each image several times with a fractal or an augmented copy of itself; the label stays.

    Images are uint8, or float in [0, 1]: put it before normalisation. See `pixmix` for the
    arithmetic and `PictureMixer` for the other arguments.

    Args:
        pictures: See `PictureMixer`.
        rounds: Most rounds of mixing, k; the number is drawn for each image from 0 to k.
        beta: β of the coefficients; the higher, the more of the image stays. The paper has 3 for
            CIFAR and 4 for ImageNet.
        severity: Of the operations that augment, from 1 to 10; the authors' code has 3 for CIFAR
            and 1 for ImageNet.
        num_classes: See `Mixer`.
        probability: See `Mixer`.
        inplace: See `Mixer`.
        generator: See `Mixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    def __init__(
        self,
        pictures: FractalBank | Tensor | None = None,
        *,
        rounds: int = 4,
        beta: float = 3.0,
        severity: float = 3,
        num_classes: int | None = None,
        probability: float = 1.0,
        inplace: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(
            pictures,
            num_classes=num_classes,
            probability=probability,
            inplace=inplace,
            generator=generator,
        )
        if rounds < 1:
            raise MixerError(f"rounds is {rounds}: it must be 1 or more")
        check_beta(beta)
        check_severity(severity)
        self.rounds = rounds
        self.beta = beta
        self.severity = severity

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw pictures, starts and rounds, and mix."""
        pictures = self.draw_pictures(rng, images)
        starts = self._draw_copies(rng, len(images), images)
        counts = rng.integers(self.rounds + 1, size=len(images)).tolist()
        total = sum(counts)
        copies = self._draw_copies(rng, total, images)
        methods: list[Blending] = [
            "multiply" if multiplies else "add" for multiplies in rng.random(total) < 0.5
        ]
        coefficients = draw_coefficients(rng, self.beta, total)
        drawn = (
            Round(copy, method, *pair)
            for copy, method, pair in zip(copies, methods, coefficients, strict=True)
        )
        rounds = [[next(drawn) for _ in range(count)] for count in counts]
        return pixmix(images, pictures, starts, rounds, inplace=self.inplace), targets

    def _draw_copies(
        self, rng: np.random.Generator, count: int, images: Tensor
    ) -> list[Step | None]:
        """Draw for each whether the image is augmented, and how."""
        steps = draw_steps(rng, count, AUGMIX_OPERATIONS, self.severity, *images.shape[-2:])
        chosen = (rng.random(count) < 0.5).tolist()
        return [step if use else None for step, use in zip(steps, chosen, strict=True)]


Blending: TypeAlias = Literal["add", "multiply"]


class Round(NamedTuple):
    """What is mixed in, and how: a copy of the image augmented by a step, or with None the picture.

    With the coefficients a and b, adding is a x + b y, counted from mid-grey; multiplying is
    x^a y^b, with mid-grey as 1.
    """

    copy: Step | None
    method: Blending
    a: float
    b: float


def pixmix(
    images: Tensor,
    pictures: Tensor,
    starts: Sequence[Step | None],
    rounds: Sequence[Sequence[Round]],
    *,
    inplace: bool = False,
) -> Tensor:
    """Mix a batch by the paper's algorithm (section 3).

    Args:
        images: N x C x H x W, uint8, or float in [0, 1].
        pictures: One for each image, of the same shape, uint8.
        starts: Of each image, the step that augments it first, or None.
        rounds: Of each image, what is mixed in, in turn; the outcome of each is cut to [0, 1].
        inplace: Write into `images`.

    Returns:
        The mixed images, of the same type (uint8 is rounded) and memory format.

    Raises:
        MixerError: If the arguments do not fit together.
    """
    check_images(images)
    check_pictures(pictures, images)
    if len(starts) != len(images) or len(rounds) != len(images):
        raise MixerError(
            f"there are {len(images)} images, {len(starts)} starts and {len(rounds)} lists of "
            "rounds: give one of each for each image"
        )
    every = [each for several in rounds for each in several]
    check_steps([step for step in (*starts, *(each.copy for each in every)) if step])
    for each in every:
        check_blend(each.method, each.a, each.b)
    mixed = images if inplace else torch.empty_like(images)

    def mix_part(at: slice) -> None:
        write_(mixed[at], _mix_part(images[at], pictures[at], starts[at], rounds[at]))

    for_parts(images, mix_part)
    return mixed


def _mix_part(
    images: Tensor,
    pictures: Tensor,
    starts: Sequence[Step | None],
    rounds: Sequence[Sequence[Round]],
) -> Tensor:
    """Mix a part of a batch: floats from 0 to 255."""
    mixed = to_exact(images)
    levels = to_levels(images, mixed)
    if is_on_cpu(mixed):
        arrays = (each.numpy() for each in (mixed, levels, pictures))
        for into, own, picture, start, each in zip(*arrays, starts, rounds, strict=True):
            _mix_one_(into, own, picture, start, each)
        return mixed
    chains = [[step] if step else [] for step in starts]
    augmented = [k for k, chain in enumerate(chains) if chain]
    if augmented:
        at = on_device(augmented, levels)
        (copies,) = apply_chains(levels[at], [[chains[k] for k in augmented]])
        mixed.index_copy_(0, at, copies.to(mixed.dtype))
    for depth in range(max(map(len, rounds))):
        for method in BLENDINGS:
            now = {
                k: each[depth]
                for k, each in enumerate(rounds)
                if depth < len(each) and each[depth].method == method
            }
            if now:
                _mix_members_(mixed, levels, pictures, now)
    return mixed


def _mix_one_(
    mixed: npt.NDArray[Any],
    levels: Levels,
    picture: Levels,
    start: Step | None,
    rounds: Sequence[Round],
) -> None:
    """Mix one sample in place, on a CPU."""
    if start:
        mixed[...] = apply_chain(levels, [start])
    for copy, method, a, b in rounds:
        other = apply_chain(levels, [copy]) if copy else picture
        BLENDINGS[method].on_cpu(plane(mixed), plane(other), a, b)


def _mix_members_(
    mixed: Tensor, levels: Tensor, pictures: Tensor, rounds: dict[int, Round]
) -> None:
    """Do one round of one method for some samples in place, on a device."""
    at = on_device(list(rounds), mixed)
    each = list(rounds.values())
    (others,) = apply_chains(levels[at], [[[r.copy] if r.copy else [] for r in each]])
    is_picture = on_device([r.copy is None for r in each], others).view(-1, 1, 1, 1)
    others = torch.where(is_picture, pictures[at], others)
    some = mixed[at]
    a, b = np.array([r.a for r in each]), np.array([r.b for r in each])
    BLENDINGS[each[0].method].on_device(some, others, a, b)
    mixed.index_copy_(0, at, some)


def draw_coefficients(
    rng: np.random.Generator, beta: float, count: int
) -> list[tuple[float, float]]:
    """Draw pairs (a, b): half of them convex-like, half that sharpen (section 3).

    a ~ Beta(β, 1) and b ~ Beta(1, β), or a = 1 + u and b = -v with u, v ~ Beta(1, β).
    """
    small = rng.beta(1, beta, (2, count))
    large = rng.beta(beta, 1, count)
    sharpen = rng.random(count) < 0.5
    a = np.where(sharpen, 1 + small[0], large)
    b = np.where(sharpen, -small[1], small[1])
    return list(zip(a.tolist(), b.tolist(), strict=True))


def check_beta(beta: float) -> None:
    """Make sure that β is one.

    Raises:
        MixerError: If it is not greater than 0.
    """
    if not 0 < beta < math.inf:
        raise MixerError(f"beta is {beta}: it must be greater than 0")


def check_pictures(pictures: Tensor, images: Tensor) -> None:
    """Make sure that there is a picture for each image.

    Raises:
        MixerError: If the shape or the type is another.
    """
    if pictures.shape != images.shape or pictures.dtype != torch.uint8:
        raise MixerError(
            f"pictures are {pictures.dtype} of shape {tuple(pictures.shape)}: give one for each "
            f"image, torch.uint8 of shape {tuple(images.shape)}"
        )


def check_blend(method: str, a: float, b: float) -> None:
    """Make sure that a way of mixing is known and its coefficients are numbers.

    Raises:
        MixerError: If not.
    """
    if method not in BLENDINGS:
        raise MixerError(f"the method is {method!r}: it must be one of {', '.join(BLENDINGS)}")
    if not (math.isfinite(a) and math.isfinite(b)):
        raise MixerError(f"the coefficients are {a} and {b}: they must be finite")


Coefficients: TypeAlias = npt.NDArray[np.float64]
"""One for each sample."""


def _add(x: npt.NDArray[Any], y: Levels, a: float, b: float) -> None:
    """Add in place: a x + b y, counted from mid-grey; x float and y uint8, both from 0 to 255."""
    kind = cv2.CV_64F if x.dtype == np.float64 else cv2.CV_32F
    cv2.addWeighted(x, a, y, b, (1 - a - b) * _GREY, dst=x, dtype=kind)
    np.clip(x, 0, 255, out=x)


def _multiply(x: npt.NDArray[Any], y: Levels, a: float, b: float) -> None:
    """Multiply in place: x^a y^b, with mid-grey as 1; otherwise as `_add`.

    OpenCV takes logarithms and exponentials several times as fast as torch does.
    """
    table = (b * _LOGS + (1 - a - b) * math.log(_GREY)).astype(x.dtype)
    cv2.log(np.clip(x, _BLACK, 255, out=x), dst=x)
    cv2.exp(cv2.scaleAdd(x, a, cv2.LUT(y, table), dst=x), dst=x)
    np.clip(x, 0, 255, out=x)


_GREY = 127.5

_BLACK = 1e-37 * _GREY
"""What black counts as, so that a negative power of it is finite; it is the authors' value."""

_LOGS = np.log(np.maximum(np.arange(256), _BLACK))


def _add_many(x: Tensor, y: Tensor, a: Coefficients, b: Coefficients) -> None:
    """Do as `_add` for many samples, each with its coefficients."""
    x.mul_(weights_like(a, x)).add_(y * weights_like(b, x))
    x.add_(weights_like((1 - a - b) * _GREY, x)).clamp_(0, 255)


def _multiply_many(x: Tensor, y: Tensor, a: Coefficients, b: Coefficients) -> None:
    """Do as `_multiply` for many samples, each with its coefficients."""
    logs = y.to(x.dtype).clamp_min_(_BLACK).log_().mul_(weights_like(b, x))
    x.clamp_min_(_BLACK).log_().mul_(weights_like(a, x)).add_(logs)
    x.add_(weights_like((1 - a - b) * math.log(_GREY), x)).exp_().clamp_(0, 255)


class _Blending(NamedTuple):
    """A way of mixing floats with levels, in place: one sample on a CPU, many on a device."""

    on_cpu: Callable[[npt.NDArray[Any], Levels, float, float], None]
    on_device: Callable[[Tensor, Tensor, Coefficients, Coefficients], None]


BLENDINGS = {"add": _Blending(_add, _add_many), "multiply": _Blending(_multiply, _multiply_many)}
