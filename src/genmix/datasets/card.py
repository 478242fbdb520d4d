"""The dataset card: the README.md beside the output, in the form that the Hugging Face hub has."""

from collections.abc import Mapping, Sequence

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
    size: int,
    editor: str,
    about: Mapping[str, str],
    sheet: str,
) -> str:
    """Write the card.

    Args:
        written: Pictures in the output.
        classes: Written pictures of each class; 0 where a class lost all of them.
        prompt_counts: Written pictures of each prompt id, and of "(original)".
        prompts: The prompts that were used.
        rejected: Items rejected, by cause.
        failed: Items failed, by cause.
        size: Side of the pictures in pixels.
        editor: The editor's fingerprint.
        about: What the editor says of itself.
        sheet: File name of the contact sheet.

    Returns:
        Markdown with YAML metadata in front.
    """
    metadata = {
        "pretty_name": "Photos augmented by genmix",
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
        f"![Some photos and what was made of them]({sheet})",
        _ABOUT.format(editor=editor, size=size),
        *([f"## Editor\n\n{_facts(about)}"] if about else []),
        "## Classes\n\n" + _table("class", {_named(k): n for k, n in sorted(classes.items())}),
        "## Prompts\n\n" + _table("prompt", _by_prompt(prompts, prompt_counts)),
        "## Left out\n\n" + (_table("reason", refused) if refused else "Nothing."),
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

Pictures are {size} pixels square. They were edited by `{editor}`; an editor whose name begins with
`procedural` is classical image processing, not a generative model. The rights to these pictures
depend on those to the photos, which genmix does not know."""


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
