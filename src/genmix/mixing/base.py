"""What all mixers share: the call, the checks, the chance, the pairs and the targets.

A mixer is a thin module that draws; beside it stands a plain function that takes every draw as an
argument and does the arithmetic. All drawing happens on the CPU with NumPy, from a state that the
torch generator gives for each batch, so the same seed mixes alike on every device, and nothing
waits for a GPU. Another version of genmix may draw otherwise from the same seed.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, TypedDict, get_args

import numpy as np
import numpy.typing as npt
import torch
from numpy.random.bit_generator import ISeedSequence
from torch import Tensor, nn

from genmix.errors import MixerError
from genmix.mixing.checks import (
    Lambda,
    Partners,
    check_counts,
    check_flags,
    check_images,
    is_number,
)
from genmix.mixing.compiled.targets import one_hot
from genmix.mixing.memory import empty_like

Pairing: TypeAlias = Literal["permutation", "roll", "flip"]


class Mixer(nn.Module, ABC):
    """Base of all mixers: `images, targets = mixer(images, labels)`.

    In `eval()` it returns its input. In `train()` it returns mixed images and, where it mixes
    labels or `num_classes` is given, targets as class probabilities.

    Args:
        num_classes: K; needed where labels are indices and the method mixes labels.
        probability: Of mixing a batch at all, in [0, 1].
        inplace: Write into the batch that is passed in; for loops that own it.
        generator: A CPU generator to draw from; torch's default one when left out, which
            `torch.manual_seed` seeds and which differs between the workers of a DataLoader.

    Raises:
        MixerError: For a value out of its range.
    """

    mixes_labels = False

    SHOWN: tuple[str, ...] = ()
    """Settings of the method's own, to show when the module is printed."""

    def __init__(
        self,
        *,
        num_classes: int | None = None,
        probability: float = 1.0,
        inplace: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if num_classes is not None:
            check_counts(num_classes=num_classes)
        check_flags(inplace=inplace)
        if not (is_number(probability) and 0 <= probability <= 1):
            raise MixerError(f"probability is {probability!r}: it must lie in [0, 1]")
        if generator is not None and not isinstance(generator, torch.Generator):
            raise MixerError(f"generator is {generator!r}: give a torch.Generator")
        if generator is not None and generator.device.type != "cpu":
            raise MixerError(
                f"the generator is on {generator.device}: give a CPU generator, mixers draw there "
                "on every device"
            )
        self.num_classes = num_classes
        self.probability = probability
        self.inplace = inplace
        self.generator = generator

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mix a batch.

        Args:
            images: N x C x H x W, float16, bfloat16, float32, float64 or uint8.
            labels: N class indices, or N x K class probabilities.

        Returns:
            The images, of the same shape, type and memory format, and the targets: N x K float
            probabilities, or the labels as they came where the method keeps labels and
            `num_classes` was not given.

        Raises:
            MixerError: For shapes or labels that do not fit.
        """
        if not self.training:
            return self.unmixed(images), labels
        if torch.compiler.is_compiling():
            return self._break_graph(images, labels)
        return self._mix_batch(images, labels)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _break_graph(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mix outside of a compiled graph: drawing is NumPy's."""
        return self._mix_batch(images, labels)

    def check(self, images: Tensor) -> None:
        """Make sure that a batch fits; raises MixerError."""
        check_images(images)

    def unmixed(self, images: Tensor) -> Tensor:
        """Return what a batch is when it is not mixed."""
        return images

    def _mix_batch(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        self.check(images)
        targets = self._targets(images, labels)
        rng = self._rng()
        if len(images) == 0 or rng.random() >= self.probability:
            return self.unmixed(images), targets
        return self.mix(images, targets, rng)

    @abstractmethod
    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw and mix; what each method defines."""

    def _targets(self, images: Tensor, labels: Tensor) -> Tensor:
        if not isinstance(labels, Tensor):
            raise MixerError(f"labels are a {type(labels).__name__}: give a tensor")
        if labels.shape[:1] != images.shape[:1]:
            raise MixerError(
                f"there are {len(images)} images and labels of shape {tuple(labels.shape)}: give "
                "one label for each image"
            )
        if self.mixes_labels or self.num_classes is not None:
            return as_probabilities(labels, self.num_classes)
        return labels

    def _rng(self) -> np.random.Generator:
        """Make this batch's generator from one draw of torch's."""
        state = torch.randint(2**63 - 1, (4,), generator=self.generator, device="cpu")
        drawn = _Drawn(state.numpy().view(np.uint64))
        return np.random.Generator(np.random.PCG64(drawn))  # type: ignore[arg-type]  # too narrow

    def shown(self) -> tuple[str, ...]:
        """Return the names of the settings that the method goes by."""
        return self.SHOWN

    def extra_repr(self) -> str:
        """Show what was set, when the module is printed."""
        common = [k for k, default in _DEFAULTS.items() if getattr(self, k) != default]
        values = {name: getattr(self, name) for name in (*self.shown(), *common)}
        return ", ".join(f"{k}={v}" for k, v in values.items() if v is not None)


_DEFAULTS = {"num_classes": None, "probability": 1.0, "inplace": False}
"""At which the settings of all mixers are not shown."""


class _Drawn(ISeedSequence):
    """The state of a bit generator, drawn whole: to hash a seed into one takes twice as long."""

    def __init__(self, state: npt.NDArray[np.uint64]) -> None:
        self.state = state

    def generate_state(
        self,
        n_words: int,  # noqa: ARG002 (PCG64 asks for its four words)
        dtype: npt.DTypeLike = np.uint64,  # noqa: ARG002
    ) -> npt.NDArray[Any]:
        """Return the state, as NumPy asks for it."""
        return self.state


class PairMixer(Mixer):
    """Base of the methods that mix each sample with another one of the batch, labels too.

    Args:
        alpha: λ ~ Beta(alpha, alpha); the paper's (`ALPHA`) when left out.
        lam: A fixed λ instead, in [0, 1].
        per_sample: Draw for each sample instead of for the batch.
        pairing: "permutation" (random), "roll" (the one before, as torchvision) or "flip" (the
            mirrored position, as timm).
        num_classes: See `Mixer`.
        probability: See `Mixer`.
        inplace: See `Mixer`.
        generator: See `Mixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    mixes_labels = True
    ALPHA = 1.0

    def __init__(
        self,
        alpha: float | None = None,
        *,
        lam: float | None = None,
        per_sample: bool = False,
        pairing: Pairing = "permutation",
        num_classes: int | None = None,
        probability: float = 1.0,
        inplace: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(
            num_classes=num_classes, probability=probability, inplace=inplace, generator=generator
        )
        check_flags(per_sample=per_sample)
        alpha = self.ALPHA if alpha is None else alpha
        if not (is_number(alpha) and alpha > 0):
            raise MixerError(f"alpha is {alpha!r}: it must be greater than 0")
        if lam is not None and not (is_number(lam) and 0 <= lam <= 1):
            raise MixerError(f"lam is {lam!r}: it must lie in [0, 1]")
        if pairing not in get_args(Pairing):
            raise MixerError(
                f"pairing is {pairing!r}: it must be one of {', '.join(get_args(Pairing))}"
            )
        self.alpha = alpha
        self.lam = lam
        self.per_sample = per_sample
        self.pairing = pairing

    def shown(self) -> tuple[str, ...]:
        """Return the names of the settings that the method goes by."""
        return ("alpha" if self.lam is None else "lam", *self.SHOWN, "per_sample", "pairing")

    def draw_lambda(self, rng: np.random.Generator, count: int) -> Lambda:
        """Draw λ: one number, or `count` of them with `per_sample`."""
        if self.lam is not None:
            return np.full(count, self.lam) if self.per_sample else self.lam
        if self.per_sample:
            return rng.beta(self.alpha, self.alpha, count)
        return float(rng.beta(self.alpha, self.alpha))

    def draw_partners(self, rng: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
        """Draw who is mixed with whom."""
        return draw_partners(self.pairing, rng, count)


class PairSettings(TypedDict, total=False):
    """What every `PairMixer` can be set to by name, for those that add settings of their own."""

    lam: float | None
    per_sample: bool
    pairing: Pairing
    num_classes: int | None
    probability: float
    inplace: bool
    generator: torch.Generator | None


def draw_partners(pairing: Pairing, rng: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
    """Draw the partners of `count` samples; see `PairMixer`."""
    if pairing == "permutation":
        return rng.permutation(count)
    if pairing == "roll":
        return np.roll(np.arange(count), 1)
    return np.arange(count)[::-1].copy()


def as_probabilities(labels: Tensor, num_classes: int | None = None) -> Tensor:
    """Turn labels into class probabilities.

    Args:
        labels: N class indices, or N x K probabilities, which are returned as float.
        num_classes: K; needed for indices.

    Returns:
        N x K, float32 for indices, else of the labels' float type.

    Raises:
        MixerError: If labels do not fit. On a CUDA device indices out of range are not looked for,
            because that would wait for the device; their rows are all zero.
    """
    if labels.ndim == 2 and labels.is_floating_point():
        if num_classes is not None and labels.shape[1] != num_classes:
            raise MixerError(
                f"labels have {labels.shape[1]} columns and num_classes is {num_classes}"
            )
        return labels
    if labels.ndim != 1 or labels.is_floating_point() or labels.is_complex():
        raise MixerError(
            f"labels are {labels.dtype} of shape {tuple(labels.shape)}: give N class indices as "
            "integers, or N x K class probabilities as floats"
        )
    if num_classes is None:
        raise MixerError("labels are class indices: set num_classes, or pass N x K probabilities")
    if labels.device.type != "cpu":
        classes = torch.arange(num_classes, device=labels.device)
        return (labels[:, None] == classes).to(torch.float32)
    indices = np.ascontiguousarray(labels.numpy(), np.int64)
    probabilities = np.zeros((len(labels), num_classes), np.float32)
    if not one_hot(probabilities, indices):
        raise MixerError(
            f"labels run from {indices.min()} to {indices.max()}: with num_classes={num_classes} "
            f"they must lie in [0, {num_classes - 1}]"
        )
    return torch.from_numpy(probabilities)


def on_device(values: Sequence[int] | npt.NDArray[Any], like: Tensor) -> Tensor:
    """Move indices or the like to a tensor's device without waiting for it."""
    tensor = torch.from_numpy(np.asarray(values))
    return tensor if like.is_cpu else tensor.to(like.device, non_blocking=True)


def take(samples: Tensor, partners: Partners) -> Tensor:
    """Copy each sample's partner, in the samples' memory format."""
    indices = on_device(partners, samples)
    if not samples.is_contiguous():
        return samples[indices]  # takes three times as long as what follows
    if samples.requires_grad:
        return samples.index_select(0, indices)
    return torch.index_select(samples, 0, indices, out=empty_like(samples))


def weights_like(lam: Lambda, like: Tensor) -> Tensor | float:
    """Make λ a weight that broadcasts over a tensor's samples: a float, or N x 1 x …."""
    if isinstance(lam, float):
        return lam
    values = np.asarray(lam, np.float64)
    if values.size == 1:
        return float(values.reshape(()))
    column = torch.as_tensor(values).to(like.device, like.dtype, non_blocking=True)
    return column.view(-1, *(1,) * (like.ndim - 1))
