"""Judging a classifier: on clean, attacked and corrupted pictures, and on other domains.

Pictures go in as `Photos` gives them, uint8 of the model's size, and the model normalises them
itself, so attacks and corruptions are in pixels. Nothing is mixed or transformed here.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from genmix.errors import GenmixError, TrainingError
from genmix.networks.models import Classifier
from genmix.networks.shortage import in_parts, shortage_as
from genmix.seeding import generator, seed_of
from genmix.training.attacks import Attack, attack, check_attack
from genmix.training.corruptions import MIN_SIZE, SEVERITIES, check_corruption, corrupt
from genmix.training.data import Photos
from genmix.training.memory import memory_kept
from genmix.training.metrics import Scores, score

BATCH_SIZE = 64

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with a stage, how many pictures are done, and how many there are."""

_Pictures: TypeAlias = Dataset[tuple[Tensor, int]]


@dataclass(frozen=True)
class Evaluation:
    """What a classifier scores.

    Attributes:
        classes: Class names, in the order of every `confusion`.
        clean: On all pictures, as they are.
        subset: On the pictures that were attacked and corrupted, as they are; None if none were.
        attacks: Under each attack, by how it is written ("fgsm@4/255"). A picture that is not
            recognised as it is stays so, and top-1 is never above that of `subset`.
        corruptions: Of each corruption, top-1 at each of `severities`.
        severities: Which severities these are.
        mean_corruption: Mean top-1 over corruptions and severities; None without corruptions.
        domains: On each other domain, all of its pictures.
    """

    classes: list[str]
    clean: Scores
    subset: Scores | None = None
    attacks: dict[str, Scores] = field(default_factory=dict)
    corruptions: dict[str, list[float]] = field(default_factory=dict)
    severities: list[int] = field(default_factory=list)
    mean_corruption: float | None = None
    domains: dict[str, Scores] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave.

        Raises:
            TrainingError: If the values are not those of an evaluation.
        """
        try:
            return TypeAdapter(cls).validate_python(values)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise TrainingError(f"this is no evaluation: {place} is missing or wrong") from error


def evaluate(
    model: Classifier,
    data: Photos,
    *,
    attacks: Sequence[Attack] = (),
    corruptions: Sequence[str] | None = None,
    severities: Sequence[int] = SEVERITIES,
    domains: Mapping[str, Photos] | None = None,
    limit: int | None = None,
    seed: int = 0,
    clean: tuple[Tensor, Tensor] | None = None,
    batch_size: int = BATCH_SIZE,
    workers: int = 0,
    device: torch.device | str | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge a classifier; the same arguments give the same numbers on a CPU.

    Args:
        model: The classifier; it is left as it was.
        data: Labelled pictures of its size and classes.
        attacks: What attackers do.
        corruptions: Names of `genmix.training.corruptions`.
        severities: How badly to corrupt, each of 1 to 5.
        domains: Pictures of other domains by name, of the model's size and classes.
        limit: Attack and corrupt at most this many pictures; see `stratified`.
        seed: Of every random choice.
        clean: What `predict` gave for `data`, where it was called before.
        batch_size: Pictures a batch. Attacks draw by the batch.
        workers: Processes that read and corrupt pictures, 0 for none. Changes no result.
        device: Where to; an NVIDIA GPU, or the CPU without one, when left out.
        progress: Told how far each stage is.

    Raises:
        TrainingError: If pictures and model do not fit, or there is no such corruption.
        ImageError: If a picture cannot be read.
        MissingExtraError: If the library for an attack or a corruption is not installed.
    """
    corruptions, domains = corruptions or (), domains or {}
    for photos in (data, *domains.values()):
        _check_photos(model, photos)
    _check_wishes(model, attacks, list(product(corruptions, severities)), limit)
    judge = _Judge(model, batch_size, workers, device, progress)
    with memory_kept():
        probabilities, labels = clean or judge.predict(data, "clean")
        subset, attacked, rates = None, {}, {}
        if attacks or corruptions:
            chosen = stratified(labels.numpy(), limit, seed)
            part, known = data.subset(chosen), probabilities[torch.from_numpy(chosen)]
            subset = score(known, labels[torch.from_numpy(chosen)], model.classes)
            attacked = {str(how): judge.attack(part, how, known, seed) for how in attacks}
        if corruptions:
            rates = judge.corrupt(part, corruptions, severities, seed)
        others = {name: judge.predict(photos, name) for name, photos in domains.items()}
    return Evaluation(
        classes=list(model.classes),
        clean=score(probabilities, labels, model.classes),
        subset=subset,
        attacks=attacked,
        corruptions=rates,
        severities=list(severities) if rates else [],
        mean_corruption=float(np.mean(list(rates.values()))) if rates else None,
        domains={name: score(*found, model.classes) for name, found in others.items()},
    )


