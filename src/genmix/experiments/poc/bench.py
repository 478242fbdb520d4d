"""The bench of a proof of concept: what every training is chosen by, photo by photo."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from genmix.experiments.bench import Bench, CompareSettings, Judged
from genmix.experiments.poc.gains import Right
from genmix.experiments.poc.records import read_array
from genmix.experiments.running import Runner
from genmix.experiments.runs import ExperimentFolder
from genmix.images import Image
from genmix.networks.models import Classifier
from genmix.training.evaluation import predict

CHOICE = "choice"
"""The metric that everything is chosen by: half the photos as they are, half the unseen looks."""

VAL = "val"

Planes: TypeAlias = npt.NDArray[np.uint8]
"""Pictures, N x 3 x size x size."""

Progress: TypeAlias = Callable[[str, int, int], None]


class Pictures(Dataset[tuple[Tensor, int]]):
    """Pictures in memory with their class numbers."""

    def __init__(self, planes: Planes, labels: Sequence[int] | npt.NDArray[np.int64]) -> None:
        self._planes = planes
        self._labels = labels

    def __len__(self) -> int:
        return len(self._planes)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return a picture, uint8 3 x size x size, and its class's number."""
        return torch.from_numpy(np.array(self._planes[index])), int(self._labels[index])


class PocBench(Bench):
    """A bench that judges the photos to choose by as they are, and in looks not trained on."""

    def __init__(self, settings: CompareSettings, looks: Path) -> None:
        """Open photos and looks.

        Args:
            settings: Where the photos are, and how to train.
            looks: A folder with the photos to choose by in each look, as `write_look` wrote them.

        Raises:
            GenmixError: If photos are missing.
        """
        super().__init__(settings)
        self._looks = {path.stem: path for path in sorted(looks.glob("*.npy"))}

    def judge(self, model: Classifier, progress: Progress) -> Judged:
        """Tell of each photo, in each look, whether it was seen right."""
        labels = self.val.labels
        views: dict[str, Dataset[tuple[Tensor, int]]] = {VAL: self.val}
        views |= {name: Pictures(read_array(path), labels) for name, path in self._looks.items()}
        right = {
            name: seen_right(model, view, partial(progress, name)) for name, view in views.items()
        }
        means = {name: float(np.mean(found)) for name, found in right.items()}
        looks = float(np.mean([means[name] for name in self._looks]))
        scores = {CHOICE: (means[VAL] + looks) / 2, VAL: means[VAL], "looks": looks}
        return Judged(scores, {"right": {name: to_text(found) for name, found in right.items()}})


def open_runner(
    settings: CompareSettings, looks: Path, folder: ExperimentFolder, edits: Path
) -> Runner:
    """Make what trains and judges, in whichever process."""
    return Runner(PocBench(settings, looks), folder, edits, keep_models=True)


def write_look(path: Path, images: Sequence[Image]) -> None:
    """Write pictures, uint8 size x size x 3, in the order of the photos that they show."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.save(file, np.stack([image.transpose(2, 0, 1) for image in images]))
    part.replace(path)


def seen_right(
    model: Classifier,
    pictures: Dataset[tuple[Tensor, int]],
    progress: Callable[[int, int], None] = lambda *_: None,
) -> npt.NDArray[np.bool_]:
    """Tell of each picture whether its class is the most probable one."""
    found, labels = predict(model, pictures, progress=lambda _, done, total: progress(done, total))
    right: npt.NDArray[np.bool_] = (found.argmax(1) == labels).numpy()
    return right


def to_text(right: npt.NDArray[np.bool_]) -> str:
    """Write what was seen right as ones and noughts."""
    return "".join("1" if each else "0" for each in right)


def from_text(text: str) -> npt.NDArray[np.float64]:
    """Read what `to_text` wrote, as numbers."""
    return np.array([float(each) for each in text])


def views_of(results: Sequence[Mapping[str, Any]]) -> dict[str, Right]:
    """Return what was seen right, seeds x photos, by view, from the results of an arm's seeds.

    The view `CHOICE` is the mean of the photos as they are and of the mean over all looks.
    """
    right = [result["evaluation"]["right"] for result in results]
    views = {name: np.stack([from_text(each[name]) for each in right]) for name in right[0]}
    looks = np.mean([views[name] for name in views if name != VAL], axis=0)
    return {CHOICE: (views[VAL] + looks) / 2, "looks": looks, **views}
