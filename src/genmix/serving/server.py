"""A running server: its socket, its loading, its end."""

import signal
import socket
from collections.abc import Callable, Iterable
from functools import partial
from types import MappingProxyType

import uvicorn

from genmix.editing import open_editor
from genmix.editing.editor import Settings
from genmix.errors import GenmixError
from genmix.serving.api import Offer, create_app
from genmix.serving.connections import Connection
from genmix.serving.limits import Keys, Limits
from genmix.serving.metrics import Metrics
from genmix.serving.queue import EditQueue

_LAST_SECONDS = 30
"""How long requests under way may take when the server is told to stop."""

_CONNECTIONS = 1024

_USUAL = Limits()


def serve(
    name: str,
    *,
    strength: float = 1.0,
    settings: Settings = MappingProxyType({}),
    host: str = "127.0.0.1",
    port: int = 8000,
    keys: Iterable[str] = (),
    limits: Limits = _USUAL,
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Offer an editor over HTTP until the process is told to stop.

    Args:
        name: The editor, as `genmix.editing.open_editor` takes it.
        strength: How far it goes from the original, in (0, 1].
        settings: The editor's own.
        host: The address to listen at.
        port: The port; 0 takes a free one.
        keys: The API keys that are let in; none lets everybody in.
        limits: How much is taken.
        progress: Told, in words, where the server listens and when it is ready.

    Raises:
        GenmixError: If the address cannot be had, or the editor cannot be opened.
    """
    metrics = Metrics()

    def when_loaded() -> None:
        if queue.error is not None:
            server.should_exit = True
        else:
            progress("ready")

    opens = partial(open_editor, name, strength=strength, settings=settings)
    queue = EditQueue(opens, limits.queue, metrics, when_loaded)
    app = create_app(queue, Offer(name, strength), limits, Keys(keys), metrics)
    config = uvicorn.Config(
        app,
        http=Connection,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    server = uvicorn.Server(config)
    with _listening(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        progress(f"listening at http://{shown}:{listener.getsockname()[1]}, loading {name}")
        # Uvicorn raises the signal anew when it has ended; that it ended well is enough.
        signal.signal(signal.SIGTERM, lambda *_: None)
        server.run(sockets=[listener])
    if queue.error is not None:
        raise queue.error


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_CONNECTIONS)
    except OSError as error:
        raise GenmixError(
            f"cannot listen at {host}, port {port}: {error.strerror}; choose another --host or "
            "--port"
        ) from error
