"""Original, edit, mask and fractal become one composite picture, on uint8 arrays.

The formulas are GenMix's (arXiv 2412.02366): the hybrid H = M ⊙ Î + (1 - M) ⊙ I joins the edit Î
to the original I, and the composite A = (1 - λ) H + λ F blends in the fractal F.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from genmix.images import Image
from genmix.masks import Mask, MaskFamily, SeamProfile, Weights, make_mask


@dataclass(frozen=True, slots=True)
class Composition:
    """Every random choice of one composite.

    Attributes:
        mask: The mask's family, or None where the composite takes the edit whole.
        inverted: Whether the edit is outside the mask's shape instead of inside.
        fractal: Index of the fractal in its bank; None when `blend` is 0.
        blend: λ, the share of the fractal, in [0, 1].
    """

    mask: MaskFamily | None
    inverted: bool
    fractal: int | None
    blend: float


def draw_composition(
    rng: np.random.Generator,
    *,
    masks: Sequence[MaskFamily],
    hybrid_share: float,
    blend: tuple[float, float],
    fractals: int,
) -> Composition:
    """Draw the choices of one composite.

    Args:
        rng: The composite's own generator.
        masks: Families to choose from, each as likely.
        hybrid_share: Probability that part of the original stays, in [0, 1].
        blend: Lowest and highest λ, drawn evenly.
        fractals: How many fractals there are to choose from, 1 or more.
    """
    drawn = draw_choices(
        rng, 1, families=len(masks), hybrid_share=hybrid_share, blend=blend, fractals=fractals
    )
    return Composition(
        mask=masks[drawn.family.item()] if drawn.is_hybrid.item() else None,
        inverted=drawn.inverted.item(),
        fractal=drawn.fractal.item() if blend[1] > 0 else None,
        blend=drawn.blend.item(),
    )


class Choices(NamedTuple):
    """The choices of N composites, N of each, drawn whether they are used or not.

    Attributes:
        is_hybrid: Whether part of the original stays; else the edit is taken whole.
        family: Number of the mask's family.
        inverted: Whether the edit is outside the mask's shape instead of inside.
        fractal: Number of the fractal.
        blend: λ, the share of the fractal, in [0, 1].
    """

    is_hybrid: npt.NDArray[np.bool_]
    family: npt.NDArray[np.int64]
    inverted: npt.NDArray[np.bool_]
    fractal: npt.NDArray[np.int64]
    blend: npt.NDArray[np.float64]


def draw_choices(
    rng: np.random.Generator,
    count: int,
    *,
    families: int,
    hybrid_share: float,
    blend: tuple[float, float],
    fractals: int,
) -> Choices:
    """Draw the choices of `count` composites, each as `draw_composition` draws them in turn.

    Every choice has a number of its own whether it is used or not, so that changing one setting
    leaves the other choices as they were.
    """
    keeps_part, family, side, fractal, position = rng.random((count, 5)).T
    low, high = blend
    return Choices(
        is_hybrid=keeps_part < hybrid_share,
        family=(family * families).astype(np.int64),
        inverted=side < 0.5,
        fractal=(fractal * fractals).astype(np.int64),
        blend=low + (high - low) * position,
    )


def mask_of(
    composition: Composition, height: int, width: int, *, seam: float, profile: SeamProfile
) -> Mask | None:
    """Make the mask that a composition names; None when it takes the edit whole."""
    if composition.mask is None:
        return None
    return make_mask(
        composition.mask,
        height,
        width,
        seam=seam,
        profile=profile,
        inverted=composition.inverted,
    )


def compose(
    original: Image, edit: Image, mask: Mask | None, fractal: Image | None, blend: float
) -> Image:
    """Compose a picture: A = (1 - λ) (M ⊙ Î + (1 - M) ⊙ I) + λ F.

    Rectangle by rectangle of the mask, so that only the seam pays for a mixture, and without a
    float picture in memory. Each value is within 1 of 255 of the formula in exact arithmetic.

    Args:
        original: I, uint8, height x width x 3, RGB.
        edit: Î, of the same size.
        mask: M, of the same size; None is 1 everywhere, the edit whole.
        fractal: F, of the same size; None or a `blend` of 0 leaves the hybrid.
        blend: λ, in [0, 1].

    Returns:
        A new picture of the same size.

    Raises:
        ValueError: If the sizes differ or `blend` is outside [0, 1].
    """
    _check(original, edit, mask, fractal, blend)
    if fractal is None or blend == 0:
        return _hybrid(original, edit, mask)
    if mask is None:
        return cv2.addWeighted(edit, 1 - blend, fractal, blend, 0)
    composite = np.empty_like(original)
    for region in mask.regions:
        at = (region.rows, region.columns)
        part = _join(original[at], edit[at], region.edit, region.original)
        cv2.addWeighted(part, 1 - blend, fractal[at], blend, 0, dst=composite[at])
    return composite


def hybrid(original: Image, edit: Image, mask: Mask | None) -> Image:
    """Join an edit to its original: H = M ⊙ Î + (1 - M) ⊙ I.

    Args:
        original: I, uint8, height x width x 3, RGB.
        edit: Î, of the same size.
        mask: M, of the same size; None is 1 everywhere, the edit whole.

    Returns:
        A new picture of the same size.

    Raises:
        ValueError: If the sizes differ.
    """
    _check(original, edit, mask, None, 0)
    return _hybrid(original, edit, mask)


def _hybrid(original: Image, edit: Image, mask: Mask | None) -> Image:
    """Do as `hybrid` does, with pictures that were checked."""
    if mask is None:
        return edit.copy()
    joined = np.empty_like(original)
    for region in mask.regions:
        at = (region.rows, region.columns)
        joined[at] = _join(original[at], edit[at], region.edit, region.original)
    return joined


def _join(
    original: Image, edit: Image, edit_weight: float | Weights, original_weight: float | Weights
) -> Image:
    if isinstance(edit_weight, float):  # plain: 1.0 or 0.0
        return edit if edit_weight == 1 else original
    return cv2.blendLinear(edit, original, edit_weight, original_weight)


def _check(
    original: Image, edit: Image, mask: Mask | None, fractal: Image | None, blend: float
) -> None:
    sizes = {"original": original.shape, "edit": edit.shape}
    if mask is not None:
        sizes["mask"] = (*mask.weights.shape, 3)
    if fractal is not None:
        sizes["fractal"] = fractal.shape
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {'x'.join(map(str, size))}" for name, size in sizes.items())
        raise ValueError(f"the pictures to compose differ in size: {listed}")
    if not 0 <= blend <= 1:
        raise ValueError(f"the blend is {blend}: it must lie in [0, 1]")
