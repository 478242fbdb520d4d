"""The photos of a proof of concept on disk: read once, made square, parted, each part whole or not.

OUT/photos/<part>/<class>/<digest>.png     train, val and test
OUT/targets/<name>/pictures.npy            pictures of another domain, in the order of their content
OUT/targets/<name>/labels.json             their classes, which nothing reads before the last stage
OUT/photos.json                            what was read, left out and why
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from genmix.datasets import Photo, Source, open_source
from genmix.datasets.files import walk
from genmix.datasets.folders import FolderSource
from genmix.datasets.layout import class_folder
from genmix.errors import ExperimentError, ImageError, SourceError
from genmix.experiments.poc.likeness import Thumbnail, groups_of, thumbnail
from genmix.experiments.poc.plan import TEST_SHARE, VAL_SHARE, Plan
from genmix.experiments.poc.records import read_array, read_record
from genmix.experiments.poc.result import Prepared
from genmix.experiments.poc.settings import PocSettings
from genmix.experiments.poc.split import PARTS, Part, Read, split
from genmix.images import EXTENSIONS, Image, decode, encode_png, prepare
from genmix.seeding import generator
from genmix.storage import write_whole, writing
from genmix.training.evaluation import stratified

Tell: TypeAlias = Callable[[str, int, int], None]
"""Told (what, done, total)."""

_COPIES, _COPIES_SHARE = 4, 0.25
"""More photos that look alike, as a number and as a share of a class, are not copies of one."""

_AMONG = "also among the photos that train or choose"

_TARGETS_READ = 20_000
"""Of a larger target, so many pictures are drawn by name; of a smaller one all count."""


@dataclass(frozen=True)
class Opened:
    """What the user gave, listed but not read.

    Attributes:
        data: The labelled photos.
        test: Photos to test on, if they were given.
        targets: Pictures of other domains by name.
        labelled: Names of the targets with labels.
        classes: Of the labelled photos, sorted.
    """

    data: Source
    test: Source | None
    targets: Mapping[str, Source]
    labelled: tuple[str, ...]
    classes: tuple[str, ...]


def open_all(settings: PocSettings) -> Opened:
    """List what the user gave.

    Raises:
        GenmixError: If there are no photos, or classes that `data` lacks.
    """
    paths = [settings.data, *filter(None, [settings.test]), *settings.targets.values()]
    if len({Path(path).resolve() for path in paths}) < len(paths):
        raise ExperimentError("the same folder was given twice: photos, test and target differ")
    data = open_source(settings.data)
    classes = tuple(sorted({photo.label for photo in data.photos}))
    if len(classes) < 2:
        raise ExperimentError(f"{settings.data} has one class: a classifier needs two or more")
    test = None if settings.test is None else open_source(settings.test)
    targets = {name: _open_target(path) for name, path in settings.targets.items()}
    for name, source in targets.items():
        _check_classes(source, settings.targets[name], classes, settings.data)
    if test is not None:
        _check_classes(test, str(settings.test), classes, settings.data)
    counts = Counter(photo.label for photo in data.photos)
    rarest = min(classes, key=lambda label: (counts[label], label))
    if counts[rarest] < (2 if test else 3):
        raise ExperimentError(
            f"class {rarest!r} has {'1 photo' if counts[rarest] == 1 else '2 photos'}, too few to "
            "train on, to choose by and to test on: add photos, or leave the class out"
        )
    labelled = tuple(name for name, source in targets.items() if source.photos[0].label)
    return Opened(data, test, targets, labelled, classes)


def _check_classes(source: Source, path: str, classes: Sequence[str], data: str) -> None:
    """Refuse pictures of classes that the photos lack; "" stands for no label."""
    if unknown := sorted({photo.label for photo in source.photos} - {*classes, ""}):
        raise ExperimentError(
            f"{path} has the class {unknown[0]!r}, which {data} has not: name class folders alike, "
            "or give pictures without class folders"
        )


def prepare_all(
    out: Path, settings: PocSettings, plan: Plan, opened: Opened, tell: Tell
) -> Prepared:
    """Read, part and write all photos, unless it was done before.

    Raises:
        ExperimentError: If a class has too few photos that can be read, or a target has no picture
            of its own.
        OutputError: If they cannot be written.
    """
    record = out / "photos.json"
    if record.exists():
        return read_record(record, _recorded)
    with writing(out):
        shutil.rmtree(out / "photos", ignore_errors=True)
        reader = _Reader(settings, out / "photos" / "read", tell)
        pool = reader.read(opened.data, _pool(opened, plan, settings.seed))
        tests: list[_Picture] = []
        if opened.test is not None:
            chosen = _some(opened.test.photos, plan.test_photos, settings.seed)
            tests = reader.read(opened.test, chosen)
        parts, copies, conflicting = _parted(pool, tests, settings.seed, reader.left_out)
        limits = (plan.train_photos, plan.val_photos, plan.test_photos)
        for part, most in zip(PARTS, limits, strict=True):
            parts[part] = _thinned(parts[part], most, settings.seed)
            for picture in parts[part]:
                place = out / "photos" / part / class_folder(picture.photo.label)
                place.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(reader.file(picture), place / reader.file(picture).name)
        shutil.rmtree(reader.folder)
        counts = {str(part): len(pictures) for part, pictures in parts.items()}
        used = {picture.digest for part in ("train", "val") for picture in parts[part]}
        for name, source in opened.targets.items():
            counts[f"target {name}"] = _write_target(
                out / "targets" / name, source, settings, plan.target_photos, used, reader.left_out
            )
    left_out = {entry.path: entry.reason for entry in opened.data.ignored} | reader.left_out
    found = Prepared(
        counts=counts,
        photos=len(opened.data.photos),
        copies=copies,
        conflicting=conflicting,
        left_out=left_out,
        labelled=opened.labelled,
        classes=tuple(sorted(map(class_folder, opened.classes))),
        train_classes=dict(Counter(class_folder(p.photo.label) for p in parts["train"])),
    )
    write_whole(record, json.dumps(asdict(found), ensure_ascii=False, indent=1).encode())
    return found


def target_pictures(out: Path, name: str) -> npt.NDArray[np.uint8]:
    """Read the pictures of a target: uint8, N x 3 x size x size."""
    return read_array(out / "targets" / name / "pictures.npy")


def target_labels(out: Path, name: str) -> list[str]:
    """Read the classes of a target's pictures; for the last stage alone."""
    return read_record(
        out / "targets" / name / "labels.json", lambda labels: list(map(str, labels))
    )


