"""Processes whose statistics differ, as those of their parts of a batch do; a program for torchrun.

Validating must give all of them the first one's, for those are written with the model.
"""

import sys
from pathlib import Path

import torch

from genmix.training.building import build_accelerator
from genmix.training.checkpoint import RunFolder
from genmix.training.data import Photos
from genmix.training.run import Run
from tests.training.runs import SIZE, settings

if __name__ == "__main__":
    photos, out = map(Path, sys.argv[1:])
    chosen = settings()
    opened, accelerator = Photos(photos, SIZE), build_accelerator(chosen)
    run = Run(chosen, opened, opened, RunFolder(out), accelerator)
    for statistics in run.classifier.buffers():
        statistics.add_(accelerator.process_index)
    run._validate()
    own = torch.cat([values.flatten().double() for values in run.classifier.buffers()])
    first, *others = accelerator.gather(own[None])
    if not all(torch.equal(first, other) for other in others):
        sys.exit("the processes validate different models")
