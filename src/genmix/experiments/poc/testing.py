"""The final judgement: trained models on the test photos and the labelled targets, once."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from genmix.experiments.poc.bench import (
    Pictures,
    Planes,
    from_text,
    seen_right,
    to_text,
    write_look,
)
from genmix.experiments.poc.gains import Right
from genmix.experiments.poc.photos import target_labels, target_pictures
from genmix.experiments.poc.records import read_array, read_record
from genmix.experiments.running import FINISHED, Planned, Status
from genmix.experiments.runs import ExperimentFolder, Task
from genmix.images import Fit
from genmix.networks.checkpoint import load_checkpoint
from genmix.networks.models import Classifier
from genmix.seeding import seed_of
from genmix.storage import write_whole
from genmix.training.attacks import Attack, attack
from genmix.training.corruptions import corrupt
from genmix.training.data import Photos
from genmix.training.evaluation import stratified

CLEAN, CORRUPTED = "clean", "corrupted"
CORRUPTIONS = (
    "gaussian_noise",
    "defocus_blur",
    "motion_blur",
    "fog",
    "brightness",
    "contrast",
    "pixelate",
    "jpeg_compression",
)
"""What happens to pictures at work; kinds of ImageNet-C that take long to make are left out."""

ATTACK = "fgsm@2/255"
SEVERITY = 3

_BATCH = 64


@dataclass(frozen=True)
class Exam:
    """What models are tested on.

    Attributes:
        out: The folder of the proof of concept.
        size: Side of the pictures.
        fit: How photos became squares.
        classes: Class names, in the order of their numbers.
        robust_photos: How many test photos are corrupted and attacked.
        targets: Names of the labelled targets.
    """

    out: Path
    size: int
    fit: Fit
    classes: tuple[str, ...]
    robust_photos: int
    targets: tuple[str, ...]

    @property
    def results(self) -> Path:
        """Where results lie."""
        return self.out / "final"

    def photos(self) -> Photos:
        """Open the test photos."""
        return Photos(self.out / "photos" / "test", self.size, self.classes, fit=self.fit)

    def robust(self) -> Photos:
        """Open those that are corrupted and attacked."""
        photos = self.photos()
        return photos.subset(stratified(photos.labels, self.robust_photos, seed=0))

    def corrupted(self) -> tuple[Planes, npt.NDArray[np.int64]]:
        """Return pictures, photo by photo in each corruption, and their labels."""
        planes: Planes = read_array(self._file)
        return planes, self.robust().labels.repeat(len(CORRUPTIONS))

    def corrupt_all(self, tell: Callable[[int, int], None]) -> None:
        """Write the corrupted photos, unless they are there."""
        if self._file.exists():
            return
        photos, made = self.robust(), []
        for k, photo in enumerate(photos.photos):
            tell(k, len(photos))
            image = np.ascontiguousarray(photos[k][0].permute(1, 2, 0).numpy())
            made += [
                corrupt(image, name, SEVERITY, seed_of("poc corrupt", photo.path, name))
                for name in CORRUPTIONS
            ]
        write_look(self._file, made)

    @property
    def _file(self) -> Path:
        return self.out / "targets" / "corrupted.npy"

    def result(self, task: Task) -> Path:
        """Return where the result of a model lies."""
        return self.results / task.arm.slug / f"{task.seed}.json"

    def read(self, task: Task) -> dict[str, Any] | None:
        """Return the result of a model; None if it is still to come."""
        path = self.result(task)
        return read_record(path, dict) if path.exists() else None


class Examiner:
    """Tests models that lie in an experiment's folder."""

    def __init__(self, exam: Exam, folder: ExperimentFolder) -> None:
        """Open the test photos and the targets, with their labels."""
        self._exam = exam
        self._folder = folder
        numbers = {name: k for k, name in enumerate(exam.classes)}
        self._views = {CLEAN: exam.photos(), CORRUPTED: Pictures(*exam.corrupted())}
        self._views |= {
            f"target {name}": Pictures(
                target_pictures(exam.out, name),
                [numbers[label] for label in target_labels(exam.out, name)],
            )
            for name in exam.targets
        }
        self._robust = exam.robust()

    def run(self, planned: Planned, tell: Callable[[Status], None]) -> None:
        """Test a model and write down, picture by picture, what it saw right."""
        task, status = planned.task, planned.status
        model = load_checkpoint(self._folder.path / "runs" / task.place)

        def on(what: str) -> Callable[[int, int], None]:
            return lambda done, total: tell(
                replace(status, stage=f"testing, {what}", step=done, steps=total)
            )

        right = {name: seen_right(model, view, on(name)) for name, view in self._views.items()}
        right[ATTACK] = _attacked(model, self._robust)
        values = {name: to_text(found) for name, found in right.items()}
        write_whole(self._exam.result(task), json.dumps({"right": values}, indent=1).encode())
        tell(replace(status, stage=FINISHED, step=1, steps=1))


def rights_of(results: Sequence[Mapping[str, Any]]) -> dict[str, Right]:
    """Return what was seen right, seeds x photos, by metric; of corruptions the mean over all."""
    views: dict[str, Right] = {}
    for name in results[0]["right"]:
        rows = np.stack([from_text(result["right"][name]) for result in results])
        if name == CORRUPTED:
            rows = rows.reshape(len(rows), -1, len(CORRUPTIONS)).mean(2)
        views[name] = rows
    return views


def _attacked(model: Classifier, photos: Photos) -> npt.NDArray[np.bool_]:
    """Tell of each photo whether it is seen right as it is and under attack."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.to(device)
    how, found = Attack.parse(ATTACK), []
    for start in range(0, len(photos), _BATCH):
        batch = [photos[k] for k in range(start, min(start + _BATCH, len(photos)))]
        pictures = (torch.stack([picture for picture, _ in batch]).float() / 255).to(device)
        labels = torch.tensor([label for _, label in batch], device=device)
        changed = attack(model, pictures, labels, how, seed_of("poc attack", start))
        with torch.no_grad():
            before, after = (model(each).argmax(1) == labels for each in (pictures, changed))
        found.append((before & after).cpu().numpy())
    return np.concatenate(found)
