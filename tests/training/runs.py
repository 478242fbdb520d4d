"""Small runs for the tests of the loop, also as a program of its own that can be killed."""

import sys
from pathlib import Path

from genmix.training.data import Photos
from genmix.training.loop import Moment, Trained, train
from genmix.training.settings import TrainSettings
from genmix.training.subsets import hold_out

SIZE = 32


def settings(**changes: object) -> TrainSettings:
    """Settings of a run that takes a second."""
    small: dict[str, object] = {
        "model": "test_resnet",
        "weights": "scratch",
        "size": SIZE,
        "steps": 12,
        "batch_size": 8,
        "mixer": "cutmix",
        "average": 0.5,
    }
    return TrainSettings.of(**{**small, **changes})


def run(photos: Path, out: Path, steps: int = 12, workers: int = 0, seconds: float = 30) -> Trained:
    """Train on most photos and validate on the others; tell each step on standard output."""

    def tell(moment: Moment) -> None:
        print(moment.step, flush=True)  # noqa: T201

    stays, held = hold_out(Photos(photos, SIZE), 0.25, 0)
    chosen = settings(steps=steps, workers=workers)
    return train(chosen, stays, held, out, tell, save_seconds=seconds)


if __name__ == "__main__":
    photos, out, steps, workers, seconds = sys.argv[1:]
    run(Path(photos), Path(out), int(steps), int(workers), float(seconds))
