"""What the reviews of an output say so far: how many are bad, and how far reviewers agree."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from genmix.reviewing.agreement import Kappa, cohens_kappa
from genmix.reviewing.bounds import CONFIDENCE, Rate, at_most, rate_of
from genmix.reviewing.index import get_fact
from genmix.reviewing.store import Store


@dataclass(frozen=True, slots=True)
class SampleReport:
    """What the drawn sample says of all made pictures.

    Only the beginning of the sample counts, up to the first picture that is undecided. Decisions
    after that one may have been made because of what is on the picture (a class at a time, or the
    easy ones first), and such pictures are no random sample.

    Attributes:
        size: Pictures in the sample.
        checked: How many from the first on were decided about without a gap.
        bad: Of these, how many are not accepted.
        beyond: How many after the gap were decided about, too; they do not count.
        at_most: The greatest share of bad ones among all made pictures that is still credible.
    """

    size: int
    checked: int
    bad: int
    beyond: int
    at_most: float


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """What the reviews say so far.

    A picture counts as bad where its status is "rejected", "label-wrong" or "disputed".

    Attributes:
        pictures: How many were made.
        statuses: Pictures by status.
        reviewers: By reviewer, on how many pictures a decision of theirs stands.
        outdated: Standing decisions about pictures that were made anew or are gone; they do not
            count.
        checked: The share of bad ones among all that were decided about. Where the most doubtful
            were looked at first, it is higher than among all.
        by_label: The same by class.
        by_prompt: The same by prompt.
        agreement: Of each two reviewers who judged a picture in common.
        sample: What a drawn sample says; None where none was drawn.
        confidence: Of all intervals and bounds.
    """

    pictures: int
    statuses: Mapping[str, int]
    reviewers: Mapping[str, int]
    outdated: int
    checked: Rate
    by_label: Mapping[str, Rate]
    by_prompt: Mapping[str, Rate]
    agreement: Mapping[tuple[str, str], Kappa]
    sample: SampleReport | None
    confidence: float


def review_report(store: Store, confidence: float = CONFIDENCE) -> ReviewReport:
    """Sum up the reviews.

    Args:
        store: The reviews.
        confidence: Of intervals and bounds, in (0, 1).
    """
    with store.reading() as connection:
        statuses = dict(
            connection.execute("SELECT status, count(*) FROM items GROUP BY status").fetchall()
        )
        pictures = sum(statuses.values())
        checked = pictures - statuses.get("undecided", 0)
        accepted = statuses.get("accepted", 0)
        return ReviewReport(
            pictures=pictures,
            statuses=statuses,
            reviewers=dict(connection.execute(_REVIEWERS).fetchall()),
            outdated=connection.execute(_OUTDATED).fetchone()[0],
            checked=rate_of(checked - accepted, checked, confidence),
            by_label=_rates(connection, _BY_LABEL, confidence),
            by_prompt=_rates(connection, _BY_PROMPT, confidence),
            agreement=_agreement(connection, confidence),
            sample=_sample(connection, pictures, confidence),
            confidence=confidence,
        )


_CURRENT = """
    FROM standing s
    JOIN items i ON (i.output, i.output_sha256) = (s.output, s.output_sha256)
"""

_REVIEWERS = f"SELECT reviewer, count(*) {_CURRENT} GROUP BY reviewer ORDER BY reviewer"

_OUTDATED = """
    SELECT count(*) FROM standing s WHERE NOT EXISTS (
        SELECT 1 FROM items i WHERE (i.output, i.output_sha256) = (s.output, s.output_sha256)
    )
"""

_COUNTS = "count(*), count(*) - sum(status = 'accepted')"
_DECIDED = "FROM items WHERE status IN ('accepted', 'rejected', 'label-wrong', 'disputed')"

_BY_LABEL = f"SELECT label, {_COUNTS} {_DECIDED} GROUP BY label ORDER BY label"
_BY_PROMPT = f"SELECT prompt, {_COUNTS} {_DECIDED} GROUP BY prompt ORDER BY prompt"

_SAMPLE = "SELECT count(*), sum(status != 'undecided') FROM items WHERE sample IS NOT NULL"

_BEGINNING = f"""
    SELECT {_COUNTS} {_DECIDED} AND sample < coalesce(
        (SELECT min(sample) FROM items WHERE sample IS NOT NULL AND status = 'undecided'), ?
    )
"""

_PAIRS = """
    SELECT da.verdict, db.verdict, count(*) FROM standing a
    JOIN standing b ON (a.output, a.output_sha256, ?) = (b.output, b.output_sha256, b.reviewer)
    JOIN items i ON (i.output, i.output_sha256) = (a.output, a.output_sha256)
    JOIN decisions da ON da.id = a.decision
    JOIN decisions db ON db.id = b.decision
    WHERE a.reviewer = ? GROUP BY 1, 2
"""


def _rates(connection: sqlite3.Connection, query: str, confidence: float) -> dict[str, Rate]:
    return {
        name: rate_of(bad, checked, confidence)
        for name, checked, bad in connection.execute(query).fetchall()
    }


def _agreement(connection: sqlite3.Connection, confidence: float) -> dict[tuple[str, str], Kappa]:
    reviewers = [row[0] for row in connection.execute(_REVIEWERS).fetchall()]
    found = {}
    for first, second in combinations(reviewers, 2):
        rows = connection.execute(_PAIRS, (second, first)).fetchall()
        if rows:
            said = {(one, other): times for one, other, times in rows}
            found[first, second] = cohens_kappa(said, confidence)
    return found


def _sample(
    connection: sqlite3.Connection, pictures: int, confidence: float
) -> SampleReport | None:
    if get_fact(connection, "sample") is None:
        return None
    size, decided = connection.execute(_SAMPLE).fetchone()
    checked, bad = connection.execute(_BEGINNING, (size,)).fetchone()
    bad = bad or 0
    bound = at_most(bad, checked, confidence, population=pictures)
    return SampleReport(size, checked, bad, (decided or 0) - checked, bound)
