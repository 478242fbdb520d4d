"""Servers for tests: real processes of `genmix serve`, and slow or moody ones in this process."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import numpy as np
import uvicorn
from starlette.types import ASGIApp

from genmix.editing import Editor
from genmix.editing.procedural import ProceduralEditor
from genmix.images import Image
from genmix.prompts import Prompt
from genmix.serving.api import Offer, create_app
from genmix.serving.connections import Connection
from genmix.serving.limits import Keys, Limits
from genmix.serving.metrics import Metrics
from genmix.serving.queue import EditQueue

PATIENCE_SECONDS = 120.0
"""For what takes a second on a machine that has nothing else to do."""


@dataclass
class CountingEditor:
    """Turns a picture's values by its seed, and keeps what it was asked."""

    fingerprint: str = "counting/1"
    batch_size: int = 4
    batches: list[int] = field(default_factory=list)
    open_gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.open_gate.set()

    def check(self, prompts: Sequence[Prompt]) -> None:
        ProceduralEditor().check(prompts)

    def edit(
        self, images: Sequence[Image], prompts: Sequence[Prompt], seeds: Sequence[int]
    ) -> list[Image]:
        assert len(images) == len(prompts) == len(seeds)
        self.open_gate.wait(PATIENCE_SECONDS)
        self.batches.append(len(images))
        if any(prompt.id == "mosaic" for prompt in prompts):
            raise RuntimeError("out of paint")
        return [np.roll(image, seed % 7, axis=1) for image, seed in zip(images, seeds, strict=True)]


@contextmanager
def serving(
    editor: Editor | None = None, *, limits: Limits | None = None, keys: Sequence[str] = ()
) -> Iterator[str]:
    """Serve an editor in this process, and give the address."""
    limits = limits or Limits()
    metrics = Metrics()
    queue = EditQueue(lambda: editor or CountingEditor(), limits.queue, metrics)
    app = create_app(queue, Offer("counting", 1.0), limits, Keys(keys), metrics)
    with running(app) as address:
        wait_until(lambda: queue.editor is not None)
        yield address


@contextmanager
def running(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Run a web application in this process, and give its address."""
    config = uvicorn.Config(
        app, port=port, http=Connection, log_config=None, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)


@contextmanager
def serve_process(port: int = 0, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `genmix serve` in a process, and give it and its address once it is ready."""
    command = [sys.executable, "-m", "genmix", "serve", "--port", str(port), *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            told = process.stderr.readline()
            address = told.split("listening at ")[1].split(",")[0]
            wait_until(
                lambda: (
                    httpx.get(f"{address}/health", timeout=PATIENCE_SECONDS).json()["status"]
                    == "ready"
                )
            )
            yield process, address
        finally:
            process.kill()


def wait_until(true: Callable[[], bool]) -> None:
    """Wait until a call gives something true."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < ends, "waited too long"
        time.sleep(0.02)
