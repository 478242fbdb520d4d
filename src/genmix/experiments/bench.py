"""The bench: what all arms of a comparison share, and how one run is trained and judged on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field

from genmix.errors import ExperimentError, ImageError, MixerError
from genmix.experiments.arms import Arm, same_edits
from genmix.experiments.findings import Metric, Shots
from genmix.experiments.runs import Task
from genmix.experiments.words import joined
from genmix.images import Fit
from genmix.jobs.augment import make_plan
from genmix.mixing import GenMixDataset
from genmix.networks.models import Classifier, create_model
from genmix.training.attacks import Attack
from genmix.training.batches import drawing_by
from genmix.training.data import (
    Composites,
    Photos,
    TrainingData,
    same_photos,
)
from genmix.training.evaluation import Evaluation, evaluate
from genmix.training.faults import check_apart, find_faults
from genmix.training.loop import Moment, Trained, train
from genmix.training.mixers import create_mixer
from genmix.training.settings import TrainSettings
from genmix.training.subsets import few_shot, hold_out

HOLD_OUT = 0.2
"""Share of the photos to test on, where none are given."""


class CompareSettings(BaseModel):
    """What all arms of a comparison share.

    Attributes:
        data: The photos to train on; see `genmix.datasets.open_source`.
        val: Photos of the same kind to test on; a fifth of `data`, drawn once, when left out.
        targets: Folders of photos of other domains to test on, by name.
        train: Model, budget and optimizer; mixer, transform and seed are the arm's and the run's.
        fit: How a photo becomes a square; see `genmix.images.prepare`.
        attacks: Such as "fgsm@4/255"; see `genmix.training.attacks`.
        corruptions: Names of `genmix.training.corruptions`.
        limit: Attack and corrupt at most this many photos; all when left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str
    val: str | None = None
    targets: Mapping[str, str] = {}
    train: TrainSettings
    fit: Fit = "crop"
    attacks: tuple[str, ...] = ()
    corruptions: tuple[str, ...] = ()
    limit: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True)
class Judged:
    """What was measured on a trained model.

    Attributes:
        scores: A number for each metric's key.
        details: Where they come from, as plain values.
    """

    scores: Mapping[str, float]
    details: Mapping[str, Any]


