"""PixMix (Hendrycks et al., CVPR 2022, arXiv 2112.05135): mix in fractals, several times."""

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, Unpack, get_args

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from genmix.errors import MixerError
from genmix.fractals import FractalBank
from genmix.mixing.base import Mixer, on_device, weights_like
from genmix.mixing.checks import check_counts, check_images, is_number
from genmix.mixing.compiled import blends
from genmix.mixing.compiled.blends import ADD, BLACK, GREY, MULTIPLY
from genmix.mixing.levels import (
    MixerSettings,
    Values,
    for_parts,
    is_on_cpu,
    mix_values,
    to_exact,
    to_levels,
    write_,
)
from genmix.mixing.memory import empty_like, overwriting
from genmix.mixing.operations import (
    apply_steps_,
    as_steps,
    change_copies,
    check_severity,
    draw_steps,
)
from genmix.mixing.steps import (
    AUGMIX_OPERATIONS,
    NONE,
    Codes,
    Numbers,
    Step,
    Steps,
    spread,
    up_to,
)


class PictureMixer(Mixer):
    """Base of the methods that mix in pictures which show no class.

    Args:
        pictures: A `FractalBank`, or M x C x H x W, uint8 or float in [0, 1], at least as large as
            the images. A bank of 128 fractals, made when the first batch comes and kept in the
            cache, when left out.
        **settings: See `Mixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    def __init__(
        self,
        pictures: FractalBank | Tensor | None = None,
        **settings: Unpack[MixerSettings],
    ) -> None:
        super().__init__(**settings)
        if isinstance(pictures, Tensor):
            check_images(pictures)
            pictures = to_levels(pictures)
        elif pictures is not None and not isinstance(pictures, FractalBank):
            kind = type(pictures).__name__
            raise MixerError(
                f"pictures are a {kind}: give a FractalBank, or a tensor M x C x H x W"
            )
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
        numbers = rng.integers(len(pictures), size=count)
        tops = rng.integers(rows - height + 1, size=count)
        lefts = rng.integers(columns - width + 1, size=count)
        if is_on_cpu(pictures):
            pieces = sliding_window_view(pictures.numpy(), (height, width), axis=(2, 3))
            return torch.from_numpy(pieces[numbers, :, tops, lefts])
        number, top, left = (on_device(each, pictures) for each in (numbers, tops, lefts))
        return pictures.unfold(2, height, 1).unfold(3, width, 1)[number, :, top, left]

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
        **settings: See `Mixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    SHOWN = ("rounds", "beta", "severity")

    def __init__(
        self,
        pictures: FractalBank | Tensor | None = None,
        *,
        rounds: int = 4,
        beta: float = 3.0,
        severity: float = 3,
        **settings: Unpack[MixerSettings],
    ) -> None:
        super().__init__(pictures, **settings)
        check_counts(rounds=rounds)
        check_beta(beta)
        check_severity(severity)
        self.rounds = rounds
        self.beta = beta
        self.severity = severity

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw pictures, starts and rounds, and mix."""
        count = len(images)
        pictures = self.draw_pictures(rng, images)
        starts = self._draw_copies(rng, count, images)
        used = up_to(rng.integers(self.rounds + 1, size=count))
        total = int(used.sum())
        copies = self._draw_copies(rng, total, images)
        methods = np.where(rng.random(total) < 0.5, MULTIPLY, ADD).astype(np.int8)
        rounds = Rounds(copies, methods, *draw_coefficients(rng, self.beta, total)).spread(used)
        return mix_rounds(images, pictures, starts, rounds, inplace=self.inplace), targets

    def _draw_copies(self, rng: np.random.Generator, count: int, images: Tensor) -> Steps:
        """Draw for each whether the image is augmented, and how."""
        steps = draw_steps(rng, count, AUGMIX_OPERATIONS, self.severity, *images.shape[-2:])
        steps.operations[rng.random(count) >= 0.5] = NONE
        return steps


