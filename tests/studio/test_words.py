"""Both languages say everything, with the same values in their places."""

import re
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from genmix.fractals import FAMILIES as FRACTALS
from genmix.fractals.palettes import palettes
from genmix.masks import FAMILIES as MASKS
from genmix.recipe import shipped_presets
from genmix.reviewing import Status
from genmix.screening.settings import ScreenSettings
from genmix.studio.reviews import SHOWS
from genmix.studio.words import LANGUAGES, Language, catalogue, preferred, words

STAGES = (
    "waiting", "opening", "editing", "composing", "exporting", "starting", "estimating", "fractals",
    "pictures",
)  # fmt: skip
TEMPLATES = Path(str(files("genmix.studio") / "templates"))
CODE = Path(str(files("genmix.studio")))


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_texts_with_the_same_gaps() -> None:
    english, japanese = (catalogue(language) for language in LANGUAGES)

    assert list(english) == list(japanese)
    assert {k: gaps(v) for k, v in english.items()} == {k: gaps(v) for k, v in japanese.items()}


def test_every_text_that_a_page_names_is_there_and_every_text_is_named() -> None:
    files_ = (*TEMPLATES.iterdir(), *CODE.glob("*.py"))
    texts = " ".join(path.read_text(encoding="utf-8") for path in files_)
    named = set(re.findall(r"""["']([a-z_]+(?:\.[a-z_]+)+)["']""", texts))
    groups = tuple(set(re.findall(r"""["']([a-z_]+(?:\.[a-z_]+)*\.)["'] ~""", texts)))
    known = set(catalogue("en"))

    named = {key for key in named if not key.endswith((".html", ".yaml"))}
    assert {key for key in named if key.split(".")[0] in {k.split(".")[0] for k in known}} <= known
    assert {key for key in known - named if not key.startswith(groups)} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_is_chosen_from_has_a_name(language: Language) -> None:
    expected = [
        *(f"mask.{each}" for each in MASKS),
        *(f"family.{each}" for each in FRACTALS),
        *(f"palette.{each.name}" for each in palettes()),
        *(f"preset.{each}" for each in shipped_presets()),
        *(f"progress.{each}" for each in STAGES),
        *(f"{kind}.{each}" for kind in ("cause", "score") for each in ScreenSettings.model_fields),
        *(f"review.show.{each}" for each in SHOWS),
        *(f"status.{each}" for each in get_args(Status)),
    ]

    assert [key for key in expected if not words(language, key)] == []


def test_japanese_is_written_in_japanese() -> None:
    names = {"app.language.en", "progress.count", "step.alt"}
    foreign = [
        key
        for key, text in catalogue("ja").items()
        if key not in names and not re.search(r"[ぁ-んァ-ヶ一-龠]", text)
    ]

    assert foreign == []
    assert [text for text in catalogue("ja").values() if re.search(r"[(),!?]", text)] == []


@pytest.mark.parametrize(
    ("header", "language"),
    [("ja-JP,ja;q=0.9", "ja"), ("fr, en;q=0.5", "en"), ("", "en"), ("*", "en"), ("fr;x,ja", "ja")],
)
def test_the_browser_s_language_is_taken_where_there_is_one(header: str, language: str) -> None:
    assert preferred(header) == language
