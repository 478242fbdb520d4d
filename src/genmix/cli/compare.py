"""`genmix compare`: ways of training against each other, over seeds."""

from typing import Any

import click

from genmix.cli.console import print_json, say
from genmix.cli.experiment import (
    experiment_options,
    experiment_settings,
    need_proof,
    run_progress,
)


class _Shots(click.ParamType[tuple[int | None, ...]]):
    name = "shots"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int | None, ...]:
        parts = [part.strip() for part in str(value).split(",")]
        if not all(part == "all" or (part.isdecimal() and int(part) > 0) for part in parts):
            self.fail(f"{value!r}: give numbers from 1 on, or all, e.g. 5,10,all", param, ctx)
        return tuple(None if part == "all" else int(part) for part in parts)


@click.command(short_help="Compare ways of training over several seeds.")
@click.argument("data", type=click.Path())
@click.option(
    "--arms",
    metavar="ARM,ARM,…",
    default="baseline,mixup,cutmix,genmix",
    show_default=True,
    help="What to compare; parts are joined by +.",
)
@click.option(
    "--shots",
    type=_Shots(),
    metavar="N,N,…,all",
    default="all",
    show_default=True,
    help="Photos of each class to train on.",
)
@experiment_options
@click.option("--keep-models", is_flag=True, help="Keep the weights of runs done now.")
def compare(
    data: str,
    out: str,
    arms: str,
    seeds: int,
    shots: tuple[int | None, ...],
    edits: str | None,
    workers: int,
    jobs: int,
    keep_models: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Compare ways of training on the photos in DATA, over several seeds.

    Every arm gets the same steps, and with the same seed the same start and photos. An arm is
    baseline, a mixer (mixup, cutmix, pixmix, …), randaugment, trivialaugment, augmix, or
    genmix[:RECIPE][@SHARE]. Running the same command again goes on where it was stopped.

    \b
    genmix compare photos -o proof --arms baseline,mixup,genmix,genmix+cutmix
    genmix compare photos -o proof --target art --arms baseline,genmix:mine.yaml
    genmix compare photos -o scarce --arms baseline,genmix --shots 5,20,all
    """
    from pathlib import Path

    need_proof("genmix compare")
    from rich.console import Console

    from genmix.experiments.compare import compare as run
    from genmix.experiments.compare import count_without_model
    from genmix.reporting.figures import draw_comparison, draw_learning_curves, save
    from genmix.reporting.tables import print_comparison

    settings = experiment_settings(data, workers=workers, jobs=jobs, **options)
    with run_progress() as progress:
        found = run(
            settings,
            arms,
            out,
            seeds=seeds,
            shots=shots,
            edits=Path(edits) if edits else None,
            workers=workers,
            jobs=jobs,
            keep_models=keep_models,
            progress=progress,
        )
    if keep_models and (bare := count_without_model(found, out)):
        say(
            f"{bare:,} finished {'run has' if bare == 1 else 'runs have'} no weights kept, done "
            "without --keep-models before: train in a new folder to have them"
        )
    figures = [save(draw_comparison(found), Path(out) / "comparison")]
    if len(found.shots) > 1:
        figures.append(save(draw_learning_curves(found), Path(out) / "learning-curves"))
    if as_json:
        print_json(found.to_dict())
        return
    print_comparison(found, Console())
    click.echo(f"Every run  {Path(out) / 'comparison.csv'}, {Path(out) / 'comparison.json'}")
    click.echo(f"Look at    {', '.join(str(png) for png, _ in figures)}")
