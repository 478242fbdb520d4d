"""How good what was generated is: kept, alike, diverse, near a target; by prompt and by class."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from genmix.auditing.certainty import Estimate, mean
from genmix.auditing.ledger import By, Count, Ledger
from genmix.auditing.measures import MEASURES, twins
from genmix.auditing.pictures import Seen
from genmix.auditing.space import Cloud, Discrepancy, Diversity, Reference, diversity, frechet
from genmix.auditing.views import Chosen, Views
from genmix.seeding import generator


@dataclass(frozen=True, slots=True)
class Distances:
    """How far pictures are from reference pictures in feature space.

    Attributes:
        discrepancy: The squared maximum mean discrepancy, whatever the number of pictures.
        frechet: The Fréchet distance; compare it with others at the same number only.
        pictures: That number; the reference is the same for all.
        closer: Of a target: how much of the photos' own discrepancy from it is gone, 1 for all of
            it, below 0 where it grew.
    """

    discrepancy: Estimate
    frechet: float
    pictures: int
    closer: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """What became of a subject's composites, and how the written ones look.

    Attributes:
        by: Kind of the subject.
        name: Its name; "" for all.
        planned: Composites planned.
        written: Of these written.
        failed: Of these not made, as the photo could not be used.
        kept: Share that the screens kept of what they looked at; None where that is nothing.
        reasons: Rejected ones, by screen.
        scores: Mean score of each screen over all edits, rejected ones too.
        looked_at: Written pictures that were looked at, for all that follows.
        twins: How many have another with the same bytes.
        near_twins: How many have another that is nearly the same.
        measures: Mean of each measure; None where nothing was looked at.
        shift: How far each measure is from the photos', over photos; None without the photos.
        similarity: Mean cosine with the own photo; None without an encoder or the photos.
        diversity: In feature space; None without an encoder, or for too few pictures.
        to_photos: How far from the photos; by prompt and in all only.
        to_target: How far from the target pictures; likewise.
    """

    by: By
    name: str
    planned: int
    written: int
    failed: int
    kept: Estimate | None
    reasons: Mapping[str, int]
    scores: Mapping[str, float]
    looked_at: int = 0
    twins: int = 0
    near_twins: int = 0
    measures: Mapping[str, float] | None = None
    shift: Mapping[str, Estimate] | None = None
    similarity: Estimate | None = None
    diversity: Diversity | None = None
    to_photos: Distances | None = None
    to_target: Distances | None = None


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Pictures that nobody edited, measured likewise: the photos, or those of a target.

    Attributes:
        name: "photos" or "target".
        pictures: How many were looked at.
        measures: Mean of each measure.
        diversity: At the number of pictures at which prompts are compared.
        to_target: Of the photos.
    """

    name: str
    pictures: int
    measures: Mapping[str, float]
    diversity: Diversity | None = None
    to_target: Distances | None = None


def judge_quality(
    ledger: Ledger, views: Views | None, seed: int
) -> tuple[tuple[Quality, ...], tuple[Yardstick, ...]]:
    """Judge the quality of an output.

    Args:
        ledger: Its counts.
        views: What was seen of its pictures; None if nothing was looked at.
        seed: Of the draws that bring sets to the same number.

    Returns:
        A row for everything, each prompt, each class and each group; and the yardsticks.
    """
    if views is None:
        rows = (_counted(by, name, ledger.counts[by, name]) for by, name in _subjects(ledger))
        return tuple(rows), ()
    look = _Look(ledger, views, seed)
    rows = (look.row(by, name) for by, name in _subjects(ledger))
    return tuple(rows), tuple(look.yardsticks())


LEAST = 20
"""With fewer pictures than this, diversity and distance say nothing and are left out."""

_MOST = 300
"""Pictures at which diversity and distances are measured at most."""


def _subjects(ledger: Ledger) -> Iterator[tuple[By, str]]:
    kinds: tuple[By, ...] = ("all", "prompt", "class", "group")
    for by in kinds:
        for name in ledger.subjects(by):
            yield by, name


def _counted(by: By, name: str, count: Count) -> Quality:
    kept = None
    if count.outcomes.photos:
        lost = count.outcomes.rate()
        low, high = (None if end is None else 1 - end for end in (lost.high, lost.low))
        kept = Estimate(1 - lost.value, low, high)
    return Quality(
        by=by,
        name=name,
        planned=count.planned,
        written=count.written,
        failed=count.failed,
        kept=kept,
        reasons=dict(sorted(count.reasons.items())),
        scores={screen: total / of for screen, (total, of) in count.scores.items()},
    )


