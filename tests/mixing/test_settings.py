"""Settings of another type than expected are named as those out of range are."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from genmix import mixing
from genmix.errors import MixerError
from genmix.mixing.operations import operate

TEXT: Any = "0.5"

WRONG: dict[str, Callable[[], object]] = {
    "probability is '0.5'": lambda: mixing.MixUp(probability=TEXT),
    "alpha is '0.5'": lambda: mixing.MixUp(TEXT),
    "lam is '0.5'": lambda: mixing.MixUp(lam=TEXT),
    "generator is '0.5'": lambda: mixing.MixUp(generator=TEXT),
    "size is '0.5'": lambda: mixing.Cutout(TEXT),
    "decay is '0.5'": lambda: mixing.FMix(decay=TEXT),
    "severity is '0.5'": lambda: mixing.AugMix(TEXT),
    "alpha is '0.5': it": lambda: mixing.AugMix(alpha=TEXT),
    "beta is '0.5'": lambda: mixing.PixMix(beta=TEXT),
    "pictures are a list": lambda: mixing.PixMix([TEXT]),  # type: ignore[arg-type]  # the point
    "fractals are a str": lambda: mixing.GenMix(TEXT),
    "seam is '0.5'": lambda: mixing.GenMix(seam=TEXT),
    "weights are 0.5: give 1": lambda: mixing.RandomMix([mixing.MixUp()], TEXT),
    "label_smoothing is '0.5'": lambda: mixing.SoftTargetLoss(label_smoothing=TEXT),
    "rotate has a magnitude of '0.5'": lambda: operate(
        torch.zeros(1, 3, 8, 8), mixing.Step("rotate", TEXT)
    ),
    "logits are a str": lambda: mixing.mixed_accuracy(TEXT, torch.zeros(1, 2)),
    "targets are a str": lambda: mixing.SoftTargetLoss()(torch.zeros(1, 2), TEXT),
    "top_k is '0.5'": lambda: mixing.mixed_accuracy(
        torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64), top_k=TEXT
    ),
}


@pytest.mark.parametrize("words", WRONG)
def test_a_setting_of_another_type_is_named(words: str) -> None:
    with pytest.raises(MixerError, match=words):
        WRONG[words]()
