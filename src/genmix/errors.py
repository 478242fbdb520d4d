"""The errors that genmix raises for a user's mistake or a machine's limit.

Every message says what was wrong, where, and what to do, in one line; the command line prints it
without a traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Self


class GenmixError(Exception):
    """Base class: something that the user can put right."""


class SourceError(GenmixError):
    """The source of photos cannot be read as a labelled data set."""


class ImageError(GenmixError):
    """One picture cannot be used: unreadable, truncated, or larger than is safe to decode."""


class PromptError(GenmixError):
    """A prompt or a prompt library that does not exist or is not valid."""


class RecipeError(GenmixError):
    """A recipe that does not exist or is not valid."""


class EditorError(GenmixError):
    """An editor that does not exist, cannot start, or cannot do what a prompt asks."""


class ScreenError(GenmixError):
    """A screen's model or settings do not exist or do not fit what is screened."""


class OutputError(GenmixError):
    """The output cannot be written: another recipe's, in use, read-only, or the disk is full."""


class ReviewError(GenmixError):
    """Reviews cannot be opened, or a decision does not fit what is there."""


class RightsError(GenmixError):
    """A photo or a model has a licence that the recipe does not allow."""


class MixerError(GenmixError, ValueError):
    """A mixer's setting, or a batch that was passed to it, does not fit."""


class TrainingError(GenmixError):
    """A model, a checkpoint or a setting of training or evaluation does not exist or fit."""


class ExperimentError(GenmixError):
    """A comparison cannot be planned or gone on with: its arms, its shots, its folder."""


class MissingExtraError(GenmixError):
    """An optional part of genmix is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an extra: pip install 'genmix[{extra}]'")
        self.feature = feature
        self.extra = extra

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        """Pickle by what it was made from, so that a worker process can pass it on."""
        return type(self), (self.feature, self.extra)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names what `name` could have meant, for the end of an error message.

    Args:
        name: What the user wrote.
        known: What would have been right, in the order in which to list it.

    Returns:
        "did you mean 'a' or 'b'?" when something is close, else "known: a, b, c".
    """
    known = list(known)
    close = get_close_matches(name.casefold(), [k.casefold() for k in known], n=3, cutoff=0.6)
    if close:
        by_fold = {k.casefold(): k for k in known}
        return "did you mean " + " or ".join(f"'{by_fold[c]}'" for c in close) + "?"
    return "known: " + ", ".join(known)
