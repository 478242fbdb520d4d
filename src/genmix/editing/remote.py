"""The editors `http://…` and `https://…`: another machine makes the edits, over HTTP.

The other end is `genmix serve`, or, if the setting `model` is given, any server that has OpenAI's
call for image edits.
"""

import asyncio
import base64
import logging
import os
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

from genmix.editing.editor import Settings
from genmix.errors import EditorError, ImageError, MissingExtraError, nearest
from genmix.images import Image, decode, encode_png, resize
from genmix.prompts import Prompt

try:
    import httpx
    import tenacity
    from anyio.from_thread import start_blocking_portal
except ImportError as error:
    raise MissingExtraError("an editor over HTTP", "remote") from error

T = TypeVar("T")

_log = logging.getLogger(__name__)

_START_SECONDS = 5.0
"""How long the start of a run waits for a server that nobody answers for: a wrong address."""

_PICTURES_A_CONNECTION = 4
"""In a batch, so that a slow answer leaves no connection idle for long."""

_OPTIONAL = {"generative", "licence", "refuses"}
"""What an editor may say of itself, and a server of an editor."""

_AGAIN = {408, 429, 500, 502, 503, 504}
_NEVER_AGAIN = {"editor_failed", "insufficient_quota"}


@dataclass(frozen=True)
class _Offer:
    """What a server says of itself."""

    fingerprint: str
    about: Mapping[str, str]
    generative: bool = True
    licence: str | None = None
    refuses: bool = False


class _TryAgainError(Exception):
    """A request that may well succeed later.

    Attributes:
        answered: Whether there was an answer at all.
        after: Seconds that the server asks to wait.
    """

    def __init__(self, reason: str, *, answered: bool, after: float = 0.0) -> None:
        super().__init__(reason)
        self.answered = answered
        self.after = after


