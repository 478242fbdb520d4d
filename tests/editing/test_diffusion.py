"""Diffusion editors, on tiny pipelines of the real classes: batches, memory, settings."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genmix.editing import Editor, open_editor
from genmix.editing.diffusion import loading
from genmix.editing.diffusion.batching import Batcher
from genmix.editing.diffusion.editor import DiffusionEditor
from genmix.editing.diffusion.settings import KINDS
from genmix.errors import EditorError
from genmix.images import Image
from genmix.prompts import load_library
from tests.serving.servers import serving
from tests.tiny_pipelines import MAKERS, refusing, save_lora

SNOW, MOSAIC = load_library("classification").select(["snowy", "mosaic"])
LEVELS = 2
"""How far a picture of a batch may be from the same picture alone, of 255: rounding."""

Open = Callable[..., DiffusionEditor]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Save a tiny pipeline when it is first asked for."""
    root = tmp_path_factory.mktemp("models")

    def folder(name: str) -> Path:
        if not (root / name).exists():
            {"refusing": refusing, **MAKERS}[name](root / name)
        return root / name

    return folder


@pytest.fixture
def tiny_editor(tiny: Callable[[str], Path]) -> Open:
    def opened(name: str = "pix2pix", **settings: Any) -> DiffusionEditor:
        chosen = {"steps": 2, "size": 32, "device": "cpu", "batch_size": 4} | settings
        editor = open_editor(f"diffusers:{tiny(name)}", settings=chosen)
        assert isinstance(editor, DiffusionEditor)
        return editor

    return opened


def photo(side: int = 32, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def apart(a: Image, b: Image) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@pytest.mark.parametrize("name", MAKERS)
def test_edits_depend_on_their_own_prompt_and_seed_and_not_on_the_batch(
    name: str, tiny_editor: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Qwen-Image-Edit looks at every photo at a megapixel, which is much for a tiny model's test.
    qwen = "diffusers.pipelines.qwenimage.pipeline_qwenimage_edit.calculate_dimensions"
    monkeypatch.setattr(qwen, lambda *_: (64, 64, None))
    editor = tiny_editor(name)
    images = [photo(40), photo(40), photo(40), photo(40, seed=1)]
    asked = ([SNOW, SNOW, MOSAIC, SNOW], [1, 2, 1, 1])
    snow, other_seed, other_prompt, other_photo = editor.edit(images, *asked)
    assert snow.shape == (40, 40, 3)
    assert snow.dtype == np.uint8
    for other in (other_seed, other_prompt, other_photo):
        assert (snow != other).any()
    for together, image, prompt, seed in zip(
        (snow, other_photo), images[::3], (SNOW,) * 2, (1, 1), strict=True
    ):
        (alone,) = editor.edit([image], [prompt], [seed])
        assert apart(alone, together) <= LEVELS


def test_a_model_that_is_served_makes_the_pictures_of_the_same_model_here(
    tiny_editor: Open,
) -> None:
    asked = (
        [photo(40, seed) for seed in range(5)],
        [SNOW, MOSAIC, SNOW, MOSAIC, SNOW],
        [*range(5)],
    )
    here = tiny_editor()
    with serving(tiny_editor()) as address:
        remote = open_editor(address)
        assert remote.fingerprint == here.fingerprint
        remote.check([SNOW, MOSAIC])
        for far, near in zip(remote.edit(*asked), here.edit(*asked), strict=True):
            assert apart(far, near) <= LEVELS


@pytest.mark.parametrize("scheduler", loading._SCHEDULERS)
def test_every_scheduler_gives_each_picture_a_chance_of_its_own(
    scheduler: str, tiny_editor: Open
) -> None:
    editor = tiny_editor(scheduler=scheduler, steps=3)
    together = editor.edit([photo(), photo()], [SNOW, SNOW], [1, 2])
    (alone,) = editor.edit([photo()], [SNOW], [2])
    assert apart(together[1], alone) <= LEVELS
    assert (together[0] != together[1]).any()


def test_sizes_may_differ_and_come_back_as_they_were(tiny_editor: Open) -> None:
    editor = tiny_editor(size=None)
    images = [photo(20), photo(33)[:, :17].copy(), photo(20, seed=1)]
    edits = editor.edit(images, [SNOW] * 3, [1, 2, 3])
    assert [edit.shape for edit in edits] == [image.shape for image in images]
    assert editor.work_size(33, 17) == (32, 16)  # a multiple of 2, within 16 to 48
    assert editor.work_size(200, 100) == (48, 24)


def test_a_prompt_is_encoded_once(tiny_editor: Open) -> None:
    editor = tiny_editor()
    editor.edit([photo()], [SNOW], [1])
    calls: list[int] = []
    editor.pipeline.text_encoder.register_forward_hook(lambda *_: calls.append(1))
    editor.edit([photo(seed=1)] * 2, [SNOW] * 2, [2, 3])
    assert not calls
    editor.edit([photo(seed=1)], [MOSAIC], [2])
    assert calls


class Small:
    """A pipeline on a device with room for few pictures."""

    def __init__(self, pipe: Any, room: int, error: Exception) -> None:
        self.pipe, self.room, self.error = pipe, room, error
        self.tried: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pipe, name)

    def __call__(self, **arguments: Any) -> Any:
        count = len(arguments["generator"])
        self.tried.append(count)
        if count > self.room:
            raise self.error
        return self.pipe(**arguments)


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: no memory")],
)
def test_a_batch_that_does_not_fit_is_halved_and_nothing_is_lost(
    error: Exception, tiny_editor: Open
) -> None:
    editor, whole = tiny_editor(batch_size=8), tiny_editor(batch_size=8)
    small = Small(editor.pipeline, 2, error)
    editor.pipeline = small
    asked = ([photo(seed=k) for k in range(8)], [SNOW, MOSAIC] * 4, list(range(8)))
    edits = editor.edit(*asked)
    assert small.tried == [8, 4, 2, 2, 2, 2]
    pairs = zip(edits, whole.edit(*asked), strict=True)
    assert max(apart(a, b) for a, b in pairs) <= LEVELS
    editor.edit(*asked)
    assert small.tried[6:] == [2, 2, 2, 2]  # it remembers


