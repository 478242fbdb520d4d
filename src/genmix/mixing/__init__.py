"""Batch transforms on tensors: mixup and its family, GenMix online, and the losses they need."""

from genmix.mixing.augmix import AugMix, augmix, jensen_shannon
from genmix.mixing.cutmix import Box, CutMix, cutmix
from genmix.mixing.cutout import Cutout, cutout
from genmix.mixing.fmix import FMix, fmix
from genmix.mixing.genmix import GenMix, genmix
from genmix.mixing.gridmix import GridMix, gridmix
from genmix.mixing.ipmix import IPMix, Patch, ipmix
from genmix.mixing.losses import SoftTargetLoss, bce, cross_entropy, kl_div
from genmix.mixing.metrics import mixed_accuracy
from genmix.mixing.mixup import MixUp, mixup
from genmix.mixing.online import GenMixDataset
from genmix.mixing.operations import operate
from genmix.mixing.pixmix import PixMix, Round, pixmix
from genmix.mixing.resizemix import ResizeMix, resizemix
from genmix.mixing.saliencymix import SaliencyMix, find_peaks, saliency, saliencymix
from genmix.mixing.smoothmix import SmoothMix, Spot, smoothmix
from genmix.mixing.stacking import RandomMix, Sequential
from genmix.mixing.steps import Step

__all__ = [
    "AugMix",
    "Box",
    "CutMix",
    "Cutout",
    "FMix",
    "GenMix",
    "GenMixDataset",
    "GridMix",
    "IPMix",
    "MixUp",
    "Patch",
    "PixMix",
    "RandomMix",
    "ResizeMix",
    "Round",
    "SaliencyMix",
    "Sequential",
    "SmoothMix",
    "SoftTargetLoss",
    "Spot",
    "Step",
    "augmix",
    "bce",
    "cross_entropy",
    "cutmix",
    "cutout",
    "find_peaks",
    "fmix",
    "genmix",
    "gridmix",
    "ipmix",
    "jensen_shannon",
    "kl_div",
    "mixed_accuracy",
    "mixup",
    "operate",
    "pixmix",
    "resizemix",
    "saliency",
    "saliencymix",
    "smoothmix",
]
