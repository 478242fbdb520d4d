"""Visitors of a studio for tests: they send what a browser sends, or what none would."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from starlette.applications import Starlette
from starlette.testclient import TestClient

from genmix.cli import main
from genmix.studio import Settings, create_app

HOME = "http://localhost:8080"
_TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


class Visitor(TestClient):
    """A browser of its own session, which sends what a page of the studio would."""

    def __init__(self, app: Starlette, **options: Any) -> None:
        super().__init__(app, base_url=HOME, follow_redirects=False, **options)
        self.headers["origin"] = HOME
        self.token = ""

    def sign_in(self) -> "Visitor":
        """Read the token of the first page."""
        found = _TOKEN.search(self.get("/prompts").text)
        assert found
        self.token = found[1]
        return self

    def submit(self, path: str, fields: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """Send a form with the token."""
        return self.post(path, data={**(fields or {}), "token": self.token}, **more)


def open_studio(photos: Path, out: Path, **settings: Any) -> Starlette:
    """Make a studio on a folder of photos."""
    return create_app(Settings(source=str(photos), out=str(out), **settings))


def augment(photos: Path, out: Path, *arguments: str) -> Result:
    """Run `genmix augment` on small pictures."""
    usual = ("augment", str(photos), "-o", str(out), "--size", "32", "--workers", "1")
    return CliRunner().invoke(main, [*usual, *arguments])


def ask_raw(
    app: Starlette, path: str, headers: Sequence[tuple[bytes, bytes]] = ((b"host", b"localhost"),)
) -> tuple[int, bytes]:
    """Ask for a path as it stands, which no client would send, and give status and body."""
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": list(headers),
        "http_version": "1.1",
        "scheme": "http",
        "server": ("localhost", 8080),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "state": {},
    }

    asked: list[Any] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if not asked:
            await asyncio.Event().wait()  # the caller never leaves
        return asked.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@contextmanager
def open_process(
    photos: Path, out: Path, *arguments: str
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Open a studio in a process of its own, and give its address."""
    words = ["-m", "genmix", "studio", str(photos), "-o", str(out), "--port", "0", "--lang", "en"]
    with subprocess.Popen(
        [sys.executable, *words, *arguments], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            found = re.search(r"http://\S+", process.stderr.readline())
            assert found
            yield found[0], process
        finally:
            process.kill()
