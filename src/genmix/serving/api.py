"""The calls that the server answers: OpenAI's image edits and models, health, and metrics."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genmix import __version__
from genmix.errors import EditorError
from genmix.images import Image, encode_png
from genmix.prompts import Prompt
from genmix.serving.asking import FIELDS, Asked, read_form
from genmix.serving.limits import Keys, Limits, Rates, Refusal
from genmix.serving.metrics import Metrics
from genmix.serving.queue import EditQueue

_FIELD_BYTES = 16_384
_UPLOAD_SECONDS = 120
_JSON_BYTES = 1_000_000
_JSON_SECONDS = 10
_READ_ON = 4
"""A refused upload is read on to this many times the limit: who still sends hears no answer."""

_EDITS = "/v1/images/edits"
_PROMPTS = TypeAdapter(list[Prompt])


@dataclass(frozen=True)
class Offer:
    """What a server offers.

    Attributes:
        name: The editor's name in text.
        strength: What it was opened with.
    """

    name: str
    strength: float


def create_app(
    queue: EditQueue, offer: Offer, limits: Limits, keys: Keys, metrics: Metrics
) -> FastAPI:
    """Make the web application; it starts the queue and stops it."""
    calls = _Calls(queue, offer, limits, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        queue.start()
        yield
        await asyncio.to_thread(queue.stop)

    async def known(request: Request) -> None:
        if keys:
            request.state.caller = keys.check(request.headers.get("authorization"))
            return
        request.state.caller = request.client.host if request.client else ""
        if "origin" in request.headers:
            # Without a key, any web page that the user looks at could ask for edits.
            raise Refusal(403, "origin_refused", "web pages are not let in without an API key")

    # No pages of documentation: they load scripts from elsewhere.
    app = FastAPI(title="genmix", version=__version__, lifespan=lifespan, docs_url=None,
                  redoc_url=None)  # fmt: skip
    app.add_api_route("/health", calls.health)
    guarded = [Depends(known)]
    app.add_api_route("/metrics", calls.metrics, dependencies=guarded)
    app.add_api_route("/v1/models", calls.models, dependencies=guarded)
    app.add_api_route(_EDITS, calls.edits, methods=["POST"], dependencies=guarded)
    app.add_api_route("/v1/prompts/check", calls.check, methods=["POST"], dependencies=guarded)
    app.add_exception_handler(HTTPException, _told)
    app.add_middleware(_BodyLimit, most_of_pictures=limits.upload_bytes)
    app.add_middleware(_Counted, metrics=metrics)
    return app


class _Calls:
    def __init__(self, queue: EditQueue, offer: Offer, limits: Limits, metrics: Metrics) -> None:
        self._queue = queue
        self._offer = offer
        self._limits = limits
        self._metrics = metrics
        self._rates = Rates(limits.per_minute)

    async def health(self, response: Response) -> dict[str, str]:
        """Tell whether the editor is loaded and at work; 503 unless it is."""
        try:
            self._queue.loaded()
        except Refusal as refusal:
            response.status_code = refusal.status_code
            return {"status": refusal.code}
        return {"status": "ready"}

    async def metrics(self) -> Response:
        """Write the numbers as Prometheus reads them."""
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4")

    async def models(self) -> dict[str, Any]:
        """Name the one model: the editor, by its fingerprint."""
        editor = self._queue.loaded()
        model = {
            "id": editor.fingerprint,
            "object": "model",
            "created": 0,
            "owned_by": "genmix",
            "genmix": {
                "version": __version__,
                "editor": self._offer.name,
                "strength": self._offer.strength,
                "batch_size": editor.batch_size,
                "about": dict(getattr(editor, "about", {})),
                "generative": getattr(editor, "generative", True),
                "licence": getattr(editor, "licence", None),
                "refuses": getattr(editor, "refuses", False),
                "limits": vars(self._limits),
            },
        }
        return {"object": "list", "data": [model]}

    async def check(self, request: Request) -> dict[str, str]:
        """Refuse the first prompt that the editor cannot do."""
        async with _receiving(_JSON_SECONDS):
            body = await request.body()
        try:
            prompts = _PROMPTS.validate_json(body)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            place = ".".join(map(str, fault["loc"])) or "prompts"
            raise Refusal(400, "invalid_value", f"{place}: {fault['msg']}") from error
        self._check_prompts(prompts)
        return {"status": "ok"}

    async def edits(self, request: Request) -> JSONResponse:
        """Edit pictures."""
        self._queue.loaded()
        self._queue.check_room(1)  # before the upload is read
        asked, images = await self._read(request)
        futures = self._queue.put(images, asked.prompt, asked.seeds)
        try:
            edits = await _answered(futures, request)
        except EditorError as error:
            raise Refusal(500, "editor_failed", f"the editor failed: {error}") from error
        finally:
            for future in futures:
                future.cancel()
        encoded = [await asyncio.to_thread(_base64_png, edit) for edit in edits]
        data = [
            {"b64_json": text, "seed": seed}
            for text, seed in zip(encoded, asked.seeds, strict=True)
        ]
        return JSONResponse({"created": int(time.time()), "output_format": "png", "data": data})

    async def _read(self, request: Request) -> tuple[Asked, list[Image]]:
        kind = request.headers.get("content-type", "")
        if not kind.startswith("multipart/form-data"):
            raise Refusal(400, "invalid_value", "send the request as multipart/form-data")
        async with (
            _receiving(_UPLOAD_SECONDS),
            request.form(
                max_files=self._limits.pictures,
                max_fields=FIELDS,
                max_part_size=_FIELD_BYTES,
            ) as form,
        ):
            self._check_model(form.get("model"), form.get("strength"))
            asked = read_form(form, self._limits)
            self._check_prompts([asked.prompt])
            self._rates.take(request.state.caller, len(asked.seeds))  # before the dear part
            return asked, await asked.images(self._limits.pixels)

    def _check_prompts(self, prompts: Sequence[Prompt]) -> None:
        try:
            self._queue.loaded().check(prompts)
        except EditorError as error:
            raise Refusal(400, "prompt_not_supported", str(error)) from error

    def _check_model(self, model: object, strength: object) -> None:
        editor = self._queue.loaded()
        if model not in {None, self._offer.name, editor.fingerprint}:
            raise Refusal(
                404,
                "model_not_found",
                f"there is no model '{model}' here, only '{editor.fingerprint}'",
            )
        if strength not in {None, str(self._offer.strength), f"{self._offer.strength:g}"}:
            raise Refusal(
                400,
                "invalid_value",
                f"strength: this server edits at {self._offer.strength}, and was asked {strength}",
            )


@asynccontextmanager
async def _receiving(seconds: float) -> AsyncIterator[None]:
    """Receive a body in this time.

    Raises:
        Refusal: If it takes longer, or the caller has left.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Refusal(408, "upload_timeout", "the upload took too long") from error
    except ClientDisconnect as error:
        raise Refusal(499, "client_left", "the caller has left") from error


