"""The running mean of a model's weights over steps (stochastic weight averaging)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """The mean of everything in a model that is a floating-point number, over the steps seen.

    Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization" (UAI 2018,
    arXiv 1803.05407): equal weight for each step. Batch normalisation's running statistics are
    averaged too.

    Attributes:
        count: Steps seen.
    """

    def __init__(self, model: nn.Module) -> None:
        """Start with nothing seen."""
        self.count = 0
        self._mean = {name: torch.zeros_like(value) for name, value in _numbers(model).items()}

    @torch.no_grad()
    def add(self, model: nn.Module) -> None:
        """See the model after one more step."""
        self.count += 1
        for name, value in _numbers(model).items():
            self._mean[name].lerp_(value, 1 / self.count)

    @torch.no_grad()
    def copy_to(self, model: nn.Module) -> None:
        """Give the model the mean."""
        for name, value in _numbers(model).items():
            value.copy_(self._mean[name])

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` takes: plain values and tensors."""
        return {"count": self.count, "mean": self._mean}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; what it holds is copied to where the mean lies."""
        self.count = state["count"]
        for name, value in state["mean"].items():
            self._mean[name].copy_(value)


def _numbers(model: nn.Module) -> dict[str, Tensor]:
    state: dict[str, Tensor] = model.state_dict()
    return {name: value for name, value in state.items() if value.is_floating_point()}
