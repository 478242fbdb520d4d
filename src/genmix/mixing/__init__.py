"""Batch transforms on tensors: mixup and its family, GenMix online, and the losses they need."""

from genmix.mixing.cutmix import Box, CutMix, cutmix
from genmix.mixing.mixup import MixUp, mixup

__all__ = ["Box", "CutMix", "MixUp", "cutmix", "mixup"]
