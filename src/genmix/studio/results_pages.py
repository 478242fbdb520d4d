"""The pages on which results are listed and their reports opened in place."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import Response

from genmix.studio.mixing import results_command
from genmix.studio.results import MOST_MEGABYTES, Listing, Result
from genmix.studio.visits import Visit
from genmix.studio.words import LANGUAGES, Language
from genmix.studio.work import Work

_COMMANDS = {"poc": ["--budget", "30m"], "compare": [], "ablate": []}

# A report needs no script, and its own page forbids everything from elsewhere. Its frame may be
# measured and printed by the page around it, which is what "same origin" and "modals" are for; the
# opener policy of the other pages does not go together with a sandbox.
_HEADERS = {
    "Content-Security-Policy": (
        "sandbox allow-same-origin allow-modals; default-src 'none'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "unsafe-none",
}


async def results(visit: Visit) -> Response:
    """List what was found, or say how something is."""
    shelf = visit.studio.results
    listing = await asyncio.to_thread(shelf.listing)
    commands = {
        verb: results_command(visit.studio.source, visit.studio.out, verb, more)
        for verb, more in _COMMANDS.items()
    }
    return visit.show(
        "results.html",
        listing=listing,
        reading=bool(shelf.unread(listing.results)),
        commands=commands,
        **_saying(),
    )


async def read(visit: Visit, _: FormData) -> Response:
    """Read what the results say first, and list them."""
    shelf = visit.studio.results

    def task(work: Work) -> Listing:
        listing = shelf.listing()
        shelf.read(listing.results, work)
        return listing

    return await visit.start("results", task, "part-results.html", edits=False, **_saying())


async def result(visit: Visit) -> Response:
    """Show the page around a report, which is asked for by it."""
    found = await _asked(visit)
    return visit.show("result.html", result=found, **_saying())


async def make(visit: Visit, _: FormData) -> Response:
    """Make a report, and show it in its frame."""
    found, language = await _asked(visit), visit.language

    def task(work: Work) -> Result:
        if visit.studio.kept.get(_key(found, language)) is None:
            page = visit.studio.results.report(found, language, work)
            visit.studio.kept.put(_key(found, language), page)
        return found

    slot, place = f"report {found.id}", address(found, language)
    return await visit.start(slot, task, "part-report.html", edits=False, address=place)


async def report(visit: Visit) -> Response:
    """Answer with a report: a page of its own, made if it is not kept."""
    found, asked = await _asked(visit), visit.request.query_params
    language = next((each for each in LANGUAGES if each == asked.get("lang")), visit.language)
    page = visit.studio.kept.get(_key(found, language))
    if page is None:
        shelf = visit.studio.results
        work = visit.studio.long.start(lambda work: shelf.report(found, language, work))
        made: bytes = await asyncio.wrap_future(work.future)
        visit.studio.kept.put(_key(found, language), made)
        page = made
    headers = dict(_HEADERS)
    if "download" in asked:
        name = quote(f"{found.name.replace('/', '-')}.{language}.html")
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    return Response(page, media_type="text/html", headers=headers)


def address(found: Result, language: Language) -> str:
    """Return where a report is; elsewhere when it is another one."""
    query = urlencode({"lang": language, "v": found.version})
    return f"/results/{found.id}/report.html?{query}"


def date_of(visit: Visit, seconds: float) -> str:
    """Write a time as people read it, at the place of the server."""
    at = datetime.fromtimestamp(seconds, UTC).astimezone()
    return visit.text(
        "results.date",
        year=at.year,
        month=f"{at.month:02}" if visit.language == "en" else at.month,
        day=f"{at.day:02}" if visit.language == "en" else at.day,
        time=f"{at:%H:%M}",
    )


def _saying() -> dict[str, Any]:
    return {"date_of": date_of, "megabytes": MOST_MEGABYTES}


async def _asked(visit: Visit) -> Result:
    """Return the result that an address names."""
    id_ = visit.request.path_params["id"]
    found = await asyncio.to_thread(visit.studio.results.find, id_)
    if found is None:
        raise HTTPException(404)
    return found


def _key(found: Result, language: Language) -> str:
    return f"report {found.id} {found.version} {language}"
