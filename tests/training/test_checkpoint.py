"""Models and runs on disk: what is written is read back, and nothing else is trusted."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from genmix.errors import OutputError, TrainingError
from genmix.networks.models import Classifier, create_model
from genmix.training.checkpoint import RunFolder, load_checkpoint, save_checkpoint


@pytest.fixture
def model() -> Classifier:
    torch.manual_seed(0)
    made = create_model("test_resnet", ["ant", "ねこ"], size=48)
    made.fit = "pad"
    return made.eval()


def test_a_model_comes_back_as_it_was(model: Classifier, tmp_path: Path) -> None:
    save_checkpoint(model, tmp_path / "deep" / "run", {"lr": 0.1})
    before = torch.get_rng_state()
    for place in (tmp_path / "deep" / "run", tmp_path / "deep" / "run" / "model.safetensors"):
        again = load_checkpoint(place)
        assert (again.name, again.classes, again.size, again.fit) == (
            "test_resnet", ("ant", "ねこ"), 48, "pad",
        )  # fmt: skip
        assert not again.training
        batch = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(1))
        assert torch.equal(again(batch), model(batch))
    assert torch.equal(before, torch.get_rng_state())


def test_the_same_weights_are_the_same_bytes_in_any_memory_format(
    model: Classifier, tmp_path: Path
) -> None:
    save_checkpoint(model, tmp_path / "a")
    save_checkpoint(model.to(memory_format=torch.channels_last), tmp_path / "b")
    for name in ("model.safetensors", "model.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_card_says_what_it_is_and_how_it_was_trained(model: Classifier, tmp_path: Path) -> None:
    save_checkpoint(model, tmp_path, {"steps": 3})
    card = json.loads((tmp_path / "model.json").read_text())
    assert card["classes"] == ["ant", "ねこ"]
    assert card["settings"] == {"steps": 3}
    assert {"name", "size", "fit", "genmix"} < set(card)


def _cut(place: Path) -> None:
    place.write_bytes(place.read_bytes()[:-100])


def _of_another_model(place: Path) -> None:
    tensors = load_file(place)
    tensors.pop("head.weight")
    save_file(tensors, place)


def _without_classes(place: Path) -> None:
    card = json.loads(place.read_text())
    place.write_text(json.dumps(card | {"classes": []}))


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("model.safetensors", _cut),
        ("model.safetensors", _of_another_model),
        ("model.safetensors", Path.unlink),
        ("model.json", _cut),
        ("model.json", lambda place: place.write_text('{"name": "test_resnet"}')),
        ("model.json", _without_classes),
    ],
)
def test_a_damaged_model_is_one_line(
    model: Classifier, tmp_path: Path, name: str, harm: Any
) -> None:
    save_checkpoint(model, tmp_path)
    harm(tmp_path / name)
    with pytest.raises(TrainingError, match=f"cannot read .*{name}, it is damaged or not") as found:
        load_checkpoint(tmp_path)
    assert "\n" not in str(found.value)


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no trained model"):
        load_checkpoint(tmp_path / "none")


def test_a_state_comes_back_and_a_damaged_one_is_one_line(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.load_state() is None
    folder.save_state({"weights": {"w": torch.arange(3.0)}, "step": 7})
    state = folder.load_state()
    assert state is not None
    assert state["step"] == 7
    assert torch.equal(state["weights"]["w"], torch.arange(3.0))
    _cut(tmp_path / ".genmix" / "state.pt")
    with pytest.raises(TrainingError, match=r"state\.pt is damaged: remove"):
        folder.load_state()


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("harm"),)


def test_nothing_in_a_state_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = RunFolder(tmp_path / "run")
    folder.save_state({"step": _Evil()})
    with pytest.raises(TrainingError, match=r"state\.pt is damaged"):
        folder.load_state()
    assert not Path("harm").exists()


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    mine = {"settings": {"lr": 0.1, "mixer": None}, "pictures": "a" * 61}
    for _ in range(2):
        with folder.claimed(mine):
            pass
    others = {
        "lr was 0.1 there and is 0.2 now": {**mine, "settings": {"lr": 0.2, "mixer": None}},
        "mixer was not set there and is cutmix now": {
            **mine,
            "settings": {"lr": 0.1, "mixer": "cutmix"},
        },
        "not the same pictures": {**mine, "pictures": "b" * 61},
    }
    for words, other in others.items():
        with pytest.raises(OutputError, match=words), folder.claimed(other):
            pass


def test_a_run_that_could_not_begin_leaves_the_folder_free_and_one_that_did_keeps_it(
    tmp_path: Path,
) -> None:
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(TrainingError), folder.claimed({"model": "no such model"}):
        raise TrainingError("there is no such model")
    folder.save_state({"step": 1})
    with pytest.raises(TrainingError), folder.claimed({"model": "mine"}):
        raise TrainingError("the loss is nan")
    with (
        pytest.raises(OutputError, match="model was mine there and is yours now"),
        folder.claimed({"model": "yours"}),
    ):
        pass


def test_a_folder_in_use_or_of_something_else_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with (
        folder.claimed({}),
        pytest.raises(OutputError, match="another genmix run is writing"),
        folder.claimed({}),
    ):
        pass
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "mine.txt").write_text("precious")
    with (
        pytest.raises(OutputError, match="is not empty and is no genmix output"),
        RunFolder(tmp_path / "else").claimed({}),
    ):
        pass
