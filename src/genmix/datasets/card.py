"""The dataset card: the README.md beside the output, in the form that the Hugging Face hub has."""

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import yaml

from genmix.datasets.layout import IMAGES, class_folder
from genmix.prompts import Prompt

CARD = "README.md"

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def card_text(
    *,
    written: int,
    classes: Mapping[str, int],
    prompt_counts: Mapping[str, int],
    prompts: Sequence[Prompt],
    rejected: Mapping[str, int],
    failed: Mapping[str, int],
    licenses: Mapping[str, int],
    size: int,
    editor: str,
    about: Mapping[str, str],
    model_license: str | None,
    sheet: str | None,
) -> str:
    """Write the card.

    Args:
        written: Pictures in the output.
        classes: Written pictures of each class; 0 where a class lost all of them.
        prompt_counts: Written pictures of each prompt id, and of "(original)".
        prompts: The prompts that were used.
        rejected: Items rejected, by cause.
        failed: Items failed, by cause.
        licenses: Written pictures by the licence of their photo.
        size: Side of the pictures in pixels.
        editor: The editor's fingerprint.
        about: What the editor says of itself.
        model_license: Of the editor's model; None where no trained model draws.
        sheet: File name of the contact sheet, if there is one.

    Returns:
        Markdown with YAML metadata in front.
    """
    metadata = {
        "pretty_name": "Photos augmented by genmix",
        **_hub_license(licenses),
        "task_categories": ["image-classification"],
        "size_categories": [next((name for n, name in _SIZES if written < n), "n>1M")],
        "tags": ["genmix", "data-augmentation", "imagefolder"],
        "configs": [{"config_name": "default", "data_dir": IMAGES}],
    }
    refused = {f"rejected: {cause}": count for cause, count in rejected.items()}
    refused |= {f"failed: {cause}": count for cause, count in failed.items()}
    sections = [
        "---\n" + yaml.safe_dump(metadata, sort_keys=False) + "---",
        "# Photos augmented by genmix",
        _INTRODUCTION.format(written=written, classes=sum(n > 0 for n in classes.values())),
        *([f"![Some photos and what was made of them]({sheet})"] if sheet else []),
        _ABOUT.format(editor=editor, size=size),
        *([f"## Editor\n\n{_facts(about)}"] if about else []),
        "## Classes\n\n" + _table("class", {_named(k): n for k, n in sorted(classes.items())}),
        "## Prompts\n\n" + _table("prompt", _by_prompt(prompts, prompt_counts)),
        "## Left out\n\n" + (_table("reason", refused) if refused else "Nothing."),
        "## Rights\n\n" + _rights(licenses, model_license),
    ]
    return "\n\n".join(sections) + "\n"


_INTRODUCTION = """{written:,} pictures of {classes} classes, made from labelled photos: each was
edited by a prompt, joined to its edit along a soft mask, and blended with a fractal (GenMix, arXiv
2412.02366). The label of the photo was kept."""

_ABOUT = """## How to read it

- `images/<class>/…` opens in torchvision's `ImageFolder("images")` and in
  `datasets.load_dataset("imagefolder", data_dir="images")`.
- `manifest.parquet` has a row for every planned picture: its source and label, prompt, seed, mask,
  fractal, blend, the screens' scores, what was decided and why, and the picture's SHA-256.
- `recipe.yaml` and `prompts.yaml` make the same bytes again from the same photos.

Pictures are {size} pixels square. They were edited by `{editor}`;
an editor whose name begins with `procedural` is classical image processing, not a generative model.
Each composite says in its own metadata (XMP) how it was made and which row of the manifest tells
more; `croissant.json` describes the whole for other programs."""


def _rights(licenses: Mapping[str, int], model_license: str | None) -> str:
    model = (
        "No trained model drew them."
        if model_license is None
        else f"The model that edited them has the licence: {_escaped(model_license)}."
    )
    return (
        "What may be done with these pictures depends on the rights to the photos. Their licences, "
        f"as the source or its user stated them:\n\n{_table('licence', licenses)}\n\n{model}"
    )


def _hub_license(licenses: Mapping[str, int]) -> dict[str, Any]:
    """Return the hub's keys for the licences of the photos.

    One that the hub does not list is "other" with its name; the hub allows one such name.
    """
    known = (files("genmix.datasets") / "hub_licenses.txt").read_text().split()
    lowered = {name.casefold() for name in licenses} or {"unknown"}
    if lowered <= set(known):
        return {"license": sorted(lowered)}
    return {
        "license": "other",
        "license_name": re.sub(r"[^a-z0-9.+-]+", "-", "-and-".join(sorted(lowered))),
        "license_link": CARD,
    }


def _named(label: str) -> str:
    folder = class_folder(label)
    return label if folder == label else f"{label} (folder {folder})"


def _by_prompt(prompts: Sequence[Prompt], counts: Mapping[str, int]) -> dict[str, int]:
    named = {"(original)": "the photo itself"} | {
        p.id: f"{p.name.en}: “{p.prompt}”" for p in prompts
    }
    return {named[id_]: counts[id_] for id_ in named if id_ in counts}


def _table(heading: str, counts: Mapping[str, int]) -> str:
    lines = [f"| {heading} | pictures |", "|---|---:|"]
    lines += [f"| {_escaped(name)} | {count:,} |" for name, count in counts.items()]
    return "\n".join(lines)


def _facts(about: Mapping[str, str]) -> str:
    lines = ["| | |", "|---|---|"]
    lines += [f"| {_escaped(name)} | {_escaped(text)} |" for name, text in about.items()]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """Keep a name from breaking the table or becoming markup."""
    for character in "\\|<>[]*_`":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())
