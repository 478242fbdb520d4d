"""Screens with a model: what encoders give, what is kept of it, and whole runs with them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import timm
import torch
from safetensors.torch import save_file

from genmix.errors import ScreenError
from genmix.images import Image, prepare
from genmix.jobs import Share, augment
from genmix.jobs import plan as plan_module
from genmix.networks import devices
from genmix.networks.checkpoint import save_checkpoint
from genmix.networks.models import create_model
from genmix.recipe import Recipe
from genmix.screening import ScreenSettings, Subject, judge_all, open_screens
from genmix.screening.encoders import open_encoder
from genmix.screening.label import open_classifier
from tests.jobs.outputs import contents, rows

LITE0 = "efficientnet_lite0"
PHOTOS = [
    prepare(getattr(skimage.data, name)()[..., :3], 96, "crop")
    for name in ("astronaut", "chelsea", "coffee")
]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of three classes that has learnt nothing."""
    folder = tmp_path_factory.mktemp("classifier")
    torch.manual_seed(0)
    save_checkpoint(create_model("test_resnet", ("ant", "bee", "cat"), size=32), folder)
    return folder


def test_features_are_unit_vectors_and_those_of_a_picture_do_not_depend_on_its_neighbours() -> None:
    encoder = open_encoder(LITE0)
    together = encoder(PHOTOS)
    assert together.shape == (3, 9600)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    alone = np.concatenate([encoder._compute([photo]) for photo in PHOTOS])
    assert np.abs(alone - together).max() < 1e-5
    assert encoder([]).shape[0] == 0


def test_a_picture_is_computed_once_and_damage_in_the_cache_is_mended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder = open_encoder(LITE0)
    computed: list[int] = []
    compute = encoder._compute

    def counting(pictures: list[Image]) -> Any:
        computed.append(len(pictures))
        return compute(pictures)

    monkeypatch.setattr(encoder, "_compute", counting)
    fresh = 255 - PHOTOS[0]
    first = encoder([fresh, fresh, PHOTOS[1]])
    assert np.array_equal(first, encoder([fresh, fresh, PHOTOS[1]]))
    assert sum(computed) <= 2
    for stored in encoder._kept.folder.rglob("*.npy"):
        stored.write_bytes(stored.read_bytes()[:50])
    assert np.array_equal(first[:1], encoder([fresh]))
    assert sum(computed) <= 3


def test_an_edit_with_the_same_layout_is_more_alike_than_another_photo() -> None:
    encoder = open_encoder(LITE0)
    features = encoder([*PHOTOS, *(255 - photo for photo in PHOTOS)])
    found = features[:3] @ features[3:].T
    assert found.argmax(axis=1).tolist() == [0, 1, 2]


