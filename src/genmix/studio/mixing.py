"""The recipe on the page Mix: read from a form, opened, saved; and the command that runs it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.datastructures import FormData

from genmix.errors import RecipeError
from genmix.fractals import FAMILIES as FRACTALS
from genmix.fractals.palettes import palettes
from genmix.masks import FAMILIES as MASKS
from genmix.recipe import Recipe, load_recipe, shipped_presets
from genmix.studio.drafts import RECIPES_FOLDER, Shelf, check_name, names_in, write_named
from genmix.studio.fields import whole_number

SIZES = (128, 224, 256, 384, 512, 768)

_QUICK_SCREENS = ("blank", "unchanged", "structure")
"""Those that need neither a model nor the other edits of a photo."""


class NothingChosenError(RecipeError):
    """A group of choices of which none was taken."""


@dataclass(frozen=True)
class RecipeShelf:
    """The recipes that a studio knows: presets, and those saved in its folder.

    Attributes:
        folder: Where recipes are saved.
        libraries: The prompt libraries that they may use.
    """

    folder: Path
    libraries: Shelf

    def saved(self) -> list[str]:
        """Return the names of the saved recipes, sorted."""
        return names_in(self.folder, taken=frozenset(shipped_presets()))

    def open(self, name: str) -> Recipe:
        """Open a preset or a saved recipe.

        Raises:
            RecipeError: If there is none, it is not valid, or it uses files from elsewhere.
        """
        if name in shipped_presets():
            return load_recipe(name)
        if name not in self.saved():
            raise RecipeError(f"there is no recipe '{name}'")
        try:
            recipe = load_recipe(self.path(name))
        except RecipeError as error:
            raise RecipeError(str(error).replace(f"{self.folder}/", "")) from error
        library = recipe.prompts.library
        if library.endswith((".yaml", ".yml")):
            stem = Path(library).stem
            if stem not in self.libraries.saved() or not _same(library, self.libraries.path(stem)):
                raise RecipeError(f"{name}.yaml uses prompts that lie elsewhere")
            recipe = recipe.changed(prompts={"library": stem})
        if recipe.fractals.folder is not None:
            raise RecipeError(f"{name}.yaml uses a folder of patterns that lies elsewhere")
        return recipe

    def path(self, name: str) -> Path:
        """Return where a saved recipe is or would be."""
        return self.folder / f"{name}.yaml"

    def save(self, recipe: Recipe, name: str, *, replace_old: bool) -> None:
        """Write a recipe.

        Raises:
            BadNameError: If the name is none for a file, or a preset's.
            NameTakenError: If there is one of that name, and it is not to be replaced.
            OutputError: If it cannot be written.
        """
        check_name(name, reserved=frozenset(shipped_presets()))
        saved = recipe.beside(self.path(name))
        if recipe.prompts.library in self.libraries.saved():
            file = f"../{self.libraries.folder.name}/{recipe.prompts.library}.yaml"
            saved = saved.changed(prompts={"library": file})
        write_named(self.path(name), saved.to_yaml().encode(), replace_old=replace_old)


def shown(recipe: Recipe) -> Recipe:
    """Return what a recipe does to a single picture that somebody looks at.

    Screens that need a model, or the photo's other edits, are left to the run.
    """
    off = {name: None for name in recipe.screens.names if name not in _QUICK_SCREENS}
    return recipe.changed(variants=1, output={"originals": "none"}, screens=off)


def recipe_of(form: FormData, recipe: Recipe) -> Recipe:
    """Change a recipe by what a form says.

    Raises:
        NothingChosenError: If a group has no choice.
        RecipeError: If the result is no recipe.
    """
    low, high = (_share(form, name) for name in ("blend_low", "blend_high"))
    chosen = _several(form, "palettes")
    whole = len(chosen) == len(palettes())
    changes: dict[str, Any] = {
        "masks": _masks(_several(form, "masks"), recipe.masks),
        "seam": {"width": _share(form, "seam"), "profile": form.get("profile", "")},
        "hybrid_share": _share(form, "hybrid_share"),
        "fractals": {
            "families": _several(form, "families"),
            "palettes": None if whole else chosen,
        },
        "blend": sorted((low, high)),
        "editor": {"strength": _share(form, "strength")},
        "size": _number(form, "size"),
        "fit": form.get("fit", ""),
        "seed": _number(form, "seed"),
        "output": {"originals": form.get("originals", "")},
    }
    return recipe.changed(**changes)


def command(source: str, out: str, recipe: str, limit: int | None = None) -> str:
    """Write the command that makes a training set.

    Folders are named as they were at the command line if that says nothing of the disk, else by
    the words SOURCE and OUT.

    Args:
        source: The photos.
        out: The folder of the studio.
        recipe: The name of a preset or of a saved recipe.
        limit: Use at most so many photos.
    """
    place, target = _plain(source, "SOURCE"), _plain(out, "OUT")
    if recipe in shipped_presets():
        named = recipe
    else:
        named = f"{target.rstrip('/')}/{RECIPES_FOLDER}/{recipe}.yaml"
    words = ["genmix", "augment", place, "-o", target, "--recipe", named]
    return shlex.join([*words, *(["--limit", str(limit)] if limit else [])])


def prompts_command(source: str, out: str, library: str) -> str:
    """Write the command that uses a library's file; see `command`.

    Args:
        source: The photos.
        out: The folder of the studio.
        library: The file within it.
    """
    place, target = _plain(source, "SOURCE"), _plain(out, "OUT")
    words = ["genmix", "augment", place, "-o", target]
    return shlex.join([*words, "--prompts-file", f"{target.rstrip('/')}/{library}"])


def export_command(out: str, name: str, *, only_decided: bool) -> str:
    """Write the command that exports what reviewers kept; see `command`.

    Args:
        out: The folder of the studio.
        name: Of the export.
        only_decided: Leave out what nobody has decided about.
    """
    target = _plain(out, "OUT").rstrip("/")
    target = "OUT" if target == "." else target
    words = ["genmix", "review", "export", target, "-o", f"{target}-{name}"]
    return shlex.join([*words, *(["--undecided", "leave-out"] if only_decided else [])])


def results_command(source: str, out: str, verb: str, more: Sequence[str] = ()) -> str:
    """Write a command that makes a result which the page Results finds; see `command`.

    Args:
        source: The photos.
        out: The folder of the studio.
        verb: "poc", "compare" or "ablate".
        more: What else the command is told.
    """
    place, target = _plain(source, "SOURCE"), _plain(out, "OUT").rstrip("/")
    return shlex.join(["genmix", verb, place, "-o", f"{target}/results/{verb}", *more])


def _plain(folder: str, otherwise: str) -> str:
    return otherwise if Path(folder).is_absolute() or ".." in Path(folder).parts else folder


def _same(path: str, other: Path) -> bool:
    return Path(path).resolve() == other.resolve()


def _several(form: FormData, name: str) -> list[str]:
    known = {"masks": MASKS, "families": FRACTALS, "palettes": [p.name for p in palettes()]}[name]
    asked = {str(value) for value in form.getlist(name)}
    chosen = [each for each in known if each in asked]
    if not chosen:
        raise NothingChosenError(f"none of the {name} is chosen")
    return chosen


def _masks(chosen: Sequence[str], before: Sequence[str]) -> list[str]:
    """Keep the weights of a recipe that names a family twice, if the same ones are chosen."""
    return list(before) if set(before) == set(chosen) else list(chosen)


def _share(form: FormData, name: str) -> float:
    """Read percent."""
    try:
        return round(float(str(form.get(name, ""))) / 100, 6)
    except ValueError as error:
        raise RecipeError(f"{name} is no number") from error


def _number(form: FormData, name: str) -> int:
    number = whole_number(str(form.get(name, "")))
    if number is None:
        raise RecipeError(f"{name} is no whole number")
    return number
