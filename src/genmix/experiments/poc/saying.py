"""A proof of concept in words, English or Japanese: its rules, its reasons, its plan."""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, TypeAlias

import yaml

from genmix.experiments.poc.rules import LIMITS, Reason
from genmix.experiments.words import percent, points

Language: TypeAlias = Literal["en", "ja"]

_TARGET = "target "


def rules_in_words(lang: Language) -> dict[str, str]:
    """Return every rule as a sentence with its limits, by name."""
    return {rule["id"]: _filled(rule[lang], LIMITS, lang) for rule in _texts()["rules"]}


def in_words(reason: Reason, lang: Language = "en") -> str:
    """Say a reason in a sentence."""
    values = dict(reason.values)
    if "metric" in values:
        values["metric"] = _in_a_sentence(str(values["metric"]), lang)
    return _filled(_texts()["reasons"][reason.rule][lang], values, lang)


def metric_name(key: str, lang: Language = "en") -> str:
    """Return what people call a metric above a column: a target by its own name."""
    if key.startswith(_TARGET):
        return key.removeprefix(_TARGET)
    words = _words()
    named: str = words[key if key in words else "attacked"][lang]
    return named


def said(key: str, lang: Language = "en", **values: float | str) -> str:
    """Return a text of words.yaml with values in their places."""
    return _filled(_words()[key][lang], values, lang)


def _in_a_sentence(key: str, lang: Language) -> str:
    names = _texts()["metrics"]
    kind, _, name = key.partition(" ")
    return _filled(names[kind if kind in names else "attacked"][lang], {"name": name}, lang)


def _filled(text: str, values: Mapping[str, float | int | str], lang: Language) -> str:
    """Put values into their places: {x:%} as percent, {x:pt} and {x:+pt} as points, {x} short."""

    def put(match: re.Match[str]) -> str:
        value = values[match["name"]]
        if isinstance(value, str):
            return value
        if match["how"] == "+pt":
            return points(value)
        if match["how"] == "pt":
            return percent(value)
        if match["how"] == "%":
            return f"{100 * value:.0f}%" if lang == "ja" else f"{100 * value:.0f} %"
        return f"{value:,.3g}"

    return re.sub(r"\{(?P<name>\w+)(?::(?P<how>[^}]+))?\}", put, text)


@lru_cache(maxsize=1)
def _texts() -> dict[str, Any]:
    return _read("rules.yaml")


@lru_cache(maxsize=1)
def _words() -> dict[str, Any]:
    return _read("words.yaml")


def _read(name: str) -> dict[str, Any]:
    text = (files("genmix.experiments.poc") / name).read_text(encoding="utf-8")
    texts: dict[str, Any] = yaml.safe_load(text)
    return texts
