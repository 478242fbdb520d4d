"""The recipe: the one file that says what a run does, and the presets that ship with genmix."""

import os
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_serializer, field_validator

from genmix.editing import Editor, open_editor
from genmix.errors import GenmixError, RecipeError, nearest
from genmix.fractals import FAMILIES as FRACTAL_FAMILIES
from genmix.fractals.palettes import known_palettes
from genmix.images import Fit
from genmix.masks import FAMILIES as MASK_FAMILIES
from genmix.masks import MaskFamily, SeamProfile
from genmix.prompts import Prompt, load_library
from genmix.screening import ScreenSettings
from genmix.validation import load_yaml, parse_yaml, validate

Share = Annotated[float, Field(ge=0, le=1)]
License = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PromptChoice(_Strict):
    """Which prompts to edit by.

    Attributes:
        library: A shipped library's name, or a `.yaml` file (beside the recipe, when relative).
        only: Ids to use, in this order; all of the library when left out.
        per_photo: Draw this many of them for each photo; all when left out.
    """

    library: str = "classification"
    only: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    per_photo: Annotated[int, Field(ge=1)] | None = None


class EditorChoice(_Strict):
    """Which editor makes the edits.

    Attributes:
        name: As `genmix.editing.open_editor` takes it.
        strength: How far to go from the original, in (0, 1].
        settings: The editor's own, by name; an editor refuses those that it does not know.
    """

    name: str = "procedural"
    strength: Annotated[float, Field(gt=0, le=1)] = 1.0
    settings: dict[str, JsonValue] = Field(default_factory=dict)

    def open(self) -> Editor:
        """Open it.

        Raises:
            EditorError: If there is no such editor or setting, or it cannot start.
        """
        return open_editor(self.name, strength=self.strength, settings=self.settings)


class Seam(_Strict):
    """The soft edge between original and edit.

    Attributes:
        width: As a share of the side that it crosses; 0 is a hard edge.
        profile: "linear" or "smooth".
    """

    width: Share = 0.04
    profile: SeamProfile = "linear"


