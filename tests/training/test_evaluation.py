"""Judging a classifier: what is counted, what is attacked and corrupted, and how it is said."""

import copy
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

from genmix.datasets.samples import synthetic_photos
from genmix.errors import ImageError, TrainingError
from genmix.images import encode_png
from genmix.networks.models import Classifier
from genmix.seeding import seed_of
from genmix.training.attacks import Attack, attack
from genmix.training.corruptions import corrupt
from genmix.training.data import Photos
from genmix.training.evaluation import Evaluation, evaluate, predict, stratified
from genmix.training.metrics import score


class Small(nn.Module):
    """A model that has memory for so many pictures."""

    def __init__(self, model: nn.Module, room: int) -> None:
        super().__init__()
        self.model = model
        self.room = room

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        if len(pictures) > self.room:
            torch.empty(1 << 50)
        made: torch.Tensor = self.model(pictures)
        return made


def features() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 12, 5, stride=2),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.Conv2d(12, 24, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(3),
        nn.Flatten(),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty scenes of three classes."""
    place = tmp_path_factory.mktemp("evaluation") / "photos"
    synthetic_photos(place, classes=3, per_class=10, size=40, seed=1)
    return place


@pytest.fixture(scope="module")
def photos(folder: Path) -> Photos:
    return Photos(folder, 32)


@pytest.fixture(scope="module")
def model(photos: Photos) -> Classifier:
    """A model that knows most of the photos."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = Classifier("small", photos.classes, 32, features(), 216, (0.5,) * 3, (0.3,) * 3)
        optimizer = torch.optim.Adam(made.parameters(), 0.01)
        pictures = torch.stack([picture for picture, _ in (photos[k] for k in range(30))]) / 255
        for _ in range(25):
            optimizer.zero_grad()
            loss = cross_entropy(made(pictures), torch.from_numpy(photos.labels))
            torch.autograd.backward(loss)
            optimizer.step()
    return made.eval()


def test_probabilities_and_labels_come_in_order_whatever_the_batches_and_workers(
    model: Classifier, photos: Photos
) -> None:
    probabilities, labels = predict(model, photos, batch_size=7)
    assert probabilities.dtype == torch.float32
    assert torch.equal(labels, torch.from_numpy(photos.labels))
    pictures = torch.stack([photos[k][0] for k in range(30)])
    with torch.no_grad():
        expected = model(pictures / 255).softmax(1)
    torch.testing.assert_close(probabilities, expected)
    torch.testing.assert_close(predict(model, photos, 30, workers=2)[0], expected)


def test_fewer_pictures_go_at_a_time_where_memory_does_not_suffice(
    model: Classifier, photos: Photos
) -> None:
    probabilities, _ = predict(Small(model, 3), photos, batch_size=16)
    torch.testing.assert_close(probabilities, predict(model, photos)[0])
    with pytest.raises(TrainingError, match="the memory of cpu does not suffice for one picture"):
        predict(Small(model, 0), photos)


def test_an_attack_that_memory_does_not_suffice_for_is_one_line(
    model: Classifier, photos: Photos
) -> None:
    small = copy.deepcopy(model)
    small.backbone = Small(small.backbone, 8)
    with pytest.raises(TrainingError, match=r"not suffice to attack \d+ pictures at once: use"):
        evaluate(small, photos, attacks=[Attack("fgsm", 4 / 255)])


def test_predicting_leaves_the_model_as_it_was(model: Classifier, photos: Photos) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    model.backbone.eval()
    try:
        judged = predict(model, photos)[0]
        assert model.training
        assert not model.backbone.training
        assert all(weight.requires_grad for weight in model.parameters())
    finally:
        model.eval()
    assert torch.equal(judged, predict(model, photos)[0])
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_clean_evaluation_scores_all_pictures_and_nothing_else(
    model: Classifier, photos: Photos
) -> None:
    found = evaluate(model, photos, limit=5)
    assert found == Evaluation(
        classes=list(photos.classes), clean=score(*predict(model, photos), photos.classes)
    )
    assert found.clean.count == 30
    assert found.clean.top1 > 0.6
    assert evaluate(model, photos, clean=predict(model, photos)) == found


def test_attacks_count_what_is_still_right_of_what_was(model: Classifier, photos: Photos) -> None:
    attacks = [Attack.parse(name) for name in ("fgsm@2/255", "pgd@2/255", "pgd@8/255")]
    found = evaluate(model, photos, attacks=attacks)
    assert list(found.attacks) == ["fgsm@2/255", "pgd@2/255", "pgd@8/255"]
    assert found.subset == found.clean
    tops = [found.clean.top1, *(scores.top1 for scores in found.attacks.values())]
    assert tops == sorted(tops, reverse=True)
    assert tops[0] > tops[-1]
    pictures = torch.stack([photos[k][0] for k in range(30)]) / 255
    labels = torch.from_numpy(photos.labels)
    with torch.no_grad():
        attacked = model(attack(model, pictures, labels, attacks[0])).argmax(1)
        right = (model(pictures).argmax(1) == labels) & (attacked == labels)
    assert found.attacks["fgsm@2/255"].top1 == pytest.approx(right.double().mean().item())


def test_an_attacked_picture_that_was_wrong_before_stays_what_it_was(
    model: Classifier, tmp_path: Path
) -> None:
    synthetic_photos(tmp_path / "unseen", classes=3, per_class=12, size=40, seed=8)
    unseen = Photos(tmp_path / "unseen", 32)
    predicted = predict(model, unseen)[0].argmax(1).numpy()
    wrong = unseen.subset(np.flatnonzero(predicted != unseen.labels))
    assert len(wrong) > 3
    found = evaluate(model, wrong, attacks=[Attack("fgsm", 0.1)])
    assert found.clean.top1 == 0
    assert found.attacks["fgsm@25.5/255"] == found.clean


def test_corruptions_count_by_kind_and_severity(model: Classifier, photos: Photos) -> None:
    found = evaluate(model, photos, corruptions=["contrast", "gaussian_noise"], seed=3)
    assert found.severities == [1, 2, 3, 4, 5]
    assert list(found.corruptions) == ["contrast", "gaussian_noise"]
    rates = [rate for kind in found.corruptions.values() for rate in kind]
    assert found.mean_corruption == pytest.approx(np.mean(rates))
    assert np.mean(rates) < found.clean.top1
    made = [
        corrupt(
            photos[k][0].permute(1, 2, 0).numpy().copy(),
            "gaussian_noise",
            4,
            seed_of("corrupt", 3, photos.photos[k].path, "gaussian_noise", 4),
        )
        for k in range(30)
    ]
    with torch.no_grad():
        logits = model(torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2) / 255)
    right = (logits.argmax(1).numpy() == photos.labels).mean()
    assert found.corruptions["gaussian_noise"][3] == pytest.approx(right)


