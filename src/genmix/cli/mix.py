"""`genmix mix`: what the mixing methods do, on one sheet."""

from typing import TYPE_CHECKING, Any

import click

from genmix.cli.console import check_sheet, progress_bar, say, seed_option

if TYPE_CHECKING:
    from genmix.datasets.fetching import Picture

_MOST_PICTURES = 33
_MOST_COLUMNS = 24


class _Lambdas(click.ParamType[tuple[float, ...]]):
    name = "lambdas"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        try:
            lambdas = tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} are no numbers with commas between, e.g. 0,0.5,1", param, ctx)
        for lam in lambdas:
            if not 0 <= lam <= 1:
                self.fail(f"λ is {lam:g}: each must lie in [0, 1]", param, ctx)
        if len(lambdas) > _MOST_COLUMNS:
            self.fail(f"{len(lambdas)} are too many: give up to {_MOST_COLUMNS}", param, ctx)
        return lambdas


@click.command(short_help="Draw what mixing methods do to pictures and labels.")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option("-o", "--out", required=True, type=click.Path(), help="The sheet, a PNG file.")
@click.option(
    "--method",
    metavar="NAME,…|all",
    default="mixup",
    show_default=True,
    help="One method, several, or all.",
)
@click.option(
    "--lambdas",
    type=_Lambdas(),
    metavar="X,X,…",
    default="0,0.2,0.4,0.6,0.8,1",
    show_default=True,
    help="λ of each column.",
)
@click.option(
    "--size",
    type=click.IntRange(64, 1024),
    metavar="N",
    default=224,
    show_default=True,
    help="Side of the pictures in pixels.",
)
@seed_option
def mix(
    images: tuple[str, ...],
    out: str,
    method: str,
    lambdas: tuple[float, ...],
    size: int,
    seed: int,
) -> None:
    """Draw what mixing methods do to each IMAGE, with the label weights.

    An IMAGE is a file, a folder (its first pictures) or an http(s) address. One method is shown on
    each picture with the next; several or all on the first two. A picture that is alone is mixed
    with itself, turned upside down.

    \b
    genmix mix cat.jpg dog.jpg -o sheet.png
    genmix mix a.jpg b.jpg -o sheet.png --method mixup,cutmix --lambdas 0.3,0.7
    genmix mix https://example.com/cat.jpg photos -o sheet.png --method all
    """
    from pathlib import Path

    from genmix.errors import MissingExtraError
    from genmix.images import encode_png
    from genmix.storage import write_whole

    try:
        from genmix.mixing.picturing import LABEL_PRESERVING, METHODS, draw_methods
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError("genmix mix", "torch") from error
    methods = _chosen(method, METHODS)
    check_sheet(out, "--out", images)
    found = _read(images, size, most=_MOST_PICTURES if len(methods) == 1 else 2)
    if len(found) == _MOST_PICTURES:
        say(f"a sheet shows up to {_MOST_PICTURES} pictures")
    if len(found) == 1 and not LABEL_PRESERVING.keys() >= set(methods):
        say(f"there is one picture: {found[0].name} is mixed with itself, turned upside down")
    with progress_bar() as progress:
        sheet = draw_methods(found, methods, lambdas, seed=seed, progress=progress)
    write_whole(Path(out), encode_png(sheet))
    click.echo(f"Look at  {out}")


def _chosen(names: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Read `--method`: names with commas between, or all."""
    from genmix.errors import nearest

    chosen = tuple(dict.fromkeys(name.strip().lower() for name in names.split(",")))
    for name in chosen:
        if name in {*known, "all"}:
            continue
        hint = f"there is no method '{name}'; {nearest(name, [*known, 'all'])}"
        if name == "genmix":
            hint = "genmix needs edits: use genmix preview to see it"
        raise click.BadParameter(hint, param_hint="'--method'")
    return known if "all" in chosen else chosen


def _read(places: tuple[str, ...], size: int, most: int) -> "list[Picture]":
    """Read up to so many pictures as squares, and name those that fail."""
    from dataclasses import replace

    from genmix.datasets import Ignored
    from genmix.datasets.fetching import pictures
    from genmix.images import prepare

    found: list[Picture] = []
    for one in pictures(places):
        if isinstance(one, Ignored):
            say(f"warning: {one.path}: {one.reason}")
            continue
        found.append(replace(one, image=prepare(one.image, size, "crop")))
        if len(found) == most:
            break
    return found
