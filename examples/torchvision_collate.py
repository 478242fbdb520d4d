"""torchvision: transforms for each picture, and a mixer for each batch in the collate function.

Run it: python examples/torchvision_collate.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler, default_collate
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from genmix.datasets.samples import synthetic_photos
from genmix.mixing import CutMix, MixUp, RandomMix, cross_entropy

CLASSES, BATCH = 2, 32

prepare = v2.Compose([v2.ToImage(), v2.Resize((32, 32)), v2.ToDtype(torch.float32, scale=True)])
augment = v2.Compose(
    [prepare, v2.RandomCrop(32, padding=3, padding_mode="edge"), v2.RandomHorizontalFlip()]
)

# In a collate function, give mixers no generator: each worker of a DataLoader would draw the same.
mixer = RandomMix([MixUp(), CutMix()], num_classes=CLASSES)


def mixed_collate(samples: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
    return mixer(*default_collate(samples))


def network() -> nn.Module:
    layers: list[nn.Module] = [nn.InstanceNorm2d(3)]
    for before, after in [(3, 8), (8, 16), (16, 32)]:
        layers += [nn.Conv2d(before, after, 5, padding=2), nn.BatchNorm2d(after)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, CLASSES))


@torch.no_grad()
def evaluate(model: nn.Module, loader: DataLoader[tuple[Tensor, Tensor]]) -> float:
    model.eval()
    losses = [cross_entropy(model(images), labels, reduction="none") for images, labels in loader]
    return float(torch.cat(losses).mean())


def main(folder: Path, *, steps: int = 80, seed: int = 0, workers: int = 0) -> tuple[float, float]:
    torch.manual_seed(seed)
    for number, part in enumerate(["training", "validation"]):
        synthetic_photos(folder / part, classes=CLASSES, per_class=120, size=32, seed=number)
    training = ImageFolder(folder / "training", augment)
    validation = DataLoader(ImageFolder(folder / "validation", prepare), BATCH)
    loader = DataLoader(
        training,
        BATCH,
        sampler=RandomSampler(training, num_samples=steps * BATCH),
        collate_fn=mixed_collate,
        num_workers=workers,
    )
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    first = evaluate(model, validation)
    model.train()
    for mixed, targets in loader:
        loss = cross_entropy(model(mixed), targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    last = evaluate(model, validation)
    print(f"validation loss {first:.3f} → {last:.3f}")
    return first, last


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        main(Path(scratch))
