"""What one training run does, as one validated value, without the pictures."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator
from timm.optim import list_optimizers

from genmix.errors import TrainingError, nearest
from genmix.mixing.losses import LossName
from genmix.networks.models import LITE0
from genmix.training.mixers import create_mixer
from genmix.training.transforms import TRANSFORMS
from genmix.training.weights import Weights
from genmix.validation import validate

Schedule: TypeAlias = Literal["cosine", "step", "none"]
Precision: TypeAlias = Literal["no", "fp16", "bf16"]

Count: TypeAlias = Annotated[int, Field(ge=0)]
Rate: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_RATES: dict[Weights, float] = {"scratch": 1e-3, "fine-tune": 2e-4, "linear-probe": 5e-3}
"""Learning rates for Adam's family, where none is given."""


class TrainSettings(BaseModel):
    """Settings of a run; two runs with equal settings and pictures give the same weights on a CPU.

    Attributes:
        model: See `create_model`.
        weights: "scratch"; "fine-tune", all of a pre-trained model but the running statistics of
            its batch normalisation, its new last layer ten times as fast; "linear-probe", only that
            layer.
        size: Side of the pictures in pixels.
        steps: Batches to train on.
        batch_size: Pictures of a batch, over all processes together.
        optimizer: A name of timm's, such as "adamw", "sgd", "lamb"; not "adahessian".
        lr: Learning rate; by `weights` when left out, for optimizers of Adam's family.
        weight_decay: Of weights; biases and normalisation have none.
        schedule: "cosine" to 0; "step", a tenth after each third of the steps; "none".
        warmup_steps: Steps in which the learning rate rises from 0.
        average: Share of the steps, at the end, over which the weights are averaged (stochastic
            weight averaging); 0 takes those of the last step. Best with a schedule that does not
            fall to 0.
        label_smoothing: ε in [0, 1].
        loss: A name of `genmix.mixing.losses`.
        mixer: See `create_mixer`; None mixes nothing.
        transform: A name of `genmix.training.transforms`.
        precision: "no" (float32), "fp16" (GPU only) or "bf16".
        seed: Of every random choice.
        workers: Processes that read pictures; 0 reads in the training one. Changes no result.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = LITE0
    weights: Weights = "fine-tune"
    size: Annotated[int, Field(ge=8, le=4096)] = 128
    steps: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=2, le=65_536)] = 64
    optimizer: str = "adamw"
    lr: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    weight_decay: Rate = 0.05
    schedule: Schedule = "cosine"
    warmup_steps: Count = 0
    average: Annotated[float, Field(ge=0, le=1)] = 0.0
    label_smoothing: Annotated[float, Field(ge=0, le=1)] = 0.0
    loss: LossName = "cross_entropy"
    mixer: str | None = None
    transform: str = "standard"
    precision: Precision = "no"
    seed: Count = 0
    workers: Count = 0

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        if self.transform not in TRANSFORMS:
            raise ValueError(
                f"there is no transform {self.transform!r}: {nearest(self.transform, TRANSFORMS)}"
            )
        if self.optimizer not in (known := [str(name) for name in list_optimizers()]):
            hint = nearest(self.optimizer, known)
            if not hint.startswith("did"):  # there are more than a hundred
                hint = "give a name of timm's, such as adamw, sgd, lamb"
            raise ValueError(f"there is no optimizer {self.optimizer!r}: {hint}")
        if self.lr is None and "adam" not in self.optimizer:
            raise ValueError(f"give a learning rate (lr) for {self.optimizer!r}: it has no default")
        if self.warmup_steps >= self.steps:
            raise ValueError(
                f"warmup_steps is {self.warmup_steps} of {self.steps} steps: warm up for fewer"
            )
        if self.mixer is not None:
            create_mixer(self.mixer, 2)  # MixerError is a ValueError
        return self

    @property
    def learning_rate(self) -> float:
        """The highest learning rate of the run."""
        return _RATES[self.weights] if self.lr is None else self.lr

    @classmethod
    def of(cls, **settings: object) -> Self:
        """Make settings from plain values.

        Raises:
            TrainingError: If one does not fit, in one line.
        """
        return validate(settings, cls, TrainingError, "the settings")
