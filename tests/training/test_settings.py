"""Settings and mixers as text: what is taken, and what is said of a mistake."""

import pytest
import torch

from genmix.errors import MixerError, TrainingError
from genmix.mixing import CutMix, Cutout, MixUp, Sequential
from genmix.training.mixers import MIXERS, create_mixer
from genmix.training.settings import TrainSettings
from genmix.training.transforms import TRANSFORMS, create_transform


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"steps": 0}, "'steps' is 0: it should be greater than or equal to 1"),
        ({"batch_size": 1}, "'batch_size' is 1"),
        ({"batch_size": 10**10}, "'batch_size' is .*: it should be less than or equal to 65536"),
        ({"lr": -1.0}, "'lr' is -1.0: it should be greater than 0"),
        ({"lr": float("nan")}, "'lr' is nan"),
        ({"weights": "finetune"}, "'weights' is 'finetune'"),
        ({"optimizer": "adamww"}, "there is no optimizer 'adamww': did you mean 'adamw'"),
        ({"optimizer": "sgd"}, r"give a learning rate \(lr\) for 'sgd'"),
        ({"schedule": "cosin"}, "'schedule' is 'cosin'"),
        ({"loss": "crossentropy"}, "'loss' is 'crossentropy'"),
        ({"transform": "randaug"}, "there is no transform 'randaug': did you mean 'randaugment'"),
        ({"mixer": "mixpu"}, "there is no mixer 'mixpu': did you mean 'mixup'"),
        ({"warmup_steps": 10}, "warmup_steps is 10 of 10 steps"),
        ({"batchsize": 3}, "unknown key 'batchsize'; did you mean 'batch_size'"),
    ],
)
def test_a_setting_that_does_not_fit_is_one_line(settings: dict[str, object], words: str) -> None:
    with pytest.raises(TrainingError, match=words) as caught:
        TrainSettings.of(**{"steps": 10, **settings})
    assert "\n" not in str(caught.value)


def test_the_learning_rate_goes_by_what_is_trained() -> None:
    rates = [
        TrainSettings.of(steps=1, weights=weights).learning_rate
        for weights in ("scratch", "fine-tune", "linear-probe")
    ]
    assert len(set(rates)) == 3
    assert TrainSettings.of(steps=1, optimizer="sgd", lr=0.3).learning_rate == 0.3


@pytest.mark.parametrize("name", MIXERS)
def test_every_mixer_mixes_a_batch_in_the_unit_range_and_gives_probabilities(name: str) -> None:
    torch.manual_seed(0)
    images, targets = create_mixer(name, 4)(torch.rand(6, 3, 32, 32), torch.arange(6) % 4)
    assert images.shape == (6, 3, 32, 32)
    assert -1e-5 <= images.min() <= images.max() <= 1 + 1e-5
    assert torch.allclose(targets.sum(1), torch.ones(6))


def test_mixers_take_settings_and_join() -> None:
    one = create_mixer("mixup:alpha=0.4, per_sample=true", 3)
    assert isinstance(one, MixUp)
    assert (one.alpha, one.per_sample, one.num_classes) == (0.4, True, 3)
    for off in ("false", "False", "FALSE"):
        same = create_mixer(f"mixup:per_sample={off}", 3)
        assert isinstance(same, MixUp)
        assert not same.per_sample
    both = create_mixer("cutmix:probability=0.5 + cutout:size=0.3", 3)
    assert isinstance(both, Sequential)
    first, second = both.mixers
    assert isinstance(first, CutMix)
    assert first.probability == 0.5
    assert isinstance(second, Cutout)
    assert (second.size, second.fill) == (0.3, 0.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no mixer ''"),
        ("mixup+", "there is no mixer ''"),
        ("mixup:alfa=1", "mixup has no setting 'alfa': did you mean 'alpha'"),
        ("mixup:num_classes=4", "mixup has no setting 'num_classes'"),
        ("mixup:alpha=much", "alpha is 'much': it must be greater than 0"),
        ("mixup:alpha=-1", "alpha is -1: it must be greater than 0"),
        ("mixup:per_sample=no", "per_sample is 'no': it must be true or false"),
        ("mixup:alpha=0.4,alpha=9", "sets 'alpha' twice: give it once"),
        ("gridmix:cells=2.5", "cells is 2.5: it must be a whole number"),
        ("augmix:width=2.5", "width is 2.5: it must be a whole number"),
        ("augmix:depth=0", "depth is 0: it must be 1 or more"),
        ("ipmix:width=1.5", "width is 1.5: it must be a whole number"),
        ("pixmix:rounds=true", "rounds is True: it must be a whole number"),
        ("cutout:fill=abc", "fill is 'abc': give a finite number"),
        ("cutout:fill=nan", "fill is 'nan': give a finite number"),
        ("cutout:fill=1e400", "fill is inf: give a finite number"),
        ("cutout:size=true", "size is True: give whole pixels"),
        ("genmix", "genmix is no mixer of single pictures"),
    ],
)
def test_a_mixer_that_does_not_exist_or_fit_is_one_line(text: str, words: str) -> None:
    with pytest.raises(MixerError, match=words):
        create_mixer(text, 3)


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("size", [32, 96])
def test_every_transform_keeps_size_and_type_and_draws_from_torch(name: str, size: int) -> None:
    picture = torch.randint(0, 256, (3, size, size), dtype=torch.uint8)
    transform = create_transform(name, size)
    drawn = []
    for seed in (1, 1, 2, 3):
        torch.manual_seed(seed)
        drawn.append(transform(picture))
        assert drawn[-1].shape == (3, size, size)
        assert drawn[-1].dtype == torch.uint8
    assert torch.equal(drawn[0], drawn[1])
    same = torch.equal(drawn[1], drawn[2]) and torch.equal(drawn[2], drawn[3])
    assert same == (name == "none")
