"""What a classifier is trained and judged on: labelled pictures of one size, originals or genmix's.

Everything here gives uint8 tensors, 3 x size x size, and the class's number. Chance comes in only
with `genmix.training.batches`, which keys each reading. What lies at a place that somebody names is
for `genmix.training.places`, whose functions stand here too.
"""

import copy
import hashlib
import mmap
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from genmix.datasets import Ignored, Photo, Source
from genmix.errors import ImageError, TrainingError, nearest
from genmix.images import Fit, Image, decode, prepare, resize
from genmix.mixing import GenMixDataset
from genmix.training.places import open_place, output_of, same_photos
from genmix.training.subsets import Indices, few_shot

__all__ = [
    "REMOVE_IT",
    "Composites",
    "Joined",
    "Photos",
    "TrainingData",
    "name_first",
    "output_of",
    "same_photos",
]

_KEPT_BYTES = 1 << 30
"""A set whose decoded pictures fit in this is decoded once; a larger one whenever it is read."""

REMOVE_IT = "; remove it and run again"
"""What an error says to do about one photo that cannot be read."""


class TrainingData(Protocol):
    """Labelled pictures to train on.

    Attributes:
        classes: Class names, in the order of their numbers.
        size: Side of the pictures in pixels.
        fit: How photos became squares; see `genmix.images.prepare`.
        labels: Of each picture, its class's number, int64.
        fingerprint: Differs where the pictures to be read differ, as far as names tell.
    """

    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def size(self) -> int: ...  # noqa: D102

    @property
    def fit(self) -> Fit: ...  # noqa: D102

    @property
    def labels(self) -> npt.NDArray[np.int64]: ...  # noqa: D102

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return a picture, uint8 3 x size x size, and its class's number."""


