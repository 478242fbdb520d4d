"""Lightning: a mixer as a submodule, called on each batch once it is on the device.

Run it: python examples/lightning_module.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from genmix.datasets.samples import synthetic_photos
from genmix.mixing import CutMix, MixUp, RandomMix, SoftTargetLoss

CLASSES, BATCH = 2, 32

Batch = tuple[Tensor, Tensor]


class Classifier(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.InstanceNorm2d(3)]
        for before, after in [(3, 8), (8, 16), (16, 32)]:
            layers += [nn.Conv2d(before, after, 5, padding=2), nn.BatchNorm2d(after)]
            layers += [nn.ReLU(), nn.MaxPool2d(2)]
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, CLASSES)]
        self.network = nn.Sequential(*layers)
        self.mixer = RandomMix([MixUp(), CutMix()], num_classes=CLASSES)
        self.loss = SoftTargetLoss()

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:  # noqa: ARG002
        # Lightning sets submodules to eval() to validate and test: there the mixer does nothing.
        return self.mixer(*batch)

    def training_step(self, batch: Batch) -> Tensor:
        images, targets = batch
        return self.loss(self.network(images), targets)

    def validation_step(self, batch: Batch) -> None:
        images, labels = batch
        self.log("loss", self.loss(self.network(images), labels), batch_size=len(labels))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.network.parameters(), lr=3e-3)


def photos(folder: Path, seed: int) -> ImageFolder:
    synthetic_photos(folder, classes=CLASSES, per_class=120, size=32, seed=seed)
    to_tensor = [v2.ToImage(), v2.Resize((32, 32)), v2.ToDtype(torch.float32, scale=True)]
    return ImageFolder(folder, v2.Compose(to_tensor))


def main(folder: Path, *, steps: int = 80, seed: int = 0) -> tuple[float, float]:
    torch.manual_seed(seed)
    training = DataLoader(photos(folder / "training", seed=1), BATCH, shuffle=True)
    validation = DataLoader(photos(folder / "validation", seed=2), BATCH)
    trainer = lightning.Trainer(
        accelerator="cpu", max_steps=steps, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    model = Classifier()
    first = trainer.validate(model, validation, verbose=False)[0]["loss"]
    trainer.fit(model, training, validation)
    last = trainer.validate(model, validation, verbose=False)[0]["loss"]
    print(f"validation loss {first:.3f} → {last:.3f}")
    return first, last


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        main(Path(scratch))
