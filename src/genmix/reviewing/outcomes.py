"""What reviews mean for the rows of a manifest: which pictures stay out, and under which reason."""

from dataclasses import dataclass
from pathlib import Path

from genmix.datasets.layout import MANIFEST
from genmix.errors import ReviewError
from genmix.reviewing.made import CAUSE
from genmix.reviewing.status import Status
from genmix.reviewing.store import REVIEWS, Store, no_output


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the reviewers made of one picture.

    Attributes:
        status: What follows from their decisions.
        better_label: The class that it should be, if they named one.
        reviewers: How many they are.
        reasons: What they wrote, joined; "" where they wrote nothing.
    """

    status: Status
    better_label: str | None
    reviewers: int
    reasons: str

    @property
    def refusal(self) -> str | None:
        """Why the picture does not stay as it is, as a reason in the manifest; None if it does."""
        if self.status in {"accepted", "undecided"}:
            return None
        words = _WORDS[self.status]
        if self.better_label is not None:
            words += f", it should be {self.better_label}"
        return f"{CAUSE}: {words}" + (f" ({self.reasons})" if self.reasons else "")


UNDECIDED = Outcome("undecided", None, 0, "")


def has_reviews(out: str | Path) -> bool:
    """Tell whether an output has reviews, be they readable or not."""
    return (Path(out) / REVIEWS).exists()


def open_reviews(out: str | Path) -> Store:
    """Open the reviews of an output that has some.

    Raises:
        ReviewError: If there is no finished output, it has none, or they cannot be read.
    """
    if not has_reviews(out):
        if not (Path(out) / MANIFEST).exists():
            raise no_output(Path(out))
        raise ReviewError(f"{out} has no {REVIEWS}: nobody has reviewed it yet")
    return Store(out)


def outcomes(store: Store) -> dict[str, Outcome]:
    """Return what became of every picture that was decided about, by its path in the output."""
    with store.reading() as connection:
        return {
            row["output"]: Outcome(
                row["status"], row["better_label"], row["reviewers"], row["reasons"] or ""
            )
            for row in connection.execute(_OUTCOMES)
        }


_WORDS: dict[Status, str] = {
    "rejected": "rejected",
    "label-wrong": "wrong label",
    "disputed": "reviewers disagree",
}

_OUTCOMES = """
    SELECT i.output, i.status, i.better_label, i.reviewers, (
        SELECT group_concat(reason, '; ') FROM (
            SELECT DISTINCT d.reason FROM standing s JOIN decisions d ON d.id = s.decision
            WHERE (s.output, s.output_sha256) = (i.output, i.output_sha256)
                AND d.verdict != 'accept' AND d.reason != ''
            ORDER BY d.reason
        )
    ) AS reasons
    FROM items i WHERE i.status != 'undecided'
"""
