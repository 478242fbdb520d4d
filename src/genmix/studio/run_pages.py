"""The page on which a training set is made: what it would take, starting, watching, stopping."""

import asyncio
import re
from typing import Any

from starlette.datastructures import FormData
from starlette.responses import Response

from genmix.errors import RecipeError
from genmix.recipe import shipped_presets
from genmix.studio import faults
from genmix.studio.mixing import command
from genmix.studio.runs import Order
from genmix.studio.switches import by_switches, has_unsaved, mix_of
from genmix.studio.visits import Visit
from genmix.studio.work import StoppedError, outcome

_COUNT = re.compile(r"[1-9][0-9]{0,8}")
_SHOWN_FAILURES = 20


async def run(visit: Visit) -> Response:
    """Show how far the run is, and what can be done."""
    found = await asyncio.to_thread(_state, visit)
    return visit.show(
        "run.html",
        saved=visit.studio.recipes.saved(),
        photos=len(visit.studio.photos.source.photos),
        unsaved=has_unsaved(visit, mix_of(visit)),
        **found,
    )


async def status(visit: Visit) -> Response:
    """Show how far the run is."""
    found = await asyncio.to_thread(_state, visit)
    response = visit.show("part-run.html", **found)
    if not found["running"]:
        response.headers["HX-Refresh"] = "true"  # other things can be done now
    return response


async def estimate(visit: Visit, form: FormData) -> Response:
    """Say what a run would take."""
    order, runs = _order(visit, form), visit.studio.runs
    return await visit.start(
        "estimate",
        lambda work: runs.estimate(order, work),
        "part-estimate.html",
        edits=False,
        command=_command(visit, order),
        time_of=time_of,
    )


async def start(visit: Visit, form: FormData) -> Response:
    """Begin a run."""
    visit.studio.runs.start(_order(visit, form))
    return visit.go("/run")


async def resume(visit: Visit, _: FormData) -> Response:
    """Go on with the run that was begun."""
    order = visit.studio.runs.order
    if order is None:
        raise RecipeError("no run was begun here")
    visit.studio.runs.start(order)
    return visit.go("/run")


async def stop(visit: Visit, _: FormData) -> Response:
    """End the run's process; what it finished is kept."""
    visit.studio.runs.stop()
    return visit.go("/run")


def time_of(visit: Visit, seconds: float) -> str:
    """Say how long something takes, as people do."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return visit.text("run.time.moment")
    if minutes < 60:
        return visit.text("run.time.minutes", minutes=minutes)
    return visit.text("run.time.hours", hours=minutes // 60, minutes=minutes % 60)


def _state(visit: Visit) -> dict[str, Any]:
    """Return what the page says of the run."""
    runs = visit.studio.runs
    current, order = runs.current, runs.order
    fault = detail = ""
    if current is not None and not runs.running:
        try:
            outcome(current.work)
        except StoppedError:
            pass
        except Exception as error:  # noqa: BLE001 (told to the visitor)
            fault, detail = visit.text(faults.about(error)), faults.detail(error)
    tally = runs.tally()
    return {
        "presets": shipped_presets(),
        "running": runs.running,
        "finished": runs.finished and not runs.running,
        "begun": order is not None,
        "current": current,
        "order": current.order if current and runs.running else order,
        "fault": fault,
        "detail": detail,
        "tally": tally,
        "failures": list(tally.failed_photos.items())[:_SHOWN_FAILURES],
        "time_of": time_of,
    }


def _order(visit: Visit, form: FormData) -> Order:
    """Read from a form what is to be made; without a recipe's name, by the page Mix.

    Raises:
        NothingOnError: If it is to be made by the page Mix, and no prompt is switched on.
        RecipeError: If there is no such recipe, or the number of photos is none.
    """
    name, text = str(form.get("recipe", "")), str(form.get("limit", "")).strip()
    if text and not _COUNT.fullmatch(text):
        raise RecipeError("the number of photos is no whole number above 0")
    if name:
        recipe = visit.studio.recipes.open(name)
    else:
        recipe = by_switches(visit, mix_of(visit))
        if visit.session.mix is None and recipe == mix_of(visit):
            name = visit.session.mix_name
    bench = visit.studio.maker.bench
    if not bench.quick:
        recipe = recipe.changed(editor={"name": bench.name})
    return Order(name, recipe, int(text) if text else None)


def _command(visit: Visit, order: Order) -> str:
    """Write the command that does the same; "" for a recipe that was never saved."""
    if not order.name or not visit.studio.maker.bench.quick:
        return ""
    return command(visit.studio.source, visit.studio.out, order.name, order.limit)
