"""What a given classifier is asked: whether it still sees the class, or sees what it must not.

Needs torch; `genmix.screening.opening` imports it when such a screen is on.
"""

import multiprocessing
from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
import torch

from genmix.errors import ScreenError, TrainingError, nearest
from genmix.images import Image, prepare
from genmix.networks.checkpoint import load_checkpoint
from genmix.networks.devices import worker_device
from genmix.networks.fingerprint import hash_tensors
from genmix.networks.models import Classifier
from genmix.screening.asking import ask
from genmix.screening.kept import KeptRows
from genmix.screening.screen import Subject, Verdict, at_least, check_pairs
from genmix.screening.settings import LabelSettings


class LabelScreen:
    """Rejects edits in which a classifier no longer sees the class; its score is the probability.

    Where the class is not known (a preview), every edit is kept, with a score of 1.
    """

    name = "label"

    def __init__(self, settings: LabelSettings) -> None:
        self.settings = settings
        self.limit = settings.min_probability
        self._model = open_classifier(settings.model)
        if settings.top > len(self._model.classes):
            raise ScreenError(
                f"screens.label.top is {settings.top}, and {settings.model} has only "
                f"{len(self._model.classes)} classes: give less"
            )

    def judge_subjects(
        self, originals: Sequence[Image], edits: Sequence[Image], subjects: Sequence[Subject]
    ) -> list[Verdict]:
        """Judge each edit by the class of its photo; see `SubjectScreen`.

        Raises:
            ScreenError: If the classifier does not know a class.
        """
        check_pairs(originals, edits)
        rows = self._model.probabilities(edits)
        return [self._verdict(row, subject) for row, subject in zip(rows, subjects, strict=True)]

    def _verdict(self, row: npt.NDArray[np.float64], subject: Subject) -> Verdict:
        if not subject.label:
            return Verdict(True, 1.0)
        known = self._model.classes
        if subject.label not in known:
            raise ScreenError(
                f"the classifier {self.settings.model} has no class {subject.label!r} "
                f"({nearest(subject.label, known)}): give one that was trained on these classes"
            )
        number = known.index(subject.label)
        score = round(float(row[number]), _DIGITS)
        if self.limit is not None:
            return at_least("label: probability", score, self.limit, digits=2)
        likelier = int((row > row[number]).sum())
        if likelier < self.settings.top:
            return Verdict(True, score)
        seen = known[int(row.argmax())]
        return Verdict(
            False, score, f"label: seen as {seen}, {subject.label} is no. {likelier + 1}"
        )


class ClassesJudge:
    """Says how surely a classifier sees some of its classes: their probability together.

    Attributes:
        limit: The greatest probability that is kept.
        fingerprint: Of the classifier, and of the classes.
    """

    def __init__(self, model: str, classes: Sequence[str], limit: float) -> None:
        self.limit = limit
        self._model = open_classifier(model)
        for name in classes:
            if name not in self._model.classes:
                raise ScreenError(
                    f"the classifier {model} has no class {name!r}; "
                    f"{nearest(name, self._model.classes)}"
                )
        self._numbers = [self._model.classes.index(name) for name in classes]
        self.fingerprint = self._model.fingerprint

    def scores(self, pictures: Sequence[Image]) -> list[float]:
        """Score each picture; see `SafetyJudge`."""
        rows = self._model.probabilities(pictures)
        return [round(float(row[self._numbers].sum()), _DIGITS) for row in rows]

    def reason(self, score: float) -> str:
        """Say why; see `SafetyJudge`."""
        return f"probability {score:.2f} above {self.limit:g}"


class AskedClassifier:
    """A classifier that genmix trained; what it says of a picture is computed once and kept.

    Attributes:
        classes: Its classes.
        fingerprint: Of its weights, its classes, and how pictures are shown to it.
    """

    def __init__(self, model: Classifier) -> None:
        self.classes = model.classes
        shown = f"1 {model.classes} {model.size} {model.fit}"
        self.fingerprint = hash_tensors(model.state_dict().items(), shown)
        self._model = model
        self._kept = KeptRows(self.fingerprint)

    def probabilities(self, pictures: Sequence[Image]) -> npt.NDArray[np.float64]:
        """Ask it about pictures: N x K, each row sums to 1."""
        device = self._model.mean.device
        return self._kept.of(pictures, partial(ask, self._compute, device))

    @torch.inference_mode()
    def _compute(self, pictures: Sequence[Image]) -> npt.NDArray[np.float64]:
        model = self._model
        batch = np.stack([prepare(picture, model.size, model.fit) for picture in pictures])
        logits = model(torch.from_numpy(batch).to(model.mean.device).permute(0, 3, 1, 2) / 255)
        rows: npt.NDArray[np.float64] = logits.double().softmax(1).cpu().numpy()
        return rows


@lru_cache(maxsize=4)
def open_classifier(path: str) -> AskedClassifier:
    """Open a classifier, once a process.

    Raises:
        ScreenError: If there is none, or it is damaged.
    """
    if multiprocessing.parent_process() is not None:
        torch.set_num_threads(1)  # the workers are the parallelism
    try:
        model = load_checkpoint(path)
    except TrainingError as error:
        raise ScreenError(f"a screen's classifier cannot be read: {error}") from error
    return AskedClassifier(model.to(worker_device()))


_DIGITS = 4
