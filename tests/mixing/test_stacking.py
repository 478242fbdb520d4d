"""Mixers made of mixers: how often each is drawn, in which order, and what they return."""

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from genmix.errors import MixerError
from genmix.mixing import (
    AugMix,
    CutMix,
    Cutout,
    FMix,
    GenMix,
    GridMix,
    IPMix,
    MixUp,
    PixMix,
    RandomMix,
    ResizeMix,
    SaliencyMix,
    Sequential,
    SmoothMix,
)
from genmix.mixing.base import Mixer


class Add(Mixer):
    """A label-preserving mixer that adds a number, so that it is seen which ran."""

    def __init__(
        self, number: float, *, num_classes: int | None = None, probability: float = 1.0
    ) -> None:
        super().__init__(num_classes=num_classes, probability=probability)
        self.number = number

    def mix(
        self,
        images: Tensor,
        targets: Tensor,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor]:
        return images + self.number, targets


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch() -> tuple[Tensor, Tensor]:
    return torch.rand(4, 3, 8, 8, generator=seeded(0)), torch.tensor([0, 1, 2, 3])


STACKS: list[Callable[[], Mixer]] = [
    lambda: RandomMix([MixUp(), CutMix(), Add(1)], num_classes=4, generator=seeded(1)),
    lambda: Sequential([Add(1), MixUp(), CutMix()], num_classes=4, generator=seeded(1)),
    lambda: RandomMix(
        [Sequential([Add(1), MixUp()]), CutMix(num_classes=4, probability=0.5)],
        generator=seeded(1),
    ),
]


@pytest.mark.parametrize("weights", [None, [1, 1, 2], [0.1, 0.0, 0.9], [0, 3, 0]])
def test_members_are_drawn_by_their_weights(weights: list[float] | None) -> None:
    mixer = RandomMix([Add(0), Add(1), Add(2)], weights, generator=seeded(0))
    labels = torch.tensor([0])
    drawn = [int(mixer(torch.zeros(1, 1, 1, 1), labels)[0]) for _ in range(2000)]
    shares = np.asarray(weights or [1, 1, 1]) / sum(weights or [1, 1, 1])
    # Four standard deviations of a share of 2000 draws are 0.045 or less.
    assert np.abs(np.bincount(drawn, minlength=3) / 2000 - shares).max() < 0.045
    assert {drawn for drawn, share in enumerate(shares) if share == 0}.isdisjoint(drawn)


def test_the_stacks_probability_and_the_members_own_multiply() -> None:
    mixer = RandomMix([Add(1, probability=0.5)], probability=0.6, generator=seeded(0))
    images, labels = torch.zeros(1, 1, 1, 1), torch.tensor([0])
    mixed = sum(float(mixer(images, labels)[0]) for _ in range(1000))
    assert abs(mixed / 1000 - 0.3) < 0.06


def test_sequential_does_what_its_members_do_by_hand() -> None:
    images, labels = batch()
    one_hot = torch.eye(4)[labels]
    stack = Sequential([MixUp(generator=seeded(1)), CutMix(generator=seeded(2))], num_classes=4)
    for _ in range(2):
        first, second = MixUp(generator=seeded(1)), CutMix(generator=seeded(2))
        stack_, by_hand = copy.deepcopy(stack), second(*first(images, one_hot))
        torch.testing.assert_close(stack_(images, labels), by_hand, rtol=0, atol=0)
    torch.manual_seed(3)
    whole = Sequential([MixUp(), CutMix()], num_classes=4)(images, labels)
    torch.manual_seed(3)
    by_hand = CutMix()(*MixUp()(images, one_hot))
    torch.testing.assert_close(whole, by_hand, rtol=0, atol=0)
    assert not torch.equal(whole[0], images)


@pytest.mark.parametrize("make", STACKS)
def test_targets_have_one_form_whichever_member_is_drawn(make: Callable[[], Mixer]) -> None:
    images, labels = batch()
    mixer = make()
    for _ in range(20):
        mixed, targets = mixer(images, labels)
        assert targets.shape == (4, 4)
        assert targets.dtype == torch.float32
        torch.testing.assert_close(targets.sum(1), torch.ones(4))
        assert mixed.shape == images.shape


def test_labels_that_nobody_mixes_stay_as_they_are() -> None:
    images, labels = batch()
    for stack in (RandomMix([Add(1), Add(2)]), Sequential([Add(1), Add(2)])):
        assert stack(images, labels)[1] is labels
    for stack in (
        RandomMix([Add(1), Add(2)], num_classes=4),
        Sequential([Add(1), Add(2, num_classes=4)]),
    ):
        assert torch.equal(stack(images, labels)[1], torch.eye(4))


def test_members_that_know_num_classes_tell_the_stack() -> None:
    images, labels = batch()
    stack = RandomMix([Add(1), MixUp(num_classes=4)])
    assert stack.num_classes == 4
    assert stack(images, labels)[1].shape == (4, 4)
    with pytest.raises(MixerError, match=r"num_classes is \[3, 4\]"):
        RandomMix([MixUp(num_classes=4), CutMix(num_classes=3)])
    with pytest.raises(MixerError, match=r"num_classes is \[4, 5\]"):
        Sequential([MixUp(num_classes=4)], num_classes=5)
    for mixer in (RandomMix([Add(1), MixUp()]), Sequential([Add(1), MixUp()])):
        for _ in range(4):
            with pytest.raises(MixerError, match="set num_classes"):
                mixer(images, labels)


@pytest.mark.parametrize("make", STACKS)
def test_eval_returns_its_very_input(make: Callable[[], Mixer]) -> None:
    images, labels = batch()
    same_images, same_labels = make().eval()(images, labels)
    assert same_images is images
    assert same_labels is labels


