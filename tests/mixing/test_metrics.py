"""Accuracy on mixed batches: what it equals, what it counts, and what it refuses."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genmix.errors import MixerError
from genmix.mixing import mixed_accuracy


@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 6), st.data())
@settings(deadline=None)
def test_it_is_the_mean_share_of_the_classes_named(
    seed: int, count: int, classes: int, data: st.DataObject
) -> None:
    top_k = data.draw(st.integers(1, classes))
    rng = np.random.default_rng(seed)
    logits, targets = rng.normal(size=(count, classes)), rng.dirichlet(np.ones(classes), count)
    named = np.argsort(-logits, axis=1)[:, :top_k]
    expected = np.take_along_axis(targets, named, 1).sum(1).mean()
    ours = mixed_accuracy(torch.from_numpy(logits), torch.from_numpy(targets), top_k=top_k)
    assert float(ours) == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=20)
def test_it_is_plain_accuracy_for_labels_that_are_not_mixed(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(9, 5, generator=generator)
    labels = torch.randint(5, (9,), generator=generator)
    plain = (logits.argmax(1) == labels).float().mean()
    torch.testing.assert_close(mixed_accuracy(logits, labels), plain)
    torch.testing.assert_close(mixed_accuracy(logits, torch.eye(5)[labels]), plain)
    in_three = (logits.topk(3).indices == labels[:, None]).any(1).float().mean()
    torch.testing.assert_close(mixed_accuracy(logits, labels, top_k=3), in_three)


def test_it_is_the_accuracy_to_expect_if_labels_were_drawn() -> None:
    rng = np.random.default_rng(0)
    logits, targets = torch.from_numpy(rng.normal(size=(40, 3))), rng.dirichlet(np.ones(3), 40)
    drawn = np.stack([rng.choice(3, 4000, p=row) for row in targets])
    plain = (drawn == logits.argmax(1).numpy()[:, None]).mean()
    assert float(mixed_accuracy(logits, torch.from_numpy(targets))) == pytest.approx(
        plain, abs=0.01
    )


def test_the_smaller_part_counts_as_what_it_is() -> None:
    targets = torch.tensor([[0.6, 0.4, 0.0]])
    for named, share in enumerate([0.6, 0.4, 0.0]):
        logits = torch.eye(3)[[named]] * 10
        assert float(mixed_accuracy(logits, targets)) == pytest.approx(share)
    assert float(mixed_accuracy(targets, targets)) == pytest.approx(0.6)
    assert float(mixed_accuracy(targets, targets, top_k=2)) == pytest.approx(1)


def test_no_gradient_hangs_on_it() -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    assert not mixed_accuracy(logits, torch.tensor([0, 1])).requires_grad
    assert mixed_accuracy(logits.half(), torch.tensor([0, 1])).dtype == torch.float32


def test_what_does_not_fit_is_explained() -> None:
    logits, targets = torch.randn(2, 3), torch.full((2, 3), 1 / 3)
    for top_k in (0, 4):
        with pytest.raises(MixerError, match=f"top_k is {top_k}: with 3 classes"):
            mixed_accuracy(logits, targets, top_k=top_k)
    with pytest.raises(MixerError, match="give 2 class indices, or 2 x 3"):
        mixed_accuracy(logits, targets[:1])
    with pytest.raises(MixerError, match="sum to 2"):
        mixed_accuracy(logits, targets * 2)