async def _answered(futures: Sequence[Future[Image]], request: Request) -> list[Image]:
    """Wait for the edits, as long as the caller does.

    Raises:
        Refusal: If the caller has left, or the server stops.
        EditorError: If the editor failed.
    """
    edits: asyncio.Future[Any] = asyncio.gather(*map(asyncio.wrap_future, futures))
    left: asyncio.Future[Any] = asyncio.ensure_future(
        request.receive()
    )  # the body is read: only leaving is left
    try:
        await asyncio.wait({edits, left}, return_when=asyncio.FIRST_COMPLETED)
        if not edits.done():
            raise Refusal(499, "client_left", "the caller has left")
        return edits.result()
    except asyncio.CancelledError as error:
        raise Refusal(503, "stopping", "the server stops", retry_after=5) from error
    finally:
        left.cancel()
        edits.cancel()


def _base64_png(image: Image) -> str:
    return base64.b64encode(encode_png(image)).decode("ascii")


async def _told(_: Request, error: Exception) -> JSONResponse:
    """Write an error as OpenAI's API does."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is what the handler is for
    kind = "server_error" if error.status_code >= 500 else "invalid_request_error"
    code = getattr(error, "code", "http_error")
    body = {"message": str(error.detail), "type": kind, "param": None, "code": code}
    return JSONResponse({"error": body}, error.status_code, error.headers)


class _BodyLimit:
    """Counts a body while it is read, and stops reading at the limit."""

    def __init__(self, app: ASGIApp, most_of_pictures: int) -> None:
        self._app = app
        self._most_of_pictures = most_of_pictures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        read, most = 0, self._most_of_pictures
        if scope.get("path") != _EDITS:
            most = min(most, _JSON_BYTES)

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                while message.get("more_body") and read < most * _READ_ON:
                    message = await receive()
                    read += len(message.get("body", b""))
                limit = f"{most / 1e6:.3g} MB"
                raise Refusal(413, "upload_too_large", f"the upload is larger than {limit}")
            return message

        await self._app(scope, limited, send)


class _Counted:
    """Counts answers by status."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.requests.labels(str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, counted)
