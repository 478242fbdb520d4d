"""Jobs: plan, shards, run, resume, finish; and what of a run is worth seeing before it."""

from genmix.jobs.augment import augment
from genmix.jobs.edit import EditSummary, edit
from genmix.jobs.estimate import Estimate, estimate
from genmix.jobs.folder import WHOLE, Share
from genmix.jobs.preview import preview
from genmix.jobs.summary import Summary, Tally

__all__ = [
    "WHOLE",
    "EditSummary",
    "Estimate",
    "Share",
    "Summary",
    "Tally",
    "augment",
    "edit",
    "estimate",
    "preview",
]
