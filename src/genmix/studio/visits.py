"""A visit: one request with its session and language, and the ways in which it is answered."""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from genmix.errors import GenmixError, PromptError
from genmix.prompts import Prompt
from genmix.reviewing import Item
from genmix.studio import faults
from genmix.studio.drafts import Draft, Shelf
from genmix.studio.making import Maker
from genmix.studio.mixing import RecipeShelf
from genmix.studio.photos import PhotoBook, Place
from genmix.studio.results import Results
from genmix.studio.reviews import Reviews
from genmix.studio.runs import Runs
from genmix.studio.sessions import Session, Sessions, Watched
from genmix.studio.words import LANGUAGES, Language, preferred, words
from genmix.studio.work import StoppedError, Task, Workshop, outcome

_PATIENCE_SECONDS = 0.8
"""Work that is done by then is answered with its outcome, else with its progress."""

_POLL_SECONDS = 0.5
_KEPT_BYTES = 96 << 20
_FIELDS = 200
_FORM_SECONDS = 120
_FIELD_BYTES = 16_384
_HTMX = "hx-request"


class Kept:
    """Encoded pictures that are likely to be looked at again, up to a number of bytes."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, key: str) -> bytes | None:
        """Return a picture, if it is still there."""
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
            return self._pictures.get(key)

    def put(self, key: str, picture: bytes) -> None:
        """Keep a picture; what was not looked at for longest makes room."""
        with self._lock:
            self._bytes += len(picture) - len(self._pictures.pop(key, b""))
            self._pictures[key] = picture
            while self._bytes > _KEPT_BYTES:
                self._bytes -= len(self._pictures.popitem(last=False)[1])


@dataclass(frozen=True)
class Studio:
    """What all visits share.

    Attributes:
        source: The photos, as named at the command line.
        out: The folder, as named there.
        language: Of who has not chosen one; their browser's when None.
        photos: The photos.
        libraries: The prompt libraries.
        recipes: The recipes.
        reviews: The reviews of the folder's pictures.
        runs: The run that makes them.
        results: What comparisons and proofs of concept have shown.
        maker: Makes pictures to look at.
        quick: Threads for what takes a moment.
        slow: The thread of a slow editor.
        long: Threads for what takes long but is no editor's, so that no page waits for it.
    """

    source: str
    out: str
    language: Language | None
    photos: PhotoBook
    libraries: Shelf
    recipes: RecipeShelf
    reviews: Reviews
    runs: Runs
    results: Results
    maker: Maker
    quick: Workshop
    slow: Workshop
    long: Workshop
    sessions: Sessions = field(default_factory=Sessions)
    kept: Kept = field(default_factory=Kept)

    @property
    def workshop(self) -> Workshop:
        """Where the editor's works are done."""
        return self.quick if self.maker.bench.quick else self.slow


