"""The plan: which items a run makes and how they are cut into shards. Pure, nothing is read."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from genmix.datasets import Photo
from genmix.prompts import Prompt
from genmix.recipe import Recipe
from genmix.seeding import generator

_ITEMS_PER_SHARD = 256
"""Small enough to lose little when killed, large enough that a shard's overhead is nothing."""


@dataclass(frozen=True, slots=True)
class Item:
    """One planned picture: a photo itself (no prompt), or its composite by a prompt and variant."""

    photo: Photo
    prompt: Prompt | None
    variant: int


@dataclass(frozen=True)
class Plan:
    """A pure function of the photos, the recipe and its prompts.

    Attributes:
        photos: The photos to use, sorted by path.
        recipe: What to do.
        prompts: The recipe's prompts.
    """

    photos: Sequence[Photo]
    recipe: Recipe
    prompts: tuple[Prompt, ...]

    @property
    def items_per_photo(self) -> int:
        """How many items each photo gives."""
        originals = self.recipe.output.originals != "none"
        return prompts_per_photo(self.recipe, self.prompts) * self.recipe.variants + originals

    @property
    def item_count(self) -> int:
        """How many items there are in all."""
        return self.items_per_photo * len(self.photos)

    @property
    def shard_count(self) -> int:
        """How many shards the photos are cut into; a photo's items stay together."""
        return -(-len(self.photos) // self._photos_per_shard)

    def shard(self, index: int) -> Sequence[Photo]:
        """Return the photos of a shard."""
        start = index * self._photos_per_shard
        return self.photos[start : start + self._photos_per_shard]

    @property
    def _photos_per_shard(self) -> int:
        return max(1, _ITEMS_PER_SHARD // self.items_per_photo)


def prompts_per_photo(recipe: Recipe, prompts: Sequence[Prompt]) -> int:
    """Count the prompts by which each photo is edited, so often as the recipe has variants."""
    return min(recipe.prompts.per_photo or len(prompts), len(prompts))


def items_of(photo: Photo, recipe: Recipe, prompts: Sequence[Prompt]) -> Iterator[Item]:
    """Yield the items of one photo: itself if wanted, then prompt by prompt, variant by variant."""
    if recipe.output.originals != "none":
        yield Item(photo, None, 0)
    for prompt in _prompts_for(photo, recipe, prompts):
        for variant in range(recipe.variants):
            yield Item(photo, prompt, variant)


def _prompts_for(photo: Photo, recipe: Recipe, prompts: Sequence[Prompt]) -> Sequence[Prompt]:
    per_photo = recipe.prompts.per_photo
    if per_photo is None or per_photo >= len(prompts):
        return prompts
    rng = generator("prompts", recipe.seed, photo.path)
    return [prompts[k] for k in sorted(rng.permutation(len(prompts))[:per_photo].tolist())]


def spread(photos: Sequence[Photo], limit: int) -> list[Photo]:
    """Take at most `limit` photos, as evenly over the classes as they allow, in their order."""
    seen: Counter[str] = Counter()
    ranked = []
    for position, photo in enumerate(photos):
        ranked.append((seen[photo.label], photo.label, position))
        seen[photo.label] += 1
    # The k-th photo of every class comes before the (k+1)-th of any.
    return [photos[position] for position in sorted(p for *_, p in sorted(ranked)[:limit])]


def listing_digest(photos: Sequence[Photo]) -> str:
    """Hash a listing, to notice that a source has changed since a run began."""
    digest = hashlib.sha256()
    for photo in photos:
        digest.update(f"{photo.path}\0{photo.label}\0{photo.license or ''}\0".encode())
    return digest.hexdigest()
