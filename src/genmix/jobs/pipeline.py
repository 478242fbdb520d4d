"""From planned items to finished pictures: read, edit, screen, compose, encode.

The one place where the rooms come together, for the job, the estimate and the preview alike.
Nothing is written here but the edit cache.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from genmix.compose import Composition, compose, draw_composition, mask_of
from genmix.datasets import Photo, Source
from genmix.datasets.layout import output_path
from genmix.editing import Editor, open_editor
from genmix.editing.cache import EditCache
from genmix.errors import ImageError
from genmix.fractals import FractalBank
from genmix.images import Image, decode, encode_jpeg, encode_png, prepare, sniff
from genmix.jobs.plan import Item, items_of
from genmix.prompts import Prompt
from genmix.recipe import Recipe
from genmix.screening import Verdict, open_screens
from genmix.seeding import generator, seed_of


@dataclass(frozen=True)
class Ready:
    """A photo read and made square.

    Attributes:
        photo: Which.
        data: Its encoded bytes.
        sha256: Of these bytes.
        image: uint8, size x size x 3, RGB.
    """

    photo: Photo
    data: bytes
    sha256: str
    image: Image


@dataclass(frozen=True)
class Edited:
    """An item with its edit and what the screens say of it."""

    item: Item
    ready: Ready
    seed: int
    key: str
    edit: Image
    verdicts: dict[str, Verdict]

    @property
    def rejected(self) -> Verdict | None:
        """The first screen's refusal, if any."""
        return next((v for v in self.verdicts.values() if not v.keep), None)


@dataclass(frozen=True)
class Made:
    """What became of an item: its manifest row and, if it is to be written, its bytes or link."""

    row: dict[str, Any]
    data: bytes | None = None
    link_to: Path | None = None


@dataclass
class EditCount:
    """How many edits were made and how many came from the cache."""

    made: int = 0
    reused: int = 0


