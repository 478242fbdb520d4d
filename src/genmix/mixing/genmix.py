"""GenMix on batches: GenMix (Islam et al. 2024, arXiv 2412.02366), the composing step on a device.

The arithmetic is that of `genmix.compose`, for tensors. The edits were made before, by
`genmix augment`; `genmix.mixing.online` reads them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Self, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genmix.compose import draw_choices
from genmix.errors import MixerError
from genmix.fractals import FractalBank
from genmix.masks import FAMILIES, MaskFamily, SeamProfile, Weights, make_mask
from genmix.mixing.base import Mixer, on_device
from genmix.mixing.checks import check_images, check_pair, is_number
from genmix.mixing.compiled.compose import compose, differing
from genmix.mixing.memory import empty_like
from genmix.recipe import Recipe


class GenMix(Mixer):
    """Compose each original with its edit along a mask drawn anew, and blend in a fractal.

    It takes pairs: N x 2 x C x H x W, the originals at [:, 0] and their edits at [:, 1], as
    `GenMixDataset(pairs=True)` gives them; transforms that crop or flip see both alike. A pair of
    one picture twice stays that picture. It returns N x C x H x W and the labels. Batches of single
    images (N x C x H x W), as a validation loader has, pass through in `eval()`; of pairs, `eval()`
    returns the originals.

    Pictures are uint8, or float in [0, 1]: normalise afterwards.

    Args:
        fractals: A bank, or M x C x H x W uint8 of the images' size; None blends nothing in.
        masks: Families to draw from.
        hybrid_share: Share of composites that keep part of the original, in [0, 1].
        seam: Width of the soft edge, as a share of the side.
        seam_profile: "linear" or "smooth".
        blend: λ, or lowest and highest.
        num_classes: See `Mixer`.
        probability: Of composing a batch; else the originals are returned.
        generator: See `Mixer`.

    Raises:
        MixerError: For a value out of its range.
    """

    SHOWN = ("masks", "hybrid_share", "seam", "seam_profile", "blend")

    def __init__(
        self,
        fractals: FractalBank | Tensor | None = None,
        *,
        masks: Sequence[MaskFamily] = FAMILIES,
        hybrid_share: float = 1.0,
        seam: float = 0.04,
        seam_profile: SeamProfile = "linear",
        blend: float | Sequence[float] = 0.2,
        num_classes: int | None = None,
        probability: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(num_classes=num_classes, probability=probability, generator=generator)
        low, high = check_pair("blend", [blend, blend] if isinstance(blend, Real) else blend)
        if not 0 <= low <= high <= 1:
            raise MixerError(f"blend is {blend}: give a λ in [0, 1], or (lowest, highest)")
        for name, share in (("hybrid_share", hybrid_share), ("seam", seam)):
            if not (is_number(share) and 0 <= share <= 1):
                raise MixerError(f"{name} is {share!r}: it must lie in [0, 1]")
        if isinstance(masks, str) or not masks or not set(masks) <= set(FAMILIES):
            raise MixerError(f"masks are {masks!r}: give a list of some of {', '.join(FAMILIES)}")
        if seam_profile not in get_args(SeamProfile):
            raise MixerError(f"seam_profile is {seam_profile!r}: it must be linear or smooth")
        if fractals is not None and not isinstance(fractals, FractalBank | Tensor):
            kind = type(fractals).__name__
            raise MixerError(f"fractals are a {kind}: give a FractalBank, a tensor, or None")
        if isinstance(fractals, Tensor) and not fractals.numel():
            raise MixerError("there are no fractals to blend in: give one or more, or None")
        self.masks = tuple(masks)
        self.hybrid_share = hybrid_share
        self.seam = seam
        self.seam_profile: SeamProfile = seam_profile
        self.blend = (low, high) if fractals is not None else (0.0, 0.0)
        self.fractals = fractals
        self._tables: _Tables | None = None

    @classmethod
    def from_recipe(
        cls,
        recipe: Recipe,
        fractals: FractalBank | Tensor | None,
        *,
        num_classes: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Self:
        """Make the mixer that composes as a recipe does."""
        return cls(
            fractals,
            masks=recipe.masks,
            hybrid_share=recipe.hybrid_share,
            seam=recipe.seam.width,
            seam_profile=recipe.seam.profile,
            blend=recipe.blend,
            num_classes=num_classes,
            generator=generator,
        )

    def check(self, images: Tensor) -> None:
        """Make sure that these are pairs."""
        if images.ndim != 5 or images.shape[1] != 2:
            raise MixerError(
                f"GenMix got {tuple(images.shape)}: expected N x 2 x C x H x W, originals "
                "and their edits, as GenMixDataset(pairs=True) gives them"
            )
        check_images(images[:, 0])

    def unmixed(self, images: Tensor) -> Tensor:
        """Return the originals of pairs; single images are what they are."""
        return images[:, 0] if images.ndim == 5 else images

    def mix(
        self, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw masks, fractals and λ, and compose."""
        originals, edits = images.unbind(1)
        tables = self._tables_for(originals)
        drawn = draw_choices(
            rng,
            len(images),
            families=len(self.masks),
            hybrid_share=self.hybrid_share,
            blend=self.blend,
            fractals=len(tables.fractals),
        )
        places = np.where(drawn.is_hybrid, 1 + 2 * drawn.family + drawn.inverted, 0)
        masks, fractals = _Chosen(tables.masks, places), _Chosen(tables.fractals, drawn.fractal)
        if _can_be_compiled(images):
            pairs = _widened(images)
            blends = drawn.blend * differing(pairs.flatten(2).numpy())
            composed = _compose_compiled(pairs, pairs, masks, fractals, blends)
            return composed.to(images.dtype), targets
        shares = _shares(drawn.blend, originals)
        if self.fractals is None:
            return _compose_at_once(originals, edits, masks.taken(), None, shares), targets
        # As bytes, because torch takes a hundred times as long to look through booleans.
        differs = (originals != edits).flatten(1).view(torch.uint8).any(1)
        shares = shares * differs.view(-1, 1, 1, 1)
        return _compose_at_once(originals, edits, masks.taken(), fractals.taken(), shares), targets

    def _tables_for(self, like: Tensor) -> "_Tables":
        """Make masks and fractals of the images' size once, and keep the latest."""
        kind = (like.shape[1:], like.device)
        if self._tables is None or self._tables.kind != kind:
            height, width = like.shape[-2:]
            masks = [np.ones((height, width), np.float32)]
            for family in self.masks:
                masks += [self._mask(family, inverted, height, width) for inverted in (False, True)]
            table = torch.from_numpy(np.stack(masks)).to(like.device)
            self._tables = _Tables(kind, table, _fractals(self.fractals, like))
        return self._tables

    def _mask(self, family: MaskFamily, inverted: bool, height: int, width: int) -> Weights:
        mask = make_mask(
            family, height, width, seam=self.seam, profile=self.seam_profile, inverted=inverted
        )
        return mask.weights

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the tables, which are quick to make again."""
        return {**self.__dict__, "_tables": None}


@dataclass(frozen=True)
class _Tables:
    """Masks and fractals of the images' size, on their device."""

    kind: tuple[torch.Size, torch.device]
    """The shape of an image, and the device."""
    masks: Tensor
    """M x H x W float32: one that takes the edit whole, then each family's, plain and inverted."""
    fractals: Tensor
    """M x C x H x W uint8; a black one where nothing is blended in."""


