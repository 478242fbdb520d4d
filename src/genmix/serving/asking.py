"""From a form, as OpenAI's image edits call sends it, to pictures, a prompt and seeds."""

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
    """What a request asks for.

    Attributes:
        images: uint8, height x width x 3, RGB; one for each edit, in the answer's order.
        prompt: Of all.
        seeds: One for each image, in [0, 2**32).
    """

    images: Sequence[Image]
    prompt: Prompt
    seeds: Sequence[int]


async def read_form(form: FormData, limits: Limits) -> Asked:
    """Read a form.

    Each picture is edited on its own, `n` times; several pictures are a batch, not one scene.

    Raises:
        Refusal: If a field is missing, unknown, not valid, or beyond the limits.
    """
    _check_fields(form)
    prompt = _prompt(form)
    uploads = [value for name in _PICTURES for value in form.getlist(name)]
    if not uploads or not all(isinstance(upload, UploadFile) for upload in uploads):
        raise _invalid("image", "send a picture as the file 'image', or several as 'image[]'")
    times = _whole_number(form, "n", default=1, least=1)
    count = len(uploads) * times
    if count > limits.pictures:
        raise Refusal(
            400, "too_many_pictures", f"{count} edits in a request, and {limits.pictures} at most"
        )
    seeds = _seeds([str(value) for name in _SEEDS for value in form.getlist(name)], count)
    pictures = []
    for upload in uploads:
        data = await upload.read() if isinstance(upload, UploadFile) else b""
        pictures.append(await asyncio.to_thread(_picture, data, form.get("size"), limits.pixels))
    return Asked([picture for picture in pictures for _ in range(times)], prompt, seeds)


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
    if not all(seed.isdecimal() and int(seed) < 2**32 for seed in given):
        raise _invalid("seed", "a seed is a whole number from 0 to 4294967295")
    if len(given) not in {1, count}:
        raise _invalid("seed", f"{len(given)} seeds for {count} edits: give one, or one for each")
    first = int(given[0])
    if len(given) == 1:
        return [(first + k) % 2**32 for k in range(count)]
    return [int(seed) for seed in given]


def _picture(data: bytes, size: object, most_pixels: int) -> Image:
    try:
        image = decode(data, most_pixels=most_pixels)
    except ImageError as error:
        raise _invalid("image", f"cannot use the picture: {error}") from error
    if size in {None, "auto"}:
        return image
    width, _, height = str(size).partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise _invalid("size", "write width and height in pixels, as 512x512, or 'auto'")
    if int(width) * int(height) > most_pixels:
        raise _invalid("size", f"{size} is more than {most_pixels:,} pixels")
    return resize(image, int(height), int(width))


def _whole_number(form: FormData, name: str, *, default: int, least: int) -> int:
    value = str(form.get(name, default))
    if not value.isdecimal() or int(value) < least:
        raise _invalid(name, f"give a whole number, {least} at least")
    return int(value)


def _invalid(field: str, message: str) -> Refusal:
    return Refusal(400, "invalid_value", f"{field}: {message}")
