"""Looking at pictures: those of the output, the photos that they were made of, and a target's.

Each is decoded once, measured and let go; what stays is a few numbers and one feature vector.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from genmix.auditing.certainty import Floats
from genmix.auditing.ledger import Sampled
from genmix.auditing.measures import MEASURES, describe, thumbnail
from genmix.auditing.space import Cloud, Owners
from genmix.datasets import Photo, Source, open_source
from genmix.datasets.files import walk
from genmix.datasets.folders import FolderSource
from genmix.errors import ImageError, OutputError, SourceError
from genmix.images import EXTENSIONS, Image, decode, prepare
from genmix.recipe import Recipe
from genmix.screening.features import Encode, Features
from genmix.seeding import seed_of

Tell: TypeAlias = Callable[[str, int, int], None]
"""Called with the stage, how many are done, and how many there are."""


@dataclass(frozen=True)
class Seen:
    """What was seen of a set of pictures.

    Attributes:
        owners: N; which photo of the sample each was made of.
        measures: N x len(MEASURES), as `describe` gives them.
        thumbnails: N x 768.
        features: Unit vectors, N x F; None without an encoder.
    """

    owners: Owners
    measures: Floats
    thumbnails: npt.NDArray[np.uint8]
    features: Features | None

    def __len__(self) -> int:
        return len(self.owners)

    def cloud(self, chosen: npt.NDArray[np.bool_] | None = None) -> Cloud | None:
        """Return the pictures, or some of them, in feature space."""
        if self.features is None:
            return None
        if chosen is None:
            return Cloud(self.features, self.owners)
        return Cloud(self.features[chosen], self.owners[chosen])


def look_at_output(out: Path, sample: Sequence[Sampled], encode: Encode | None, tell: Tell) -> Seen:
    """Look at the pictures that were made of a sample of photos, in their order.

    Raises:
        OutputError: If one is missing or damaged.
    """
    total = sum(len(photo.pictures) for photo in sample)

    def pictures() -> Iterator[tuple[int, Image]]:
        done = 0
        for owner, photo in enumerate(sample):
            for picture in photo.pictures:
                yield owner, _written(out / picture.output)
                done += 1
                tell("pictures", done, total)

    return _look(pictures(), encode)


def look_at_photos(
    out: Path,
    sample: Sequence[Sampled],
    source: Source | None,
    recipe: Recipe,
    encode: Encode | None,
    tell: Tell,
) -> Seen | None:
    """Look at the photos of a sample, made square as the recipe says, in their order.

    Args:
        out: The output, which may hold the photos, too.
        sample: The photos.
        source: Where they come from; `check_source` has found them all in it.
        recipe: Of the output.
        encode: The encoder, if any.
        tell: Told how far it is.

    Returns:
        What was seen; None where there is neither a source nor are they in the output.

    Raises:
        OutputError: If a photo that the output holds is missing or damaged.
        SourceError: If the source is not what the output was made of.
    """
    if source is None and any(photo.original is None for photo in sample):
        return None

    def pictures() -> Iterator[tuple[int, Image]]:
        for owner, photo in enumerate(sample):
            if source is None:
                yield owner, _made_square(_written(out / str(photo.original)), recipe)
            else:
                yield owner, _original(source, photo, recipe)
            tell("photos", owner + 1, len(sample))

    return _look(pictures(), encode)


def check_source(sample: Sequence[Sampled], source: Source, name: object) -> None:
    """Make sure that a source has the photos of a sample, before any picture is looked at.

    Args:
        sample: The photos.
        source: Where they should be.
        name: What the user called it.

    Raises:
        SourceError: If one is not in it.
    """
    there = {photo.path for photo in source.photos}
    for photo in sample:
        if photo.source not in there:
            raise SourceError(
                f"{photo.source} of the manifest is not in {name}: give the photos that the output "
                "was made of"
            )


@dataclass(frozen=True)
class Target:
    """Pictures of a target domain, drawn by the seed; their labels, if any, are not used.

    Attributes:
        name: What the user called it.
        source: Where they lie.
        photos: Which.
    """

    name: str
    source: Source
    photos: Sequence[Photo]

    @classmethod
    def open(cls, target: str | Path, most: int, seed: int) -> "Target":
        """List a target, and draw at most so many of its pictures.

        Args:
            target: A folder of pictures, in class folders or not, or whatever else is a source.
            most: At most so many are drawn.
            seed: Of the draw.

        Raises:
            SourceError: If there are fewer than two pictures.
        """
        source, photos = _listing(Path(target))
        ranked = sorted(photos, key=lambda photo: seed_of("audit target", seed, photo.path))[:most]
        chosen = set(ranked)
        if len(chosen) < _LEAST_TARGET:
            raise SourceError(f"{target} has {len(chosen)} picture: give two or more")
        return cls(str(target), source, [photo for photo in photos if photo in chosen])


def look_at_target(target: Target, recipe: Recipe, encode: Encode | None, tell: Tell) -> Seen:
    """Look at the pictures of a target domain.

    Args:
        target: Which.
        recipe: Of the output; target pictures are made square in the same way.
        encode: The encoder, if any.
        tell: Told how far it is.

    Returns:
        What was seen; every picture has an owner of its own, below 0.

    Raises:
        SourceError: If fewer than two can be read.
    """

    def pictures() -> Iterator[tuple[int, Image]]:
        for number, photo in enumerate(target.photos, 1):
            tell("target", number, len(target.photos))
            try:
                yield -number, _square(target.source.read(photo), recipe)
            except ImageError:
                continue  # of many target pictures, one that cannot be read is no loss

    seen = _look(pictures(), encode)
    if len(seen) < _LEAST_TARGET:
        raise SourceError(
            f"{target.name} has {len(seen)} pictures that can be read: give two or more"
        )
    return seen


_AT_A_TIME = 64
"""Pictures that are held at a time."""

_LEAST_TARGET = 2


@dataclass
class _Notes:
    owners: list[int] = field(default_factory=list)
    measures: list[Floats] = field(default_factory=list)
    thumbnails: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    features: list[Features] = field(default_factory=list)


def _look(pictures: Iterable[tuple[int, Image]], encode: Encode | None) -> Seen:
    notes, held = _Notes(), list[Image]()

    def let_go() -> None:
        if encode is not None and held:
            notes.features.append(encode(held))
        held.clear()

    for owner, picture in pictures:
        notes.owners.append(owner)
        notes.measures.append(describe(picture))
        notes.thumbnails.append(thumbnail(picture))
        held.append(picture)
        if len(held) == _AT_A_TIME:
            let_go()
    let_go()
    count = len(notes.owners)
    return Seen(
        np.array(notes.owners, np.intp),
        np.array(notes.measures).reshape(count, len(MEASURES)),
        np.array(notes.thumbnails, np.uint8).reshape(count, -1),
        np.concatenate(notes.features) if notes.features else None,
    )


def _written(path: Path) -> Image:
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise OutputError(
            f"{path} is in the manifest and cannot be read ({error.strerror}): run genmix augment "
            "again to make it anew"
        ) from error
    except ImageError as error:
        raise OutputError(
            f"{path} is damaged ({error}): remove it and run augment again"
        ) from error


def _original(source: Source, photo: Sampled, recipe: Recipe) -> Image:
    try:
        data = source.read(Photo(photo.source, photo.label))
    except ImageError as error:
        raise SourceError(f"{photo.source} cannot be read any more ({error})") from error
    if hashlib.sha256(data).hexdigest() != photo.sha256:
        raise SourceError(
            f"{photo.source} has changed since the output was made: give the photos that it was "
            "made of"
        )
    return _square(data, recipe)


def _square(data: bytes, recipe: Recipe) -> Image:
    return _made_square(decode(data, at_least=recipe.size), recipe)


def _made_square(image: Image, recipe: Recipe) -> Image:
    return prepare(image, recipe.size, recipe.fit)


def _listing(target: Path) -> tuple[Source, Sequence[Photo]]:
    """List a target's pictures: as a source, or of a folder in which they just lie."""
    try:
        source = open_source(target)
    except SourceError:
        if not target.is_dir():
            raise
        names = [name for name in walk(target).files if Path(name).suffix.lower() in EXTENSIONS]
        if not names:
            raise
        return FolderSource(target.absolute()), [Photo(name, "") for name in names]
    return source, source.photos
