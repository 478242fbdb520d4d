"""Labelled photos in, a training set out: sources, the manifest, the dataset card, samples."""

from genmix.datasets.opening import open_source
from genmix.datasets.source import Ignored, Photo, Source

__all__ = ["Ignored", "Photo", "Source", "open_source"]