@dataclass
class Pipeline:
    """Makes the pictures of a recipe.

    Attributes:
        source: Where photos are read from.
        recipe: What to do.
        prompts: The recipe's prompts.
        bank: The fractals.
        cache: Where edits are kept.
        edits: Counts what was edited.
    """

    source: Source
    recipe: Recipe
    prompts: tuple[Prompt, ...]
    bank: FractalBank
    cache: EditCache
    edits: EditCount = field(default_factory=EditCount)

    @cached_property
    def editor(self) -> Editor:
        """The recipe's editor, opened when first needed."""
        return open_editor(self.recipe.editor.name, strength=self.recipe.editor.strength)

    @cached_property
    def _screens(self) -> Sequence[Any]:
        return open_screens(self.recipe.screens)

    def run(self, photos: Iterable[Photo]) -> Iterator[Made]:
        """Yield what becomes of every item of these photos, in the plan's order.

        Memory holds one batch of the editor, however many photos there are.

        Raises:
            EditorError: If the editor fails.
            OutputError: If the edit cache cannot be written.
        """
        for batch in _batches(self._planned(photos), self.editor.batch_size):
            edited = iter(self.edit([pair for pair in batch if _needs_edit(pair)]))
            for item, ready in batch:
                if isinstance(ready, ImageError):
                    yield Made(_row(item, decision="failed", reason=str(ready)))
                elif item.prompt is None:
                    yield self._original(item, ready)
                else:
                    yield self._composite(next(edited))

    def read(self, photo: Photo) -> Ready:
        """Read a photo and make it square.

        Raises:
            ImageError: If it cannot be used, with the reason.
        """
        data = self.source.read(photo)
        image = prepare(decode(data, at_least=self.recipe.size), self.recipe.size, self.recipe.fit)
        return Ready(photo, data, hashlib.sha256(data).hexdigest(), image)

    def edit(self, items: Sequence[tuple[Item, Ready]]) -> list[Edited]:
        """Edit and screen a batch; edits that the cache has are not made again."""
        seeds = [self._seed(item) for item, _ in items]
        keys = [
            self.cache.key(
                ready.sha256,
                self.recipe.size,
                self.recipe.fit,
                _prompt_of(item),
                self.editor.fingerprint,
                seed,
            )
            for (item, ready), seed in zip(items, seeds, strict=True)
        ]
        edits = [self.cache.get(key) for key in keys]
        missing = [k for k, edit in enumerate(edits) if edit is None]
        made = self.editor.edit(
            [items[k][1].image for k in missing],
            [_prompt_of(items[k][0]) for k in missing],
            [seeds[k] for k in missing],
        )
        for k, edit in zip(missing, made, strict=True):
            edits[k] = self.cache.put(keys[k], edit)
        self.edits.made += len(missing)
        self.edits.reused += len(items) - len(missing)
        present = [edit for edit in edits if edit is not None]
        verdicts = self._judge([ready.image for _, ready in items], present)
        return [
            Edited(item, ready, seed, key, edit, verdict)
            for (item, ready), seed, key, edit, verdict in zip(
                items, seeds, keys, present, verdicts, strict=True
            )
        ]

    def compose(self, edited: Edited) -> tuple[Composition, Image]:
        """Draw the choices of an item's composite and make it: uint8, size x size x 3."""
        recipe, item = self.recipe, edited.item
        drawn = draw_composition(
            generator("compose", recipe.seed, item.photo.path, _prompt_of(item).id, item.variant),
            masks=recipe.masks,
            hybrid_share=recipe.hybrid_share,
            blend=recipe.blend,
            fractals=len(self.bank),
        )
        mask = mask_of(
            drawn,
            recipe.size,
            recipe.size,
            seam=recipe.seam.width,
            profile=recipe.seam.profile,
        )
        fractal = (
            None
            if drawn.fractal is None
            else self.bank.fitting(drawn.fractal, recipe.size, recipe.size)
        )
        return drawn, compose(edited.ready.image, edited.edit, mask, fractal, drawn.blend)

    def _planned(
        self, photos: Iterable[Photo]
    ) -> Iterator[tuple[Item, Ready | ImageError]]:
        for photo in photos:
            ready: Ready | ImageError
            try:
                ready = self.read(photo)
            except ImageError as error:
                ready = error
            for item in items_of(photo, self.recipe, self.prompts):
                yield item, ready

    def _seed(self, item: Item) -> int:
        return seed_of(
            "edit", self.recipe.seed, item.photo.path, _prompt_of(item).id, item.variant
        )

    def _judge(self, originals: list[Image], edits: list[Image]) -> list[dict[str, Verdict]]:
        by_screen = {s.name: s.judge(originals, edits) for s in self._screens}
        return [{name: v[k] for name, v in by_screen.items()} for k in range(len(edits))]

    def _original(self, item: Item, ready: Ready) -> Made:
        suffix, data = _readable_everywhere(ready)
        row = _row(
            item,
            source_sha256=ready.sha256,
            decision="written",
            output=output_path(item.photo, suffix),
            output_sha256=hashlib.sha256(data).hexdigest(),
        )
        place = self.source.locate(item.photo) if data is ready.data else None
        if self.recipe.output.originals == "link" and place is not None:
            return Made(row, link_to=place)
        return Made(row, data)

    def _composite(self, edited: Edited) -> Made:
        item, recipe = edited.item, self.recipe
        scores = {f"screen_{name}": verdict.score for name, verdict in edited.verdicts.items()}
        row = _row(
            item,
            source_sha256=edited.ready.sha256,
            editor=self.editor.fingerprint,
            edit_seed=edited.seed,
            edit_key=edited.key,
            **scores,
        )
        if edited.rejected:
            return Made(row | {"decision": "rejected", "reason": edited.rejected.reason})
        drawn, picture = self.compose(edited)
        suffix, data = _encoded(picture, recipe)
        row |= {
            "mask": drawn.mask,
            "mask_inverted": None if drawn.mask is None else drawn.inverted,
            "seam": None if drawn.mask is None else recipe.seam.width,
            "seam_profile": None if drawn.mask is None else recipe.seam.profile,
            "fractal": None if drawn.fractal is None else self.bank.name(drawn.fractal),
            "blend": drawn.blend,
            "decision": "written",
            "output": output_path(item.photo, suffix, _prompt_of(item).id, item.variant),
            "output_sha256": hashlib.sha256(data).hexdigest(),
            "height": picture.shape[0],
            "width": picture.shape[1],
        }
        return Made(row, data)


def _row(item: Item, **values: Any) -> dict[str, Any]:
    return {
        "kind": "original" if item.prompt is None else "composite",
        "source": item.photo.path,
        "label": item.photo.label,
        "prompt": item.prompt.id if item.prompt else None,
        "variant": item.variant if item.prompt else None,
        **values,
    }


def _needs_edit(pair: tuple[Item, Ready | ImageError]) -> bool:
    return pair[0].prompt is not None and isinstance(pair[1], Ready)


def _prompt_of(item: Item) -> Prompt:
    assert item.prompt is not None, "only composites are edited"
    return item.prompt


def _encoded(picture: Image, recipe: Recipe) -> tuple[str, bytes]:
    if recipe.output.format == "png":
        return ".png", encode_png(picture)
    return ".jpg", encode_jpeg(picture, recipe.output.quality)


_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WebP": ".webp", "BMP": ".bmp", "TIFF": ".tiff"}


def _readable_everywhere(ready: Ready) -> tuple[str, bytes]:
    """Return a photo's suffix and bytes; as PNG if torchvision's ImageFolder lacks its format."""
    suffix = _SUFFIXES.get(sniff(ready.data) or "")
    if suffix is None:
        return ".png", encode_png(decode(ready.data))
    given = PurePosixPath(ready.photo.path).suffix.lower()
    same = {".jpeg": ".jpg", ".tif": ".tiff"}.get(given, given) == suffix
    return (given if same else suffix), ready.data


def _batches(
    pairs: Iterator[tuple[Item, Ready | ImageError]], size: int
) -> Iterator[list[tuple[Item, Any]]]:
    while batch := list(islice(pairs, size)):
        yield batch
