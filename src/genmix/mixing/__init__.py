"""Batch transforms on tensors: mixup and its family, GenMix online, and the losses they need."""

from genmix.mixing.cutmix import Box, CutMix, cutmix
from genmix.mixing.genmix import GenMix, genmix
from genmix.mixing.mixup import MixUp, mixup
from genmix.mixing.online import GenMixDataset

__all__ = ["Box", "CutMix", "GenMix", "GenMixDataset", "MixUp", "cutmix", "genmix", "mixup"]
