"""`genmix ablate`: what each part of a recipe does."""

from typing import Any

import click

from genmix.cli.console import print_json
from genmix.cli.experiment import (
    experiment_options,
    experiment_settings,
    names_of,
    need_proof,
    run_progress,
)


class _Pairs(click.ParamType[tuple[tuple[str, str], ...]]):
    name = "pairs"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[tuple[str, str], ...]:
        pairs = []
        for pair in names_of(str(value)):
            first, star, second = (part.strip() for part in pair.partition("*"))
            if not (first and star and second):
                self.fail(f"{pair!r} is no pair: write seam*fractal", param, ctx)
            pairs.append((first, second))
        return tuple(pairs)


@click.command(short_help="Find out what each part of a recipe does.")
@click.argument("data", type=click.Path())
@click.option(
    "--arm",
    metavar="ARM",
    default="genmix",
    show_default=True,
    help="What to take apart: genmix[:RECIPE][@SHARE], and what it is joined to by +.",
)
@click.option(
    "--factors",
    metavar="NAME,…",
    default="masks,seam,fractal,hybrid-share,screens,strength,composites",
    show_default=True,
    help="What to change, one at a time; also prompts.",
)
@click.option(
    "--pairs",
    type=_Pairs(),
    metavar="A*B,…",
    default="",
    help="What to change two at a time, e.g. hybrid-share*composites.",
)
@click.option(
    "--editors", metavar="NAME,…", default="", help="Other editors to try, as the factor editor."
)
@click.option(
    "--shots",
    type=click.IntRange(min=1),
    metavar="N",
    help="Photos of each class to train on  [default: all]",
)
@experiment_options
def ablate(
    data: str,
    out: str,
    arm: str,
    factors: str,
    pairs: tuple[tuple[str, str], ...],
    editors: str,
    shots: int | None,
    seeds: int,
    edits: str | None,
    workers: int,
    jobs: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Find out what each part of a recipe does, by changing one thing at a time.

    Every level of every factor is trained on the photos in DATA with the same seeds as the recipe
    as it is, and compared with it. Running the same command again goes on where it was stopped.

    \b
    genmix ablate photos -o parts --factors seam,fractal,masks --seeds 5
    genmix ablate photos -o parts --arm genmix:mine.yaml@0.8 --target drawings
    genmix ablate photos -o parts --factors prompts --pairs masks*composites
    """
    from pathlib import Path

    need_proof("genmix ablate")
    from rich.console import Console

    from genmix.experiments.ablate import ablate as run
    from genmix.experiments.arms import parse_arm
    from genmix.experiments.factors import EDITOR
    from genmix.reporting.figures import draw_factors, draw_pair, save
    from genmix.reporting.tables import print_ablation

    settings = experiment_settings(data, workers=workers, jobs=jobs, **options)
    others = names_of(editors)
    with run_progress() as progress:
        found = run(
            settings,
            parse_arm(arm),
            out,
            factors=names_of(factors) + ((EDITOR,) if others else ()),
            pairs=pairs,
            editors=others,
            seeds=seeds,
            shots=shots,
            edits=Path(edits) if edits else None,
            workers=workers,
            jobs=jobs,
            progress=progress,
        )
    figures = [save(draw_factors(found), Path(out) / "factors")] if found.factors else []
    for pair in found.pairs:
        name = f"pair-{pair.rows.name}-{pair.columns.name}"
        figures.append(save(draw_pair(found, pair), Path(out) / name))
    if as_json:
        print_json(found.to_dict())
        return
    print_ablation(found, Console())
    click.echo(f"Every run  {Path(out) / 'comparison.csv'}, {Path(out) / 'ablation.json'}")
    click.echo(f"Look at    {', '.join(str(png) for png, _ in figures)}")
