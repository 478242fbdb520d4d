"""Batch transforms on tensors: mixup and its family, GenMix online, and the losses they need."""

from genmix.mixing.cutmix import Box, CutMix, cutmix
from genmix.mixing.fmix import FMix, fmix
from genmix.mixing.genmix import GenMix, genmix
from genmix.mixing.gridmix import GridMix, gridmix
from genmix.mixing.losses import SoftTargetLoss, bce, cross_entropy, kl_div
from genmix.mixing.metrics import mixed_accuracy
from genmix.mixing.mixup import MixUp, mixup
from genmix.mixing.online import GenMixDataset
from genmix.mixing.resizemix import ResizeMix, resizemix
from genmix.mixing.saliencymix import SaliencyMix, find_peaks, saliency, saliencymix
from genmix.mixing.smoothmix import SmoothMix, Spot, smoothmix
from genmix.mixing.stacking import RandomMix, Sequential

__all__ = [
    "Box",
    "CutMix",
    "FMix",
    "GenMix",
    "GenMixDataset",
    "GridMix",
    "MixUp",
    "RandomMix",
    "ResizeMix",
    "SaliencyMix",
    "Sequential",
    "SmoothMix",
    "SoftTargetLoss",
    "Spot",
    "bce",
    "cross_entropy",
    "cutmix",
    "find_peaks",
    "fmix",
    "genmix",
    "gridmix",
    "kl_div",
    "mixed_accuracy",
    "mixup",
    "resizemix",
    "saliency",
    "saliencymix",
    "smoothmix",
]