def test_neither_workers_nor_batches_change_what_corruptions_count(
    model: Classifier, photos: Photos
) -> None:
    some = photos.subset(range(0, 30, 3))
    one, other = (
        evaluate(model, some, corruptions=["fog", "shot_noise"], **how)  # type: ignore[arg-type]
        for how in ({"batch_size": 3}, {"batch_size": 40, "workers": 2})
    )
    assert one.corruptions == other.corruptions


def test_a_limit_takes_of_every_class_and_is_said(model: Classifier, photos: Photos) -> None:
    found = evaluate(
        model,
        photos,
        attacks=[Attack("fgsm", 2 / 255)],
        corruptions=["brightness"],
        severities=(2,),
        limit=12,
    )
    assert found.clean.count == 30
    assert found.subset is not None
    assert found.subset.count == found.attacks["fgsm@2/255"].count == 12
    assert [sum(row) for row in found.subset.confusion] == [4, 4, 4]
    assert found.severities == [2]
    twelfths = found.corruptions["brightness"][0] * 12
    assert twelfths == pytest.approx(round(twelfths))


def test_domains_are_scored_whole_and_may_lack_classes(
    model: Classifier, photos: Photos, tmp_path: Path
) -> None:
    synthetic_photos(tmp_path / "other", classes=2, per_class=4, size=50, seed=7)
    other = Photos(tmp_path / "other", 32, photos.classes)
    found = evaluate(model, photos, domains={"other": other}, limit=1)
    assert found.domains == {"other": score(*predict(model, other), photos.classes)}
    assert found.domains["other"].count == 8
    assert len(found.domains["other"].per_class) == 2
    assert found.subset is None


def test_an_evaluation_survives_json(model: Classifier, photos: Photos) -> None:
    found = evaluate(
        model, photos, attacks=[Attack("pgd", 1 / 255)], corruptions=["fog"],
        domains={"again": photos}, limit=6,
    )  # fmt: skip
    text = json.dumps(found.to_dict())
    assert Evaluation.from_dict(json.loads(text)) == found
    assert Evaluation.from_dict(found.to_dict()) == found
    values = found.to_dict()
    del values["clean"]["ece"]
    with pytest.raises(TrainingError, match=r"no evaluation: clean\.ece is missing or wrong"):
        Evaluation.from_dict(values)


