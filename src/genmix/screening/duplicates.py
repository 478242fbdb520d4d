"""The screen that finds an edit that an earlier prompt has made already. No model needed."""

from collections.abc import Sequence

from genmix.images import Image
from genmix.screening.classical import difference
from genmix.screening.screen import Subject, Verdict, at_least, check_pairs
from genmix.screening.settings import DuplicateSettings


class DuplicatesScreen:
    """Rejects edits that equal an earlier edit of their photo; its score is the least difference.

    Earlier is meant in the plan's order, in which a photo's edits follow each other and stay in one
    shard, so the verdict depends neither on batches nor on workers. It holds one photo's edits.
    """

    name = "duplicates"

    def __init__(self, settings: DuplicateSettings | None = None) -> None:
        self.limit = (settings or DuplicateSettings()).min_difference
        self._photo = ""
        self._earlier: dict[tuple[str, int], Image] = {}

    def judge_subjects(
        self, originals: Sequence[Image], edits: Sequence[Image], subjects: Sequence[Subject]
    ) -> list[Verdict]:
        """Judge each edit against the photo's edits before it; see `SubjectScreen`.

        The first edit of a photo has nothing to equal: 255.
        """
        check_pairs(originals, edits)
        scores = [self._least(edit, of) for edit, of in zip(edits, subjects, strict=True)]
        return [at_least("duplicates: difference", score, self.limit) for score in scores]

    def _least(self, edit: Image, subject: Subject) -> float:
        """Compare an edit with the photo's earlier ones, and remember it."""
        if subject.photo != self._photo:
            self._photo, self._earlier = subject.photo, {}
        if subject.edit in self._earlier:  # the photo is gone through again from here
            kept = list(self._earlier)[: list(self._earlier).index(subject.edit)]
            self._earlier = {name: self._earlier[name] for name in kept}
        least = min((difference(one, edit) for one in self._earlier.values()), default=255.0)
        self._earlier[subject.edit] = edit
        return least
