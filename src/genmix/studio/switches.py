"""Which prompts are used: those of the page Mix's recipe that are switched on.

Presets and saved recipes that are run by their names know no switches: they mean what they say.
"""

from genmix.errors import PromptError
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
    if library not in visit.session.drafts:
        return recipe
    draft = visit.session.drafts[library]
    saved = {prompt.id for prompt in visit.studio.libraries.open(library).library.prompts}
    on = [prompt.id for prompt in draft.on if prompt.id in saved]
    if not draft.on:
        raise NothingOnError("no prompt is switched on")
    if not on:
        raise UnsavedError(f"no prompt that is switched on is saved in '{library}'")
    return recipe.changed(prompts={"only": None if len(on) == len(saved) else on})


def switch_by(visit: Visit, recipe: Recipe) -> None:
    """Switch on the prompts that a recipe names, and the others of its library off."""
    library, only = recipe.prompts.library, recipe.prompts.only
    if only is not None and library in visit.studio.libraries.names():
        visit.session.drafts[library] = visit.draft(library).with_on(only)


def has_unsaved(visit: Visit, recipe: Recipe) -> bool:
    """Tell whether prompts that are switched on are not in the library's file as they are."""
    library = recipe.prompts.library
    if library not in visit.session.drafts:
        return False
    try:
        saved = visit.studio.libraries.open(library).library.prompts
    except PromptError:  # its file is gone, or broken by now
        return True
    return any(prompt not in saved for prompt in visit.session.drafts[library].on)
