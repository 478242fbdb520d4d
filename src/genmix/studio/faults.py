"""What went wrong, as people read it: an error's text in the pages, its status, its own words."""

import re

from starlette.exceptions import HTTPException

from genmix.errors import (
    EditorError,
    ImageError,
    MissingExtraError,
    OutputError,
    PromptError,
    RecipeError,
    ReviewError,
    RightsError,
    SourceError,
)
from genmix.jobs.folder import OtherRunError, UnderWayError
from genmix.studio.drafts import BadNameError, NameTakenError, NothingOnError, UnsavedError
from genmix.studio.mixing import NothingChosenError
from genmix.studio.results import UnreadableError
from genmix.studio.reviews import FolderTakenError
from genmix.studio.runs import RunningError
from genmix.studio.sessions import StaleError
from genmix.studio.work import BusyError


def about(error: Exception) -> str:
    """Return the key of the text that says what went wrong."""
    if isinstance(error, HTTPException):
        return _ABOUT_STATUS.get(error.status_code, "fault.other")
    return next((key for kind, key in _ABOUT.items() if isinstance(error, kind)), "fault.other")


def status(error: Exception) -> int:
    """Return the status of the answer."""
    if isinstance(error, HTTPException):
        return error.status_code
    return next((s for kind, s in _STATUS.items() if isinstance(error, kind)), 422)


def detail(error: Exception) -> str:
    """Return an error's own words, without folders of the server's disk, if people may see them."""
    return _without_folders(str(error)) if isinstance(error, _SPEAKING) else ""


_ABOUT_STATUS = {404: "fault.missing", 405: "fault.missing", 413: "fault.large"}

# The first that fits is taken.
_ABOUT: dict[type[Exception], str] = {
    StaleError: "fault.stale",
    RunningError: "fault.running",
    BusyError: "fault.busy",
    NameTakenError: "fault.taken",
    FolderTakenError: "fault.folder_taken",
    BadNameError: "fault.name",
    UnsavedError: "prompts.unsaved",
    NothingOnError: "fault.prompt",
    NothingChosenError: "mix.fault",
    OtherRunError: "fault.other_run",
    UnderWayError: "fault.under_way",
    EditorError: "fault.editor",
    ImageError: "fault.image",
    OutputError: "fault.output",
    ReviewError: "fault.review",
    SourceError: "fault.source",
    RightsError: "fault.rights",
    UnreadableError: "fault.result",
    MissingExtraError: "fault.extra",
    PromptError: "fault.input",
    RecipeError: "fault.input",
}

_STATUS: dict[type[Exception], int] = {StaleError: 403, BusyError: 503, OutputError: 500}

_SPEAKING = (
    PromptError, RecipeError, EditorError, ImageError, ReviewError, SourceError, RightsError,
    UnreadableError, MissingExtraError,
)  # fmt: skip


def _without_folders(text: str) -> str:
    return re.sub(r"(?:[A-Za-z]:)?[/\\](?:[^\s'\",:/\\]+[/\\])+", "", text)
