"""Classifiers on disk: safetensors with a card that says what they are.

Every file is whole or is not there, and nothing in one is executed. The folder of a training run,
in which they lie, is for `genmix.training.checkpoint`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError

from genmix import __version__
from genmix.errors import TrainingError
from genmix.images import Fit
from genmix.networks.models import Classifier, create_model
from genmix.storage import write_whole

WEIGHTS = "model.safetensors"
CARD = "model.json"


class _Card(BaseModel):
    """What stands beside the weights."""

    model_config = ConfigDict(frozen=True)

    name: str
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
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
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TrainingError(
            f"{folder} holds no trained model ({CARD} is missing): give what genmix train made"
        ) from error
    except (OSError, ValidationError) as error:
        raise TrainingError(_damaged(path, error)) from error


def _damaged(path: Path, error: Exception) -> str:
    said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    reason = " ".join(said.split())[:100]
    return (
        f"cannot read {path}, it is damaged or not of this model ({reason}): train it again, into "
        "a new folder"
    )
