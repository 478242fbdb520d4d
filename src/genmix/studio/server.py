"""A running studio: its socket and its end."""

import signal
import socket
from collections.abc import Callable

import uvicorn

from genmix.errors import GenmixError
from genmix.studio.app import Settings, create_app

_LAST_SECONDS = 3
_CONNECTIONS = 256


def serve(settings: Settings, port: int, progress: Callable[[str], None] = lambda _: None) -> None:
    """Open a studio until the process is told to stop.

    Args:
        settings: What it is opened with.
        port: The port; 0 takes a free one.
        progress: Told the address once it can be visited.

    Raises:
        GenmixError: If the address cannot be had, or the photos or the folder cannot be used.
    """
    app = create_app(settings)
    host = settings.host
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=_CONNECTIONS)
    except OSError as error:
        raise GenmixError(
            f"cannot listen at {host}, port {port}: {error.strerror}; choose another --host or "
            "--port"
        ) from error
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    with listener:
        shown = f"[{host}]" if ":" in host else host
        progress(f"http://{shown}:{listener.getsockname()[1]}")
        # Uvicorn raises the signals anew when it has ended; that it ended well is enough.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        uvicorn.Server(config).run(sockets=[listener])
