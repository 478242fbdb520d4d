"""Mixers on the CPU against torchvision, timm, kornia and a copy, at two common batch shapes.

Fresh memory costs a CPU more than arithmetic, and what a call pays for it depends on what its
process allocated before: after another library's call it can take several calls until the time
settles. So calls are compared only within a group, each group and shape has a process that nothing
else ran in, and in it the calls take turns, small batches several times in a row and all once
uncounted before they are timed. All mix the same batch and its labels, timm and what is marked "in
place" within it.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from kornia.augmentation import RandomCutMixV2, RandomMixUpV2
from timm.data.mixup import Mixup
from torch import Tensor
from torchvision.transforms import v2

from benchmarks.result import Result, medians
from genmix import mixing

CLASSES = 10
SHAPES: dict[tuple[int, ...], tuple[int, int]] = {
    (64, 3, 224, 224): (15, 1),
    (256, 3, 32, 32): (21, 8),
}
"""How many turns each call has, and how often it is called in a row, by the shape of the batch."""

Mix = Callable[[Tensor, Tensor], object]


def run() -> Iterator[Result]:
    """Time every group at every shape, with torch's default threads."""
    for shape in SHAPES:
        yield Result(" x ".join(map(str, shape)), "")
        for group, rows in (("MixUp", _peer_rows), ("CutMix", _peer_rows), ("others", _other_rows)):
            command = [sys.executable, "-m", "benchmarks.mixing", group, *map(str, shape)]
            yield from rows(group, json.loads(subprocess.check_output(command)))


def measure(group: str, shape: tuple[int, ...]) -> dict[str, float]:
    """Time the calls of a group in turn, in this process: the median seconds of each, by name."""
    turns, in_a_row = SHAPES[shape]
    torch.manual_seed(0)
    images, labels = torch.rand(shape), torch.randint(CLASSES, shape[:1])
    mixers = _others(images) if group == "others" else _contenders(group, images)
    calls = [_call(mixer, images, labels, in_a_row) for mixer in mixers.values()]
    seconds = [each / in_a_row for each in medians(calls, turns)]
    return dict(zip(mixers, seconds, strict=True))


def _contenders(method: str, images: Tensor) -> dict[str, Mix]:
    """Return every library's MixUp or CutMix, and what copies the batch into a buffer."""
    buffer = torch.empty_like(images)
    timm: Any = Mixup
    keys: Any = ["input", "class"]
    if method == "MixUp":
        by_timm = timm(mixup_alpha=1.0, num_classes=CLASSES)
        by_kornia: Any = RandomMixUpV2(data_keys=keys)
    else:
        by_timm = timm(mixup_alpha=0.0, cutmix_alpha=1.0, num_classes=CLASSES)
        by_kornia = RandomCutMixV2(data_keys=keys, use_correct_lambda=True)
    ours = getattr(mixing, method)
    return {
        "copy": lambda images, _: buffer.copy_(images),
        "torchvision": getattr(v2, method)(num_classes=CLASSES),
        "timm": by_timm,
        "kornia": by_kornia,
        "genmix": ours(num_classes=CLASSES),
        "in place": ours(num_classes=CLASSES, inplace=True),
    }


def _others(images: Tensor) -> dict[str, Mix]:
    """Return our other methods, with MixUp to compare them with, and torchvision's AugMix."""
    names = ["MixUp", "ResizeMix", "FMix", "GridMix", "SmoothMix", "SaliencyMix"]
    names += ["Cutout", "AugMix", "PixMix", "IPMix"]
    mixers: dict[str, Mix] = {name: getattr(mixing, name)(num_classes=CLASSES) for name in names}
    pairs = torch.stack([images, images.flip(0)], dim=1)
    fractals = torch.randint(0, 256, (8, *images.shape[1:]), dtype=torch.uint8)
    genmix = mixing.GenMix(fractals, num_classes=CLASSES)
    augmix = v2.AugMix()
    return {
        **mixers,
        "GenMix": lambda _, labels: genmix(pairs, labels),
        "torchvision AugMix": lambda images, _: augmix(images),
    }


def _call(mix: Mix, images: Tensor, labels: Tensor, in_a_row: int) -> Callable[[], None]:
    def call() -> None:
        for _ in range(in_a_row):
            mix(images, labels)

    return call


def _peer_rows(method: str, seconds: dict[str, float]) -> Iterator[Result]:
    """Compare our default with the best peer, and in place with torchvision and the copy."""
    default, inplace = seconds.pop("genmix"), seconds.pop("in place")
    copy, torchvision = seconds["copy"], seconds["torchvision"]
    yield Result("copy into a buffer", _ms(seconds.pop("copy")))
    for name, theirs in seconds.items():
        yield Result(f"{name} {method}{', in place' if name == 'timm' else ''}", _ms(theirs))
    best = min(seconds.values())
    yield Result(f"genmix {method}", _ms(default), f"{best / default:.1f} x the best peer", "> 1 x")
    ratio = f"{torchvision / inplace:.1f} x torchvision, {inplace / copy:.1f} x the copy"
    aim = ">= 4 x, <= 2 x" if method == "MixUp" else ">= 4 x"
    yield Result(f"genmix {method}, in place", _ms(inplace), ratio, aim)


def _other_rows(_: str, seconds: dict[str, float]) -> Iterator[Result]:
    """Compare each method with our MixUp."""
    theirs, mixup = seconds.pop("torchvision AugMix"), seconds.pop("MixUp")
    yield Result("genmix MixUp, beside the following", _ms(mixup))
    for name, own in seconds.items():
        yield Result(f"genmix {name}", _ms(own), f"{own / mixup:.1f} x MixUp", "<= 3 x")
    yield Result("torchvision AugMix", _ms(theirs))


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds > 1e-3 else f"{seconds * 1e3:.3f} ms"


if __name__ == "__main__":
    wanted, *sizes = sys.argv[1:]
    sys.stdout.write(json.dumps(measure(wanted, tuple(map(int, sizes)))))
