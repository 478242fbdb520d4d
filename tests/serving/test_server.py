"""The server as its callers meet it: OpenAI's client, plain HTTP, and no mercy on limits."""

import base64
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from genmix.editing import open_editor
from genmix.editing.procedural import ProceduralEditor
from genmix.images import Image, decode, encode_png
from genmix.prompts import Prompt
from genmix.serving import Limits, api, connections
from genmix.serving.api import Offer, create_app
from genmix.serving.limits import Keys, Rates, Refusal
from genmix.serving.metrics import Metrics
from genmix.serving.queue import EditQueue
from tests.serving.servers import (
    PATIENCE_SECONDS,
    CountingEditor,
    running,
    serve_process,
    serving,
    wait_until,
)


def picture(seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)


def ask(address: str, files: Any = None, **fields: Any) -> httpx.Response:
    files = files or {"image": encode_png(picture())}
    data = {"prompt": "snowy", **fields}
    url = f"{address}/v1/images/edits"
    # Without certificates, which take longer to load than all the rest.
    return httpx.post(url, data=data, files=files, timeout=PATIENCE_SECONDS, verify=False)


def pictures_of(response: httpx.Response) -> list[Image]:
    assert response.status_code == 200, response.text
    return [decode(base64.b64decode(one["b64_json"])) for one in response.json()["data"]]


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    told = response.json()["error"]
    assert set(told) == {"message", "type", "param", "code"}
    return response.status_code, told["code"], told["message"]


def test_the_openai_client_edits_pictures_and_gets_the_editors_own_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GENMIX_API_KEY", "secret")
    prompt = Prompt.model_validate({"id": "x", "prompt": "snowy"})
    with serve_process() as (_, address):
        with openai.OpenAI(base_url=f"{address}/v1", api_key="secret", max_retries=0) as client:
            one = client.images.edit(
                image=encode_png(picture()), prompt="snowy", model="procedural",
                response_format="b64_json", size="auto", extra_body={"seed": 5},
            )  # fmt: skip
            two = client.images.edit(
                image=[encode_png(picture(1)), encode_png(picture(2))],
                prompt="snowy",
                extra_body={"seed": [7, 9]},
            )
            drawn = client.images.edit(image=encode_png(picture()), prompt="snowy", n=2)
            assert [model.id for model in client.models.list()] == ["procedural/4 strength=1.0"]
        with (
            openai.OpenAI(base_url=f"{address}/v1", api_key="wrong", max_retries=0) as stranger,
            pytest.raises(openai.AuthenticationError, match="API key is missing or wrong"),
        ):
            stranger.images.edit(image=encode_png(picture()), prompt="snowy")
    answers = [
        decode(base64.b64decode(image.b64_json or ""))
        for image in (one.data or []) + (two.data or [])
    ]
    local = ProceduralEditor().edit([picture(0), picture(1), picture(2)], [prompt] * 3, [5, 7, 9])
    assert len(answers) == 3
    for answer, mine in zip(answers, local, strict=True):
        np.testing.assert_array_equal(answer, mine)
    assert drawn.data is not None
    assert len({image.b64_json for image in drawn.data}) == 2


def test_seeds_count_up_from_one_and_are_told_when_they_were_drawn() -> None:
    with serving() as address:
        counted = ask(address, n="3", seed="4294967295")
        assert [one["seed"] for one in counted.json()["data"]] == [4294967295, 0, 1]
        drawn = ask(address, n="2").json()["data"]
        again = pictures_of(ask(address, seed=str(drawn[1]["seed"])))
    np.testing.assert_array_equal(again[0], decode(base64.b64decode(drawn[1]["b64_json"])))


def test_a_size_is_what_the_photo_is_brought_to_first() -> None:
    with serving() as address:
        assert pictures_of(ask(address, size="16x8"))[0].shape == (8, 16, 3)


