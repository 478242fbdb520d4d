"""What is worth saying of an audit, as data; `words` says it in English."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from genmix.auditing.certainty import Estimate
from genmix.auditing.falls import Fall
from genmix.auditing.quality import Quality
from genmix.auditing.tilt import Tilt

Kind: TypeAlias = Literal[
    "rejected_more",
    "shifted_more",
    "class_fell",
    "few_kept",
    "near_twins",
    "nearest_to_target",
    "away_from_target",
    "ungrouped",
    "not_looked",
    "no_encoder",
    "no_photos",
]

KEPT_ENOUGH = 0.5
"""A prompt or class of which surely less than this is kept is warned of."""

FEW_TWINS = 0.05
"""More near twins than this are warned of."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth saying.

    Attributes:
        kind: What it is about.
        subject: Of what it is said, by role: "by" and "name" of a subject, "measure", "arm", ….
        numbers: The numbers that belong to it, by name; shares in [0, 1].
        warning: Whether it should be acted on; others are notes.
    """

    kind: Kind
    subject: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    warning: bool = False


def find(
    quality: Sequence[Quality], tilts: Sequence[Tilt], falls: Iterable[Fall]
) -> Iterator[Finding]:
    """Yield what is worth saying of the numbers, warnings first, the gravest first of its kind."""
    for tilt in sorted(tilts, key=lambda tilt: -tilt.gap.value):
        if tilt.matters:
            yield _rejected_more(tilt)
    yield from (_class_fell(fall) for fall in falls if fall.matters)
    yield from _shifted(tilts)
    yield from _few_kept(quality)
    yield from _near_twins(quality)
    yield from _target(quality)


def _rejected_more(tilt: Tilt) -> Finding:
    return Finding(
        "rejected_more",
        {"by": tilt.by, "name": tilt.name},
        _known(
            rejected=tilt.rejected.value,
            others=tilt.rejected.value - tilt.gap.value,
            gap=tilt.gap.value,
            low=tilt.gap.low,
            high=tilt.gap.high,
            p=tilt.adjusted_p,
            share_before=tilt.share_before,
            share_after=tilt.share_after,
        ),
        warning=True,
    )


def _class_fell(fall: Fall) -> Finding:
    return Finding(
        "class_fell",
        {"arm": fall.arm, "reference": fall.reference, "photos": fall.photos, "name": fall.name},
        _known(
            before=fall.before,
            gap=fall.gap.value,
            low=fall.gap.low,
            high=fall.gap.high,
            p=fall.adjusted_p,
            mean_gap=fall.mean_gap,
            tested=fall.tested,
            seeds=fall.seeds,
        ),
        warning=True,
    )


def _shifted(tilts: Sequence[Tilt]) -> Iterator[Finding]:
    """Yield shifts that matter; of two subjects that mirror each other, the one that moved more."""
    found = [
        (tilt, measure, shift)
        for tilt in tilts
        for measure, shift in (tilt.shifts or {}).items()
        if shift.matters
    ]
    kinds = [tilt.by for tilt in tilts]
    for tilt, measure, shift in sorted(found, key=lambda each: -abs(each[2].size)):
        mirrored = [
            other
            for one, of, other in found
            if kinds.count(tilt.by) == 2 and (one.by, of) == (tilt.by, measure)
        ]
        if any(abs(other.value) > abs(shift.value) for other in mirrored):
            continue
        yield Finding(
            "shifted_more",
            {"by": tilt.by, "name": tilt.name, "measure": measure},
            _known(
                shift=shift.value,
                others=shift.value - shift.gap.value,
                gap=shift.gap.value,
                low=shift.gap.low,
                high=shift.gap.high,
                size=shift.size,
                p=shift.adjusted_p,
            ),
            warning=True,
        )


def _few_kept(quality: Iterable[Quality]) -> Iterator[Finding]:
    for row in quality:
        kept = row.kept
        if kept is not None and kept.high is not None and kept.high < KEPT_ENOUGH:
            yield Finding(
                "few_kept",
                {"by": row.by, "name": row.name},
                _known(kept=kept.value, low=kept.low, high=kept.high),
                warning=True,
            )


def _near_twins(quality: Iterable[Quality]) -> Iterator[Finding]:
    for row in quality:
        if row.by == "all" and row.near_twins:
            share = row.near_twins / row.looked_at
            numbers = {"share": share, "near": row.near_twins, "exact": row.twins}
            yield Finding(
                "near_twins",
                {"by": row.by, "name": row.name},
                numbers | {"looked_at": row.looked_at},
                warning=share > FEW_TWINS,
            )


def _target(quality: Iterable[Quality]) -> Iterator[Finding]:
    """Yield the prompt that brings the photos nearest to the target, and those that lead away."""
    closer = {
        row.name: row.to_target.closer
        for row in quality
        if row.by == "prompt" and row.to_target is not None and row.to_target.closer is not None
    }
    if not closer:
        return
    best, worst = (pick(closer, key=lambda name: closer[name].value) for pick in (max, min))
    if (closer[best].low or 0) > 0:
        yield Finding("nearest_to_target", {"by": "prompt", "name": best}, _share(closer[best]))
    away = [name for name, share in closer.items() if share.high is not None and share.high < 0]
    if away:
        names = ", ".join(sorted(away, key=lambda name: closer[name].value))
        numbers = {"prompts": len(away), "of": len(closer), **_share(closer[worst])}
        yield Finding("away_from_target", {"by": "prompt", "name": worst, "names": names}, numbers)


def _share(closer: Estimate) -> dict[str, float]:
    return _known(closer=closer.value, low=closer.low, high=closer.high)


def _known(**numbers: float | None) -> dict[str, float]:
    return {name: value for name, value in numbers.items() if value is not None}