def predict(
    model: nn.Module,
    dataset: Dataset[tuple[Tensor, int]],
    batch_size: int = BATCH_SIZE,
    workers: int = 0,
    device: torch.device | str | None = None,
    progress: Progress | None = None,
) -> tuple[Tensor, Tensor]:
    """Classify pictures; the model works in `eval()` and is left as it was.

    Args:
        model: Pictures in [0, 1] to logits.
        dataset: uint8 pictures 3 x H x W and labels, in order.
        batch_size: Pictures a batch.
        workers: Processes that read pictures, 0 for none.
        device: Where to; an NVIDIA GPU, or the CPU without one, when left out.
        progress: Told how far it is.

    Returns:
        Probabilities, float32, N x K, and labels, int64, N; both on the CPU.
    """
    judge = _Judge(model, batch_size, workers, device, progress)
    with memory_kept():
        return judge.predict(dataset, "clean")


def stratified(
    labels: npt.NDArray[np.int64], limit: int | None, seed: int
) -> npt.NDArray[np.int64]:
    """Choose pictures so that each class keeps its share, to within half a picture or a tie.

    Args:
        labels: Class numbers, N.
        limit: How many to choose; all when None or above N. More include fewer.
        seed: Of the choice.

    Returns:
        Indices, rising.
    """
    if limit is None or limit >= len(labels):
        return np.arange(len(labels))
    places = np.empty(len(labels))
    for label in np.unique(labels).tolist():
        rows = generator("stratified", seed, label).permutation(np.flatnonzero(labels == label))
        places[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return np.sort(np.argsort(places, kind="stable")[:limit])


def _attack_advice(count: int) -> str:
    return f"to attack {count} pictures at once: use a smaller model, or leave the attacks out"


class _Judge:
    """A copy of a model, ready to classify on a device, and how to feed it."""

    def __init__(
        self,
        model: nn.Module,
        batch_size: int,
        workers: int,
        device: torch.device | str | None,
        progress: Progress | None,
    ) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        # Channels last takes two thirds of the time on a CPU.
        copied = copy.deepcopy(model).eval().requires_grad_(False)
        self.model = copied.to(self.device).to(memory_format=torch.channels_last)
        self.batch_size = batch_size
        self.workers = workers
        self.progress = progress or (lambda *_: None)

    def predict(self, photos: _Pictures, stage: str) -> tuple[Tensor, Tensor]:
        """Classify pictures as they are."""
        found = [
            (self._classify(pictures.to(self.device)), labels)
            for pictures, labels in self._load(photos, self.batch_size, stage)
        ]
        probabilities, labels = zip(*found, strict=True)
        return torch.cat(probabilities), torch.cat(labels)

    def attack(self, photos: Photos, how: Attack, known: Tensor, seed: int) -> Scores:
        """Classify attacked pictures, of which `known` are the probabilities before."""
        after, done = known.clone(), 0
        for pictures, labels in self._load(photos, self.batch_size, str(how)):
            rows = done + (known[done : done + len(labels)].argmax(1) == labels).nonzero()[:, 0]
            right = rows - done
            with shortage_as(TrainingError, self.device, _attack_advice(len(rows))):
                attacked = attack(
                    self.model,
                    _as_float(pictures[right].to(self.device)),
                    labels[right].to(self.device),
                    how,
                    seed_of("attack", seed, str(how), done),
                )
            if len(rows):
                after[rows] = self._classify(attacked)
            done += len(labels)
        return score(after, torch.from_numpy(photos.labels), photos.classes)

    def corrupt(
        self, photos: Photos, names: Sequence[str], severities: Sequence[int], seed: int
    ) -> dict[str, list[float]]:
        """Classify corrupted pictures; top-1 of each corruption by severity."""
        kinds = list(product(names, severities))
        right = torch.zeros(len(kinds), dtype=torch.int64)
        photos_a_batch = max(1, self.batch_size // len(kinds))
        made = _Corrupted(photos, kinds, seed)
        for pictures, labels in self._load(made, photos_a_batch, "corruptions"):
            parts = pictures.flatten(0, 1).split(self.batch_size)
            found = torch.cat([self._classify(part.to(self.device)).argmax(1) for part in parts])
            right += (found.view(-1, len(kinds)) == labels[:, None]).sum(0)
        rates = (right.double() / len(photos)).view(len(names), -1)
        return dict(zip(names, rates.tolist(), strict=True))

    def _classify(self, pictures: Tensor) -> Tensor:
        with shortage_as(TrainingError, self.device, "for one picture: use a smaller model"):
            return torch.cat(in_parts(self._asked, pictures, self.device))

    @torch.no_grad()
    def _asked(self, pictures: Tensor) -> Tensor:
        if pictures.dtype == torch.uint8:
            pictures = _as_float(pictures)
        return self.model(pictures).float().softmax(1).cpu()

    def _load(self, dataset: _Pictures, batch_size: int, stage: str) -> Iterator[Any]:
        """Load batches in order."""
        total, done = len(dataset), 0  # type: ignore[arg-type]  # a map-style data set has one
        loader = DataLoader(dataset, batch_size, num_workers=self.workers)
        self.progress(stage, 0, total)
        try:
            for pictures, labels in loader:
                yield pictures, labels
                done += len(labels)
                self.progress(stage, done, total)
        except GenmixError as error:
            if not self.workers:
                raise
            # A worker's error comes with its traceback in the message; the last line is the error.
            _, _, message = str(error).strip().splitlines()[-1].partition(": ")
            raise type(error)(message) from error


class _Corrupted(Dataset[tuple[Tensor, int]]):
    """Each picture in all its corruptions, uint8, corruptions x 3 x H x W."""

    def __init__(self, photos: Photos, kinds: Sequence[tuple[str, int]], seed: int) -> None:
        self._photos = photos
        self._kinds = kinds
        self._seed = seed
        self._paths = [photo.path for photo in photos.photos]

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture, label = self._photos[index]
        image = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
        made = [
            corrupt(image, *kind, seed_of("corrupt", self._seed, self._paths[index], *kind))
            for kind in self._kinds
        ]
        return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2), label


def _as_float(pictures: Tensor) -> Tensor:
    return pictures.float().div_(255)


def _check_photos(model: Classifier, photos: Photos) -> None:
    if photos.size != model.size or tuple(photos.classes) != model.classes:
        raise TrainingError(
            f"pictures of {photos.size} pixels in {len(photos.classes)} classes do not fit a model "
            f"of {model.size} pixels and {len(model.classes)} classes: open them with the model's "
            "size and classes"
        )


def _check_wishes(
    model: Classifier,
    attacks: Sequence[Attack],
    corruptions: Sequence[tuple[str, int]],
    limit: int | None,
) -> None:
    """Fail before the work, not after hours of it."""
    for how in attacks:
        check_attack(how)
    for name, severity in corruptions:
        check_corruption(name, severity)
    if corruptions and model.size < MIN_SIZE:
        raise TrainingError(
            f"the model takes {model.size} pixels, and {MIN_SIZE} are the least to corrupt: leave "
            "the corruptions out"
        )
    if limit is not None and limit < 1:
        raise TrainingError(f"limit is {limit}: give 1 or more pictures")
