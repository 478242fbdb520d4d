"""Pictures from files, folders and addresses: real files, and a real server on this machine."""

import gzip
import os
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import numpy as np
import pytest

from genmix.datasets import Ignored
from genmix.datasets.fetching import Limits, Picture, pictures
from genmix.errors import SourceError
from genmix.images import encode_jpeg

GREY = encode_jpeg(np.full((6, 9, 3), 90, np.uint8))
SHORT = Limits(address_bytes=50_000, wait_seconds=0.3, total_seconds=0.6)


class Handler(BaseHTTPRequestHandler):
    """Answers as its path says, until the other side hangs up."""

    seen: list[tuple[str, dict[str, str]]]  # path and headers of each request, set for each server

    def do_GET(self) -> None:
        path = unquote(self.path)
        self.seen.append((path, dict(self.headers)))
        try:
            self.answer(path)
        except ConnectionError:
            return

    def answer(self, path: str) -> None:
        match path.strip("/").split("/"):
            case ["good", *_]:
                self.reply(200, GREY, {"Content-Type": "text/plain"})
            case ["page"]:
                self.reply(200, b"<html>", {"Content-Type": "image/jpeg"})
            case ["packed"]:
                self.reply(200, gzip.compress(GREY), {"Content-Encoding": "gzip"})
            case ["cut"]:
                self.reply(200, GREY[:-200], {"Content-Length": str(len(GREY))})
            case ["status", code]:
                self.reply(int(code), b"\x1b[31mno")
            case ["to", target]:
                self.reply(302, b"moved", {"Location": target.replace("|", "/")})
            case ["raw-location"]:
                self.reply(301, b"", {"Location": "/good/猫 1.jpg".encode().decode("latin-1")})
            case ["loop"]:
                self.reply(307, b"", {"Location": "/loop"})
            case ["hops", count]:
                self.reply(
                    301, b"", {"Location": f"/hops/{int(count) - 1}" if int(count) else "/good"}
                )
            case ["endless", *lies]:
                self.reply(200, b"", {"Content-Length": "10"} if lies else {})
                while not lies:
                    self.wfile.write(GREY)
            case ["slow-body"]:
                self.reply(200, GREY[:20])
                self.trickle(GREY[20:])
            case ["slow-headers"]:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                self.trickle(b"x" * 100)
            case ["silent"]:
                time.sleep(1)
            case ["no-http"]:
                self.wfile.write(b"\x1b[31m SSH-2.0\r\n")
            case _:
                self.reply(404, b"")

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status, "\x1b[31mserver's own words")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def trickle(self, data: bytes) -> None:
        for byte in data:
            self.wfile.write(bytes([byte]))
            time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve on a free port; yields `http://127.0.0.1:port`."""
    monkeypatch.setenv("no_proxy", "*")
    Handler.seen = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def read(*places: str | Path, limits: Limits = SHORT) -> tuple[list[str], dict[str, str]]:
    """Return the names of the pictures, and the reason of each place that was skipped."""
    found = list(pictures([str(place) for place in places], limits=limits))
    names = [one.name for one in found if isinstance(one, Picture)]
    return names, {one.path: one.reason for one in found if isinstance(one, Ignored)}


def reason(address: str, good: str, limits: Limits = SHORT) -> str:
    """Return why an address is skipped; a good one beside it is not."""
    names, skipped = read(address, good, limits=limits)
    assert names == ["good"]
    return skipped[address]


def test_files_are_called_by_their_stems_or_by_their_folders_where_stems_repeat(
    tmp_path: Path,
) -> None:
    for path in ("cat/1.jpg", "dog/1.jpg", "dog/tall horse.jpg"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(GREY)
    files = sorted(tmp_path.rglob("*.jpg"))
    assert read(*files) == (["cat", "dog", "dog"], {})
    assert read(*files[1:]) == (["1", "tall horse"], {})
    assert read(tmp_path / "dog") == (["1", "tall horse"], {})
    assert read(tmp_path / "cat", tmp_path / "dog")[0] == ["cat", "dog", "dog"]


def test_a_picture_comes_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(GREY)
    (one,) = pictures([str(tmp_path / "1.jpg")])
    assert isinstance(one, Picture)
    assert one.image.shape == (6, 9, 3)
    assert np.abs(one.image.astype(int) - 90).max() <= 1


def test_places_take_turns(tmp_path: Path) -> None:
    for path in ("cat/a.jpg", "cat/b.jpg", "c.jpg", "dog/d.jpg", "dog/e.jpg"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(GREY)
    names, _ = read(tmp_path / "cat", tmp_path / "c.jpg", tmp_path / "dog")
    assert names == ["a", "c", "d", "b", "e"]


def test_of_a_folder_each_folder_gives_a_picture_in_turn_up_to_the_limit(tmp_path: Path) -> None:
    for path in ("a/1.jpg", "a/2.JPG", "a/3.jpg", "b/c/1.jpg", "b/c/2.jpg", "top.jpg", "a/no.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / path).write_bytes(GREY)
    (tmp_path / "a" / "0.jpg").write_bytes(b"broken")
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    names, skipped = read(tmp_path)
    assert names == ["c", "top", "a", "c", "a", "a"]  # of c, which lies deep, by its own folder
    assert skipped == {
        f"{tmp_path}/a/0.jpg": "not an image",
        f"{tmp_path}/gone.jpg": "broken link",
    }
    assert read(tmp_path, limits=Limits(per_folder=4))[0] == ["c", "top", "a"]


def test_what_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    good, text, empty, pipe = (tmp_path / name for name in ("good.png", "a.jpg", "none", "pipe"))
    good.write_bytes(GREY)
    text.write_bytes(b"text")
    empty.mkdir()
    os.mkfifo(pipe)
    missing, long = tmp_path / "missing.jpg", "A" * 300
    names, skipped = read(text, empty, missing, "/dev/zero", pipe, long, "file:///etc/hosts", good)
    assert names == ["good"]
    assert skipped == {
        str(text): "not an image",
        str(empty): "there is no picture in it",
        str(missing): "cannot be read: No such file or directory",
        "/dev/zero": "neither a file nor a folder",
        str(pipe): "neither a file nor a folder",
        long: "cannot be read: File name too long",
        "file:///etc/hosts": "of addresses, only http and https are read",
    }


def test_nothing_left_is_an_error_after_every_place_was_named() -> None:
    reading = pictures(["a.jpg", "b.jpg"])
    skipped = [next(reading), next(reading)]
    assert [one.path for one in skipped if isinstance(one, Ignored)] == ["a.jpg", "b.jpg"]
    with pytest.raises(SourceError, match="there is no picture to use: give a file"):
        next(reading)


def test_names_are_one_line_of_text(tmp_path: Path) -> None:
    odd = tmp_path / "a\nb.jpg"
    odd.write_bytes(GREY)
    raw = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")
    Path(raw).write_bytes(GREY)
    assert read(odd, raw)[0] == ["a b", "?"]


def test_an_address_gives_its_picture_and_is_asked_plainly(server: str) -> None:
    names, skipped = read(
        f"{server}/good/cat.jpg?size=1#top", f"{server}/good/%E7%8A%AC.png", f"{server}/good/"
    )
    assert (names, skipped) == (["cat", "犬", "good"], {})
    (path, headers), *_ = Handler.seen
    assert path == "/good/cat.jpg?size=1"
    assert headers["User-Agent"].startswith("genmix/")
    assert headers["Accept-Encoding"] == "identity"
    assert not {"Authorization", "Cookie", "Referer"} & headers.keys()


def test_addresses_may_hold_letters_of_any_script(server: str) -> None:
    wide = server.replace("127.0.0.1", "127。0。0。1")
    assert read(f"{wide}/good/猫 と 犬.jpg")[0] == ["猫 と 犬"]
    assert read(f"{server}/raw-location") == (["raw-location"], {})
    assert [path for path, _ in Handler.seen][-1] == "/good/猫 1.jpg"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/gone.jpg", "the server answers 404 Not Found"),
        ("/status/500", "the server answers 500 Internal Server Error"),
        ("/status/299", "not an image"),
        ("/status/799", "the server answers 799"),
        ("/status/302", "the server answers 302 Found"),
        ("/page", "not an image"),
        ("/packed", "not an image"),
        ("/cut", "truncated"),
        ("/endless", "larger than 0.05 MB"),
        ("/endless/lies", "empty file"),
        ("/slow-body", "not read within 0.6 seconds"),
        ("/slow-headers", "not read within 0.6 seconds"),
        ("/silent", "no answer within 0.3 seconds"),
        ("/loop", "more than 5 redirects"),
        ("/hops/5", "more than 5 redirects"),
        ("/to/file:|||etc|hosts", "redirects to an address of file, not of http or https"),
        ("/to/data:,x", "redirects to an address of data, not of http or https"),
        ("/to/ftp:||127.0.0.1|x.jpg", "redirects to an address of ftp, not of http or https"),
        ("/to/http:||me:secret@host|", "addresses with a user name or password are not read"),
        ("/to/http:||[", "not an address"),
        ("/no-http", "the server does not answer as http asks"),
    ],
)
def test_an_address_that_fails_is_named_and_skipped(server: str, path: str, words: str) -> None:
    began = time.monotonic()
    assert reason(server + path, f"{server}/good") == words
    assert time.monotonic() - began < 1.5


def test_a_few_redirects_are_followed(server: str) -> None:
    assert read(f"{server}/hops/4")[1] == {}
    assert [path for path, _ in Handler.seen][-2:] == ["/hops/0", "/good"]


def test_addresses_that_cannot_be_reached_say_why(server: str) -> None:
    good = f"{server}/good"
    assert reason("http://127.0.0.1:9/", good) == "cannot be reached: Connection refused"
    assert reason("http://127.0.0.1:port/", good) == "not an address"
    assert reason("http:///cat.jpg", good) == "no host in the address"
    https = server.replace("http:", "https:")
    assert reason(https, good, limits=Limits()).startswith("cannot be reached: ")


def test_a_password_is_neither_sent_nor_shown(server: str) -> None:
    address = server.replace("http://", "HTTP://me:secret@") + "/good"
    _, skipped = read(address, f"{server}/good")
    assert "addresses with a user name or password are not read" in skipped.values()
    assert not any("secret" in shown for shown in skipped)
    assert len(Handler.seen) == 1


def test_an_answer_is_cut_off_early_however_much_comes(server: str) -> None:
    limits = Limits(address_bytes=len(GREY))
    assert read(f"{server}/good", limits=limits)[1] == {}
    assert reason(f"{server}/endless", f"{server}/good", limits=limits).startswith("larger than")
