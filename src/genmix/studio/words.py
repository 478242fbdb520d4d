"""What the pages say, in both languages: texts by key, with values in their places."""

from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias, get_args

import yaml

Language: TypeAlias = Literal["en", "ja"]

LANGUAGES: tuple[Language, ...] = get_args(Language)


def words(language: Language, key: str, **values: object) -> str:
    """Return a text with its values filled in.

    Args:
        language: Of the text.
        key: Of the text.
        **values: By the names that the text gives them.
    """
    return catalogue(language)[key].format(**values)


@cache
def catalogue(language: Language) -> dict[str, str]:
    """Return all texts of a language by their keys."""
    text = (files("genmix.studio") / "words" / f"{language}.yaml").read_text(encoding="utf-8")
    found: dict[str, str] = yaml.safe_load(text)
    return found


def preferred(accept_language: str) -> Language:
    """Choose a language by a browser's header: the first that there is, else English.

    >>> preferred("fr-CH, ja;q=0.9, en;q=0.8")
    'ja'
    """
    for part in accept_language.split(","):
        name = part.split(";")[0].strip().lower()[:2]
        for language in LANGUAGES:
            if name == language:
                return language
    return "en"
