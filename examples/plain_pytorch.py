"""A loop in plain PyTorch: mix each batch, train on soft targets, evaluate unmixed.

Run it: python examples/plain_pytorch.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from genmix.datasets.samples import synthetic_photos
from genmix.mixing import CutMix, MixUp, RandomMix, SoftTargetLoss, mixed_accuracy

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
def evaluate(model: nn.Module, loss: nn.Module, validation: ImageFolder) -> tuple[float, float]:
    model.eval()
    batches = list(DataLoader(validation, BATCH))
    logits = torch.cat([model(images) for images, _ in batches])
    labels = torch.cat([labels for _, labels in batches])
    return float(loss(logits, labels)), float(mixed_accuracy(logits, labels))


def train(model: nn.Module, loss: nn.Module, loader: DataLoader[tuple[Tensor, Tensor]]) -> None:
    mixer = RandomMix([MixUp(), CutMix()], num_classes=CLASSES)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for images, labels in loader:
        mixed, targets = mixer(images, labels)
        batch_loss = loss(model(mixed), targets)
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()


def main(folder: Path, *, steps: int = 80, seed: int = 0) -> tuple[float, float]:
    torch.manual_seed(seed)
    training = photos(folder / "training", seed=1)
    validation = photos(folder / "validation", seed=2)
    model, loss = network(), SoftTargetLoss()
    first, accuracy_first = evaluate(model, loss, validation)
    sampler = RandomSampler(training, num_samples=steps * BATCH)
    train(model, loss, DataLoader(training, BATCH, sampler=sampler))
    last, accuracy_last = evaluate(model, loss, validation)
    print(
        f"validation loss {first:.3f} → {last:.3f}, "
        f"accuracy {accuracy_first:.0%} → {accuracy_last:.0%}"
    )
    return first, last


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        main(Path(scratch))
