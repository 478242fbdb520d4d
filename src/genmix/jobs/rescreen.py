"""Judging the cached edits of an output anew, with other screens or limits; nothing is edited."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from genmix.datasets import Photo, Source, open_source
from genmix.datasets.manifest import iterate_rows
from genmix.editing.cache import EditCache
from genmix.errors import ImageError, OutputError, SourceError
from genmix.images import Image, decode, prepare
from genmix.jobs.augment import Progress, default_edits
from genmix.jobs.folder import OWN_CHECKER, OutputFolder
from genmix.jobs.likeness import class_gaussians
from genmix.jobs.plan import Plan, spread
from genmix.recipe import Recipe
from genmix.screening import AnyScreen, Subject, Verdict, judge_all, open_screens
from genmix.seeding import generator
from genmix.sheets import SheetRow, draw_sheet


@dataclass(frozen=True)
class Judged:
    """One cached edit, judged anew.

    Attributes:
        label: Its photo's class.
        prompt: What it was edited by.
        scores: By screen.
        rejected_by: The first screen that refuses it; None where it is kept.
    """

    label: str
    prompt: str
    scores: Mapping[str, float]
    rejected_by: str | None


@dataclass
class Rescreened:
    """What the screens say of an output's cached edits.

    Attributes:
        limits: Of each screen that was asked, in order; None where no number parts the edits.
        judged: Every edit.
        shuffled: By screen, the scores of edits beside photos of another class.
        missing: Edits that the cache no longer has.
        sheets: By screen, the pictures nearest to its limit.
    """

    limits: dict[str, float | None]
    judged: list[Judged] = field(default_factory=list)
    shuffled: dict[str, list[float]] = field(default_factory=dict)
    missing: int = 0
    sheets: dict[str, Image] = field(default_factory=dict)


def rescreen(
    out: str | Path,
    source: str | Path,
    *,
    change: Callable[[Recipe], Recipe] = lambda recipe: recipe,
    edits: Path | None = None,
    limit: int | None = None,
    progress: Progress = lambda *_: None,
) -> Rescreened:
    """Judge an output's cached edits anew.

    Args:
        out: A finished output of `genmix.jobs.augment`, or one under way.
        source: The photos that it was made of.
        change: What to change of its screens; of the recipe that it is given, `size`, `fit`, `seed`
            and `screens` are the output's.
        edits: The folder of the edit cache; in the user's cache folder when left out.
        limit: Judge the edits of at most this many photos, spread evenly over the classes.
        progress: Told how far it is; the stage is "edits".

    Returns:
        What was found.

    Raises:
        OutputError: If there is no output, or none of its edits are in the cache.
        SourceError: If the photos are not those that the output was made of.
        ScreenError: If a screen's model cannot be opened.
    """
    made_by, own_checker = _record(Path(out))
    recipe, rows = change(made_by), _rows(Path(out))
    photos = open_source(source)
    plan = Plan(photos.photos if limit is None else spread(photos.photos, limit), recipe, ())
    forgotten = OutputFolder(Path(out)).forgotten()
    gaussians = class_gaussians(plan, photos, forgotten)
    screens = open_screens(recipe.screens, gaussians, own_checker=own_checker)
    work = _Work(photos, recipe, screens, EditCache(edits or default_edits()), forgotten)
    work.draw_partners(plan.photos)
    by_path = {photo.path: photo for photo in plan.photos}
    wanted = [row for row in rows if row["source"] in by_path]
    if not wanted:
        raise SourceError(f"none of the photos in {source} is in {out}: give those it was made of")
    done = 0
    for path, group in groupby(wanted, key=lambda row: row["source"]):
        of_photo = list(group)
        work.judge(by_path[path], of_photo)
        done += len(of_photo)
        progress("edits", done, len(wanted))
    if not work.found.judged:
        raise OutputError(
            f"none of the {work.found.missing} edits of {out} is in the cache {work.cache.folder}: "
            "give its folder with --edits"
        )
    work.found.sheets = {name: near.sheet() for name, near in work.nearest.items() if near.rows}
    return work.found


def _record(out: Path) -> tuple[Recipe, bool]:
    """Read what an output's edits and scores depend on, and if its editor had a checker."""
    record = out / ".genmix" / "job.json"
    try:
        job = json.loads(record.read_bytes())
        kept = {key: job[key] for key in ("size", "fit", "seed", "screens")}
    except (OSError, ValueError, KeyError) as error:
        raise OutputError(f"{out} is no output of genmix augment: {record} is missing") from error
    return Recipe().changed(**kept), bool(job.get(OWN_CHECKER))


def _rows(out: Path) -> list[dict[str, Any]]:
    columns = ["source", "source_sha256", "label", "prompt", "variant", "edit_key"]
    rows = [
        row
        for part in OutputFolder(out).parts()
        for row in iterate_rows(part, columns)
        if row["edit_key"] is not None
    ]
    if not rows:
        raise OutputError(f"{out} has no edits yet: wait until its first shard is done")
    return rows


@dataclass(frozen=True)
class _Partner:
    """A photo beside which edits of other classes are shown."""

    photo: Photo
    image: Image