@pytest.mark.parametrize(
    ("fields", "status", "code", "words"),
    [
        ({"response_format": "url"}, 400, "invalid_value", "only 'b64_json'"),
        ({"output_format": "webp"}, 400, "invalid_value", "only 'png'"),
        ({"stream": "true"}, 400, "invalid_value", "only 'false'"),
        ({"colour": "red"}, 400, "invalid_value", "colour: there is no such field"),
        ({"prompt": ""}, 400, "invalid_value", "say what to make"),
        ({"prompt": "two\nlines"}, 400, "invalid_value", "prompt: "),
        ({"prompt": "a cat in space"}, 400, "prompt_not_supported", "cannot do the prompt"),
        ({"prompt_id": "No Slug"}, 400, "invalid_value", "id: "),
        ({"n": "0"}, 400, "invalid_value", "n: give a whole number, 1 at least"),
        ({"n": "5"}, 400, "too_many_pictures", "5 edits in a request, and 4 at most"),
        ({"n": "1" * 5000}, 400, "invalid_value", "n: give a whole number, 1 at least"),
        ({"seed": "-1"}, 400, "invalid_value", "from 0 to 4294967295"),
        ({"seed": "1" * 5000}, 400, "invalid_value", "from 0 to 4294967295"),
        ({"seed": ["1", "1" * 5000]}, 400, "invalid_value", "from 0 to 4294967295"),
        ({"seed": ["1", "2", "3"]}, 400, "invalid_value", "3 seeds for 1 edits"),
        ({"size": "big"}, 400, "invalid_value", "as 512x512"),
        ({"size": f"8x{'1' * 5000}"}, 400, "invalid_value", "as 512x512"),
        ({"size": "4096x4096"}, 400, "invalid_value", "more than 10,000 pixels"),
        ({"model": "gpt-image-1"}, 404, "model_not_found", "no model 'gpt-image-1'"),
        ({"strength": "0.5"}, 400, "invalid_value", "edits at 1.0, and was asked 0.5"),
        ({"files": {"image": b"text"}}, 400, "invalid_value", "not an image"),
        ({"files": {"picture": b"text"}}, 400, "invalid_value", "picture: there is no such"),
        ({"files": {"mask": b"text"}}, 400, "invalid_value", "masks are not supported"),
        (
            {"files": {"image": encode_png(np.zeros((101, 100, 3), np.uint8))}},
            400, "invalid_value", "100x101, more than 0.01 megapixels",
        ),
    ],
)  # fmt: skip
def test_what_it_does_not_do_is_refused_with_words_in_openais_shape(
    moody: str, fields: dict[str, Any], status: int, code: str, words: str
) -> None:
    found = error_of(ask(moody, **fields))
    assert found[:2] == (status, code)
    assert words in found[2]


@pytest.fixture(scope="module")
def moody() -> Any:
    limits = Limits(pixels=10_000, pictures=4, upload_bytes=100_000)
    with serving(limits=limits) as address:
        yield address


def test_an_upload_is_refused_while_it_comes_and_the_server_goes_on(moody: str) -> None:
    large = {"image": np.random.default_rng(0).bytes(350_000)}
    found = error_of(ask(moody, files=large))
    assert found == (413, "upload_too_large", "the upload is larger than 0.1 MB")
    checked = httpx.post(f"{moody}/v1/prompts/check", content=b"[" + b" " * 150_000 + b"]")
    assert error_of(checked)[0] == 413
    assert len(pictures_of(ask(moody))) == 1


def test_other_addresses_and_forms_are_refused_in_the_same_shape(moody: str) -> None:
    assert error_of(httpx.get(f"{moody}/v1/nothing"))[0] == 404
    assert error_of(httpx.get(f"{moody}/v1/images/edits"))[0] == 405
    assert error_of(httpx.post(f"{moody}/v1/images/edits", json={}))[0] == 400
    assert error_of(httpx.post(f"{moody}/v1/prompts/check", json=[{"id": "a"}]))[0] == 400


def test_without_a_key_web_pages_are_not_let_in(moody: str) -> None:
    page = {"origin": "https://example.org"}
    assert error_of(httpx.get(f"{moody}/v1/models", headers=page))[:2] == (403, "origin_refused")


