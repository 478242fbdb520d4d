"""Pictures for a report: edits that the arms of an experiment trained on."""

from pathlib import Path

from genmix.datasets.manifest import iterate_rows
from genmix.images import decode, encode_jpeg, resize
from genmix.reporting.document import Picture
from genmix.reporting.naming import prompt_name
from genmix.reporting.wording import Words

_MOST = 5
_LARGEST_PX = 256
"""Larger pictures are made smaller, so that the report stays a file to send by mail."""


def edits_of(folder: Path, words: Words) -> tuple[Picture, ...]:
    """Choose an edit for each of the first prompts, of different classes as far as there are any.

    Args:
        folder: Of a comparison; the edits lie in its `sets`.
        words: The language of their descriptions.

    Returns:
        None where no arm has edits.

    Raises:
        ImageError: If a picture cannot be read.
    """
    manifests = sorted(folder.glob("sets/*/manifest.parquet"))
    if not manifests:
        return ()
    chosen: dict[str, tuple[str, str]] = {}
    used: set[str] = set()
    for row in iterate_rows(manifests[0], ["decision", "kind", "prompt", "label", "output"]):
        prompt, label = row["prompt"], row["label"]
        if row["decision"] != "written" or row["kind"] != "composite" or prompt is None:
            continue
        if prompt not in chosen or (chosen[prompt][0] in _repeated(chosen) and label not in used):
            chosen[prompt] = label, row["output"]
            used = {each for each, _ in chosen.values()}
    place = manifests[0].parent
    return tuple(
        _picture(place / output, prompt, label, words)
        for prompt, (label, output) in list(chosen.items())[:_MOST]
    )


def _repeated(chosen: dict[str, tuple[str, str]]) -> set[str]:
    labels = [label for label, _ in chosen.values()]
    return {label for label in labels if labels.count(label) > 1}


def _picture(path: Path, prompt: str, label: str, words: Words) -> Picture:
    image = decode(path.read_bytes())
    height, width = image.shape[:2]
    if (largest := max(height, width)) > _LARGEST_PX:
        image = resize(
            image, round(height * _LARGEST_PX / largest), round(width * _LARGEST_PX / largest)
        )
    name = prompt_name(prompt, words.language)
    return Picture(
        encode_jpeg(image, 85),
        words("examples.description", label=label, prompt=name),
        words("examples.below", label=label, prompt=name),
    )
