"""The web application: its settings, its addresses, and what they share."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from genmix.errors import GenmixError
from genmix.jobs.augment import default_edits
from genmix.jobs.folder import OutputFolder
from genmix.processes import available_cpus
from genmix.studio import (
    mix_pages,
    photos_pages,
    prompts_pages,
    results_pages,
    review_pages,
    run_pages,
)
from genmix.studio.drafts import PROMPTS_FOLDER, RECIPES_FOLDER, Shelf
from genmix.studio.editors import QUICK, EditorBench
from genmix.studio.guard import Guard, Password
from genmix.studio.making import Made, Maker
from genmix.studio.mixing import RecipeShelf
from genmix.studio.photos import UPLOAD_BYTES, PhotoBook
from genmix.studio.results import Results
from genmix.studio.reviews import Reviews
from genmix.studio.runs import Runs
from genmix.studio.visits import (
    LANGUAGE_COOKIE,
    STATIC,
    Handler,
    Studio,
    Visit,
    action,
    page,
    told,
)
from genmix.studio.words import LANGUAGES, Language
from genmix.studio.work import Workshop, outcome

_BODY_BYTES = UPLOAD_BYTES + 100_000
_LONG_WORKS = 2
_YEAR_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True)
class Settings:
    """What a studio is opened with.

    Attributes:
        source: The photos, as `genmix.datasets.open_source` takes them.
        out: Where pictures are made, and prompts and recipes saved.
        language: Of who has not chosen one; their browser's when None.
        editor: The editor's name.
        password: A user's name and password; None lets in whoever reaches the server.
        host: The name by which the server is reached.
        edits: The folder of the edit cache; in the user's cache folder when left out.
        results: Folders in which results are looked for, beside `out`.
    """

    source: str
    out: str
    language: Language | None = None
    editor: str = QUICK
    password: tuple[str, str] | None = None
    host: str = "127.0.0.1"
    edits: Path | None = None
    results: tuple[str, ...] = ()


def create_app(settings: Settings) -> Starlette:
    """Make the web application.

    Raises:
        GenmixError: If the photos or the folder cannot be used.
    """
    photos = PhotoBook(Path(settings.source))
    photos.source  # noqa: B018 (a listing that cannot be made is told before anything is served)
    out = Path(settings.out)
    OutputFolder(out).open()
    bench = EditorBench(settings.editor)
    edits = settings.edits or default_edits()
    own_edits = Path(tempfile.mkdtemp(prefix="genmix-studio-"))
    shelf = Shelf(out / PROMPTS_FOLDER)
    studio = Studio(
        source=settings.source,
        out=settings.out,
        language=settings.language,
        photos=photos,
        libraries=shelf,
        recipes=RecipeShelf(out / RECIPES_FOLDER, shelf),
        reviews=Reviews(out, photos),
        runs=Runs(settings.source, out, shelf, edits),
        results=Results(out, map(Path, settings.results)),
        maker=Maker(bench, edits, own_edits),
        quick=Workshop(max(2, available_cpus())),
        slow=Workshop(1),
        long=Workshop(_LONG_WORKS),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(studio.runs.close)
        await asyncio.to_thread(studio.slow.close)
        await asyncio.to_thread(studio.long.close)
        await asyncio.to_thread(studio.quick.close)
        bench.close()
        studio.reviews.close()
        shutil.rmtree(own_edits, ignore_errors=True)

    async def not_found(request: Request, error: Exception) -> Response:
        return told(Visit(studio, request), error)

    guard = Middleware(
        Guard,
        names={settings.host, socket.gethostname()},
        password=Password(*settings.password) if settings.password else None,
        most_bytes=_BODY_BYTES,
    )
    return Starlette(
        routes=_routes(studio),
        middleware=[guard],
        exception_handlers={HTTPException: not_found, GenmixError: not_found},
        lifespan=lifespan,
    )


def _routes(studio: Studio) -> list[Route | Mount]:
    def shows(path: str, handler: Handler) -> Route:
        return Route(path, page(studio, handler))

    def does(path: str, handler: object) -> Route:
        return Route(path, action(studio, handler), methods=["POST"])  # type: ignore[arg-type]

    one = "/prompts/{library}/{prompt}"
    return [
        shows("/", _first),
        does("/language", _language),
        shows("/photos", photos_pages.choose),
        does("/photos/choose", photos_pages.chosen),
        does("/photos/send", photos_pages.sent),
        shows("/photos/{id}/{size}.jpg", photos_pages.photo),
        shows("/prompts", prompts_pages.browse),
        shows(one, prompts_pages.open_prompt),
        does(one, prompts_pages.change),
        does(f"{one}/copy", prompts_pages.copy),
        does(f"{one}/remove", prompts_pages.remove),
        does(f"{one}/switch", prompts_pages.switch),
        does(f"{one}/try", prompts_pages.try_out),
        shows("/looks/{library}/{prompt}.jpg", prompts_pages.look_picture),
        does("/libraries/{library}/save", prompts_pages.save),
        does("/libraries/{library}/discard", prompts_pages.discard),
        shows("/compare", prompts_pages.compare),
        does("/compare/pictures", prompts_pages.compared),
        shows("/mix", mix_pages.mix),
        does("/mix/open", mix_pages.open_recipe),
        does("/mix/try", mix_pages.try_mix),
        does("/mix/more", mix_pages.more),
        does("/mix/save", mix_pages.save),
        shows("/families/{name}.jpg", mix_pages.family_picture),
        shows("/palettes/{name}.jpg", mix_pages.palette_picture),
        shows("/run", run_pages.run),
        shows("/run/status", run_pages.status),
        does("/run/estimate", run_pages.estimate),
        does("/run/start", run_pages.start),
        does("/run/resume", run_pages.resume),
        does("/run/stop", run_pages.stop),
        shows("/review", review_pages.review),
        does("/review/name", review_pages.name),
        does("/review/leave", review_pages.leave),
        does("/review/step", review_pages.step),
        does("/review/decide", review_pages.decide),
        does("/review/undo", review_pages.undo),
        does("/review/sample", review_pages.draw),
        does("/review/export", review_pages.export),
        shows("/review/grid", review_pages.grid),
        shows("/review/summary", review_pages.summary),
        shows("/review/photo.jpg", review_pages.photo_picture),
        shows("/review/{size}.jpg", review_pages.made_picture),
        shows("/results", results_pages.results),
        does("/results/read", results_pages.read),
        shows("/results/{id}", results_pages.result),
        does("/results/{id}/make", results_pages.make),
        shows("/results/{id}/report.html", results_pages.report),
        shows("/works/{id}", _progress),
        does("/works/{id}/stop", _stop),
        shows("/works/{id}/{picture}.jpg", _made_picture),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


async def _first(_: Visit) -> Response:
    return RedirectResponse("/prompts", 303)


async def _language(visit: Visit, form: FormData) -> Response:
    chosen = form.get("language")
    response = visit.go(str(form.get("next", "")))
    if chosen in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, str(chosen), max_age=_YEAR_SECONDS, httponly=True, samesite="strict"
        )
    return response


async def _progress(visit: Visit) -> Response:
    """Answer with what became of a work, or how far it is."""
    watched = visit.session.works.get(visit.request.path_params["id"])
    if watched is None:
        raise HTTPException(404)
    return await visit.answer(watched)


async def _stop(visit: Visit, _: FormData) -> Response:
    watched = visit.session.works.get(visit.request.path_params["id"])
    if watched is None:
        raise HTTPException(404)
    watched.work.cancel()
    return visit.show("part-stopped.html")


async def _made_picture(visit: Visit) -> Response:
    """Answer with a picture that was made for this session."""
    watched = visit.session.works.get(visit.request.path_params["id"])
    if watched is None or not watched.work.future.done():
        raise HTTPException(404)
    made = outcome(watched.work)
    name = visit.request.path_params["picture"]
    data = made.pictures.get(name) if isinstance(made, Made) else None
    if data is None:
        raise HTTPException(404)
    headers = {"Cache-Control": "private, max-age=3600, immutable"}
    return Response(data, media_type="image/jpeg", headers=headers)
