"""What the pages do, asked as a browser asks: prompts and mixes become files that genmix reads."""

import io
import re
import shutil
import time
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PilImage
from starlette.applications import Starlette

from genmix import jobs
from genmix.errors import OutputError, SourceError
from genmix.images import decode, encode_jpeg
from genmix.prompts import load_library
from genmix.recipe import load_recipe
from genmix.studio.drafts import Draft, check_name, slug_of
from genmix.studio.visits import own_path
from tests.studio.visitors import HOME, Visitor, augment, open_studio

MIX = {
    "library": "classification",
    "prompt": "mosaic",
    "variant": "0",
    "strength": "100",
    "masks": ["left", "circle"],
    "hybrid_share": "100",
    "seam": "6",
    "profile": "smooth",
    "blend_low": "30",
    "blend_high": "10",
    "families": ["noise"],
    "palettes": ["ember", "jade"],
    "size": "128",
    "fit": "crop",
    "originals": "copy",
    "seed": "7",
}


def finished(visitor: Visitor, answer: Any) -> str:
    """Follow a work's progress to its outcome, as htmx does."""
    ends = time.monotonic() + 60
    while found := re.search(r'hx-get="(/works/\w+)"', answer.text):
        assert time.monotonic() < ends
        answer = visitor.get(found[1])
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def test_every_page_opens_in_both_languages(visitor: Visitor) -> None:
    for path in ("/prompts", "/prompts/industrial/fog", "/compare", "/mix", "/photos"):
        for language, word in (("en", "Prompts"), ("ja", "プロンプト")):
            visitor.cookies.set("genmix_language", language)
            answer = visitor.get(path)
            assert answer.status_code == 200
            assert f'<html lang="{language}">' in answer.text
            assert word in answer.text


def test_a_language_once_chosen_is_kept(visitor: Visitor) -> None:
    answer = visitor.submit("/language", {"language": "ja", "next": "/mix"})

    assert answer.headers["location"] == "/mix"
    assert '<html lang="ja">' in visitor.get("/mix").text


def test_prompts_are_found_by_words_of_either_language_and_by_tags(visitor: Visitor) -> None:
    def shown(search: str) -> list[str]:
        text = visitor.get("/prompts", params={"library": "classification", "find": search}).text
        return re.findall(r'<a class="look" href="/prompts/classification/([\w-]+)"', text)

    assert shown("雪") == ["snowy"]
    assert shown("SNOW cold") == ["snowy"]
    assert set(shown("art")) >= {"watercolor-art", "ukiyo-e"}
    assert shown("no such word") == []


def test_the_look_of_a_prompt_is_a_picture_that_is_not_sent_twice(visitor: Visitor) -> None:
    first = visitor.get("/looks/classification/mosaic.jpg")
    tag = {"if-none-match": first.headers["etag"]}
    again = visitor.get("/looks/classification/mosaic.jpg", headers=tag)

    assert decode(first.content).shape[2] == 3
    assert first.headers["cache-control"].startswith("private")
    assert (again.status_code, again.content) == (304, b"")


def test_a_tried_prompt_shows_the_pictures_that_a_run_makes(
    visitor: Visitor, photos: Path, tmp_path: Path
) -> None:
    visitor.submit("/mix/try", MIX)
    asked = {"seed": "7", "strength": "100"}
    page = finished(visitor, visitor.submit("/prompts/classification/mosaic/try", asked))
    work = re.search(r"/works/(\w+)/edit.jpg", page)
    assert work
    steps = {
        step: decode(visitor.get(f"/works/{work[1]}/{step}.jpg").content).astype(float)
        for step in ("original", "edit", "hybrid", "composite")
    }
    visitor.submit("/mix/save", {**MIX, "name": "mine"})
    recipe = load_recipe(tmp_path / "out" / "recipes" / "mine.yaml")
    plain = recipe.changed(blend=0.0, fractals={"count": 1}, output={"format": "png"})
    jobs.augment(photos, tmp_path / "run", plain)
    first = min(photos.glob("*/*"))
    made = next(
        (tmp_path / "run" / "images").rglob(f"{first.parent.name}/{first.stem}*-mosaic-0.png")
    )

    # A composite without a fractal is a hybrid; on the page it is a JPEG.
    shown = visitor.get(f"/works/{work[1]}/hybrid.jpg").content
    assert shown == encode_jpeg(decode(made.read_bytes()), 88)
    assert np.abs(steps["original"] - steps["edit"]).mean() > 5
    assert np.abs(steps["composite"] - steps["hybrid"]).mean() > 1


