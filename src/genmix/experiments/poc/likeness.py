"""Copies of one photo: found by their bytes, or by looking alike, so that no split parts them."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from genmix.images import Image

Thumbnail: TypeAlias = npt.NDArray[np.uint8]

SIDE = 32
"""Side of a thumbnail in pixels."""

ALIKE = 2.0
"""Two photos whose thumbnails differ by less, in levels of 255 (root mean square), are copies: the
same photo compressed anew or made smaller differs by about 1."""

MOST = 8_000
"""Among more photos only equal bytes are found: every pair would have to be looked at."""

_ROWS = 512
"""Photos that are compared with all others at a time."""


def thumbnail(image: Image) -> Thumbnail:
    """Reduce a picture to `SIDE` x `SIDE` grey values in levels of 255, as one row."""
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey: Thumbnail = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).ravel()
    return grey


def groups_of(digests: Sequence[str], thumbnails: Sequence[Thumbnail]) -> list[int]:
    """Put copies of one photo into one group.

    Args:
        digests: Of each photo's bytes; one or more photos.
        thumbnails: Of each photo.

    Returns:
        The group of each photo: the place of its first photo.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    first: dict[str, int] = {}
    same = [(first.setdefault(digest, k), k) for k, digest in enumerate(digests)]
    pairs = [np.array(same, np.int32).reshape(-1, 2)]
    if len(thumbnails) <= MOST:
        pairs += _alike(np.stack(thumbnails))
    a, b = np.concatenate(pairs).T
    links = coo_matrix((np.ones(len(a), np.bool_), (a, b)), (len(digests),) * 2)
    _, numbers = connected_components(links, directed=False)
    leaders: dict[int, int] = {}
    return [leaders.setdefault(number, k) for k, number in enumerate(numbers.tolist())]


def _alike(rows: Thumbnail) -> Iterator[npt.NDArray[np.int32]]:
    """Yield the pairs whose root mean square difference is below `ALIKE`, as rows of two places."""
    exact = rows.astype(np.float32)  # a sum of 1,024 squares is known to a few levels squared
    squares = np.einsum("nf,nf->n", exact, exact)
    for start in range(0, len(rows), _ROWS):
        part = exact[start : start + _ROWS]
        distances = squares[start : start + _ROWS, None] + squares - 2 * part @ exact.T
        near = np.argwhere(distances < ALIKE**2 * rows.shape[1])
        yield (near + np.array([start, 0])).astype(np.int32)