class Photos(Dataset[tuple[Tensor, int]]):
    """Labelled pictures from disk at one size, each decoded once if all fit in 1 GiB.

    Attributes:
        classes: Class names; a label's number is its place here.
        size: Side of the pictures in pixels.
        fit: How photos become squares; see `genmix.images.prepare`.
        rows: Which pictures of the source's listing these are.
        photos: Of each, path and label.
        labels: Of each, its class's number, int64.
        origins: Of each, the path of the photo that it shows: its own, or for a picture that genmix
            made that of its original.
        composed: Of each, whether genmix made it.
        is_output: Whether they are of an output of `genmix augment`.
    """

    def __init__(
        self,
        source: str | Path | Source,
        size: int,
        classes: Sequence[str] | None = None,
        *,
        fit: Fit = "crop",
        shots: int | None = None,
        seed: int = 0,
    ) -> None:
        """List the pictures; none is read yet.

        Args:
            source: What `open_source` opens, an open source, or an output of `genmix augment` (or
                its folder of images), of which all pictures are taken.
            size: Side in pixels.
            classes: The classes of a model; those of the source, sorted, when left out.
            fit: How a picture becomes a square; see `genmix.images.prepare`.
            shots: Take this many of each class; see `few_shot`.
            seed: Of that choice.

        Raises:
            SourceError: If there are no labelled pictures.
            TrainingError: If a class is not among `classes`, or has too few pictures.
        """
        opened = open_place(source)
        self._source = opened.source
        self._listing = tuple(self._source.photos)
        names = [opened.labels.get(photo.label, photo.label) for photo in self._listing]
        self.classes = tuple(sorted(set(names)) if classes is None else classes)
        _check_known(names, self.classes, source)
        numbers = {name: number for number, name in enumerate(self.classes)}
        self._numbers = np.array([numbers[name] for name in names])
        self._origins = [opened.origins.get(photo.path, photo.path) for photo in self._listing]
        self._composed = np.array([photo.path in opened.composed for photo in self._listing])
        self.is_output = bool(opened.hashes)
        self._hashes = {
            row: opened.hashes[photo.path]
            for row, photo in enumerate(self._listing)
            if photo.path in opened.hashes
        }
        self.size = size
        self.fit: Fit = fit
        self.rows = np.arange(len(self._listing))
        self._memory = _Memory.that_fits(len(self._listing), size)
        if shots is not None:
            self.rows = few_shot(self, shots, seed).rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return a picture, uint8 3 x size x size, and its class's number.

        Raises:
            ImageError: If the picture cannot be read; the message names it.
        """
        row = int(self.rows[index])
        return torch.from_numpy(self._planes(row)), int(self._numbers[row])

    @property
    def ignored(self) -> Sequence[Ignored]:
        """What lies in the source and is not used."""
        return self._source.ignored

    @property
    def photos(self) -> list[Photo]:  # noqa: D102
        return [self._listing[row] for row in self.rows]

    @property
    def labels(self) -> npt.NDArray[np.int64]:  # noqa: D102
        return self._numbers[self.rows]

    @property
    def origins(self) -> list[str]:  # noqa: D102
        return [self._origins[row] for row in self.rows]

    @property
    def composed(self) -> npt.NDArray[np.bool_]:  # noqa: D102
        return self._composed[self.rows]

    @property
    def fingerprint(self) -> str:
        """Hash what is read: names, labels, classes, size and fit."""
        rows = [f"{photo.path}\0{photo.label}" for photo in self.photos]
        return _hash(*self.classes, str(self.size), self.fit, *rows)

    def hashes(self) -> list[str]:
        """Return of each the SHA-256 of the photo that it shows, which has no other name elsewhere.

        An output says it of its pictures; other photos are read, once.

        Raises:
            ImageError: If a photo cannot be read; the message names it.
        """
        for row in self.rows.tolist():
            if row not in self._hashes:
                with _named(photo := self._listing[row]):
                    self._hashes[row] = hashlib.sha256(self._source.read(photo)).hexdigest()
        return [self._hashes[row] for row in self.rows.tolist()]

    def subset(self, indices: Indices) -> Self:
        """Return only these pictures, in this order; what has been decoded is shared."""
        part = copy.copy(self)
        part.rows = self.rows[np.asarray(indices, np.int64)]
        return part

    def _planes(self, row: int) -> Image:
        """Return a picture as 3 x size x size; a copy, so that nobody writes into the memory."""
        if self._memory is None:
            return self._read(row)
        if not self._memory.filled[row]:
            self._memory.pictures[row] = self._read(row)
            self._memory.filled[row] = 1
        return self._memory.pictures[row].copy()

    def _read(self, row: int) -> Image:
        photo = self._listing[row]
        with _named(photo):
            whole = decode(self._source.read(photo), at_least=self.size)
        return np.ascontiguousarray(prepare(whole, self.size, self.fit).transpose(2, 0, 1))


class Composites(Dataset[tuple[Tensor, int]]):
    """Photos of which GenMix composes some anew whenever they are read.

    Args:
        photos: The originals: which photos, which classes, which size.
        made: Their edits, made with the photos' fit; the composites are brought to their size.

    Raises:
        TrainingError: If the fits differ, or a photo could not be used or has no row in the output
            that `made` reads.
    """

    def __init__(self, photos: Photos, made: GenMixDataset) -> None:
        if photos.fit != made.recipe.fit:
            raise TrainingError(
                f"the photos' fit is {photos.fit} and the edits' is {made.recipe.fit}: set the "
                "photos' to that, or make the edits again"
            )
        places = {photo.path: place for place, photo in enumerate(made.photos)}
        _check_edited([photo.path for photo in photos.photos], places, made)
        self.photos = photos
        self.made = made
        self.classes = photos.classes
        self.size = photos.size
        self.fit = photos.fit
        self.labels = photos.labels
        self._places = [places[photo.path] for photo in photos.photos]

    @property
    def fingerprint(self) -> str:
        """Hash what is read: the photos, how often and how they are composed."""
        return _hash(
            self.photos.fingerprint, str(self.made.probability), self.made.recipe.to_yaml()
        )

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return a picture, uint8 3 x size x size, and its class's number; see `GenMixDataset`."""
        picture, _ = self.made[self._places[index]]
        side = self.size
        if picture.shape[-1] != side:
            whole = np.ascontiguousarray(picture.numpy().transpose(1, 2, 0))
            small = resize(whole, side, side).transpose(2, 0, 1)
            picture = torch.from_numpy(np.ascontiguousarray(small))
        return picture, int(self.labels[index])