def test_the_same_seed_gives_the_same_evaluation_and_another_another(
    model: Classifier, photos: Photos
) -> None:
    first, again, other = (
        evaluate(
            model, photos, attacks=[Attack("pgd", 2 / 255)], corruptions=["impulse_noise"],
            limit=17, seed=seed,
        )
        for seed in (1, 1, 2)
    )  # fmt: skip
    assert first == again
    assert first.corruptions != other.corruptions


def test_progress_tells_every_stage_to_its_end(model: Classifier, photos: Photos) -> None:
    told: list[tuple[str, int, int]] = []
    evaluate(
        model, photos, attacks=[Attack("fgsm", 0.01)], corruptions=["contrast"], limit=9,
        domains={"twin": photos}, batch_size=20, progress=lambda *step: told.append(step),
    )  # fmt: skip
    assert [step for step in told if step[0] == "clean"] == [
        ("clean", 0, 30), ("clean", 20, 30), ("clean", 30, 30)
    ]  # fmt: skip
    ends = [(stage, total) for stage, done, total in told if done == total]
    assert ends == [("clean", 30), ("fgsm@2.55/255", 9), ("corruptions", 9), ("twin", 30)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_picture_that_cannot_be_read_is_named_in_one_line(
    model: Classifier, tmp_path: Path, workers: int
) -> None:
    synthetic_photos(tmp_path / "photos", classes=3, per_class=2, size=40)
    bad = tmp_path / "photos" / model.classes[1] / "bad.png"
    bad.write_bytes(encode_png(np.zeros((40, 40, 3), np.uint8))[:60])
    broken = Photos(tmp_path / "photos", 32, model.classes)
    with pytest.raises(ImageError) as raised:
        evaluate(model, broken, workers=workers)
    assert str(raised.value).startswith(f"{model.classes[1]}/bad.png: truncated")
    assert "\n" not in str(raised.value)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 9), st.floats(0.01, 1))
def test_a_stratified_choice_keeps_the_shares_and_grows(
    counts: list[int], seed: int, share: float
) -> None:
    labels: npt.NDArray[np.int64] = np.random.default_rng(seed).permutation(
        np.repeat(np.arange(len(counts)), counts)
    )
    limit = max(1, round(share * len(labels)))
    chosen = stratified(labels, limit, seed)
    assert len(chosen) == limit
    assert (np.diff(chosen) > 0).all()
    taken = np.bincount(labels[chosen], minlength=len(counts))
    assert np.abs(taken - np.array(counts) * limit / len(labels)).max() <= 1
    assert set(chosen) <= set(stratified(labels, limit + 3, seed))
    assert len(stratified(labels, None, seed)) == len(stratified(labels, 999, seed)) == len(labels)


def test_another_seed_chooses_other_pictures() -> None:
    labels = np.repeat(np.arange(3), 30)
    assert not np.array_equal(stratified(labels, 30, 0), stratified(labels, 30, 1))


def test_what_does_not_fit_is_refused_before_any_work(
    model: Classifier, photos: Photos, folder: Path
) -> None:
    with pytest.raises(TrainingError, match=r"40 pixels in 3 classes do not fit .* 32 pixels"):
        evaluate(model, Photos(folder, 40))
    more = Photos(folder, 32, [*photos.classes, "zebra"])
    with pytest.raises(TrainingError, match="in 4 classes do not fit"):
        evaluate(model, photos, domains={"more": more})
    with pytest.raises(TrainingError, match="there is no corruption 'fogg'"):
        evaluate(model, photos, corruptions=["fog", "fogg"])
    with pytest.raises(TrainingError, match="severity is 9"):
        evaluate(model, photos, corruptions=["fog"], severities=(1, 9))
    with pytest.raises(TrainingError, match="limit is 0"):
        evaluate(model, photos, attacks=[Attack("fgsm", 0.1)], limit=0)


def test_a_model_of_tiny_pictures_cannot_be_tested_on_corruptions(folder: Path) -> None:
    photos = Photos(folder, 16)
    tiny = Classifier("tiny", photos.classes, 16, features(), 216, (0.5,) * 3, (0.3,) * 3)
    with pytest.raises(TrainingError, match="takes 16 pixels, and 32 are the least to corrupt"):
        evaluate(tiny, photos, corruptions=["fog"])
    assert evaluate(tiny, photos).clean.count == 30
