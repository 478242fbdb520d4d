"""The rules by which a proof of concept chooses and decides: pure functions and named limits.

What a rule says in words, in both languages, is in rules.yaml; nothing here measures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from genmix.experiments.poc.gains import Interval
from genmix.statistics import CONFIDENCE

Decision: TypeAlias = Literal["go", "no-go", "not enough evidence"]

GO: Decision = "go"
NO_GO: Decision = "no-go"
UNCLEAR: Decision = "not enough evidence"

SMALL_GAIN = 0.01
"""A gain that is certainly smaller is not worth the work: no-go."""

ALLOWED: Mapping[str, float] = {"clean": 0.01, "target": 0.01, "corrupted": 0.02, "attacked": 0.02}
"""What an arm may lose on a kind of pictures by its estimate, where the loss is certain."""

LEAST_KEPT = 0.5
"""A prompt of which the screens keep a smaller share of the edits is out."""

LEAST_SEEN = 0.1
"""A prompt is out if the classifier trained on photos sees the class in its edits so rarely: this
is the way from guessing (0) to what it sees on the photos (1)."""

ERRORS = 1.0
"""A change is taken if its gain is above so many standard errors; else the simpler stays (the
one-standard-error rule of Breiman et al., Classification and Regression Trees, 1984)."""

FEWEST_PROMPTS = 2
"""A set of fewer is not formed; the recipe's own stays."""

SIMPLER = ("simpler-better", "simpler-as-good")
"""Reasons that put a simpler way of training before the chosen one, the stronger first."""

UNFIT = ("screened-out", "class-lost")
"""Reasons for which a prompt is not trained with alone, nor part of a new set."""