def test_a_trained_classifier_and_a_folder_of_a_hub_are_encoders(
    classifier: Path, tmp_path: Path
) -> None:
    trained = open_encoder(str(classifier))
    assert trained(PHOTOS).shape[0] == 3
    backbone = timm.create_model("test_resnet", num_classes=0)
    save_file(backbone.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(
        '{"architecture": "test_resnet", "num_classes": 0, "pretrained_cfg": '
        '{"input_size": [3, 32, 32], "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2], '
        '"num_classes": 0, "first_conv": "conv1", "classifier": "fc"}}'
    )
    local = open_encoder(str(tmp_path))
    assert local(PHOTOS).shape == trained(PHOTOS).shape
    assert local.fingerprint != trained.fingerprint


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet_18", "there is no encoder 'resnet_18': did you mean"),
        ("dinov2", "the weights of the encoder dinov2 cannot be had: connect"),
        ("{empty}", "is no encoder: give what genmix train made, or a folder with config.json"),
        ("{broken}", "cannot read the encoder in"),
    ],
)
def test_an_encoder_that_cannot_be_had_is_one_clear_line(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for folder in ("empty", "broken"):
        (tmp_path / folder).mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    with pytest.raises(ScreenError, match=message) as caught:
        open_encoder(name.format(empty=tmp_path / "empty", broken=tmp_path / "broken"))
    assert "\n" not in str(caught.value)


def test_each_worker_asks_its_models_on_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert devices.worker_device() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(devices, "worker_number", lambda: 3)
    assert devices.worker_device() == torch.device("cuda", 1)


def subjects(*labels: str) -> list[Subject]:
    return [Subject(f"{k}.jpg", label, ("snowy", 0)) for k, label in enumerate(labels)]


def judge(settings: dict[str, Any], of: list[Subject]) -> list[Any]:
    screens = open_screens(ScreenSettings.model_validate({"structure": None} | settings))
    name = next(iter(settings))
    return [v[name] for v in judge_all(screens, PHOTOS, [p[::-1] for p in PHOTOS], of)]


def test_an_edit_is_kept_where_the_classifier_sees_its_class(classifier: Path) -> None:
    scores = [
        [v.score for v in judge({"label": {"model": str(classifier), "top": 3}}, subjects(*each))]
        for each in (("ant",) * 3, ("bee",) * 3, ("cat",) * 3)
    ]
    assert np.sum(scores, axis=0) == pytest.approx(np.ones(3), abs=1e-3)
    seen = np.array(("ant", "bee", "cat"))[np.argmax(scores, axis=0)].tolist()
    kept = judge({"label": {"model": str(classifier)}}, subjects(*seen))
    assert [verdict.reason for verdict in kept] == [""] * 3
    (other,) = {"ant", "bee", "cat"} - {seen[0], *({"cat"} - {seen[0]} or {"bee"})}
    rejected = judge({"label": {"model": str(classifier)}}, subjects(other, *seen[1:]))[0]
    assert rejected.reason.startswith(f"label: seen as {seen[0]}, {other} is no. ")
    unknown = judge({"label": {"model": str(classifier)}}, subjects("", "", ""))
    assert all(verdict.keep for verdict in unknown)
    strict = judge({"label": {"model": str(classifier), "min_probability": 0.99}}, subjects(*seen))
    assert "below 0.99" in strict[0].reason


def test_a_classifier_is_asked_once_about_a_picture(
    classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = open_classifier(str(classifier))
    first = asked.probabilities(PHOTOS)
    monkeypatch.setattr(asked, "_compute", lambda _: pytest.fail("asked again"))
    again = asked.probabilities([PHOTOS[2], PHOTOS[0]])
    assert np.array_equal(again, first[[2, 0]])
    assert first.sum(axis=1) == pytest.approx(np.ones(3))


def test_what_must_not_be_shown_is_rejected(classifier: Path) -> None:
    for classes, kept in ((("ant",), True), (("ant", "bee", "cat"), False)):
        settings = {"model": str(classifier), "classes": classes, "max_probability": 0.9}
        verdicts = judge({"safety": settings}, subjects("", "", ""))
        assert [verdict.keep for verdict in verdicts] == [kept] * 3
    assert verdicts[0].reason == "safety: probability 1.00 above 0.9"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label": {"model": "nowhere"}}, "nowhere holds no trained model"),
        ({"label": {"model": "{model}", "top": 4}}, "top is 4, and .* has only 3 classes"),
        ({"safety": {"model": "{model}", "classes": ["bea"]}}, "did you mean 'bee'"),
    ],
)
def test_a_classifier_that_does_not_fit_is_one_clear_line(
    settings: dict[str, dict[str, Any]], message: str, classifier: Path
) -> None:
    for each in settings.values():
        each["model"] = each["model"].format(model=classifier)
    with pytest.raises(ScreenError, match=message):
        open_screens(ScreenSettings.model_validate(settings))


def test_a_class_that_the_classifier_does_not_know_is_named(classifier: Path) -> None:
    with pytest.raises(ScreenError, match=r"has no class 'aunt'.*did you mean 'ant'"):
        judge({"label": {"model": str(classifier)}}, subjects("aunt", "ant", "bee"))


def test_a_run_with_an_encoder_does_not_depend_on_workers_or_shares(
    photos: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "_ITEMS_PER_SHARD", 8)
    recipe = small.changed(
        screens={
            "similarity": {"encoder": LITE0},
            "density": {"encoder": LITE0, "photos": 3},
            "duplicates": {},
        }
    )
    augment(photos, tmp_path / "one", recipe, edits=tmp_path / "edits")
    for index in (2, 1):
        augment(photos, tmp_path / "two", recipe, share=Share(index, 2), edits=tmp_path / "edits")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    made = rows(tmp_path / "one")
    assert {"screen_similarity", "screen_density", "screen_duplicates"} <= set(made[0])
    assert all(-1 <= row["screen_similarity"] <= 1 for row in made)
    assert all(0 <= row["screen_density"] <= 1 for row in made)


def test_screens_without_a_model_import_no_torch() -> None:
    code = (
        "import sys, genmix.recipe, genmix.screening as s; s.open_screens(s.ScreenSettings()); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_encoder_takes_fewer_pictures_at_a_time_where_memory_does_not_suffice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder = open_encoder(LITE0)
    compute, room = encoder._compute, [1]
    monkeypatch.setattr(
        encoder, "_compute", lambda some: compute(some) if len(some) <= room[0] else full()
    )
    fresh = [255 - photo // 2 for photo in PHOTOS]
    together = encoder(fresh)
    assert np.abs(together - np.concatenate([compute([photo]) for photo in fresh])).max() < 1e-5
    room[0] = 0
    with pytest.raises(ScreenError, match="the memory of cpu does not suffice for a screen's"):
        encoder([255 - PHOTOS[0] // 3])


def full() -> Any:
    """Ask for more memory than there is."""
    return torch.empty(1 << 50)