def genmix(
    originals: Tensor,
    edits: Tensor,
    masks: Sequence[Tensor],
    fractals: Sequence[Tensor | None],
    blends: Sequence[float],
) -> Tensor:
    """Compose a batch: A = (1 - λ) (M ⊙ Î + (1 - M) ⊙ I) + λ F, each sample with its own.

    Args:
        originals: I, N x C x H x W.
        edits: Î, of the same shape and type.
        masks: M, N of H x W float32 in [0, 1]: 1 where the edit is.
        fractals: F, N of C x H x W in the originals' range, or None.
        blends: λ, N of them in [0, 1].

    Returns:
        A new batch; uint8 is rounded.

    Raises:
        MixerError: If the numbers or shapes do not fit, or a λ is not in [0, 1].
    """
    _check_samples(originals, edits, masks, fractals, blends)
    if not len(originals):
        return empty_like(originals)
    some = next((fractal for fractal in fractals if fractal is not None), originals[0])
    shares = np.array([0.0 if f is None else b for f, b in zip(fractals, blends, strict=True)])
    weights = torch.stack(list(masks))
    pictures = torch.stack([some if fractal is None else fractal for fractal in fractals])
    if not pictures.dtype == originals.dtype == torch.uint8:
        pictures = pictures.to(_exact(originals))
    if not _can_be_compiled(originals, edits) or weights.requires_grad or pictures.requires_grad:
        return _compose_at_once(originals, edits, weights, pictures, _shares(shares, originals))
    every = np.arange(len(originals))
    chosen = _Chosen(weights.to(torch.float32), every), _Chosen(pictures, every)
    parts = _widened(originals[:, None]), _widened(edits[:, None])
    return _compose_compiled(*parts, *chosen, shares).to(originals.dtype)