def test_everything_but_health_needs_the_key() -> None:
    with serving(keys=["one", "two"]) as address:
        assert httpx.get(f"{address}/health").json() == {"status": "ready"}
        for path in ("metrics", "v1/models"):
            assert error_of(httpx.get(f"{address}/{path}"))[:2] == (401, "invalid_api_key")
            for header in ("two", "Bearer", "Bearer tw", "Basic two", "Bearer tw\xf6"):
                asked = httpx.get(
                    f"{address}/{path}", headers=[(b"authorization", header.encode("latin-1"))]
                )
                assert asked.status_code == 401, header
            assert httpx.get(
                f"{address}/{path}", headers={"authorization": "Bearer two"}
            ).is_success


def test_the_key_is_asked_for_before_a_body_is_read() -> None:
    with serving(keys=["secret"]) as address:
        for path in ("v1/prompts/check", "v1/images/edits"):
            with connected(address) as connection:
                connection.sendall(
                    f"POST /{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n[".encode()
                )
                assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")
        key = {"authorization": "Bearer secret"}
        faulty = httpx.post(f"{address}/v1/prompts/check", content=b"{bad", headers=key)
        found = error_of(faulty)
        assert found[:2] == (400, "invalid_value")
        assert found[2].startswith("prompts: Invalid JSON")
        assert ".py" not in found[2]
        huge = httpx.post(
            f"{address}/v1/prompts/check", content=b"[" + b" " * 2_000_000, headers=key
        )
        assert error_of(huge)[2] == "the upload is larger than 1 MB"


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), PATIENCE_SECONDS) as connection:
        yield connection


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"GET /heal", b""),
        (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /h", b"HTTP/1.1 200 OK"),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n.", b"HTTP/1.1 200 OK"),
        (b"POST /v1/prompts/check HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n[",
         b"HTTP/1.1 408 Request Timeout"),
    ],
)  # fmt: skip
def test_who_sends_no_whole_request_is_sent_away(
    sent: bytes, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 1.0)
    monkeypatch.setattr(api, "_JSON_SECONDS", 1.0)
    with serving() as address, connected(address) as connection:
        connection.sendall(sent)
        answered = b"".join(iter(lambda: connection.recv(1000), b""))  # to the end
    assert answered.partition(b"\r\n")[0] == answer


@pytest.mark.parametrize("path", ["v1/prompts/check", "v1/images/edits"])
def test_who_leaves_while_sending_is_counted_and_leaves_no_traceback(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with serving() as address:
        with connected(address) as connection:
            connection.sendall(
                f"POST /{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n"
                "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode()
            )
            time.sleep(0.5)
        wait_until(lambda: numbers(address).get('genmix_requests_total{status="499"}') == 1)
    assert caplog.text == ""


def test_who_asks_again_and_again_is_not_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 2.0)
    editor = CountingEditor()
    editor.open_gate.clear()
    twice = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 2
    with serving(editor) as address:
        threading.Timer(2.5, editor.open_gate.set).start()
        assert len(pictures_of(ask(address))) == 1  # an edit may take longer than a request
        with connected(address) as connection:
            for _ in range(6):
                connection.sendall(twice)
                answers = b""
                while answers.count(b'"ready"') < 2:
                    received = connection.recv(1000)
                    assert received
                    answers += received
                time.sleep(0.5)


def test_two_hundred_requests_in_flight_are_all_answered_each_with_its_own() -> None:
    editor = CountingEditor(batch_size=32)
    editor.open_gate.clear()
    with serving(editor, limits=Limits(queue=200)) as address, ThreadPoolExecutor(200) as threads:
        asked = [
            threads.submit(ask, address, {"image": encode_png(picture(k))}, seed=str(k))
            for k in range(200)
        ]
        wait_until(lambda: waiting(address) >= 200 - editor.batch_size)
        editor.open_gate.set()
        answers = [pictures_of(one.result())[0] for one in asked]
    for k, answer in enumerate(answers):
        np.testing.assert_array_equal(answer, np.roll(picture(k), k % 7, axis=1))
    assert sum(editor.batches) == 200
    assert max(editor.batches) == 32


