"""The page Run: a job in a process of its own, watched, stopped, resumed, told in plain words."""

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
from starlette.applications import Starlette

from genmix import jobs
from genmix.prompts import load_library
from genmix.recipe import Recipe, load_recipe
from genmix.studio.runs import Order, Runs
from tests.serving.servers import PATIENCE_SECONDS, CountingEditor, serving, wait_until
from tests.studio.test_pages import MIX, finished
from tests.studio.visitors import Visitor, augment, open_process, open_studio

_POLL_SECONDS = 0.05


def small() -> Recipe:
    """Return a recipe of which every photo takes a moment."""
    return load_recipe("quick").changed(size=32, fractals={"count": 2}, prompts={"only": ["snowy"]})


@pytest.fixture
def studio(photos: Path, out: Path, tmp_path: Path) -> Iterator[Starlette]:
    """A studio with a saved recipe."""
    app = open_studio(photos, out, edits=tmp_path / "edits")
    save(out, small())
    with Visitor(app):
        yield app


def save(out: Path, recipe: Recipe, name: str = "small") -> None:
    (out / "recipes").mkdir(parents=True, exist_ok=True)
    (out / "recipes" / f"{name}.yaml").write_text(recipe.to_yaml())


def wait(visitor: Visitor, until: Callable[[str], bool]) -> str:
    """Return what the page says once it says something."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not until(page := visitor.get("/run/status").text):
        assert time.monotonic() < ends, page
        time.sleep(_POLL_SECONDS)
    return str(page)


def ended(page: str) -> bool:
    return "hx-get" not in page


def pictures(out: Path) -> list[str | None]:
    found: list[str | None] = pq.read_table(out / "manifest.parquet")["picture_sha256"].to_pylist()
    return found


def test_a_run_makes_the_very_pictures_that_the_command_makes(
    studio: Starlette, photos: Path, out: Path, tmp_path: Path
) -> None:
    visitor = Visitor(studio).sign_in()
    sent = visitor.submit("/run/start", {"recipe": "small"})
    told = wait(visitor, ended)
    jobs.augment(photos, tmp_path / "other", small(), edits=tmp_path / "edits")

    assert sent.headers["location"] == "/run"
    assert "The pictures are ready" in told
    assert 'href="/review"' in told
    assert pictures(out) == pictures(tmp_path / "other")
    assert 'id="run-form"' not in visitor.get("/run").text
    assert "no finished pictures" not in visitor.get("/review").text


def test_an_estimate_tells_time_and_space_and_makes_nothing(studio: Starlette, out: Path) -> None:
    visitor = Visitor(studio).sign_in()
    told = finished(visitor, visitor.submit("/run/estimate", {"recipe": "small", "limit": "2"}))

    assert "Space needed" in told
    assert "--recipe OUT/recipes/small.yaml --limit 2" in told
    assert not (out / "images").exists()
    assert not (out / ".genmix" / "job.json").exists()


def test_a_stopped_estimate_leaves_nothing_behind(
    photos: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    editor = CountingEditor()
    editor.open_gate.clear()
    with (
        serving(editor) as server,
        Visitor(open_studio(photos, out, editor=server, edits=tmp_path / "edits")) as visitor,
    ):
        answer = visitor.sign_in().submit("/run/estimate", {"recipe": "quick"})
        stop = re.search(r'hx-post="(/works/[^"]+/stop)"', answer.text)
        assert stop
        wait_until(lambda: any(scratch.glob("*/tmp*")))
        visitor.submit(stop[1])
        editor.open_gate.set()

    assert list(scratch.iterdir()) == []


def test_what_could_not_be_used_is_told(photos: Path, out: Path, tmp_path: Path) -> None:
    own = shutil.copytree(photos, tmp_path / "photos")
    label = min(place.name for place in own.iterdir())
    (own / label / "broken.jpg").write_bytes(b"no picture")
    (own / label / "notes.txt").write_text("mine")
    (own / "empty").mkdir()
    with Visitor(open_studio(own, out, edits=tmp_path / "edits")) as visitor:
        save(out, small())
        visitor.sign_in()
        expected = finished(visitor, visitor.submit("/run/estimate", {"recipe": "small"}))
        visitor.submit("/run/start", {"recipe": "small"})
        told = wait(visitor, ended)

    assert "Files and folders that are not used: 2." in expected
    assert f"<li>{label}/notes.txt: " in expected
    assert "<li>empty/: " in expected
    assert "Photos that could not be used</dt><dd>1</dd>" in told
    assert f"{label}/broken.jpg" in told


def test_other_settings_for_the_same_folder_are_refused_in_plain_words(
    studio: Starlette, photos: Path, out: Path
) -> None:
    augment(photos, out, "--recipe", "quick", "--limit", "1")
    (out / "manifest.parquet").unlink()
    visitor = Visitor(studio).sign_in()
    visitor.submit("/run/start", {"recipe": "small"})
    told = wait(visitor, ended)

    assert "Open the studio with a new folder" in told
    assert str(out) not in told


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """What was to be made or estimated, instead of making it."""
    found: list[Order] = []
    monkeypatch.setattr(Runs, "start", lambda _, order: found.append(order))
    monkeypatch.setattr(Runs, "estimate", lambda _, order, __: found.append(order))
    return found


def switch(visitor: Visitor, ids: Iterable[str], *, on: bool) -> None:
    for each in ids:
        visitor.submit(f"/prompts/classification/{each}/switch", {"on": "on"} if on else {})


def test_a_run_as_set_on_the_page_mix_takes_only_prompts_that_are_switched_on(
    visitor: Visitor, orders: list[Order]
) -> None:
    def used() -> tuple[str, ...] | None:
        visitor.submit("/run/start", {"recipe": ""})
        return orders[-1].recipe.prompts.only

    kept, *others = (prompt.id for prompt in load_library("classification").prompts)
    untouched = used()
    switch(visitor, others, on=False)
    one = used()
    visitor.submit("/mix/try", MIX)
    tried = used()
    switch(visitor, others[:1], on=True)
    two = used()
    visitor.submit("/libraries/classification/discard")
    discarded = used()

    assert (untouched, discarded) == (None, None)
    assert (one, tried, two) == ((kept,), (kept,), (kept, others[0]))
    assert [order.name for order in orders] == ["classification", "", "", "", ""]


def test_a_recipe_that_is_run_by_its_name_is_used_as_it_is(
    visitor: Visitor, orders: list[Order], out: Path
) -> None:
    save(out, small())
    switch(visitor, ["snowy", "mosaic"], on=False)
    for name in ("small", "quick"):
        visitor.submit("/run/start", {"recipe": name})

    assert [order.recipe for order in orders] == [small(), load_recipe("quick")]


def test_with_every_prompt_switched_off_nothing_is_mixed_estimated_or_run(
    visitor: Visitor, orders: list[Order]
) -> None:
    switch(visitor, [prompt.id for prompt in load_library("classification").prompts], on=False)
    mix, form = {**MIX, "name": "mine"}, {"recipe": ""}
    answers = [visitor.submit(f"/mix/{what}", mix) for what in ("try", "more", "save")]
    answers += [visitor.submit(f"/run/{what}", form) for what in ("estimate", "start")]

    assert [answer.status_code for answer in answers] == [422] * 5
    for answer in answers:
        assert "Switch at least one prompt on, on the page Prompts." in answer.text
    assert orders == []
    assert [visitor.get(path).status_code for path in ("/mix", "/run")] == [200, 200]
    switch(visitor, ["snowy"], on=True)
    assert visitor.submit("/mix/try", MIX).status_code == 200


def test_prompts_that_were_never_saved_are_not_run_and_the_pages_say_so(
    visitor: Visitor, orders: list[Order]
) -> None:
    ids = [prompt.id for prompt in load_library("classification").prompts]
    before = visitor.get("/run").text
    visitor.submit("/prompts/classification/snowy/copy")
    visitor.submit("/run/start", {"recipe": ""})
    switch(visitor, ids, on=False)
    refused = visitor.submit("/run/start", {"recipe": ""})

    note = "Save the library on the page Prompts, and then choose it on the page Mix."
    assert note not in before
    assert note in visitor.get("/run").text
    assert (refused.status_code, note in refused.text) == (422, True)
    assert [order.recipe.prompts.only for order in orders] == [None]


@pytest.mark.parametrize(
    "fields",
    [{"recipe": "../secret"}, {"recipe": "small", "limit": "-1"}, {"limit": "0"}, {"limit": "1e3"},
     {"limit": "٣"}, {"limit": "9" * 30}, {"recipe": "\0"}, {"recipe": "<script>"}],
    ids=str,
)  # fmt: skip
def test_a_run_that_cannot_be_is_refused(studio: Starlette, fields: dict[str, str]) -> None:
    visitor = Visitor(studio).sign_in()
    answers = [visitor.submit(f"/run/{what}", fields) for what in ("start", "estimate")]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert "<script>" not in answers[0].text


def test_a_run_is_started_and_stopped_by_own_pages_alone(studio: Starlette) -> None:
    visitor = Visitor(studio).sign_in()
    for what in ("start", "estimate", "resume", "stop"):
        assert visitor.post(f"/run/{what}", data={"recipe": "small"}).status_code == 403
    assert visitor.submit("/run/resume").status_code == 422


def test_a_stopped_run_goes_on_where_it_was(photos: Path, out: Path, tmp_path: Path) -> None:
    editor = CountingEditor()
    editor.open_gate.clear()
    with (
        serving(editor) as server,
        Visitor(open_studio(photos, out, editor=server, edits=tmp_path / "edits")) as visitor,
    ):
        save(out, small())
        visitor.sign_in().submit("/run/start", {"recipe": "small"})
        wait(visitor, lambda page: "Making pictures" in page)
        second = visitor.submit("/run/start", {"recipe": "small"})
        meanwhile = visitor.get("/review").text
        visitor.submit("/run/stop")
        stopped = wait(visitor, ended)
        editor.open_gate.set()
        visitor.submit("/run/resume")
        told = wait(visitor, ended)

    assert second.status_code == 503
    assert "A run is under way already." in second.text
    assert "Pictures are being made." in meanwhile
    assert "The run was stopped" in stopped
    assert "The pictures are ready" in told
    made = pictures(out)
    assert len(made) == len(list(photos.rglob("*.jpg")))
    assert 0 < made.count(None) < len(made)
    assert f"Left out by the check</dt><dd>{made.count(None)}</dd>" in told
    assert "Why they were left out" in told


def test_a_server_that_is_killed_leaves_a_run_that_goes_on(
    photos: Path, out: Path, tmp_path: Path
) -> None:
    editor = CountingEditor()
    editor.open_gate.clear()
    save(out, small())
    (out / ".genmix").mkdir()
    with serving(editor) as server:
        with (
            open_process(photos, out, "--editor", server) as (address, process),
            httpx.Client(
                base_url=address, headers={"origin": address}, timeout=PATIENCE_SECONDS
            ) as client,
        ):
            found = re.search(r'name="token" value="(\w+)"', client.get("/prompts").text)
            assert found
            client.post("/run/start", data={"recipe": "small", "token": found[1]})
            ends = time.monotonic() + PATIENCE_SECONDS
            while "Making pictures" not in client.get("/run/status").text:
                assert time.monotonic() < ends
                time.sleep(_POLL_SECONDS)
            process.kill()
        editor.open_gate.set()
        app = open_studio(photos, out, editor=server, edits=tmp_path / "edits")
        with Visitor(app) as visitor:
            stopped = visitor.sign_in().get("/run").text
            told = resumed(visitor)

    assert "The run was stopped" in stopped
    assert "The pictures are ready" in told


def resumed(visitor: Visitor) -> str:
    """Go on until the folder is free: the killed server's run takes a moment to notice."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while True:
        visitor.submit("/run/resume")
        told = wait(visitor, ended)
        if "Another run is writing" not in told:
            return told
        assert time.monotonic() < ends
