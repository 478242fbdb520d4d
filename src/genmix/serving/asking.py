"""From a form, as OpenAI's image edits call sends it, to a prompt, seeds and pictures."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from genmix.errors import ImageError
from genmix.images import Image, decode, resize
from genmix.prompts import Prompt
from genmix.serving.limits import Limits, Refusal

FIELDS = 64
"""More text fields than this no request has."""

_MOST_DIGITS = 10

_PICTURES = ("image", "image[]")
_SEEDS = ("seed", "seed[]")
_TEXTS = {"prompt", "model", "n", "size", "strength", "instruction", "prompt_id", "user"}
# Fields whose other values would ask for something that this server does not do.
_ONLY = {
    "response_format": "b64_json",
    "output_format": "png",
    "background": "auto",
    "quality": "auto",
    "stream": "false",
}


@dataclass(frozen=True)
class Asked:
    """What a request asks for, its pictures not decoded yet.

    Attributes:
        uploads: The pictures' files. Each is edited on its own; several are a batch, not one scene.
        times: Edits of each picture.
        size: The height and width that pictures are brought to first; None keeps their own.
        prompt: Of all.
        seeds: One for each edit, in [0, 2**32).
    """

    uploads: Sequence[UploadFile]
    times: int
    size: tuple[int, int] | None
    prompt: Prompt
    seeds: Sequence[int]

    async def images(self, most_pixels: int) -> list[Image]:
        """Decode the pictures: one for each edit, in the answer's order.

        Raises:
            Refusal: If one is not valid, or has more pixels than that.
        """
        pictures = [
            await asyncio.to_thread(_picture, await upload.read(), self.size, most_pixels)
            for upload in self.uploads
        ]
        return [picture for picture in pictures for _ in range(self.times)]


def read_form(form: FormData, limits: Limits) -> Asked:
    """Read the fields of a form.

    Raises:
        Refusal: If a field is missing, unknown, not valid, or beyond the limits.
    """
    _check_fields(form)
    prompt = _prompt(form)
    files = [value for name in _PICTURES for value in form.getlist(name)]
    uploads = [file for file in files if isinstance(file, UploadFile)]
    if not uploads or len(uploads) < len(files):
        raise _invalid("image", "send a picture as the file 'image', or several as 'image[]'")
    times = _whole_number(form, "n", default=1, least=1)
    count = len(uploads) * times
    if count > limits.pictures:
        raise Refusal(
            400, "too_many_pictures", f"{count} edits in a request, and {limits.pictures} at most"
        )
    seeds = _seeds([str(value) for name in _SEEDS for value in form.getlist(name)], count)
    return Asked(uploads, times, _size(form.get("size"), limits.pixels), prompt, seeds)


def _check_fields(form: FormData) -> None:
    if "mask" in form:
        raise _invalid("mask", "masks are not supported: the whole picture is edited")
    for name, value in form.multi_items():
        if name in _ONLY and value != _ONLY[name]:
            raise _invalid(name, f"this server knows only '{_ONLY[name]}', and was asked '{value}'")
        if name not in {*_PICTURES, *_SEEDS, *_TEXTS, *_ONLY}:
            raise _invalid(name, "there is no such field")


def _prompt(form: FormData) -> Prompt:
    words = form.get("prompt")
    if not isinstance(words, str) or not words:
        raise _invalid("prompt", "say what to make of the picture")
    asked = {"id": form.get("prompt_id") or "request", "prompt": words}
    if form.get("instruction"):
        asked["instruction"] = form["instruction"]
    try:
        return Prompt.model_validate(asked)
    except ValidationError as error:
        fault = error.errors()[0]
        raise _invalid(".".join(map(str, fault["loc"])), fault["msg"]) from error


def _seeds(given: Sequence[str], count: int) -> list[int]:
    """Return a seed for each edit: those given, or counted up from one, or drawn if there is none.

    Drawn ones are told in the answer, so that an edit can be made again.
    """
    if not given:
        return [secrets.randbelow(2**32) for _ in range(count)]
    seeds = [seed for text in given if (seed := _number(text)) is not None and seed < 2**32]
    if len(seeds) < len(given):
        raise _invalid("seed", "a seed is a whole number from 0 to 4294967295")
    if len(seeds) not in {1, count}:
        raise _invalid("seed", f"{len(seeds)} seeds for {count} edits: give one, or one for each")
    if len(seeds) == 1:
        return [(seeds[0] + k) % 2**32 for k in range(count)]
    return seeds


def _size(given: object, most_pixels: int) -> tuple[int, int] | None:
    if given in {None, "auto"}:
        return None
    width, height = (_number(side) for side in str(given).partition("x")[::2])
    if not width or not height:
        raise _invalid("size", "write width and height in pixels, as 512x512, or 'auto'")
    if width * height > most_pixels:
        raise _invalid("size", f"{given} is more than {most_pixels:,} pixels")
    return height, width


def _picture(data: bytes, size: tuple[int, int] | None, most_pixels: int) -> Image:
    try:
        image = decode(data, most_pixels=most_pixels)
    except ImageError as error:
        raise _invalid("image", f"cannot use the picture: {error}") from error
    return image if size is None else resize(image, *size)


def _whole_number(form: FormData, name: str, *, default: int, least: int) -> int:
    value = _number(str(form.get(name, default)))
    if value is None or value < least:
        raise _invalid(name, f"give a whole number, {least} at least")
    return value


def _number(text: str) -> int | None:
    """Read a whole number; None if it is none, or too long to be one that somebody means."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _invalid(field: str, message: str) -> Refusal:
    return Refusal(400, "invalid_value", f"{field}: {message}")
