"""The edit cache: what was made first stays, and what cannot be used does not."""

from pathlib import Path

import numpy as np
import pytest

from genmix.editing.cache import EditCache
from genmix.images import Image

KEY = "ab" * 32


def grey(level: int, side: int = 16) -> Image:
    return np.full((side, side, 3), level, np.uint8)


def test_of_two_edits_of_one_key_both_callers_get_the_first(tmp_path: Path) -> None:
    cache = EditCache(tmp_path)
    assert cache.get(KEY) is None
    first = cache.put(KEY, grey(10))
    assert first.mean() == 10
    for found in (cache.put(KEY, grey(200)), cache.get(KEY)):
        np.testing.assert_array_equal(found, first)
    assert [path.name for path in tmp_path.rglob("*.*")] == [f"{KEY}.jpg"]


@pytest.mark.parametrize("side", [None, 15])
def test_what_is_damaged_or_of_another_size_is_replaced(tmp_path: Path, side: int | None) -> None:
    cache = EditCache(tmp_path)
    cache.put(KEY, grey(10, side or 16))
    if side is None:
        cache.path(KEY).write_bytes(cache.path(KEY).read_bytes()[:50])
    made = cache.put(KEY, grey(200))
    assert made.mean() == 200
    np.testing.assert_array_equal(cache.get(KEY), made)