class _Look:
    """Fills in what the pictures show."""

    def __init__(self, ledger: Ledger, views: Views, seed: int) -> None:
        self._ledger, self._views, self._seed = ledger, views, seed
        self._twins, self._near = (
            np.array(found, bool) for found in twins(views.hashes, views.pictures.thumbnails)
        )
        self._numbers = {by: self._number(by) for by in ("prompt", "class", "group")}
        self._numbers["all"] = self._numbers["prompt"]
        self._photos = self._reference(views.photos)
        self._target = self._reference(views.target)
        self._start: Discrepancy | None = None
        if self._target is not None and (photos := self._cloud(views.photos)) is not None:
            self._start = self._target.distance(photos)

    def row(self, by: By, name: str) -> Quality:
        """Return a subject's row."""
        chosen = self._views.pictures_of(by, name)
        counted = _counted(by, name, self._ledger.counts[by, name])
        seen = int(chosen.sum())
        if not seen:
            return counted
        cloud = self._at(self._numbers[by], self._views.pictures.cloud(chosen), by, name)
        distant = cloud is not None and by in {"all", "prompt"}
        return replace(
            counted,
            looked_at=seen,
            twins=int(self._twins[chosen].sum()),
            near_twins=int(self._near[chosen].sum()),
            measures=_named(self._views.pictures.measures[chosen].mean(axis=0).tolist()),
            shift=self._shift(chosen),
            similarity=self._similarity(chosen),
            diversity=None if cloud is None else diversity(cloud),
            to_photos=self._distances(self._photos, cloud, chosen) if distant else None,
            to_target=self._distances(self._target, cloud, chosen) if distant else None,
        )

    def yardsticks(self) -> Iterator[Yardstick]:
        """Yield what the photos and the target come to."""
        named = {"photos": self._views.photos, "target": self._views.target}
        for name, seen in named.items():
            if seen is None:
                continue
            cloud = self._at(self._numbers["prompt"], seen.cloud(), name, "")
            to_target = None
            if name == "photos" and cloud is not None and self._target and self._start:
                apart = frechet(cloud.features, self._target.cloud.features)
                to_target = Distances(self._start.estimate(), apart, len(cloud))
            yield Yardstick(
                name,
                len(seen),
                _named(seen.measures.mean(axis=0).tolist()),
                None if cloud is None else diversity(cloud),
                to_target,
            )

    def _number(self, by: By) -> int:
        """Return the number of pictures at which subjects of a kind are compared."""
        sizes = [int(self._views.pictures_of(by, name).sum()) for name in self._ledger.subjects(by)]
        if by == "prompt" and self._views.photos is not None:
            sizes.append(len(self._views.photos))
        return min((size for size in sizes if size >= LEAST), default=_MOST) if sizes else _MOST

    def _at(self, number: int, cloud: Cloud | None, *key: str) -> Cloud | None:
        """Bring a set to a number of pictures; None where it has too few for it to say anything."""
        number = min(number, _MOST)
        if cloud is None or len(cloud) < max(number, LEAST) or len(set(cloud.owners.tolist())) < 2:
            return None
        return cloud.take(number, generator("audit diversity", self._seed, *key))

    def _cloud(self, seen: Seen | None) -> Cloud | None:
        """Return at most so many pictures as distances are measured with."""
        if seen is None or len(seen) < LEAST or (cloud := seen.cloud()) is None:
            return None
        return cloud.take(_MOST, generator("audit reference", self._seed))

    def _reference(self, seen: Seen | None) -> Reference | None:
        cloud = self._cloud(seen)
        return None if cloud is None else Reference(cloud)

    def _distances(
        self, reference: Reference | None, same: Cloud | None, chosen: Chosen
    ) -> Distances | None:
        """Measure how far pictures are: Fréchet's at the common number, the other with all."""
        whole = self._views.pictures.cloud(chosen)
        if reference is None or same is None or whole is None:
            return None
        found = reference.distance(whole.take(_MOST, generator("audit distance", self._seed)))
        closer = None
        if reference is self._target and self._start is not None:
            closer = found.closer_than(self._start)
        apart = frechet(same.features, reference.cloud.features)
        return Distances(found.estimate(), apart, len(same), closer)

    def _shift(self, chosen: Chosen) -> dict[str, Estimate] | None:
        if self._views.shifts is None:
            return None
        by_photo = self._views.by_photo(self._views.shifts, chosen)
        return {name: mean(by_photo[:, k]) for k, name in enumerate(MEASURES)}

    def _similarity(self, chosen: Chosen) -> Estimate | None:
        if self._views.likeness is None:
            return None
        return mean(self._views.by_photo(self._views.likeness, chosen))


def _named(values: list[float]) -> dict[str, float]:
    return dict(zip(MEASURES, values, strict=True))
