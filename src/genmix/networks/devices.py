"""Where a network that a process asks now and then should lie."""

import torch

from genmix.processes import worker_number


def worker_device() -> torch.device:
    """Return this process's GPU, of which worker processes take turns, or else the processor."""
    gpus = torch.cuda.device_count()
    return torch.device("cuda", worker_number() % gpus) if gpus else torch.device("cpu")