class RemoteEditor:
    """Sends each picture to a server, many at once, and asks again when that may help.

    The pictures of a `genmix serve` come as its editor made them, without loss, and its fingerprint
    is that editor's, so that cached edits serve both. Any other server is asked with OpenAI's
    fields alone: no seed is sent, and its pictures are brought to the size of the photos.

    Attributes:
        batch_size: How many pictures a call takes best.
        processes: How many processes make sense: one, with many requests under way.
        overlap: That photos are best read, and composites made, while the server edits.
    """

    processes = 1
    overlap = True

    def __init__(
        self,
        url: str,
        *,
        strength: float = 1.0,
        model: str | None = None,
        connections: int = 8,
        timeout: float = 300.0,
    ) -> None:
        """Make the editor; nothing is sent before it is needed.

        Args:
            url: The server's address, `http://host:port`, with or without `/v1`.
            strength: What a genmix server must have been started with.
            model: The model to ask for, of a server that is not genmix.
            connections: Requests under way at once.
            timeout: Seconds after which a picture that has not come, however often it was asked
                for, is an error.

        Raises:
            EditorError: If one of them is not valid.
        """
        self._url = _checked_url(url)
        self._strength = strength
        self._model = model
        self._connections = connections
        self._timeout = timeout
        self._told = False
        self.batch_size = connections * _PICTURES_A_CONNECTION

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the server's editor; of another server, its host and model.

        Raises:
            EditorError: If the server cannot be asked.
        """
        return self._offer.fingerprint

    @property
    def about(self) -> Mapping[str, str]:
        """What the server's editor says of itself."""
        return self._offer.about

    @property
    def generative(self) -> bool:
        """Whether a trained model draws there; yes, if the server does not say."""
        return self._offer.generative

    @property
    def licence(self) -> str | None:
        """The licence of its model, if the server states one."""
        return self._offer.licence

    @property
    def refuses(self) -> bool:
        """Whether a safety checker there turns pictures that it refuses all black."""
        return self._offer.refuses

    def check(self, prompts: Sequence[Prompt]) -> None:
        """Refuse, before any work, what the server's editor cannot do; see `Editor`."""
        self.fingerprint  # noqa: B018 - a server that cannot be reached is told of here
        if self._model is None:
            asked = [p.model_dump(mode="json", exclude={"tags"}) for p in prompts]
            self._run(lambda client: self._ask(client, "POST", "prompts/check", json=asked))

    def edit(
        self, images: Sequence[Image], prompts: Sequence[Prompt], seeds: Sequence[int]
    ) -> list[Image]:
        """Edit each image by the prompt and the seed of the same position; see `Editor`."""
        asked = list(zip(images, prompts, seeds, strict=True))
        self._told = False

        async def edit_all(client: httpx.AsyncClient) -> list[Image]:
            gate = asyncio.Semaphore(self._connections)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._edit_one(client, gate, *one)) for one in asked]
            return [task.result() for task in tasks]

        return self._run(edit_all) if asked else []

    async def _edit_one(
        self,
        client: httpx.AsyncClient,
        gate: asyncio.Semaphore,
        image: Image,
        prompt: Prompt,
        seed: int,
    ) -> Image:
        png = await asyncio.to_thread(encode_png, image)
        async with gate:  # around the request alone, so that the next is ready when one is answered
            answer = await self._ask(
                client,
                "POST",
                "images/edits",
                data=self._fields(prompt, seed),
                files={"image": ("image.png", png, "image/png")},
            )
        try:
            edit = await asyncio.to_thread(_picture, answer)
        except (LookupError, TypeError, ValueError, ImageError) as error:
            raise EditorError(
                f"{self._url} answered with no picture: it is no server for image edits"
            ) from error
        height, width = image.shape[:2]
        return resize(edit, height, width)

    def _fields(self, prompt: Prompt, seed: int) -> dict[str, str]:
        if self._model is None:
            return {
                "model": self.fingerprint,  # a server that has changed its editor refuses
                "prompt_id": prompt.id,
                "prompt": prompt.prompt,
                "instruction": prompt.instruction,
                "seed": str(seed),
            }
        fields = {"model": self._model, "prompt": prompt.instruction}
        if not self._model.startswith("gpt-image"):  # those answer so anyway, and refuse to be told
            fields["response_format"] = "b64_json"
        return fields

    @cached_property
    def _offer(self) -> _Offer:
        if self._model is not None:
            host = self._url.partition("://")[2]
            return _Offer(f"openai/{host} model={self._model}", {"model": self._model})
        told = self._run(lambda client: self._ask(client, "GET", "models", patience=_START_SECONDS))
        try:
            model = told["data"][0]
            strength, about = model["genmix"]["strength"], model["genmix"]["about"]
        except (LookupError, TypeError) as error:
            raise EditorError(
                f"{self._url} is no genmix server: for another server with OpenAI's call for image "
                "edits, give its model in the recipe (editor: settings: model: NAME)"
            ) from error
        if strength != self._strength:
            raise EditorError(
                f"the server at {self._url} edits at strength {strength}, and the recipe asks for "
                f"{self._strength}: change the recipe, or start the server with --strength "
                f"{self._strength}"
            )
        more = {k: v for k, v in model["genmix"].items() if k in _OPTIONAL}
        return _Offer(model["id"], about, **more)

    def _run(self, work: Callable[[httpx.AsyncClient], Coroutine[Any, Any, T]]) -> T:
        """Do asynchronous work in a thread of its own, as the caller may have a loop running."""

        async def with_client() -> T:
            async with httpx.AsyncClient(
                base_url=f"{self._url}/v1/",
                headers=self._headers(),
                verify=self._certificates,
                timeout=httpx.Timeout(self._timeout / 2, connect=10.0, pool=None),
                limits=httpx.Limits(max_connections=self._connections),
            ) as client:
                return await work(client)

        try:
            with start_blocking_portal() as portal:
                return portal.call(with_client)
        except BaseExceptionGroup as group:  # several of a batch failed: the first says enough
            raise group.exceptions[0] from None

    @cached_property
    def _certificates(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()  # takes longer than a request

    def _headers(self) -> dict[str, str]:
        key = os.environ.get(self._key_name)
        if not key:
            return {}
        if not key.isascii() or not key.isprintable() or key != key.strip():
            raise EditorError(
                f"{self._key_name} holds a character that no API key has, such as a line break or "
                "an accent: copy the key anew"
            )
        return {"Authorization": f"Bearer {key}"}

    @property
    def _key_name(self) -> str:
        return "GENMIX_API_KEY" if self._model is None else "OPENAI_API_KEY"

    async def _ask(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        *,
        patience: float | None = None,
        **content: Any,
    ) -> Any:
        """Send a request, again and again if need be, and return the answer's JSON.

        Args:
            client: Sends it.
            method: "GET" or "POST".
            path: Below `/v1/`.
            patience: Seconds to wait for a server that does not answer at all; the time limit
                when left out.
            **content: As httpx takes it.

        Raises:
            EditorError: If the server refuses, or the time is over.
        """

        def enough(state: tenacity.RetryCallState) -> bool:
            failure = _failure(state)
            limit = self._timeout if failure.answered else patience or self._timeout
            return (state.seconds_since_start or 0.0) + state.upcoming_sleep > limit

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(_TryAgainError),
            wait=_pause,
            stop=enough,
            before_sleep=self._say,
            reraise=True,
        )
        try:
            return await retrying(self._ask_once, client, method, path, content)
        except _TryAgainError as error:
            raise EditorError(
                f"gave up on the server at {self._url} ({error}): see that it runs, then run the "
                "same command again; finished edits are kept"
            ) from error

    async def _ask_once(
        self, client: httpx.AsyncClient, method: str, path: str, content: Mapping[str, Any]
    ) -> Any:
        try:
            response = await client.request(method, path, **content)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise _TryAgainError(reason, answered=False) from error
        if not response.is_success:
            raise self._refusal(response)
        try:
            return response.json()
        except ValueError as error:
            raise EditorError(
                f"{self._url} answered with something else than JSON: it is no server for image "
                "edits"
            ) from error

    def _refusal(self, response: httpx.Response) -> Exception:
        """Say what an answer's status means: worth another try, or an error."""
        status = response.status_code
        code, message = _error_of(response)
        if status in _AGAIN and code not in _NEVER_AGAIN:
            after = response.headers.get("retry-after", "")
            seconds = float(after) if after.isdecimal() else 0.0
            return _TryAgainError(f"{status}, {message}", answered=True, after=seconds)
        if status in {401, 403}:
            return EditorError(
                f"the server at {self._url} refused the API key: set {self._key_name} to one that "
                f"it knows ({message})"
            )
        if code == "model_not_found" and self._model is None:
            return EditorError(
                f"the server at {self._url} has another editor than when this run began: start it "
                "as it was, or begin anew in another output folder"
            )
        return EditorError(f"the server at {self._url} refused: {message} ({status})")

    def _say(self, state: tenacity.RetryCallState) -> None:
        """Tell once a batch that there is no answer; a busy server is nothing to tell."""
        failure = _failure(state)
        if state.attempt_number >= 2 and not failure.answered and not self._told:
            self._told = True
            _log.warning("no answer from %s (%s): trying again", self._url, failure)


