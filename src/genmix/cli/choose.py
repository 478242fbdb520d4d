"""From command-line options to a recipe."""

from collections.abc import Sequence
from typing import Any

import yaml

from genmix.errors import PromptError, RecipeError
from genmix.prompts import PromptLibrary, load_library, shipped_libraries
from genmix.prompts.library import ALL
from genmix.recipe import Recipe, load_recipe


def chosen_recipe(
    recipe: str,
    *,
    prompts: str | None = None,
    prompts_file: str | None = None,
    editor: str | None = None,
    editor_preset: str | None = None,
    editor_set: Sequence[str] = (),
    **values: Any,
) -> Recipe:
    """Load a recipe and change what the options say.

    Args:
        recipe: A preset's name or a file.
        prompts: Ids with commas between, or a library's name.
        prompts_file: A prompt library to use instead of the recipe's.
        editor: An editor's name; the settings of the recipe's are not another's.
        editor_preset: The editor's setting `preset`.
        editor_set: Others of its settings, as key=value.
        **values: Other top-level keys of the recipe; None leaves one as it is.

    Raises:
        GenmixError: If something of this does not exist or is not valid.
    """
    chosen = load_recipe(recipe)
    changes = {key: value for key, value in values.items() if value is not None}
    settings = editor_settings(editor_preset, editor_set)
    if editor is not None:
        changes["editor"] = {"name": editor, "settings": settings}
    elif settings:
        changes["editor"] = {"settings": chosen.editor.settings | settings}
    if prompts_file is not None:
        changes["prompts"] = {"library": prompts_file, "only": None}
    if prompts is not None:
        library = prompts_file or chosen.prompts.library
        changes["prompts"] = _prompts(prompts, library, may_be_shipped=prompts_file is None)
    return chosen.changed(**changes)


def editor_settings(preset: str | None, pairs: Sequence[str]) -> dict[str, Any]:
    """Read settings of an editor, each value as YAML reads it: a number, true, or words.

    Args:
        preset: The setting `preset`, if it is given.
        pairs: The others, as key=value.

    Raises:
        RecipeError: If a pair is none.
    """
    settings: dict[str, Any] = {} if preset is None else {"preset": preset}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise RecipeError(f"--editor-set is {pair!r}: write KEY=VALUE, e.g. steps=20")
        try:
            settings[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            settings[key.strip()] = value
    return settings


def _prompts(wanted: str, library: str, *, may_be_shipped: bool) -> dict[str, Any]:
    ids = [part.strip() for part in wanted.split(",") if part.strip()]
    if may_be_shipped and len(ids) == 1 and ids[0] in (*shipped_libraries(), ALL):
        return {"library": ids[0], "only": None}
    if may_be_shipped and not _has(load_library(library), ids):
        library = ALL
    if not ids:
        raise PromptError("--prompts is empty: give ids with commas between, or leave it out")
    load_library(library).select(ids)
    return {"library": library, "only": ids}


def _has(library: PromptLibrary, ids: list[str]) -> bool:
    return set(ids) <= {prompt.id for prompt in library.prompts}
