"""Licences of photos and models are recorded, and an allow-list is met or nothing is made."""

import shutil
from pathlib import Path

import pytest
import yaml

from genmix.editing.procedural import ProceduralEditor
from genmix.errors import RecipeError, RightsError
from genmix.jobs import augment, edit, estimate
from genmix.recipe import EditorChoice, Recipe
from tests.jobs.outputs import rows


@pytest.fixture
def stated(photos: Path, tmp_path: Path) -> Path:
    """Photos of which a table states the licence of all but one."""
    source = tmp_path / "stated"
    shutil.copytree(photos, source)
    files = sorted(path.relative_to(source).as_posix() for path in source.rglob("*.jpg"))
    licences = ["CC-BY-4.0"] * 6 + ["CC0-1.0"] * 5 + [""]
    lines = [f"{f},{f.split('/')[0]},{li}" for f, li in zip(files, licences, strict=True)]
    (source / "metadata.csv").write_text("\n".join(["file_name,label,license", *lines]))
    return source


def card(out: Path) -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load((out / "README.md").read_text().split("---")[1])
    return loaded


class Generative(ProceduralEditor):
    """Stands for a model, with a card that may state a licence."""

    generative = True
    licence: str | None = None


def test_each_photos_own_licence_wins_over_that_of_all(
    stated: Path, small: Recipe, tmp_path: Path
) -> None:
    summary = augment(stated, tmp_path / "out", small.changed(rights={"photos": "MIT"}))
    assert summary.tally.licenses == {"CC-BY-4.0": 12, "CC0-1.0": 10, "MIT": 2}
    made = rows(tmp_path / "out")
    assert {row["source_license"] for row in made} == {"CC-BY-4.0", "CC0-1.0", "MIT"}
    assert {row["model_license"] for row in made} == {None}
    assert card(tmp_path / "out")["license"] == ["cc-by-4.0", "cc0-1.0", "mit"]
    assert "| CC0-1.0 | 10 |" in (tmp_path / "out" / "README.md").read_text()


def test_what_nobody_stated_is_unknown(photos: Path, small: Recipe, tmp_path: Path) -> None:
    augment(photos, tmp_path / "out", small)
    assert {row["source_license"] for row in rows(tmp_path / "out")} == {"unknown"}
    assert card(tmp_path / "out")["license"] == ["unknown"]


def test_a_licence_that_the_hub_does_not_list_is_named_as_the_hub_wants_it(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    augment(photos, tmp_path / "out", small.changed(rights={"photos": "Our Staff Agreement 2"}))
    about = card(tmp_path / "out")
    assert (about["license"], about["license_name"]) == ("other", "our-staff-agreement-2")
    assert about["license_link"] == "README.md"


def test_a_run_that_meets_the_list_in_any_case_of_letters_is_made(
    stated: Path, small: Recipe, tmp_path: Path
) -> None:
    rights = {"allow": ["cc-by-4.0", "CC0-1.0", "Unknown"]}
    augment(stated, tmp_path / "out", small.changed(rights=rights))


@pytest.mark.parametrize("work", [augment, edit, estimate])
def test_a_photo_outside_the_list_is_refused_before_anything_is_written(
    stated: Path, small: Recipe, tmp_path: Path, work: object
) -> None:
    assert callable(work)
    with pytest.raises(RightsError) as caught:
        work(stated, tmp_path / "out", small.changed(rights={"allow": ["CC-BY-4.0"]}))
    message = str(caught.value)
    assert message.startswith("6 photos have a licence that the recipe does not allow")
    assert message.count(": CC0-1.0") == 3
    assert "and 3 more" in message
    assert "\n" not in message
    assert not (tmp_path / "out").exists()


def test_only_the_photos_that_are_used_must_meet_the_list(
    stated: Path, small: Recipe, tmp_path: Path
) -> None:
    rights = {"allow": ["CC-BY-4.0", "CC0-1.0"]}
    augment(stated, tmp_path / "out", small.changed(rights=rights), limit=5)


def test_a_models_own_card_wins_over_what_the_user_states(
    photos: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EditorChoice, "open", lambda _: Generative())
    recipe = small.changed(rights={"model": "openrail++", "photos": "MIT", "allow": ["mit"]})
    with pytest.raises(RightsError, match=r"editor 'procedural' has the licence openrail\+\+"):
        augment(photos, tmp_path / "out", recipe)
    augment(photos, tmp_path / "user", recipe.changed(rights={"allow": ["MIT", "OpenRAIL++"]}))
    monkeypatch.setattr(Generative, "licence", "mit")
    augment(photos, tmp_path / "card", recipe)
    for name, licence in (("user", "openrail++"), ("card", "mit")):
        assert {row["model_license"] for row in rows(tmp_path / name)} == {licence}
        text = (tmp_path / name / "README.md").read_text()
        assert f"The model that edited them has the licence: {licence}." in text


def test_an_empty_allow_list_is_a_mistake(small: Recipe) -> None:
    with pytest.raises(RecipeError, match=r"rights\.allow"):
        small.changed(rights={"allow": []})
