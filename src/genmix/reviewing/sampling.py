"""A random sample of the made pictures, to bound how many are bad without looking at all."""

from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias, get_args

from genmix.errors import ReviewError, nearest
from genmix.reviewing.index import get_fact, mark_sample, put_fact
from genmix.reviewing.store import Store

Stratum: TypeAlias = Literal["label", "prompt"]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was drawn.

    Attributes:
        size: How many pictures were asked for.
        seed: Of the drawing.
        by: What each group had its share of: "label" or "prompt"; None where it was all at random.
    """

    size: int
    seed: int
    by: Stratum | None


def draw_sample(store: Store, size: int, *, seed: int = 0, by: Stratum | None = None) -> Sample:
    """Draw a random sample of all made pictures, in place of an earlier one; decisions stay.

    A larger sample of the same seed begins with the smaller one. `Filter(sample=True)` walks
    through it in the order of the drawing, so whatever beginning was checked is a random sample.

    Args:
        store: The reviews.
        size: How many, 1 or more; see `sample_size`. All there are if there are fewer.
        seed: Of the drawing, 0 or more.
        by: Give each class or each prompt its share; at random when left out.

    Raises:
        ReviewError: If it cannot be drawn by that.
    """
    if by is not None and by not in get_args(Stratum):
        raise ReviewError(f"a sample cannot be drawn by '{by}'; {nearest(by, get_args(Stratum))}")
    sample = Sample(size, seed, by)
    with store.writing() as connection:
        mark_sample(connection, size=size, seed=seed, by=by)
        put_fact(connection, "sample", asdict(sample))
    return sample


def drawn_sample(store: Store) -> Sample | None:
    """Return what was drawn last; None if nothing was."""
    with store.reading() as connection:
        values = get_fact(connection, "sample")
    return None if values is None else Sample(**values)
