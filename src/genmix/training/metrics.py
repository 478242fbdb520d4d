"""How right, and how rightly sure, a classifier is: scores from its probabilities.

The arithmetic is torchmetrics'. Where the probabilities come from is `evaluation`'s business.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_calibration_error,
    multiclass_confusion_matrix,
)

from genmix.errors import TrainingError

CALIBRATION_BINS = 15
_TOP = 5


@dataclass(frozen=True)
class Scores:
    """What a classifier scores on labelled pictures; shares are in [0, 1].

    Attributes:
        count: Pictures.
        top1: Share whose most probable class is right.
        top5: Share whose class is among the five most probable; None for five classes or fewer.
        macro: Mean of `per_class`.
        per_class: Top-1 of each class that has pictures.
        confusion: Pictures by class (rows) and prediction (columns), in the order of the classes.
        ece: Expected calibration error: how far confidence and accuracy lie apart in 15 bins of
            equal width, weighted by how many pictures are in each (Guo et al., ICML 2017, arXiv
            1706.04599).
    """

    count: int
    top1: float
    top5: float | None
    macro: float
    per_class: dict[str, float]
    confusion: list[list[int]]
    ece: float


def score(probabilities: Tensor, labels: Tensor, classes: Sequence[str]) -> Scores:
    """Score predictions.

    Args:
        probabilities: Float, N x K, each row sums to 1.
        labels: N class indices, int64.
        classes: K names.

    Raises:
        TrainingError: If the shapes do not fit, there is nothing to score, a label is no class, or
            the rows are no probabilities.
    """
    _check(probabilities, labels, classes)
    probabilities = probabilities.double()
    count, k = probabilities.shape
    confusion = multiclass_confusion_matrix(probabilities, labels, k)
    seen = confusion.sum(1) > 0
    recall = confusion.diagonal()[seen].double() / confusion.sum(1)[seen]
    names = [name for name, there in zip(classes, seen.tolist(), strict=True) if there]
    return Scores(
        count=count,
        top1=confusion.diagonal().sum().item() / count,
        top5=_top5(probabilities, labels) if k > _TOP else None,
        macro=recall.mean().item(),
        per_class=dict(zip(names, recall.tolist(), strict=True)),
        confusion=confusion.tolist(),
        ece=_calibration_error(probabilities, labels),
    )


def _top5(probabilities: Tensor, labels: Tensor) -> float:
    k = probabilities.shape[1]
    right = multiclass_accuracy(probabilities, labels, k, top_k=_TOP, average="micro")
    return right.item()


def _calibration_error(probabilities: Tensor, labels: Tensor) -> float:
    # torchmetrics works in float32, and keeps a confidence of exactly 1 in a sixteenth bin.
    below = probabilities.float().clamp(max=1 - 2**-24)
    k = probabilities.shape[1]
    error = multiclass_calibration_error(below, labels, k, n_bins=CALIBRATION_BINS, norm="l1")
    return error.item()


def _check(probabilities: Tensor, labels: Tensor, classes: Sequence[str]) -> None:
    shape = tuple(probabilities.shape)
    if len(shape) != 2 or shape[1] != len(classes) or labels.shape != shape[:1]:
        raise TrainingError(
            f"probabilities are {shape} and labels {tuple(labels.shape)}: give N x {len(classes)}, "
            "a column for each class, and N labels"
        )
    if not shape[0]:
        raise TrainingError("there are no pictures to score")
    if labels.min() < 0 or labels.max() >= len(classes):
        raise TrainingError(f"a label is not one of the {len(classes)} classes")
    if not probabilities.isfinite().all():
        raise TrainingError(
            "the model's outputs are no numbers: train it again with a lower learning rate"
        )
    sums = probabilities.double().sum(1)
    if not (probabilities.min() >= 0 and torch.allclose(sums, torch.ones_like(sums), atol=1e-4)):
        raise TrainingError("rows are no probabilities: give softmax(logits)")