class Bench:
    """Everything that is the same for all runs, opened and checked once.

    Attributes:
        settings: What was asked for.
        train: The photos to train on.
        val: The photos to test on.
        targets: Photos of other domains.
        metrics: What is measured on every model, the primary one first.
    """

    def __init__(self, settings: CompareSettings) -> None:
        """Open the photos.

        Raises:
            GenmixError: If photos are missing, or have classes that those to train on lack.
        """
        size, fit = settings.train.size, settings.fit
        self.settings = settings
        for path in filter(None, [settings.val, *settings.targets.values()]):
            if same_photos(path, settings.data):
                raise ExperimentError(f"{path} is what is trained on: give other photos to test on")
        photos = Photos(settings.data, size, fit=fit)
        if settings.val is None:
            self.train, self.val = hold_out(photos, HOLD_OUT, seed=0)
        else:
            self.train = photos
            self.val = Photos(settings.val, size, photos.classes, fit=fit)
        self.targets = {
            name: Photos(path, size, photos.classes, fit=fit)
            for name, path in settings.targets.items()
        }
        # One may be written in two ways, such as pgd@4/255 and pgd-10@4/255.
        self.attacks = list(dict.fromkeys(Attack.parse(text) for text in settings.attacks))
        self.metrics = _metrics(settings, [str(how) for how in self.attacks])

    def identity(self) -> dict[str, Any]:
        """Return everything that results depend on and all runs share, as plain values."""
        chosen = self.settings.train.model_dump(exclude={"mixer", "transform", "seed", "workers"})
        return {
            "format": 1,
            **chosen,
            "fit": self.settings.fit,
            "attacks": [str(how) for how in self.attacks],
            "corruptions": list(self.settings.corruptions),
            "limit": self.settings.limit,
            "photos to train on": len(self.train),
            "photos to test on": len(self.val),
            "targets": {name: len(photos) for name, photos in self.targets.items()},
            "listings of photos": {
                "train": self.train.fingerprint,
                "val": self.val.fingerprint,
                **{f"target {name}": photos.fingerprint for name, photos in self.targets.items()},
            },
        }

    def size_of(self, shots: Shots) -> float:
        """Return how many photos of each class, on average, a run trains on.

        Raises:
            TrainingError: If a class has fewer photos than `shots`.
        """
        return len(self.photos(shots, 0)) / len(self.train.classes)

    def photos(self, shots: Shots, seed: int) -> Photos:
        """Return the photos that every arm trains on with this seed."""
        return self.train if shots is None else few_shot(self.train, shots, seed)

    def fit_model(
        self,
        task: Task,
        work: Path,
        edits: GenMixDataset | None,
        on_step: Callable[[Moment], None],
    ) -> Trained:
        """Train the model of a run, or go on with it.

        Args:
            task: Which run.
            work: The folder of the training.
            edits: What the arm's composites are made of; None for an arm without.
            on_step: Told every step.
        """
        photos = self.photos(task.shots, task.seed)
        data: TrainingData = photos if edits is None else Composites(photos, edits)
        own = {"mixer": task.arm.mixer, "transform": task.arm.transform, "seed": task.seed}
        return train(self.settings.train.model_copy(update=own), data, None, work, on_step)

    def judge(self, model: Classifier, progress: Callable[[str, int, int], None]) -> Judged:
        """Measure everything that was asked for on a trained model."""
        found = self._evaluate(model, self.val, self.targets, progress)
        return Judged(_scores_of(found), found.to_dict())

    def rehearse(self, arms: Sequence[Arm]) -> None:
        """Try what the runs will do with an untrained model and a photo, before hours are spent.

        Every photo is read, too: one that has to go later changes what all runs are compared on.

        Raises:
            GenmixError: If the model, a mixer, an attack, a corruption, a prompt or an editor does
                not exist or fit, an extra that one of them needs is not installed, or photos cannot
                be used or are both trained and tested on.
        """
        recipes = [same_edits(arm.recipe) for arm in arms if arm.recipe is not None]
        for recipe in {recipe.to_yaml(): recipe for recipe in recipes}.values():
            make_plan(self.settings.data, recipe, None)
        chosen = self.settings.train
        model = create_model(
            chosen.model,
            self.train.classes,
            size=chosen.size,
            pretrained=chosen.weights != "scratch",
        )
        self._check_photos()
        self._check_apart()
        for arm in arms:
            self._try_mixer(arm)
        targets = {name: photos.subset([0]) for name, photos in self.targets.items()}
        self._evaluate(model, self.val.subset([0]), targets, lambda *_: None)

    def _check_photos(self) -> None:
        """Read every photo of every set, and name all that cannot be used."""
        targets = {f"target {name}": photos for name, photos in self.targets.items()}
        sets = {"training": self.train, "held-out": self.val, **targets}
        faults = [
            f"{name}: {found}"
            for name, photos in sets.items()
            if (found := find_faults(photos, self.settings.train.workers))
        ]
        if faults:
            raise ImageError(
                f"{'; '.join(faults)}; put whole photos in their place, or remove them and, where "
                "runs were finished with them, choose a new folder"
            )

    def _check_apart(self) -> None:
        """Make sure that nothing is tested on what is trained on; held-out photos are not."""
        if self.settings.val is not None:
            check_apart([self.train], self.val, self.settings.val)
        for name, path in self.settings.targets.items():
            check_apart([self.train], self.targets[name], path)

    def _try_mixer(self, arm: Arm) -> None:
        """Mix two photos as an arm does."""
        if arm.mixer is None:
            return
        (first, one), (last, other) = self.train[0], self.train[len(self.train) - 1]
        images = torch.stack([first, last]).float().div_(255)
        mixer = create_mixer(arm.mixer, len(self.train.classes))
        try:
            with drawing_by("rehearsal"):
                mixer(images, torch.tensor([one, other]))
        except MixerError as error:
            raise ExperimentError(f"the arm '{arm.name}': {error}") from error

    def _evaluate(
        self,
        model: Classifier,
        val: Photos,
        targets: Mapping[str, Photos],
        progress: Callable[[str, int, int], None],
    ) -> Evaluation:
        return evaluate(
            model,
            val,
            attacks=self.attacks,
            corruptions=self.settings.corruptions,
            domains=targets,
            limit=self.settings.limit,
            workers=self.settings.train.workers,
            progress=progress,
        )


def _scores_of(found: Evaluation) -> dict[str, float]:
    """Take the number of each metric out of an evaluation, by the metric's key."""
    domains = {name: scores.top1 for name, scores in found.domains.items()}
    scores = {"val": found.clean.top1, "ece": found.clean.ece}
    if domains:
        scores["targets"] = sum(domains.values()) / len(domains)
    scores |= {f"target {name}": top1 for name, top1 in domains.items()}
    scores |= {f"attack {name}": attacked.top1 for name, attacked in found.attacks.items()}
    if found.mean_corruption is not None:
        scores["corruptions"] = found.mean_corruption
    return scores


def _metrics(settings: CompareSettings, attacks: Sequence[str]) -> tuple[Metric, ...]:
    """List what is measured, the primary metric first: other domains if there are any."""
    names = list(settings.targets)
    metrics = [Metric("val", "Top-1 accuracy on held-out photos", "held-out")]
    if len(names) > 1:
        title = f"Top-1 accuracy on other domains, mean of {joined(names)}"
        metrics.insert(0, Metric("targets", title, "mean of domains"))
    targets = [Metric(f"target {name}", f"Top-1 accuracy on {name}", name) for name in names]
    metrics = targets + metrics if len(names) == 1 else metrics + targets
    metrics += [
        Metric(f"attack {name}", f"Top-1 accuracy on held-out photos under {name}", name)
        for name in attacks
    ]
    if settings.corruptions:
        title = "Top-1 accuracy on held-out photos, mean over corruptions and severities"
        metrics.append(Metric("corruptions", title, "corrupted"))
    title = "Calibration error (ECE) on held-out photos"
    return (*metrics, Metric("ece", title, "calibration error", higher_is_better=False))