def test_a_prompt_is_copied_translated_tagged_switched_off_and_saved_for_a_run(
    visitor: Visitor, out: Path, photos: Path
) -> None:
    copied = visitor.submit("/prompts/classification/mosaic/copy")
    assert copied.headers["location"] == "/prompts/classification/mosaic-2"
    changed = visitor.submit(
        copied.headers["location"],
        {
            "id": "tiles",
            "prompt": "mosaic",
            "instruction": "",
            "name_en": "Tiles",
            "name_ja": "タイル",
            "description_en": "Small tiles.",
            "description_ja": "小さなタイル。",
            "tags": "Wall, floor、bath room",
        },
    )
    assert changed.headers["location"] == "/prompts/classification/tiles"
    for off in ("autumn", "snowy", "aurora"):
        visitor.submit(f"/prompts/classification/{off}/switch", {})
    told = visitor.submit("/libraries/classification/save", {"name": "my-looks"}).text

    saved = load_library(out / "prompts" / "my-looks.yaml")
    tiles = next(prompt for prompt in saved.prompts if prompt.id == "tiles")
    assert tiles.tags == ("wall", "floor", "bath", "room")
    assert (tiles.name.ja, tiles.instruction) == ("タイル", "mosaic")
    assert "snowy" not in [prompt.id for prompt in saved.prompts]
    assert "Prompts in it: 7" in told
    assert '<a href="/prompts?library=my-looks" >my-looks</a>' in told
    assert "my-looks" in visitor.get("/prompts").text
    file = out / "prompts" / "my-looks.yaml"
    run = augment(photos, out, "--prompts-file", str(file), "--recipe", "quick", "--limit", "2")
    assert run.exit_code == 0, run.output
    assert len(list((out / "images").rglob("*.jpg"))) == 6


def test_a_library_is_not_replaced_unless_that_is_said(visitor: Visitor, out: Path) -> None:
    visitor.submit("/libraries/classification/save", {"name": "mine"})
    before = (out / "prompts" / "mine.yaml").read_bytes()
    visitor.submit("/prompts/classification/snowy/switch", {})
    refused = visitor.submit("/libraries/classification/save", {"name": "mine"})

    assert refused.status_code == 422
    assert (out / "prompts" / "mine.yaml").read_bytes() == before
    replacing = {"name": "mine", "replace": "on"}
    assert visitor.submit("/libraries/classification/save", replacing).is_success
    assert len(load_library(out / "prompts" / "mine.yaml").prompts) == 8


def test_changes_can_be_discarded_from_when_there_are_any_until_they_are_saved(
    visitor: Visitor,
) -> None:
    discard = 'action="/libraries/classification/discard"'
    before = visitor.get("/prompts").text
    switched = visitor.submit("/prompts/classification/snowy/switch", {}).text
    during = visitor.get("/prompts").text
    saved = visitor.submit("/libraries/classification/save", {"name": "mine"}).text
    after = visitor.get("/prompts").text

    assert [discard in page for page in (before, saved, after)] == [False] * 3
    assert [discard in page for page in (switched, during)] == [True] * 2
    assert '<div id="count" hx-swap-oob="innerHTML"><p>8 of 9 are switched on</p>' in saved


