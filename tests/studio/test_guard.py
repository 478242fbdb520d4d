"""Who is let in: by the name of the server, the page that asks, the password, the form's token."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from tests.studio.visitors import HOME, Visitor, ask_raw, open_studio


@pytest.fixture(scope="module")
def shared(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    """A studio that refusals leave as it is."""
    app = open_studio(photos, tmp_path_factory.mktemp("guarded") / "out")
    with Visitor(app):
        yield app


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "evil.example:8080",
        "localhost:8080:80",
        "localhost:port",
        "localhost/",
        "",
        "[::1",
        "[::1].evil.example",
        "localhost\tevil",
    ],
)
def test_a_name_that_is_not_this_server_s_is_refused(shared: Starlette, host: str) -> None:
    assert ask_raw(shared, "/prompts", [(b"host", host.encode())])[0] == 421


def test_two_names_or_none_are_refused(shared: Starlette) -> None:
    twice = [(b"host", b"localhost"), (b"host", b"evil.example")]

    assert ask_raw(shared, "/prompts", twice)[0] == 421
    assert ask_raw(shared, "/prompts", [])[0] == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:9", "192.168.1.7:80"])
def test_addresses_and_localhost_are_let_in(shared: Starlette, host: str) -> None:
    assert ask_raw(shared, "/static/icon.svg", [(b"host", host.encode())])[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8081"},
        {"origin": "http://localhost:8080.evil.example"},
        {"origin": "http://localhost:8080@evil.example"},
        {"origin": ""},
        {"origin": HOME, "sec-fetch-site": "cross-site"},
        {"origin": HOME, "sec-fetch-site": "same-site"},
        {"origin": HOME, "sec-fetch-site": "none"},
    ],
)
def test_a_change_that_another_site_asks_for_is_refused(
    shared: Starlette, headers: dict[str, str]
) -> None:
    visitor = Visitor(shared).sign_in()
    answer = visitor.submit("/prompts/classification/snowy/switch", headers=headers)

    assert answer.status_code == 403
    assert 'role="switch" name="on" value="on" checked' in visitor.get("/prompts").text


def test_a_change_that_does_not_say_where_it_comes_from_is_refused(shared: Starlette) -> None:
    visitor = Visitor(shared).sign_in()
    del visitor.headers["origin"]

    assert visitor.submit("/mix/open", {"recipe": "paper"}).status_code == 403
    from_here = {"sec-fetch-site": "same-origin"}
    assert visitor.submit("/mix/open", {"recipe": "paper"}, headers=from_here).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "http://evil.example"},
    ],
)
def test_what_another_site_s_page_would_read_is_refused(
    shared: Starlette, headers: dict[str, str]
) -> None:
    visitor = Visitor(shared)
    del visitor.headers["origin"]

    assert visitor.get("/looks/classification/fog.jpg", headers=headers).status_code == 403


def test_a_link_followed_from_elsewhere_opens_without_a_session_and_loads_itself_again(
    shared: Starlette,
) -> None:
    visitor = Visitor(shared)
    del visitor.headers["origin"]
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}  # fmt: skip  # noqa: E501
    answer = visitor.get("/mix", headers=followed)

    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("token", ["", "0" * 64, "ünïcode", "a" * 10_000])
def test_a_form_without_its_session_s_token_changes_nothing(shared: Starlette, token: str) -> None:
    visitor = Visitor(shared).sign_in()
    visitor.token = token
    answer = visitor.submit("/prompts/classification/snowy/switch")

    assert answer.status_code == 403
    assert "out of date" in answer.text


def test_the_token_of_another_session_is_none(shared: Starlette) -> None:
    one, two = Visitor(shared).sign_in(), Visitor(shared).sign_in()
    one.token = two.token

    assert one.submit("/mix/open", {"recipe": "paper"}).status_code == 403
    assert two.submit("/mix/open", {"recipe": "paper"}).status_code == 303


def test_every_answer_says_what_a_browser_may_do_with_it(shared: Starlette) -> None:
    visitor = Visitor(shared)
    answers = [visitor.get(p) for p in ("/prompts", "/static/studio.css", "/nothing", "/photos/x/small.jpg")]  # fmt: skip  # noqa: E501
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self'; ")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
    cookie = answers[0].headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def basic(words: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(words.encode()).decode()}


def test_with_a_password_nothing_is_seen_without_it(photos: Path, tmp_path: Path) -> None:
    app = open_studio(photos, tmp_path / "out", password=("anna", "geheim: ü"))
    visitor = Visitor(app)
    wrong = [
        {},
        basic("anna:falsch"),
        basic("anna"),
        basic(":geheim: ü"),
        {"authorization": "Basic !!!"},
        {"authorization": "Bearer " + basic("anna:geheim: ü")["authorization"][6:]},
    ]

    for path in ("/prompts", "/static/studio.css", "/photos/x/small.jpg"):
        assert visitor.get(path).status_code == 401
    assert [visitor.get("/prompts", headers=each).status_code for each in wrong] == [401] * 6
    assert visitor.get("/prompts", headers=basic("anna:geheim: ü")).status_code == 200


def test_who_guesses_ten_times_wrong_has_to_wait(photos: Path, tmp_path: Path) -> None:
    visitor = Visitor(open_studio(photos, tmp_path / "out", password=("anna", "right")))
    for k in range(10):
        assert visitor.get("/prompts", headers=basic(f"anna:{k}")).status_code == 401
    answer = visitor.get("/prompts", headers=basic("anna:right"))

    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
