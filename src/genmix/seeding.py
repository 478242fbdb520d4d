"""Random generators keyed by what they are for, so that no result depends on order or workers."""

import hashlib
import json

import numpy as np


def seed_of(*key: str | int) -> int:
    """Hash a key to a seed.

    Args:
        key: What the randomness is for, for example `(recipe_seed, path, prompt_id, variant)`.
            Two different keys never read as the same text.

    Returns:
        An integer in [0, 2**32), a range that every editor and framework takes as a seed.
    """
    return int.from_bytes(_digest(key)[:4], "big")


def generator(*key: str | int) -> np.random.Generator:
    """Make the generator that belongs to a key; see `seed_of`."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(_digest(key), "big")))


def _digest(key: tuple[str | int, ...]) -> bytes:
    return hashlib.blake2b(json.dumps(key).encode(), digest_size=16).digest()
