"""What an ablation found: for each factor of a recipe, which of its levels help or hurt."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Self

from genmix.experiments.findings import Comparison, Summary, read_found
from genmix.experiments.words import NO_INTERVAL, interval_text, joined, percent, points

_NAMED = 4
"""Levels without evidence are named up to this many, then counted."""


@dataclass(frozen=True, slots=True)
class Level:
    """One setting of a factor.

    Attributes:
        name: As people read it: "0.16", "without autumn".
        arm: The arm of the comparison that has it.
    """

    name: str
    arm: str


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing of a recipe that was changed, all else being as it was.

    Attributes:
        name: As users write it, such as "hybrid-share".
        title: What it is, for people.
        levels: In their natural order; the recipe's own among them, where it is one.
        own: The recipe's own level in words.
    """

    name: str
    title: str
    levels: tuple[Level, ...]
    own: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two factors changed together.

    Attributes:
        rows: The first factor.
        columns: The second.
        arms: Of each row, the arm of each column.
    """

    rows: Factor
    columns: Factor
    arms: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Ablation:
    """The runs of an ablation, and what they say of each factor.

    Attributes:
        comparison: All runs; its reference is the recipe as it is.
        factors: What was changed alone.
        pairs: What was changed together.
    """

    comparison: Comparison
    factors: tuple[Factor, ...]
    pairs: tuple[Pair, ...]

    def effects(self, factor: Factor) -> list[tuple[Level, Summary]]:
        """Compare each level of a factor with the recipe; the factor is Holm's family."""
        return self._effects(factor.levels)

    def cells(self, pair: Pair) -> list[list[Summary]]:
        """Compare each combination of a pair with the recipe; the pair is Holm's family."""
        levels = [Level(arm, arm) for row in pair.arms for arm in row]
        found = {level.arm: summary for level, summary in self._effects(levels)}
        return [[found[arm] for arm in row] for row in pair.arms]

    @property
    def reference(self) -> Summary:
        """The recipe as it is."""
        return self._effects([Level("", self.comparison.reference)])[0][1]

    def sentence(self, factor: Factor) -> str:
        """Say which levels of a factor help, which hurt, and for which there is no evidence."""
        effects = [
            (level, summary) for level, summary in self.effects(factor) if summary.against_reference
        ]
        if len(self.comparison.seeds) == 1:
            return f"{factor.name}: {NO_INTERVAL}: this says nothing about chance."
        parts = [
            f"{level.name} {word}, {interval_text(found)}"
            for verdict, word in (("better", "helps"), ("worse", "hurts"))
            for level, summary in _by_size(effects)
            if (found := summary.against_reference) and found.verdict == verdict
        ]
        unclear = [level.name for level, s in effects if _verdict(s) == "no evidence"]
        if not parts:
            return f"{factor.name}: no evidence. {self._what_would_show(factor, effects)}"
        text = f"{factor.name}: against the recipe's {factor.own}, {'; '.join(parts)}"
        return f"{text}; no evidence for {_listed(unclear)}." if unclear else f"{text}."

    def _what_would_show(self, factor: Factor, effects: list[tuple[Level, Summary]]) -> str:
        found = [each for _, summary in effects if (each := summary.against_reference)]
        values = [each.value for each in found]
        widths = [each.half_width for each in found if each.half_width is not None]
        if not any(values) and not widths:
            names = joined([level.name for level, _ in effects])
            return f"With {names}, every seed gives the same as with the recipe's {factor.own}."
        tried = (
            f"{points(min(values))} to {points(max(values))} points"
            if len(values) > 1
            else f"{points(values[0])} points"
        )
        text = f"The difference to the recipe's {factor.own} is {tried}"
        if not widths:
            return f"{text}, with every seed."
        return f"{text}; about {percent(median(widths))} points or more would show."

    def _effects(self, levels: Sequence[Level]) -> list[tuple[Level, Summary]]:
        arms = list(dict.fromkeys([self.comparison.reference, *(level.arm for level in levels)]))
        summaries = self.comparison.summaries(
            self.comparison.primary, self.comparison.shots[0], arms
        )
        by_arm = {summary.arm: summary for summary in summaries}
        return [(level, by_arm[level.arm]) for level in levels]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "sentences": {factor.name: self.sentence(factor) for factor in self.factors},
            "effects": {
                factor.name: [
                    {"level": level.name, **asdict(summary)}
                    for level, summary in self.effects(factor)
                ]
                for factor in self.factors
            },
            "factors": [asdict(factor) for factor in self.factors],
            "pairs": [asdict(pair) for pair in self.pairs],
            "comparison": self.comparison.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave; what follows from the runs is worked out anew."""
        return cls(
            Comparison.from_dict(data["comparison"]),
            tuple(map(_factor, data["factors"])),
            tuple(
                Pair(
                    _factor(pair["rows"]),
                    _factor(pair["columns"]),
                    tuple(tuple(row) for row in pair["arms"]),
                )
                for pair in data["pairs"]
            ),
        )

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read an `ablation.json`.

        Raises:
            ExperimentError: If it is none.
        """
        return read_found(path, "an ablation", "ablation.json", cls.from_dict)


def _factor(data: Mapping[str, Any]) -> Factor:
    return Factor(**{**data, "levels": tuple(Level(**level) for level in data["levels"])})


def _verdict(summary: Summary) -> str | None:
    return summary.against_reference.verdict if summary.against_reference else None


def _by_size(effects: list[tuple[Level, Summary]]) -> list[tuple[Level, Summary]]:
    """Sort levels by the size of their effect, the largest first."""

    def size(effect: tuple[Level, Summary]) -> float:
        found = effect[1].against_reference
        return -abs(found.value) if found else 0.0

    return sorted(effects, key=size)


def _listed(names: Sequence[str]) -> str:
    return joined(names) if len(names) <= _NAMED else f"the other {len(names)}"
