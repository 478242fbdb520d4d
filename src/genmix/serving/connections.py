"""Connections that wait for nobody: who opens one and asks for nothing is sent away.

Uvicorn's own time limit is for the pause between two requests, and ends with the first byte.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 10.0
"""From the opening of a connection, or an answer, to the whole head of the next request."""


class Connection(H11Protocol):
    """HTTP/1.1, closed unless a request comes in time.

    What is left of a body that was answered before it was read, such as one without a key, has the
    same time to come.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait_for_request()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._wait_for_request()  # first, as the next may have come already
        super().on_response_complete()

    def _wait_for_request(self) -> None:
        self.loop.call_later(REQUEST_SECONDS, self._close_if_still_at, self.cycle)

    def _close_if_still_at(self, request: Any) -> None:
        if self.cycle is request and not self.transport.is_closing():
            self.transport.close()