LIMITS: Mapping[str, float] = {
    "confidence": CONFIDENCE,
    "small_gain": SMALL_GAIN,
    "allowed_clean": ALLOWED["clean"],
    "allowed_robust": ALLOWED["corrupted"],
    "least_kept": LEAST_KEPT,
    "least_seen": LEAST_SEEN,
    "errors": ERRORS,
    "fewest_prompts": FEWEST_PROMPTS,
}
"""Every limit by name, for the report."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was decided.

    Attributes:
        rule: Its name in rules.yaml.
        values: What stands in its words; shares are in [0, 1].
    """

    rule: str
    values: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided, and why; the reason that settled it comes first."""

    decision: Decision
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Guarded:
    """What must not become worse.

    Attributes:
        key: Of the metric.
        kind: A key of `ALLOWED`.
        gain: Of the chosen arm over the baseline.
    """

    key: str
    kind: str
    gain: Interval


@dataclass(frozen=True, slots=True)
class Rival:
    """A simpler way of training.

    Attributes:
        arm: Its name.
        gain: Over the baseline.
        lead: How much better the chosen arm is than it.
        guarded: What must not become worse by it.
    """

    arm: str
    gain: Interval
    lead: Interval
    guarded: Sequence[Guarded] = ()


def learnt(accuracy: Interval, majority: float) -> bool:
    """Tell whether a classifier is certainly better than naming the most frequent class.

    Args:
        accuracy: On photos of its own kind.
        majority: Share of the most frequent class among them.
    """
    return accuracy.low > majority


def judge_stage(gain: Interval | None, *, learnt: bool = True) -> Verdict:
    """Judge a stage by the gain of its best arm over the baseline, on photos to choose by.

    Args:
        gain: None where nothing was trained.
        learnt: Whether the baseline learnt anything.
    """
    if not learnt:
        return Verdict(NO_GO, (Reason("not-learnt"),))
    if gain is None:
        return Verdict(UNCLEAR, (Reason("not-tried"),))
    if gain.seeds < 2:
        return Verdict(UNCLEAR, (Reason("one-seed", _said(gain)),))
    if gain.above:
        return Verdict(GO, (Reason("gain-above", _said(gain)),))
    if gain.below:
        return Verdict(NO_GO, (Reason("gain-below", _said(gain)),))
    return Verdict(UNCLEAR, (_unclear(gain),))


def decide(
    gain: Interval,
    guarded: Sequence[Guarded] = (),
    rivals: Sequence[Rival] = (),
    *,
    learnt: bool,
) -> Verdict:
    """Decide, on the test photos and the targets, for one arm that was named before.

    Go needs all of the interval of the gain above 0, and nothing guarded certainly worse and by its
    estimate by more than is allowed. There is one comparison that decides, so nothing is corrected
    for; the others can only speak against.

    Args:
        gain: Of the chosen arm over the baseline, on the primary metric.
        guarded: What must not become worse.
        rivals: Simpler ways of training.
        learnt: Whether the chosen arm's classifiers learnt anything at all.
    """
    remarks = [Reason("watch", _lost(each)) for each in guarded if _may_be_worse(each)]
    remarks += [_compared(rival) for rival in rivals if _helps(rival)]
    if not learnt:
        return Verdict(NO_GO, (Reason("not-learnt"),))
    if gain.seeds < 2:
        return Verdict(UNCLEAR, (Reason("one-seed", _said(gain)), *remarks))
    worse = [Reason("worse", _lost(each)) for each in guarded if certainly_worse(each)]
    if gain.below:
        return Verdict(NO_GO, (Reason("gain-below", _said(gain)), *worse, *remarks))
    if worse:
        return Verdict(NO_GO, (*worse, *remarks))
    if gain.above:
        return Verdict(GO, (Reason("gain-above", _said(gain)), *remarks))
    if gain.high < SMALL_GAIN and gain.half_width is not None:
        limit = {"small_gain": SMALL_GAIN}
        return Verdict(NO_GO, (Reason("gain-small", _said(gain) | limit), *remarks))
    return Verdict(UNCLEAR, (_unclear(gain), *remarks))


def finding(verdict: Verdict) -> Reason:
    """Return what to say first of a decision.

    That is the reason that settled it; but of a go that a simpler way of training, the best if
    there are two, is better than the chosen one, or may be as good.
    """
    if verdict.decision == GO:
        for rule in SIMPLER:
            found = [reason for reason in verdict.reasons if reason.rule == rule]
            if found:
                return min(found, key=lambda reason: reason.values["gain"])
    return verdict.reasons[0]


def certainly_worse(guarded: Guarded) -> bool:
    """Tell whether something is worse: its interval below 0, its mean by more than is allowed."""
    return guarded.gain.below and guarded.gain.value < -ALLOWED[guarded.kind]


def unfit(kept: float, seen: float, known: float, chance: float) -> Reason | None:
    """Say why a prompt's edits cannot be trained with; None if they can.

    Args:
        kept: Share of its edits that the screens keep.
        seen: Share of them in which the baseline sees the class.
        known: The same of the photos themselves.
        chance: Share of the most frequent class.
    """
    if kept < LEAST_KEPT:
        return Reason("screened-out", {"kept": kept, "least_kept": LEAST_KEPT})
    least = chance + LEAST_SEEN * max(0.0, known - chance)
    if seen < least:
        return Reason("class-lost", {"seen": seen, "least": least})
    return None


def in_order(prompts: Mapping[str, float]) -> list[str]:
    """Put prompts into the order in which they are tried: the greatest number first, then by id."""
    return sorted(prompts, key=lambda prompt: (-prompts[prompt], prompt))


def prompt_set(gains: Mapping[str, Interval]) -> tuple[str, ...]:
    """Choose, of the prompts that were trained with alone, those that helped.

    Args:
        gains: Over the baseline, by prompt.

    Returns:
        Those whose gain is above 0, best first; none if they are fewer than `FEWEST_PROMPTS`.
    """
    good = {prompt: gain.value for prompt, gain in gains.items() if gain.value > 0}
    return tuple(in_order(good)) if len(good) >= FEWEST_PROMPTS else ()


def better(gain: Interval) -> bool:
    """Tell whether a change is taken: its gain is above `ERRORS` standard errors."""
    return gain.value > 0 and gain.value > ERRORS * gain.error


def best_change(gains: Mapping[str, Interval]) -> str | None:
    """Return the change with the highest gain, if it is taken; None if all stays as it is."""
    taken = {name: gain.value for name, gain in gains.items() if better(gain)}
    return in_order(taken)[0] if taken else None


def _may_be_worse(guarded: Guarded) -> bool:
    lost = guarded.gain.value < -ALLOWED[guarded.kind]
    return lost and not certainly_worse(guarded)


def _helps(rival: Rival) -> bool:
    return rival.gain.above and not any(map(certainly_worse, rival.guarded))


def _unclear(gain: Interval) -> Reason:
    """Say why a gain tells nothing."""
    return Reason("no-spread" if gain.half_width is None else "gain-unclear", _said(gain))


def _compared(rival: Rival) -> Reason:
    """Say how the chosen arm compares with a simpler one that helps too."""
    values = {"arm": rival.arm} | _said(rival.lead)
    if rival.lead.above:
        return Reason("beats-simpler", values)
    return Reason(SIMPLER[0] if rival.lead.below else SIMPLER[1], values)


def _said(gain: Interval) -> dict[str, float | int | str]:
    return {
        "gain": gain.value,
        "low": gain.low,
        "high": gain.high,
        "seeds": gain.seeds,
        "photos": gain.photos,
    }


def _lost(guarded: Guarded) -> dict[str, float | int | str]:
    said = _said(guarded.gain)
    said["metric"], said["allowed"] = guarded.key, ALLOWED[guarded.kind]
    return said
