"""Does augmentation tilt the data? Each class and group against all others, photo by photo."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from genmix.auditing.certainty import (
    Estimate,
    Floats,
    Outcomes,
    difference,
    mean_difference,
    rejection_p,
    shift_p,
)
from genmix.auditing.ledger import By, Ledger
from genmix.auditing.measures import MEASURES
from genmix.auditing.space import diversity
from genmix.auditing.views import Views
from genmix.seeding import generator
from genmix.statistics import SIGNIFICANCE, holm

MATTERS_SHARE = 0.05
"""A difference of rates or accuracies matters from 5 points on."""

MATTERS_MEASURE = 0.8
"""A shift of a measure matters from 0.8 standard deviations of the photos on, which Cohen (1988)
calls a large effect."""

MATTERS_FEATURES = 0.1
"""A greater shift in feature space matters from a tenth of the mean distance of two photos on; a
lesser one does no harm."""

FEATURES = "features"
"""The shift in feature space: 1 minus the cosine with the own photo."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How a measure moves between photo and picture, for a subject and for all others.

    Attributes:
        value: The subject's mean over its photos.
        gap: How much more than the others'.
        size: The gap, in standard deviations of the photos' measure; in feature space, in mean
            distances of two photos.
        p: Of the permutation test over photos.
        adjusted_p: After Holm's correction for all shifts of the audit.
        matters: Whether it is both more than chance and large.
    """

    value: float
    gap: Estimate
    size: float
    p: float
    adjusted_p: float = 1.0
    matters: bool = False


@dataclass(frozen=True, slots=True)
class Tilt:
    """A class or group against all other photos.

    Attributes:
        by: "class" or "group".
        name: Its name.
        photos: Photos of which the screens saw an edit.
        share_before: Its share of the edits that the screens saw.
        share_after: Its share of those that they kept; None if they kept none.
        rejected: Share of its edits that they rejected.
        gap: How much more than of the others.
        p: Of the permutation test over photos.
        adjusted_p: After Holm's correction for all classes and groups of the audit.
        matters: Whether it lost more than chance, and by 5 points or more.
        looked_at: Photos of it whose pictures were looked at.
        shifts: By measure; empty where too few were, or where the photos cannot be had.
    """

    by: By
    name: str
    photos: int
    share_before: float
    share_after: float | None
    rejected: Estimate
    gap: Estimate
    p: float
    adjusted_p: float = 1.0
    matters: bool = False
    looked_at: int = 0
    shifts: Mapping[str, Shift] | None = None


def judge_tilt(ledger: Ledger, views: Views | None, seed: int) -> tuple[Tilt, ...]:
    """Compare each class and each group with all other photos.

    Args:
        ledger: The counts of an output.
        views: What was seen of its pictures; None if nothing was looked at.
        seed: Of the permutations.

    Returns:
        Classes, then groups, sorted; those without a judged edit are left out, and so is a kind of
        which there is only one.
    """
    tilts = [tilt for by in _KINDS for tilt in _rejections(ledger, by, seed)]
    if views is not None:
        found = {
            by: _shifts(views, by, [t.name for t in tilts if t.by == by], seed) for by in _KINDS
        }
        tilts = [
            replace(
                tilt,
                looked_at=int(views.photos_of(tilt.by, tilt.name).sum()),
                shifts=found[tilt.by].get(tilt.name, {}),
            )
            for tilt in tilts
        ]
    return tuple(_corrected_shifts(_corrected(tilts)))


_KINDS: tuple[By, ...] = ("class", "group")

_LEAST_PHOTOS = 5
"""A shift of fewer photos is not judged."""

_DRAWS = 9_999
_DRAWS_PER_TEST = 50
"""So many permutations for each test that is made, that the least p survives Holm's correction."""


def _draws(tests: int) -> int:
    return max(_DRAWS, _DRAWS_PER_TEST * tests)