class FractalChoice(_Strict):
    """Which fractals to blend in.

    Attributes:
        count: How many to draw and choose from.
        families: Which families to draw.
        palettes: In which palettes; in all when left out.
        folder: A folder of pictures to use instead (beside the recipe, when relative).
    """

    count: Annotated[int, Field(ge=1, le=100_000)] = 64
    families: Annotated[tuple[str, ...], Field(min_length=1)] = FRACTAL_FAMILIES
    palettes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    folder: str | None = None

    @field_validator("families")
    @classmethod
    def _families_exist(cls, families: tuple[str, ...]) -> tuple[str, ...]:
        for family in families:
            if family not in FRACTAL_FAMILIES:
                raise ValueError(f"no family '{family}'; {nearest(family, FRACTAL_FAMILIES)}")
        return families

    @field_validator("palettes")
    @classmethod
    def _palettes_exist(cls, palettes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        try:
            known_palettes(palettes)
        except GenmixError as error:
            raise ValueError(str(error)) from error
        return palettes


class OutputChoice(_Strict):
    """What is written.

    Attributes:
        originals: Whether the photos themselves go into the set: "none", "link" or "copy". One that
            torchvision would misread is stored as PNG, whichever it is.
        format: "jpeg", or "png" without loss.
        quality: Of JPEG, 1 to 100.
    """

    originals: Literal["none", "link", "copy"] = "none"
    format: Literal["jpeg", "png"] = "jpeg"
    quality: Annotated[int, Field(ge=1, le=100)] = 95


class RightsChoice(_Strict):
    """Which licences there are, and which of them a run may use; SPDX identifiers, by preference.

    Attributes:
        photos: Of the photos, but for those whose own the source states.
        model: Of the editor's model, if its own card states none.
        allow: Those that photos and model must be under, in any case of letters, where "unknown"
            stands for what nobody stated; any when left out.
    """

    photos: License | None = None
    model: License | None = None
    allow: Annotated[tuple[License, ...], Field(min_length=1)] | None = None


class Recipe(_Strict):
    """Everything that a run does, beside the photos.

    Attributes:
        prompts: Which prompts.
        editor: Which editor.
        size: Side of the square pictures, in pixels.
        fit: How a photo becomes square; see `genmix.images.prepare`.
        variants: Edits and composites of each photo by each prompt, each with its own chance.
        masks: Families to draw from; repeating one makes it likelier.
        seam: The soft edge.
        hybrid_share: Share of composites that keep part of the original; the others take the edit
            whole.
        fractals: Which fractals.
        blend: λ, the share of the fractal: one number, or lowest and highest.
        screens: Which edits are rejected; a screen set to null is off.
        output: What is written.
        rights: Which licences there are, and which of them a run may use.
        seed: Of every random choice.
    """

    prompts: PromptChoice = PromptChoice()
    editor: EditorChoice = EditorChoice()
    size: Annotated[int, Field(ge=8, le=4096)] = 512
    fit: Fit = "stretch"
    variants: Annotated[int, Field(ge=1, le=10_000)] = 1
    masks: Annotated[tuple[MaskFamily, ...], Field(min_length=1)] = MASK_FAMILIES
    seam: Seam = Seam()
    hybrid_share: Share = 1.0
    fractals: FractalChoice = FractalChoice()
    blend: tuple[Share, Share] = (0.2, 0.2)
    screens: ScreenSettings = ScreenSettings()
    output: OutputChoice = OutputChoice()
    rights: RightsChoice = RightsChoice()
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @field_validator("blend", mode="before")
    @classmethod
    def _one_number_is_a_range(cls, blend: Any) -> Any:
        return (blend, blend) if isinstance(blend, int | float) else blend

    @field_validator("blend")
    @classmethod
    def _low_before_high(cls, blend: tuple[float, float]) -> tuple[float, float]:
        if blend[0] > blend[1]:
            raise ValueError(f"the range runs from {blend[0]} down to {blend[1]}: lowest first")
        return blend

    @field_serializer("blend")
    def _one_number_when_constant(self, blend: tuple[float, float]) -> float | list[float]:
        return blend[0] if blend[0] == blend[1] else list(blend)

    def changed(self, **changes: Any) -> "Recipe":
        """Return a copy with other values, validated.

        Args:
            **changes: Top-level keys; a mapping changes only the keys that it names.

        Raises:
            RecipeError: If the result is not a valid recipe.
        """
        data = self.model_dump()
        for key, value in changes.items():
            merges = isinstance(value, dict) and isinstance(data.get(key), dict)
            data[key] = {**data[key], **value} if merges else value
        return validate(data, Recipe, RecipeError, "the recipe")

    def chosen_prompts(self) -> tuple[Prompt, ...]:
        """Load the prompts that the recipe names.

        Raises:
            PromptError: If the library or one of the ids does not exist.
        """
        library = load_library(self.prompts.library)
        return library.prompts if self.prompts.only is None else library.select(self.prompts.only)

    def beside(self, file: Path) -> "Recipe":
        """Return a copy whose relative paths are relative to a file in which it will lie.

        Those of a recipe in use are relative to the working folder.
        """
        return self.with_paths(partial(_from, file.parent))

    def with_paths(self, change: Callable[[str], str]) -> "Recipe":
        """Return a copy whose paths are changed: of its own prompts, and of its own fractals."""
        changes: dict[str, Any] = {}
        if self.prompts.library.endswith((".yaml", ".yml")):
            changes["prompts"] = {"library": change(self.prompts.library)}
        if self.fractals.folder is not None:
            changes["fractals"] = {"folder": change(self.fractals.folder)}
        return self.changed(**changes)

    def to_yaml(self) -> str:
        """Write the recipe with every value spelled out; loading it gives an equal recipe."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def shipped_presets() -> tuple[str, ...]:
    """Return the names of the presets that come with genmix, sorted."""
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in _PRESETS.iterdir()))


def preset_text(name: str) -> str:
    """Return a preset's file as it ships, comments and all.

    Raises:
        RecipeError: If there is no such preset.
    """
    if name not in shipped_presets():
        raise RecipeError(
            f"there is no preset '{name}' (a recipe file's name ends in .yaml); "
            f"{nearest(name, shipped_presets())}"
        )
    return (_PRESETS / f"{name}.yaml").read_text(encoding="utf-8")


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Load a preset by its name, or a user's recipe by its path.

    Args:
        name_or_path: A preset such as "paper", or a `.yaml` / `.yml` file. Paths inside a file are
            relative to it.

    Returns:
        The recipe, with a default for each key that is left out.

    Raises:
        RecipeError: If there is no such recipe, or it is not valid; the message names the file,
            the line and the fault.
    """
    name = str(name_or_path)
    if not name.endswith((".yaml", ".yml")):
        return parse_yaml(preset_text(name), Recipe, RecipeError, name=f"{name}.yaml")
    folder = Path(name).parent
    recipe = load_yaml(Path(name), Recipe, RecipeError)
    return recipe.with_paths(lambda path: str(folder / Path(path).expanduser()))


def _from(folder: Path, path: str) -> str:
    """Make a relative path lead from a folder; links first, as the system follows them first."""
    if Path(path).is_absolute():
        return path
    there = Path(path).resolve()
    try:
        return Path(os.path.relpath(there, folder.resolve())).as_posix()
    except ValueError:  # on another drive of Windows
        return str(there)


_PRESETS = files("genmix") / "presets"
