"""The compiled loops against the operations of torch that stand in for them elsewhere."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genmix.mixing import Spot, cutmix, fmix, mixup, pairs, resizemix, saliencymix, smoothmix
from genmix.mixing.resizemix import draw_boxes
from tests.mixing.test_pairs import TOLERANCE, batch

WIDTHS = st.integers(1, 12) | st.sampled_from([47, 48, 60])
"""Boxes in long rows are pasted in another way than in short ones."""

Call = Callable[..., tuple[Tensor, Tensor]]


def calls(rng: np.random.Generator, shape: tuple[int, ...], partners: list[int]) -> dict[str, Call]:
    """Return what mixes with draws for the batch or, by chance, for each sample."""
    count, _, height, width = shape
    number = int(rng.choice([1, count]))
    lam = rng.random(number)
    boxes = draw_boxes(rng, rng.random(number), height, width)
    peaks = torch.from_numpy(rng.integers(0, [height, width], (number, 2)))
    spots = [Spot(*rng.uniform(0.5, 9, 4).tolist()) for _ in range(number)]
    masks = rng.random((*([count] if number > 1 else []), height, width)) < 0.5
    share = lam if number > 1 else float(lam[0])
    return {
        "mixup": lambda x, y, **kw: mixup(x, y, share, partners, **kw),
        "cutmix": lambda x, y, **kw: cutmix(x, y, boxes, partners, **kw),
        "fmix": lambda x, y, **kw: fmix(x, y, masks, partners, **kw),
        "resizemix": lambda x, y, **kw: resizemix(x, y, boxes, partners, **kw),
        "saliencymix": lambda x, y, **kw: saliencymix(x, y, share, partners, peaks, **kw),
        "smoothmix": lambda x, y, **kw: smoothmix(x, y, spots, partners, **kw),
    }


def as_laid_out(images: Tensor, layout: str) -> Tensor:
    if layout == "channels last":
        return images.contiguous(memory_format=torch.channels_last)
    if layout == "in pieces":
        return torch.stack([images, images], 1)[:, 0]
    return images


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 4), st.integers(1, 12), WIDTHS),
    st.sampled_from([*TOLERANCE, torch.uint8]),
    st.sampled_from(["contiguous", "channels last", "in pieces"]),
    st.integers(0, 2**32),
    st.data(),
)
@settings(deadline=None, max_examples=400)
def test_loops_mix_as_torch_does(
    shape: tuple[int, ...], kind: torch.dtype, layout: str, seed: int, data: st.DataObject
) -> None:
    count = shape[0]
    indices = st.integers(0, count - 1)
    partners = data.draw(
        st.permutations(range(count)) | st.lists(indices, min_size=count, max_size=count)
    )
    images, targets = batch(seed, shape, kind)
    methods = calls(np.random.default_rng(seed), shape, partners)
    name = data.draw(st.sampled_from(sorted(methods)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "suits_loops", lambda _: False)
        expected, soft = methods[name](images, targets)
    for inplace in (False, True):
        own = as_laid_out(images.clone(), layout)
        strides = own.stride()
        mixed, soft_again = methods[name](own, targets, inplace=inplace)
        assert (mixed is own) == inplace
        assert mixed.stride() == strides or layout == "in pieces"
        assert torch.equal(own, images) or inplace
        tolerance = 1.0 if kind == torch.uint8 else TOLERANCE[kind]
        torch.testing.assert_close(mixed, expected, rtol=0, atol=tolerance)
        torch.testing.assert_close(soft_again, soft, rtol=0, atol=1e-12)
        if name in {"cutmix", "fmix", "resizemix", "saliencymix"}:
            assert torch.equal(mixed, expected)


@pytest.mark.parametrize("kind", [torch.float32, torch.uint8])
def test_what_is_equal_stays_as_it_is(kind: torch.dtype) -> None:
    images, targets = batch(0, (5, 3, 6, 7), kind)
    images[:] = images[0]
    for lam in (0.0, 0.3, 0.7, 1.0, [0.1, 0.9, 0.5, 0.0, 1.0]):
        mixed, _ = mixup(images, targets, lam, [4, 3, 2, 1, 0])
        assert torch.equal(mixed, images)


def test_a_place_that_no_cache_can_be_written_to_is_done_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from genmix.mixing import compiled

    made: list[dict[str, Any]] = []

    def njit(**settings_: Any) -> Callable[[Any], Any]:
        made.append(settings_)
        if settings_.get("cache"):
            raise RuntimeError("cannot cache function 'f': no locator available")
        return lambda function: function

    monkeypatch.setattr(compiled, "njit", njit)
    assert compiled.compiled(len)("abc") == 3
    assert [each.get("cache", False) for each in made] == [True, False]


def test_a_full_disk_does_not_keep_a_batch_from_being_mixed(tmp_path: Path) -> None:
    code = """
import errno
import torch
from numba.core.caching import IndexDataCacheFile
from genmix.mixing import MixUp

def save(*_):
    print("full")
    raise OSError(errno.ENOSPC, "No space left on device")

IndexDataCacheFile.save = save
images, _ = MixUp(num_classes=2)(torch.ones(2, 3, 4, 4), torch.tensor([0, 1]))
print(images.sum().item())
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    assert set(done.stdout.split()) == {"full", "96.0"}