def test_fields_that_do_not_fit_are_marked_and_what_was_written_stays(visitor: Visitor) -> None:
    answer = visitor.submit(
        "/prompts/classification/snowy",
        {"id": "mosaic", "prompt": "x", "name_en": "Kept words", "name_ja": "", "tags": "雪"},
    )

    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == 4
    assert "Kept words" in answer.text
    other = {"name_en": "a", "name_ja": "b", "description_en": "c", "description_ja": "d"}
    twice = visitor.submit(
        "/prompts/classification/snowy", {"id": "mosaic", "prompt": "x", **other}
    )
    assert twice.text.count('aria-invalid="true"') == 1


def test_two_sessions_see_nothing_of_each_other(app: Starlette) -> None:
    one, two = Visitor(app).sign_in(), Visitor(app).sign_in()
    one.submit("/prompts/classification/snowy/copy")
    buffer = io.BytesIO()
    PilImage.new("RGB", (40, 30), "red").save(buffer, "PNG")
    one.submit("/photos/send", {"next": "/mix"}, files={"file": ("secret.png", buffer.getvalue())})
    page = finished(one, one.submit("/mix/try", MIX))
    work = re.search(r"/works/(\w+)/", page)
    assert work

    assert "secret.png" in one.get("/mix").text
    assert "secret.png" not in two.get("/mix").text
    assert "snowy-2" in one.get("/prompts").text
    assert "snowy-2" not in two.get("/prompts").text
    assert one.get(f"/works/{work[1]}/edit.jpg").status_code == 200
    assert two.get(f"/works/{work[1]}/edit.jpg").status_code == 404
    assert two.submit(f"/works/{work[1]}/stop").status_code == 404


def test_the_mix_is_kept_shown_with_its_label_and_saved_as_a_recipe(
    visitor: Visitor, out: Path, photos: Path
) -> None:
    page = finished(visitor, visitor.submit("/mix/try", MIX))
    told = visitor.submit("/mix/save", {**MIX, "name": "mine"}).text

    label = min(photos.iterdir()).name
    assert f"<strong>{label}</strong>" in page
    assert "Clouds" in page
    recipe = load_recipe(out / "recipes" / "mine.yaml")
    assert recipe.masks == ("left", "circle")
    assert (recipe.seam.width, recipe.seam.profile) == (0.06, "smooth")
    assert recipe.blend == (0.1, 0.3)
    assert recipe.fractals.palettes == ("ember", "jade")
    assert (recipe.size, recipe.fit, recipe.seed) == (128, "crop", 7)
    assert "genmix augment SOURCE -o OUT --recipe OUT/recipes/mine.yaml" in told
    again = visitor.get("/mix").text
    assert 'name="seam" min="0" max="50" step="0.1" value="6"' in again


def test_a_recipe_of_saved_prompts_runs_from_anywhere(
    visitor: Visitor, out: Path, photos: Path
) -> None:
    visitor.submit("/mix/open", {"recipe": "quick"})
    for off in ("autumn", "aurora", "rainbow", "sunset", "ukiyo-e", "watercolor-art", "snowy"):
        visitor.submit(f"/prompts/classification/{off}/switch", {})
    visitor.submit("/libraries/classification/save", {"name": "two"})
    visitor.submit("/mix/save", {**MIX, "library": "two", "name": "mine"})
    visitor.submit("/mix/open", {"recipe": "mine"})
    run = augment(photos, out, "--recipe", str(out / "recipes" / "mine.yaml"), "--limit", "1")

    assert run.exit_code == 0, run.output
    assert len(list((out / "images").rglob("*.jpg"))) == 3  # both prompts', and the photo
    assert '<option value="two" selected>' in visitor.get("/mix").text


def test_prompts_that_are_off_are_left_out_of_a_mix_without_saving_a_library(
    visitor: Visitor, out: Path
) -> None:
    visitor.submit("/prompts/classification/snowy/switch", {})
    visitor.submit("/mix/save", {**MIX, "name": "mine"})

    only = load_recipe(out / "recipes" / "mine.yaml").prompts.only
    assert only is not None
    assert "snowy" not in only
    assert len(only) == 8


