"""The editor over HTTP: the same pictures as at home, patience where it helps, words where not."""

import base64
import time
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from genmix.editing import open_editor
from genmix.editing.procedural import ProceduralEditor
from genmix.editing.remote import RemoteEditor
from genmix.errors import EditorError
from genmix.images import Image, encode_png
from genmix.prompts import Prompt, load_library
from genmix.serving import Limits
from tests.serving.servers import CountingEditor, running, serving

PROMPTS = load_library("classification").select(["snowy", "ukiyo-e", "rainbow"])


def pictures(count: int) -> list[Image]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (20 + k, 30, 3), np.uint8) for k in range(count)]


def asked(count: int) -> tuple[list[Image], list[Prompt], list[int]]:
    return pictures(count), [PROMPTS[k % 3] for k in range(count)], list(range(count))


def test_the_pictures_and_the_fingerprint_are_those_of_the_editor_at_home() -> None:
    local = ProceduralEditor()
    with serving(local) as address:
        remote = open_editor(address + "/v1/", settings={"connections": 3})
        assert remote.fingerprint == local.fingerprint
        assert remote.batch_size > 3
        remote.check(PROMPTS)
        edits = remote.edit(*asked(7))
        assert remote.edit([], [], []) == []
    for edit, mine in zip(edits, local.edit(*asked(7)), strict=True):
        assert edit.flags["C_CONTIGUOUS"]
        np.testing.assert_array_equal(edit, mine)


def test_requests_share_the_batches_of_the_server() -> None:
    editor = CountingEditor(batch_size=8)
    with serving(editor) as address:
        open_editor(address, settings={"connections": 32}).edit(*asked(64))
    assert sum(editor.batches) == 64
    assert len(editor.batches) < 32


def test_a_full_queue_is_waited_for() -> None:
    with serving(CountingEditor(batch_size=1), limits=Limits(queue=2, pictures=2)) as address:
        edits = open_editor(address, settings={"connections": 12}).edit(*asked(12))
    for edit, image, seed in zip(edits, *asked(12)[::2], strict=True):
        np.testing.assert_array_equal(edit, np.roll(image, seed % 7, axis=1))


def test_a_prompt_that_the_servers_editor_cannot_do_is_refused_before_any_work() -> None:
    own = Prompt.model_validate({"id": "cat", "prompt": "a cat in space"})
    with (
        serving() as address,
        pytest.raises(EditorError, match=r"refused: the procedural editor cannot do .* \(400\)"),
    ):
        open_editor(address).check([*PROMPTS, own])


def test_a_server_that_changes_its_editor_is_an_error() -> None:
    editor = CountingEditor()
    with serving(editor) as address:
        remote = open_editor(address)
        remote.check(PROMPTS)
        editor.fingerprint = "counting/2"
        with pytest.raises(EditorError, match="another editor than when this run began"):
            remote.edit(*asked(2))


def test_another_strength_than_the_servers_is_an_error() -> None:
    with serving() as address, pytest.raises(EditorError, match=r"strength 1\.0, .* asks for 0\.5"):
        open_editor(address, strength=0.5).check(PROMPTS)


def test_a_wrong_key_is_one_line_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENMIX_API_KEY", "wrong")
    with serving(keys=["right"]) as address:
        with pytest.raises(EditorError, match="refused the API key: set GENMIX_API_KEY"):
            open_editor(address).check(PROMPTS)
        monkeypatch.setenv("GENMIX_API_KEY", "right")
        open_editor(address).check(PROMPTS)


@pytest.mark.parametrize("key", ["schlüssel", "secret\n", " secret", "鍵"])
def test_a_key_that_no_header_can_carry_is_one_line_at_once(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENMIX_API_KEY", key)
    with pytest.raises(EditorError, match="GENMIX_API_KEY holds a character that no API key has"):
        open_editor("http://127.0.0.1:9").check(PROMPTS)


def test_an_upload_that_is_too_large_is_one_line_at_once() -> None:
    large = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    with serving(limits=Limits(upload_bytes=1000)) as address:
        remote = open_editor(address)
        with pytest.raises(EditorError, match=r"the upload is larger than 0\.001 MB \(413\)"):
            remote.edit([large], PROMPTS[:1], [1])


def test_an_edit_that_fails_there_is_not_asked_for_again() -> None:
    mosaic = load_library("classification").select(["mosaic"])
    editor = CountingEditor()
    with serving(editor) as address, pytest.raises(EditorError, match="out of paint"):
        open_editor(address).edit(pictures(1), mosaic, [0])
    assert len(editor.batches) == 1


def test_where_nobody_answers_one_line_says_so_within_seconds() -> None:
    with running(FastAPI()) as address:
        pass
    started = time.monotonic()
    with pytest.raises(
        EditorError, match=r"gave up on the server at .* run the same command again"
    ):
        open_editor(address).check(PROMPTS)
    assert time.monotonic() - started < 60


def test_a_server_of_something_else_is_told_from_one_of_genmix() -> None:
    app = FastAPI()

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"data": [{"id": "big-model"}]}

    with running(app) as address, pytest.raises(EditorError, match=r"is no genmix server: .*model"):
        open_editor(address).check(PROMPTS)


