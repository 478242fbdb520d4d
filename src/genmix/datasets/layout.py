"""Where a picture of the output lies: names that are safe on every file system, and unique."""

import hashlib
import re
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
_MAX_BYTES = 120


def class_folder(label: str) -> str:
    """Make a class label a folder name.

    Spaces and every script stay. What would leave the folder or upset a file system is written as
    %XX, so that two labels never share a folder; a very long label is cut and marked by its hash.

    Args:
        label: The class as the user named it, not empty.
    """
    name = _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", label)
    return _shortened(name, label)


def output_path(photo: Photo, suffix: str, prompt_id: str | None = None, variant: int = 0) -> str:
    """Name an output picture, relative to the output folder, with forward slashes.

    Args:
        photo: The source photo.
        suffix: ".jpg", ".png", …
        prompt_id: Of the edit; None for the photo itself.
        variant: Which of the variants.
    """
    stem = re.sub(r"[^\w.-]+", "_", PurePosixPath(photo.path).stem) or "photo"
    mark = hashlib.blake2b(photo.path.encode(), digest_size=4).hexdigest()
    made = "" if prompt_id is None else f"-{prompt_id}-{variant}"
    return f"{IMAGES}/{class_folder(photo.label)}/{_shortened(stem, stem)}-{mark}{made}{suffix}"


def _shortened(name: str, of: str) -> str:
    if len(name.encode()) <= _MAX_BYTES:
        return name
    mark = hashlib.blake2b(of.encode(), digest_size=4).hexdigest()
    return name.encode()[:_MAX_BYTES].decode(errors="ignore") + f"~{mark}"
