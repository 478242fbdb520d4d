"""Pictures for a report: what the arms of an experiment trained on, and how it was made."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from genmix.datasets.manifest import iterate_rows
from genmix.errors import ExperimentError, ImageError
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

    Pictures that are not there, or lie elsewhere, are left out.

    Args:
        folder: Of a comparison; its composites lie in `sets`.
        words: The language of their descriptions.

    Returns:
        None where no arm has composites.

    Raises:
        ExperimentError: If a picture is damaged.
        OutputError: If a manifest is.
    """
    manifests = [p for p in sorted(folder.glob("sets/*/manifest.parquet")) if owns(folder, p)]
    if not manifests:
        return ()
    made: dict[str, dict[str, str]] = defaultdict(dict)  # by prompt and class
    for row in iterate_rows(manifests[0], ["decision", "prompt", "label", "output"]):
        if row["decision"] == "written" and row["prompt"] is not None:
            made[row["prompt"]].setdefault(row["label"], row["output"])
    root = manifests[0].parent
    there = [  # some may have been withdrawn since
        (root / output, prompt, label)
        for prompt, label, output in _spread(made)
        if owns(folder, root / output)
    ]
    return tuple(_picture(*each, words) for each in there[:_MOST])


def steps_of(folder: Path, example: Example, words: Words) -> tuple[Picture, ...]:
    """Return a photo, its edit, both joined, and the composite, of a proof of concept.

    Args:
        folder: Of the proof of concept.
        example: What it kept of the photo.
        words: The language of their descriptions.

    Returns:
        None where one of them is not there any more.

    Raises:
        ExperimentError: If one is damaged.
    """
    name = prompt_name(example.prompt, words.language)
    steps = {
        "original": example.original,
        "edit": example.edit,
        "hybrid": example.hybrid,
        "composite": example.composite,
    }
    if not all(owns(folder, folder / path) for path in steps.values()):
        return ()
    return tuple(
        Picture(
            _small(folder / path),
            words(f"poc.shows.{step}", label=example.label, prompt=name),
            words(f"poc.below.{step}"),
        )
        for step, path in steps.items()
    )


def owns(folder: Path, path: Path) -> bool:
    """Tell whether a file is there and in a folder, and not by a name or a link that leads out.

    What lies in the folder of an experiment may be somebody else's, and a report is sent to others.
    """
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def _spread(made: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Choose of each prompt the class that was chosen least so far, and its picture."""
    chosen: Counter[str] = Counter()
    for prompt, outputs in made.items():
        label = min(outputs, key=lambda name: chosen[name])
        chosen[label] += 1
        yield prompt, label, outputs[label]


def _picture(path: Path, prompt: str, label: str, words: Words) -> Picture:
    name = prompt_name(prompt, words.language)
    return Picture(
        _small(path),
        words("examples.description", label=label, prompt=name),
        words("examples.below", label=label, prompt=name),
    )


def _small(path: Path) -> bytes:
    """Return a picture as JPEG that is no larger than it is looked at."""
    try:
        image = decode(path.read_bytes())
    except (OSError, ImageError) as error:
        raise ExperimentError(
            f"{path} cannot be read ({error}): remove it, and the report is made without it"
        ) from error
    height, width = image.shape[:2]
    if (largest := max(height, width)) > _LARGEST_PX:
        image = resize(
            image, round(height * _LARGEST_PX / largest), round(width * _LARGEST_PX / largest)
        )
    return encode_jpeg(image, 85)
