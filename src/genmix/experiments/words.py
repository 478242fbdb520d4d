"""Numbers and findings as people read them: percent, points, intervals, and plain sentences.

A mean never stands here without its interval, or without the words that there is none.
"""

from collections.abc import Sequence

from genmix.experiments.findings import Comparison, Shots, Summary, ranked
from genmix.statistics import Difference, Mean, Verdict

NO_INTERVAL = "1 seed, no interval"
MARKS: dict[Verdict, str] = {"better": " ✓", "worse": " ✗", "no evidence": ""}


def percent(value: float) -> str:
    """Write a share of 1 in percent, with one decimal: 0.52 is "52.0"."""
    return _signed(f"{100 * value:.1f}")


def points(value: float) -> str:
    """Write a difference of two shares in percentage points, with its sign: "+1.2", "−0.3"."""
    return _signed(f"{100 * value:+.1f}")


def mean_text(mean: Mean) -> str:
    """Write a mean with its interval: "52.0 ± 1.9", or "52.0 (1 seed)" where there is none."""
    return f"{percent(mean.value)} {_spread(mean)}"


def difference_text(difference: Difference) -> str:
    """Write a difference with its interval: "+13.0 ± 2.1"."""
    return f"{points(difference.value)} {_spread(difference)}"


def interval_text(difference: Difference) -> str:
    """Write a difference with the ends of its interval: "+13.0 points (+10.9 to +15.1)"."""
    if difference.half_width is None:
        return f"{points(difference.value)} points ({_without(difference.count)}, no interval)"
    low, high = (difference.value + side * difference.half_width for side in (-1, 1))
    return f"{points(difference.value)} points ({points(low)} to {points(high)})"


def p_text(p: float | None) -> str:
    """Write a p value: "0.012", "< 0.001", "–" where there is none."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.0005 else f"{p:.3f}"


def seeds_text(count: int) -> str:
    """Write how many seeds there are."""
    return NO_INTERVAL if count == 1 else f"{count} seeds"


def shots_text(shots: Shots) -> str:
    """Write a size of the training set: "5 photos a class", "all photos"."""
    return "all photos" if shots is None else f"{shots} photos a class"


def joined(names: Sequence[str]) -> str:
    """Join names as in a sentence: "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def finding(comparison: Comparison, shots: Shots = None) -> str:
    """Say in plain sentences what a comparison found on its primary metric."""
    order = ranked(comparison.summaries(comparison.primary, shots), comparison.primary)
    best = order[0]
    if best.mean.count == 1:
        return (
            f"{NO_INTERVAL}: this says nothing about chance. The highest is {best.arm}, "
            f"{percent(best.mean.value)} %."
        )
    sentences = [f"{_leader(best, comparison.reference)}."]
    if best.against_rival is not None and best.rival != comparison.reference:
        sentences.append(f"Against {best.rival}, the next: {_judged(best.against_rival)}.")
    sentences += [detectable(comparison, shots)] if len(comparison.arms) > 1 else []
    return " ".join(sentences)


def detectable(comparison: Comparison, shots: Shots = None) -> str:
    """Say how large a difference must be to show in this comparison."""
    width = comparison.resolution(shots)
    if width is None:
        return "No interval, so no telling what difference would show."
    return (
        f"With {seeds_text(len(comparison.seeds))}, a difference from {comparison.reference} is "
        f"known to about ± {percent(width)} points here: a smaller one cannot be told from none."
    )


def _leader(best: Summary, reference: str) -> str:
    mean = f"{best.arm} has the highest mean, {mean_text(best.mean)} %"
    if best.against_reference is None:
        return mean
    return f"{mean}. Against {reference}: {_judged(best.against_reference)}"


def _judged(difference: Difference) -> str:
    return f"{difference.verdict}, {interval_text(difference)}"


def _spread(found: Mean | Difference) -> str:
    if found.half_width is None:
        return f"({_without(found.count)})"
    return f"± {percent(found.half_width)}"


def _without(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds alike"


def _signed(number: str) -> str:
    """Write a true minus sign, and no sign before nothing."""
    return number.lstrip("+-") if float(number) == 0 else number.replace("-", "−")
