"""Pictures for a report: what the arms of an experiment trained on, and how it was made."""

from pathlib import Path

from genmix.datasets.manifest import iterate_rows
from genmix.experiments.poc.result import Example
from genmix.images import decode, encode_jpeg, resize
from genmix.reporting.document import Picture
from genmix.reporting.naming import prompt_name
from genmix.reporting.wording import Words

_MOST = 5
_LARGEST_PX = 256
"""Larger pictures are made smaller, so that the report stays a file to send by mail."""


def composites_of(folder: Path, words: Words) -> tuple[Picture, ...]:
    """Choose a composite for each of the first prompts, of different classes as far as they go.

    Args:
        folder: Of a comparison; its composites lie in `sets`.
        words: The language of their descriptions.

    Returns:
        None where no arm has composites.

    Raises:
        ImageError: If a picture cannot be read.
    """
    manifests = sorted(folder.glob("sets/*/manifest.parquet"))
    if not manifests:
        return ()
    first: dict[str, tuple[str, str]] = {}
    of_other_classes: dict[str, tuple[str, str]] = {}
    for row in iterate_rows(manifests[0], ["decision", "prompt", "label", "output"]):
        if row["decision"] != "written" or row["prompt"] is None:
            continue
        found = row["label"], row["output"]
        first.setdefault(row["prompt"], found)
        if found[0] not in {label for label, _ in of_other_classes.values()}:
            of_other_classes.setdefault(row["prompt"], found)
    return tuple(
        _picture(manifests[0].parent / output, prompt, label, words)
        for prompt, (label, output) in list((first | of_other_classes).items())[:_MOST]
    )


def steps_of(folder: Path, example: Example, words: Words) -> tuple[Picture, ...]:
    """Return a photo, its edit, both joined, and the composite, of a proof of concept.

    Args:
        folder: Of the proof of concept.
        example: What it kept of the photo.
        words: The language of their descriptions.

    Raises:
        ImageError: If a picture cannot be read.
        OSError: If it is not there.
    """
    name = prompt_name(example.prompt, words.language)
    steps = {
        "original": example.original,
        "edit": example.edit,
        "hybrid": example.hybrid,
        "composite": example.composite,
    }
    return tuple(
        Picture(
            _small(folder / path),
            words(f"poc.shows.{step}", label=example.label, prompt=name),
            words(f"poc.below.{step}"),
        )
        for step, path in steps.items()
    )


def _picture(path: Path, prompt: str, label: str, words: Words) -> Picture:
    name = prompt_name(prompt, words.language)
    return Picture(
        _small(path),
        words("examples.description", label=label, prompt=name),
        words("examples.below", label=label, prompt=name),
    )


def _small(path: Path) -> bytes:
    """Return a picture as JPEG that is no larger than it is looked at."""
    image = decode(path.read_bytes())
    height, width = image.shape[:2]
    if (largest := max(height, width)) > _LARGEST_PX:
        image = resize(
            image, round(height * _LARGEST_PX / largest), round(width * _LARGEST_PX / largest)
        )
    return encode_jpeg(image, 85)
