"""From planned items to finished pictures: read, edit, screen, compose, encode.

The one place where the rooms come together, for the job, the estimate and the preview alike.
Nothing is written here but the edit cache.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, TypeAlias

from genmix.compose import Composition, compose, draw_composition, mask_of
from genmix.datasets import Photo, Source
from genmix.datasets.layout import output_path
from genmix.editing import Editor
from genmix.editing.cache import EditCache
from genmix.errors import ImageError
from genmix.images import (
    Image,
    decode,
    encode_jpeg,
    encode_png,
    reads_as_it_is,
    sniff,
    without_metadata,
)
from genmix.jobs.edits import (
    EditCount,
    Edited,
    Ready,
    Task,
    Wanted,
    look_up,
    read_photo,
    squared,
)
from genmix.jobs.overlap import batches, overlapping
from genmix.jobs.plan import Item, items_of
from genmix.jobs.rights import model_license, photo_license
from genmix.prompts import Prompt
from genmix.provenance.metadata import digital_source_type, item_name, packet
from genmix.provenance.signing import Signing
from genmix.recipe import Recipe
from genmix.screening import (
    AnyScreen,
    ClassGaussians,
    Subject,
    judge_all,
    open_screens,
)
from genmix.seeding import generator


@dataclass(frozen=True)
class Unusable:
    """A photo that cannot be used.

    Attributes:
        reason: Why.
        sha256: Of its bytes; None where there are none to be read.
    """

    reason: str
    sha256: str | None


_Batch: TypeAlias = list[tuple[Item, Task | Ready | Unusable]]


@dataclass(frozen=True)
class Made:
    """What became of an item: its manifest row and, if it is to be written, its bytes or link."""

    row: dict[str, Any]
    data: bytes | None = None
    link_to: Path | None = None


class Fractals(Protocol):
    """What a pipeline needs of fractals; see `genmix.fractals.FractalBank`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Image: ...

    def name(self, index: int, /) -> str: ...  # noqa: D102

    def fitting(self, index: int, height: int, width: int, /) -> Image: ...  # noqa: D102


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
        gaussians: What the density screen compares with; without, it is left out.
        forgotten: Photos, by their SHA-256, that were withdrawn: nothing is made or told of them.
        signing: What composites are signed with, if they are.
    """

    source: Source
    recipe: Recipe
    prompts: tuple[Prompt, ...]
    bank: Fractals
    cache: EditCache
    edits: EditCount = field(default_factory=EditCount)
    gaussians: ClassGaussians | None = None
    forgotten: frozenset[str] = frozenset()
    signing: Signing | None = None

    @cached_property
    def editor(self) -> Editor:
        """The recipe's editor, opened when first needed."""
        return self.recipe.editor.open()

    @cached_property
    def screens(self) -> Sequence[AnyScreen]:
        """The recipe's screens, and that of the editor's own safety checker."""
        own_checker: bool = getattr(self.editor, "refuses", False)
        return open_screens(self.recipe.screens, self.gaussians, own_checker=own_checker)

    def run(self, photos: Iterable[Photo]) -> Iterator[Made]:
        """Yield what becomes of every item of these photos, in the plan's order.

        Memory holds one batch of the editor, however many photos there are; three, if the editor
        asks that photos be read and composites made while it edits.

        Raises:
            EditorError: If the editor fails.
            OutputError: If the edit cache cannot be written.
        """
        planned: Iterator[_Batch] = batches(self._planned(photos), self.editor.batch_size)
        wanted = ((batch, self._look_up(_tasks(batch))) for batch in planned)

        def edit(asked: tuple[_Batch, Wanted]) -> list[Image]:
            return asked[1].made_by(self.editor)

        def finish(asked: tuple[_Batch, Wanted], made: list[Image]) -> list[Made]:
            batch, edits = asked
            return list(self._finished(batch, edits.stored(made, self.cache, self.edits)))

        if getattr(self.editor, "overlap", False):
            for finished in overlapping(wanted, edit, finish):
                yield from finished
        else:
            for asked in wanted:
                yield from finish(asked, edit(asked))

    def _look_up(self, tasks: Sequence[Task]) -> Wanted:
        return look_up(tasks, self.recipe, self.editor.fingerprint, self.cache)

    def _finished(self, batch: _Batch, edits: Sequence[Edited]) -> Iterator[Made]:
        """Yield what becomes of a batch's items."""
        edited = iter(self.judge(edits))
        for item, outcome in batch:
            if isinstance(outcome, Unusable):
                yield self._failed(item, outcome)
            elif isinstance(outcome, Ready):
                yield self._original(item, outcome)
            else:
                yield self._composite(item, next(edited))

    def read(self, photo: Photo) -> Ready:
        """Read a photo and make it square.

        Raises:
            ImageError: If it cannot be used, with the reason.
        """
        return read_photo(self.source, photo, self.recipe)

    def edit(self, tasks: Sequence[Task]) -> list[Edited]:
        """Edit and screen a batch; edits that the cache has are not made again."""
        wanted = self._look_up(tasks)
        return self.judge(wanted.stored(wanted.made_by(self.editor), self.cache, self.edits))

    def judge(self, edits: Sequence[Edited]) -> list[Edited]:
        """Ask the screens about edits; those of a photo follow each other, in the plan's order."""
        tasks = [edited.task for edited in edits]
        originals = [task.ready.image for task in tasks]
        subjects = [
            Subject(task.ready.photo.path, task.ready.photo.label, (task.prompt.id, task.variant))
            for task in tasks
        ]
        verdicts = judge_all(self.screens, originals, [edited.edit for edited in edits], subjects)
        return [replace(edited, verdicts=v) for edited, v in zip(edits, verdicts, strict=True)]

    def compose(self, edited: Edited) -> tuple[Composition, Image]:
        """Draw the choices of an item's composite and make it: uint8, size x size x 3."""
        recipe = self.recipe
        drawn = draw_composition(
            generator("compose", recipe.seed, *edited.task.name),
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
        return drawn, compose(edited.task.ready.image, edited.edit, mask, fractal, drawn.blend)

    def _planned(self, photos: Iterable[Photo]) -> Iterator[tuple[Item, Task | Ready | Unusable]]:
        """Yield each item with what there is to do: edit it, keep the photo, or report it."""
        for photo in photos:
            ready = self._read_unless_forgotten(photo)
            if ready is None:
                continue
            for item in items_of(photo, self.recipe, self.prompts):
                if item.prompt is None or isinstance(ready, Unusable):
                    yield item, ready
                else:
                    yield item, Task(ready, item.prompt, item.variant)

    def _read_unless_forgotten(self, photo: Photo) -> Ready | Unusable | None:
        sha256 = None
        try:
            data = self.source.read(photo)
            sha256 = hashlib.sha256(data).hexdigest()
            if sha256 in self.forgotten:
                return None
            return Ready(photo, data, sha256, squared(data, self.recipe))
        except ImageError as error:
            return Unusable(str(error), sha256)

    def _failed(self, item: Item, photo: Unusable) -> Made:
        return Made(self._row(item, photo.sha256) | {"decision": "failed", "reason": photo.reason})

    def _original(self, item: Item, ready: Ready) -> Made:
        suffix, data = _readable_everywhere(ready)
        row = self._row(item, ready.sha256) | {
            "decision": "written",
            "output": output_path(item.photo, suffix),
            **_hashes(data),
        }
        place = self.source.locate(item.photo) if data is ready.data else None
        if self.recipe.output.originals == "link" and place is not None:
            return Made(row, link_to=place)
        return Made(row, data)

    def _composite(self, item: Item, edited: Edited) -> Made:
        task, recipe = edited.task, self.recipe
        scores = {f"screen_{name}": verdict.score for name, verdict in edited.verdicts.items()}
        row = self._row(item, task.ready.sha256) | {
            "editor": self.editor.fingerprint,
            "model_license": self._model_license,
            "edit_seed": edited.seed,
            "edit_key": edited.key,
            **scores,
        }
        if edited.rejected:
            return Made(row | {"decision": "rejected", "reason": edited.rejected.reason})
        drawn, picture = self.compose(edited)
        row |= {
            "mask": drawn.mask,
            "mask_inverted": None if drawn.mask is None else drawn.inverted,
            "seam": None if drawn.mask is None else recipe.seam.width,
            "seam_profile": None if drawn.mask is None else recipe.seam.profile,
            "fractal": None if drawn.fractal is None else self.bank.name(drawn.fractal),
            "blend": drawn.blend,
        }
        drawing = recipe.fractals.model_dump_json(exclude={"folder"})
        row["item"] = item_name([*row.values(), recipe.seed, drawing])
        suffix, data = self._encoded(picture, row)
        row |= {
            "decision": "written",
            "output": output_path(item.photo, suffix, task.prompt.id, item.variant),
            **_hashes(data),
            "height": picture.shape[0],
            "width": picture.shape[1],
        }
        return Made(row, data)

    def _row(self, item: Item, source_sha256: str | None) -> dict[str, Any]:
        return {
            "kind": "original" if item.prompt is None else "composite",
            "source": item.photo.path,
            "source_sha256": source_sha256,
            "source_license": photo_license(item.photo, self.recipe),
            "label": item.photo.label,
            "prompt": item.prompt.id if item.prompt else None,
            "variant": item.variant if item.prompt else None,
        }

    def _encoded(self, picture: Image, row: Mapping[str, Any]) -> tuple[str, bytes]:
        """Return a composite's suffix and bytes, with the metadata that tells of its making."""
        source_type = digital_source_type(
            generative=getattr(self.editor, "generative", True),
            blended=row["fractal"] is not None,
        )
        xmp, output = packet(row["item"], source_type), self.recipe.output
        if output.format == "png":
            suffix, data = ".png", encode_png(picture, xmp=xmp)
        else:
            suffix, data = ".jpg", encode_jpeg(picture, output.quality, xmp=xmp)
        if self.signing is None:
            return suffix, data
        sha256 = row["source_sha256"]
        return suffix, self.signing.sign(
            data, suffix, source_sha256=sha256, source_type=source_type
        )

    @cached_property
    def _model_license(self) -> str | None:
        return model_license(self.editor, self.recipe)


def _tasks(batch: _Batch) -> list[Task]:
    return [task for _, task in batch if isinstance(task, Task)]


def _hashes(data: bytes) -> dict[str, str]:
    """Hash a picture's bytes, and what of them does not change with its metadata."""
    return {
        "output_sha256": hashlib.sha256(data).hexdigest(),
        "picture_sha256": hashlib.sha256(without_metadata(data)).hexdigest(),
    }


_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WebP": ".webp", "BMP": ".bmp", "TIFF": ".tiff"}


def _readable_everywhere(ready: Ready) -> tuple[str, bytes]:
    """Return a photo's suffix and bytes; as PNG if torchvision's ImageFolder would misread it."""
    suffix = _SUFFIXES.get(sniff(ready.data) or "")
    if suffix is None or not reads_as_it_is(ready.data):
        return ".png", encode_png(decode(ready.data))
    given = PurePosixPath(ready.photo.path).suffix.lower()
    same = {".jpeg": ".jpg", ".tif": ".tiff"}.get(given, given) == suffix
    return (given if same else suffix), ready.data
