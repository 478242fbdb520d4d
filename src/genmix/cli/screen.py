"""`genmix screen`: judge the cached edits of an output anew, to choose the limits."""

from typing import TYPE_CHECKING, Any

import click

from genmix.cli.console import print_table, progress_bar, say

if TYPE_CHECKING:
    from genmix.jobs.rescreen import Rescreened
    from genmix.recipe import Recipe

_LIMITS = {
    "blank": "min_contrast",
    "unchanged": "min_difference",
    "structure": "min_similarity",
    "similarity": "min_similarity",
    "density": "min_density",
    "duplicates": "min_difference",
}
_WITH_ENCODER = ("similarity", "density")


def _limit_options(command: Any) -> Any:
    for name in reversed(_LIMITS):
        command = click.option(
            f"--{name}-min", type=float, metavar="X", help=f"Turn {name} on, with this limit."
        )(command)
    return command


@click.command(short_help="Judge the edits of an output anew, or choose the limits.")
@click.argument("out", type=click.Path())
@click.option("--photos", "source", required=True, type=click.Path(), help="What OUT was made of.")
@click.option(
    "-o", "--report", type=click.Path(), help="The folder to write to  [default: OUT-screening]"
)
@click.option(
    "--recipe", metavar="NAME|FILE", help="Take the screens of this recipe, not those of OUT."
)
@click.option("--on", metavar="NAME,…", help="Turn these screens on: similarity, density, …")
@click.option("--off", metavar="NAME,…", help="Turn these off.")
@click.option("--encoder", metavar="NAME", help="Of similarity and density.")
@_limit_options
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Judge the edits of this many photos."
)
@click.option("--edits", metavar="DIR", help="The edit cache  [default: the user's cache]")
def screen(
    out: str,
    source: str,
    report: str | None,
    recipe: str | None,
    limit: int | None,
    edits: str | None,
    **choices: Any,
) -> None:
    """Judge the cached edits of OUT anew with other screens or limits; nothing is edited.

    OUT is a folder that genmix augment made, or is still making. Written are a figure of the scores
    with the limits, a sheet of the pictures nearest to each limit on both sides, a table, and a
    recipe with the new screens. OUT stays as it is: make a new set with that recipe, and the cached
    edits are used.

    \b
    genmix screen out --photos pics --on density --encoder efficientnet_lite0
    genmix screen out --photos pics --structure-min 0.3 --similarity-min 0.25
    genmix screen out --photos pics --recipe mine.yaml
    """
    from pathlib import Path

    from genmix.jobs.folder import keep_apart
    from genmix.jobs.rescreen import rescreen
    from genmix.recipe import load_recipe

    folder = Path(report) if report else _beside(Path(out))
    keep_apart(source, folder, "report")
    _keep_out_of(Path(out), folder)
    used: list[Recipe] = []

    def change(made_by: "Recipe") -> "Recipe":
        screens = made_by.screens if recipe is None else load_recipe(recipe).screens
        chosen = made_by.changed(screens=screens.model_dump())
        used.append(chosen.changed(screens=_changes(chosen, **choices)))
        return used[0]

    with progress_bar() as progress:
        found = rescreen(
            out,
            source,
            change=change,
            edits=Path(edits) if edits else None,
            limit=limit,
            progress=progress,
        )
    _write(found, folder)
    _show(found)
    click.echo(f"Look at    {folder / 'scores.png'}")
    for name in found.sheets:
        click.echo(f"           {folder / f'nearest-{name}.png'}")
    _write_recipe(Path(out), folder, used[0], source)


def _beside(out: Any) -> Any:
    """Return the folder of a report that was given no place, also for `.` as the output."""
    place = out.resolve() if out.name in {"", ".."} else out
    return place.with_name(f"{place.name}-screening")


def _keep_out_of(out: Any, folder: Any) -> None:
    """Refuse a report among what was made: its recipe would take the place of the output's."""
    from genmix.errors import OutputError

    if folder.resolve().is_relative_to(out.resolve()):
        raise OutputError(
            f"the report {folder} lies inside the output {out}, which is to stay as it is: choose "
            "a folder beside it"
        )


def _changes(
    recipe: "Recipe", on: str | None, off: str | None, encoder: str | None, **limits: float | None
) -> dict[str, Any]:
    """Return what changes of the screens' settings."""
    from genmix.errors import RecipeError, nearest

    now = recipe.screens.model_dump()
    turned_on, turned_off = (names.split(",") if names else [] for names in (on, off))
    for name in (*turned_on, *turned_off):
        if name not in now:
            raise RecipeError(f"there is no screen '{name}'; {nearest(name, now)}")
    changes = {name: now[name] or {} for name in turned_on}
    for name, key in _LIMITS.items():
        if (limit := limits[f"{name}_min"]) is not None:
            changes[name] = {**(changes.get(name) or now[name] or {}), key: limit}
    if encoder is not None:
        for name in _WITH_ENCODER:
            if name in changes or now[name] is not None:
                changes[name] = {**(changes.get(name) or now[name] or {}), "encoder": encoder}
    return changes | dict.fromkeys(turned_off)


def _write(found: "Rescreened", folder: Any) -> None:
    import csv
    import io

    from genmix.errors import MissingExtraError
    from genmix.images import encode_png
    from genmix.jobs.rescreen import tabulate
    from genmix.storage import write_whole

    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError("the figure of genmix screen", "proof") from error
    from genmix.reporting.figures import save
    from genmix.reporting.screens import draw_scores

    true = {name: [one.scores[name] for one in found.judged] for name in found.limits}
    save(draw_scores(true, found.shuffled, found.limits), folder / "scores")
    for name, sheet in found.sheets.items():
        write_whole(folder / f"nearest-{name}.png", encode_png(sheet))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["by", "name", "kept", *(f"rejected by {name}" for name in found.limits)])
    for by, title in (("label", "class"), ("prompt", "prompt")):
        for name, kept, causes in tabulate(found.judged, by):
            table.writerow([title, name, kept, *(causes.get(s, 0) for s in found.limits)])
    write_whole(folder / "screening.csv", text.getvalue().encode())


def _show(found: "Rescreened") -> None:
    from genmix.jobs.rescreen import tabulate

    rows: list[tuple[str, str]] = []
    for by in ("label", "prompt"):
        for name, kept, causes in tabulate(found.judged, by):
            lost = "".join(f", {n:,} by {screen}" for screen, n in causes.items())
            of = kept + sum(causes.values())
            rows.append((f"{'class' if by == 'label' else by} {name}", f"{kept:,} of {of:,}{lost}"))
    print_table([("kept", ""), *rows])
    if found.missing:
        say(f"{found.missing:,} edits are no longer in the cache and were not judged")


def _write_recipe(out: Any, folder: Any, used: "Recipe", source: str) -> None:
    """Write a recipe with the new screens, where the output has one already."""
    from genmix.jobs.finish import RECIPE
    from genmix.recipe import load_recipe
    from genmix.storage import write_whole

    if not (out / RECIPE).exists():
        say(f"{out} is not finished: put the limits into your recipe under screens:")
        return
    recipe = load_recipe(out / RECIPE).changed(screens=used.screens.model_dump())
    write_whole(folder / RECIPE, recipe.beside(folder / RECIPE).to_yaml().encode())
    click.echo("To use these screens (no edit is made again):")
    click.echo(f"           genmix augment {source} -o NEW-FOLDER --recipe {folder / RECIPE}")