def test_opening_a_recipe_switches_on_the_prompts_that_it_names(visitor: Visitor) -> None:
    visitor.submit("/prompts/classification/snowy/switch", {})
    visitor.submit("/mix/save", {**MIX, "name": "mine"})
    visitor.submit("/prompts/classification/snowy/switch", {"on": "on"})
    for off in ("mosaic", "autumn"):
        visitor.submit(f"/prompts/classification/{off}/switch", {})
    visitor.submit("/mix/open", {"recipe": "mine"})

    assert "8 of 9 are switched on" in visitor.get("/prompts").text
    choice = re.search(r'<select id="prompt".*?</select>', visitor.get("/mix").text)
    assert choice
    assert '"mosaic"' in choice[0]
    assert '"snowy"' not in choice[0]


def test_what_a_recipe_switched_off_is_on_again_for_one_that_takes_all(visitor: Visitor) -> None:
    def on(library: str) -> str:
        page = visitor.get("/prompts", params={"library": library}).text
        return re.findall(r"(\d+ of \d+) are switched on", page)[0]

    visitor.submit("/mix/open", {"recipe": "domain-adaptation"})
    chosen = on("classification"), on("domain-adaptation"), on("industrial")
    visitor.submit("/mix/open", {"recipe": "quick"})
    again = on("classification")
    visitor.submit("/prompts/classification/snowy/switch", {})
    visitor.submit("/mix/open", {"recipe": "quick"})
    own = on("classification")

    assert chosen == ("1 of 9", "5 of 5", "0 of 16")
    assert (again, own) == ("9 of 9", "8 of 9")


def test_changes_that_are_discarded_after_a_recipe_was_opened_switch_all_on(
    visitor: Visitor, out: Path
) -> None:
    visitor.submit("/prompts/classification/snowy/switch", {})
    visitor.submit("/mix/save", {**MIX, "name": "mine"})
    visitor.submit("/mix/open", {"recipe": "mine"})
    visitor.submit("/libraries/classification/discard")
    visitor.submit("/mix/save", {**MIX, "name": "all"})

    assert load_recipe(out / "recipes" / "all.yaml").prompts.only is None


def test_a_preset_of_prompts_from_several_libraries_keeps_them_on_the_page_mix(
    visitor: Visitor, out: Path
) -> None:
    visitor.submit("/mix/open", {"recipe": "domain-adaptation"})
    page = visitor.get("/mix").text
    visitor.submit("/mix/save", {**MIX, "library": "all", "name": "mine"})

    assert '<option value="all" selected>All that come with genmix</option>' in page
    preset = load_recipe("domain-adaptation")
    assert load_recipe(out / "recipes" / "mine.yaml").prompts == preset.prompts


def test_two_prompts_are_compared_over_many_photos(visitor: Visitor) -> None:
    visitor.submit("/mix/try", MIX)
    asked = {"library": "classification", "a": "snowy", "b": "mosaic", "strength": "60"}
    first = finished(visitor, visitor.submit("/compare/pictures", asked))
    last = finished(visitor, visitor.submit("/compare/pictures", {**asked, "start": "6"}))

    assert first.count("<img ") == last.count("<img ") == 18
    assert "Photos 7 to 12 of 12" in last
    picture = re.search(r"/works/\w+/5-1.jpg", first)
    assert picture
    assert visitor.get(picture[0]).headers["content-type"] == "image/jpeg"


def test_photos_are_paged_by_class_and_chosen(visitor: Visitor, photos: Path) -> None:
    label = sorted(photos.iterdir())[1].name
    page = visitor.get("/photos", params={"label": label, "next": "/mix"}).text
    ids = re.findall(r'name="photo" value="(\w+)"', page)
    answer = visitor.submit("/photos/choose", {"photo": ids[2], "next": "/mix"})

    assert len(ids) == 4
    assert answer.headers["location"] == "/mix"
    assert f"/photos/{ids[2]}/small.jpg" in visitor.get("/mix").text