Blending: TypeAlias = Literal["add", "multiply"]

METHODS: tuple[Blending, ...] = get_args(Blending)
"""In the order of `ADD` and `MULTIPLY`."""


class Round(NamedTuple):
    """What is mixed in, and how: a copy of the image augmented by a step, or with None the picture.

    With the coefficients a and b, adding is a x + b y, counted from mid-grey; multiplying is
    x^a y^b, with mid-grey as 1.
    """

    copy: Step | None
    method: Blending
    a: float
    b: float


class Rounds(NamedTuple):
    """Many rounds as arrays of one shape: what drawing makes and mixing takes."""

    copies: Steps
    """None where the picture is mixed in."""
    methods: Codes
    """`ADD` or `MULTIPLY`, or `NONE` where there is no round."""
    a: Numbers
    b: Numbers

    def at(self, index: Any) -> "Rounds":
        """Return the rounds at an index of their shape."""
        return Rounds(self.copies.at(index), *(each[index] for each in self[1:]))

    def spread(self, used: npt.NDArray[np.bool_]) -> "Rounds":
        """Lay rounds out, in their order, over the true places of an array."""
        return Rounds(self.copies.spread(used), *(spread(each, used) for each in self[1:]))


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
        MixerError: If the arguments do not fit together, or `inplace` would overwrite a leaf that
            requires a gradient.
    """
    check_images(images)
    check_pictures(pictures, images)
    if len(starts) != len(images) or len(rounds) != len(images):
        raise MixerError(
            f"there are {len(images)} images, {len(starts)} starts and {len(rounds)} lists of "
            "rounds: give one of each for each image"
        )
    first = as_steps(starts)
    return mix_rounds(images, pictures, first, _as_rounds(rounds), inplace=inplace)


def _as_rounds(rounds: Sequence[Sequence[Round]]) -> Rounds:
    """Check rounds, and lay them out: N x the most."""
    every = [each for several in rounds for each in several]
    for each in every:
        check_blend(METHODS, each.method, each.a, each.b)
    flat = Rounds(
        as_steps([each.copy for each in every]),
        np.array([METHODS.index(each.method) for each in every], np.int8),
        np.array([each.a for each in every], np.float64),
        np.array([each.b for each in every], np.float64),
    )
    return flat.spread(up_to(np.array([len(several) for several in rounds], int)))


def mix_rounds(
    images: Tensor, pictures: Tensor, starts: Steps, rounds: Rounds, *, inplace: bool
) -> Tensor:
    """Do as `pixmix` does, with N starts and N x R rounds that were checked or drawn."""
    mixed = overwriting(images) if inplace else empty_like(images)
    copies = Steps(
        np.column_stack([starts.operations, rounds.copies.operations]),
        np.column_stack([starts.magnitudes, rounds.copies.magnitudes]),
    )
    rounds = rounds._replace(copies=copies)

    mix = _mix_on_cpu if is_on_cpu(images) else _mix_on_device

    def mix_part(at: slice) -> None:
        mix(images[at], pictures[at], rounds.at(at), mixed[at])

    for_parts(images, mix_part)
    return mixed


def _mix_on_cpu(images: Tensor, pictures: Tensor, rounds: Rounds, mixed: Tensor) -> None:
    """Write a mixed part of a batch; copies begin with the start."""
    which = np.nonzero(rounds.copies.operations != NONE)
    places = np.full(rounds.copies.operations.shape, -1)
    places[which] = np.arange(len(which[0]))
    augmented = change_copies(to_levels(images), which[0], rounds.copies.at((*which, None)))
    size = math.prod(images.shape[1:])
    copies, others = (each.numpy().reshape(-1, size) for each in (augmented, pictures.contiguous()))

    def blend(values: Values, into: Values) -> None:
        kind = np.float64 if values.dtype == np.float64 else np.float32
        a, b = rounds.a.astype(kind, order="C"), rounds.b.astype(kind, order="C")
        scale = kind(1 if values.dtype == np.uint8 else 255)
        blends.mix_rounds(values, copies, others, places, rounds.methods, a, b, scale, into)

    mix_values(images, mixed, blend)


def _mix_on_device(images: Tensor, pictures: Tensor, rounds: Rounds, mixed: Tensor) -> None:
    """Do as `_mix_on_cpu` does: in each round, all that are mixed alike at once."""
    exact, levels = to_exact(images), to_levels(images)
    starts = rounds.copies.at((slice(None), 0))
    members = np.flatnonzero(starts.operations != NONE)
    augmented = _others(levels, pictures, starts, members)
    exact.index_copy_(0, on_device(members, exact), augmented.to(exact.dtype))
    for depth in range(rounds.methods.shape[1]):
        copies = rounds.copies.at((slice(None), depth + 1))
        for method in range(len(METHODS)):
            members = np.flatnonzero(rounds.methods[:, depth] == method)
            if not len(members):
                continue
            at, a, b = on_device(members, exact), rounds.a[members, depth], rounds.b[members, depth]
            some = exact[at]
            blend_many_(method, some, _others(levels, pictures, copies, members), a, b)
            exact.index_copy_(0, at, some.clamp_(0, 255))
    write_(mixed, exact)


def _others(
    levels: Tensor, pictures: Tensor, steps: Steps, members: npt.NDArray[np.int64]
) -> Tensor:
    """Return what some samples are mixed with: an augmented copy where there is a step."""
    steps = steps.at(members)
    at = on_device(members, levels)
    is_copy = torch.from_numpy(steps.operations != NONE).to(levels.device, non_blocking=True)
    others = torch.where(is_copy.view(-1, 1, 1, 1), levels[at], pictures[at])
    apply_steps_(others, steps.at((slice(None), None)))
    return others


def draw_coefficients(rng: np.random.Generator, beta: float, count: int) -> tuple[Numbers, Numbers]:
    """Draw pairs (a, b): half of them convex-like, half that sharpen (section 3).

    a ~ Beta(β, 1) and b ~ Beta(1, β), or a = 1 + u and b = -v with u, v ~ Beta(1, β).
    """
    small = rng.beta(1, beta, (2, count))
    large = rng.beta(beta, 1, count)
    sharpen = rng.random(count) < 0.5
    return np.where(sharpen, 1 + small[0], large), np.where(sharpen, -small[1], small[1])


def check_beta(beta: float) -> None:
    """Make sure that β is one.

    Raises:
        MixerError: If it is not greater than 0.
    """
    if not (is_number(beta) and beta > 0):
        raise MixerError(f"beta is {beta!r}: it must be greater than 0")


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


def check_blend(known: Sequence[str], method: str, a: float, b: float) -> None:
    """Make sure that a way of mixing is known and its coefficients are numbers.

    Raises:
        MixerError: If not.
    """
    if method not in known:
        raise MixerError(f"the method is {method!r}: it must be one of {', '.join(known)}")
    if not (math.isfinite(a) and math.isfinite(b)):
        raise MixerError(f"the coefficients are {a} and {b}: they must be finite")


def blend_many_(method: int, x: Tensor, y: Tensor, a: Numbers, b: Numbers) -> None:
    """Mix in place on a device, before the outcome is cut to 0 to 255; see `Round`.

    Args:
        method: `ADD` or `MULTIPLY`.
        x: Floats from 0 to 255, N x C x H x W.
        y: Levels, of the same shape.
        a: Of each sample's x.
        b: Of each sample's y.
    """
    rest = 1 - a - b
    if method == ADD:
        x.mul_(weights_like(a, x)).add_(y * weights_like(b, x)).add_(weights_like(rest * GREY, x))
    else:
        logs = y.to(x.dtype).clamp_min_(BLACK).log_().mul_(weights_like(b, x))
        x.clamp_min_(BLACK).log_().mul_(weights_like(a, x)).add_(logs)
        x.add_(weights_like(rest * math.log(GREY), x)).exp_()
