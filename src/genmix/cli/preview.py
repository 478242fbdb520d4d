"""`genmix preview`: what a recipe does, step by step, on one sheet."""

from typing import Any

import click

from genmix.cli.console import check_sheet, edits_option, progress_bar, recipe_options, say


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--out", required=True, type=click.Path(), help="The sheet, a PNG file.")
@click.option(
    "--source", metavar="DIR", help="The set that the photos are of: show what augment makes there."
)
@recipe_options
@edits_option
def preview(
    photos: tuple[str, ...],
    out: str,
    source: str | None,
    recipe: str,
    edits: str | None,
    **choices: Any,
) -> None:
    """Draw what a recipe does to each PHOTO, step by step.

    The sheet shows its edits, masks, hybrids, fractals and composites by every prompt. With
    --source, they are those that genmix augment makes of the set, edits are kept for it, and the
    screens know the classes; without, the screen density is left out.

    \b
    genmix preview cat.jpg -o sheet.png
    genmix preview photos/cat/1.jpg -o sheet.png --source photos
    genmix preview *.jpg -o sheet.png --prompts snowy,fog,low-light --size 256
    """
    from pathlib import Path

    from genmix import jobs
    from genmix.cli.choose import chosen_recipe
    from genmix.images import encode_png
    from genmix.storage import write_whole

    check_sheet(out, "--out", photos)
    chosen = chosen_recipe(recipe, **choices)
    with progress_bar() as progress:
        sheet = jobs.preview(
            photos,
            chosen,
            source=source,
            edits=Path(edits) if edits else None,
            progress=progress,
        )
    write_whole(Path(out), encode_png(sheet))
    if source is None and chosen.screens.density:
        say("density is left out: it compares photos of a class, so give the set with --source")
    click.echo(f"Look at  {out}")
