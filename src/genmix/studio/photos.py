"""The photos that people try things on: those of the source, by pages, and their own uploads."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from genmix.datasets import Ignored, Photo, Source, open_source
from genmix.errors import ImageError
from genmix.images import Image, decode, encode_jpeg, resize

UPLOAD_BYTES = 20_000_000
UPLOAD_PIXELS = 40_000_000
_UPLOAD_SIDE_PX = 1024
"""An upload is kept at this size: more is never looked at."""

_UPLOADS = 8
"""So many uploads are kept for a session; the oldest makes room."""

_PAGE = 24

_TRIED = 20
"""So many photos are tried for one that can be shown."""


@dataclass(frozen=True)
class Upload:
    """A photo that somebody sent, decoded and encoded anew: what else was in the file is gone.

    Attributes:
        name: As the browser called it, for people.
        data: JPEG.
    """

    name: str
    data: bytes


@dataclass(frozen=True)
class Place:
    """Where to find a photo, and what to call it.

    Attributes:
        id: In addresses of pages.
        photo: As its source lists it.
        source: Where it is read from.
        name: For people: no folder of the server's disk but those within the source.
    """

    id: str
    photo: Photo
    source: Source
    name: str


class UploadSource:
    """One upload as a source; see `genmix.datasets.source.Source`."""

    photos: Sequence[Photo] = ()
    ignored: Sequence[Ignored] = ()

    def __init__(self, upload: Upload) -> None:
        self._upload = upload

    def read(self, photo: Photo) -> bytes:  # noqa: ARG002
        """Return its bytes."""
        return self._upload.data

    def locate(self, photo: Photo) -> Path | None:  # noqa: ARG002
        """Return nothing: it lies in no file."""
        return None


class _Inside:
    """A source of which no link leads elsewhere; see `genmix.datasets.source.Source`."""

    def __init__(self, source: Source, root: Path) -> None:
        self._source = source
        self._root = root.resolve()
        self.photos = source.photos
        self.ignored = source.ignored

    def read(self, photo: Photo) -> bytes:
        place = self._source.locate(photo)
        if place is not None and not place.resolve().is_relative_to(self._root):
            raise ImageError("it is a link to outside of the photos' folder")
        return self._source.read(photo)

    def locate(self, photo: Photo) -> Path | None:
        return self._source.locate(photo)


class PhotoBook:
    """The photos of a source, by ids that say nothing of where they lie."""

    def __init__(self, source: Path) -> None:
        self._path = source

    @cached_property
    def source(self) -> Source:
        """The listing, made when it is first needed."""
        return _Inside(open_source(self._path), self._path)

    @cached_property
    def _by_id(self) -> dict[str, int]:
        return {_photo_id(photo): k for k, photo in enumerate(self.source.photos)}

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The classes, sorted."""
        return tuple(sorted({photo.label for photo in self.source.photos}))

    def find(self, id_: str, uploads: dict[str, Upload]) -> Place:
        """Find a photo, or the first that can be used if there is none of that id.

        Args:
            id_: Of a photo of the source or of an upload.
            uploads: The session's.
        """
        if id_ in uploads:
            upload = uploads[id_]
            return Place(id_, Photo(f"upload/{id_}.jpg", ""), UploadSource(upload), upload.name)
        number = self._by_id.get(id_)
        return self._first if number is None else self._place(self.source.photos[number])

    def named(self, path: str) -> Place | None:
        """Return the photo of a path in the source, if there is one."""
        number = self._by_id.get(_photo_id_of(path))
        return None if number is None else self._place(self.source.photos[number])

    def page(self, number: int, label: str = "") -> tuple[list[Place], int]:
        """Return the photos of a page, counted from 1, and how many pages there are."""
        photos = [p for p in self.source.photos if not label or p.label == label]
        pages = max(1, -(-len(photos) // _PAGE))
        start = (min(max(number, 1), pages) - 1) * _PAGE
        return [self._place(photo) for photo in photos[start : start + _PAGE]], pages

    def some(self, start: int, count: int) -> list[Place]:
        """Return so many photos of all classes in turn, from a position in that order."""
        return [self._place(photo) for photo in self._in_turn[start : start + count]]

    @cached_property
    def _in_turn(self) -> list[Photo]:
        """All photos: the first of every class, then the second of every class, and so on."""
        seen: dict[str, int] = {}
        ranked = []
        for photo in self.source.photos:
            ranked.append((seen.setdefault(photo.label, 0), photo.label, photo))
            seen[photo.label] += 1
        return [photo for *_, photo in sorted(ranked)]

    @cached_property
    def _first(self) -> Place:
        """The first photo that can be used; of many that cannot, the very first."""
        places = [self._place(photo) for photo in self.source.photos[:_TRIED]]
        return next((place for place in places if is_usable(place)), places[0])

    def _place(self, photo: Photo) -> Place:
        return Place(_photo_id(photo), photo, self.source, PurePosixPath(photo.path).name)


def read_upload(name: str, data: bytes) -> Upload:
    """Take in a photo that somebody sent.

    Raises:
        ImageError: If it is no photo, or too large.
    """
    if len(data) > UPLOAD_BYTES:
        raise ImageError(f"the file is larger than {UPLOAD_BYTES // 1_000_000} MB")
    image = decode(data, at_least=_UPLOAD_SIDE_PX, most_pixels=UPLOAD_PIXELS)
    shown = "".join(c for c in PurePosixPath(name.replace("\\", "/")).name if c.isprintable())
    return Upload(shown[:80] or "photo", encode_jpeg(_within(image, _UPLOAD_SIDE_PX)))


def keep_upload(uploads: dict[str, Upload], upload: Upload) -> str:
    """Keep an upload for a session, and return its id."""
    while len(uploads) >= _UPLOADS:
        del uploads[next(iter(uploads))]
    id_ = f"u{secrets.token_hex(8)}"
    uploads[id_] = upload
    return id_


def is_usable(place: Place) -> bool:
    """Tell whether a photo can be read and decoded."""
    try:
        thumbnail(place, 1)
    except ImageError:
        return False
    return True


def thumbnail(place: Place, side_px: int) -> bytes:
    """Return a small picture of a photo, in its own proportions, as JPEG.

    Raises:
        ImageError: If the photo cannot be used.
    """
    image = decode(place.source.read(place.photo), at_least=side_px)
    return encode_jpeg(_within(image, side_px), 85)


def _within(image: Image, side_px: int) -> Image:
    height, width = image.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return image
    return resize(image, max(1, round(height * scale)), max(1, round(width * scale)))


def _photo_id(photo: Photo) -> str:
    return _photo_id_of(photo.path)


def _photo_id_of(path: str) -> str:
    return hashlib.blake2b(path.encode(), digest_size=8).hexdigest()
