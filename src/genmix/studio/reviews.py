"""The reviews of the studio's output: their store, what a visitor asks of the queue, its pictures.

What a decision is and what follows from it live in `genmix.reviewing`; the pages elsewhere.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, get_args
from urllib.parse import urlencode

from starlette.exceptions import HTTPException

from genmix.datasets.layout import MANIFEST
from genmix.errors import GenmixError, PromptError
from genmix.images import decode, encode_jpeg, prepare, resize
from genmix.jobs.finish import PROMPTS, RECIPE
from genmix.prompts import Prompt, load_library
from genmix.recipe import Recipe, load_recipe
from genmix.reviewing import (
    REVIEWS,
    Exported,
    Filter,
    Item,
    MadeOutput,
    Status,
    Store,
    Undecided,
    export_reviewed,
    find,
)
from genmix.studio.drafts import check_name
from genmix.studio.photos import PhotoBook
from genmix.studio.work import BusyError, Work

SHOWS = ("open", "unseen", "all", *get_args(Status)[1:])
"""Which pictures a visitor walks through: "open" are those that nobody has judged."""

_QUALITY = 90


class FolderTakenError(GenmixError):
    """There is a folder of that name already."""


@dataclass(frozen=True)
class Asked:
    """Which pictures a visitor wants to see, as a page's address says it.

    Attributes:
        show: One of `SHOWS`.
        label: Of this class; of any when empty, as with the others.
        prompt: By this prompt.
        cause: Made doubtful by this screen.
        score: Of this screen's scores, `low` and `high` are the least and the greatest wanted.
        low: None for no bound.
        high: None for no bound.
        sample: Only the drawn sample.
    """

    show: str = "open"
    label: str = ""
    prompt: str = ""
    cause: str = ""
    score: str = ""
    low: float | None = None
    high: float | None = None
    sample: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Asked":
        """Read an address; what cannot be is left out."""
        show = query.get("show", "open")
        return cls(
            show=show if show in SHOWS else "open",
            label=query.get("label", ""),
            prompt=query.get("prompt", ""),
            cause=query.get("cause", ""),
            score=query.get("score", ""),
            low=_number(query.get("low", "")),
            high=_number(query.get("high", "")),
            sample=query.get("sample") == "1",
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything but the kind of walk is asked for."""
        return replace(self, show="open", sample=False) != Asked()

    def query(self, **more: str) -> str:
        """Write it as the query of an address, without the question mark."""
        values = {**vars(self), "sample": "1" if self.sample else ""}
        if self.show == "open":
            del values["show"]
        return urlencode({k: v for k, v in {**values, **more}.items() if v not in {"", None}})

    def wanted(self, reviewer: str) -> Filter:
        """Return the filter of the queue."""
        if self.show in {"open", "unseen"}:
            return self.to_judge(reviewer)
        statuses: tuple[Any, ...] = () if self.show == "all" else (self.show,)
        return replace(self.place, statuses=statuses)

    def to_judge(self, reviewer: str) -> Filter:
        """Return the filter of what is still to be judged of what is asked for."""
        if self.show == "unseen":
            return replace(self.place, unseen_by=reviewer)
        return replace(self.place, statuses=("undecided",))

    @property
    def place(self) -> Filter:
        """The filter without what judging a picture changes."""
        scores = {}
        if self.score and (self.low is not None or self.high is not None):
            low = -math.inf if self.low is None else self.low
            scores[self.score] = (low, math.inf if self.high is None else self.high)
        return Filter(
            labels=_one(self.label),
            prompts=_one(self.prompt),
            causes=_one(self.cause),
            scores=scores,
            sample=self.sample,
        )


class Reviews:
    """The reviews of the studio's output."""

    def __init__(self, out: Path, photos: PhotoBook) -> None:
        self.out = out
        self._photos = photos
        self._made = MadeOutput(out)
        self._store: Store | None = None
        self._opening = Lock()
        self._exporting = Lock()

    @property
    def ready(self) -> bool:
        """Whether there is anything to review."""
        return (self.out / MANIFEST).exists() or (self.out / REVIEWS).exists()

    @property
    def store(self) -> Store:
        """The store, opened when it is first needed.

        Raises:
            HTTPException: 404 if there is nothing to review.
            ReviewError: If it cannot be used.
        """
        if not self.ready:
            raise HTTPException(404)
        with self._opening:
            if self._store is None:
                self._store = Store(self.out)
            return self._store

    def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()

    def made(self, output: str, side_px: int | None = None) -> bytes:
        """Return a made picture as JPEG; within so many pixels, if any are given.

        Raises:
            HTTPException: 404 if it is not there.
            ReviewError: If the queue has no such picture.
            ImageError: If it is no picture.
        """
        path = self._made.picture(find(self.store, output).output)
        if not path.is_file() or not path.resolve().is_relative_to(self.out.resolve()):
            raise HTTPException(404)
        data = path.read_bytes()
        if side_px is None and path.suffix == ".jpg":
            return data
        image = decode(data)
        scale = 1.0 if side_px is None else min(1.0, side_px / max(image.shape[:2]))
        height, width = (max(1, round(length * scale)) for length in image.shape[:2])
        return encode_jpeg(resize(image, height, width), _QUALITY)

    def photo(self, item: Item) -> bytes:
        """Return a made picture's photo as the run saw it, as JPEG.

        Raises:
            HTTPException: 404 if the studio's photos do not have it.
            ImageError: If it cannot be used.
        """
        place = self._photos.named(item.source)
        if place is None:
            raise HTTPException(404)
        size, fit = self._recipe.size, self._recipe.fit
        image = decode(place.source.read(place.photo), at_least=size)
        return encode_jpeg(prepare(image, size, fit), _QUALITY)

    @cached_property
    def prompts(self) -> Mapping[str, Prompt]:
        """The prompts of the run, by their ids."""
        try:
            library = load_library(self.out / PROMPTS)
        except PromptError:
            return {}
        return {prompt.id: prompt for prompt in library.prompts}

    @cached_property
    def _recipe(self) -> Recipe:
        return load_recipe(self.out / RECIPE)

    def export_folder(self, name: str) -> Path:
        """Return the folder of an export: beside the output, and named after it.

        Raises:
            BadNameError: If the name is none for a folder.
            FolderTakenError: If there is such a folder.
        """
        check_name(name)
        place = self.out.resolve()
        folder = place.with_name(f"{place.name}-{name}")
        if folder.exists():
            raise FolderTakenError(f"{folder.name} is there already: choose another name")
        return folder

    def export(self, name: str, *, only_decided: bool, work: Work) -> Exported:
        """Write what reviewers kept to a folder beside the output.

        Raises:
            BusyError: If another export is under way.
            FolderTakenError: If the folder is there already.
            OutputError: If it cannot be written.
            ReviewError: If a picture is missing.
        """
        to = self.export_folder(name)
        if not self._exporting.acquire(blocking=False):
            raise BusyError("another export is under way: wait for it to end")
        try:
            work.report("exporting")
            undecided: Undecided = "leave-out" if only_decided else "keep"
            return export_reviewed(self.out, to, undecided=undecided)
        finally:
            self._exporting.release()


def _one(name: str) -> tuple[str, ...]:
    return (name,) if name else ()


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
