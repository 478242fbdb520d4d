"""What a server lets in: API keys, sizes, rates; and the one way in which it says no."""

import hmac
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import HTTPException


@dataclass(frozen=True)
class Limits:
    """How much a server takes.

    Attributes:
        upload_bytes: Of a request, all pictures together, as sent.
        pixels: Of a picture.
        pictures: Edits that a request may ask for.
        queue: Pictures that may wait; at least `pictures`.
        per_minute: Edits a minute for each API key; None is no limit.
    """

    upload_bytes: int = 64_000_000
    pixels: int = 2048 * 2048
    pictures: int = 16
    queue: int = 256
    per_minute: int | None = None


class Refusal(HTTPException):
    """A request that is answered with an error, in the words and the shape of OpenAI's API.

    Attributes:
        code: What programs tell errors by, e.g. "queue_full".
        retry_after: Seconds after which it is worth trying again, if it is.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: float | None = None
    ) -> None:
        headers = {"Retry-After": str(math.ceil(retry_after))} if retry_after is not None else None
        super().__init__(status, message, headers)
        self.code = code


class Keys:
    """The API keys that are let in."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def __bool__(self) -> bool:
        """Tell whether a key is needed at all."""
        return bool(self._keys)

    def check(self, authorization: str | None) -> str:
        """Let a request in by its header, in a time that tells nothing of the keys.

        Args:
            authorization: The header `Authorization`: "Bearer <key>".

        Returns:
            The key, however the header spells it.

        Raises:
            Refusal: If it has no such key.
        """
        scheme, _, given = (authorization or "").partition(" ")
        matches = [k for k in self._keys if hmac.compare_digest(given.strip().encode(), k)]
        if scheme.lower() != "bearer" or not matches:
            raise Refusal(
                401, "invalid_api_key", "the API key is missing or wrong: send Bearer <key>"
            )
        return matches[0].decode()


class Rates:
    """A token bucket for each caller: a minute's worth at once, refilled evenly."""

    def __init__(self, per_minute: int | None) -> None:
        self._per_minute = per_minute
        self._buckets: dict[str, tuple[float, float]] = {}  # the one used longest ago comes first

    def take(self, caller: str, count: int) -> None:
        """Take so many edits from a caller's bucket.

        Raises:
            Refusal: If it does not hold as many now, or never will.
        """
        if self._per_minute is None:
            return
        if count > self._per_minute:
            raise Refusal(
                400, "too_many_pictures", f"{count} edits at once, and {self._per_minute} a minute"
            )
        now = time.monotonic()
        self._drop_full(now)
        tokens, at = self._buckets.pop(caller, (float(self._per_minute), now))
        tokens = min(self._per_minute, tokens + (now - at) * self._per_minute / 60)
        self._buckets[caller] = (tokens - count if tokens >= count else tokens, now)
        if tokens < count:
            wait = (count - tokens) * 60 / self._per_minute
            message = f"more than {self._per_minute} edits a minute: try again in {wait:.0f} s"
            raise Refusal(429, "rate_limit_exceeded", message, retry_after=wait)

    def _drop_full(self, now: float) -> None:
        """Forget callers who have not asked for a minute: their buckets are full again."""
        while self._buckets:
            caller, (_, at) = next(iter(self._buckets.items()))
            if now - at < 60:
                return
            del self._buckets[caller]
