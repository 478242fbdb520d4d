"""The factors of an ablation: what of a recipe is changed, alone or in pairs, to which levels."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from genmix.errors import ExperimentError, nearest
from genmix.experiments.arms import Arm
from genmix.experiments.effects import Factor, Level, Pair
from genmix.masks import FAMILIES
from genmix.recipe import Recipe
from genmix.screening import ScreenSettings

REFERENCE = "recipe"
"""The arm that has the recipe as it is."""

EDITOR = "editor"

Changes: TypeAlias = Mapping[str, Any]
"""What `Arm.changed` takes."""


@dataclass(frozen=True)
class Plan:
    """What an ablation trains, and how it is read afterwards.

    Attributes:
        arms: The recipe as it is, then every other one, each once.
        factors: What is changed alone.
        pairs: What is changed together.
    """

    arms: tuple[Arm, ...]
    factors: tuple[Factor, ...]
    pairs: tuple[Pair, ...]


def plan_ablation(
    base: Arm,
    factors: Sequence[str],
    pairs: Sequence[tuple[str, str]] = (),
    editors: Sequence[str] = (),
) -> Plan:
    """Plan an ablation of an arm that has a recipe.

    Levels and combinations that come to the same arm share it, so nothing is trained twice.

    Args:
        base: The recipe as it is.
        factors: Names of `FACTORS`.
        pairs: Two different names each.
        editors: Other editors to try, which make the factor "editor" known.

    Raises:
        ExperimentError: If a factor does not exist or has nothing to change in this recipe.
    """
    if base.recipe is None:
        raise ExperimentError(f"the arm '{base.name}' has no recipe to change: write genmix in it")
    known = FACTORS | ({EDITOR: _editor_kind(editors)} if editors else {})
    named = dict.fromkeys([*factors, *(name for pair in pairs for name in pair)])
    if not named:
        raise ExperimentError(f"there is nothing to change: name some of {', '.join(known)}")
    for name in named:
        if name not in known:
            raise ExperimentError(f"there is no factor '{name}'; {nearest(name, known)}")
    for first, second in pairs:
        if first == second:
            raise ExperimentError(f"the pair {first}*{second} is one factor: name two")
    levels = {name: _levels(known[name], name, base, base.recipe) for name in named}
    arms = _Arms(base)
    alone = {
        name: Factor(
            name,
            known[name].title,
            tuple(
                Level(level, arms.name_of([(name, level, change)]))
                for level, change in levels[name].items()
            ),
            known[name].own(base, base.recipe),
        )
        for name in named
    }
    together = tuple(
        Pair(
            alone[rows],
            alone[columns],
            tuple(
                tuple(
                    arms.name_of([(rows, row, first), (columns, column, second)])
                    for column, second in levels[columns].items()
                )
                for row, first in levels[rows].items()
            ),
        )
        for rows, columns in pairs
    )
    return Plan(arms.all, tuple(alone[name] for name in dict.fromkeys(factors)), together)


@dataclass(frozen=True)
class _Kind:
    """What a factor is.

    Attributes:
        title: For people.
        own: A recipe's own level in words.
        levels: The levels to try, and the changes that make them.
        ordered: Whether levels are numbers, to be sorted.
    """

    title: str
    own: Callable[[Arm, Recipe], str]
    levels: Callable[[Recipe], dict[str, Changes]]
    ordered: bool = False


class _Arms:
    """The arms of an ablation, each once, whatever way leads to it."""

    def __init__(self, base: Arm) -> None:
        self._base = base
        self._found = {_does(base): replace(base, name=REFERENCE)}

    @property
    def all(self) -> tuple[Arm, ...]:
        return tuple(self._found.values())

    def name_of(self, settings: Sequence[tuple[str, str, Changes]]) -> str:
        """Name the arm with these (factor, level, changes)."""
        arm = self._base
        for _, _, changes in settings:
            arm = arm.changed(**changes)
        name = ", ".join(f"{factor}={level}" for factor, level, changes in settings if changes)
        return self._found.setdefault(_does(arm), replace(arm, name=name)).name


def _does(arm: Arm) -> str:
    return json.dumps(arm.identity(), sort_keys=True)


def _levels(kind: _Kind, name: str, base: Arm, recipe: Recipe) -> dict[str, Changes]:
    """Return a factor's levels with the recipe's own among them, which changes nothing."""
    own = kind.own(base, recipe)
    others = kind.levels(recipe)
    levels = {**({} if own in others else {own: {}}), **others, own: {}}
    if len(levels) == 1:
        raise ExperimentError(f"the factor '{name}' has one level in this recipe: leave it out")
    return dict(sorted(levels.items(), key=_by_numbers)) if kind.ordered else levels


def _by_numbers(level: tuple[str, Changes]) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", level[0])]


def _numbers(values: Sequence[float], change: Callable[[float], Changes]) -> dict[str, Changes]:
    return {f"{value:g}": change(value) for value in values}


def _own_blend(recipe: Recipe) -> str:
    low, high = recipe.blend
    if high == 0:
        return "off"
    return f"λ {low:g}" if low == high else f"λ {low:g} to {high:g}"


def _own_masks(recipe: Recipe) -> str:
    return "all" if sorted(recipe.masks) == sorted(FAMILIES) else ", ".join(recipe.masks)


def _prompt_levels(recipe: Recipe) -> dict[str, Changes]:
    """Each prompt alone, and, where that is something else, each left out."""
    ids = [prompt.id for prompt in recipe.chosen_prompts()]
    if len(ids) == 1:
        return {}
    alone: dict[str, Changes] = {f"{name} alone": {"prompts": {"only": [name]}} for name in ids}
    if len(ids) == 2:
        return alone
    return alone | {
        f"without {name}": {"prompts": {"only": [other for other in ids if other != name]}}
        for name in ids
    }


def _screen_levels(recipe: Recipe) -> dict[str, Changes]:
    off = dict.fromkeys(ScreenSettings.model_fields)
    if recipe.screens == ScreenSettings(**off):
        return {"on": {"screens": ScreenSettings().model_dump()}}
    return {"on": {}, "off": {"screens": off}}


def _own_screens(recipe: Recipe) -> str:
    return "on" if any(recipe.screens.model_dump().values()) else "off"


def _editor_kind(editors: Sequence[str]) -> _Kind:
    return _Kind(
        "The editor",
        lambda _, recipe: recipe.editor.name,
        lambda _: {name: {"editor": {"name": name}} for name in editors},
    )


FACTORS: dict[str, _Kind] = {
    "prompts": _Kind("The prompts", lambda *_: "all", _prompt_levels),
    "masks": _Kind(
        "The mask families",
        lambda _, recipe: _own_masks(recipe),
        lambda _: {
            "all": {"masks": list(FAMILIES)},
            **{family: {"masks": [family]} for family in FAMILIES},
        },
    ),
    "seam": _Kind(
        "The width of the seam, as a share of the side",
        lambda _, recipe: f"{recipe.seam.width:g}",
        lambda _: _numbers((0, 0.04, 0.08, 0.16), lambda width: {"seam": {"width": width}}),
        ordered=True,
    ),
    "fractal": _Kind(
        "The share λ of the fractal",
        lambda _, recipe: _own_blend(recipe),
        lambda _: {
            "off": {"blend": 0.0},
            **{f"λ {share:g}": {"blend": share} for share in (0.1, 0.2, 0.3)},
            "λ 0.1 to 0.3": {"blend": [0.1, 0.3]},
        },
        ordered=True,
    ),
    "hybrid-share": _Kind(
        "The share of composites that keep part of the photo",
        lambda _, recipe: f"{recipe.hybrid_share:g}",
        lambda _: _numbers((0, 0.25, 0.5, 1), lambda share: {"hybrid_share": share}),
        ordered=True,
    ),
    "screens": _Kind("The screens", lambda _, recipe: _own_screens(recipe), _screen_levels),
    "strength": _Kind(
        "The strength of the edits",
        lambda _, recipe: f"{recipe.editor.strength:g}",
        lambda _: _numbers((0.5, 0.75, 1), lambda strength: {"editor": {"strength": strength}}),
        ordered=True,
    ),
    "composites": _Kind(
        "The share of training pictures that are composites",
        lambda base, _: f"{base.share:g}",
        lambda _: _numbers((0.3, 0.6, 0.9), lambda share: {"share": share}),
        ordered=True,
    ),
}
"""What can be changed, by the names that users write."""
