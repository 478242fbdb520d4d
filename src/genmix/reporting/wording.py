"""The words of the reports in each language, and numbers as each language writes them.

Sentences lie in `words/en.yaml` and `words/ja.yaml`, with named gaps; what to say when is the
business of those who ask for them.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Literal, TypeAlias, get_args

import yaml

from genmix.experiments.words import percent, points
from genmix.statistics import Difference, Mean, Verdict

Language: TypeAlias = Literal["en", "ja"]

LANGUAGES: tuple[Language, ...] = get_args(Language)

Sentence: TypeAlias = str | Mapping[str, str]
"""A text with gaps as {name}; or "one" and "other" forms, chosen by the gap "count"."""

_UNEVEN = re.compile(r"[ぁ-ゖァ-ヺー一-鿿々][A-Za-z0-9−+λε±]|[A-Za-z0-9λε%][ぁ-ゖァ-ヺー一-鿿々]")
"""Two letters that meet where a gap is filled, and have a space between in Japanese print."""

MARKS: dict[Verdict, str] = {
    "better": "\N{NO-BREAK SPACE}✓",
    "worse": "\N{NO-BREAK SPACE}✗",
    "no evidence": "",
}


class Words:
    """One language's sentences and ways to write numbers.

    Attributes:
        language: Which.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self._sentences = catalogue(language)

    def __call__(self, key: str, /, **gaps: object) -> str:
        """Write a sentence.

        Args:
            key: Its name in the catalogue.
            **gaps: What goes into its gaps.

        Raises:
            KeyError: If there is no such sentence, or a gap is not filled.
        """
        sentence = self._sentences[key]
        if not isinstance(sentence, str):
            sentence = sentence["one" if gaps["count"] == 1 else "other"]
        return self._filled(sentence, gaps)

    def get(self, key: str, otherwise: str) -> str:
        """Write a sentence without gaps, or `otherwise` where the catalogue has none."""
        return self(key) if key in self._sentences else otherwise

    def listed(self, names: Sequence[str]) -> str:
        """Join names as in a sentence: "a, b and c"."""
        if len(names) < 2:
            return "".join(names)
        return self("list.last", first=self("list.comma").join(names[:-1]), last=names[-1])

    def percent(self, value: str) -> str:
        """Write a number in percent: "52.0 %"."""
        return self("number.percent", value=value)

    def mean(self, mean: Mean) -> str:
        """Write a mean with its interval: "52.0 ± 1.9", or with why there is none."""
        return f"{percent(mean.value)}{self._spread(mean)}"

    def difference(self, difference: Difference) -> str:
        """Write a difference in a table: "+13.0 ± 2.1"."""
        return f"{points(difference.value)}{self._spread(difference)}"

    def interval(self, difference: Difference) -> str:
        """Write a difference in a sentence: "+13.0 points (95 % interval +10.9 to +15.1)"."""
        value = points(difference.value)
        if difference.half_width is None:
            return self("number.bare", value=value, why=self._why_no_interval(difference))
        return self("number.interval", value=value, ends=self.ends(difference))

    def ends(self, difference: Difference) -> str:
        """Write the ends of an interval: "+10.9 to +15.1"; nothing where there is none."""
        if difference.half_width is None:
            return ""
        low, high = (difference.value + side * difference.half_width for side in (-1, 1))
        return self("number.ends", low=points(low), high=points(high))

    def verdict(self, difference: Difference) -> str:
        """Write what a difference is judged to be."""
        return self(f"verdict.{difference.verdict}")

    def duration(self, seconds: float) -> str:
        """Write a time as people say it: "42 s", "7 min", "2.5 h"."""
        if seconds < 90:
            return self("time.seconds", value=f"{seconds:.3g}")
        if seconds < 5400:
            return self("time.minutes", value=f"{seconds / 60:.0f}")
        return self("time.hours", value=f"{seconds / 3600:.1f}")

    def _filled(self, sentence: str, gaps: Mapping[str, object]) -> str:
        """Fill the gaps; in Japanese with a space between Japanese and Latin letters."""
        if self.language != "ja":
            return sentence.format_map(gaps)
        text = ""
        for before, gap, _, _ in Formatter().parse(sentence):
            parts = [before] if gap is None else [before, str(gaps[gap])]
            for part in parts:
                meet = text[-1:] + part[:1]
                text += f" {part}" if _UNEVEN.fullmatch(meet) else part
        return text

    def _spread(self, found: Mean | Difference) -> str:
        if found.half_width is None:
            return self("number.because", why=self._why_no_interval(found))
        return f"\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{percent(found.half_width)}"

    def _why_no_interval(self, found: Mean | Difference) -> str:
        return self("seeds" if found.count == 1 else "alike", count=found.count)


@cache
def catalogue(language: Language) -> dict[str, Sentence]:
    """Return all sentences of a language by their keys, groups joined to names by dots."""
    text = files("genmix.reporting").joinpath("words", f"{language}.yaml").read_text("utf-8")
    return {
        # A long Japanese sentence stands on several lines, and has no spaces where they meet.
        key: sentence.replace("\n", "") if isinstance(sentence, str) else sentence
        for key, sentence in _flat(yaml.safe_load(text))
    }


def _flat(tree: Mapping[str, Any], before: str = "") -> list[tuple[str, Sentence]]:
    found: list[tuple[str, Sentence]] = []
    for name, value in tree.items():
        if isinstance(value, Mapping) and value.keys() != {"one", "other"}:
            found += _flat(value, f"{before}{name}.")
        else:
            found.append((before + name, value))
    return found
