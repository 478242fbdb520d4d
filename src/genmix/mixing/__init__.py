"""Batch transforms on tensors: mixup and its family, GenMix online, and the losses they need."""

from genmix.mixing.cutmix import Box, CutMix, cutmix
from genmix.mixing.genmix import GenMix, genmix
from genmix.mixing.losses import SoftTargetLoss, bce, cross_entropy, kl_div
from genmix.mixing.metrics import mixed_accuracy
from genmix.mixing.mixup import MixUp, mixup
from genmix.mixing.online import GenMixDataset
from genmix.mixing.stacking import RandomMix, Sequential

__all__ = [
    "Box",
    "CutMix",
    "GenMix",
    "GenMixDataset",
    "MixUp",
    "RandomMix",
    "Sequential",
    "SoftTargetLoss",
    "bce",
    "cross_entropy",
    "cutmix",
    "genmix",
    "kl_div",
    "mixed_accuracy",
    "mixup",
]