def _rejections(ledger: Ledger, by: By, seed: int) -> list[Tilt]:
    counts = {name: ledger.counts[by, name].outcomes for name in ledger.subjects(by)}
    counts = {name: outcomes for name, outcomes in counts.items() if outcomes.photos}
    if len(counts) < 2:
        return []
    # Photos without a group are among nobody's others.
    whole = Outcomes(sum((outcomes.patterns for outcomes in counts.values()), Counter()))
    tilts = []
    for name, part in counts.items():
        rest, rng = whole.without(part), generator("audit rejections", seed, by, name)
        kept = whole.judged - whole.rejected
        tilts.append(
            Tilt(
                by=by,
                name=name,
                photos=part.photos,
                share_before=part.judged / whole.judged,
                share_after=(part.judged - part.rejected) / kept if kept else None,
                rejected=part.rate(),
                gap=difference(part, rest),
                p=rejection_p(part, rest, rng, _draws(len(counts))),
            )
        )
    return tilts


def _shifts(views: Views, by: By, names: list[str], seed: int) -> dict[str, dict[str, Shift]]:
    """Compare how measures moved, for subjects of which enough photos were looked at."""
    values, units = _moved(views)
    if values is None:
        return {}
    members = np.full(len(values), -1)
    for number, name in enumerate(names):
        members[views.photos_of(by, name)] = number
    known = members >= 0
    values, members = values[known], members[known]
    present, members = np.unique(members, return_inverse=True)
    if len(present) < 2:
        return {}
    rng = generator("audit shifts", seed, by)
    p_values = shift_p(values, members, rng, _draws(len(present) * len(units)))
    found = {}
    for number, (name, row) in enumerate(zip((names[k] for k in present), p_values, strict=True)):
        part, rest = values[members == number], values[members != number]
        if min(len(part), len(rest)) < _LEAST_PHOTOS:
            continue
        found[name] = {
            measure: _shift(part[:, k], rest[:, k], unit, float(row[k]))
            for k, (measure, unit) in enumerate(units.items())
        }
    return found


def _moved(views: Views) -> tuple[Floats | None, dict[str, float]]:
    """Return how far each photo's pictures moved, photos x measures, and each measure's unit."""
    if views.shifts is None or views.photos is None:
        return None, {}
    everything = views.pictures_of("all", "")
    columns = [*views.by_photo(views.shifts, everything).T]
    spread = views.photos.measures.std(axis=0, ddof=1) if len(views.photos) > 1 else np.zeros(5)
    units = dict(zip(MEASURES, spread.tolist(), strict=True))
    cloud = views.photos.cloud()
    if views.likeness is not None and cloud is not None and len(cloud) > 1:
        columns.append(views.by_photo(1 - views.likeness, everything))
        units[FEATURES] = diversity(cloud).spread
    return np.stack(columns, axis=1), units


def _shift(part: Floats, rest: Floats, unit: float, p: float) -> Shift:
    gap = mean_difference(part, rest)
    return Shift(float(part.mean()), gap, gap.value / unit if unit > 0 else 0.0, p)


def _corrected(tilts: list[Tilt]) -> list[Tilt]:
    adjusted = holm([tilt.p for tilt in tilts])
    return [
        replace(tilt, adjusted_p=p, matters=p < SIGNIFICANCE and tilt.gap.value >= MATTERS_SHARE)
        for tilt, p in zip(tilts, adjusted, strict=True)
    ]


def _corrected_shifts(tilts: list[Tilt]) -> list[Tilt]:
    places = [(k, measure) for k, tilt in enumerate(tilts) for measure in tilt.shifts or {}]
    shifts = [(tilts[k].shifts or {})[measure] for k, measure in places]
    corrected: list[dict[str, Shift]] = [{} for _ in tilts]
    adjusted = holm([shift.p for shift in shifts])
    for (k, measure), shift, p in zip(places, shifts, adjusted, strict=True):
        matters = p < SIGNIFICANCE and _is_large(measure, shift.size)
        corrected[k][measure] = replace(shift, adjusted_p=p, matters=matters)
    return [
        tilt if tilt.shifts is None else replace(tilt, shifts=found)
        for tilt, found in zip(tilts, corrected, strict=True)
    ]


def _is_large(measure: str, size: float) -> bool:
    if measure == FEATURES:
        return size >= MATTERS_FEATURES
    return abs(size) >= MATTERS_MEASURE
