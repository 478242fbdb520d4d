"""Accelerate: one loop for a CPU, a GPU or many; each process mixes its own batches.

Run it: python examples/accelerate_loop.py, or with `accelerate launch` for several processes
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from genmix.datasets.samples import synthetic_photos
from genmix.mixing import CutMix, MixUp, RandomMix, SoftTargetLoss

CLASSES, BATCH = 2, 32


def photos(folder: Path, seed: int) -> ImageFolder:
    synthetic_photos(folder, classes=CLASSES, per_class=120, size=32, seed=seed)
    to_tensor = [v2.ToImage(), v2.Resize((32, 32)), v2.ToDtype(torch.float32, scale=True)]
    return ImageFolder(folder, v2.Compose(to_tensor))


def network() -> nn.Module:
    layers: list[nn.Module] = [nn.InstanceNorm2d(3)]
    for before, after in [(3, 8), (8, 16), (16, 32)]:
        layers += [nn.Conv2d(before, after, 5, padding=2), nn.BatchNorm2d(after)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, CLASSES))


@torch.no_grad()
def evaluate(
    accelerator: Accelerator, model: nn.Module, loader: DataLoader[tuple[Tensor, Tensor]]
) -> float:
    model.eval()
    each, losses = SoftTargetLoss(reduction="none"), []
    for images, labels in loader:
        losses.append(accelerator.gather_for_metrics(each(model(images), labels)))
    return float(torch.cat(losses).mean())


def main(folder: Path, *, steps: int = 80, seed: int = 0) -> tuple[float, float]:
    accelerator = Accelerator()
    set_seed(seed, device_specific=True)  # a seed of its own for each process, so for its mixer
    with accelerator.main_process_first():
        training = photos(folder / "training", seed=1)
        validation = photos(folder / "validation", seed=2)
    sampler = RandomSampler(training, num_samples=steps * BATCH)
    model = network()
    model, optimizer, train_loader, validation_loader = accelerator.prepare(
        model,
        torch.optim.AdamW(model.parameters(), lr=3e-3),
        DataLoader(training, BATCH, sampler=sampler),
        DataLoader(validation, BATCH),
    )
    mixer, loss = RandomMix([MixUp(), CutMix()], num_classes=CLASSES), SoftTargetLoss()
    first = evaluate(accelerator, model, validation_loader)
    model.train()
    for images, labels in train_loader:
        mixed, targets = mixer(images, labels)
        optimizer.zero_grad()
        accelerator.backward(loss(model(mixed), targets))
        optimizer.step()
    last = evaluate(accelerator, model, validation_loader)
    accelerator.print(f"validation loss {first:.3f} → {last:.3f}")
    return first, last


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        main(Path(scratch))