def test_any_server_with_openais_call_can_be_asked_by_its_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    monkeypatch.setenv("GENMIX_API_KEY", "ours")
    seen: list[tuple[dict[str, Any], str]] = []
    app = FastAPI()

    @app.post("/v1/images/edits")
    async def edits(request: Request) -> dict[str, Any]:
        form = await request.form()
        fields = {name: value for name, value in form.items() if name != "image"}
        await form.close()
        seen.append((fields, request.headers["authorization"]))
        png = encode_png(np.full((64, 64, 3), 200, np.uint8))
        return {"created": 1, "data": [{"b64_json": base64.b64encode(png).decode()}]}

    with running(app) as address:
        remote = open_editor(address, settings={"model": "big"})
        assert remote.fingerprint == f"openai/{address.removeprefix('http://')} model=big"
        remote.check(PROMPTS)
        edit = remote.edit(pictures(1), PROMPTS[:1], [4])[0]
        open_editor(address, settings={"model": "gpt-image-1"}).edit(pictures(1), PROMPTS[:1], [4])
    assert edit.shape == (20, 30, 3)
    instruction = PROMPTS[0].instruction
    assert seen == [
        ({"model": "big", "prompt": instruction, "response_format": "b64_json"}, "Bearer theirs"),
        ({"model": "gpt-image-1", "prompt": instruction}, "Bearer theirs"),
    ]


@pytest.fixture
def moods() -> list[tuple[int, dict[str, Any], dict[str, str]]]:
    """What a server answers before it answers well: status, error, headers."""
    return []


@pytest.fixture
def moody(moods: list[tuple[int, dict[str, Any], dict[str, str]]]) -> Any:
    app = FastAPI()

    @app.post("/v1/images/edits")
    def edits() -> JSONResponse:
        if moods:
            status, error, headers = moods.pop(0)
            return JSONResponse({"error": error}, status, headers)
        data = base64.b64encode(encode_png(np.zeros((20, 30, 3), np.uint8))).decode()
        return JSONResponse({"data": [{"b64_json": data}]})

    with running(app) as address:
        yield open_editor(address, settings={"model": "moody", "timeout": 20})


def test_a_busy_server_is_asked_again_no_sooner_than_it_says(moody: Any, moods: Any) -> None:
    busy = {"message": "busy", "code": "rate_limit_exceeded"}
    moods += [(429, busy, {"Retry-After": "1"}), (503, busy, {"Retry-After": "1"})]
    started = time.monotonic()
    assert len(moody.edit(*asked(1))) == 1
    assert time.monotonic() - started >= 2


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again(moody: Any, moods: Any, status: int) -> None:
    moods += [(status, {"message": "later"}, {})] * 2
    assert len(moody.edit(*asked(1))) == 1


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (400, {"message": "bad prompt"}, r"refused: bad prompt \(400\)"),
        (401, {"message": "no"}, r"set OPENAI_API_KEY to one that it knows \(no\)"),
        (429, {"message": "pay first", "code": "insufficient_quota"}, r"pay first \(429\)"),
        (301, {}, r"Moved Permanently \(301\)"),
    ],
)
def test_what_will_not_pass_is_one_line_at_once(
    moody: Any, moods: Any, status: int, error: dict[str, Any], words: str
) -> None:
    moods += [(status, error, {})] * 9
    with pytest.raises(EditorError, match=words):
        moody.edit(*asked(1))
    assert len(moods) == 8


def test_a_server_that_is_busy_for_ever_is_given_up(moody: Any, moods: Any) -> None:
    moods += [(503, {"message": "full"}, {"Retry-After": "30"})] * 9
    with pytest.raises(EditorError, match=r"gave up .* \(503, full\)"):
        moody.edit(*asked(1))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"data": [{"url": "http://elsewhere"}]}, "answered with no picture"),
        ({"data": [{"b64_json": "AAAA"}]}, "answered with no picture"),
        ({"data": [{"b64_json": "?"}]}, "answered with no picture"),
        ([], "answered with no picture"),
    ],
)
def test_an_answer_without_a_picture_is_an_error(answer: Any, words: str) -> None:
    app = FastAPI()

    @app.post("/v1/images/edits")
    def edits() -> JSONResponse:
        return JSONResponse(answer)

    with running(app) as address, pytest.raises(EditorError, match=words):
        open_editor(address, settings={"model": "odd"}).edit(*asked(1))


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("http://h:1", {"connection": 4}, "no setting 'connection'; did you mean 'connections'"),
        ("http://h:1", {"connections": 0}, "connections is 0: give a whole number, 1 at least"),
        ("http://h:1", {"connections": 2.5}, "connections is 2.5"),
        ("http://h:1", {"timeout": -1}, "timeout is -1: give a number of seconds"),
        ("http://h:1", {"timeout": True}, "timeout is True"),
        ("http://h:1", {"model": ""}, "model is '': give a model's name"),
        ("http:", {}, "is no server's address"),
        ("http://h:port", {}, "is no address: write http://host:port"),
        ("http://127.0.0.1:99999", {}, "give one from 1 to 65535"),
        ("http://127.0.0.1:0", {}, "give one from 1 to 65535"),
        ("http://h:1/?key=1", {}, "is no server's address"),
        ("http://me:secret@h:1", {}, "leave it out and set GENMIX_API_KEY"),
    ],
)
def test_a_wrong_address_or_setting_is_one_line(
    name: str, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(EditorError, match=words):
        open_editor(name, settings=settings)


def test_what_draws_there_and_under_which_licence_is_the_servers_word() -> None:
    class Licensed(CountingEditor):
        licence = "openrail++"
        refuses = True

    for local, said in (
        (ProceduralEditor(), (False, None, False)),
        (CountingEditor(), (True, None, False)),
        (Licensed(), (True, "openrail++", True)),
    ):
        with serving(local) as address:
            remote = RemoteEditor(address)
            assert (remote.generative, remote.licence, remote.refuses) == said
    other = RemoteEditor("http://localhost:9", model="gpt-image-1")
    assert (other.generative, other.licence, other.refuses) == (True, None, False)
