"""Which photos are trained on, which are chosen by and which are tested on; drawn once.

Pure: it takes what was read of the photos and gives their places, so that it can be tested.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from genmix.errors import ExperimentError
from genmix.seeding import generator

Part: TypeAlias = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Read:
    """A photo that was read.

    Attributes:
        label: Its class.
        digest: Of its bytes.
        group: The same for copies of one photo.
    """

    label: str
    digest: str
    group: Hashable


def split(photos: Sequence[Read], shares: Mapping[Part, float], seed: int) -> list[Part]:
    """Part photos by class; copies of one photo, and their labels, go to one side.

    A photo's side depends on its content, not on its name or place in the list.

    Args:
        photos: The photos.
        shares: Of the photos of each class; they sum to 1. Each part gets one of every class.
        seed: Of the choice.

    Returns:
        The part of each photo.

    Raises:
        ExperimentError: If a class has too few different photos.
    """
    parts = [part for part in PARTS if part in shares]
    members: dict[Hashable, list[int]] = defaultdict(list)
    for k in sorted(range(len(photos)), key=lambda k: photos[k].digest):
        members[photos[k].group].append(k)
    homes: dict[str, list[Hashable]] = defaultdict(list)
    for group, places in members.items():
        homes[photos[places[0]].label].append(group)
    found: dict[Hashable, Part] = {}
    for label in sorted({photo.label for photo in photos}):
        groups = homes[label]
        if len(groups) < len(parts):
            raise ExperimentError(_too_few(label, len(groups), parts))
        order = generator("poc split", seed, label).permutation(len(groups))
        counts = _counts(len(groups), [shares[part] for part in parts])
        sides = [part for part, count in zip(parts, counts, strict=True) for _ in range(count)]
        for place, part in zip(order.tolist(), sides, strict=True):
            found[groups[place]] = part
    return [found[photo.group] for photo in photos]


def _counts(total: int, shares: Sequence[float]) -> list[int]:
    """Cut a number by shares; the first takes what is left, the others one at least."""
    others = [max(1, round(share * total)) for share in shares[1:]]
    while sum(others) >= total:
        others[others.index(max(others))] -= 1
    return [total - sum(others), *others]


def _too_few(label: str, found: int, parts: Sequence[Part]) -> str:
    what = " and ".join([", ".join(parts[:-1]), parts[-1]])
    return (
        f"class {label!r} has {found} different photos that can be read, and {len(parts)} are the "
        f"least ({what}): add photos, or leave the class out"
    )
