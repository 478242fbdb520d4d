"""The audit of a finished output: quality and bias, as plain values that go to JSON and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import TypeAdapter, ValidationError

from genmix.auditing.falls import Fall, find_falls
from genmix.auditing.findings import Finding, find
from genmix.auditing.groups import read_groups
from genmix.auditing.ledger import Ledger, check_manifest, read_ledger
from genmix.auditing.pictures import (
    Target,
    Tell,
    check_source,
    look_at_output,
    look_at_photos,
    look_at_target,
)
from genmix.auditing.quality import Quality, Yardstick, judge_quality
from genmix.auditing.tilt import Tilt, judge_tilt
from genmix.auditing.views import Views
from genmix.datasets import open_source
from genmix.datasets.layout import AUDIT, RECIPE
from genmix.errors import MissingExtraError, OutputError, SourceError
from genmix.recipe import load_recipe

if TYPE_CHECKING:
    from genmix.auditing.encoding import Encoder

FORMAT = 1

PICTURES = 3000
"""About so many pictures are looked at, unless another number is asked for."""

NO_ENCODER = "none"


@dataclass(frozen=True)
class Looked:
    """What an audit looked at.

    Attributes:
        photos: Photos that composites were planned of.
        sampled: Of these, photos whose pictures were looked at.
        pictures: Pictures that were looked at.
        target: Target pictures that were looked at.
        encoder: The encoder, and its fingerprint; None where there was none.
        group: The column that gave the groups, if any.
        seed: Of the sample and of every test.
    """

    photos: int
    sampled: int
    pictures: int
    target: int
    encoder: tuple[str, str] | None
    group: str | None
    seed: int


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        looked: What it looked at.
        quality: A row for everything, each prompt, each class and each group.
        yardsticks: The photos and the target, measured likewise.
        tilts: Each class and each group against all others.
        falls: Classes whose accuracy fell although the mean rose.
        findings: What is worth saying, warnings first.
    """

    looked: Looked
    quality: tuple[Quality, ...]
    yardsticks: tuple[Yardstick, ...]
    tilts: tuple[Tilt, ...]
    falls: tuple[Fall, ...]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, numbers to six digits."""
        values: dict[str, Any] = _plain(_adapter().dump_python(self, mode="json"))
        return {"format": FORMAT, **values}

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read an `audit.json`.

        Raises:
            OutputError: If it is none.
        """
        try:
            return _adapter().validate_json(Path(path).read_bytes())
        except (OSError, ValidationError) as error:
            raise OutputError(
                f"cannot read {path} as an audit: give the {AUDIT} that genmix audit wrote"
            ) from error


def audit(
    out: str | Path,
    *,
    source: str | Path | None = None,
    target: str | Path | None = None,
    group: str | None = None,
    encoder: str | None = None,
    comparison: str | Path | None = None,
    pictures: int = PICTURES,
    seed: int = 0,
    progress: Tell = lambda *_: None,
) -> Audit:
    """Audit a finished output of `genmix.jobs.augment`.

    Args:
        out: The output.
        source: The photos that it was made of.
        target: Pictures of the domain that it should come near to; labels are not used.
        group: The column of the source's table that says which group a photo is of.
        encoder: As `genmix.auditing.encoding.open_for_audit` takes it, or "none". When left out,
            EfficientNet-Lite0 if it is installed.
        comparison: The folder of a `genmix compare`, to find classes that fell.
        pictures: Look at about so many pictures, of photos drawn by the seed; 0 for none.
        seed: Of the draws, and of the permutations of every test.
        progress: Told the stage ("pictures", "photos", "target"), how many are done, how many there
            are.

    Returns:
        What was found; nothing is written but the encoder's cache.

    Raises:
        GenmixError: A subclass that says what is wrong, where, and what to do.
    """
    place = Path(out)
    if group is not None and source is None:
        raise SourceError(f"the column '{group}' is in the source's table: give the source, too")
    check_manifest(place)
    groups = None if group is None or source is None else read_groups(source, group)
    photos = None if source is None else open_source(source)
    aim = None if target is None else Target.open(target, _TARGET, seed)
    falls = () if comparison is None else find_falls(comparison)
    ledger = read_ledger(place, groups=groups, pictures=pictures, seed=seed)
    if groups is not None and not ledger.subjects("group"):
        raise SourceError(
            f"no photo of {out} is in the table of {source}: give what it was made of"
        )
    opened = _open(encoder) if ledger.sample else None
    views = None
    if ledger.sample:
        recipe = load_recipe(place / RECIPE)
        if photos is not None:
            check_source(ledger.sample, photos, source)
        views = Views(
            ledger.sample,
            look_at_output(place, ledger.sample, opened, progress),
            look_at_photos(place, ledger.sample, photos, recipe, opened, progress),
            None if aim is None else look_at_target(aim, recipe, opened, progress),
        )
    quality, yardsticks = judge_quality(ledger, views, seed)
    tilts = judge_tilt(ledger, views, seed)
    looked = _looked(ledger, views, opened, group, seed)
    return Audit(
        looked=looked,
        quality=quality,
        yardsticks=yardsticks,
        tilts=tilts,
        falls=falls,
        findings=(*find(quality, tilts, falls), *_notes(ledger, views, opened, looked)),
    )


_TARGET = 300
"""Target pictures that are looked at, as many as distances are measured with."""


def _open(name: str | None) -> "Encoder | None":
    if name == NO_ENCODER:
        return None
    try:
        from genmix.auditing.encoding import open_for_audit

        return open_for_audit(name)
    except ModuleNotFoundError as error:
        if name is not None:
            raise MissingExtraError("an encoder", "torch") from error
    except MissingExtraError:
        if name is not None:
            raise
    return None


def _looked(
    ledger: Ledger, views: Views | None, encoder: "Encoder | None", group: str | None, seed: int
) -> Looked:
    return Looked(
        photos=ledger.photos["all", ""],
        sampled=0 if views is None else len(views.sample),
        pictures=0 if views is None else len(views.pictures),
        target=0 if views is None or views.target is None else len(views.target),
        encoder=None if encoder is None else (encoder.name, encoder.fingerprint),
        group=group,
        seed=seed,
    )


def _notes(
    ledger: Ledger, views: Views | None, encoder: "Encoder | None", looked: Looked
) -> list[Finding]:
    """Return what the audit could not look at."""
    notes = []
    if ledger.ungrouped:
        numbers = {"photos": float(ledger.ungrouped)}
        notes.append(Finding("ungrouped", {"column": looked.group or ""}, numbers))
    if views is None:
        notes.append(Finding("not_looked"))
    else:
        if encoder is None:
            notes.append(Finding("no_encoder"))
        if views.photos is None:
            notes.append(Finding("no_photos"))
    return notes


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Audit)


def _plain(value: Any) -> Any:
    """Round every float to six digits: further ones differ between processors."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