def waiting(address: str) -> float:
    return numbers(address)["genmix_queue_pictures"]


def numbers(address: str) -> dict[str, float]:
    lines = httpx.get(f"{address}/metrics", timeout=PATIENCE_SECONDS).text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_a_full_queue_says_when_to_try_again_and_keeps_what_it_has() -> None:
    editor = CountingEditor(batch_size=1)
    editor.open_gate.clear()
    limits = Limits(queue=2, pictures=2)
    with serving(editor, limits=limits) as address, ThreadPoolExecutor(3) as threads:
        kept = [threads.submit(ask, address)]
        wait_until(lambda: waiting(address) == 0)
        kept.append(threads.submit(ask, address, n="2"))
        wait_until(lambda: waiting(address) == 2)
        refused = ask(address)
        editor.open_gate.set()
        assert [len(pictures_of(one.result())) for one in kept] == [1, 2]
    assert error_of(refused)[:2] == (503, "queue_full")
    assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_a_caller_that_leaves_takes_its_pictures_out_of_the_queue() -> None:
    editor = CountingEditor(batch_size=1)
    editor.open_gate.clear()
    with serving(editor) as address:
        for _ in range(2):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(
                    f"{address}/v1/images/edits", data={"prompt": "snowy", "n": "3"},
                    files={"image": encode_png(picture())}, timeout=httpx.Timeout(60, read=2),
                )  # fmt: skip
        wait_until(lambda: numbers(address).get('genmix_requests_total{status="499"}') == 2)
        editor.open_gate.set()
        assert len(pictures_of(ask(address))) == 1
    assert len(editor.batches) <= 3


def test_a_rate_is_kept_for_each_key_and_says_when_to_try_again() -> None:
    with serving(keys=["one", "two"], limits=Limits(per_minute=2)) as address:
        url, form = f"{address}/v1/images/edits", {"prompt": "snowy"}

        def edit(key: str, n: str = "1") -> httpx.Response:
            return httpx.post(
                url, data=form | {"n": n}, files={"image": encode_png(picture())},
                headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE_SECONDS,
            )  # fmt: skip

        assert edit("one", "2").is_success
        refused = edit("one", "2")
        assert edit("two").is_success
        assert error_of(edit("two", "3"))[:2] == (400, "too_many_pictures")
    assert error_of(refused)[:2] == (429, "rate_limit_exceeded")
    assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_a_key_has_one_rate_however_it_is_spelt_and_before_pictures_are_decoded() -> None:
    with serving(keys=["one"], limits=Limits(per_minute=1)) as address:

        def edit(header: str, picture: bytes) -> httpx.Response:
            return httpx.post(
                f"{address}/v1/images/edits", data={"prompt": "snowy"}, files={"image": picture},
                headers={"authorization": header}, timeout=PATIENCE_SECONDS,
            )  # fmt: skip

        assert edit("Bearer one", encode_png(picture())).is_success
        for header in ("bearer one", "BEARER one", "Bearer  one", "Bearer one"):
            assert error_of(edit(header, b"no picture"))[:2] == (429, "rate_limit_exceeded")


def test_without_keys_a_rate_is_the_addresss_whatever_headers_say() -> None:
    with serving(limits=Limits(per_minute=1)) as address:
        answers = [
            httpx.post(
                f"{address}/v1/images/edits", data={"prompt": "snowy"},
                files={"image": encode_png(picture())}, timeout=PATIENCE_SECONDS,
                headers={"authorization": f"Bearer {k}"},
            ).status_code
            for k in range(3)
        ]  # fmt: skip
    assert answers == [200, 429, 429]


def test_callers_who_ask_no_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    rates = Rates(2)
    for caller in range(1000):
        now += 1.0
        rates.take(str(caller), 1)
        rates.take("steady", 0)
    assert len(rates._buckets) <= 61
    rates.take("0", 2)
    with pytest.raises(Refusal):
        rates.take("0", 1)


