"""Auditing a finished output: the quality of what was generated, and whether it tilts the data.

Only the features of pictures need torch, and only when an encoder is there.
"""

from genmix.auditing.audit import Audit, audit
from genmix.auditing.findings import Finding
from genmix.auditing.words import sentence
from genmix.datasets.layout import AUDIT

__all__ = ["AUDIT", "Audit", "Finding", "audit", "sentence"]
