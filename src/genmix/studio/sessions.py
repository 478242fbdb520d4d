"""Sessions: what belongs to one browser alone, and the token that its forms carry."""

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from genmix.errors import GenmixError
from genmix.recipe import Recipe
from genmix.studio.drafts import Draft
from genmix.studio.photos import Upload
from genmix.studio.work import Work

_MOST = 200
"""Sessions that are kept; the one that was idle longest is forgotten for another."""

_WORKS = 24
"""Works whose pictures a session can still see; the oldest makes room."""

_ID = re.compile(r"[0-9a-f]{32}")


class StaleError(GenmixError):
    """A form without its session's token: of another site, or from before the server began."""


@dataclass
class Watched:
    """A work whose outcome a session waits for, and how it is to be shown.

    Attributes:
        work: The work.
        template: What shows its outcome.
        context: What else the template needs.
    """

    work: Work
    template: str
    context: dict[str, Any]


@dataclass
class Session:
    """One browser's own.

    Attributes:
        id: Known to this browser and this server alone.
        token: What its forms carry.
        photo: Id of the photo that looks are shown on; the first of the source when empty.
        uploads: Its own photos, by id.
        drafts: Prompt libraries that it has opened, by name.
        mix: The recipe on the page Mix; None until it is opened.
        works: What was made for it lately, by the work's id.
        slots: The work whose outcome each part of the pages waits for.
        notice: A text's key, said once on the next page.
    """

    id: str
    token: str
    photo: str = ""
    uploads: dict[str, Upload] = field(default_factory=dict)
    drafts: dict[str, Draft] = field(default_factory=dict)
    mix: Recipe | None = None
    mix_name: str = "classification"
    works: dict[str, Watched] = field(default_factory=dict)
    slots: dict[str, Work] = field(default_factory=dict)
    notice: str = ""

    def watch(self, slot: str, watched: Watched) -> None:
        """Wait for a work in a slot; what was made there before is not wanted any more."""
        if slot in self.slots:
            self.slots[slot].cancel()
        self.slots[slot] = watched.work
        while len(self.works) >= _WORKS:
            del self.works[next(iter(self.works))]
        self.works[watched.work.id] = watched


class Sessions:
    """The sessions of a server. One that never changed anything is not kept."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._kept: OrderedDict[str, Session] = OrderedDict()

    def of(self, request: Request) -> Session:
        """Return the session of a request; a new one if it has none."""
        id_ = request.cookies.get(_cookie(request), "")
        if not _ID.fullmatch(id_):
            id_ = secrets.token_hex(16)
        if id_ in self._kept:
            self._kept.move_to_end(id_)
            return self._kept[id_]
        token = hmac.new(self._secret, id_.encode(), hashlib.sha256).hexdigest()
        return Session(id_, token)

    def check(self, session: Session, token: str) -> None:
        """Let a change in by its form's token, and keep the session from now on.

        Raises:
            StaleError: If the token is not this session's.
        """
        if not hmac.compare_digest(token.encode(errors="replace"), session.token.encode()):
            raise StaleError("this page is out of date: load it again")
        self._kept[session.id] = session
        while len(self._kept) > _MOST:
            _, forgotten = self._kept.popitem(last=False)
            for watched in forgotten.works.values():
                watched.work.cancel()

    def remember(self, request: Request, response: Response, session: Session) -> None:
        """Give a browser its session's id."""
        if request.cookies.get(_cookie(request)) != session.id:
            response.set_cookie(
                _cookie(request), session.id, httponly=True, samesite="strict", path="/"
            )


def _cookie(request: Request) -> str:
    """Name the cookie after the port: browsers do not tell the servers of a machine apart."""
    return f"genmix_studio_{request.url.port or 80}"
