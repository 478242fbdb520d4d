"""`genmix doctor`: what is there, what is missing, and what to do about it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from genmix import __version__, machine
from genmix.cli import main
from genmix.machine import look_at_machine


def doctor(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["doctor", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def without(*packages: str) -> Callable[[str], str]:
    def there(name: str) -> str:
        if name in packages:
            raise PackageNotFoundError(name)
        return version(name)

    return there


def test_it_names_versions_devices_editors_and_places() -> None:
    found = json.loads(doctor("--json"))
    assert found["genmix"] == __version__
    assert found["torch"] == torch.__version__.split("+")[0]
    assert found["devices"][0]["kind"] == "cpu"
    assert found["devices"][0]["memory"] > 1e8
    editors = {editor["name"]: editor for editor in found["editors"]}
    assert editors["procedural"] == {"name": "procedural", "ready": True, "note": ""}
    assert editors["http"]["ready"]
    extras = {extra["name"]: extra for extra in found["extras"]}
    assert list(extras)[:2] == ["demo", "torch"]
    assert extras["serve"]["ready"]
    assert extras["serve"]["packages"]["fastapi"] == version("fastapi")
    assert "dev" not in extras
    assert found["hub"] is None
    shown = doctor()
    for word in ("processors", "procedural", "fastapi", "Kept on disk", "Japanese font"):
        assert word in shown


def test_what_is_missing_comes_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "version", without("httpx", "tenacity", "uvicorn"))
    found = look_at_machine(2)
    extras = {extra.name: extra for extra in found.extras}
    assert not extras["remote"].ready
    assert not extras["serve"].ready
    http = next(editor for editor in found.editors if editor.name == "http")
    assert (http.ready, http.note) == (False, "pip install 'genmix[remote]'")
    monkeypatch.setenv("COLUMNS", "200")
    shown = doctor()
    assert "pip install 'genmix[remote]'" in shown
    assert "pip install 'genmix[serve]' (lacks" in shown


def test_the_models_that_are_here_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))

    def note() -> str:
        return next(e.note for e in look_at_machine(1).editors if e.name == "diffusers")

    assert note().endswith("no model here yet: it is fetched once")
    for name, text in (
        (
            "timbrooks--instruct-pix2pix",
            '{"_class_name": "StableDiffusionInstructPix2PixPipeline"}',
        ),
        ("someone--video", '{"_class_name": "StableVideoDiffusionPipeline"}'),
        ("someone--broken", "[1"),
        ("someone--else", "[1]"),
    ):
        snapshot = tmp_path / f"models--{name}" / "snapshots" / "0123"
        snapshot.mkdir(parents=True)
        (snapshot / "model_index.json").write_text(text)
    assert note().endswith("models here: timbrooks/instruct-pix2pix")


def test_without_torch_nothing_of_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "version", without("torch"))
    monkeypatch.setattr(machine, "_gpus", lambda: pytest.fail("torch was asked"))
    assert look_at_machine(1).torch is None
    assert "no torch" in doctor()


def fake_gpu(monkeypatch: pytest.MonkeyPatch, architectures: list[str]) -> None:
    about = SimpleNamespace(name="NVIDIA H100", major=9, minor=0)
    answers: dict[str, Any] = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "get_device_properties": lambda _: about,
        "mem_get_info": lambda _: (60 * 10**9, 80 * 10**9),
        "get_arch_list": lambda: architectures,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)


def test_a_gpu_is_shown_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_gpu(monkeypatch, ["sm_80", "sm_90"])
    shown = doctor()
    assert "NVIDIA H100" in shown
    assert "80.0 GB, 60.0 GB free" in shown
    assert "slow" not in shown
    assert not any("sm_90" in line for line in look_at_machine(1).advice)


def test_a_gpu_that_torch_does_not_fit_comes_with_advice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_gpu(monkeypatch, ["sm_50"])
    assert any("no code for cuda:0" in line for line in look_at_machine(1).advice)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "nvidia-smi").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for built, why in ((None, "built without CUDA"), ("13.0", "driver is older than its CUDA")):
        monkeypatch.setattr(torch.version, "cuda", built)
        assert any(why in line for line in look_at_machine(1).advice)


def test_places_are_measured_and_a_full_disk_comes_with_advice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GENMIX_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    blobs = tmp_path / "hf" / "hub"
    blobs.mkdir(parents=True)
    (blobs / "weights").write_bytes(bytes(3000))
    (blobs / "link").symlink_to(blobs / "weights")
    for k in range(3):
        (tmp_path / "edits" / str(k)).mkdir(parents=True)
        (tmp_path / "edits" / str(k) / "e.jpg").write_bytes(bytes(100))
    edits, fractals, models = look_at_machine(1).places
    assert (edits.size, edits.counted, fractals.size, models.size) == (300, True, 0, 3000)
    assert edits.free > 0
    monkeypatch.setattr(machine, "_MOST_FILES", 2)
    assert "over" in doctor()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**9))
    assert any("little disk is left" in line for line in look_at_machine(1).advice)


def test_the_hub_is_asked_only_when_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert "127.0.0.1:9 does not answer" in json.loads(doctor("--json", "--online"))["hub"]
    assert "127.0.0.1" not in doctor()


def test_a_japanese_font_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "japanese_font", lambda: None)
    assert any("Japanese letters" in line for line in look_at_machine(1).advice)
    monkeypatch.setattr(machine, "japanese_font", lambda: "IPAGothic")
    assert "IPAGothic" in doctor()


def test_in_the_bare_core_it_needs_nothing_more(tmp_path: Path) -> None:
    hidden = "torch", "fastapi", "httpx", "diffusers", "timm", "matplotlib"
    code = f"""
import sys
for name in {hidden}: sys.modules[name] = None
from genmix.cli import main
main(["doctor"])
"""
    environment = os.environ | {"GENMIX_CACHE": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
