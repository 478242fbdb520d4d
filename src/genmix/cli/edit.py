"""`genmix edit`: the dear part of a run alone."""

import sys
from typing import TYPE_CHECKING, Any

import click

from genmix.cli.console import (
    SOME_FAILED,
    duration,
    print_json,
    print_table,
    progress_bar,
    recipe_options,
    shard_option,
    show_left_out,
    workers_option,
)

if TYPE_CHECKING:
    from genmix.jobs import Share


@click.command()
@click.argument("source", type=click.Path())
@click.option(
    "-o", "--out", "edits", required=True, type=click.Path(), help="The edit cache to fill."
)
@recipe_options
@click.option(
    "--variants", type=click.IntRange(min=1), metavar="N", help="Edits by photo and prompt."
)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Use this many photos, of all classes."
)
@workers_option
@shard_option
@click.option("--strict", is_flag=True, help="Exit with 3 if any photo could not be used.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def edit(
    source: str,
    edits: str,
    recipe: str,
    limit: int | None,
    workers: int,
    shard: "Share | None",
    strict: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Make the edits of a folder of labelled photos, and nothing else.

    They are kept in a folder by what they were made from. genmix augment with the same options
    and --edits then makes none; masks, fractals and screens may change without a new edit.
    Running the same command again goes on where it was stopped.

    \b
    genmix edit photos -o edits --editor http://gpu:8000
    genmix augment photos -o train-set --editor http://gpu:8000 --edits edits
    """
    from genmix import jobs
    from genmix.cli.choose import chosen_recipe

    with progress_bar() as progress:
        summary = jobs.edit(
            source,
            edits,
            chosen_recipe(recipe, **choices),
            workers=workers,
            limit=limit,
            share=shard or jobs.WHOLE,
            progress=progress,
        )
    if as_json:
        print_json(summary.to_dict())
    else:
        print_table(
            [
                ("planned", f"{summary.planned:,}"),
                ("edits made", f"{summary.made:,}"),
                ("edits re-used", f"{summary.reused:,}"),
                ("photos that could not be used", f"{len(summary.failed_photos):,}"),
                ("time", duration(summary.seconds)),
            ]
        )
        show_left_out(summary.failed_photos, "could not be used")
        show_left_out(summary.ignored, "not used")
        click.echo(f"Edits  {summary.edits}")
    if strict and summary.failed_photos:
        sys.exit(SOME_FAILED)
