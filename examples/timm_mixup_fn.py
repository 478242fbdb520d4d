"""timm: a genmix mixer where timm's training loop has its `mixup_fn`.

In timm's own train.py, pass --no-prefetcher: its prefetcher mixes in the collate function instead.

Run it: python examples/timm_mixup_fn.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import timm
import torch
from timm.data.transforms_factory import create_transform
from timm.loss import SoftTargetCrossEntropy
from timm.optim import create_optimizer_v2
from timm.utils import AverageMeter
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler
from torchvision.datasets import ImageFolder

from genmix.datasets.samples import synthetic_photos
from genmix.mixing import CutMix, MixUp, RandomMix

CLASSES, BATCH, SIZE = 2, 32, 48

Loader = DataLoader[tuple[Tensor, Tensor]]


def train_one_epoch(
    model: nn.Module, loader: Loader, optimizer: torch.optim.Optimizer, mixup_fn: nn.Module
) -> None:
    # SoftTargetLoss() does the same, and also takes labels that are not mixed.
    loss_fn = SoftTargetCrossEntropy()
    model.train()
    for images, labels in loader:
        mixed, targets = mixup_fn(images, labels)
        loss = loss_fn(model(mixed), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def validate(model: nn.Module, loader: Loader) -> float:
    loss_fn, losses = nn.CrossEntropyLoss(), AverageMeter()
    model.eval()
    for images, labels in loader:
        losses.update(float(loss_fn(model(images), labels)), len(labels))
    return float(losses.avg)


def main(folder: Path, *, steps: int = 80, seed: int = 0) -> tuple[float, float]:
    torch.manual_seed(seed)
    transform = create_transform(SIZE, crop_pct=1.0)
    for number, part in enumerate(["training", "validation"]):
        synthetic_photos(folder / part, classes=CLASSES, per_class=120, size=SIZE, seed=number)
    photos = ImageFolder(folder / "training", transform)
    sampler = RandomSampler(photos, num_samples=steps * BATCH)
    training = DataLoader(photos, BATCH, sampler=sampler)
    validation = DataLoader(ImageFolder(folder / "validation", transform), BATCH)
    model = timm.create_model("test_resnet", num_classes=CLASSES)
    optimizer = create_optimizer_v2(model, "adamw", lr=3e-3)
    mixup_fn = RandomMix([MixUp(), CutMix()], num_classes=CLASSES)
    first = validate(model, validation)
    train_one_epoch(model, training, optimizer, mixup_fn)
    last = validate(model, validation)
    print(f"validation loss {first:.3f} → {last:.3f}")
    return first, last


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        main(Path(scratch))
