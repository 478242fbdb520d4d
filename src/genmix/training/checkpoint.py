"""The folder of a training run: whose it is, who writes to it, what is trained, what to go on from.

How a classifier lies in it is for `genmix.networks.checkpoint`, whose functions stand here too.
"""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from genmix.errors import GenmixError, OutputError, TrainingError
from genmix.jobs.folder import WHOLE, OutputFolder
from genmix.networks.checkpoint import CARD, WEIGHTS, load_checkpoint, save_checkpoint
from genmix.networks.models import Classifier
from genmix.storage import write_whole

__all__ = ["CARD", "RECORD", "WEIGHTS", "RunFolder", "load_checkpoint", "save_checkpoint"]

RECORD = "history.json"

_HIDDEN = ".genmix"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one training run: whose it is, who writes to it, what to go on from.

    Attributes:
        path: The folder.
    """

    path: Path

    @contextmanager
    def claimed(self, identity: Mapping[str, Any]) -> Iterator[None]:
        """Keep the folder for one run, and other processes out, for a while.

        A run that cannot even begin, for its model has another name, say, leaves the folder free.

        Args:
            identity: What the run's result depends on, as plain values.

        Raises:
            OutputError: If the folder cannot be made, is in use, or holds something else.
        """
        output = OutputFolder(self.path)
        output.open()
        with output.locked(WHOLE):
            output.claim(identity)
            try:
                yield
            except GenmixError:
                if not self._state.exists() and not (self.path / RECORD).exists():
                    output.release()
                raise

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Write what a run goes on from: tensors and plain values; raises OutputError."""
        buffer = io.BytesIO()
        torch.save(dict(state), buffer)
        write_whole(self._state, buffer.getvalue())

    def load_state(self) -> dict[str, Any] | None:
        """Read what `save_state` wrote, None where there is none; nothing in it is executed.

        Raises:
            TrainingError: If it is damaged.
        """
        if not self._state.exists():
            return None
        try:
            state = torch.load(self._state, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
            raise TrainingError(
                f"{self._state} is damaged: remove {self.path} and train again"
            ) from error
        return state

    def finish(
        self, model: Classifier, settings: Mapping[str, Any], record: Mapping[str, Any]
    ) -> None:
        """Write the trained model, then the record, which says that all is there."""
        save_checkpoint(model, self.path, settings)
        write_whole(self.path / RECORD, json.dumps(record, indent=1).encode())
        self._state.unlink(missing_ok=True)

    def record(self) -> dict[str, Any] | None:
        """Read the record of a finished run; None where the run is not finished."""
        path = self.path / RECORD
        return _read_json(path) if path.exists() else None

    @property
    def _state(self) -> Path:
        return self.path / _HIDDEN / "state.pt"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot read {path}: choose a new folder") from error
    return content if isinstance(content, dict) else {}
