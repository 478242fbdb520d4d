"""GenMix inside a training loop: originals and their cached edits, composed anew every time."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from genmix.compose import compose, draw_composition, mask_of
from genmix.datasets import Photo, open_source
from genmix.datasets.layout import MANIFEST
from genmix.datasets.manifest import iterate_rows
from genmix.editing.cache import EditCache
from genmix.errors import MixerError, OutputError
from genmix.images import Image, decode, prepare
from genmix.jobs.augment import default_edits, open_bank
from genmix.mixing.checks import is_number
from genmix.recipe import Recipe, load_recipe


class GenMixDataset(Dataset[tuple[Any, int]]):
    """The photos of a source, each composed anew with one of its cached edits whenever it is read.

    `genmix augment SOURCE -o OUT` makes the edits, screens them and writes down which belong to
    which photo; what it composed is not read. The arithmetic is that of `genmix.compose`, on uint8
    in the worker. All chance comes from torch's generator, which a DataLoader seeds for each worker
    and epoch, so every epoch sees new masks, fractals and λ.

    Attributes:
        classes: Class names, sorted; a label is a place among them, as ImageFolder's is for
            `OUT/images`.
        photos: The photos, in the source's order.
    """

    def __init__(
        self,
        source: str | Path,
        out: str | Path,
        *,
        recipe: Recipe | str | Path | None = None,
        probability: float = 0.5,
        pairs: bool = False,
        edits: str | Path | None = None,
        transform: Callable[[Tensor], Any] | None = None,
    ) -> None:
        """Open photos and their edits.

        Args:
            source: What `genmix augment` was given.
            out: What it made.
            recipe: How to compose; that of `out` when left out. Its size and fit must be those of
                the edits.
            probability: Share of readings that are composed; the others are the photo itself.
            pairs: Give 2 x 3 x H x W, the photo and one of its edits, for `GenMix` to compose on
                a device, instead of composing here.
            edits: The edit cache; in the user's cache folder when left out.
            transform: Called with the uint8 tensor that is given otherwise.

        Raises:
            GenmixError: If source or output cannot be read, or do not belong together.
        """
        if not (is_number(probability) and 0 <= probability <= 1):
            raise MixerError(f"probability is {probability!r}: it must lie in [0, 1]")
        out = Path(out)
        self.recipe = _recipe(out, recipe)
        self._out = out
        self._source = open_source(source)
        keys = _edit_keys(out)
        self.photos = [photo for photo in self._source.photos if photo.path in keys]
        if not self.photos:
            raise OutputError(f"{out} was not made from {source}: no photo of it has a row there")
        self._keys = [keys[photo.path] for photo in self.photos]
        self.classes = sorted({photo.label for photo in self.photos})
        self._index = {label: k for k, label in enumerate(self.classes)}
        self._cache = EditCache(Path(edits) if edits else default_edits())
        self._bank = open_bank(self.recipe, 1, lambda *_: None)
        self.probability = probability
        self.pairs = pairs
        self.transform = transform

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """Return a picture, uint8 3 x H x W (2 x 3 x H x W as pairs), and its class's number.

        Raises:
            ImageError: If the photo cannot be read.
            OutputError: If its edit is no longer in the cache.
        """
        photo, keys = self.photos[index], self._keys[index]
        rng = np.random.Generator(np.random.PCG64(int(torch.randint(2**63 - 1, ()))))
        key = keys[int(rng.integers(len(keys)))] if keys else None
        edited = key if rng.random() < self.probability else None
        if self.pairs:
            original = self._original(photo)
            given = _to_tensor(original, original if edited is None else self._edit(edited))
        else:
            (given,) = _to_tensor(
                self._original(photo) if edited is None else self._composite(photo, edited, rng)
            )
        label = self._index[photo.label]
        return (given if self.transform is None else self.transform(given)), label

    def failures(self) -> dict[str, str]:
        """Read from the manifest which photos `genmix augment` could not use, with the reasons."""
        rows = iterate_rows(self._out / MANIFEST, ["source", "decision", "reason"])
        return {row["source"]: row["reason"] for row in rows if row["decision"] == "failed"}

    def _original(self, photo: Photo) -> Image:
        size = self.recipe.size
        return prepare(decode(self._source.read(photo), at_least=size), size, self.recipe.fit)

    def _edit(self, key: str) -> Image:
        edit = self._cache.get(key)
        if edit is None:
            raise OutputError(
                f"the edit {key[:12]}… is no longer in {self._cache.folder}: make the edits again "
                "with `genmix augment` into a new folder, or name their folder"
            )
        return edit

    def _composite(self, photo: Photo, key: str, rng: np.random.Generator) -> Image:
        recipe = self.recipe
        drawn = draw_composition(
            rng,
            masks=recipe.masks,
            hybrid_share=recipe.hybrid_share,
            blend=recipe.blend,
            fractals=len(self._bank),
        )
        edit = self._edit(key)
        mask = mask_of(
            drawn, recipe.size, recipe.size, seam=recipe.seam.width, profile=recipe.seam.profile
        )
        # Where the edit is taken whole, the photo need not be read.
        original = edit if mask is None else self._original(photo)
        fractal = None if drawn.fractal is None else self._bank[drawn.fractal]
        return compose(original, edit, mask, fractal, drawn.blend)


def _recipe(out: Path, recipe: Recipe | str | Path | None) -> Recipe:
    beside = out / "recipe.yaml"
    if not beside.exists() or not (out / MANIFEST).exists():
        raise OutputError(f"{out} is no finished output of `genmix augment`: run it to the end")
    made = load_recipe(beside)
    if recipe is None:
        return made
    wanted = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    for key in ("size", "fit"):
        if getattr(wanted, key) != getattr(made, key):
            raise MixerError(
                f"the recipe's {key} is {getattr(wanted, key)} and the edits' is "
                f"{getattr(made, key)}: set it to that, or make the edits again"
            )
    return wanted


def _edit_keys(out: Path) -> dict[str, list[str]]:
    """Read which edits each photo has; one whose edits were all rejected has none."""
    keys: dict[str, list[str]] = defaultdict(list)
    for row in iterate_rows(out / MANIFEST, ["source", "edit_key", "decision"]):
        if row["decision"] == "failed":
            continue
        keys[row["source"]] += [row["edit_key"]] if _is_good_edit(row) else []
    return dict(keys)


def _is_good_edit(row: dict[str, Any]) -> bool:
    return row["decision"] == "written" and row["edit_key"] is not None


def _to_tensor(*pictures: Image) -> Tensor:
    """Stack pictures of one size as N x 3 x H x W."""
    height, width, channels = pictures[0].shape
    stacked = np.empty((len(pictures), channels, height, width), np.uint8)
    for picture, planes in zip(pictures, stacked, strict=True):
        cv2.split(picture, list(planes))  # a fifth of the time of NumPy's transposing
    return torch.from_numpy(stacked)
