"""The mean of weights over steps."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from genmix.datasets.samples import synthetic_photos
from genmix.training.averaging import WeightAverage
from genmix.training.data import Photos
from genmix.training.loop import train
from tests.training.runs import SIZE, settings


def changed(model: nn.Module, seed: int) -> dict[str, np.ndarray]:
    """Give a model other numbers; return them."""
    drawn = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.randn(value.shape, generator=drawn))
    return {
        name: value.double().numpy().copy()
        for name, value in model.state_dict().items()
        if value.is_floating_point()
    }


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def test_it_is_the_mean_of_all_weights_and_statistics_seen() -> None:
    model = network()
    average = WeightAverage(model)
    seen = []
    for seed in range(7):
        seen.append(changed(model, seed))
        average.add(model)
    changed(model, 99)
    average.copy_to(model)
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            wanted = np.mean([numbers[name] for numbers in seen], axis=0)
            assert np.abs(value.numpy() - wanted).max() < 1e-6


def test_going_on_from_its_state_gives_the_same_numbers() -> None:
    model, other = network(), network()
    whole, first, second = (WeightAverage(one) for one in (model, model, other))
    for seed in range(4):
        changed(model, seed)
        whole.add(model)
        if seed < 2:
            first.add(model)
    second.load_state_dict(first.state_dict())
    for seed in (2, 3):
        changed(other, seed)
        second.add(other)
    whole.copy_to(model)
    second.copy_to(other)
    assert second.count == 4
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_a_run_ends_with_the_mean_over_its_last_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthetic_photos(tmp_path / "photos", classes=2, per_class=6, size=SIZE)
    seen: list[torch.Tensor] = []
    add = WeightAverage.add

    def watched(self: WeightAverage, model: nn.Module) -> None:
        seen.append(model.get_parameter("head.weight").detach().clone())
        add(self, model)

    monkeypatch.setattr(WeightAverage, "add", watched)
    photos = Photos(tmp_path / "photos", SIZE)
    trained = train(settings(steps=8, average=0.5), photos, None, tmp_path / "run")
    assert len(seen) == 4
    assert not torch.equal(seen[0], seen[-1])
    mean = torch.stack(seen).double().mean(0).float()
    assert torch.allclose(trained.model.head.weight, mean, atol=1e-7)