def read_square(source: Source, photo: Photo, settings: PocSettings) -> tuple[bytes, Image, Image]:
    """Return a photo's bytes, itself, and itself made square; raises ImageError."""
    data = source.read(photo)
    whole = decode(data, at_least=settings.train.size)
    return data, whole, prepare(whole, settings.train.size, settings.fit)


@dataclass(frozen=True)
class _Picture:
    """A photo that was read: which, the digest of its bytes, and how it looks from afar."""

    photo: Photo
    digest: str
    thumbnail: Thumbnail


class _Reader:
    """Reads photos, and writes each made square under its digest."""

    def __init__(self, settings: PocSettings, folder: Path, tell: Tell) -> None:
        self.folder = folder
        self.left_out: dict[str, str] = {}
        self._settings = settings
        self._tell = tell

    def read(self, source: Source, photos: Sequence[Photo]) -> list[_Picture]:
        found: list[_Picture] = []
        seen: set[tuple[str, str]] = set()
        self.folder.mkdir(parents=True, exist_ok=True)
        for done, photo in enumerate(photos):
            self._tell("photos", done, len(photos))
            try:
                data, whole, image = read_square(source, photo, self._settings)
            except ImageError as error:
                self.left_out[photo.path] = str(error)
                continue
            picture = _Picture(photo, hashlib.sha256(data).hexdigest(), thumbnail(whole))
            if (picture.digest, photo.label) in seen:
                self.left_out[photo.path] = "the same file is there twice"
                continue
            seen.add((picture.digest, photo.label))
            self.file(picture).write_bytes(encode_png(image))
            found.append(picture)
        self._tell("photos", len(photos), len(photos))
        return found

    def file(self, picture: _Picture) -> Path:
        return self.folder / f"{picture.digest[:24]}.png"


def _parted(
    pool: list[_Picture], tests: list[_Picture], seed: int, left_out: dict[str, str]
) -> tuple[dict[Part, list[_Picture]], int, int]:
    """Part the photos; return also how many are copies, and how many copies differ in label."""
    kept, copies, conflicting = _grouped(pool, tests, left_out)
    shares: dict[Part, float] = {"train": 1 - VAL_SHARE, "val": VAL_SHARE}
    if not tests:
        shares = {"train": 1 - VAL_SHARE - TEST_SHARE, "val": VAL_SHARE, "test": TEST_SHARE}
    sides = split([Read(p.photo.label, p.digest, group) for p, group in kept], shares, seed)
    parts: dict[Part, list[_Picture]] = {part: [] for part in PARTS}
    for (picture, _), side in zip(kept, sides, strict=True):
        parts[side].append(picture)
    parts["test"] += tests
    return parts, copies, conflicting


def _pool(opened: Opened, plan: Plan, seed: int) -> list[Photo]:
    """Draw as many photos as the plan has use for, each class in its share."""
    tests = 0 if opened.test is not None else plan.test_photos
    wanted = plan.train_photos + plan.val_photos + tests
    return _some(opened.data.photos, wanted, seed)


