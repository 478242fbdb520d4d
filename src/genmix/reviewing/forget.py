"""Forgetting what reviews hold of pictures whose photo was withdrawn (`genmix forget`)."""

from pathlib import Path

import pyarrow.parquet as pq

from genmix.datasets.manifest import write_rows
from genmix.errors import ReviewError
from genmix.reviewing.made import MadeOutput, key_of
from genmix.reviewing.store import REVIEWS, Store
from genmix.storage import remove, writing


def forget_reviews(out: str | Path) -> None:
    """Remove all that reviews hold of pictures that the manifest no longer has.

    Their decisions, with their names and reasons, leave the file for good; so do their pictures and
    rows, where applying reviews had put them aside. To be called when rows have been removed from
    the manifest; doing it again is harmless, and so is doing it where there are no reviews.

    Args:
        out: A finished output.

    Raises:
        ReviewError: If the reviews are open elsewhere or cannot be read, or the output is not
            finished.
        OutputError: If it cannot be written.
    """
    made = MadeOutput(Path(out))
    reviews = made.path / REVIEWS
    if not reviews.exists() and not made.taken_out.exists():
        return
    if not made.manifest.exists():
        raise ReviewError(
            f"{out} is not finished, and {reviews} may still name what was forgotten: run genmix "
            "augment to its end, then genmix forget again"
        )
    with writing(made.path):
        _forget_taken_out(made)
    if not reviews.exists():
        return
    with Store(made.path) as store:
        with store.writing() as connection:
            connection.execute("INSERT INTO facts VALUES ('forgetting', 'true')")
            for table in ("standing", "leases", "decisions"):
                connection.execute(_FORGET.format(table=table))
            connection.execute("DELETE FROM facts WHERE name = 'forgetting'")
        if not store.compact():
            raise ReviewError(
                f"{store.path} is open elsewhere: close the studio, and run genmix forget again"
            )


_FORGET = "DELETE FROM {table} WHERE output NOT IN (SELECT output FROM items)"


def _forget_taken_out(made: MadeOutput) -> None:
    rows = made.rows_taken_out
    if not rows:
        return
    there = {
        key
        for batch in made.batches(())
        for key in zip(batch["source"], batch["prompt"], batch["variant"], strict=True)
    }
    kept = [row for row in rows.values() if key_of(row) in there]
    for row in rows.values():
        if key_of(row) not in there:
            remove(made.taken_out_pictures / row["output"])
    if len(kept) < len(rows):
        shorter = made.taken_out.with_suffix(".new")
        write_rows(shorter, kept, pq.read_schema(made.taken_out))
        shorter.replace(made.taken_out)
