"""The pages on which prompts are looked at, tried, compared, changed and saved."""

import re
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import Response

from genmix.errors import PromptError
from genmix.prompts import Prompt
from genmix.recipe import Recipe
from genmix.studio.drafts import PROMPTS_FOLDER, Draft, prompt_of, slug_of
from genmix.studio.fields import whole_number
from genmix.studio.making import has_look, look
from genmix.studio.mixing import prompts_command, shown
from genmix.studio.switches import mix_of
from genmix.studio.visits import Visit
from genmix.studio.words import LANGUAGES

FIRST_LIBRARY = "classification"

_COMPARED = 6
"""Photos of a page of comparison: a dozen edits take the quick editor about a second."""

_LONGEST_SEARCH = 100
_TAG_SEPARATORS = re.compile(r"[,、，;\s]+")


async def browse(visit: Visit) -> Response:
    """Show a library by what its prompts look like."""
    name = visit.request.query_params.get("library", FIRST_LIBRARY)
    draft = visit.draft(name)
    parts = {"prompt-cards": "part-cards.html"}
    template = parts.get(visit.request.headers.get("hx-target", ""), "prompts.html")
    return visit.show(
        template,
        name=name,
        draft=draft,
        **_cards(draft, visit.request.query_params.get("find", "")),
        tags=sorted({tag for prompt in draft.library.prompts for tag in prompt.tags}),
        suggested=_suggested(visit, name),
    )


async def open_prompt(visit: Visit) -> Response:
    """Show a prompt: to be tried, and to be changed."""
    name, draft, prompt = _asked(visit)
    return _prompt_page(visit, name, draft, prompt)


async def change(visit: Visit, form: FormData) -> Response:
    """Change a prompt, or say which of its fields does not fit."""
    name, draft, prompt = _asked(visit)
    values = _fields(form)
    try:
        changed = prompt_of(values)
        visit.session.drafts[name] = draft.with_prompt(changed, instead_of=prompt.id)
    except ValidationError as error:
        faults = {".".join(map(str, fault["loc"][:2])) for fault in error.errors()}
        return _prompt_page(visit, name, draft, prompt, values=values, faults=faults, status=422)
    except PromptError:
        return _prompt_page(visit, name, draft, prompt, values=values, faults={"id"}, status=422)
    visit.session.notice = "prompt.changed"
    return visit.go(f"/prompts/{name}/{changed.id}")


async def copy(visit: Visit, _: FormData) -> Response:
    """Copy a prompt and open the copy."""
    name, draft, prompt = _asked(visit)
    endings: dict[str, str] = {language: _copy_ending(language) for language in LANGUAGES}
    visit.session.drafts[name], copy_id = draft.copied(prompt.id, endings)
    visit.session.notice = "prompt.copied"
    return visit.go(f"/prompts/{name}/{copy_id}")


async def remove(visit: Visit, _: FormData) -> Response:
    """Take a prompt out of the draft."""
    name, draft, prompt = _asked(visit)
    visit.session.drafts[name] = draft.without(prompt.id)
    visit.session.notice = "prompt.removed"
    return visit.go(f"/prompts?library={name}")


async def switch(visit: Visit, form: FormData) -> Response:
    """Switch a prompt on or off."""
    name, draft, prompt = _asked(visit)
    visit.session.drafts[name] = draft.switched(prompt.id, form.get("on") == "on")
    return visit.show("part-count.html", name=name, draft=visit.session.drafts[name])


async def discard(visit: Visit, _: FormData) -> Response:
    """Forget a draft: the library is as it was."""
    name = visit.request.path_params["library"]
    visit.session.drafts.pop(name, None)
    visit.session.notice = "library.discarded"
    return visit.go(f"/prompts?library={name}")


async def save(visit: Visit, form: FormData) -> Response:
    """Save what is switched on as a library file; by its own name, the others are gone then."""
    name = visit.request.path_params["library"]
    draft = visit.draft(name)
    wanted = str(form.get("name", "")).strip()
    shelf = visit.studio.libraries
    saved = shelf.save(draft, wanted, replace_old=form.get("replace") == "on")
    visit.session.drafts[name] = replace(draft, changed=False)
    visit.session.drafts.pop(wanted, None)
    draft = visit.draft(name)
    command = prompts_command(
        visit.studio.source, visit.studio.out, f"{PROMPTS_FOLDER}/{wanted}.yaml"
    )
    return visit.show(
        "part-saved.html",
        name=name,
        draft=draft,
        **_cards(draft, str(form.get("find", ""))),
        saved=wanted,
        count=len(saved.library.prompts),
        command=command,
        link=f"/prompts?library={wanted}",
        kind="library",
    )


async def try_out(visit: Visit, form: FormData) -> Response:
    """Make the steps of one photo by one prompt."""
    _, _, prompt = _asked(visit)
    recipe = shown(_tried_recipe(visit, form))
    place, maker = visit.place, visit.studio.maker

    return await visit.start(
        "try",
        lambda work: maker.steps(place, prompt, recipe, 0, work),
        "part-steps.html",
    )


