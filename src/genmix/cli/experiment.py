"""What `genmix compare` and `genmix ablate` share: their options, and progress over many runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genmix.cli.console import duration, say, watched, workers_option
from genmix.cli.training_options import model_options, optimizer_options, settle

if TYPE_CHECKING:
    from genmix.experiments.compare import CompareSettings, Status
    from genmix.images import Fit


def names_of(text: str) -> tuple[str, ...]:
    """Read names with commas between, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def experiment_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what every run of an experiment shares; `experiment_settings` reads it."""
    options: list[Callable[..., Any]] = [
        click.option(
            "-o", "--out", required=True, type=click.Path(), help="The folder of the runs."
        ),
        click.option("--val", metavar="DATA", help="Photos to test on  [default: a fifth of DATA]"),
        click.option(
            "--target",
            "targets",
            metavar="DATA",
            multiple=True,
            help="Photos of another domain to test on; may be given again.",
        ),
        click.option(
            "--seeds",
            type=click.IntRange(min=1),
            metavar="N",
            default=5,
            show_default=True,
            help="Runs of each arm. Add more later in the same folder.",
        ),
        model_options,
        click.option(
            "--fit",
            type=click.Choice(["crop", "stretch", "pad"]),
            default="crop",
            show_default=True,
            help="How a photo becomes square.",
        ),
        click.option(
            "--steps",
            type=click.IntRange(min=1),
            metavar="N",
            default=500,
            show_default=True,
            help="Batches that every run trains on.",
        ),
        optimizer_options,
        click.option(
            "--attacks", metavar="NAME@E,…", default="", help="E.g. fgsm@4/255,pgd@4/255."
        ),
        click.option(
            "--corruptions", metavar="NAME,…|all", default="", help="Common corruptions to test on."
        ),
        click.option(
            "--limit",
            type=click.IntRange(min=1),
            metavar="N",
            help="Attack and corrupt so many photos only.",
        ),
        click.option("--edits", metavar="DIR", help="The edit cache  [default: the user's cache]"),
        workers_option,
        click.option(
            "--jobs",
            type=click.IntRange(min=1),
            metavar="N",
            default=1,
            show_default=True,
            help="Runs to train at a time, each with its share of the processors, or a GPU.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


_PROOF = (
    "torch",
    "torchvision",
    "timm",
    "accelerate",
    "torchmetrics",
    "scipy",
    "matplotlib",
    "matplotlib_fontja",
    "jinja2",
)
"""What the extra of that name brings, as it is imported."""


def need_proof(verb: str) -> None:
    """Make sure, before anything runs for hours, that all it needs is installed.

    Raises:
        MissingExtraError: If something is not.
    """
    from genmix.errors import MissingExtraError

    for package in _PROOF:
        try:
            import_module(package)
        except ModuleNotFoundError as error:
            if error.name != package:
                raise
            raise MissingExtraError(verb, "proof") from error


def experiment_settings(
    data: str,
    *,
    val: str | None,
    targets: tuple[str, ...],
    attacks: str,
    corruptions: str,
    limit: int | None,
    fit: "Fit",
    workers: int,
    jobs: int,
    **training: Any,
) -> "CompareSettings":
    """Read the options that all runs share.

    Raises:
        GenmixError: If they do not fit.
    """
    import torch

    from genmix.experiments.compare import CompareSettings
    from genmix.training.corruptions import CORRUPTIONS
    from genmix.training.settings import TrainSettings

    chosen = names_of(corruptions)
    settle(training)
    # Without a GPU, training itself uses all processors.
    training["workers"] = max(1, workers // jobs) if torch.cuda.is_available() else 0
    return CompareSettings(
        data=data,
        val=val,
        targets=by_folder(targets),
        train=TrainSettings.of(**training),
        fit=fit,
        attacks=names_of(attacks),
        corruptions=CORRUPTIONS if "all" in chosen else chosen,
        limit=limit,
    )


def by_folder(targets: tuple[str, ...]) -> dict[str, str]:
    """Name each domain by its folder."""
    named = {Path(target).resolve().name: target for target in targets}
    if len(named) < len(targets):
        raise click.BadParameter("two domains have the same name", param_hint="'--target'")
    return named


@contextmanager
def run_progress() -> "Iterator[Callable[[Status], None]]":
    """Show which runs are under way, their step, loss and accuracy, and the time left."""
    if not watched():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), expand=True) as bars:
        yield _Bars(bars)


class _Bars:
    """One bar for all runs, one for each that is under way."""

    def __init__(self, bars: Any) -> None:
        self._bars = bars
        self._runs = bars.add_task("runs", note="", total=None)
        self._jobs: dict[int, Any] = {}

    def __call__(self, status: "Status") -> None:
        self._bars.update(
            self._runs, completed=status.done, total=status.runs or None, note=_time_left(status)
        )
        if status.job not in self._jobs:
            self._jobs[status.job] = self._bars.add_task("", note="", total=None)
        self._bars.update(
            self._jobs[status.job],
            description=f"{status.name}: {status.stage}",
            completed=status.step,
            total=status.steps,
            note=_numbers(status),
        )


class _Lines:
    """A line when a run begins to train, to be judged, and ends; every half minute between."""

    _SECONDS = 30.0

    def __init__(self) -> None:
        self._said: dict[int, tuple[int, str, float]] = {}

    def __call__(self, status: "Status") -> None:
        stage, now = status.stage.partition(",")[0], time.monotonic()
        run, before, at = self._said.get(status.job, (0, "", 0.0))
        if (run, before) == (status.run, stage) and now - at < self._SECONDS:
            return
        self._said[status.job] = (status.run, stage, now)
        step = f" {status.step:,} of {status.steps:,}" if status.step and status.steps > 1 else ""
        which = f"run {status.run} of {status.runs}, " if status.runs else ""
        say(
            f"{which}{status.name}: {status.stage}{step}"
            f"{_numbers(status, ', ')}{_time_left(status, ', ')}"
        )


def _numbers(status: "Status", before: str = "") -> str:
    if status.loss is None or status.accuracy is None:
        return ""
    return f"{before}loss {status.loss:.3f}, accuracy {100 * status.accuracy:.0f} %"


def _time_left(status: "Status", before: str = "") -> str:
    if status.seconds_left is None and status.stage.startswith(("training", "judging")):
        return f"{before}measuring how long it takes"
    if not status.seconds_left:
        return ""
    return f"{before}about {duration(status.seconds_left)} left"
