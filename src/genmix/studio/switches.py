"""Which prompts are used: those of the page Mix's recipe that are switched on.

Presets and saved recipes that are run by their names know no switches: they mean what they say.
"""

from dataclasses import replace

from genmix.errors import PromptError
from genmix.prompts import shipped_libraries
from genmix.prompts.library import ALL
from genmix.recipe import Recipe
from genmix.studio.drafts import NothingOnError, UnsavedError
from genmix.studio.visits import Visit


def mix_of(visit: Visit) -> Recipe:
    """Return the recipe of the page Mix, whatever is switched on."""
    return visit.session.mix or visit.studio.recipes.open(visit.session.mix_name)


def by_switches(visit: Visit, recipe: Recipe) -> Recipe:
    """Return a recipe with those prompts of its library that are switched on.

    A run reads the library's file, so prompts that were never saved are left out.

    Raises:
        NothingOnError: If none is switched on.
        UnsavedError: If none of those that are was ever saved.
    """
    library = recipe.prompts.library
    saved = {prompt.id for prompt in visit.studio.libraries.open(library).library.prompts}
    on = {prompt.id: None for name in _switched(recipe) for prompt in visit.draft(name).on}
    if not on:
        raise NothingOnError("no prompt is switched on")
    named = recipe.prompts.only or ()
    only = [id_ for id_ in dict.fromkeys((*named, *on)) if id_ in on and id_ in saved]
    if not only:
        raise UnsavedError(f"no prompt that is switched on is saved in '{library}'")
    return recipe.changed(prompts={"only": None if len(only) == len(saved) else only})


def switch_by(visit: Visit, recipe: Recipe) -> None:
    """Switch on the prompts that a recipe names, and the others of its library off.

    One that names none takes all, but for what the visitor has switched off and not saved yet.
    """
    drafts, only = visit.session.drafts, recipe.prompts.only
    for name in _switched(recipe):
        if only is not None and name in visit.studio.libraries.names():
            drafts[name] = visit.draft(name).with_on(only)
        elif name in drafts and not drafts[name].changed:
            drafts[name] = replace(drafts[name], off=frozenset())


def has_unsaved(visit: Visit, recipe: Recipe) -> bool:
    """Tell whether prompts that are switched on are not in the library's file as they are."""
    for name in _switched(recipe):
        if name not in visit.session.drafts:
            continue
        try:
            saved = visit.studio.libraries.open(name).library.prompts
        except PromptError:  # its file is gone, or broken by now
            return True
        if any(prompt not in saved for prompt in visit.session.drafts[name].on):
            return True
    return False


def _switched(recipe: Recipe) -> tuple[str, ...]:
    """Name the libraries at whose prompts the switches are: of all together, each of them."""
    library = recipe.prompts.library
    return shipped_libraries() if library == ALL else (library,)
