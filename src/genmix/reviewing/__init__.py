"""Reviews: what people say of the pictures of an output, and what follows from it.

Decisions live in SQLite beside the output. Needs no web framework: the command line and jobs use it
as the page does.
"""

from genmix.reviewing.agreement import Kappa, cohens_kappa
from genmix.reviewing.apply import Applied, apply_reviews
from genmix.reviewing.bounds import Rate, at_most, rate_of, sample_size
from genmix.reviewing.decisions import Decision, decide, history, reviewer_name, undo
from genmix.reviewing.export import Exported, Undecided, export_reviewed
from genmix.reviewing.forget import forget_reviews
from genmix.reviewing.made import MadeOutput
from genmix.reviewing.outcomes import has_reviews, open_reviews
from genmix.reviewing.queue import (
    EVERYTHING,
    Filter,
    Item,
    count,
    counts,
    find,
    following,
    page,
    preceding,
    release,
    score_ranges,
    take,
)
from genmix.reviewing.report import ReviewReport, SampleReport, review_report
from genmix.reviewing.sampling import Sample, draw_sample, drawn_sample
from genmix.reviewing.status import Status, Verdict
from genmix.reviewing.store import REVIEWS, Store

__all__ = [
    "EVERYTHING",
    "REVIEWS",
    "Applied",
    "Decision",
    "Exported",
    "Filter",
    "Item",
    "Kappa",
    "MadeOutput",
    "Rate",
    "ReviewReport",
    "Sample",
    "SampleReport",
    "Status",
    "Store",
    "Undecided",
    "Verdict",
    "apply_reviews",
    "at_most",
    "cohens_kappa",
    "count",
    "counts",
    "decide",
    "draw_sample",
    "drawn_sample",
    "export_reviewed",
    "find",
    "following",
    "forget_reviews",
    "has_reviews",
    "history",
    "open_reviews",
    "page",
    "preceding",
    "rate_of",
    "release",
    "review_report",
    "reviewer_name",
    "sample_size",
    "score_ranges",
    "take",
    "undo",
]
