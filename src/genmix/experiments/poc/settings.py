"""What the user of a proof of concept decides; everything else is planned or chosen."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from genmix.images import Fit
from genmix.training.settings import TrainSettings


class PocSettings(BaseModel):
    """Settings of a proof of concept; results depend on all of them.

    Attributes:
        data: The labelled photos; see `genmix.datasets.open_source`.
        test: Photos of the same kind to test on; a quarter of `data` when left out.
        targets: Folders of another domain by name, of class folders or of pictures without labels.
        recipe: A preset or a recipe file to start from; by what is given when left out.
        train: Model and optimizer; the plan says how many steps.
        steps: Of every training; planned when left out.
        fit: How a photo becomes a square; see `genmix.images.prepare`.
        budget_seconds: The time given.
        seed: Of the split of the photos.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str
    test: str | None = None
    targets: Mapping[str, str] = {}
    recipe: str | None = None
    train: TrainSettings
    steps: Annotated[int, Field(ge=1)] | None = None
    fit: Fit = "crop"
    budget_seconds: Annotated[float, Field(gt=0)]
    seed: Annotated[int, Field(ge=0)] = 0

    def training(self, steps: int) -> TrainSettings:
        """Return the settings of a training of so many steps.

        Raises:
            TrainingError: If something in them does not fit, such as a longer warm-up.
        """
        return TrainSettings.of(**self.train.model_dump(exclude={"steps"}), steps=steps)

    def identity(self) -> dict[str, Any]:
        """Return them as plain values."""
        return self.model_dump(mode="json", exclude={"train": {"steps", "workers"}})


CURRENCY = "USD"
"""Of prices, where none is given."""


class Prices(BaseModel):
    """What an hour costs, for the reckoning at the end; nothing is reckoned without.

    Attributes:
        gpu_hour: An hour of a GPU.
        cpu_hour: An hour of this machine, all of its processors.
        currency: Such as "EUR"; that of earlier prices, or `CURRENCY`, when left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gpu_hour: Annotated[float, Field(ge=0)] | None = None
    cpu_hour: Annotated[float, Field(ge=0)] | None = None
    currency: str | None = None