def from_name(
    name: str, *, strength: float, settings: Settings = MappingProxyType({})
) -> RemoteEditor:
    """Open the editor by its name in text; the entry point of the group `genmix.editors`.

    Args:
        name: The server's address.
        strength: How far to go from the original, in (0, 1].
        settings: `model`, `connections` and `timeout`, as `RemoteEditor` takes them.

    Raises:
        EditorError: If the address or a setting is not valid.
    """
    for key, value in settings.items():
        if key not in _SETTINGS:
            raise EditorError(
                f"an editor over HTTP has no setting '{key}'; {nearest(key, _SETTINGS)}"
            )
        kinds, says = _SETTINGS[key]
        fits = isinstance(value, kinds) and not isinstance(value, bool)
        if not fits or value in {"", 0} or (key != "model" and value < 0):
            raise EditorError(f"the setting {key} is {value!r}: give {says}")
    return RemoteEditor(name, strength=strength, **settings)


_SETTINGS: dict[str, tuple[tuple[type, ...], str]] = {
    "model": ((str,), "a model's name"),
    "connections": ((int,), "a whole number, 1 at least"),
    "timeout": ((int, float), "a number of seconds, more than 0"),
}


def _checked_url(url: str) -> str:
    """Bring an address to `scheme://host[:port][/path]`."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise EditorError(f"'{url}' is no address: write http://host:port") from error
    if not parsed.host or parsed.query or parsed.fragment:
        raise EditorError(f"'{url}' is no server's address: write http://host:port")
    if parsed.port is not None and not 0 < parsed.port < 1 << 16:
        raise EditorError(f"'{url}' has no port that there is: give one from 1 to 65535")
    if parsed.userinfo:
        raise EditorError(
            "the editor's address holds a password, which would be written into the output's "
            "recipe: leave it out and set GENMIX_API_KEY"
        )
    return url.rstrip("/").removesuffix("/v1")


def _pause(state: tenacity.RetryCallState) -> float:
    """Wait as long as the server asks, and at random up to half a second, doubling to 30."""
    backoff = tenacity.wait_random_exponential(multiplier=0.5, max=30.0)
    return _failure(state).after + backoff(state)


def _failure(state: tenacity.RetryCallState) -> _TryAgainError:
    failure = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(failure, _TryAgainError)  # noqa: S101 - nothing else is tried again
    return failure


def _error_of(response: httpx.Response) -> tuple[str | None, str]:
    """Return the code and the message of an error in OpenAI's shape, or of what there is."""
    try:
        told = response.json()["error"]
        return told.get("code"), str(told["message"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return None, response.reason_phrase or "no reason given"


def _picture(answer: Any) -> Image:
    return decode(base64.b64decode(answer["data"][0]["b64_json"], validate=True))