def test_a_photo_that_cannot_be_used_spoils_no_page(
    photos: Path, out: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(photos, tmp_path / "own")
    label = min(place.name for place in own.iterdir())
    (own / label / "0.jpg").write_bytes(b"no picture")
    with Visitor(open_studio(own, out)) as visitor:
        first = visitor.sign_in().get("/prompts").text
        ids = re.findall(r'name="photo" value="(\w+)"', visitor.get("/photos").text)
        refused = visitor.submit("/photos/choose", {"photo": ids[0], "next": "/mix"})
        finished(visitor, visitor.submit("/mix/try", MIX))
        others = finished(visitor, visitor.submit("/mix/more"))
        asked = {"library": "classification", "a": "snowy", "b": "mosaic"}
        compared = finished(visitor, visitor.submit("/compare/pictures", asked))

    assert f"/photos/{ids[1]}/small.jpg" in first
    assert refused.status_code == 422
    assert "This picture cannot be used." in refused.text
    assert others.count("<img ") == 4
    assert compared.count("<img ") == 5 * 3
    assert f'<p>This photo cannot be used.</p><p class="quiet">{label}/0.jpg</p>' in compared


def test_a_sent_photo_is_used_without_what_else_was_in_its_file(visitor: Visitor) -> None:
    buffer = io.BytesIO()
    exif = PilImage.Exif()
    exif[0x010E] = "taken at home"
    PilImage.new("RGB", (3000, 1500), "green").save(buffer, "JPEG", exif=exif)
    sent = {"file": ("a.jpg", buffer.getvalue())}
    answer = visitor.submit("/photos/send", {"next": "/prompts"}, files=sent)
    shown = re.search(r"/photos/(u\w+)/small.jpg", visitor.get("/prompts").text)
    assert shown
    photo = visitor.get(f"/photos/{shown[1]}/large.jpg").content

    assert answer.status_code == 303
    assert decode(photo).shape == (256, 512, 3)
    assert b"taken at home" not in photo


def test_nothing_is_served_where_photos_or_folder_cannot_be_used(
    tmp_path: Path, photos: Path
) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        open_studio(tmp_path / "none", tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty"):
        open_studio(photos, tmp_path / "full")


def test_a_file_that_is_no_library_is_told_of_and_harms_nothing(
    visitor: Visitor, out: Path
) -> None:
    (out / "prompts").mkdir()
    (out / "prompts" / "broken.yaml").write_text("id: broken\nprompts: [{id: BAD}]\n")
    answer = visitor.get("/prompts", params={"library": "broken"})

    assert visitor.get("/prompts").status_code == 200
    assert answer.status_code == 422
    assert "broken.yaml:2" in answer.text
    assert str(out) not in answer.text


def test_a_fault_points_to_its_details_where_it_has_any(visitor: Visitor) -> None:
    told = visitor.submit("/run/start", {"recipe": "none"}).text
    kind = {"content-type": "multipart/form-data; boundary=x", "x-genmix-token": visitor.token}
    malformed = visitor.post("/photos/send", content=b"--x\r\n\r\n", headers=kind)

    assert "See “Details”." in told
    assert "there is no recipe &#39;none&#39;" in told
    assert malformed.status_code == 400
    assert "Details" not in malformed.text
    assert "Load the page again" in malformed.text


def test_a_draft_stays_a_valid_library() -> None:
    draft = Draft(load_library("classification"))
    for _ in range(3):
        draft, copy_id = draft.copied("snowy", {"en": " (copy)", "ja": "（コピー）"})
    draft = draft.switched("mosaic", False).without("mosaic")

    assert copy_id == "snowy-4"
    assert draft.off == frozenset()
    assert type(draft.library).model_validate(draft.library.model_dump()) == draft.library


@given(st.text(max_size=60) | st.from_regex(r"[/\\\\.a-z:@?%#-]{0,30}", fullmatch=True))
def test_a_path_to_go_to_stays_on_this_server(path: str) -> None:
    target = urlsplit(urljoin(HOME, own_path(path)))

    assert (target.scheme, target.netloc) == ("http", "localhost:8080")


@given(st.text(max_size=80))
def test_any_words_become_a_name_for_a_file(text: str) -> None:
    check_name(f"x{slug_of(text, 'y')}"[:40].rstrip("-"))
