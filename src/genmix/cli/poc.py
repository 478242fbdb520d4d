"""`genmix poc`: is it worth it on these photos? Three stages and a decision, in the time given."""

import re
from typing import TYPE_CHECKING, Any

import click

from genmix.cli.console import edits_option, print_json, say, seed_option, workers_option
from genmix.cli.experiment import need_proof, run_progress
from genmix.cli.training_options import model_options, optimizer_options, settle

if TYPE_CHECKING:
    from genmix.experiments.poc.engine import Planning
    from genmix.experiments.poc.saying import Language
    from genmix.experiments.poc.settings import PocSettings

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


class _Budget(click.ParamType[float]):
    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", str(value))
        if not parts or "".join(f"{number}{unit}" for number, unit in parts) != str(value):
            self.fail(f"{value!r} is no time: write it as 30m, 2h or 1h30m", param, ctx)
        seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
        if not seconds:
            self.fail(f"{value!r} is no time in which anything can be done", param, ctx)
        return seconds


@click.command(short_help="Find out in three stages whether genmix is worth it.")
@click.argument("data", type=click.Path())
@click.option("-o", "--out", required=True, type=click.Path(), help="The folder of the result.")
@click.option(
    "--budget",
    type=_Budget(),
    metavar="TIME",
    required=True,
    help="The time given, e.g. 30m or 2h.",
)
@click.option(
    "--target",
    "targets",
    metavar="DIR",
    multiple=True,
    help="Pictures of another domain, in class folders or without labels; may be given again.",
)
@click.option("--test", metavar="DATA", help="Photos to test on  [default: a quarter of DATA]")
@click.option(
    "--recipe",
    metavar="NAME|FILE",
    help="To start from  [default: domain-adaptation with --target, else classification]",
)
@click.option(
    "--lang",
    type=click.Choice(["en", "ja"]),
    default="en",
    show_default=True,
    help="Language of what people read.",
)
@model_options
@click.option(
    "--fit",
    type=click.Choice(["crop", "stretch", "pad"]),
    default="crop",
    show_default=True,
    help="How a photo becomes square.",
)
@click.option(
    "--steps", type=click.IntRange(min=1), metavar="N", help="Of every training  [default: planned]"
)
@optimizer_options
@seed_option
@click.option("--price-gpu-hour", type=click.FloatRange(min=0), metavar="X", help="Of one GPU.")
@click.option(
    "--price-cpu-hour", type=click.FloatRange(min=0), metavar="X", help="Of this machine."
)
@click.option("--currency", metavar="CODE", help="Of the prices  [default: USD]")
@edits_option
@workers_option
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Trainings at a time  [default: one a processor, or a GPU]",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def poc(
    data: str,
    out: str,
    lang: "Language",
    price_gpu_hour: float | None,
    price_cpu_hour: float | None,
    currency: str | None,
    edits: str | None,
    workers: int,
    jobs: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Find out whether genmix is worth it on the photos in DATA, within a time given.

    Stage 1 trains without augmentation, with mixup, with cutmix and with genmix as it comes; stage
    2 chooses prompts, stage 3 how they are mixed. Then the choice is tested once, on photos that
    chose nothing, and the answer is go, no-go or not enough evidence. Running the same command
    again goes on where it was; the time that was spent stays spent.

    \b
    genmix poc photos -o proof --budget 30m
    genmix poc photos -o proof --budget 2h --target drawings --lang ja
    """
    from pathlib import Path

    need_proof("genmix poc")
    from rich.console import Console

    from genmix.cli.poc_tables import plan_in_words, print_poc
    from genmix.experiments.poc.engine import poc as run
    from genmix.experiments.poc.settings import Prices
    from genmix.reporting.reports import report_of
    from genmix.storage import write_whole

    def planned(planning: "Planning") -> None:
        for line in plan_in_words(planning, lang):
            say(line)

    jobs = jobs or _jobs()
    prices = Prices(gpu_hour=price_gpu_hour, cpu_hour=price_cpu_hour, currency=currency)
    with run_progress() as progress:
        found = run(
            _settings(data, workers=workers // jobs, **options),
            out,
            jobs=jobs,
            workers=workers,
            edits=Path(edits) if edits else None,
            prices=prices,
            planned=planned,
            progress=progress,
        )
    report = "report.html" if lang == "en" else f"report.{lang}.html"
    write_whole(Path(out) / report, report_of(Path(out), lang).encode())
    if as_json:
        print_json(found.to_dict())
        return
    print_poc(found, Console(), lang)
    for name in ("poc.json", "recipe.yaml", report):
        click.echo(str(Path(out) / name))


def _settings(
    data: str,
    *,
    test: str | None,
    targets: tuple[str, ...],
    recipe: str | None,
    fit: str,
    steps: int | None,
    budget: float,
    seed: int,
    workers: int,
    **training: Any,
) -> "PocSettings":
    """Read the options that the result depends on.

    Raises:
        GenmixError: If they do not fit.
    """
    import torch

    from genmix.cli.experiment import by_folder
    from genmix.errors import ExperimentError
    from genmix.experiments.poc.settings import PocSettings
    from genmix.training.settings import TrainSettings
    from genmix.validation import validate

    settle(training)
    # Without a GPU, training itself uses all processors.
    training["workers"] = max(1, workers) if torch.cuda.is_available() else 0
    values = {
        "data": data,
        "test": test,
        "targets": by_folder(targets),
        "recipe": recipe,
        "train": TrainSettings.of(**training, steps=steps or 10**6),
        "steps": steps,
        "fit": fit,
        "budget_seconds": budget,
        "seed": seed,
    }
    return validate(values, PocSettings, ExperimentError, "the settings")


def _jobs() -> int:
    """Return how many trainings go on at a time, where the user does not say."""
    import torch

    from genmix.processes import available_cpus

    return torch.cuda.device_count() or available_cpus()
