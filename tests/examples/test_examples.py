"""The examples, each with the real library: they learn, and they mix in training only."""

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from genmix.mixing import RandomMix, cross_entropy

EXAMPLES = Path(__file__).parents[2] / "examples"
STEPS = 40

# Warnings from inside a library, which would fail a test here.
WARNINGS = {
    "lightning_module": [
        # It uses a name of torch's that newer torch calls deprecated.
        "ignore:.*LeafSpec.*is deprecated:FutureWarning",
        # Right for real data; an example need not start processes.
        "ignore:.*does not have many workers:UserWarning",
    ],
}
EACH = [
    pytest.param(path.stem, marks=[*map(pytest.mark.filterwarnings, WARNINGS.get(path.stem, []))])
    for path in sorted(EXAMPLES.glob("*.py"))
]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One thread, because networks this small are slower with two, and no network."""

    def refuse(*address: object) -> None:
        raise AssertionError(f"an example reached for the network: {address}")

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def mixed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each batch that was mixed."""
    sizes: list[int] = []
    mix = RandomMix.mix

    def noting(
        self: RandomMix, images: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        sizes.append(len(images))
        return mix(self, images, targets, rng)

    monkeypatch.setattr(RandomMix, "mix", noting)
    return sizes


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", EACH)
def test_an_example_learns_and_mixes_only_what_it_trains_on(
    name: str, tmp_path: Path, mixed: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    first, last = example(name).main(tmp_path, steps=STEPS, seed=0)
    assert last < 0.97 * first
    assert len(mixed) == STEPS
    assert f"validation loss {first:.3f} → {last:.3f}" in capsys.readouterr().out


def test_an_example_runs_as_a_script() -> None:
    ran = subprocess.run(
        [sys.executable, EXAMPLES / "plain_pytorch.py"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    assert "validation loss" in ran.stdout
    assert "accuracy" in ran.stdout


def test_the_trainers_loss_is_that_of_all_batches_that_it_accumulates() -> None:
    soft_loss = example("hf_trainer").soft_loss
    logits, targets = torch.randn(8, 3), torch.rand(8, 3).softmax(1)
    parts = [
        soft_loss(SimpleNamespace(logits=logits[at]), targets[at], torch.tensor(targets.numel()))
        for at in (slice(0, 6), slice(6, 8))
    ]
    torch.testing.assert_close(sum(parts), cross_entropy(logits, targets))
    whole = soft_loss(SimpleNamespace(logits=logits), targets.argmax(1))
    torch.testing.assert_close(whole, cross_entropy(logits, targets.argmax(1)))
