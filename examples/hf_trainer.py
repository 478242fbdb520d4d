"""Hugging Face Trainer: a collator that mixes, for training batches only, and a loss to match.

Run it: python examples/hf_trainer.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, default_collate
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from transformers import ResNetConfig, ResNetForImageClassification, Trainer, TrainingArguments

from genmix.datasets.samples import synthetic_photos
from genmix.mixing import CutMix, MixUp, RandomMix, cross_entropy

CLASSES, BATCH = 2, 32

mixer = RandomMix([MixUp(), CutMix()], num_classes=CLASSES)


def collate(samples: list[tuple[Tensor, int]]) -> dict[str, Tensor]:
    images, labels = default_collate(samples)
    return {"pixel_values": images, "labels": labels}


def mixed_collate(samples: list[tuple[Tensor, int]]) -> dict[str, Tensor]:
    images, targets = mixer(*default_collate(samples))
    return {"pixel_values": images, "labels": targets}


class MixTrainer(Trainer):
    def get_train_dataloader(self) -> DataLoader[Any]:
        # A Trainer has one collator for training and evaluation; mix only in training.
        self.data_collator = mixed_collate
        loader = super().get_train_dataloader()
        self.data_collator = collate
        return loader


def soft_loss(outputs: Any, labels: Tensor, num_items_in_batch: Tensor | None = None) -> Tensor:
    # Left alone, the model would take float labels for several classes a picture. What the Trainer
    # counts, over all the batches that it accumulates, are entries: K for each mixed sample.
    samples = len(labels) if num_items_in_batch is None else num_items_in_batch / labels[0].numel()
    return cross_entropy(outputs.logits, labels, reduction="sum") / samples


def photos(folder: Path, seed: int) -> ImageFolder:
    synthetic_photos(folder, classes=CLASSES, per_class=120, size=32, seed=seed)
    to_tensor = [v2.ToImage(), v2.Resize((32, 32)), v2.ToDtype(torch.float32, scale=True)]
    return ImageFolder(folder, v2.Compose([*to_tensor, v2.Normalize([0.5], [0.25])]))


def main(folder: Path, *, steps: int = 80, seed: int = 0) -> tuple[float, float]:
    torch.manual_seed(seed)
    sizes = {"embedding_size": 16, "hidden_sizes": [16, 32], "depths": [1, 1]}
    config = ResNetConfig.from_dict({**sizes, "layer_type": "basic", "num_labels": CLASSES})
    options = TrainingArguments(
        output_dir=str(folder / "run"), use_cpu=True, seed=seed, max_steps=steps, report_to=[],
        per_device_train_batch_size=BATCH, learning_rate=3e-3, save_strategy="no",
    )  # fmt: skip
    trainer = MixTrainer(
        ResNetForImageClassification(config), options, data_collator=collate,
        train_dataset=photos(folder / "training", seed=1),
        eval_dataset=photos(folder / "validation", seed=2), compute_loss_func=soft_loss,
    )  # fmt: skip
    first = trainer.evaluate()["eval_loss"]
    trainer.train()
    last = trainer.evaluate()["eval_loss"]
    print(f"validation loss {first:.3f} → {last:.3f}")
    return first, last


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        main(Path(scratch))