@dataclass
class _Work:
    source: Source
    recipe: Recipe
    screens: Sequence[AnyScreen]
    cache: EditCache
    forgotten: frozenset[str] = frozenset()
    partners: list[_Partner] = field(default_factory=list)

    def __post_init__(self) -> None:
        limits = {screen.name: screen.limit for screen in self.screens}
        self.found = Rescreened(limits)
        self.nearest = {k: _Nearest(k, v) for k, v in limits.items() if v is not None}
        self.shuffles = [screen for screen in self.screens if screen.name in _COMPARING]
        self.found.shuffled = {screen.name: [] for screen in self.shuffles}

    def draw_partners(self, photos: Sequence[Photo]) -> None:
        """Keep a few photos of every class, to show edits of other classes beside them."""
        if not self.shuffles:
            return
        for photo in spread(photos, _PARTNERS):
            try:
                data = self.source.read(photo)
                if hashlib.sha256(data).hexdigest() not in self.forgotten:
                    self.partners.append(_Partner(photo, self._prepared(data)))
            except ImageError:
                continue  # it has no edits either

    def judge(self, photo: Photo, rows: Sequence[Mapping[str, Any]]) -> None:
        """Judge the edits of one photo."""
        edits = [self.cache.get(row["edit_key"]) for row in rows]
        there = [(row, edit) for row, edit in zip(rows, edits, strict=True) if edit is not None]
        self.found.missing += len(rows) - len(there)
        if not there:
            return
        data = self.source.read(photo)
        if hashlib.sha256(data).hexdigest() != rows[0]["source_sha256"]:
            raise SourceError(
                f"{photo.path} has changed since its edits were made: give the photos that they "
                "were made of"
            )
        original = self._prepared(data)
        pictures = [edit for _, edit in there]
        subjects = [Subject(photo.path, photo.label, (r["prompt"], r["variant"])) for r, _ in there]
        verdicts = judge_all(self.screens, [original] * len(pictures), pictures, subjects)
        for subject, edit, verdict in zip(subjects, pictures, verdicts, strict=True):
            self._note(subject, original, edit, verdict)
        self._shuffle(subjects, pictures)

    def _note(
        self, subject: Subject, original: Image, edit: Image, verdicts: Mapping[str, Verdict]
    ) -> None:
        rejected = next((name for name, v in verdicts.items() if not v.keep), None)
        scores = {name: verdict.score for name, verdict in verdicts.items()}
        self.found.judged.append(Judged(subject.label, subject.edit[0], scores, rejected))
        for name, near in self.nearest.items():
            near.add(verdicts[name], subject, original, edit)

    def _shuffle(self, subjects: Sequence[Subject], edits: Sequence[Image]) -> None:
        """Show each edit beside a photo of another class, as if it were that photo's."""
        others = [p for p in self.partners if p.photo.label != subjects[0].label]
        if not others:
            return
        rng = generator("shuffle", self.recipe.seed, subjects[0].photo)
        drawn = [others[k] for k in rng.integers(len(others), size=len(edits))]
        as_if = [Subject(p.photo.path, p.photo.label, ("", 0)) for p in drawn]
        for verdicts in judge_all(self.shuffles, [p.image for p in drawn], edits, as_if):
            for name, verdict in verdicts.items():
                self.found.shuffled[name].append(verdict.score)

    def _prepared(self, data: bytes) -> Image:
        recipe = self.recipe
        return prepare(decode(data, at_least=recipe.size), recipe.size, recipe.fit)


@dataclass
class _Nearest:
    """The pairs nearest to a screen's limit, a few on each side.

    Attributes:
        name: The screen's.
        limit: Its limit.
        rows: (distance, score, caption, original, edit), by whether they are kept.
    """

    name: str
    limit: float
    rows: dict[bool, list[tuple[float, float, str, Image, Image]]] = field(default_factory=dict)

    def add(self, verdict: Verdict, subject: Subject, original: Image, edit: Image) -> None:
        """Keep a pair if it is among the nearest on its side."""
        side = self.rows.setdefault(verdict.keep, [])
        caption = f"{subject.label}, {subject.edit[0]}"
        side.append((abs(verdict.score - self.limit), verdict.score, caption, original, edit))
        side.sort(key=lambda pair: pair[0])
        del side[_NEAREST:]

    def sheet(self) -> Image:
        """Draw them: what is rejected above, what is kept below, the nearest left."""
        rows = [row for keep in (False, True) for row in self._lines(keep)]
        return draw_sheet(rows, title=f"{self.name}: nearest to the limit {self.limit:g}")

    def _lines(self, keep: bool) -> Iterator[SheetRow]:
        side = self.rows.get(keep, [])
        heading = ("kept" if keep else "rejected") + ", nearest first"
        if not side:
            yield SheetRow("", ["none"], heading=heading)
            return
        captions = [f"{caption} {score:.3g}" for _, score, caption, _, _ in side]
        yield SheetRow("edit", [p[4] for p in side], heading=heading, captions=captions)
        yield SheetRow("original", [p[3] for p in side])


_COMPARING = ("structure", "similarity", "density", "label")
"""The screens that tell an edit of the class from a picture of something else."""

_PARTNERS = 64
_NEAREST = 8


def tabulate(judged: Sequence[Judged], by: str) -> list[tuple[str, int, dict[str, int]]]:
    """Count what is kept, and what each screen rejects.

    Args:
        judged: The edits.
        by: "label" or "prompt".

    Returns:
        For each class or prompt: its name, the edits kept, and the edits rejected by screen.
    """
    names = sorted({getattr(one, by) for one in judged})
    table = []
    for name in names:
        causes = [one.rejected_by for one in judged if getattr(one, by) == name]
        screens = sorted({cause for cause in causes if cause is not None})
        table.append((name, causes.count(None), {s: causes.count(s) for s in screens}))
    return table
