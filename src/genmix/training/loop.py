"""Training a classifier: the settings checked, the folder claimed, the run carried to its end.

How a run goes, step by step, is for `genmix.training.run`.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from genmix.errors import OutputError, TrainingError
from genmix.networks.models import Classifier
from genmix.networks.shortage import shortage_as
from genmix.training.building import build_accelerator
from genmix.training.checkpoint import RECORD, RunFolder, load_checkpoint
from genmix.training.data import TrainingData
from genmix.training.memory import memory_kept
from genmix.training.moments import Moment
from genmix.training.run import Run
from genmix.training.settings import TrainSettings

__all__ = ["SAVE_SECONDS", "Moment", "Trained", "train"]

SAVE_SECONDS = 30.0
"""How often a run writes down what to go on from: what a kill costs at most."""


@dataclass(frozen=True)
class Trained:
    """A finished run.

    Attributes:
        model: On the CPU, in `eval()`, as it lies in the run's folder.
        history: Every step.
        seconds: Time that training took, all parts of a resumed run together.
    """

    model: Classifier
    history: tuple[Moment, ...]
    seconds: float


def train(
    settings: TrainSettings,
    data: TrainingData,
    val: TrainingData | None,
    out: str | Path,
    on_step: Callable[[Moment], None] | None = None,
    *,
    save_seconds: float = SAVE_SECONDS,
) -> Trained:
    """Train a classifier, or go on with a run that was stopped, or return one that is finished.

    The same settings and pictures give the same bytes on a CPU (with as many threads), for any
    number of workers, and however often the run was killed. Started by `accelerate launch`, it uses
    all processes; each takes its part of every batch.

    Args:
        settings: What to do.
        data: Pictures to train on, of `settings.size`.
        val: Pictures to watch accuracy on, never mixed nor transformed, with the same classes; they
            change nothing in the model.
        out: The run's folder: the model, `history.json`, TensorBoard's logs.
        on_step: Called after each step.
        save_seconds: Write down what to go on from so often.

    Raises:
        TrainingError: If data, settings and machine do not fit together, memory does not suffice,
            or the loss, a weight or the model's outputs are no numbers.
        OutputError: If the folder is another run's, or cannot be written.
        KeyboardInterrupt: After Ctrl-C and the end of the step; what is done is kept.
    """
    _check(settings, data, val)
    accelerator = build_accelerator(settings)
    folder = RunFolder(Path(out))
    identity = _identity(settings, data, val, accelerator.num_processes)
    with _claimed(folder, identity, accelerator):
        if (record := folder.record()) is None:
            with (
                torch.random.fork_rng(devices=[]),
                _memory_for(accelerator),
                shortage_as(TrainingError, accelerator.device, _smaller(settings)),
            ):
                run = Run(settings, data, val, folder, accelerator)
                record = run.to_the_end(on_step or (lambda _: None), save_seconds)
        accelerator.wait_for_everyone()
        return _trained(folder, record)


def _check(settings: TrainSettings, data: TrainingData, val: TrainingData | None) -> None:
    if data.size != settings.size:
        raise TrainingError(
            f"the pictures have {data.size} pixels and the model {settings.size}: open them at the "
            "model's size"
        )
    empty = set(range(len(data.classes))) - set(data.labels.tolist())
    if empty:
        raise TrainingError(
            f"class {data.classes[min(empty)]!r} has no picture to train on: add some, or leave it "
            "out of the classes"
        )
    if val is not None and val.classes != data.classes:
        raise TrainingError(
            f"the validation pictures have the classes {', '.join(val.classes)} and the training "
            f"pictures {', '.join(data.classes)}: open both with the same"
        )


def _identity(
    settings: TrainSettings, data: TrainingData, val: TrainingData | None, processes: int
) -> dict[str, Any]:
    """Say what a run's result depends on; what is compared when it is gone on with."""
    return {
        "job": "training",
        "settings": settings.model_dump(mode="json", exclude={"workers"}),
        "training pictures": data.fingerprint,
        "validation pictures": None if val is None else val.fingerprint,
        "number of processes": processes,
    }


@contextmanager
def _claimed(
    folder: RunFolder, identity: dict[str, Any], accelerator: Accelerator
) -> Iterator[None]:
    """Let the main process claim the folder, and the others go on when it has."""
    if accelerator.is_main_process:
        with folder.claimed(identity):
            accelerator.wait_for_everyone()
            yield
    else:
        accelerator.wait_for_everyone()
        yield


def _memory_for(accelerator: Accelerator) -> AbstractContextManager[None]:
    return memory_kept() if accelerator.device.type == "cpu" else nullcontext()


def _smaller(settings: TrainSettings) -> str:
    """Advise what to do where memory does not suffice."""
    return (
        f"for {settings.model} and batches of {settings.batch_size} at {settings.size} pixels: set "
        "a smaller batch size, size or model, or precision bf16, and choose a new folder"
    )


def _trained(folder: RunFolder, record: dict[str, Any]) -> Trained:
    try:
        history = tuple(Moment(**moment) for moment in record["history"])
        seconds = float(record["seconds"])
    except (KeyError, TypeError, ValueError) as error:
        raise OutputError(
            f"{folder.path / RECORD} is damaged: remove {folder.path} and train again"
        ) from error
    return Trained(load_checkpoint(folder.path), history, seconds)
