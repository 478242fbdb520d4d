"""Names of what experiments measure and change, in the words of a language.

Metrics, arms, factors and levels are read by their keys and settings; names that users gave, such
as folders and recipe files, stay as they are.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from genmix.experiments.effects import Factor, Level
from genmix.experiments.findings import Comparison, Metric, Shots
from genmix.prompts import load_library, shipped_libraries
from genmix.reporting.wording import Language, Words

Kind: TypeAlias = Literal["clean", "domain", "corrupted", "attacked", "calibration"]
"""What pictures a metric is of; the calibration error stands for itself."""

KINDS: tuple[Kind, ...] = ("clean", "domain", "corrupted", "attacked")
"""What a classifier is judged on, in the order of a report."""

_ATTACK = re.compile(r"(?P<method>[a-z]+)(-(?P<steps>\d+))?@(?P<epsilon>.+)")
_ATTACKS = {"fgsm": "FGSM", "pgd": "PGD", "autoattack": "AutoAttack"}

_TRANSFORMS = {
    "randaugment": "RandAugment",
    "trivialaugment": "TrivialAugment",
    "augmix": "AugMix",
}


def kind_of(metric: Metric) -> Kind:
    """Return what pictures a metric is of."""
    first = metric.key.split(" ", 1)[0]
    kinds: dict[str, Kind] = {
        "val": "clean",
        "targets": "domain",
        "target": "domain",
        "attack": "attacked",
        "corruptions": "corrupted",
        "ece": "calibration",
    }
    return kinds[first]


def metric_name(metric: Metric, comparison: Comparison, words: Words) -> str:
    """Name a metric in a table or a figure: "Photos of sketch", "Attacked, FGSM (ε = 4/255)"."""
    first, _, rest = metric.key.partition(" ")
    if first == "targets":
        names = [m.key.split(" ", 1)[1] for m in comparison.metrics if m.key.startswith("target ")]
        return words("metric.targets", names=words.listed(names))
    return words(f"metric.{first}", name=attack_name(rest, words) if first == "attack" else rest)


def attack_name(text: str, words: Words) -> str:
    """Name an attack: "pgd-20@4/255" is "PGD (20 steps, ε = 4/255)"."""
    match = _ATTACK.fullmatch(text)
    if match is None:
        return text
    method = _ATTACKS.get(match["method"], match["method"])
    if match["steps"]:
        return words("attack.steps", method=method, steps=match["steps"], epsilon=match["epsilon"])
    return words("attack.plain", method=method, epsilon=match["epsilon"])


def arm_text(identity: Mapping[str, Any], words: Words) -> str:
    """Say what an arm does to the training pictures.

    Args:
        identity: What `Arm.identity` gave.
        words: The language.
    """
    transform = identity["transform"]
    parts = [
        words("arm.standard")
        if transform == "standard"
        else words("arm.transform", name=_TRANSFORMS.get(transform, transform))
    ]
    if recipe := identity["recipe"]:
        parts.append(
            words(
                "arm.genmix",
                share=f"{100 * identity['share of composites']:g}",
                prompts=_prompts_text(recipe["prompts"], words),
                editor=_editor_text(recipe["editor"]["name"], words),
            )
        )
    if identity["mixer"]:
        parts.append(words("arm.mixer", name=identity["mixer"].replace("+", words("list.then"))))
    return words("list.semicolon").join(parts)


def factor_name(factor: Factor, words: Words) -> str:
    """Name a factor of a recipe."""
    return words.get(f"factor.{factor.name}", factor.title)


def level_name(factor: Factor, name: str, words: Words) -> str:
    """Name a level of a factor, or the recipe's own.

    Args:
        factor: Whose level.
        name: As the ablation calls it.
        words: The language.
    """
    if found := re.fullmatch(r"λ (\S+) to (\S+)", name):
        return words("level.range", low=found[1], high=found[2])
    if factor.name == "prompts":
        for pattern, key in ((r"(\S+) alone", "alone"), (r"without (\S+)", "without")):
            if found := re.fullmatch(pattern, name):
                return words(f"level.{key}", name=prompt_name(found[1], words.language))
    if factor.name == "masks":
        parts = [words.get(f"mask.{part}", part) for part in name.split(", ")]
        return words("list.comma").join(parts)
    return words.get(f"level.{name}", name)


def changed_level(factor: Factor, level: Level, words: Words, key: str = "level.of") -> str:
    """Name a change: "The width of the seam: 0.16"; with "level.when" as it is in a sentence."""
    return words(
        key,
        factor=factor_name(factor, words),
        level=level_name(factor, level.name, words),
    )


def shots_name(shots: Shots, words: Words) -> str:
    """Name a size of the training set: "5 photos of each class", "all photos"."""
    return words("shots.all") if shots is None else words("shots.few", count=shots)


def prompt_name(prompt: str, language: Language) -> str:
    """Name a shipped prompt in a language; another one's id stays as it is."""
    return _prompt_names(language).get(prompt, prompt)


def short(names: Sequence[str], words: Words, most: int = 12) -> str:
    """Join names, and count those beyond the first few."""
    if len(names) <= most:
        return words("list.comma").join(names)
    first = words("list.comma").join(names[:most])
    return words("list.more", first=first, count=len(names) - most)


def _prompts_text(choice: Mapping[str, Any], words: Words) -> str:
    if choice["only"] and len(choice["only"]) <= 3:
        names = [prompt_name(each, words.language) for each in choice["only"]]
        return words("arm.only", names=words("list.comma").join(names))
    library = Path(choice["library"])
    name = library.name if library.suffix else words.get(f"library.{library}", str(library))
    if choice["only"]:
        return words("arm.some", name=name, count=len(choice["only"]))
    return words("arm.library", name=name)


def _editor_text(name: str, words: Words) -> str:
    kind, _, rest = name.partition(":")
    if kind == "diffusers":
        return Path(rest).name
    return words.get(f"editor.{name}", name)


@cache
def _prompt_names(language: Language) -> dict[str, str]:
    return {
        prompt.id: getattr(prompt.name, language)
        for library in shipped_libraries()
        for prompt in load_library(library).prompts
    }