def _check_samples(
    originals: Tensor,
    edits: Tensor,
    masks: Sequence[Tensor],
    fractals: Sequence[Tensor | None],
    blends: Sequence[float],
) -> None:
    """Make sure that what `genmix` is given can be composed; raises MixerError."""
    check_images(originals)
    counts = {len(originals), len(edits), len(masks), len(fractals), len(blends)}
    if len(counts) > 1 or originals.shape != edits.shape:
        raise MixerError(
            f"originals {tuple(originals.shape)}, edits {tuple(edits.shape)}, {len(masks)} masks, "
            f"{len(fractals)} fractals and {len(blends)} λ do not fit together"
        )
    for name, parts, size in (
        ("masks", masks, originals.shape[2:]),
        ("fractals", fractals, originals.shape[1:]),
    ):
        others = {part.shape for part in parts if part is not None} - {size}
        if others:
            raise MixerError(f"{name} have the shape {tuple(others.pop())}: expected {tuple(size)}")
    if not all(0 <= blend <= 1 for blend in blends):
        raise MixerError(f"λ are {list(blends)}: every value must lie in [0, 1]")


@dataclass(frozen=True)
class _Chosen:
    """An entry of a table for each sample."""

    table: Tensor
    places: npt.NDArray[np.int64]

    def taken(self) -> Tensor:
        """Copy the entries, without waiting for their device."""
        return self.table.index_select(0, on_device(self.places, self.table))


def _compose_compiled(
    originals: Tensor,
    edits: Tensor,
    masks: _Chosen,
    fractals: _Chosen,
    blends: npt.NDArray[np.float64],
) -> Tensor:
    """Compose a batch on a CPU, in one pass.

    Originals and edits are N x 1 x C x H x W, or both the same N x 2 x C x H x W, and not of half
    precision. Masks are a table of H x W; fractals of C x H x W, as `_compose_at_once` takes them.
    """
    composed = empty_like(originals[:, 0])
    compose(
        composed.flatten(2).numpy(),
        originals.flatten(3).numpy(),
        edits.flatten(3).numpy(),
        masks.table.flatten(1).numpy(),
        masks.places,
        fractals.table.flatten(2).numpy(),
        fractals.places,
        blends.astype(np.float64 if originals.dtype == torch.float64 else np.float32),
        _unit(fractals.table, originals),
    )
    return composed


def _can_be_compiled(*pictures: Tensor) -> bool:
    """Tell whether pictures are such as `_compose_compiled` takes."""
    kind = pictures[0].dtype
    return all(
        each.is_cpu and each.is_contiguous() and each.dtype == kind and not each.requires_grad
        for each in pictures
    )


def _widened(pictures: Tensor) -> Tensor:
    """Bring half precision, which NumPy is slow with or does not know, to float32."""
    return pictures if pictures.dtype == torch.uint8 else pictures.to(_exact(pictures))


def _compose_at_once(
    originals: Tensor, edits: Tensor, masks: Tensor, fractals: Tensor | None, shares: Tensor
) -> Tensor:
    """Compose a batch in torch's operations: what is on a device, wants a gradient and the like.

    Masks are N x H x W; fractals N x C x H x W, uint8 levels or in the originals' range, which may
    be overwritten; shares are theirs, as `_shares` makes them.
    """
    kind = _exact(originals)
    composed = torch.lerp(originals.to(kind), edits.to(kind), masks[:, None].to(kind))
    if fractals is not None:
        composed.lerp_(fractals.to(kind).mul_(_unit(fractals, originals)), shares)
    rounded = composed.round_() if originals.dtype == torch.uint8 else composed
    return rounded.to(originals.dtype)


def _unit(fractals: Tensor, like: Tensor) -> float:
    """Return what 1 in a fractal is worth in the images' range."""
    return 1 / 255 if fractals.dtype == torch.uint8 != like.dtype else 1.0


def _shares(blends: npt.NDArray[np.float64], like: Tensor) -> Tensor:
    """Return λ as N x 1 x 1 x 1 of the type to compose in, on the pictures' device."""
    column = torch.from_numpy(blends).to(_exact(like)).view(-1, 1, 1, 1)
    return column.to(like.device, non_blocking=True)


def _exact(like: Tensor) -> torch.dtype:
    """Return the type to compose in."""
    return torch.float64 if like.dtype == torch.float64 else torch.float32


def _fractals(bank: FractalBank | Tensor | None, like: Tensor) -> Tensor:
    """Return M x C x H x W uint8 of the images' size, on their device."""
    height, width = like.shape[-2:]
    if bank is None:
        return torch.zeros(1, *like.shape[1:], dtype=torch.uint8, device=like.device)
    if isinstance(bank, FractalBank):
        drawn = np.stack([bank.fitting(k, height, width) for k in range(len(bank))])
        return torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous().to(like.device)
    if bank.ndim != 4 or bank.shape[1:] != like.shape[1:] or bank.dtype != torch.uint8:
        raise MixerError(
            f"fractals are {bank.dtype} of shape {tuple(bank.shape)}: expected uint8, "
            f"M x {' x '.join(map(str, like.shape[1:]))}"
        )
    return bank.contiguous().to(like.device)