def _some(photos: Sequence[Photo], wanted: int, seed: int) -> list[Photo]:
    numbers = {label: k for k, label in enumerate(sorted({photo.label for photo in photos}))}
    labels = np.array([numbers[photo.label] for photo in photos])
    return [photos[k] for k in stratified(labels, wanted, seed)]


def _thinned(pictures: list[_Picture], most: int, seed: int) -> list[_Picture]:
    chosen = {id(photo) for photo in _some([p.photo for p in pictures], most, seed)}
    return [picture for picture in pictures if id(picture.photo) in chosen]


def _grouped(
    pool: list[_Picture], tests: list[_Picture], left_out: dict[str, str]
) -> tuple[list[tuple[_Picture, int]], int, int]:
    """Find copies; photos that the given test photos show too are left out.

    Returns:
        The photos with their groups, how many are copies, and how many groups have two labels.
    """
    both = [*tests, *pool]
    groups = groups_of([p.digest for p in both], [p.thumbnail for p in both])
    of_tests = set(groups[: len(tests)])
    kept: list[tuple[_Picture, int]] = []
    for picture, group in zip(pool, groups[len(tests) :], strict=True):
        if group in of_tests:
            left_out[picture.photo.path] = "also among the test photos"
        else:
            kept.append((picture, group))
    kept = _spared(kept)
    labels: dict[int, set[str]] = {}
    for picture, group in kept:
        labels.setdefault(group, set()).add(picture.photo.label)
    conflicting = sum(len(names) > 1 for names in labels.values())
    return kept, len(kept) - len(labels), conflicting


def _spared(kept: list[tuple[_Picture, int]]) -> list[tuple[_Picture, int]]:
    """Undo likeness in classes of which too many look alike.

    Photos of one fixed camera differ by less than two copies of one photo may. There only equal
    bytes count.
    """
    groups: dict[str, set[int]] = {}
    for picture, group in kept:
        groups.setdefault(picture.photo.label, set()).add(group)
    sizes = Counter(group for _, group in kept)
    photos = Counter(picture.photo.label for picture, _ in kept)
    few = {
        label
        for label, found in groups.items()
        if len(found) < len(PARTS)
        or max(sizes[group] for group in found) > max(_COPIES, _COPIES_SHARE * photos[label])
    }
    digests: dict[str, int] = {}
    return [
        (
            picture,
            -1 - digests.setdefault(picture.digest, len(digests))
            if picture.photo.label in few
            else group,
        )
        for picture, group in kept
    ]


def _open_target(path: str) -> Source:
    """Open class folders, or pictures without labels; those have the label ""."""
    root = Path(path)
    try:
        return open_source(path)
    except SourceError:
        if not root.is_dir():
            raise
        files = walk(root).files
        photos = [Photo(f, "") for f in files if Path(f).suffix.lower() in EXTENSIONS]
        if not photos or any("/" in photo.path for photo in photos):
            raise
        return FolderSource(root.absolute(), photos)


def _write_target(
    folder: Path,
    source: Source,
    settings: PocSettings,
    most: int,
    used: Collection[str],
    left_out: dict[str, str],
) -> int:
    """Write a target's pictures in the order of their content, so that labels change nothing.

    Those with the digest of a photo that trains or chooses are left out.
    """
    photos = list(source.photos)
    if len(photos) > _TARGETS_READ:
        order = generator("poc target", settings.seed).permutation(len(photos))
        photos = [photos[k] for k in sorted(order[:_TARGETS_READ].tolist())]
    read = [(hashlib.sha256(_bytes_of(source, photo)).hexdigest(), photo) for photo in photos]
    by_digest = sorted((digest, photo.path, photo) for digest, photo in read if digest not in used)
    left_out |= {photo.path: _AMONG for digest, photo in read if digest in used}
    if not by_digest:
        raise ExperimentError(
            f"the target {folder.name} has the same {len(read):,} pictures as the photos: give "
            "pictures of another domain"
        )
    rng = generator("poc target", settings.seed)
    chosen = sorted(rng.permutation(len(by_digest))[:most].tolist())
    planes, labels = [], []
    for _, _, photo in (by_digest[k] for k in chosen):
        try:
            planes.append(read_square(source, photo, settings)[2].transpose(2, 0, 1))
        except ImageError as error:
            left_out[photo.path] = str(error)
            continue
        labels += [class_folder(photo.label)] if photo.label else []
    if not planes:
        raise ExperimentError(f"no picture of the target {folder.name} can be read")
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "pictures.npy", np.stack(planes))
    write_whole(folder / "labels.json", json.dumps(labels, ensure_ascii=False).encode())
    return len(planes)


def _bytes_of(source: Source, photo: Photo) -> bytes:
    try:
        return source.read(photo)
    except ImageError:
        return b""


def _recorded(values: dict[str, Any]) -> Prepared:
    return Prepared(
        **{**values, "labelled": tuple(values["labelled"]), "classes": tuple(values["classes"])}
    )
