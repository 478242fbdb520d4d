"""The rules and reasons of a proof of concept in words, English or Japanese."""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, TypeAlias

import yaml

from genmix.experiments.poc.rules import LIMITS, Reason
from genmix.experiments.words import percent, points

Language: TypeAlias = Literal["en", "ja"]


def rules_in_words(lang: Language) -> dict[str, str]:
    """Return every rule as a sentence with its limits, by name."""
    return {rule["id"]: _filled(rule[lang], LIMITS) for rule in _texts()["rules"]}


def in_words(reason: Reason, lang: Language = "en") -> str:
    """Say a reason in a sentence."""
    return _filled(_texts()["reasons"][reason.rule][lang], reason.values)


def _filled(text: str, values: Mapping[str, float | int | str]) -> str:
    """Put values into their places: {x:%} as percent, {x:pt} and {x:+pt} as points, {x} as is."""

    def put(match: re.Match[str]) -> str:
        value = values[match["name"]]
        if isinstance(value, str):
            return value
        if match["how"] == "+pt":
            return points(value)
        if match["how"] == "pt":
            return percent(value)
        return f"{100 * value:.0f} %" if match["how"] == "%" else f"{value:g}"

    return re.sub(r"\{(?P<name>\w+)(?::(?P<how>[^}]+))?\}", put, text)


@lru_cache(maxsize=1)
def _texts() -> dict[str, Any]:
    text = (files("genmix.experiments.poc") / "rules.yaml").read_text(encoding="utf-8")
    texts: dict[str, Any] = yaml.safe_load(text)
    return texts
