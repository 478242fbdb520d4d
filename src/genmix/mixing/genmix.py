"""GenMix on batches: GenMix (Islam et al. 2024, arXiv 2412.02366), the composing step on a device.

The arithmetic is that of `genmix.compose`, for tensors. The edits were made before, by
`genmix augment`; `genmix.mixing.online` reads them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Self, get_args

import numpy as np
import torch
from torch import Tensor

from genmix.compose import DRAWS, composition_of
from genmix.errors import MixerError
from genmix.fractals import FractalBank
from genmix.masks import FAMILIES, MaskFamily, SeamProfile, Weights, make_mask
from genmix.mixing.base import Mixer, goes_one_by_one, on_device
from genmix.mixing.checks import check_images, check_pair
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
            if not (isinstance(share, Real) and 0 <= share <= 1):
                raise MixerError(f"{name} is {share!r}: it must lie in [0, 1]")
        if isinstance(masks, str) or not masks or not set(masks) <= set(FAMILIES):
            raise MixerError(f"masks are {masks!r}: give a list of some of {', '.join(FAMILIES)}")
        if seam_profile not in get_args(SeamProfile):
            raise MixerError(f"seam_profile is {seam_profile!r}: it must be linear or smooth")
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
        settings: dict[str, Any] = {
            "masks": self.masks,
            "hybrid_share": self.hybrid_share,
            "blend": self.blend,
            "fractals": max(1, len(tables.fractals)),
        }
        numbers = rng.random((len(originals), DRAWS)).tolist()
        drawn = [composition_of(each, **settings) for each in numbers]
        masks = [tables.places[each.mask, each.inverted] for each in drawn]
        fractals = [each.fractal for each in drawn]
        blends = [each.blend for each in drawn]
        if goes_one_by_one(originals):
            spare = _spare(originals)
            own = [tables.masks[place] for place in masks]
            pictures = (
                None
                if k is None or torch.equal(original, edit)
                else _scale_(spare.copy_(tables.fractals[k]), originals)
                for k, original, edit in zip(fractals, originals, edits, strict=True)
            )
            return _compose_one_by_one(originals, edits, own, pictures, blends), targets
        blended = [k for k in fractals if k is not None]  # all of them, or without fractals none
        shares = _shares(blends, originals)
        if blended:
            # As bytes, because torch takes a hundred times as long to look through booleans.
            differs = (originals != edits).flatten(1).view(torch.uint8).any(1)
            shares = shares * differs.view(-1, 1, 1, 1)
        levels = _choose(tables.fractals, blended).to(_exact(originals))
        chosen = _choose(tables.masks, masks), _scale_(levels, originals)
        return _compose_at_once(originals, edits, *chosen, shares), targets

    def _tables_for(self, like: Tensor) -> "_Tables":
        """Make masks and fractals of the images' size once, and keep the latest."""
        kind = (like.shape[1:], like.device)
        if self._tables is None or self._tables.kind != kind:
            height, width = like.shape[-2:]
            places: dict[tuple[MaskFamily | None, bool], int] = {(None, False): 0, (None, True): 0}
            masks = [np.ones((height, width), np.float32)]
            for family in self.masks:
                for inverted in (False, True):
                    places[family, inverted] = len(masks)
                    masks.append(self._mask(family, inverted, height, width))
            table = torch.from_numpy(np.stack(masks)).to(like.device)
            self._tables = _Tables(kind, places, table, _fractals(self.fractals, like))
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
    places: dict[tuple[MaskFamily | None, bool], int]
    """Which mask a (family, inverted) is."""
    masks: Tensor
    fractals: Tensor
    """M x C x H x W uint8; 0 of them where nothing is blended in."""


