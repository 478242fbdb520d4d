"""Screens that know more than a pair: classes in a preview and an estimate, and changed models."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from genmix.cli import main
from genmix.datasets.samples import synthetic_photos
from genmix.errors import OutputError, ScreenError, SourceError
from genmix.jobs import augment, edit, estimate, preview
from genmix.networks.checkpoint import save_checkpoint
from genmix.networks.models import create_model
from genmix.recipe import Recipe
from genmix.screening.encoders import open_encoder
from genmix.screening.label import open_classifier
from genmix.sheets import SheetRow
from tests.jobs.outputs import contents


def save_classifier(folder: Path, seed: int, classes: Sequence[str] = ("ant", "bee")) -> None:
    torch.manual_seed(seed)
    save_checkpoint(create_model("test_resnet", classes, size=32), folder)
    for loaded in (open_encoder, open_classifier):
        loaded.cache_clear()


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    save_classifier(tmp_path / "classifier", seed=0)
    return tmp_path / "classifier"


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """Two classes of three photos that are all the same: no edit is as like its photo."""
    synthetic_photos(tmp_path / "photos", classes=2, per_class=1, size=48)
    for photo in sorted((tmp_path / "photos").rglob("*.jpg")):
        for k in range(2):
            photo.with_name(f"copy{k}.jpg").write_bytes(photo.read_bytes())
    return tmp_path / "photos"


@pytest.fixture
def strict(small: Recipe, classifier: Path) -> Recipe:
    density = {"encoder": str(classifier), "min_density": 1}
    return small.changed(screens={"density": density})


@pytest.fixture
def sheet(monkeypatch: pytest.MonkeyPatch) -> list[SheetRow]:
    """The rows of the sheets that are drawn."""
    drawn: list[SheetRow] = []
    module = sys.modules["genmix.jobs.preview"]  # the package gives the function that it has
    draw = module.draw_sheet

    def kept(rows: Sequence[SheetRow], columns: Sequence[str]) -> object:
        drawn.extend(rows)
        return draw(rows, columns)

    monkeypatch.setattr(module, "draw_sheet", kept)
    return drawn


def test_with_its_source_a_preview_is_what_the_run_makes_and_its_edits_are_kept(
    copies: Path, strict: Recipe, tmp_path: Path, sheet: list[SheetRow]
) -> None:
    chosen = sorted(copies.rglob("*.jpg"))[:2]
    preview(chosen, strict, source=copies, edits=tmp_path / "edits")
    captions = [caption for row in sheet for caption in row.captions if caption]
    assert len(captions) == 4
    assert all("rejected (density: share of the peak" in caption for caption in captions)
    summary = augment(copies, tmp_path / "out", strict, edits=tmp_path / "edits")
    assert (summary.edits_made, summary.edits_reused) == (8, 4)
    assert summary.tally.rejected == {"density": 12}
    with pytest.raises(SourceError, match=r"elsewhere.jpg is none of the photos of the source"):
        preview([tmp_path / "elsewhere.jpg"], strict, source=copies)


def test_without_its_source_a_preview_leaves_density_out_and_says_so(
    copies: Path, strict: Recipe, tmp_path: Path, sheet: list[SheetRow]
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(strict.to_yaml())
    photo = str(min(copies.rglob("*.jpg")))
    command = ["preview", photo, "-o", str(tmp_path / "sheet.png"), "--recipe", str(recipe)]
    told = CliRunner().invoke(main, command)
    assert told.exit_code == 0, told.output
    assert "density is left out" in told.stderr
    assert not any(row.captions for row in sheet)
    sheet.clear()
    told = CliRunner().invoke(main, [*command, "--source", str(copies)])
    assert told.exit_code == 0, told.output
    assert "density" not in told.stderr
    assert any(row.captions for row in sheet)


def test_an_estimate_counts_what_density_rejects(
    copies: Path, strict: Recipe, small: Recipe, tmp_path: Path
) -> None:
    assert estimate(copies, tmp_path / "out", small).output_bytes > 0
    assert estimate(copies, tmp_path / "out", strict).output_bytes == 0


def test_an_estimate_of_a_slow_editor_takes_one_picture(
    photos: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small.changed(output={"originals": "copy"})
    quick = estimate(photos, tmp_path / "out", recipe)
    assert (quick.items, quick.sampled) == (36, 36)
    monkeypatch.setattr(sys.modules["genmix.jobs.estimate"], "_PATIENCE_SECONDS", 0)
    slow = estimate(photos, tmp_path / "out", recipe)
    assert (slow.items, slow.sampled) == (36, 1)
    assert min(slow.seconds, slow.output_bytes, slow.cache_bytes) > 0


@pytest.mark.parametrize("screen", ["similarity", "density", "label", "safety"])
def test_other_weights_of_a_screens_model_are_another_job(
    screen: str, photos: Path, small: Recipe, tmp_path: Path
) -> None:
    model, out = tmp_path / "classifier", tmp_path / "out"
    classes = sorted(folder.name for folder in photos.iterdir())
    save_classifier(model, 1, classes)
    asked = {
        "similarity": {"encoder": str(model), "min_similarity": -1},
        "density": {"encoder": str(model), "min_density": 0},
        "label": {"model": str(model), "min_probability": 0},
        "safety": {"model": str(model), "classes": classes[:1], "max_probability": 1},
    }
    recipe = small.changed(screens={screen: asked[screen]})
    augment(photos, out, recipe, limit=6, edits=tmp_path / "edits")
    before = contents(out)
    save_classifier(model, 2, classes)
    with pytest.raises(
        OutputError,
        match=rf"belongs to another run: screen models.{screen} was \w{{16}} there and is \w{{16}}",
    ):
        augment(photos, out, recipe, limit=6, edits=tmp_path / "edits")
    assert contents(out) == before
    # Edits are the same whoever judges them.
    made = edit(photos, tmp_path / "edits", recipe, limit=6).made
    assert made == 0


def test_a_model_that_cannot_be_had_is_told_of_before_any_edit(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    recipe = small.changed(screens={"label": {"model": str(tmp_path / "nowhere")}})
    with pytest.raises(ScreenError, match="holds no trained model"):
        augment(photos, tmp_path / "out", recipe, edits=tmp_path / "edits")
    assert not list((tmp_path / "edits").rglob("*.jpg"))
