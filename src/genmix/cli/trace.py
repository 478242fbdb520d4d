"""`genmix trace`: where a picture came from, and what came of a photo."""

from typing import TYPE_CHECKING, Any

import click

from genmix.cli.console import print_json

if TYPE_CHECKING:
    from genmix.jobs.trace import Trace

_EVIDENCE = {
    "file": "its bytes, which are those that were written",
    "picture": "its picture; the metadata was changed or removed",
    "path": "its path",
    "link": "the link in its metadata; its picture was changed since, or the link copied",
}


@click.command(short_help="Say where a picture came from, or what came of a photo.")
@click.argument("image")
@click.argument("out", required=False, type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the manifest's rows as JSON.")
def trace(image: str, out: str | None, as_json: bool) -> None:
    """Say where a picture of an output came from, or what came of a photo.

    IMAGE is a file, or a path as the manifest of OUT has it. A picture is known by its bytes, by
    the link in its metadata, or, where metadata was stripped, by its picture alone. OUT may be left
    out for a picture that still lies in it.

    \b
    genmix trace train-set/images/cat/tom-3d2985c42b5b0c69-snowy-0.jpg
    genmix trace found-somewhere.jpg train-set
    genmix trace photos/cat/tom.jpg train-set
    """
    from genmix.jobs.trace import trace as find

    found = find(image, out)
    if as_json:
        print_json(found.to_dict())
        return
    if found.picture is not None:
        _show_picture(found, found.picture)
    if found.made_of_it:
        _show_photo(found)


def _show_picture(found: "Trace", row: dict[str, Any]) -> None:
    rows = [
        ("picture", row["output"] or f"{row['decision']}, {row['reason']}"),
        ("known by", _EVIDENCE[str(found.found_by)]),
        ("made of", row["source"]),
        ("  SHA-256", row["source_sha256"]),
        ("  licence", row["source_license"] or "not recorded"),
        ("class", row["label"]),
    ]
    if row["kind"] == "original":
        rows.append(("edit", "none: it is the photo itself"))
    else:
        no_model = "no trained model draws" if row["source_license"] else "not recorded"
        words = f": {found.prompt_text}" if found.prompt_text else ""
        rows += [
            ("prompt", f"{row['prompt']}{words}"),
            ("editor", row["editor"]),
            ("  seed", str(row["edit_seed"])),
            ("  licence", row["model_license"] or no_model),
            ("mask", row["mask"] or "none: the edit is whole"),
            ("fractal", row["fractal"] or "none"),
        ]
    if found.recipe is not None:
        rows.append(("recipe", f"{found.recipe}, seed {found.seed}"))
    for name, value in rows:
        _print(f"{name:<11}  {value}")


def _show_photo(found: "Trace") -> None:
    rows = found.made_of_it
    _print(f"Planned from {rows[0]['source']} in {found.out}: {len(rows)}")
    for row in rows:
        what = row["prompt"] or "(the photo itself)"
        variant = f" {row['variant']}" if row["variant"] else ""
        _print(f"  {what}{variant}: {row['output'] or row['decision'] + ', ' + row['reason']}")


def _print(line: str) -> None:
    from genmix.storage import one_line

    click.echo(one_line(line))
