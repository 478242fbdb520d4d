"""What can go wrong with a diffusion editor, each in one line that says what to do."""

import errno
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import huggingface_hub
import numpy as np
import pytest
import torch

from genmix.editing import diffusion, open_editor
from genmix.editing.diffusion import model as model_module
from genmix.editing.diffusion.editor import DiffusionEditor
from genmix.errors import EditorError, GenmixError, MissingExtraError
from genmix.prompts import load_library
from tests.tiny_pipelines import image_to_image, kontext, save_lora

SNOW = load_library("classification").select(["snowy"])[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model") / "tiny"
    image_to_image(place)
    return place


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model") / "flow"
    kontext(place)
    return place


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def refused(name: object, **settings: Any) -> str:
    """Return the one line that opening an editor, or its first edit, ends with."""
    with pytest.raises(EditorError) as caught:
        open_editor(f"diffusers:{name}", settings=settings).edit(
            [np.zeros((32, 32, 3), np.uint8)], [SNOW], [1]
        )
    assert "\n" not in str(caught.value)
    return str(caught.value)


class Hub(BaseHTTPRequestHandler):
    """A hub that refuses, each repository in its own way."""

    answers: ClassVar[dict[str, tuple[int, str]]] = {
        "someone/gated": (403, "GatedRepo"),
        "someone/missing": (404, "RepoNotFound"),
        "someone/old": (404, "RevisionNotFound"),
        "someone/other": (404, "EntryNotFound"),
    }

    def do_HEAD(self) -> None:
        repository = "/".join(self.path.strip("/").split("/")[:2])
        status, code = self.answers[repository]
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD  # noqa: N815

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Serve `Hub` over loopback, and point the library to it or to another address."""

    def use(endpoint: str) -> None:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)
        template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    use(f"http://127.0.0.1:{server.server_port}")
    yield use
    server.shutdown()
    server.server_close()


class Shelf(Hub):
    """A hub with one model, `someone/tiny`, whose files lie in a folder."""

    folder: ClassVar[Path]
    commit = "c" * 40
    given: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        path = self.path.partition("?")[0]
        names = {p.relative_to(self.folder).as_posix(): p for p in self.folder.rglob("*.*")}
        about: Any = {
            "id": "someone/tiny",
            "sha": self.commit,
            "siblings": [{"rfilename": name} for name in names],
        }
        if "/tree/" in path:
            about = [
                {"type": "file", "path": name, "size": file.stat().st_size, "oid": "0" * 40}
                for name, file in names.items()
            ]
        if path.startswith("/api/models/someone/tiny"):
            return self.answer(json.dumps(about).encode(), "application/json")
        file = self.folder / path.split("/", 5)[5]
        if not file.is_file():
            self.answers["someone/tiny"] = (404, "EntryNotFound")
            return super().do_HEAD()
        return self.answer(file.read_bytes(), "application/octet-stream", file)

    def answer(self, body: bytes, kind: str, file: Path | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", self.commit)
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.end_headers()
        if self.command == "GET":
            if file is not None:
                self.given.append(file.name)
            self.wfile.write(body)

    do_GET = do_HEAD  # noqa: N815


@pytest.fixture
def shelf(
    hub: Callable[[str], None], copy: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[type[Shelf]]:
    """Serve `Shelf` over loopback, with a pickle beside each of the model's weights."""
    for weights in list(copy.rglob("*.safetensors")):
        weights.with_suffix(".bin").write_bytes(b"a pickle")
    monkeypatch.setattr(Shelf, "folder", copy, raising=False)
    monkeypatch.setattr(Shelf, "given", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    hub(endpoint)
    monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", endpoint)
    yield Shelf
    server.shutdown()
    server.server_close()


TINY = {"steps": 1, "size": 32, "device": "cpu"}


def test_a_model_is_fetched_by_its_id_once_and_without_pickles(shelf: type[Shelf]) -> None:
    for _ in range(2):
        editor = open_editor("diffusers:someone/tiny@v1", settings=TINY)
        assert editor.fingerprint.startswith(f"diffusers:someone/tiny@{shelf.commit} ")
        (edit,) = editor.edit([np.zeros((32, 32, 3), np.uint8)], [SNOW], [1])
        assert edit.any()
    assert getattr(editor, "licence", None) == "mit"
    weights = [name for name in shelf.given if name.endswith(".safetensors")]
    assert len(weights) == len(list(shelf.folder.rglob("*.safetensors")))
    assert not any(name.endswith(".bin") for name in shelf.given)


def test_lora_weights_of_the_hub_stay_those_that_the_fingerprint_names(
    shelf: type[Shelf], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = DiffusionEditor(str(folder), settings=TINY).pipeline
    names = ("pytorch_lora_weights.safetensors", "sub/b.safetensors")

    def opened(file: str | None) -> DiffusionEditor:
        settings = {**TINY, "lora": "someone/tiny", "lora_scale": 2.0, "lora_file": file}
        editor = open_editor(f"diffusers:{folder}", settings=settings)
        assert isinstance(editor, DiffusionEditor)
        return editor

    def picture(editor: DiffusionEditor) -> list[int]:
        (edit,) = editor.edit([np.full((32, 32, 3), 128, np.uint8)], [SNOW], [1])
        return edit.ravel().tolist()

    for seed, name in enumerate(names):
        save_lora(pipe, shelf.folder / name, seed)
    usual, other, late = opened(None), opened(names[1]), opened(names[1])
    assert f"lora=someone/tiny@{shelf.commit}x2.0" in usual.fingerprint
    assert f"lora=someone/tiny@{shelf.commit}/sub/b.safetensorsx2.0" in other.fingerprint
    assert picture(usual) != picture(other)

    monkeypatch.setattr(shelf, "commit", "d" * 40)
    save_lora(pipe, shelf.folder / names[1], seed=2)
    newer = opened(names[1])
    assert f"@{shelf.commit}/sub" in newer.fingerprint
    assert picture(late) == picture(other) != picture(newer)
    with pytest.raises(EditorError, match=r"on the hub has no c\.safetensors: set lora_file"):
        opened("c.safetensors")


@pytest.mark.usefixtures("shelf")
def test_a_disk_that_fills_while_weights_come(monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = huggingface_hub.file_download.http_get

    def fills(url: str, *rest: Any, **more: Any) -> None:
        if url.endswith(".safetensors"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fetch(url, *rest, **more)

    monkeypatch.setattr(huggingface_hub.file_download, "http_get", fills)
    assert "no space left for the model 'someone/tiny'" in refused("someone/tiny", **TINY)


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("someone/gated", "is gated: accept its terms at"),
        ("someone/missing", "no folder and no model 'someone/missing'"),
        ("someone/old@v9", "has no such revision"),
        ("someone/other", "has no model_index.json"),
        ("not a name", "no folder and no model 'not a name'"),
    ],
)
def test_the_hubs_refusals(name: str, words: str) -> None:
    assert words in refused(name)


def test_no_network(
    hub: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)  # it tries again
    hub("http://127.0.0.1:9")
    assert "cannot be reached: connect once" in refused("someone/model")
    assert caplog.text == ""


def test_without_network_a_model_in_the_cache_is_used(
    hub: Callable[[str], None], folder: Path, tmp_path: Path
) -> None:
    hub("http://127.0.0.1:9")
    commit = "c" * 40
    cached = tmp_path / "cache" / "models--someone--tiny"
    shutil.copytree(folder, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    editor = open_editor("diffusers:someone/tiny", settings=TINY)
    assert editor.fingerprint.startswith(f"diffusers:someone/tiny@{commit} ")
    (edit,) = editor.edit([np.zeros((32, 32, 3), np.uint8)], [SNOW], [1])
    assert edit.any()


def test_no_space_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(model_module, "hf_hub_download", full)
    assert "no space left" in refused("someone/model")


def test_no_cuda_though_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert "finds no CUDA GPU here" in refused(folder, device="cuda")


def test_a_folder_that_is_not_there() -> None:
    assert "there is no folder ./nowhere" in refused("./nowhere")


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    assert "has no model_index.json" in refused(tmp_path)


def test_a_class_that_does_not_edit(copy: Path) -> None:
    index = json.loads((copy / "model_index.json").read_text())
    for name in ("StableVideoDiffusionPipeline", ["mine", "MyPipeline"]):
        (copy / "model_index.json").write_text(json.dumps(index | {"_class_name": name}))
        said = refused(copy)
        assert "which genmix cannot edit with; it can with: StableDiffusionInstructPix2Pix" in said


def test_pickled_weights_are_never_loaded(copy: Path) -> None:
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    assert "are never loaded" in refused(copy)


def test_weights_that_are_missing(copy: Path) -> None:
    (copy / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    assert "cannot be loaded" in refused(copy) or "lacks .safetensors" in refused(copy)


def test_weights_that_are_cut_off(copy: Path) -> None:
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert str(copy) in refused(copy)


def test_a_setting_that_does_not_exist(folder: Path) -> None:
    assert "did you mean 'steps'?" in refused(folder, step=3)
    assert "'preset'" in refused(folder, preset="quick")


def test_settings_that_do_not_fit_the_model(folder: Path, flow: Path) -> None:
    assert "has no image_guidance" in refused(folder, image_guidance=2)
    assert "offload keeps weights off a GPU" in refused(folder, device="cpu", offload="model")
    assert "attention=xformers needs" in refused(folder, device="cpu", attention="xformers")
    assert "takes no negative_prompt" in refused(flow, negative_prompt="blur")
    assert "no other scheduler replaces" in refused(flow, device="cpu", scheduler="lcm")


@pytest.mark.parametrize(
    ("scheduler", "steps", "strength", "words"),
    [
        ("ddim", 50, 0.05, "has 34 steps, and 50 are asked: set steps=34, or give a greater"),
        ("euler", 50, 0.05, "set steps=34"),
        ("lcm", 4, 0.1, "set steps=3,"),
        ("ddim", 1, 0.001, "has 0 steps, and 1 are asked: give a greater strength"),
    ],
)
def test_more_steps_than_the_strength_leaves_the_scheduler(
    folder: Path, scheduler: str, steps: int, strength: float, words: str
) -> None:
    settings = {**TINY, "scheduler": scheduler, "steps": steps}
    asked = ([np.zeros((32, 32, 3), np.uint8)], [SNOW], [1])
    with pytest.raises(EditorError, match=words):
        open_editor(f"diffusers:{folder}", strength=strength, settings=settings).edit(*asked)


@pytest.mark.parametrize(("scheduler", "steps"), [("ddim", 34), ("dpmpp-2m", 34), ("lcm", 1)])
def test_as_many_steps_as_the_strength_leaves_are_made(
    folder: Path, scheduler: str, steps: int
) -> None:
    settings = {**TINY, "scheduler": scheduler, "steps": steps}
    editor = open_editor(f"diffusers:{folder}", strength=0.05, settings=settings)
    assert isinstance(editor, DiffusionEditor)
    calls: list[int] = []
    editor.pipeline.unet.register_forward_hook(lambda *_: calls.append(1))
    editor.edit([np.zeros((32, 32, 3), np.uint8)], [SNOW], [1])
    assert len(calls) == steps


def test_a_strength_out_of_range(folder: Path) -> None:
    with pytest.raises(EditorError, match="greater than 0, and 1 at most"):
        open_editor(f"diffusers:{folder}", strength=1.5)


def test_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffusion, "find_spec", lambda name: None if name == "diffusers" else name)
    with pytest.raises(MissingExtraError, match=r"pip install 'genmix\[diffusion\]'") as caught:
        open_editor("diffusers")
    assert isinstance(caught.value, GenmixError)
