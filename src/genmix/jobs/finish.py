"""Finishing: when every shard is whole, the output gets its pictures, manifest, sheet and card."""

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import yaml

from genmix.datasets import Photo, Source
from genmix.datasets.card import CARD, card_text
from genmix.datasets.croissant import CROISSANT, croissant_text
from genmix.datasets.layout import PROMPTS, RECIPE, SHEET
from genmix.datasets.manifest import iterate_rows, join_parts, read_facts
from genmix.editing import Editor
from genmix.errors import GenmixError, ImageError
from genmix.images import Image, decode, prepare
from genmix.jobs.folder import OutputFolder
from genmix.jobs.plan import Plan
from genmix.jobs.rights import model_license
from genmix.jobs.sheet import write_sheet
from genmix.jobs.summary import Tally
from genmix.prompts import PromptLibrary, load_library
from genmix.recipe import load_recipe
from genmix.storage import write_whole, writing

__all__ = ["PROMPTS", "RECIPE", "SHEET", "describe", "finish"]


def finish(out: OutputFolder, plan: Plan, source: Source, editor: Editor) -> bool:
    """Finish the output if all its shards are there.

    A finished output is left as it is; one whose manifest, recipe or prompts were damaged since
    gets them anew. After a kill, doing it again goes on where it stopped; the manifest comes last,
    so that an output with a manifest is complete.

    Args:
        out: The output.
        plan: What was to be made.
        source: Where the originals on the contact sheet come from.
        editor: Who made the edits, for the dataset card.

    Returns:
        Whether the output is complete.

    Raises:
        OutputError: If it cannot be written.
    """
    with out.finishing():
        if not all(out.done(k) for k in range(plan.shard_count)):
            return False
        if not _is_whole(out):
            _write(out, plan, source, editor)
        elif not (out.path / SHEET).exists():  # somebody took it away
            _write_sheet(out, [out.manifest], plan, source)
            describe(out.path, out.manifest)
    return True


def describe(out: Path, manifest: Path) -> None:
    """Write what describes an output to others: the dataset card and the Croissant description.

    Args:
        out: The output; its prompts and, if there is to be one, its sheet are there.
        manifest: Its manifest, which may not be in its place yet.

    Raises:
        OutputError: If they cannot be written.
    """
    tally, facts = Tally.of([manifest]), read_facts(manifest)
    outputs = (row["output"] for row in iterate_rows(manifest, ["output"]))
    card = card_text(
        written=tally.written,
        classes=tally.classes,
        prompt_counts=tally.prompts,
        prompts=load_library(str(out / PROMPTS)).prompts,
        rejected=tally.rejected,
        failed=tally.failed,
        licenses=tally.licenses,
        sheet=SHEET if (out / SHEET).exists() else None,
        **facts,
    )
    with manifest.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    croissant = croissant_text(
        written=tally.written,
        classes=[label for label, count in tally.classes.items() if count],
        licenses=tally.licenses,
        suffixes={PurePosixPath(output).suffix for output in outputs if output is not None},
        manifest_sha256=sha256,
    )
    write_whole(out / CARD, card.encode())
    write_whole(out / CROISSANT, croissant.encode())


def _is_whole(out: OutputFolder) -> bool:
    """Tell whether what a finished output cannot do without is there and can be read."""
    try:
        load_recipe(out.path / RECIPE)
        load_library(str(out.path / PROMPTS))
        return bool(read_facts(out.manifest))
    except GenmixError:
        return False


def _write(out: OutputFolder, plan: Plan, source: Source, editor: Editor) -> None:
    for k in range(plan.shard_count):
        out.publish(k)
    parts = [out.part(k) for k in range(plan.shard_count)]
    write_whole(out.path / RECIPE, _resolved_recipe(plan, out.path / RECIPE).encode())
    write_whole(out.path / PROMPTS, _prompt_file(plan).encode())
    _write_sheet(out, parts, plan, source)
    facts = {
        "size": plan.recipe.size,
        "editor": editor.fingerprint,
        "about": dict(getattr(editor, "about", {})),
        "model_license": model_license(editor, plan.recipe),
    }
    with writing(out.manifest):
        unfinished = out.manifest.with_suffix(".part")
        join_parts(parts, unfinished, facts)
        describe(out.path, unfinished)
        unfinished.replace(out.manifest)


def _write_sheet(out: OutputFolder, parts: Iterable[Path], plan: Plan, source: Source) -> None:
    write_sheet(
        out.path,
        parts,
        plan.photos,
        {prompt.id: prompt.name.en for prompt in plan.prompts},
        lambda photo: _original(photo, plan, source),
        same_for_all=plan.recipe.prompts.per_photo is None,
    )


def _resolved_recipe(plan: Plan, file: Path) -> str:
    recipe = plan.recipe.beside(file).changed(prompts={"library": PROMPTS, "only": None})
    return (
        "# The recipe of this output, every value spelled out; `genmix augment SOURCE -o OUT\n"
        f"# --recipe {RECIPE}` makes the same bytes again.\n" + recipe.to_yaml()
    )


def _prompt_file(plan: Plan) -> str:
    library = PromptLibrary(id="prompts", prompts=plan.prompts)
    data = library.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _original(photo: Photo, plan: Plan, source: Source) -> Image | str:
    try:
        return prepare(decode(source.read(photo)), plan.recipe.size, plan.recipe.fit)
    except ImageError as error:
        return f"failed: {error}"
