"""The edit cache: edits on disk by the content that they were made from, so none is made twice."""

import hashlib
import json
import time
from collections.abc import Iterable
from pathlib import Path

from genmix.errors import ImageError
from genmix.images import Fit, Image, decode, encode_jpeg
from genmix.prompts import Prompt
from genmix.storage import remove, write_first, write_whole, writing


class EditCache:
    """A folder of edits, each named by a hash of everything that it depends on.

    An edit always comes back as it was stored (JPEG, quality 95, full colour resolution), also the
    first time, so that a run gives the same bytes whether its edits were cached or not. Several
    processes may use one folder at once: of two that make the same edit, both go on with the one
    that was stored first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def key(
        source_sha256: str, size: int, fit: Fit, prompt: Prompt, fingerprint: str, seed: int
    ) -> str:
        """Name an edit by what it depends on; the names of a photo's edits begin alike.

        Args:
            source_sha256: Of the photo's encoded bytes.
            size: Side of the prepared photo in pixels.
            fit: How the photo was made square.
            prompt: What was asked.
            fingerprint: The editor's.
            seed: The edit's seed.

        Returns:
            64 hexadecimal digits.
        """
        asked = [prompt.id, prompt.prompt, prompt.instruction]
        parts = json.dumps([source_sha256, size, fit, asked, fingerprint, seed])
        mark = _mark(source_sha256)
        return mark + hashlib.sha256(parts.encode()).hexdigest()[len(mark) :]

    def path(self, key: str) -> Path:
        """Return where the edit of this key is or would be."""
        return self.folder / key[:2] / f"{key}.jpg"

    def get(self, key: str) -> Image | None:
        """Return the edit, or None if it is not there or no longer readable."""
        try:
            return decode(self.path(key).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ImageError):
            return None

    def put(self, key: str, edit: Image) -> Image:
        """Store an edit and return it as `get` will: the one that was stored first.

        Only what is not readable, or of another size, is replaced.

        Raises:
            OutputError: If the cache cannot be written.
        """
        data = encode_jpeg(edit, quality=95, full_colour=True)
        if not write_first(self.path(key), data):
            there = self.get(key)
            if there is not None and there.shape == edit.shape:
                return there
            write_whole(self.path(key), data)
        return decode(data)

    def forget(self, source_sha256: str | None, keys: Iterable[str] = ()) -> int:
        """Remove every edit of a photo, whatever recipe asked for it, and say how many.

        Args:
            source_sha256: Of the photo's encoded bytes; None if only `keys` are to go.
            keys: Of edits that go too, and may be named otherwise.

        Raises:
            OutputError: If the cache cannot be written.
        """
        found = set(map(self.path, keys))
        if source_sha256 is not None:
            mark = _mark(source_sha256)
            folder = self.path(mark).parent
            # What a killed run was writing has no name yet.
            found |= {*folder.glob(f"{mark}*.jpg"), *filter(_is_left_over, folder.glob(".*.part"))}
        with writing(self.folder):
            return sum(remove(path) for path in sorted(found))


def _mark(source_sha256: str) -> str:
    """Return what the names of all edits of a photo begin with."""
    return source_sha256[:16]


def _is_left_over(unfinished: Path) -> bool:
    """Tell whether whoever wrote this file must have been killed."""
    return time.time() - unfinished.stat().st_mtime > _SURELY_DEAD_SECONDS


_SURELY_DEAD_SECONDS = 60.0
