"""What must not be shown: an editor's own checker, one that a recipe names, and whole runs."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image as PilImage
from pydantic import ValidationError
from transformers import CLIPImageProcessor

from genmix.errors import ScreenError
from genmix.images import Image, decode, encode_jpeg
from genmix.jobs import augment
from genmix.jobs.rescreen import rescreen
from genmix.recipe import Recipe
from genmix.screening import SafetyScreen, ScreenSettings, open_screens
from genmix.screening.checker import open_checker
from tests.jobs.outputs import rows
from tests.tiny_pipelines import refusing

SETTINGS = {"steps": 1, "size": 32, "device": "cpu", "batch_size": 4}


@pytest.fixture(scope="module")
def refuses_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline whose checker refuses every picture."""
    folder = tmp_path_factory.mktemp("models") / "refusing"
    refusing(folder)
    return folder


@pytest.fixture(scope="module")
def refuses_some(refuses_all: Path) -> Path:
    """The same, but the checker refuses some pictures, and one of its special concepts lowers."""
    folder = refuses_all.with_name("some")
    shutil.copytree(refuses_all, folder)
    torch.manual_seed(3)
    checker = StableDiffusionSafetyChecker.from_pretrained(folder / "safety_checker")
    for name in ("concept_embeds", "special_care_embeds"):
        getattr(checker, name).data.normal_()
    seen = checker.visual_projection(checker.vision_model(pixels(folder, PICTURES))[1])
    for name in ("concept_embeds", "special_care_embeds"):
        cosines = torch.nn.functional.cosine_similarity(
            seen[:, None], getattr(checker, name)[None], dim=2
        )
        getattr(checker, f"{name}_weights").data.copy_(cosines.quantile(0.95, dim=0))
    checker.save_pretrained(folder / "safety_checker")
    return folder


PICTURES = [
    np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    for seed in range(40)
]


def pixels(folder: Path, pictures: list[Image]) -> torch.Tensor:
    processor = CLIPImageProcessor.from_pretrained(folder / "feature_extractor")
    shown = processor(images=[PilImage.fromarray(p) for p in pictures], return_tensors="pt")
    return torch.as_tensor(shown.pixel_values)


def test_what_the_own_checker_turned_black_is_rejected_also_out_of_the_cache() -> None:
    black = np.zeros((16, 16, 3), np.uint8)
    stored = decode(encode_jpeg(black, quality=95, full_colour=True))
    dark = black.copy()
    dark[3, 3, 0] = 1
    verdicts = SafetyScreen(own_checker=True).judge([black] * 3, [black, stored, dark])
    assert [verdict.keep for verdict in verdicts] == [False, False, True]
    assert verdicts[0].reason == "safety: refused by the editor's own checker"
    assert [verdict.score for verdict in verdicts] == [1, 1, 0]
    assert SafetyScreen(own_checker=False).judge([black], [black])[0].keep


def test_a_named_checker_refuses_what_it_refuses_in_its_pipeline(refuses_some: Path) -> None:
    checker = StableDiffusionSafetyChecker.from_pretrained(refuses_some / "safety_checker")
    shown = np.stack([picture / 255 for picture in PICTURES])
    _, refused = checker(clip_input=pixels(refuses_some, PICTURES), images=shown)
    assert 5 < sum(refused) < 35
    settings = ScreenSettings.model_validate({"safety": {"checker": str(refuses_some)}})
    screen = open_screens(settings)[0]
    assert isinstance(screen, SafetyScreen)
    verdicts = screen.judge(PICTURES, PICTURES)
    assert [not verdict.keep for verdict in verdicts] == refused
    first = next(verdict for verdict in verdicts if not verdict.keep)
    assert first.reason == f"safety: {first.score:.3f} beyond the checker's threshold"
    alone = [screen.judge([picture], [picture])[0] for picture in PICTURES]
    assert [v.score for v in alone] == pytest.approx([v.score for v in verdicts], abs=0.0011)


def test_a_run_says_what_the_editors_own_checker_refused(
    refuses_all: Path, photos: Path, small: Recipe, tmp_path: Path
) -> None:
    off = dict.fromkeys(("blank", "unchanged", "structure"))
    for safety, decision in ((True, "rejected"), (False, "written")):
        settings = SETTINGS | {"safety": safety}
        editor = {"name": f"diffusers:{refuses_all}", "settings": settings}
        recipe = small.changed(size=32, editor=editor, screens=off, prompts={"only": ["snowy"]})
        out = tmp_path / decision
        summary = augment(photos, out, recipe, limit=3, edits=tmp_path / "edits")
        made = rows(out)
        assert [row["decision"] for row in made] == [decision] * 3
        assert ("screen_safety" in made[0]) is safety
        card = (out / "README.md").read_text()
        assert ("checked by the model itself" if safety else "the model's checker is off") in card
        if safety:
            assert {row["screen_safety"] for row in made} == {1.0}
            assert {row["reason"] for row in made} == {
                "safety: refused by the editor's own checker"
            }
            assert summary.tally.rejected == {"safety": 3}
            again = rescreen(out, photos, edits=tmp_path / "edits")
            assert {one.rejected_by for one in again.judged} == {"safety"}
            assert (again.limits, list(again.sheets)) == ({"safety": 0}, ["safety"])


def test_a_checker_can_look_at_the_edits_of_another_editor_and_its_weights_are_the_jobs(
    refuses_all: Path, photos: Path, small: Recipe, tmp_path: Path
) -> None:
    checker = tmp_path / "checker"
    shutil.copytree(refuses_all, checker)
    recipe = small.changed(screens={"safety": {"checker": str(checker)}})
    augment(photos, tmp_path / "out", recipe, limit=3, edits=tmp_path / "edits")
    assert {row["reason"].partition(":")[0] for row in rows(tmp_path / "out")} == {"safety"}
    record = json.loads((tmp_path / "out" / ".genmix" / "job.json").read_bytes())
    assert list(record["screen models"]) == ["safety"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "give either a checker, or a model with its classes"),
        ({"checker": "a", "model": "b", "classes": ["c"]}, "give either a checker"),
        ({"model": "b"}, "model and classes belong together"),
        ({"checker": "a", "classes": ["c"]}, "model and classes belong together"),
    ],
)
def test_a_judge_is_named_wholly(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ScreenSettings.model_validate({"safety": settings})


def test_a_checker_that_cannot_be_had_is_one_clear_line(
    refuses_all: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    without, broken = tmp_path / "without", tmp_path / "broken"
    shutil.copytree(refuses_all, without, ignore=shutil.ignore_patterns("safety_checker"))
    shutil.copytree(refuses_all, broken)
    weights = broken / "safety_checker" / "model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    for model, words in (
        (without, "has no safety_checker: give one that has"),
        (broken, "cannot be opened"),
        ("someone/nothing", "cannot be opened"),
    ):
        with pytest.raises(ScreenError, match=words) as caught:
            open_checker(str(model))
        assert "\n" not in str(caught.value)
