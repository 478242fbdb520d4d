"""Classifiers on disk, and the folder of a run: what is trained, and what to go on from.

Weights are safetensors with a card that says what they are; every file is whole or is not there.
"""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError

from genmix import __version__
from genmix.errors import OutputError, TrainingError
from genmix.images import Fit
from genmix.jobs.folder import WHOLE, OutputFolder
from genmix.storage import write_whole
from genmix.training.models import Classifier, create_model

WEIGHTS = "model.safetensors"
CARD = "model.json"
RECORD = "history.json"

_HIDDEN = ".genmix"


class _Card(BaseModel):
    """What stands beside the weights."""

    model_config = ConfigDict(frozen=True)

    name: str
    classes: tuple[str, ...]
    size: int
    fit: Fit
    genmix: str
    settings: dict[str, Any] = {}


def save_checkpoint(
    model: Classifier, folder: str | Path, settings: Mapping[str, Any] | None = None
) -> None:
    """Write a classifier: `model.safetensors`, then `model.json`; each whole or not at all.

    Args:
        model: What to write. The same weights give the same bytes.
        folder: Where to; made if missing.
        settings: How it was trained, as plain values, for people who find the file.

    Raises:
        OutputError: If the disk is full or the place is not writable.
    """
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    card = _Card(
        name=model.name,
        classes=model.classes,
        size=model.size,
        fit=model.fit,
        genmix=__version__,
        settings=dict(settings or {}),
    )
    write_whole(Path(folder) / WEIGHTS, safetensors.torch.save(tensors))
    text = json.dumps(card.model_dump(mode="json"), ensure_ascii=False, indent=1)
    write_whole(Path(folder) / CARD, text.encode())


def load_checkpoint(path: str | Path) -> Classifier:
    """Read a classifier that `save_checkpoint` wrote; nothing in it is executed.

    Args:
        path: The folder, or the file `model.safetensors` in it.

    Returns:
        The classifier, on the CPU, in `eval()`.

    Raises:
        TrainingError: If there is none, or it is damaged.
    """
    folder = Path(path).parent if Path(path).name == WEIGHTS else Path(path)
    card = _read_card(folder)
    try:
        tensors = safetensors.torch.load((folder / WEIGHTS).read_bytes())
    except (OSError, SafetensorError) as error:
        raise TrainingError(_damaged(folder / WEIGHTS, error)) from error
    with torch.random.fork_rng(devices=[]):  # weights are drawn, only to be replaced
        model = create_model(card.name, card.classes, size=card.size)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise TrainingError(_damaged(folder / WEIGHTS, error)) from error
    model.fit = card.fit
    return model.eval()


def _read_card(folder: Path) -> _Card:
    path = folder / CARD
    try:
        return _Card.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise TrainingError(
            f"{folder} holds no trained model ({CARD} is missing): give what genmix train made"
        ) from error
    except (OSError, ValidationError) as error:
        raise TrainingError(_damaged(path, error)) from error


def _damaged(path: Path, error: Exception) -> str:
    reason = " ".join(str(error).split())[:100]
    return f"cannot read {path}, it is damaged or not of this model ({reason}): train it again"


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

        Args:
            identity: What the run's result depends on, as plain values; may be nested once.

        Raises:
            OutputError: If the folder cannot be made, is in use, or holds something else.
        """
        output = OutputFolder(self.path)
        output.open()
        with output.locked(WHOLE):
            record = self.path / _HIDDEN / "job.json"
            if not record.exists():
                write_whole(record, json.dumps(identity, indent=1).encode())
            elif difference := _difference(_read_json(record), identity):
                raise OutputError(
                    f"{self.path} belongs to another run: {difference}; choose a new folder"
                )
            yield

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


def _difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str | None:
    """Name the first value in which two identities differ."""
    for key in [*here, *(k for k in there if k not in here)]:
        a, b = there.get(key), here.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            if inner := _difference(a, b):
                return inner
        elif a != b:
            if max(len(str(a)), len(str(b))) > _LONG:
                return f"its {key} differ"
            return f"{key} was {_said(a)} there and is {_said(b)} now"
    return None


def _said(value: object) -> str:
    return "not set" if value is None else str(value)


_LONG = 60
"""Longer values are hashes of listings, and long texts."""
