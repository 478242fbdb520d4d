"""The contract of a screen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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


@dataclass(frozen=True, slots=True)
class Subject:
    """What a pair is of.

    Attributes:
        photo: Path of the photo in its source.
        label: Its class; "" where it is not known.
        edit: Which of the photo's edits: prompt id and variant.
    """

    photo: str
    label: str
    edit: tuple[str, int]


@runtime_checkable
class Screen(Protocol):
    """Looks at (original, edit) pairs and says keep or reject.

    Attributes:
        name: Short name, used in manifest columns and tables.
        limit: The score that parts what is kept from what is not; None where no number does.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def limit(self) -> float | None: ...  # noqa: D102

    def judge(self, originals: Sequence[Image], edits: Sequence[Image]) -> list[Verdict]:
        """Judge each edit against the original at the same position.

        Args:
            originals: uint8, height x width x 3, RGB.
            edits: The same sizes as their originals.
        """


@runtime_checkable
class SubjectScreen(Protocol):
    """A screen that must know what each pair is of.

    Attributes:
        name: Short name, used in manifest columns and tables.
        limit: The score that parts what is kept from what is not; None where no number does.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def limit(self) -> float | None: ...  # noqa: D102

    def judge_subjects(
        self, originals: Sequence[Image], edits: Sequence[Image], subjects: Sequence[Subject]
    ) -> list[Verdict]:
        """Judge each edit against the original and the subject at the same position.

        Args:
            originals: uint8, height x width x 3, RGB.
            edits: The same sizes as their originals.
            subjects: One for each pair; those of a photo follow each other.
        """


def judge_all(
    screens: Sequence[Screen | SubjectScreen],
    originals: Sequence[Image],
    edits: Sequence[Image],
    subjects: Sequence[Subject],
) -> list[dict[str, Verdict]]:
    """Ask every screen about every pair.

    Returns:
        For each pair, the verdicts by the screens' names, in the screens' order.
    """
    by_screen = {
        screen.name: screen.judge(originals, edits)
        if isinstance(screen, Screen)
        else screen.judge_subjects(originals, edits, subjects)
        for screen in screens
    }
    return [{name: verdicts[k] for name, verdicts in by_screen.items()} for k in range(len(edits))]


def at_least(what: str, score: float, limit: float, digits: int = 1) -> Verdict:
    """Keep what reaches a limit; the reason names both numbers, with so many digits."""
    if score >= limit:
        return Verdict(True, score)
    # Rounded down, so that the number never reads as the limit that it missed.
    shown = math.floor(score * 10**digits) / 10**digits
    limit_text = f"{limit:.{digits}f}"
    if float(limit_text) != limit:
        limit_text = f"{limit:g}"
    return Verdict(False, score, f"{what} {shown:.{digits}f} below {limit_text}")


def check_pairs(originals: Sequence[Image], edits: Sequence[Image]) -> None:
    """Refuse pairs that do not fit, before any is judged.

    Raises:
        ValueError: With both numbers or both sizes.
    """
    if len(originals) != len(edits):
        raise ValueError(f"{len(originals)} originals but {len(edits)} edits: give pairs")
    for original, edit in zip(originals, edits, strict=True):
        if original.shape != edit.shape:
            sizes = " and ".join("x".join(map(str, p.shape)) for p in (original, edit))
            raise ValueError(f"an original and its edit differ in size: {sizes}")
