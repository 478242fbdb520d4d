"""The page on which the mix is set: controls, a live picture with its label, and the recipe."""

from functools import partial

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import Response

from genmix.fractals import FAMILIES as FRACTALS
from genmix.fractals import draw
from genmix.fractals.palettes import palettes, swatch
from genmix.images import encode_jpeg
from genmix.masks import FAMILIES as MASKS
from genmix.prompts import Prompt
from genmix.prompts.library import ALL
from genmix.recipe import Recipe, shipped_presets
from genmix.studio.drafts import NothingOnError
from genmix.studio.fields import whole_number
from genmix.studio.mixing import SIZES, command, recipe_of, shown
from genmix.studio.switches import by_switches, has_unsaved, mix_of, switch_by
from genmix.studio.visits import Visit

_MORE = 5
"""Pictures beside the large one: other photos, by the next prompts."""

_VARIANTS = 10_000


async def mix(visit: Visit) -> Response:
    """Show the controls."""
    recipe = mix_of(visit)
    try:
        prompts = _prompts(visit, by_switches(visit, recipe))
    except NothingOnError:  # told where the picture would be
        prompts = ()
    libraries = visit.studio.libraries.names()
    if recipe.prompts.library == ALL:
        libraries.append(ALL)
    return visit.show(
        "mix.html",
        recipe=recipe,
        presets=shipped_presets(),
        saved=visit.studio.recipes.saved(),
        libraries=libraries,
        prompts=prompts,
        swapped=False,
        masks=MASKS,
        families=FRACTALS,
        palettes=palettes(),
        sizes=sorted({*SIZES, recipe.size}),
        suggested=_suggested(visit),
    )


async def open_recipe(visit: Visit, form: FormData) -> Response:
    """Begin with a preset or a saved recipe."""
    name = str(form.get("recipe", ""))
    recipe = visit.studio.recipes.open(name)
    switch_by(visit, recipe)
    visit.session.mix, visit.session.mix_name = recipe, name
    visit.session.notice = "mix.opened"
    return visit.go("/mix")


async def try_mix(visit: Visit, form: FormData) -> Response:
    """Keep what the controls say, and make a picture by it."""
    before = mix_of(visit).prompts.library
    recipe = _kept(visit, form)
    prompts = _prompts(visit, recipe)
    wanted = str(form.get("prompt", ""))
    prompt = next((p for p in prompts if p.id == wanted), prompts[0])
    variant = (whole_number(str(form.get("variant", ""))) or 0) % _VARIANTS
    place, maker, one = visit.place, visit.studio.maker, shown(recipe)

    return await visit.start(
        "mix",
        lambda work: maker.steps(place, prompt, one, variant, work),
        "part-mixed.html",
        prompts=prompts,
        swapped=recipe.prompts.library != before or prompt.id != wanted,
        unsaved=has_unsaved(visit, recipe),
    )


async def more(visit: Visit, _: FormData) -> Response:
    """Make pictures of other photos by the same recipe."""
    recipe = by_switches(visit, mix_of(visit))
    prompts = _prompts(visit, recipe)
    places = visit.studio.photos.some(0, _MORE)
    wanted = [(place, prompts[k % len(prompts)]) for k, place in enumerate(places)]
    make = partial(visit.studio.maker.composites, wanted, shown(recipe))
    return await visit.start("more", make, "part-more.html")


async def save(visit: Visit, form: FormData) -> Response:
    """Save the recipe, and say which command does the same."""
    recipe = _kept(visit, form)
    name = str(form.get("name", "")).strip()
    bench = visit.studio.maker.bench
    named = recipe.changed(editor={"name": bench.name}) if not bench.quick else recipe
    visit.studio.recipes.save(named, name, replace_old=form.get("replace") == "on")
    visit.session.mix_name = name
    return visit.show(
        "part-saved.html",
        saved=name,
        count=0,
        command=command(visit.studio.source, visit.studio.out, name),
        link="",
        kind="recipe",
    )


async def family_picture(visit: Visit) -> Response:
    """Answer with an example of a family of fractals."""
    name = visit.request.path_params["name"]
    if name not in FRACTALS:
        raise HTTPException(404)
    return await visit.picture(
        ("family", name), lambda: encode_jpeg(draw(128, 7, 0, [name])[1], 88)
    )


async def palette_picture(visit: Visit) -> Response:
    """Answer with the colours of a palette."""
    name = visit.request.path_params["name"]
    known = {palette.name: palette for palette in palettes()}
    if name not in known:
        raise HTTPException(404)
    return await visit.picture(
        ("palette", name), lambda: encode_jpeg(swatch(known[name], 16, 96), 92, full_colour=True)
    )


def _kept(visit: Visit, form: FormData) -> Recipe:
    """Change the session's recipe by the form, keep it, and return it by what is switched on."""
    before = mix_of(visit)
    recipe = recipe_of(form, before)
    library = str(form.get("library", before.prompts.library))
    if library != before.prompts.library:
        visit.studio.libraries.open(library)  # there may be none
        recipe = recipe.changed(prompts={"library": library, "only": None})
        switch_by(visit, recipe)
    visit.session.mix = recipe
    return by_switches(visit, recipe)


def _prompts(visit: Visit, recipe: Recipe) -> tuple[Prompt, ...]:
    library = visit.studio.libraries.open(recipe.prompts.library).library
    return library.prompts if recipe.prompts.only is None else library.select(recipe.prompts.only)


def _suggested(visit: Visit) -> str:
    """Suggest a name to save a recipe by."""
    taken = visit.studio.recipes.saved()
    if visit.session.mix_name in taken:
        return visit.session.mix_name
    return next(n for n in ("my-mix", *(f"my-mix-{k}" for k in range(2, 999))) if n not in taken)
