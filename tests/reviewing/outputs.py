"""Outputs that consist of a manifest alone: enough where nobody looks at the pictures."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genmix.datasets.manifest import schema, write_rows
from genmix.recipe import Recipe

CLASSES = ("ant", "bee", "cat")
PROMPTS = ("fog", "mosaic")


def row(number: int, **changes: Any) -> dict[str, Any]:
    """Return the row of a made picture; six follow each other through classes and prompts."""
    label, prompt = CLASSES[number % 3], PROMPTS[number // 3 % 2]
    return {
        "kind": "composite",
        "source": f"{label}/{number:04d}.jpg",
        "label": label,
        "prompt": prompt,
        "variant": 0,
        "edit_key": f"{number:064x}",
        "screen_blank": 40.0,
        "screen_structure": 0.9,
        "decision": "written",
        "output": f"images/{label}/{number:04d}-{prompt}-0.jpg",
        "output_sha256": hashlib.sha256(b"%d" % number).hexdigest(),
        **changes,
    }


def write_output(out: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write a manifest and the recipe with the screens' limits, as a finished run leaves them."""
    out.mkdir(exist_ok=True)
    (out / "recipe.yaml").write_text(Recipe().to_yaml())
    unfinished = out / "manifest.part"
    write_rows(unfinished, rows, schema(["blank", "structure"]))
    unfinished.replace(out / "manifest.parquet")
    return out
