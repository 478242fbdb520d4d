"""Cutout against an independent float64 formulation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing import Box, Cutout, cutout
from tests.mixing.test_operations import TYPES, random_levels, seeds

shapes = st.one_of(
    st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 12), st.integers(1, 12)),
    st.just((3, 3, 74, 80)),
)


@given(shapes, seeds, st.data())
@settings(deadline=None)
def test_cutout_fills_its_boxes_and_nothing_else(
    shape: tuple[int, int, int, int], seed: int, data: st.DataObject
) -> None:
    count, channels, height, width = shape
    kind = data.draw(st.sampled_from(TYPES))
    levels = random_levels(seed, shape)
    images = levels if kind == torch.uint8 else levels.to(kind) / 255
    layout = data.draw(st.sampled_from(["whole", "channels last", "cut"]))
    if layout == "channels last":
        images = images.contiguous(memory_format=torch.channels_last)
    if layout == "cut":
        images = torch.cat([images, images], dim=3)[..., :width]
    ends = st.tuples(*[st.integers(0, edge) for edge in (height, height, width, width)])
    box = ends.map(lambda e: Box(*e))
    boxes = data.draw(box | st.lists(box, min_size=count, max_size=count))
    value = st.integers(0, 200)
    fill = data.draw(value | st.lists(value, min_size=channels, max_size=channels))
    expected = images.double().numpy().copy()
    for k in range(count):
        top, bottom, left, right = boxes if isinstance(boxes, Box) else boxes[k]
        for c in range(channels):
            level = fill if isinstance(fill, int) else fill[c]
            expected[k, c, top:bottom, left:right] = torch.tensor(level).to(kind).double()
    before = images.clone()
    hidden = cutout(images, boxes, fill)
    np.testing.assert_array_equal(hidden.double().numpy(), expected)
    assert hidden.dtype == kind
    assert torch.equal(images, before)
    assert layout == "cut" or hidden.stride() == images.stride()
    assert cutout(images, boxes, fill, inplace=True) is images
    assert torch.equal(images, hidden)


@pytest.mark.parametrize("shape", [(3, 2, 6, 8), (3, 3, 74, 80)])
@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_a_gradient_goes_back_to_what_is_not_hidden(
    shape: tuple[int, int, int, int], kind: torch.dtype
) -> None:
    images = torch.ones(shape, dtype=kind, requires_grad=True)
    boxes = [Box(0, 2, 0, 3), Box(4, 6, 5, 8), Box(1, 1, 0, 8)]
    hidden = cutout(images, boxes, 0.0)
    hidden.sum().backward()  # type: ignore[no-untyped-call]
    assert images.grad is not None
    assert torch.equal(images.grad, cutout(torch.ones(shape, dtype=kind), boxes, 0.0))
    assert torch.equal(images.grad, hidden)


def test_boxes_may_be_numbers_and_there_may_be_no_images() -> None:
    images = torch.rand(2, 3, 8, 8)
    boxes = [Box(0, 2, 0, 3), Box(4, 6, 5, 8)]
    assert torch.equal(cutout(images, np.array(boxes)), cutout(images, boxes))
    assert cutout(images[:0], []).shape == (0, 3, 8, 8)
    assert cutout(images[:0], Box(0, 1, 0, 1)).shape == (0, 3, 8, 8)


def hidden_share(images: Tensor, mixer: Cutout) -> Tensor:
    mixed, _ = mixer(images, torch.arange(len(images)))
    return (mixed == 0).double().mean(dim=(1, 2, 3))


@pytest.mark.parametrize(
    ("size", "side"), [(0.5, 16), (16, 16), (np.int64(16), 16), (1, 1), (1.0, 32), (100, 100)]
)
def test_the_square_has_the_size_that_was_set_and_is_cut_at_the_edge(
    size: float, side: int
) -> None:
    images = torch.ones(400, 1, 32, 48)
    share = hidden_share(images, Cutout(size, generator=torch.Generator().manual_seed(0)))
    assert share.max() == pytest.approx(min(side, 32) * min(side, 48) / (32 * 48))
    centred = [min(32, y + (side + 1) // 2) - max(0, y - side // 2) for y in range(32)]
    middle = [min(48, x + (side + 1) // 2) - max(0, x - side // 2) for x in range(48)]
    expected = np.mean(centred) * np.mean(middle) / (32 * 48)
    assert share.mean() == pytest.approx(expected, rel=0.08)


def test_settings_out_of_range_are_named() -> None:
    images = torch.rand(2, 3, 8, 8)
    for size in (0, -1, 1.5, float("nan"), True):
        with pytest.raises(MixerError, match=f"size is {size}"):
            Cutout(size)
    with pytest.raises(MixerError, match=r"fill is \[0, 1\]: give one value, or 3"):
        cutout(images, Box(0, 1, 0, 1), [0, 1])
    with pytest.raises(MixerError, match=r"for uint8 images it must lie in \[0, 255\]"):
        cutout(images.to(torch.uint8), Box(0, 1, 0, 1), -1)
    with pytest.raises(MixerError, match="does not lie in a picture of 8 x 8"):
        cutout(images, Box(0, 9, 0, 1))
    with pytest.raises(MixerError, match="there are 3 boxes: give one, or 2"):
        cutout(images, [Box(0, 1, 0, 1)] * 3)
    with pytest.raises(MixerError, match="boxes are float64: give whole pixels"):
        cutout(images, np.array([0, 2.5, 0, 3]))