async def compare(visit: Visit) -> Response:
    """Show two prompts beside each other."""
    query = visit.request.query_params
    name = query.get("library", FIRST_LIBRARY)
    draft = visit.draft(name)
    prompts = draft.library.prompts
    first = draft.find(query.get("a", "")) or prompts[0]
    second = draft.find(query.get("b", "")) or prompts[min(1, len(prompts) - 1)]
    return visit.show("compare.html", name=name, draft=draft, first=first, second=second)


async def compared(visit: Visit, form: FormData) -> Response:
    """Edit some photos by two prompts."""
    name = str(form.get("library", ""))
    draft = visit.draft(name)
    pair = [draft.find(str(form.get(key, ""))) for key in ("a", "b")]
    prompts = [prompt for prompt in pair if prompt is not None]
    if len(prompts) != len(pair):
        raise HTTPException(404)
    total = len(visit.studio.photos.source.photos)
    start = whole_number(str(form.get("start", ""))) or 0
    start = min(start, max(0, total - 1)) // _COMPARED * _COMPARED
    places = visit.studio.photos.some(start, _COMPARED)
    recipe = shown(_tried_recipe(visit, form))
    make = partial(visit.studio.maker.edits, places, prompts, recipe)
    return await visit.start(
        "compare",
        make,
        "part-compared.html",
        places=places,
        prompts=prompts,
        start=start,
        step=_COMPARED,
        total=total,
    )


async def look_picture(visit: Visit) -> Response:
    """Answer with the picture of a prompt's look on the chosen photo."""
    _, _, prompt = _asked(visit)
    photo = visit.request.query_params.get("photo", "")
    place = visit.studio.photos.find(photo, visit.session.uploads)
    key = ("look", place.id, prompt.id, prompt.prompt, prompt.instruction)
    return await visit.picture(key, lambda: look(place, prompt))


def _asked(visit: Visit) -> tuple[str, Draft, Prompt]:
    """Return the library and the prompt that a page's address names."""
    name = visit.request.path_params["library"]
    draft = visit.draft(name)
    prompt = draft.find(visit.request.path_params["prompt"])
    if prompt is None:
        raise HTTPException(404)
    return name, draft, prompt


def _prompt_page(
    visit: Visit,
    name: str,
    draft: Draft,
    prompt: Prompt,
    *,
    values: dict[str, Any] | None = None,
    faults: AbstractSet[str] = frozenset(),
    status: int = 200,
) -> Response:
    ids = [each.id for each in draft.library.prompts]
    at = ids.index(prompt.id)
    return visit.show(
        "prompt.html",
        status=status,
        name=name,
        draft=draft,
        prompt=prompt,
        values=values or prompt.model_dump(),
        faults=faults,
        tags_fault=any(fault.startswith("tags") for fault in faults),
        before=ids[at - 1] if at else None,
        after=ids[at + 1] if at + 1 < len(ids) else None,
        recipe=mix_of(visit),
    )


def _tried_recipe(visit: Visit, form: FormData) -> Recipe:
    """Return the recipe of the page Mix, with the seed and strength that the form gives."""
    seed = whole_number(str(form.get("seed", ""))) or 0
    try:
        share = float(str(form.get("strength", "100"))) / 100
    except ValueError:
        share = 1.0
    return mix_of(visit).changed(seed=seed, editor={"strength": share})


def _fields(form: FormData) -> dict[str, Any]:
    def line(key: str) -> str:
        return " ".join(str(form.get(key, "")).split())

    tags = [tag for tag in _TAG_SEPARATORS.split(line("tags")) if tag]
    return {
        "id": line("id"),
        "prompt": line("prompt"),
        "instruction": line("instruction") or line("prompt"),
        "name": {language: line(f"name_{language}") for language in LANGUAGES},
        "description": {language: line(f"description_{language}") for language in LANGUAGES},
        "tags": [slug_of(tag, tag) for tag in tags],
    }


def _cards(draft: Draft, search: str) -> dict[str, Any]:
    """Return what the cards of a draft show of it: the prompts that somebody searches for."""
    search = search[:_LONGEST_SEARCH].strip()
    prompts = [prompt for prompt in draft.library.prompts if _matches(prompt, search)]
    return {"prompts": prompts, "search": search, "has_look": has_look}


def _matches(prompt: Prompt, search: str) -> bool:
    both = (prompt.name, prompt.description)
    texts = (prompt.id, prompt.prompt, *prompt.tags, *(t.en for t in both), *(t.ja for t in both))
    everything = " ".join(texts).casefold()
    return all(word in everything for word in search.casefold().split())


def _suggested(visit: Visit, name: str) -> str:
    """Suggest a name to save a library by."""
    if name in visit.studio.libraries.saved():
        return name
    taken = visit.studio.libraries.saved()
    return next(n for n in (f"my-{name}", *(f"my-{name}-{k}" for k in range(2, 999)))
                if n not in taken)[:40]  # fmt: skip


def _copy_ending(language: str) -> str:
    return {"en": " (copy)", "ja": "（コピー）"}[language]
