"""The pages on which made pictures are looked at and judged: one by one, and many at a glance."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import quote, unquote

from starlette.datastructures import FormData
from starlette.responses import Response

from genmix import reviewing
from genmix.errors import ReviewError
from genmix.reviewing import Decision, Filter, Item, Store
from genmix.studio.mixing import export_command
from genmix.studio.reviews import SHOWS, Asked
from genmix.studio.visits import Visit

REVIEWER_COOKIE = "genmix_reviewer"

_CLIENT = "genmix studio"
_YEAR_SECONDS = 365 * 24 * 3600
_AHEAD = 2
"""So many of the next pictures are fetched while somebody looks at one."""

_GRID = 24
_GRID_PX = 256

_RATES = (1, 2, 5, 10)
"""Percent of bad pictures that a sample can rule out."""

_USUAL_RATE = 5
_SURE = 0.95

_SAID = {
    "accept": "review.said.accept",
    "reject": "review.said.reject",
    "label-wrong": "review.said.wrong",
}


@dataclass(frozen=True)
class Card:
    """One picture to look at, and how far the visitor is.

    Attributes:
        item: The picture; None if none is left.
        mine: What the visitor said of it, if that stands.
        ahead: The next pictures.
        left: How many are still to be judged, those that others look at included.
        total: Of how many.
        labels: The classes.
    """

    item: Item | None
    mine: Decision | None
    ahead: list[Item]
    left: int
    total: int
    labels: tuple[str, ...]


async def review(visit: Visit) -> Response:
    """Show the queue, at the picture that the address names or at the next one to judge."""
    if not visit.studio.reviews.ready:
        return visit.show("review-none.html")
    who = reviewer_of(visit)
    if not who:
        return visit.show("review-name.html", here_after=visit.here)
    asked, at = Asked.of(visit.request.query_params), visit.request.query_params.get("at", "")

    def look() -> dict[str, Any]:
        store = visit.studio.reviews.store
        item = _known(store, at) or _next(store, who, asked, None)
        return {"card": _card(store, who, asked, item), **_choices(store)}

    found = await asyncio.to_thread(look)
    return visit.show("review.html", asked=asked, who=who, shows=SHOWS, **found)


async def step(visit: Visit, form: FormData) -> Response:
    """Go to the next picture, or to the one before."""
    back = form.get("to") == "previous"
    output = str(form.get("output", ""))

    def move(store: Store, who: str, asked: Asked) -> tuple[Item | None, str]:
        if back:
            place = reviewing.preceding(store, output, asked.place)
            return place or _known(store, output), ""
        return _next(store, who, asked, output), ""

    return await _moved(visit, move)


async def decide(visit: Visit, form: FormData) -> Response:
    """Write down what the visitor says of a picture, and go on to the next."""
    verdict, output = str(form.get("verdict", "")), str(form.get("output", ""))
    better = str(form.get("label", "")) or None

    def judge(store: Store, who: str, asked: Asked) -> tuple[Item | None, str]:
        item = reviewing.decide(
            store,
            who,
            output,
            str(form.get("sha256", "")),
            verdict,  # type: ignore[arg-type]  # checked there
            label=better if verdict == "label-wrong" else None,
            reason=str(form.get("reason", "")),
            client=_CLIENT,
        )
        said = visit.text(_SAID[verdict], name=_called(visit, item))
        return _next(store, who, asked, output), said

    return await _moved(visit, judge)


async def undo(visit: Visit, form: FormData) -> Response:
    """Take back the visitor's last decision, and show its picture."""
    output = str(form.get("output", ""))

    def back(store: Store, who: str, _: Asked) -> tuple[Item | None, str]:
        item = reviewing.undo(store, who, client=_CLIENT)
        if item is None:
            return _known(store, output), visit.text("review.undo.nothing")
        return item, visit.text("review.undo.done", name=_called(visit, item))

    return await _moved(visit, back)


async def name(visit: Visit, form: FormData) -> Response:
    """Keep the visitor's name as a reviewer."""
    try:
        who = reviewing.reviewer_name(str(form.get("name", "")))
    except ReviewError:
        return visit.show("review-name.html", status=422, here_after=str(form.get("next", "")))
    response = visit.go(str(form.get("next", "")) or "/review")
    response.set_cookie(
        REVIEWER_COOKIE, quote(who), max_age=_YEAR_SECONDS, httponly=True, samesite="strict"
    )
    return response


async def leave(visit: Visit, _: FormData) -> Response:
    """Forget the visitor's name, and let others have what the visitor was looking at."""
    who = reviewer_of(visit)
    if who and visit.studio.reviews.ready:
        await asyncio.to_thread(lambda: reviewing.release(visit.studio.reviews.store, who))
    response = visit.go("/review")
    response.delete_cookie(REVIEWER_COOKIE, httponly=True, samesite="strict")
    return response


async def grid(visit: Visit) -> Response:
    """Show many pictures at a glance."""
    if not visit.studio.reviews.ready:
        return visit.show("review-none.html")
    query = visit.request.query_params
    asked, who = Asked.of(query), reviewer_of(visit)

    def look() -> dict[str, Any]:
        store = visit.studio.reviews.store
        wanted = asked.wanted(who)
        items = reviewing.page(store, wanted, after=query.get("after") or None, size=_GRID + 1)
        return {
            "items": items[:_GRID],
            "more": len(items) > _GRID,
            "total": reviewing.count(store, wanted),
            **_choices(store),
        }

    found = await asyncio.to_thread(look)
    first = not query.get("after")
    return visit.show("review-grid.html", asked=asked, who=who, shows=SHOWS, first=first, **found)


