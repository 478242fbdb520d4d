"""The edit cache: edits on disk by the content that they were made from, so none is made twice."""

import hashlib
import json
from pathlib import Path

from genmix.errors import ImageError
from genmix.images import Fit, Image, decode, encode_jpeg
from genmix.prompts import Prompt
from genmix.storage import write_whole


class EditCache:
    """A folder of edits, each named by a hash of everything that it depends on.

    An edit always comes back as it was stored (JPEG, quality 95, full colour resolution), also the
    first time, so that a run gives the same bytes whether its edits were cached or not. Several
    processes may use one folder at once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def key(
        source_sha256: str, size: int, fit: Fit, prompt: Prompt, fingerprint: str, seed: int
    ) -> str:
        """Name an edit by what it depends on.

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
        return hashlib.sha256(parts.encode()).hexdigest()

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
        """Store an edit and return it as `get` will.

        Raises:
            OutputError: If the cache cannot be written.
        """
        data = encode_jpeg(edit, quality=95, full_colour=True)
        write_whole(self.path(key), data)
        return decode(data)
