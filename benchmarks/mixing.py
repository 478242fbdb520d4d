"""Mixers on the CPU against torchvision, timm, kornia and a copy, at two common batch shapes."""

from collections.abc import Callable, Iterator
from typing import Any

import kornia.augmentation
import torch
from timm.data.mixup import Mixup
from torch import Tensor
from torchvision.transforms import v2

from benchmarks.result import Result, medians
from genmix import mixing
from genmix.mixing.base import Mixer

CLASSES = 10
SHAPES = ((64, 3, 224, 224), (256, 3, 32, 32))
LABEL_MIXING = ("CutMix", "ResizeMix", "FMix", "GridMix", "SmoothMix", "SaliencyMix")
LABEL_KEEPING = ("Cutout", "AugMix", "PixMix", "IPMix")


def run() -> Iterator[Result]:
    """Time every method in turn, in one process, with torch's default threads."""
    torch.manual_seed(0)
    for shape in SHAPES:
        yield from _compare(shape)


def _compare(shape: tuple[int, ...]) -> Iterator[Result]:
    images, labels = torch.rand(shape), torch.randint(CLASSES, shape[:1])
    buffer = torch.empty_like(images)
    calls: dict[str, Callable[[], object]] = {"copy": lambda: buffer.copy_(images)}
    for name, mixer in {**_peers(), **_ours(images)}.items():
        calls[name] = _call(mixer, images, labels)
    seconds = dict(zip(calls, medians(list(calls.values()), 15), strict=True))
    yield Result(f"{' x '.join(map(str, shape))}: copy into a buffer", _ms(seconds["copy"]))
    for name in _peers():
        yield Result(name, _ms(seconds[name]))
    best_peer = min(seconds[name] for name in _peers() if "MixUp" in name)
    for name in _ours(images):
        yield Result(f"genmix {name}", _ms(seconds[name]), *_ratio(name, seconds, best_peer))


def _ours(images: Tensor) -> dict[str, Any]:
    settings: dict[str, Any] = {"num_classes": CLASSES}
    mixers: dict[str, Mixer] = {
        "MixUp": mixing.MixUp(**settings),
        "MixUp, in place": mixing.MixUp(**settings, inplace=True),
        "CutMix, in place": mixing.CutMix(**settings, inplace=True),
    }
    mixers |= {name: getattr(mixing, name)(**settings) for name in LABEL_MIXING + LABEL_KEEPING}
    pairs = torch.stack([images, images.flip(0)], dim=1)
    fractals = torch.randint(0, 256, (8, *images.shape[1:]), dtype=torch.uint8)
    genmix = mixing.GenMix(fractals, num_classes=CLASSES)
    return {**mixers, "GenMix": lambda _, labels: genmix(pairs, labels)}


def _peers() -> dict[str, Any]:
    timm: Any = Mixup
    return {
        "torchvision MixUp": v2.MixUp(num_classes=CLASSES),
        "torchvision CutMix": v2.CutMix(num_classes=CLASSES),
        "timm MixUp": timm(mixup_alpha=1.0, num_classes=CLASSES),
        "timm CutMix": timm(mixup_alpha=0.0, cutmix_alpha=1.0, num_classes=CLASSES),
        "kornia MixUp": kornia.augmentation.RandomMixUpV2(p=1.0),
        "torchvision AugMix": lambda images, _: v2.AugMix()(images),
    }


def _call(
    mixer: Callable[[Tensor, Tensor], object], images: Tensor, labels: Tensor
) -> Callable[[], object]:
    return lambda: mixer(images, labels)


def _ratio(name: str, seconds: dict[str, float], best_peer: float) -> tuple[str, str]:
    """Return what a method's time is compared with, and the aim."""
    if name == "MixUp":
        return f"{best_peer / seconds[name]:.1f} x the best peer", "> 1 x"
    if name == "MixUp, in place":
        torchvision = seconds["torchvision MixUp"] / seconds[name]
        copy = seconds[name] / seconds["copy"]
        return f"{torchvision:.1f} x torchvision, {copy:.1f} x the copy", ">= 4 x, <= 2 x"
    if name == "CutMix, in place":
        return f"{seconds['torchvision CutMix'] / seconds[name]:.1f} x torchvision", ">= 4 x"
    return f"{seconds[name] / seconds['MixUp']:.1f} x MixUp", "<= 3 x"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"