class Joined(Dataset[tuple[Tensor, int]]):
    """Several sets one after the other, such as originals and what genmix made of them.

    Args:
        parts: Sets of the same classes, size and fit.

    Raises:
        TrainingError: If they are not.
    """

    def __init__(self, parts: Sequence[Photos]) -> None:
        forms = {(part.classes, part.size, part.fit) for part in parts}
        if len(forms) != 1:
            raise TrainingError("sets can be joined only if classes, size and fit are the same")
        self.classes, self.size, self.fit = forms.pop()
        self.parts = tuple(parts)
        self._ends = np.cumsum([len(part) for part in parts])

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Of each picture, its class's number."""
        return np.concatenate([part.labels for part in self.parts])

    @property
    def origins(self) -> list[str]:
        """Of each picture, the photo that it shows, by what is in it: see `Photos.hashes`.

        Not by its path, which two photos of two parts may share, and one photo may have two of.
        """
        return [origin for part in self.parts for origin in part.hashes()]

    @property
    def composed(self) -> npt.NDArray[np.bool_]:
        """Of each picture, whether genmix made it."""
        return np.concatenate([part.composed for part in self.parts])

    def subset(self, indices: Indices) -> Self:
        """Return only these pictures, part by part."""
        chosen = np.sort(np.asarray(indices, np.int64))
        cuts = np.searchsorted(chosen, self._ends[:-1])
        starts = [0, *self._ends[:-1].tolist()]
        places = [part - start for part, start in zip(np.split(chosen, cuts), starts, strict=True)]
        return type(self)([p.subset(at) for p, at in zip(self.parts, places, strict=True)])

    @property
    def fingerprint(self) -> str:
        """Hash what is read."""
        return _hash(*(part.fingerprint for part in self.parts))

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return a picture, uint8 3 x size x size, and its class's number."""
        part = int(np.searchsorted(self._ends, index, side="right"))
        before = int(self._ends[part - 1]) if part else 0
        return self.parts[part][index - before]


def name_first(faults: Sequence[str]) -> str:
    """Name the first ten of what is at fault, and count the others."""
    more = f" and {len(faults) - _NAMED:,} more" if len(faults) > _NAMED else ""
    return ", ".join(faults[:_NAMED]) + more


_NAMED = 10


class _Memory:
    """Decoded pictures in memory that forked workers share; what is not written takes no space."""

    def __init__(self, count: int, size: int) -> None:
        pixels = np.frombuffer(mmap.mmap(-1, count * 3 * size * size), np.uint8)
        self.pictures = pixels.reshape(count, 3, size, size)
        self.filled = np.frombuffer(mmap.mmap(-1, count), np.uint8)

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        """Become nothing in another process: only a forked one shares the memory."""
        return _nothing, ()

    @classmethod
    def that_fits(cls, count: int, size: int) -> Self | None:
        return cls(count, size) if count * 3 * size * size <= _KEPT_BYTES else None


def _nothing() -> None:
    return None


@contextmanager
def _named(photo: Photo) -> Iterator[None]:
    """Name the photo in what is wrong with it, and say what to do."""
    try:
        yield
    except ImageError as error:
        raise ImageError(f"{photo.path}: {error}{REMOVE_IT}") from error


def _check_known(names: Sequence[str], classes: Sequence[str], source: object) -> None:
    unknown = sorted(set(names) - set(classes))
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        where = source if isinstance(source, str | Path) else "the source"
        raise TrainingError(
            f"{where} has the class {unknown[0]!r}{more}, which the model does not know; "
            f"{nearest(unknown[0], classes)}"
        )


def _check_edited(paths: Sequence[str], edited: Collection[str], made: GenMixDataset) -> None:
    lost = [path for path in paths if path not in edited]
    if not lost:
        return
    failures = made.failures()
    failed = [f"{path}: {failures[path]}" for path in lost if path in failures]
    if failed:
        raise TrainingError(
            f"genmix augment could not use {len(failed):,} of {len(paths):,} photos: "
            f"{name_first(failed)}; remove them and run again"
        )
    raise TrainingError(
        f"{len(lost)} of {len(paths)} photos have no edits, the first is {lost[0]}: run genmix "
        "augment on all of them"
    )


def _hash(*parts: str) -> str:
    return hashlib.blake2b("\1".join(parts).encode(), digest_size=32).hexdigest()
