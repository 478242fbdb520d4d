"""GenMix online: a DataLoader with two workers at 224², with it and without."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from skimage import data
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from benchmarks.result import Result, medians
from genmix.images import encode_jpeg, resize
from genmix.jobs import augment
from genmix.mixing import GenMixDataset
from genmix.recipe import load_recipe

COPIES = 64


def run() -> Iterator[Result]:
    """Read real photos of 500 x 375 with the transforms of a usual training."""
    with tempfile.TemporaryDirectory() as scratch:
        photos, out, edits = (Path(scratch) / name for name in ("photos", "out", "edits"))
        _write_photos(photos)
        for preset in ("classification", "paper"):
            recipe = load_recipe(preset).changed(size=224, prompts={"per_photo": 2})
            augment(photos, out / preset, recipe, workers=2, edits=edits)
            loaders = [_epoch(photos, out / preset, edits, p) for p in (0.0, 0.5, 1.0)]
            without, half, always = medians(loaders, 5)
            count = 4 * COPIES
            yield Result(f"loader without GenMix ({preset})", f"{count / without:.0f} /s")
            yield Result(
                "every second picture composed",
                f"{count / half:.0f} /s",
                f"{without / half:.0%}",
                ">= 90 %",
            )
            yield Result(
                "every picture composed", f"{count / always:.0f} /s", f"{without / always:.0%}"
            )


def _write_photos(folder: Path) -> None:
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        encoded = encode_jpeg(resize(getattr(data, name)(), 375, 500))
        (folder / name).mkdir(parents=True)
        for copy in range(COPIES):
            (folder / name / f"{copy}.jpg").write_bytes(encoded)


def _epoch(photos: Path, out: Path, edits: Path, probability: float) -> Callable[[], None]:
    transform: Callable[[Tensor], Tensor] = v2.Compose(
        [
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    dataset = GenMixDataset(photos, out, edits=edits, probability=probability, transform=transform)
    loader = DataLoader(dataset, batch_size=32, num_workers=2, persistent_workers=True)

    def epoch() -> None:
        for _ in loader:
            pass

    return epoch
