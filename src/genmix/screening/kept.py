"""Rows of numbers about pictures, computed once for each picture and kept in the user's cache."""

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from genmix.images import Image
from genmix.storage import cache_folder, write_whole

Rows: TypeAlias = npt.NDArray[Any]
"""Numbers, N x F: a row for each picture."""

BATCH = 32
"""Pictures that go through a network at a time."""


class KeptRows:
    """What a network says of pictures, kept by their content and the network's weights.

    Attributes:
        folder: Where the rows are kept.
    """

    def __init__(self, fingerprint: str) -> None:
        """Keep rows of a network.

        Args:
            fingerprint: A hash of its weights and of how it is used.
        """
        self.folder = cache_folder() / "features" / fingerprint[:32]

    def of(self, pictures: Sequence[Image], compute: Callable[[Sequence[Image]], Rows]) -> Rows:
        """Return a row for each picture; those that are kept are not computed again.

        Args:
            pictures: uint8, height x width x 3, RGB, of any size.
            compute: Computes the rows of at most `BATCH` pictures.

        Raises:
            OutputError: If the cache cannot be written.
        """
        keys = [_key(picture) for picture in pictures]
        rows = {key: self._get(key) for key in keys}
        missing = {k: p for k, p in zip(keys, pictures, strict=True) if rows[k] is None}
        names = list(missing)
        for start in range(0, len(names), BATCH):
            batch = names[start : start + BATCH]
            for key, row in zip(batch, compute([missing[k] for k in batch]), strict=True):
                rows[key] = row
                self._put(key, row)
        found = [row for key in keys if (row := rows[key]) is not None]
        return np.stack(found) if found else np.zeros((0, 1), np.float32)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npy"

    def _get(self, key: str) -> Rows | None:
        try:
            row: Rows = np.load(io.BytesIO(self._path(key).read_bytes()), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None  # not there, or damaged: computed anew
        return row

    def _put(self, key: str, row: Rows) -> None:
        data = io.BytesIO()
        np.save(data, row, allow_pickle=False)
        write_whole(self._path(key), data.getvalue())


def _key(picture: Image) -> str:
    digest = hashlib.sha256(str(picture.shape).encode())
    digest.update(np.ascontiguousarray(picture).tobytes())
    return digest.hexdigest()