Handler: TypeAlias = Callable[["Visit"], Awaitable[Response]]
Action: TypeAlias = Callable[["Visit", FormData], Awaitable[Response]]
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class Visit:
    """One request."""

    def __init__(self, studio: Studio, request: Request) -> None:
        self.studio = studio
        self.request = request
        self.session: Session = studio.sessions.of(request)

    @cached_property
    def language(self) -> Language:
        """The visitor's: chosen in the page, else the studio's, else the browser's."""
        chosen = self.request.cookies.get(LANGUAGE_COOKIE)
        for language in LANGUAGES:
            if chosen == language:
                return language
        return self.studio.language or preferred(self.request.headers.get("accept-language", ""))

    @property
    def place(self) -> Place:
        """The photo that things are tried on."""
        return self.studio.photos.find(self.session.photo, self.session.uploads)

    def text(self, key: str, **values: object) -> str:
        """Return a text in the visitor's language."""
        return words(self.language, key, **values)

    def draft(self, name: str) -> Draft:
        """Return the session's draft of a library, or the library as it is.

        Raises:
            HTTPException: 404 if there is none.
            PromptError: If its file is not valid.
        """
        if name in self.session.drafts:
            return self.session.drafts[name]
        if name not in self.studio.libraries.names():
            raise HTTPException(404)
        return self.studio.libraries.open(name)

    def library_name(self, name: str) -> str:
        """Return what people call a library, in the visitor's language."""
        try:
            title = self.draft(name).library.name
        except PromptError:
            return name
        saved = name in self.studio.libraries.saved()
        return name if title is None or saved else str(getattr(title, self.language))

    def prompt_name(self, id_: str) -> str:
        """Return what people call a prompt of the output, in the visitor's language."""
        prompt = self.studio.reviews.prompts.get(id_)
        return id_ if prompt is None else str(getattr(prompt.name, self.language))

    def show(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """Answer with a page or a part of one."""
        notice = ""
        if _HTMX not in self.request.headers:  # a part of a page would take it from the page
            notice, self.session.notice = self.session.notice, ""
        html = _templates.get_template(template).render(
            visit=self,
            session=self.session,
            studio=self.studio,
            t=self.text,
            lang=self.language,
            other_lang=next(each for each in LANGUAGES if each != self.language),
            here=self.here,
            notice=notice,
            **context,
        )
        # Going back must not show what was true before it was changed.
        return HTMLResponse(html, status, {"Cache-Control": "no-store"})

    @property
    def here(self) -> str:
        """The address of this page, without the server."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    def go(self, path: str) -> Response:
        """Send the browser to a page of this server."""
        return RedirectResponse(own_path(path), 303)

    async def start(
        self, slot: str, task: Task, template: str, *, edits: bool = True, **context: Any
    ) -> Response:
        """Begin a work, and answer with its outcome or its progress.

        Args:
            slot: The part of the page that waits for it.
            task: What to do.
            template: What shows the outcome.
            edits: Whether it needs the editor.
            **context: What else the template needs.
        """
        workshop = self.studio.workshop if edits else self.studio.long
        watched = Watched(workshop.start(task), template, context)
        self.session.watch(slot, watched)
        return await self.answer(watched, _PATIENCE_SECONDS)

    async def answer(self, watched: Watched, seconds: float = _POLL_SECONDS) -> Response:
        """Answer with a work's outcome, or with its progress if it is not done by then."""
        work = watched.work
        ended = asyncio.wrap_future(work.future)
        # Who stops waiting leaves the error to the next who asks.
        ended.add_done_callback(lambda future: future.cancelled() or future.exception())
        await asyncio.wait({ended}, timeout=seconds)
        if not work.future.done():
            return self.show("part-progress.html", work=work)
        try:
            made: Any = outcome(work)
        except StoppedError:
            return self.show("part-stopped.html")
        return self.show(watched.template, made=made, work=work, **watched.context)

    async def picture(self, key: tuple[str, ...], make: Callable[[], bytes]) -> Response:
        """Answer with a picture, made if it is not kept.

        Args:
            key: Everything that it depends on.
            make: Makes it.
        """
        digest = hashlib.blake2b(repr(key).encode(), digest_size=16).hexdigest()
        tag = f'"{digest}"'
        headers = {"ETag": tag, "Cache-Control": "private, max-age=3600"}
        if self.request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        data = self.studio.kept.get(digest)
        if data is None:
            work = self.studio.quick.start(lambda _: make())
            made: bytes = await asyncio.wrap_future(work.future)
            self.studio.kept.put(digest, made)
            data = made
        return Response(data, media_type="image/jpeg", headers=headers)


LANGUAGE_COOKIE = "genmix_language"


def page(studio: Studio, handler: Handler) -> Endpoint:
    """Make an endpoint of what only shows."""

    async def endpoint(request: Request) -> Response:
        visit = Visit(studio, request)
        return await _answered(visit, handler(visit))

    return endpoint


def action(studio: Studio, handler: Action) -> Endpoint:
    """Make an endpoint of what changes something: it needs its session's token."""

    async def checked(visit: Visit) -> Response:
        try:
            async with asyncio.timeout(_FORM_SECONDS):
                form = await visit.request.form(
                    max_files=1, max_fields=_FIELDS, max_part_size=_FIELD_BYTES
                )
        except TimeoutError as error:
            raise HTTPException(408) from error
        try:
            token = visit.request.headers.get("x-genmix-token") or form.get("token")
            studio.sessions.check(visit.session, token if isinstance(token, str) else "")
            return await handler(visit, form)
        finally:
            await form.close()

    async def endpoint(request: Request) -> Response:
        visit = Visit(studio, request)
        return await _answered(visit, checked(visit))

    return endpoint


async def _answered(visit: Visit, answer: Awaitable[Response]) -> Response:
    """Answer, an error as people read it, and remember the session."""
    try:
        response = await answer
    except (GenmixError, HTTPException, StoppedError) as error:
        response = told(visit, error)
    visit.studio.sessions.remember(visit.request, response, visit.session)
    return response


def told(visit: Visit, error: Exception) -> Response:
    """Tell what went wrong, in the visitor's language, and in the words of the error."""
    template = "part-fault.html" if _HTMX in visit.request.headers else "fault.html"
    text = visit.text(faults.about(error))
    return visit.show(
        template, status=faults.status(error), about=text, detail=faults.detail(error)
    )


def own_path(path: str) -> str:
    """Return a path of this server; the first page for anything that leads elsewhere."""
    safe = re.fullmatch(r"/(?![/\\])[\w./?=&%+~-]*", path, re.ASCII)
    return path if safe else "/"


def look_version(prompt: Prompt) -> str:
    """Return what changes in a look's address when its prompt does."""
    words_ = "\0".join((prompt.id, prompt.prompt, prompt.instruction))
    return hashlib.blake2b(words_.encode(), digest_size=6).hexdigest()


def picture_query(item: Item) -> str:
    """Return the query of a made picture's address; another one when it is made anew."""
    return urlencode({"of": item.output, "v": item.output_sha256[:8]})


_HERE = Path(str(files("genmix.studio")))
STATIC = _HERE / "static"

_templates = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals["look_version"] = look_version
_templates.globals["of"] = picture_query