def test_when_not_even_one_fits_it_says_what_to_set(tiny_editor: Open) -> None:
    editor = tiny_editor()
    editor.pipeline = Small(editor.pipeline, 0, torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(EditorError, match="does not suffice for one picture: set offload=model"):
        editor.edit([photo()], [SNOW], [1])


def test_other_faults_of_a_model_are_not_taken_for_a_lack_of_memory() -> None:
    def work(_: Sequence[int]) -> list[int]:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        Batcher(4, 4, torch.device("cpu")).run(work, range(8))


def test_the_size_of_a_batch_grows_as_long_as_that_pays() -> None:
    sizes: list[int] = []

    def work(jobs: Sequence[int]) -> list[int]:
        sizes.append(len(jobs))
        time.sleep(0.02 + 0.02 * max(0, len(jobs) - 4))  # four cost as much as one
        return list(jobs)

    batches = Batcher(1, 16, torch.device("cpu"))
    assert batches.run(work, range(64)) == list(range(64))
    assert sizes[:6] == [1, 1, 2, 2, 4, 4]
    assert max(sizes) <= 8
    assert batches.size in {4, 8}


def test_settings_that_change_the_picture_are_in_the_fingerprint_and_no_others(
    tiny_editor: Open,
) -> None:
    same = tiny_editor().fingerprint
    for run in (
        {"batch_size": 1},
        {"compile": True},
        {"vae_slicing": True},
        {"channels_last": False},
    ):
        assert tiny_editor(**run).fingerprint == same
    for drawn in (
        {"steps": 3}, {"guidance": 2}, {"image_guidance": 2}, {"scheduler": "lcm"}, {"size": 48},
        {"dtype": "bfloat16"}, {"negative_prompt": "blur"}, {"safety": False}, {"preset": "fast"},
        {"vae_tiling": True},
    ):  # fmt: skip
        assert tiny_editor(**drawn).fingerprint != same, drawn


def test_the_fingerprint_follows_the_weights_and_not_the_place(
    tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny("pix2pix"), copy)
    there, here = (open_editor(f"diffusers:{f}").fingerprint for f in (tiny("pix2pix"), copy))
    assert there == here
    shutil.copy(tiny("image_to_image") / "vae" / "config.json", copy / "vae" / "config.json")
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert open_editor(f"diffusers:{copy}").fingerprint != here


def test_presets_are_the_papers_settings_and_cheaper_ones(tiny: Callable[[str], Path]) -> None:
    found = {
        preset: open_editor(f"diffusers:{tiny('pix2pix')}", settings={"preset": preset}).fingerprint
        for preset in ("paper", "balanced", "fast")
    }
    assert "scheduler=euler-ancestral steps=100 guidance=4.0" in found["paper"]
    assert "steps=20" in found["balanced"]
    assert "steps=8" in found["fast"]
    for kind in KINDS.values():
        steps = [sampling.steps for sampling in kind.presets.values()]
        assert steps == sorted(steps, reverse=True)


def test_less_strength_stays_nearer_to_the_photo(tiny: Callable[[str], Path]) -> None:
    image = np.full((32, 32, 3), 128, np.uint8)
    settings = {"steps": 2, "size": 32, "device": "cpu"}
    weak, full = (
        open_editor(f"diffusers:{tiny('image_to_image')}", strength=s, settings=settings).edit(
            [image], [SNOW], [1]
        )[0]
        for s in (0.2, 1.0)
    )
    assert weak.std() < full.std()


def test_what_the_models_own_checker_refuses_is_black_unless_it_is_off(tiny_editor: Open) -> None:
    asked = ([photo(40)], [SNOW], [1])
    (refused,) = tiny_editor("refusing").edit(*asked)
    assert not refused.any()
    (kept,) = tiny_editor("refusing", safety=False).edit(*asked)
    assert kept.any()
    names = ("refusing", "pix2pix", "image_to_image", "kontext")
    assert [tiny_editor(name).refuses for name in names] == [True, False, False, False]
    assert not tiny_editor("refusing", safety=False).refuses


def test_what_overflows_to_no_number_is_grey_and_not_black(tiny_editor: Open) -> None:
    editor = tiny_editor()
    editor.pipeline.vae.decoder.conv_out.bias.data.fill_(float("nan"))
    (edit,) = editor.edit([photo()], [SNOW], [1])
    assert set(np.unique(edit)) == {128}


def test_it_says_what_it_is(tiny_editor: Open) -> None:
    about = tiny_editor().about
    assert about["licence of the model"] == "mit"
    assert about["revision"].startswith("sha256-")
    assert "steps 2" in about["settings"]


def test_lora_weights_change_the_picture_and_the_fingerprint(
    tiny_editor: Open, tmp_path: Path
) -> None:
    plain = tiny_editor()
    save_lora(plain.pipeline, tmp_path / "pytorch_lora_weights.safetensors")
    lora = tiny_editor(lora=str(tmp_path), lora_scale=2.0)
    assert lora.fingerprint != plain.fingerprint
    (with_it,), (without,) = (e.edit([photo()], [SNOW], [1]) for e in (lora, plain))
    assert (with_it != without).any()


def test_each_lora_file_of_a_folder_has_its_own_pictures_and_fingerprint(
    tiny_editor: Open, tmp_path: Path
) -> None:
    pipe, files = tiny_editor().pipeline, ("a.safetensors", "sub/b.safetensors")
    for seed, file in enumerate(files):
        save_lora(pipe, tmp_path / file, seed)
    a, b = (tiny_editor(lora=str(tmp_path), lora_file=f, lora_scale=2.0) for f in files)
    assert a.fingerprint != b.fingerprint
    (by_a,), (by_b,) = (e.edit([photo()], [SNOW], [1]) for e in (a, b))
    assert (by_a != by_b).any()
    for same in ({"lora": str(tmp_path)}, {"lora": str(tmp_path / files[0])}):
        assert tiny_editor(**same, lora_scale=2.0).fingerprint == a.fingerprint
    save_lora(pipe, tmp_path / files[0], seed=2)
    assert tiny_editor(lora=str(tmp_path), lora_scale=2.0).fingerprint != a.fingerprint


def test_a_lora_file_that_cannot_be_told_or_may_not_be_loaded_is_one_line(
    tiny_editor: Open, tmp_path: Path
) -> None:
    for settings, words in (
        ({}, r"has no \.safetensors weights"),
        ({"lora_file": "a.bin"}, r"give a \.safetensors file, as no other is loaded"),
    ):
        with pytest.raises(EditorError, match=words):
            tiny_editor(lora=str(tmp_path), **settings)
    for name in ("a.safetensors", "b.safetensors"):
        (tmp_path / name).touch()
    with pytest.raises(EditorError, match=r"set lora_file to one of a\.safetensors, b\."):
        tiny_editor(lora=str(tmp_path))
    with pytest.raises(EditorError, match=r"has no c\.safetensors: set lora_file to one of a"):
        tiny_editor(lora=str(tmp_path), lora_file="c.safetensors")


def test_each_worker_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(loading, "worker_number", lambda: 3)
    assert loading.choose_device("auto") == torch.device("cuda", 1)
    assert loading.choose_device("cuda:0") == torch.device("cuda", 0)


def test_naming_editors_loads_nothing_heavy() -> None:
    code = (
        "import sys, genmix.editing, genmix.cli, genmix.editing.diffusion;"
        "sys.exit(bool({'torch', 'diffusers', 'transformers'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_is_an_editor(tiny_editor: Open) -> None:
    editor: Editor = tiny_editor()
    editor.check([SNOW])
    assert editor.batch_size == 4
    assert tiny_editor().processes == 1


def test_the_benchmark_runs_at_a_tiny_size() -> None:
    command = [sys.executable, "-m", "benchmarks.gpu_editing", "--tiny"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    ours = [line.split(",")[1] for line in done.stdout.splitlines() if "genmix," in line]
    assert ours == [" paper", " balanced", " fast"]
