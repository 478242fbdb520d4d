"""What stands before every page: who is let in, from which pages, with how much, and the headers.

Pages themselves, and the token that each form carries, live elsewhere.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import math
import re
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genmix.studio.fields import whole_number

SAFE_METHODS = frozenset({"GET", "HEAD"})

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_FAILURES = 10
_FAILURE_SECONDS = 60.0
_CALLERS = 1024
"""So many addresses are remembered; beyond, all of them are forgotten."""


class Guard:
    """Refuses requests that do not come from a page of this server, before any page sees them.

    - `Host` must be an address in numbers or a known name, or else a page elsewhere could point
      its own name at this machine (DNS rebinding) and read everything.
    - With a password, every request needs it.
    - What changes something must come from a page of this server: by `Origin`, or by
      `Sec-Fetch-Site` where a browser leaves the other out. Anything else is let in only from
      here, or as a visit that somebody types or follows a link for.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        names: Iterable[str] = (),
        password: "Password | None" = None,
        most_bytes: int,
    ) -> None:
        """Stand before an application.

        Args:
            app: What is guarded.
            names: The names by which this machine is called, beside localhost.
            password: What lets in; None lets everybody in who passes the rest.
            most_bytes: Of a request's body, counted while it is read.
        """
        self._app = app
        self._names = {"localhost", *(name.lower() for name in names)}
        self._password = password
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)  # a report is shown in a frame of this server
                headers.setdefault("Cache-Control", "private, no-cache")
            await send(message)

        headers = Headers(scope=scope)
        answer = self._refusal(scope, headers)
        if answer is not None:
            await answer(scope, receive, send_guarded)
            return
        claimed = whole_number(headers.get("content-length", "0"))
        fits = claimed is not None and claimed <= self._most_bytes
        body = _limited(receive, self._most_bytes) if fits else _too_large
        await self._app(scope, body, send_guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> PlainTextResponse | HTMLResponse | None:
        """Return what to answer a request that is not let in."""
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._is_here(host):
            return _refused(421, "this server is not called that")
        if self._password is not None:
            caller = (scope.get("client") or ("", 0))[0]
            if wait := self._password.wait_seconds(caller):
                return _refused(429, "too many wrong passwords", {"Retry-After": str(wait)})
            if not self._password.accepts(caller, headers.get("authorization")):
                needs = {"WWW-Authenticate": 'Basic realm="genmix studio", charset="UTF-8"'}
                return _refused(401, "a password is needed", needs)
        return self._stranger(scope["method"], host, headers)

    def _stranger(
        self, method: str, host: str, headers: Headers
    ) -> PlainTextResponse | HTMLResponse | None:
        """Refuse what another site's page asks for."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if method not in SAFE_METHODS:
            own = urlsplit(origin).netloc == host if origin is not None else site == "same-origin"
            if not own or site not in {None, "same-origin"}:
                return _refused(403, "only this server's own pages may do that")
        elif origin is not None and urlsplit(origin).netloc != host:
            return _refused(403, "only this server's own pages may read that")
        elif site in {"cross-site", "same-site"}:
            if headers.get("sec-fetch-mode") != "navigate" or headers.get("sec-fetch-dest") not in {
                None,
                "document",
            }:
                return _refused(403, "only this server's own pages may read that")
            # Followed from elsewhere, a link comes without the session's cookie. Loaded once more
            # by itself, the page is a visit from here.
            return HTMLResponse('<!doctype html><meta http-equiv="refresh" content="0">')
        return None

    def _is_here(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["address"] or match["name"].lower()
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return True


_HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::\d{1,5})?")


class Password:
    """A user's name and password, and how often an address guessed wrong."""

    def __init__(self, user: str, password: str) -> None:
        self._wanted = _digest(f"{user}:{password}".encode())
        self._failures: dict[str, list[float]] = {}

    def wait_seconds(self, caller: str) -> int:
        """Tell how long an address must wait before it may try again; 0 if it need not."""
        now = time.monotonic()
        recent = [at for at in self._failures.get(caller, []) if now - at < _FAILURE_SECONDS]
        if len(recent) < _FAILURES:
            return 0
        return math.ceil(recent[0] + _FAILURE_SECONDS - now)

    def accepts(self, caller: str, authorization: str | None) -> bool:
        """Compare a header `Authorization`, in a time that tells nothing of the password."""
        scheme, _, given = (authorization or "").partition(" ")
        try:
            decoded = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError):
            decoded = b""
        same = hmac.compare_digest(_digest(decoded), self._wanted)
        if same and scheme.lower() == "basic":
            self._failures.pop(caller, None)
            return True
        if authorization is not None:
            self._count_failure(caller)
        return False

    def _count_failure(self, caller: str) -> None:
        if caller not in self._failures and len(self._failures) >= _CALLERS:
            self._failures.clear()
        self._failures[caller] = [
            *self._failures.get(caller, [])[1 - _FAILURES :],
            time.monotonic(),
        ]


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _refused(status: int, reason: str, headers: dict[str, str] | None = None) -> PlainTextResponse:
    return PlainTextResponse(f"{reason}\n", status, headers)


def _limited(receive: Receive, most: int) -> Receive:
    """Hand a body on as long as it is no larger than this."""
    read = 0

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            await _too_large()
        return message

    return limited


async def _too_large() -> Message:
    """Fail where a page reads the body, which then tells it as it tells other faults."""
    raise HTTPException(413)
