"""Mixers made of mixers: one of several for each batch, or several in turn."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from genmix.errors import MixerError
from genmix.mixing.base import Mixer


class _Stack(Mixer):
    """What both share: members that agree on the form of their targets.

    If one member mixes labels or knows `num_classes`, labels become probabilities once, before any
    member sees them, so all return the same form.
    """

    def __init__(
        self,
        mixers: Iterable[Mixer],
        *,
        num_classes: int | None,
        probability: float = 1.0,
        generator: torch.Generator | None,
    ) -> None:
        members = list(mixers)
        if not members:
            raise MixerError("there are no mixers: give one or more")
        for position, member in enumerate(members):
            if not isinstance(member, Mixer):
                kind = type(member).__name__
                raise MixerError(f"mixers[{position}] is a {kind}: give mixers of genmix")
        super().__init__(
            num_classes=_common_classes(num_classes, members),
            probability=probability,
            generator=generator,
        )
        self.mixers = nn.ModuleList(members)
        self.mixes_labels = any(member.mixes_labels for member in members)
        for module in self.modules():
            if isinstance(module, Mixer) and module.generator is None:
                module.generator = generator

    @property
    def _members(self) -> list[Mixer]:
        return [member for member in self.mixers if isinstance(member, Mixer)]

    def unmixed(self, images: Tensor) -> Tensor:
        """Return what a batch is when it is not mixed."""
        return self._members[0].unmixed(images)


class RandomMix(_Stack):
    """Mix each batch by one of several mixers, drawn by weight.

    Args:
        mixers: To choose from; all must take the same kind of batch.
        weights: How often each is drawn, relative to the others; evenly when left out.
        num_classes: See `Mixer`; the members' own when left out.
        probability: See `Mixer`; a member's own probability applies after it is drawn.
        generator: See `Mixer`; also for members that were given none.

    Raises:
        MixerError: For a value out of its range.
    """

    def __init__(
        self,
        mixers: Iterable[Mixer],
        weights: Sequence[float] | None = None,
        *,
        num_classes: int | None = None,
        probability: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(
            mixers, num_classes=num_classes, probability=probability, generator=generator
        )
        self.shares = _shares(weights, len(self.mixers))

    def check(self, images: Tensor) -> None:
        """Make sure that a batch fits all members, whichever is drawn."""
        for member in self._members:
            member.check(images)

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw a member, and let it mix."""
        drawn = int(rng.choice(len(self.shares), p=self.shares))
        mixed, mixed_targets = self._members[drawn](images, targets)
        return mixed, mixed_targets

    def extra_repr(self) -> str:
        """Show what was set, when the module is printed."""
        shares = ", ".join(f"{share:.3g}" for share in self.shares)
        return ", ".join(filter(None, [super().extra_repr(), f"shares=({shares})"]))


class Sequential(_Stack):
    """Mix each batch by several mixers in turn, such as GenMix and then CutMix.

    It draws nothing itself: with the same seeds it does what the members do by hand.

    Args:
        mixers: In the order in which they are applied.
        num_classes: See `Mixer`; the members' own when left out.
        generator: For members that were given none.

    Raises:
        MixerError: For a value out of its range.
    """

    def __init__(
        self,
        mixers: Iterable[Mixer],
        *,
        num_classes: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(mixers, num_classes=num_classes, generator=generator)

    def check(self, images: Tensor) -> None:
        """Make sure that a batch fits the first member."""
        self._members[0].check(images)

    def mix(
        self,
        images: Tensor,
        targets: Tensor,
        rng: np.random.Generator | None = None,  # noqa: ARG002 (each member draws for itself)
    ) -> tuple[Tensor, Tensor]:
        """Apply the members in turn."""
        for member in self._members:
            images, targets = member(images, targets)
        return images, targets

    def _mix_batch(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        self.check(images)
        return self.mix(images, self._targets(images, labels))


def _common_classes(num_classes: int | None, members: Sequence[Mixer]) -> int | None:
    """Return the one number of classes that the stack and its members name, if any does."""
    named = {num_classes, *(member.num_classes for member in members)} - {None}
    if len(named) > 1:
        raise MixerError(f"num_classes is {sorted(filter(None, named))}: give the same to all")
    return named.pop() if named else None


def _shares(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    """Make weights sum to 1."""
    values = np.ones(count) if weights is None else np.asarray(weights)
    if values.dtype.kind not in "iuf":
        values = np.empty(0)
    total = values.sum()
    if values.shape != (count,) or not ((values >= 0).all() and 0 < total < np.inf):
        raise MixerError(
            f"weights are {weights}: give {count} finite numbers, none negative, one above 0"
        )
    return tuple((values / total).tolist())