@pytest.mark.parametrize("make", STACKS)
def test_one_generator_decides_everything_and_survives_copies(make: Callable[[], Mixer]) -> None:
    images, labels = batch()
    one = make()
    copied, pickled = copy.deepcopy(one), pickle.loads(pickle.dumps(one))
    torch.manual_seed(0)
    first = [one(images, labels) for _ in range(5)]
    torch.manual_seed(1)
    for other in (make(), copied, pickled):
        torch.testing.assert_close([other(images, labels) for _ in range(5)], first)


def test_a_members_own_generator_is_kept() -> None:
    own, stacks = seeded(1), seeded(2)
    with_own, without = MixUp(generator=own), CutMix()
    RandomMix([with_own, Sequential([without])], generator=stacks)
    assert with_own.generator is own
    assert without.generator is stacks


@pytest.mark.parametrize("make", STACKS)
def test_a_stack_works_under_torch_compile(make: Callable[[], Mixer]) -> None:
    images, labels = batch()
    compiled = torch.compile(make(), backend="eager")
    plain = make()
    for _ in range(3):
        torch.testing.assert_close(compiled(images, labels), plain(images, labels))


def test_genmix_takes_pairs_and_cutmix_what_it_makes_of_them() -> None:
    pairs, labels = torch.rand(4, 2, 3, 8, 8, generator=seeded(0)), torch.tensor([0, 1, 2, 3])
    stack = Sequential([GenMix(generator=seeded(1)), CutMix(generator=seeded(2))], num_classes=4)
    composed, _ = GenMix(generator=seeded(1))(pairs, labels)
    by_hand = CutMix(generator=seeded(2))(composed, torch.eye(4)[labels])
    torch.testing.assert_close(stack(pairs, labels), by_hand, rtol=0, atol=0)
    choice = RandomMix([GenMix(), stack], probability=0.0)
    assert torch.equal(choice(pairs, labels)[0], pairs[:, 0])
    for mixer in (stack, choice):
        assert torch.equal(mixer.eval()(pairs, labels)[0], pairs[:, 0])
        with pytest.raises(MixerError, match="originals and their edits"):
            mixer.train()(pairs[:, 0], labels)


def test_a_choice_between_pairs_and_single_images_fails_at_once() -> None:
    pairs = torch.rand(4, 2, 3, 8, 8)
    mixer = RandomMix([GenMix(), MixUp()], [1, 0], num_classes=4)
    with pytest.raises(MixerError, match="expected N x C x H x W"):
        mixer(pairs, torch.tensor([0, 1, 2, 3]))


@pytest.mark.parametrize(
    "weights", [[1], [1, 2, 3], [1, -1], [0, 0], [1, float("nan")], [1, float("inf")], [[1, 1]]]
)
def test_weights_that_do_not_fit_are_named(weights: list[float]) -> None:
    with pytest.raises(MixerError, match=r"weights are .*: give 2 finite numbers"):
        RandomMix([MixUp(), CutMix()], weights)


def test_members_that_are_no_mixers_are_named() -> None:
    with pytest.raises(MixerError, match=r"mixers\[1\] is a Identity"):
        RandomMix([MixUp(), torch.nn.Identity()])  # type: ignore[list-item]
    for stack in (RandomMix, Sequential):
        with pytest.raises(MixerError, match="there are no mixers"):
            stack([])


def test_what_was_set_is_shown() -> None:
    shown = repr(RandomMix([MixUp(), CutMix()], [1, 3], num_classes=4))
    assert "num_classes=4, shares=(0.25, 0.75)" in shown
    assert "CutMix" in shown


@pytest.mark.parametrize(
    ("mixer", "shown"),
    [
        (MixUp(), "alpha=0.2, per_sample=False, pairing=permutation"),
        (
            CutMix(lam=0.3, per_sample=True, pairing="roll", num_classes=1, inplace=True),
            "lam=0.3, per_sample=True, pairing=roll, num_classes=1, inplace=True",
        ),
        (FMix(decay=2.0), "alpha=1.0, decay=2.0, per_sample=False, pairing=permutation"),
        (GridMix(cells=8), "alpha=1.0, cells=8, per_sample=False, pairing=permutation"),
        (SmoothMix(), "shape=circle, per_sample=False, pairing=permutation"),
        (SmoothMix(0.5), "alpha=0.5, shape=circle, per_sample=False, pairing=permutation"),
        (ResizeMix(), "tau=(0.1, 0.8), per_sample=False, pairing=permutation"),
        (ResizeMix(lam=0.5), "lam=0.5, per_sample=False, pairing=permutation"),
        (SaliencyMix(), "alpha=1.0, per_sample=False, pairing=permutation"),
        (Cutout(8, probability=0.5), "size=8, fill=0.0, probability=0.5"),
        (AugMix(), "severity=3, width=3, alpha=1.0"),
        (AugMix(depth=2), "severity=3, width=3, depth=2, alpha=1.0"),
        (PixMix(), "rounds=4, beta=3.0, severity=3"),
        (IPMix(), "width=3, depth=3, beta=3.0, severity=3"),
        (
            GenMix(masks=["left"]),
            "masks=('left',), hybrid_share=1.0, seam=0.04, seam_profile=linear, blend=(0.0, 0.0)",
        ),
        (Sequential([Cutout()], num_classes=1), "num_classes=1"),
    ],
)
def test_a_mixer_shows_what_it_goes_by(mixer: Mixer, shown: str) -> None:
    assert mixer.extra_repr() == shown