def _choose(table: Tensor, places: Sequence[int]) -> Tensor:
    """Copy entries of a table, without waiting for its device."""
    return table.index_select(0, on_device(np.array(places, np.int64), table))


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
    counts = {len(originals), len(edits), len(masks), len(fractals), len(blends)}
    if len(counts) > 1 or originals.shape != edits.shape:
        raise MixerError(
            f"originals {tuple(originals.shape)}, edits {tuple(edits.shape)}, {len(masks)} masks, "
            f"{len(fractals)} fractals and {len(blends)} λ do not fit together"
        )
    if not all(0 <= blend <= 1 for blend in blends):
        raise MixerError(f"λ are {list(blends)}: every value must lie in [0, 1]")
    if not goes_one_by_one(originals) and len(originals):
        some = next((fractal for fractal in fractals if fractal is not None), originals[0])
        pictures = torch.stack([some if fractal is None else fractal for fractal in fractals])
        shares = [0.0 if f is None else blend for f, blend in zip(fractals, blends, strict=True)]
        weights = _shares(shares, originals)
        return _compose_at_once(originals, edits, torch.stack(list(masks)), pictures, weights)
    return _compose_one_by_one(originals, edits, masks, fractals, blends)


def _compose_one_by_one(
    originals: Tensor,
    edits: Tensor,
    masks: Sequence[Tensor],
    fractals: Iterable[Tensor | None],
    blends: Sequence[float],
) -> Tensor:
    """Do as `genmix` does, for large pictures on a CPU; fractals may come as they are needed."""
    composed = empty_like(originals)
    kind = _exact(originals)
    is_exact = originals.dtype == kind
    # Memory that is used for every sample in turn stays in the processor's cache.
    spare = [_spare(originals) for _ in range(0 if is_exact else 3)]
    for k, (mask, fractal, blend) in enumerate(zip(masks, fractals, blends, strict=True)):
        original, edit, into = originals[k], edits[k], composed[k]
        if not is_exact:
            original, edit, into = spare[0].copy_(original), spare[1].copy_(edit), spare[2]
        torch.lerp(original, edit, mask.to(kind), out=into)
        if fractal is not None and blend > 0:
            into.lerp_(fractal.to(kind), blend)
        if not is_exact:
            composed[k].copy_(into.round_() if originals.dtype == torch.uint8 else into)
    return composed


def _compose_at_once(
    originals: Tensor, edits: Tensor, masks: Tensor, fractals: Tensor, shares: Tensor
) -> Tensor:
    """Compose a batch of small pictures, or one on a device, in a few operations.

    Masks are N x H x W; fractals N x C x H x W, or 0 of them where nothing is blended in; shares
    are the fractals', as `_shares` makes them.
    """
    kind = _exact(originals)
    composed = torch.lerp(originals.to(kind), edits.to(kind), masks[:, None].to(kind))
    if len(fractals):
        composed.lerp_(fractals.to(kind), shares)
    rounded = composed.round_() if originals.dtype == torch.uint8 else composed
    return rounded.to(originals.dtype)


def _shares(blends: Sequence[float], like: Tensor) -> Tensor:
    """Return λ as N x 1 x 1 x 1 of the type to compose in, on the pictures' device."""
    column = torch.tensor(blends, dtype=_exact(like), device="cpu").view(-1, 1, 1, 1)
    return column.to(like.device, non_blocking=True)


def _spare(like: Tensor) -> Tensor:
    """Allocate one sample of the type to compose in, with any values."""
    return torch.empty(like.shape[1:], dtype=_exact(like), device=like.device)


def _exact(like: Tensor) -> torch.dtype:
    """Return the type to compose in."""
    return torch.float64 if like.dtype == torch.float64 else torch.float32


def _fractals(bank: FractalBank | Tensor | None, like: Tensor) -> Tensor:
    """Return M x C x H x W uint8 of the images' size, on their device."""
    height, width = like.shape[-2:]
    if bank is None:
        return torch.empty(0, dtype=torch.uint8, device=like.device)
    if isinstance(bank, FractalBank):
        drawn = np.stack([bank.fitting(k, height, width) for k in range(len(bank))])
        return torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous().to(like.device)
    if bank.ndim != 4 or bank.shape[1:] != like.shape[1:] or bank.dtype != torch.uint8:
        raise MixerError(
            f"fractals are {bank.dtype} of shape {tuple(bank.shape)}: expected uint8, "
            f"M x {' x '.join(map(str, like.shape[1:]))}"
        )
    return bank.to(like.device)


def _scale_(levels: Tensor, like: Tensor) -> Tensor:
    """Bring levels, which are floats from 0 to 255, to the images' range in place."""
    return levels if like.dtype == torch.uint8 else levels.div_(255)
