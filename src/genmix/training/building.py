"""The parts of a run, made of its settings: devices and precision, model, optimizer, schedule."""

import math
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from timm.optim import (
    create_optimizer_v2,
    get_optimizer_info,
    param_groups_weight_decay,
)
from timm.scheduler import create_scheduler_v2
from timm.scheduler.scheduler import Scheduler

from genmix.errors import TrainingError
from genmix.networks.models import Classifier, Trainable, create_model
from genmix.seeding import seed_of
from genmix.training.data import TrainingData
from genmix.training.settings import TrainSettings
from genmix.training.weights import Weights

_TRAINABLE: dict[Weights, Trainable] = {
    "scratch": "all",
    "fine-tune": "weights",
    "linear-probe": "head",
}

_HEAD_RATE = 10.0
"""How much faster the new last layer of a pre-trained model learns than what lies before it."""


def build_accelerator(settings: TrainSettings) -> Accelerator:
    """Find the devices and processes, and set the precision.

    Raises:
        TrainingError: If the precision cannot be had, or processes cannot share a batch.
    """
    try:
        accelerator = _accelerator_with(settings.precision)
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise TrainingError(
            f"precision {settings.precision} cannot be had here ({reason}): choose another"
        ) from error
    if settings.precision == "fp16" and accelerator.device.type == "cpu":
        # Accelerate would train in float32 without a word.
        raise TrainingError("precision fp16 needs a GPU: choose bf16 or no")
    if settings.batch_size % accelerator.num_processes:
        raise TrainingError(
            f"a batch of {settings.batch_size} cannot be shared evenly by "
            f"{accelerator.num_processes} processes: choose a multiple of that"
        )
    return accelerator


def build_classifier(settings: TrainSettings, data: TrainingData) -> Classifier:
    """Make the model, its new weights drawn by the seed; leaves torch's generator seeded.

    Raises:
        TrainingError: See `create_model`.
    """
    torch.manual_seed(seed_of("weights", settings.seed))
    model = create_model(
        settings.model,
        data.classes,
        size=settings.size,
        pretrained=settings.weights != "scratch",
    )
    model.fit = data.fit
    model.set_trainable(_TRAINABLE[settings.weights])
    return model.to(memory_format=torch.channels_last)


def build_optimizer(settings: TrainSettings, model: Classifier) -> torch.optim.Optimizer:
    """Make timm's optimizer of what is trained.

    Raises:
        TrainingError: If it cannot be used on this machine, or needs second derivatives.
    """
    if get_optimizer_info(settings.optimizer).second_order:
        raise TrainingError(
            f"optimizer {settings.optimizer!r} needs second derivatives, which are not computed "
            "here: choose another"
        )
    try:
        return create_optimizer_v2(
            _groups(settings, model),
            settings.optimizer,
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
    except (ImportError, AssertionError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TrainingError(
            f"optimizer {settings.optimizer!r} cannot be used here ({reason}): choose another"
        ) from error


def build_schedule(settings: TrainSettings, optimizer: torch.optim.Optimizer) -> Scheduler:
    """Make timm's schedule; it depends on the number of the step alone."""
    schedule, _ = create_scheduler_v2(
        optimizer,
        "cosine" if settings.schedule == "cosine" else "step",
        num_epochs=settings.steps,
        decay_epochs=max(1, math.ceil(settings.steps / 3)),
        decay_rate=0.1 if settings.schedule == "step" else 1.0,
        warmup_epochs=settings.warmup_steps,
        warmup_lr=settings.learning_rate / (settings.warmup_steps + 1),
        step_on_epochs=False,
        updates_per_epoch=1,
    )
    return schedule


def _accelerator_with(precision: str) -> Accelerator:
    try:
        return Accelerator(mixed_precision=precision)
    except ValueError:
        # A process has one precision for good, unless it is made to forget the last run's.
        AcceleratorState._reset_state()  # noqa: SLF001
        return Accelerator(mixed_precision=precision)


def _groups(settings: TrainSettings, model: Classifier) -> list[dict[str, Any]]:
    """Group the weights by decay and by learning rate, which timm's schedules scale."""
    head = _HEAD_RATE if settings.weights == "fine-tune" else 1.0
    spared: set[str] = getattr(model.backbone, "no_weight_decay", set)()
    parts = ((model.backbone, 1.0, spared), (model.head, head, set[str]()))
    return [
        {**group, "lr_scale": scale}
        for part, scale, names in parts
        for group in param_groups_weight_decay(
            part, settings.weight_decay, no_weight_decay_list=names
        )
        if group["params"]
    ]