async def summary(visit: Visit) -> Response:
    """Say what the reviews come to so far."""

    def look() -> dict[str, Any]:
        store = visit.studio.reviews.store
        report = reviewing.review_report(store, _SURE)
        return {"report": report, "sizes": _sizes(report.pictures)}

    return visit.show("part-review-summary.html", **await asyncio.to_thread(look))


def _sizes(pictures: int) -> dict[int, int]:
    """Return how many to check for each share; of a small output, the least share says it all."""
    found: dict[int, int] = {}
    for percent in _RATES if pictures else ():
        size = reviewing.sample_size(percent / 100, _SURE, population=pictures)
        if size not in found.values():
            found[percent] = size
    return found


async def draw(visit: Visit, form: FormData) -> Response:
    """Draw a sample that can rule out a share of bad pictures, and go to it."""
    asked = form.get("percent")
    percent = next((rate for rate in _RATES if str(rate) == asked), _USUAL_RATE)

    def look() -> None:
        store = visit.studio.reviews.store
        size = reviewing.sample_size(percent / 100, _SURE, population=reviewing.count(store))
        reviewing.draw_sample(store, size)

    try:
        await asyncio.to_thread(look)
    except ValueError as error:
        raise ReviewError("there is nothing to draw from") from error
    return visit.go("/review?show=unseen&sample=1")


async def export(visit: Visit, form: FormData) -> Response:
    """Write what was kept to a folder beside the output."""
    wanted, reviews = str(form.get("name", "")).strip(), visit.studio.reviews
    only_decided = form.get("only_decided") == "on"
    folder = reviews.export_folder(wanted)
    return await visit.start(
        "export",
        lambda work: reviews.export(wanted, only_decided=only_decided, work=work),
        "part-exported.html",
        edits=False,
        folder=folder.name,
        command=export_command(visit.studio.out, wanted, only_decided=only_decided),
    )


async def made_picture(visit: Visit) -> Response:
    """Answer with a made picture, whole or small."""
    output = visit.request.query_params.get("of", "")
    small = visit.request.path_params["size"] == "small"
    side_px = _GRID_PX if small else None
    reviews = visit.studio.reviews
    item = await asyncio.to_thread(lambda: reviewing.find(reviews.store, output))
    key = ("made", item.output_sha256, str(side_px))
    return await visit.picture(key, lambda: reviews.made(output, side_px))


async def photo_picture(visit: Visit) -> Response:
    """Answer with the photo of a made picture."""
    reviews = visit.studio.reviews
    output = visit.request.query_params.get("of", "")
    item = await asyncio.to_thread(lambda: reviewing.find(reviews.store, output))
    return await visit.picture(("photo of", item.source), lambda: reviews.photo(item))


def reviewer_of(visit: Visit) -> str:
    """Return the visitor's name as a reviewer; "" before it was told."""
    try:
        return reviewing.reviewer_name(unquote(visit.request.cookies.get(REVIEWER_COOKIE, "")))
    except ReviewError:
        return ""


def _called(visit: Visit, item: Item) -> str:
    """Return what a picture is called when it is spoken of."""
    return f"{item.label} · {visit.prompt_name(item.prompt)}"


_Move: TypeAlias = Callable[[Store, str, Asked], tuple[Item | None, str]]
"""Does something for a reviewer; gives the picture to look at now, and what to say of it."""


async def _moved(visit: Visit, move: _Move) -> Response:
    """Do something, and answer with the picture to look at now."""
    who, asked = reviewer_of(visit), Asked.of(visit.request.query_params)
    if not who:
        raise ReviewError("a reviewer's name is needed: load the page again")

    def look() -> tuple[Card, str]:
        store = visit.studio.reviews.store
        item, said = move(store, who, asked)
        return _card(store, who, asked, item), said

    card, said = await asyncio.to_thread(look)
    response = visit.show("part-review-card.html", card=card, asked=asked, said=said)
    at = {"at": card.item.output} if card.item else {}
    response.headers["HX-Replace-Url"] = f"/review?{asked.query(**at)}"
    response.headers["HX-Trigger-After-Settle"] = "reviewed"
    return response


def _next(store: Store, who: str, asked: Asked, after: str | None) -> Item | None:
    """Return the next picture: one that nobody else looks at, where pictures wait to be judged."""
    wanted = asked.wanted(who)
    if asked.show not in {"open", "unseen"}:
        return reviewing.following(store, after, wanted)
    item = reviewing.take(store, who, wanted, after=after)
    # Those that were passed over come again at the end.
    return reviewing.take(store, who, wanted) if item is None and after else item


def _card(store: Store, who: str, asked: Asked, item: Item | None) -> Card:
    wanted = asked.wanted(who)
    mine = None
    if item is not None:
        decisions = reviewing.history(store, item.output)
        mine = next((d for d in decisions if d.stands and d.reviewer == who), None)
    after = item.output if item else None
    return Card(
        item=item,
        mine=mine,
        ahead=reviewing.page(store, wanted, after=after, size=_AHEAD),
        left=reviewing.count(store, asked.to_judge(who)),
        total=reviewing.count(store, asked.place),
        labels=tuple(reviewing.counts(store, "label")),
    )


def _known(store: Store, output: str) -> Item | None:
    """Return a picture if there is one of that name."""
    try:
        return reviewing.find(store, output) if output else None
    except ReviewError:
        return None


def _choices(store: Store) -> dict[str, Any]:
    """Return what the filters choose from."""
    return {
        "labels": reviewing.counts(store, "label"),
        "prompts": reviewing.counts(store, "prompt"),
        "causes": reviewing.counts(store, "cause"),
        "ranges": reviewing.score_ranges(store),
        "sampled": reviewing.count(store, Filter(sample=True)),
    }