def test_a_picture_that_the_editor_fails_on_fails_no_neighbour() -> None:
    editor = CountingEditor(batch_size=4)
    editor.open_gate.clear()
    with serving(editor) as address, ThreadPoolExecutor(4) as threads:
        asked = [
            threads.submit(ask, address, prompt=prompt, prompt_id=prompt)
            for prompt in ("snowy", "mosaic", "snowy", "fog")
        ]
        editor.open_gate.set()
        answers = [one.result() for one in asked]
        counted = numbers(address)
    assert [answer.status_code for answer in answers] == [200, 500, 200, 200]
    assert error_of(answers[1])[1:] == (
        "editor_failed", "the editor failed: RuntimeError('out of paint')",
    )  # fmt: skip
    assert counted["genmix_pictures_total"] == 3
    assert counted["genmix_failures_total"] == 1
    assert counted["genmix_ready"] == 1


def test_an_editor_that_returns_too_little_fails_its_request_and_the_server_goes_on() -> None:
    class Forgetful(CountingEditor):
        def edit(self, *asked: Any) -> list[Image]:
            edits = super().edit(*asked)
            return edits if len(self.batches) > 1 else []

    with serving(Forgetful()) as address:
        failed = error_of(ask(address))
        assert failed[:2] == (500, "editor_failed")
        assert "returned 0 edits of 1 pictures" in failed[2]
        assert len(pictures_of(ask(address))) == 1
        assert httpx.get(f"{address}/health").is_success


def test_an_editor_that_ends_the_thread_fails_its_request_alone() -> None:
    class Leaving(CountingEditor):
        def edit(self, *asked: Any) -> list[Image]:
            edits = super().edit(*asked)
            return edits if len(self.batches) > 1 else sys.exit("no licence")

    with serving(Leaving()) as address:
        assert error_of(ask(address))[2] == "the editor failed: SystemExit('no licence')"
        assert len(pictures_of(ask(address))) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_when_the_thread_that_edits_has_ended_health_says_so_and_nobody_waits() -> None:
    class Sizeless(CountingEditor):
        @property
        def batch_size(self) -> int:
            if self.batches:
                raise RuntimeError("no size")
            return 1

        @batch_size.setter
        def batch_size(self, _: int) -> None: ...

    with serving(Sizeless()) as address:
        assert len(pictures_of(ask(address))) == 1
        wait_until(lambda: not httpx.get(f"{address}/health").is_success)
        assert httpx.get(f"{address}/health").json() == {"status": "stopped"}
        assert error_of(ask(address))[:2] == (503, "stopped")


def test_until_the_editor_is_loaded_callers_are_told_to_wait() -> None:
    gate, metrics = threading.Event(), Metrics()

    def load() -> CountingEditor:
        gate.wait(PATIENCE_SECONDS)
        return CountingEditor()

    queue = EditQueue(load, 8, metrics)
    app = create_app(queue, Offer("counting", 1.0), Limits(), Keys(()), metrics)
    with running(app) as address:
        told = httpx.get(f"{address}/health")
        assert (told.status_code, told.json()) == (503, {"status": "loading"})
        refused = ask(address)
        assert error_of(refused)[:2] == (503, "loading")
        assert refused.headers["retry-after"] == "2"
        gate.set()
        wait_until(lambda: httpx.get(f"{address}/health").is_success)
        assert len(pictures_of(ask(address))) == 1


def test_a_server_told_to_stop_answers_what_it_has_and_ends_well() -> None:
    local = open_editor("procedural")
    prompt = Prompt.model_validate({"id": "x", "prompt": "snowy"})
    with serve_process() as (process, address), ThreadPoolExecutor(1) as thread:
        large = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
        asked = thread.submit(ask, address, {"image": encode_png(large)}, n="8", seed="1")
        wait_until(lambda: asked.done() or waiting(address) > 0 or busy(address))
        process.send_signal(signal.SIGTERM)
        answers = pictures_of(asked.result())
        assert process.wait(PATIENCE_SECONDS) == 0
    np.testing.assert_array_equal(answers[7], local.edit([large], [prompt], [8])[0])


def busy(address: str) -> bool:
    return numbers(address)["genmix_pictures_total"] > 0
