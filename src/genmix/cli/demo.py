"""`genmix demo`: the whole job on photos that an installed package ships."""

from typing import TYPE_CHECKING

import click

from genmix.cli.console import progress_bar, workers_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option("-o", "--out", required=True, type=click.Path(), help="The folder to write to.")
@workers_option
def demo(out: str, workers: int) -> None:
    """Try it: make a training set of a few real photos.

    \b
    genmix demo -o demo-output
    """
    from pathlib import Path

    from genmix import jobs
    from genmix.datasets.samples import demo_photos
    from genmix.images import encode_png
    from genmix.recipe import load_recipe
    from genmix.storage import write_whole

    photos, made, steps = (Path(out) / name for name in ("photos", "training-set", "steps.png"))
    _refuse_others(Path(out), {photos.name, made.name, steps.name})
    demo_photos(photos)
    recipe = load_recipe("classification").changed(size=256)
    with progress_bar() as progress:
        summary = jobs.augment(photos, made, recipe, workers=workers, progress=progress)
        shown = sorted(photos.glob("*/*"))[:: max(1, len(list(photos.glob("*/*"))) // 2)][:2]
        sheet = jobs.preview(shown, recipe, progress=progress)
    write_whole(steps, encode_png(sheet))
    click.echo(f"{summary.tally.written} pictures from the photos in {photos}")
    click.echo()
    click.echo(f"The training set    {made / 'images'}  (a folder for each class)")
    click.echo(f"What was made       {made / 'contact-sheet.png'}")
    click.echo(f"How it was made     {steps}")
    click.echo(f"What it is made of  {made / 'README.md'}, {made / 'manifest.parquet'}")
    click.echo()
    click.echo("Your own photos:    genmix augment PHOTOS -o TRAIN --originals link")


def _refuse_others(out: "Path", own: set[str]) -> None:
    """Refuse a folder that holds anything but a demo, which can be gone on with."""
    from genmix.errors import OutputError
    from genmix.storage import writing

    with writing(out):
        strange = out.exists() and any(entry.name not in own for entry in out.iterdir())
    if strange:
        raise OutputError(f"{out} is not empty and is no demo: choose a new folder")
