"""Scores, against scikit-learn and float64 formulas, and what is refused."""

import json
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    top_k_accuracy_score,
)
from torchmetrics.functional.classification import multiclass_accuracy

from genmix.errors import TrainingError
from genmix.training.metrics import Scores, score

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def drawn(seed: int, count: int, classes: int, sharpness: float) -> tuple[FloatArray, IntArray]:
    """Probabilities and labels, the more often right the sharper."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    logits = sharpness * (rng.normal(size=(count, classes)) + 1.5 * np.eye(classes)[labels])
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    return exponents / exponents.sum(1, keepdims=True), labels


def scored(probabilities: FloatArray, labels: IntArray) -> Scores:
    names = [f"class {k}" for k in range(probabilities.shape[1])]
    return score(torch.from_numpy(probabilities), torch.from_numpy(labels), names)


def calibration_error(probabilities: FloatArray, labels: IntArray) -> float:
    """Guo et al. 2017, equation 3, with 15 bins, the last one closed."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    bins = np.minimum(np.floor(confidence * 15).astype(int), 14)
    return sum(
        (bins == k).mean() * abs(right[bins == k].mean() - confidence[bins == k].mean())
        for k in range(15)
        if (bins == k).any()
    )


cases = given(st.integers(0, 2**32), st.integers(1, 200), st.integers(2, 12), st.floats(0.1, 20))


@cases
def test_accuracies_and_confusion_are_those_of_scikit_learn(
    seed: int, count: int, classes: int, sharpness: float
) -> None:
    probabilities, labels = drawn(seed, count, classes, sharpness)
    found = scored(probabilities, labels)
    predicted, known = probabilities.argmax(1), np.arange(classes)
    confusion = confusion_matrix(labels, predicted, labels=known)
    assert found.count == count
    assert found.top1 == pytest.approx(accuracy_score(labels, predicted), abs=1e-12)
    assert np.array_equal(found.confusion, confusion)
    seen = np.unique(labels)
    assert list(found.per_class) == [f"class {k}" for k in seen]
    rates = [confusion[k, k] / confusion[k].sum() for k in seen]
    assert list(found.per_class.values()) == pytest.approx(rates, abs=1e-12)
    if len(seen) > 1 and set(predicted) <= set(seen):  # scikit-learn warns otherwise
        balanced = balanced_accuracy_score(labels, predicted)
        assert found.macro == pytest.approx(balanced, abs=1e-12)
    assert found.macro == pytest.approx(np.mean(rates), abs=1e-12)


@cases
def test_top_5_is_that_of_scikit_learn_and_none_where_it_is_always_1(
    seed: int, count: int, classes: int, sharpness: float
) -> None:
    probabilities, labels = drawn(seed, count, classes, sharpness)
    found = scored(probabilities, labels).top5
    if classes <= 5:
        assert found is None
        return
    expected = top_k_accuracy_score(labels, probabilities, k=5, labels=np.arange(classes))
    assert found == pytest.approx(expected, abs=1e-6)


@cases
def test_calibration_error_is_the_formula_in_float64(
    seed: int, count: int, classes: int, sharpness: float
) -> None:
    probabilities, labels = drawn(seed, count, classes, sharpness)
    expected = calibration_error(probabilities, labels)
    assert scored(probabilities, labels).ece == pytest.approx(expected, abs=1e-5)


def test_a_confidence_of_exactly_1_is_in_the_last_of_the_15_bins() -> None:
    probabilities = np.array([[1.0, 0.0], [0.98, 0.02], [0.0, 1.0], [0.3, 0.7]])
    labels = np.array([1, 0, 1, 1])
    expected = (abs(2 / 3 - 2.98 / 3) * 3 + 0.3) / 4
    assert scored(probabilities, labels).ece == pytest.approx(expected, abs=1e-5)


def test_a_model_that_is_as_sure_as_it_is_right_has_no_calibration_error() -> None:
    probabilities = np.tile([0.75, 0.25], (8, 1))
    labels = np.array([0, 0, 0, 1] * 2)
    assert scored(probabilities, labels).ece == pytest.approx(0, abs=1e-6)
    assert scored(probabilities, 1 - labels).ece == pytest.approx(0.5, abs=1e-6)


def test_float32_probabilities_give_the_numbers_of_torchmetrics() -> None:
    probabilities, labels = drawn(0, 300, 9, 1.0)
    single = torch.from_numpy(probabilities).float()
    found = score(single, torch.from_numpy(labels), list("abcdefghi"))
    top5 = multiclass_accuracy(single, torch.from_numpy(labels), 9, top_k=5, average="micro")
    assert found.top5 == pytest.approx(float(top5), abs=1e-6)
    assert found.ece == pytest.approx(calibration_error(probabilities, labels), abs=1e-5)


def test_scores_survive_json() -> None:
    found = scored(*drawn(1, 50, 7, 1.0))
    assert Scores(**json.loads(json.dumps(asdict(found)))) == found


@pytest.mark.parametrize(
    ("probabilities", "labels", "words"),
    [
        (torch.ones(2, 2) / 2, torch.tensor([0, 1]), r"are \(2, 2\) .* give N x 3"),
        (torch.ones(2, 3) / 3, torch.tensor([0]), r"labels \(1,\)"),
        (torch.ones(0, 3), torch.zeros(0, dtype=torch.int64), "no pictures to score"),
        (torch.ones(1, 3) / 3, torch.tensor([3]), "not one of the 3 classes"),
        (torch.ones(1, 3) / 3, torch.tensor([-1]), "not one of the 3 classes"),
        (torch.ones(1, 3), torch.tensor([0]), r"give softmax\(logits\)"),
        (torch.tensor([[1.5, -0.5, 0.0]]), torch.tensor([0]), r"give softmax\(logits\)"),
        (torch.full((1, 3), float("nan")), torch.tensor([0]), "no numbers: train it again"),
    ],
)
def test_what_cannot_be_scored_is_explained(
    probabilities: torch.Tensor, labels: torch.Tensor, words: str
) -> None:
    with pytest.raises(TrainingError, match=words):
        score(probabilities, labels, ["a", "b", "c"])
