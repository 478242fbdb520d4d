"""Where a picture of the output lies: names that every file system takes, one for each photo.

Labels that differ only in capitals have folders that differ only in capitals, which Windows and
macOS take for one: `alike` finds them.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from genmix.datasets.source import Photo

IMAGES = "images"
"""The folder of the output that torchvision's ImageFolder and Hugging Face imagefolder read."""

MANIFEST = "manifest.parquet"
"""The file of the output that has a row for every planned item."""

RECIPE = "recipe.yaml"
"""The file of the output that says how it was made, every value spelled out."""

PROMPTS = "prompts.yaml"
"""The file of the output that holds its prompts."""

SHEET = "contact-sheet.png"
"""The picture of the output that shows some photos of every class beside what was made of them."""

AUDIT = "audit.json"
"""The file of the output in which its audit says how good it is."""

_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]|^[. ]|[. ]$')
_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|(COM|LPT)[0-9¹²³])(?= *(\.|$))", re.IGNORECASE)
"""What Windows takes for a device, whatever follows a dot."""

_MAX_BYTES = 120
_MARK_BYTES = 8
"""So many that a hundred million photos hardly ever share a mark; `publish` would tell."""


def class_folder(label: str) -> str:
    """Make a class label a folder name.

    Spaces and every script stay. What would leave the folder or upset a file system, and the first
    letter of a name that Windows reserves, is written as %XX, so that two labels never have the
    same name; a very long label is cut and marked by its hash.

    Args:
        label: The class as the user named it, not empty.
    """
    name = _UNSAFE.sub(lambda match: _hexadecimal(match[0]), label)
    if _RESERVED.match(name):
        name = _hexadecimal(name[0]) + name[1:]
    return _shortened(name, label)


def alike(labels: Iterable[str]) -> tuple[str, str] | None:
    """Find two labels with one folder where neither capitals nor forms of Unicode count.

    Returns:
        The first two; None if there are none.
    """
    found: dict[str, str] = {}
    for label in sorted(labels):
        folder = unicodedata.normalize("NFC", class_folder(label)).casefold()
        if found.setdefault(folder, label) != label:
            return found[folder], label
    return None


def output_path(photo: Photo, suffix: str, prompt_id: str | None = None, variant: int = 0) -> str:
    """Name an output picture, relative to the output folder, with forward slashes.

    Args:
        photo: The source photo.
        suffix: ".jpg", ".png", …
        prompt_id: Of the edit; None for the photo itself.
        variant: Which of the variants.
    """
    stem = re.sub(r"[^\w.-]+", "_", PurePosixPath(photo.path).stem) or "photo"
    mark = _mark(photo.path)
    made = "" if prompt_id is None else f"-{prompt_id}-{variant}"
    return f"{IMAGES}/{class_folder(photo.label)}/{_shortened(stem, stem)}-{mark}{made}{suffix}"


def _shortened(name: str, of: str) -> str:
    if len(name.encode()) <= _MAX_BYTES:
        return name
    return name.encode()[:_MAX_BYTES].decode(errors="ignore") + f"~{_mark(of)}"


def _mark(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=_MARK_BYTES).hexdigest()


def _hexadecimal(character: str) -> str:
    return f"%{ord(character):02X}"
