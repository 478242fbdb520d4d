"""The contract of a screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from genmix.images import Image


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a screen says of one edit.

    Attributes:
        keep: Whether the edit may be used.
        score: The number that was judged; its unit is the screen's.
        reason: Why it was rejected, in a short phrase with the number and the limit; "" when kept.
    """

    keep: bool
    score: float
    reason: str = ""


class Screen(Protocol):
    """Looks at (original, edit) pairs and says keep or reject.

    Attributes:
        name: Short name, used in manifest columns and tables.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    def judge(self, originals: Sequence[Image], edits: Sequence[Image]) -> list[Verdict]:
        """Judge each edit against the original at the same position.

        Args:
            originals: uint8, height x width x 3, RGB.
            edits: The same sizes as their originals.
        """
