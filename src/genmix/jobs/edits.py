"""Photos that were read, what is to be edited of them, and their edits: made, or from the cache."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from genmix.datasets import Photo, Source
from genmix.editing import Editor, edit_pictures
from genmix.editing.cache import EditCache
from genmix.images import Image, decode, prepare
from genmix.prompts import Prompt
from genmix.recipe import Recipe
from genmix.screening import Verdict
from genmix.seeding import seed_of


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
class Task:
    """A photo to be edited by a prompt."""

    ready: Ready
    prompt: Prompt
    variant: int

    @property
    def name(self) -> tuple[str, str, int]:
        """What keys the task's random choices, after the recipe's seed."""
        return self.ready.photo.path, self.prompt.id, self.variant


@dataclass(frozen=True)
class Edited:
    """A task with its edit and, once they were asked, what the screens say of it."""

    task: Task
    seed: int
    key: str
    edit: Image
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    @property
    def rejected(self) -> Verdict | None:
        """The first screen's refusal, if any."""
        return next((v for v in self.verdicts.values() if not v.keep), None)


@dataclass
class EditCount:
    """How many edits were made and how many came from the cache."""

    made: int = 0
    reused: int = 0


def read_photo(source: Source, photo: Photo, recipe: Recipe) -> Ready:
    """Read a photo and make it square.

    Raises:
        ImageError: If it cannot be used, with the reason.
    """
    data = source.read(photo)
    return Ready(photo, data, hashlib.sha256(data).hexdigest(), squared(data, recipe))


@dataclass(frozen=True)
class Wanted:
    """The edits of a batch: those that the cache has, and those that are to be made.

    Attributes:
        tasks: What is to be edited.
        seeds: Of each.
        keys: The name of each edit in the cache.
        there: What the cache has of them.
    """

    tasks: Sequence[Task]
    seeds: Sequence[int]
    keys: Sequence[str]
    there: Sequence[Image | None]

    def made_by(self, editor: Editor) -> list[Image]:
        """Make those that the cache does not have.

        Raises:
            EditorError: If the editor fails, or does not keep its contract.
        """
        missing = self._missing
        return edit_pictures(
            editor,
            [self.tasks[k].ready.image for k in missing],
            [self.tasks[k].prompt for k in missing],
            [self.seeds[k] for k in missing],
        )

    def stored(self, made: Sequence[Image], cache: EditCache, count: EditCount) -> list[Edited]:
        """Put those that were made into the cache, and return all as it gives them.

        Raises:
            OutputError: If the cache cannot be written.
        """
        edits = list(self.there)
        for k, edit in zip(self._missing, made, strict=True):
            edits[k] = cache.put(self.keys[k], edit)
        count.made += len(made)
        count.reused += len(edits) - len(made)
        present = [edit for edit in edits if edit is not None]
        parts = zip(self.tasks, self.seeds, self.keys, present, strict=True)
        return [Edited(*part) for part in parts]

    @property
    def _missing(self) -> list[int]:
        return [k for k, edit in enumerate(self.there) if edit is None]


def look_up(tasks: Sequence[Task], recipe: Recipe, fingerprint: str, cache: EditCache) -> Wanted:
    """Look for the edits of a batch in the cache; one of another size than the photo is none."""
    seeds = [seed_of("edit", recipe.seed, *task.name) for task in tasks]
    keys = [
        cache.key(task.ready.sha256, recipe.size, recipe.fit, task.prompt, fingerprint, seed)
        for task, seed in zip(tasks, seeds, strict=True)
    ]
    there = [cache.get(key) for key in keys]
    fitting = [
        edit if edit is not None and edit.shape == task.ready.image.shape else None
        for task, edit in zip(tasks, there, strict=True)
    ]
    return Wanted(tasks, seeds, keys, fitting)


def squared(data: bytes, recipe: Recipe) -> Image:
    """Decode a photo and make it square, as the recipe says; raises ImageError."""
    return prepare(decode(data, at_least=recipe.size), recipe.size, recipe.fit)
