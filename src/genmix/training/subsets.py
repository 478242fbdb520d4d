"""Parts of a set of photos: a few of each class, or what is held out; a photo is one whole."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from genmix.errors import TrainingError
from genmix.seeding import generator

Indices: TypeAlias = Sequence[int] | npt.NDArray[np.int64]


class Listed(Protocol):
    """Pictures that know their photos, as `genmix.training.data.Photos` and `Joined` do."""

    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def labels(self) -> npt.NDArray[np.int64]: ...  # noqa: D102

    @property
    def origins(self) -> list[str]: ...  # noqa: D102

    @property
    def composed(self) -> npt.NDArray[np.bool_]: ...  # noqa: D102

    def subset(self, indices: Indices) -> Self: ...  # noqa: D102


Chosen = TypeVar("Chosen", bound=Listed)


def few_shot(photos: Chosen, shots: int, seed: int) -> Chosen:
    """Choose so many photos of each class; the same for the same seed, more include fewer.

    All pictures of a photo count as one, and are taken together.

    Args:
        photos: To choose from.
        shots: Photos of each class, 1 or more.
        seed: Of the choice.

    Raises:
        TrainingError: If a class has fewer photos.
    """
    chosen: set[_Key] = set()
    for label, keys in _by_class(_keys(photos)).items():
        if len(keys) < shots:
            raise TrainingError(
                f"class {photos.classes[label]!r} has {_counted(len(keys))} and {shots} are asked "
                "for: ask for fewer shots (photos held out to test on do not count)"
            )
        chosen |= set(_shuffled(keys, "few-shot", seed, photos.classes[label])[:shots])
    return photos.subset([k for k, key in enumerate(_keys(photos)) if key in chosen])


def hold_out(photos: Chosen, share: float, seed: int) -> tuple[Chosen, Chosen]:
    """Keep photos back to test on, alike in classes.

    Args:
        photos: What to cut.
        share: Of the photos of each class that are held out, in (0, 1); at least one of each.
        seed: Of the choice.

    Returns:
        What stays, without any picture of a photo that is held out; and the originals of those.

    Raises:
        TrainingError: If a class has one photo only, or no originals.
    """
    held: set[_Key] = set()
    keys = _keys(photos)
    originals = _by_class([k for k, made in zip(keys, photos.composed, strict=True) if not made])
    for label in _by_class(keys):
        candidates = originals.get(label, [])
        if len(candidates) < 2:
            found = "one photo" if candidates else "composites only"
            raise TrainingError(
                f"class {photos.classes[label]!r} has {found}, so nothing can be held out: give "
                "photos to test on (--val)"
            )
        count = min(max(1, round(share * len(candidates))), len(candidates) - 1)
        held |= set(_shuffled(candidates, "hold-out", seed, photos.classes[label])[:count])
    of_held = np.array([key in held for key in keys])
    return (
        photos.subset(np.flatnonzero(~of_held)),
        photos.subset(np.flatnonzero(of_held & ~photos.composed)),
    )


_Key: TypeAlias = tuple[int, str]
"""A class's number, and the path of a photo of it."""


def _keys(photos: Listed) -> list[_Key]:
    """Say of each picture which photo it shows."""
    return list(zip(photos.labels.tolist(), photos.origins, strict=True))


def _by_class(keys: Iterable[_Key]) -> dict[int, list[_Key]]:
    """List the photos of each class, each once, sorted."""
    found: dict[int, list[_Key]] = defaultdict(list)
    for key in sorted(set(keys)):
        found[key[0]].append(key)
    return dict(found)


def _counted(count: int) -> str:
    return "1 photo" if count == 1 else f"{count:,} photos"


def _shuffled(keys: Sequence[_Key], *seed: str | int) -> list[_Key]:
    return [keys[k] for k in generator(*seed).permutation(len(keys))]
