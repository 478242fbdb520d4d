"""What each step of a run gave, and TensorBoard's log of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


@dataclass(frozen=True)
class Moment:
    """One step of a run.

    Attributes:
        step: Steps done, from 1.
        loss: Of the batch, as it was trained on.
        accuracy: Of the batch in [0, 1]; of a mixed one the expected accuracy.
        lr: Learning rate; of a pre-trained model's new last layer it is ten times that.
        val_accuracy: Top-1 on the validation pictures in [0, 1], where it was measured.
    """

    step: int
    loss: float
    accuracy: float
    lr: float
    val_accuracy: float | None = None


@contextmanager
def logged(place: Path, done: int) -> Iterator[Callable[[Moment], None]]:
    """Open TensorBoard's log; what a killed run logged beyond its last saved step is hidden.

    Args:
        place: The folder of the log.
        done: Steps that the run goes on after.
    """
    with (
        _writers_thread_silenced(),
        SummaryWriter(str(place), purge_step=done + 1) as writer,
    ):

        def log(moment: Moment) -> None:
            writer.add_scalar("train/loss", moment.loss, moment.step)
            writer.add_scalar("train/accuracy", moment.accuracy, moment.step)
            writer.add_scalar("train/lr", moment.lr, moment.step)
            if moment.val_accuracy is not None:
                writer.add_scalar("val/accuracy", moment.val_accuracy, moment.step)

        yield log


@contextmanager
def _writers_thread_silenced() -> Iterator[None]:
    """Keep TensorBoard's thread from printing the error that it raises in the caller, too."""
    before = threading.excepthook

    def tell(error: threading.ExceptHookArgs) -> None:
        if not type(error.thread).__module__.startswith("tensorboard."):
            before(error)

    threading.excepthook = tell
    try:
        yield
    finally:
        threading.excepthook = before
