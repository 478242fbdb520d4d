"""The contract of a source of labelled photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, order=True)
class Photo:
    """One labelled photo of a source.

    Attributes:
        path: Where it is in its source: a relative path with forward slashes, or for a table
            `file.parquet#row`. Unique in the source, the same on every machine.
        label: Its class, as the user named it.
        license: Its licence, where the source states one.
    """

    path: str
    label: str
    license: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Ignored:
    """Something in the source that is no labelled photo, and why it was left out."""

    path: str
    reason: str


class Source(Protocol):
    """A listing of labelled photos and the bytes of each.

    A source can be sent to worker processes. There it only reads: the listing stays behind, so
    that a worker's memory does not grow with the data set.

    Attributes:
        photos: Sorted by path, the rows of a table in their order, which is the order in which to
            read them; never empty.
        ignored: What was found and is not used, sorted by path.
    """

    @property
    def photos(self) -> Sequence[Photo]: ...  # noqa: D102

    @property
    def ignored(self) -> Sequence[Ignored]: ...  # noqa: D102

    def read(self, photo: Photo) -> bytes:
        """Return the encoded bytes of a photo.

        Raises:
            ImageError: If they cannot be read, with the reason.
        """

    def locate(self, photo: Photo) -> Path | None:
        """Return the file that holds just this photo, to link to; None where there is none."""
