"""`genmix fractals`: draw fractals as files."""

import click

from genmix.cli.console import check_sheet, progress_bar, seed_option, workers_option


@click.command()
@click.option(
    "-n", "--count", type=click.IntRange(1, 100_000), metavar="N", required=True, help="How many."
)
@click.option("-o", "--out", required=True, type=click.Path(), help="The folder to write to.")
@click.option(
    "--size",
    type=click.IntRange(8, 4096),
    metavar="N",
    default=256,
    show_default=True,
    help="Side in pixels.",
)
@seed_option
@click.option("--families", metavar="NAME,…", help="Only these families  [default: all]")
@click.option("--sheet", metavar="FILE", help="Also draw the first 64 side by side (PNG).")
@workers_option
def fractals(
    count: int,
    out: str,
    size: int,
    seed: int,
    families: str | None,
    sheet: str | None,
    workers: int,
) -> None:
    """Draw fractals as PNG files.

    \b
    genmix fractals -n 64 -o fractals --sheet fractals.png
    genmix fractals -n 1000 -o fractals --size 512 --families julia,flame
    """
    from pathlib import Path

    from genmix.errors import RecipeError, nearest
    from genmix.fractals import FAMILIES, FractalBank
    from genmix.images import encode_png
    from genmix.sheets import SheetRow, draw_sheet
    from genmix.storage import write_whole, writing

    chosen = tuple(part.strip() for part in families.split(",")) if families else FAMILIES
    for family in chosen:
        if family not in FAMILIES:
            raise RecipeError(f"there is no fractal family '{family}'; {nearest(family, FAMILIES)}")
    with writing(Path(out)):  # better now than when all are drawn
        Path(out).mkdir(parents=True, exist_ok=True)
    if sheet is not None:
        check_sheet(sheet, "--sheet")
    with progress_bar() as progress:
        bank = FractalBank.open(
            count,
            size,
            seed,
            families=chosen,
            workers=workers,
            progress=lambda done, total: progress("fractals", done, total),
        )
    for k in range(count):
        write_whole(Path(out) / f"{bank.name(k).replace('/', '-')}.png", encode_png(bank[k]))
    click.echo(f"{count} fractals in {out}")
    if sheet is not None:
        rows = [
            SheetRow("", [bank[k] for k in range(start, min(start + _PER_ROW, count))])
            for start in range(0, min(count, _PER_ROW**2), _PER_ROW)
        ]
        write_whole(Path(sheet), encode_png(draw_sheet(rows)))
        click.echo(f"Look at  {sheet}")


_PER_ROW = 8
