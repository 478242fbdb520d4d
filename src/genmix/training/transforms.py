"""What is done to one picture of a training set before it is batched, by name."""

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor, nn
from torchvision.transforms import v2

from genmix.errors import TrainingError, nearest

Transform: TypeAlias = Callable[[Tensor], Tensor]

_SMALL = 64
"""Up to this side, pictures are shifted by an eighth of it instead of cropped and enlarged."""

_LEAST_AREA = 0.35
"""The smallest crop, as a share of the picture."""


def create_transform(name: str, size: int) -> Transform:
    """Make a transform of uint8 pictures, 3 x size x size; it draws from torch's generator.

    Args:
        name: "none"; "standard", a random crop and a flip; or "randaugment" (arXiv 1909.13719),
            "trivialaugment" (arXiv 2103.10158) or "augmix" (arXiv 1912.02781) of torchvision with
            its defaults, each after "standard".
        size: Side of the pictures in pixels.

    Raises:
        TrainingError: If there is no such transform.
    """
    if name not in TRANSFORMS:
        raise TrainingError(f"there is no transform {name!r}: {nearest(name, TRANSFORMS)}")
    return nn.Sequential(*TRANSFORMS[name](size))


def _standard(size: int) -> list[v2.Transform]:
    if size <= _SMALL:
        return [v2.RandomCrop(size, padding=size // 8), v2.RandomHorizontalFlip()]
    crop = v2.RandomResizedCrop(size, scale=(_LEAST_AREA, 1.0), antialias=True)
    return [crop, v2.RandomHorizontalFlip()]


TRANSFORMS: dict[str, Callable[[int], list[v2.Transform]]] = {
    "none": lambda _: [],
    "standard": _standard,
    "randaugment": lambda size: [*_standard(size), v2.RandAugment()],
    "trivialaugment": lambda size: [*_standard(size), v2.TrivialAugmentWide()],
    "augmix": lambda size: [*_standard(size), v2.AugMix()],
}
"""The transforms by name."""
