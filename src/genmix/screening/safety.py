"""The screen for what must not be shown: by the editor's own checker, and by one of the recipe's.

No model in here: `label` and `checker` have those that a recipe can ask.
"""

from collections.abc import Sequence
from typing import Protocol

from genmix.images import Image
from genmix.screening.screen import Verdict, check_pairs


class SafetyJudge(Protocol):
    """Says of pictures, each by itself, how surely they must not be shown.

    Attributes:
        limit: The greatest score that is kept.
        fingerprint: Of the model that it asks.
    """

    @property
    def limit(self) -> float: ...  # noqa: D102

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    def scores(self, pictures: Sequence[Image]) -> list[float]:
        """Score each picture: uint8, height x width x 3, RGB."""

    def reason(self, score: float) -> str:
        """Say in a short phrase why a score is above the limit."""


class SafetyScreen:
    """Rejects edits that the editor's own checker turned black, and what the recipe's judge names.

    Its score is the judge's; 1 for what the own checker refused and, without a judge, 0 for the
    rest.
    """

    name = "safety"

    def __init__(self, *, own_checker: bool, judge: SafetyJudge | None = None) -> None:
        """Make the screen.

        Args:
            own_checker: Whether the editor has a checker that turns what it refuses all black.
            judge: Asked about every edit, if there is one.
        """
        self._own_checker = own_checker
        self._judge = judge
        self.limit = 0.0 if judge is None else judge.limit

    def judge(self, originals: Sequence[Image], edits: Sequence[Image]) -> list[Verdict]:
        """Judge each edit by itself; see `Screen`."""
        check_pairs(originals, edits)
        scores = [0.0] * len(edits) if self._judge is None else self._judge.scores(edits)
        return [self._verdict(edit, score) for edit, score in zip(edits, scores, strict=True)]

    def _verdict(self, edit: Image, score: float) -> Verdict:
        # An edit is nowhere else without any light at all.
        if self._own_checker and not edit.any():
            return Verdict(False, 1.0, "safety: refused by the editor's own checker")
        if self._judge is not None and score > self._judge.limit:
            return Verdict(False, score, f"safety: {self._judge.reason(score)}")
        return Verdict(True, score)
