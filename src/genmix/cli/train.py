"""`genmix train`: a classifier from labelled photos, from what genmix made of them, or both."""

import os
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from genmix.cli.console import duration, print_json, print_table, progress_bar, say, seed_option
from genmix.cli.training_options import model_options, optimizer_options, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from genmix.cli.console import Show
    from genmix.images import Fit
    from genmix.training.data import Joined, Photos, TrainingData
    from genmix.training.loop import Moment, Trained
    from genmix.training.settings import TrainSettings

_HELD_OUT = 0.2
_MOST_WORKERS = 8
_SHOWN = 10
_RECENT = 20
"""Steps over which the loss and the accuracy that are shown are averaged."""


@click.command()
@click.argument("data", type=click.Path(), metavar="DATA...", nargs=-1, required=True)
@click.option("-o", "--out", required=True, type=click.Path(), help="The folder of the model.")
@click.option(
    "--val", type=click.Path(), metavar="DATA", help="Photos to test on  [default: a fifth of DATA]"
)
@click.option(
    "--genmix",
    "edited",
    type=click.Path(),
    metavar="OUT",
    help="What genmix augment made of DATA: compose anew whenever a photo is read.",
)
@click.option(
    "--composites",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    default=0.6,
    show_default=True,
    help="With --genmix: how many of the photos read are composed.",
)
@click.option("--edits", metavar="DIR", help="The edit cache  [default: the user's cache]")
@click.option(
    "--shots", type=click.IntRange(min=1), metavar="N", help="Train on N photos of each class."
)
@model_options
@click.option(
    "--fit",
    type=click.Choice(["crop", "stretch", "pad"]),
    help="How a photo becomes square; with --genmix as in OUT  [default: as in genmix's output; "
    "else crop]",
)
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="[default: 10]")
@click.option(
    "--steps", type=click.IntRange(min=1), metavar="N", help="Batches, instead of --epochs."
)
@optimizer_options
@click.option(
    "--mixer", metavar="NAME+…", help="E.g. cutmix, mixup:alpha=0.4, mixup+cutout:size=0.3."
)
@click.option(
    "--transform",
    metavar="NAME",
    default="standard",
    show_default=True,
    help="none, standard (crop and flip), randaugment, trivialaugment, augmix.",
)
@click.option(
    "--loss",
    type=click.Choice(["cross_entropy", "kl_div", "bce"]),
    default="cross_entropy",
    show_default=True,
)
@seed_option
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    metavar="N",
    help="Processes that read photos. The result does not depend on it.  [default: 0, or on a GPU "
    "up to 8]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def train(
    data: tuple[str, ...],
    out: str,
    val: str | None,
    edited: str | None,
    composites: float,
    edits: str | None,
    shots: int | None,
    fit: "Fit | None",
    epochs: int | None,
    steps: int | None,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Train a classifier on the labelled photos DATA.

    DATA is photos, or what genmix augment made of them, or both. Without --val a fifth of the
    photos is held out, and no picture of those is trained on. Running the same command again goes
    on where it was stopped.

    \b
    genmix train photos -o model --val test-photos
    genmix train photos -o model --genmix train-set --mixer cutmix
    genmix train photos train-set -o model --epochs 20 --weights linear-probe
    genmix train cifar -o model --model preact_resnet18 --epochs 100
    """
    if epochs is not None and steps is not None:
        raise click.UsageError("give --epochs or --steps, not both")
    if edited is None:
        _refuse_without_genmix("composites", "edits")
    from genmix.errors import MissingExtraError
    from genmix.jobs.folder import keep_apart

    try:
        from genmix.training.faults import check_photos
        from genmix.training.loop import train as run
        from genmix.training.settings import TrainSettings
    except ModuleNotFoundError as error:
        if str(error.name).startswith("genmix"):
            raise
        raise MissingExtraError("genmix train", "torch") from error
    for photos in filter(None, [*data, val, edited]):
        keep_apart(photos, out)
    chosen["workers"] = _workers(chosen["workers"])
    settle(chosen)
    pictures = _open(
        data, val, edited, composites, edits, shots, chosen["size"], fit, chosen["seed"]
    )
    steps = steps or ceil((epochs or 10) * len(pictures.train) / chosen["batch_size"])
    settings = TrainSettings.of(steps=steps, **chosen)
    if os.environ.get("RANK", "0") != "0":  # one of several processes, and not the first
        run(settings, pictures.train, pictures.val, out)
        return
    for line in pictures.notes:
        say(line)
    check_photos(pictures.val, settings.workers)
    with progress_bar() as progress:
        trained = run(settings, pictures.train, pictures.val, out, _shown(progress, steps))
    if as_json:
        print_json(_outcome(trained, settings, pictures, out))
    else:
        _show(trained, settings, pictures, out, val)


def _refuse_without_genmix(*options: str) -> None:
    """Refuse options that would be without effect."""
    for option in options:
        if click.get_current_context().get_parameter_source(option) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--{option} is for --genmix: give both")


def _workers(wished: int | None) -> int:
    """Read photos in this process, unless a GPU would have to wait for it."""
    import torch

    from genmix.processes import available_cpus

    if wished is not None:
        return wished
    return min(available_cpus(), _MOST_WORKERS) if torch.cuda.is_available() else 0


@dataclass(frozen=True)
class _Pictures:
    """What is trained and tested on, and what to say about it."""

    train: "TrainingData"
    val: "Photos | Joined"
    notes: tuple[str, ...]
    held_out: bool


def _open(
    data: "Sequence[str]",
    val: str | None,
    edited: str | None,
    composites: float,
    edits: str | None,
    shots: int | None,
    size: int,
    fit: "Fit | None",
    seed: int,
) -> _Pictures:
    """Open everything that was named, and hold photos out where none to test on were."""
    from genmix.errors import TrainingError
    from genmix.training.data import Composites, Joined, Photos, same_photos
    from genmix.training.faults import check_apart
    from genmix.training.subsets import few_shot, hold_out

    if edited is not None and len(data) > 1:
        raise TrainingError("--genmix composes the photos of one DATA: give one")
    if val is not None and any(same_photos(val, place) for place in data):
        raise TrainingError(
            f"{val} is trained on and cannot test the model too: leave --val out to hold photos out"
        )
    fit = fit or _fit_of([edited] if edited else data)
    parts = [Photos(place, size, fit=fit) for place in data]
    classes = sorted({name for part in parts for name in part.classes})
    if len(parts) > 1:
        parts = [Photos(place, size, classes, fit=fit) for place in data]
    photos: Photos | Joined = parts[0] if len(parts) == 1 else Joined(parts)
    notes = _left_out(parts)
    tested: Photos | Joined
    if val is not None:
        tested = Photos(val, size, classes, fit=fit)
        check_apart(parts, tested)
    else:
        photos, tested = hold_out(photos, _HELD_OUT, seed)
        notes.append(
            f"held out {len(tested):,} of the photos to test on (a fifth of each class, by --seed)"
        )
    if shots is not None:
        photos = few_shot(photos, shots, seed)
    if edited is None or not isinstance(photos, Photos):
        return _Pictures(photos, tested, tuple(notes), val is None)
    from genmix.mixing import GenMixDataset

    made = GenMixDataset(data[0], edited, probability=composites, edits=edits)
    return _Pictures(Composites(photos, made), tested, tuple(notes), val is None)


def _fit_of(places: "Sequence[str]") -> "Fit":
    """Say how genmix's output among the data made photos square; crop where there is none."""
    from genmix.datasets.layout import RECIPE
    from genmix.recipe import load_recipe
    from genmix.training.data import output_of

    for place in places:
        recipe = (output_of(place) or Path(place)) / RECIPE
        if recipe.is_file():
            return load_recipe(recipe).fit
    return "crop"


def _left_out(parts: "Sequence[Photos]") -> list[str]:
    """Name what lies among the photos and is not used."""
    ignored = [f"not used: {i.path}: {i.reason}" for part in parts for i in part.ignored]
    more = [f"… and {len(ignored) - _SHOWN:,} more"] if len(ignored) > _SHOWN else []
    return ignored[:_SHOWN] + more


def _shown(progress: "Show", steps: int) -> "Callable[[Moment], None]":
    """Make what shows each step: loss and accuracy of the last few, and the last validation."""
    recent: list[Moment] = []
    last = ""

    def show(moment: "Moment") -> None:
        nonlocal last
        recent[:] = [*recent[1 - _RECENT :], moment]
        if moment.val_accuracy is not None:
            last = f", val {moment.val_accuracy:.1%}"
        loss = fmean(one.loss for one in recent)
        accuracy = fmean(one.accuracy for one in recent)
        progress("training", moment.step, steps, f"loss {loss:.3f}, accuracy {accuracy:.1%}{last}")

    return show


def _outcome(
    trained: "Trained", settings: "TrainSettings", pictures: _Pictures, out: str
) -> dict[str, Any]:
    last = trained.history[-_RECENT:]
    return {
        "model": str(Path(out) / "model.safetensors"),
        "classes": list(trained.model.classes),
        "trained_on": len(pictures.train),
        "tested_on": len(pictures.val),
        "held_out": pictures.held_out,
        "steps": settings.steps,
        "loss": fmean(moment.loss for moment in last),
        "accuracy": fmean(moment.accuracy for moment in last),
        "val_accuracy": trained.history[-1].val_accuracy,
        "seconds": trained.seconds,
    }


def _show(
    trained: "Trained", settings: "TrainSettings", pictures: _Pictures, out: str, val: str | None
) -> None:
    outcome = _outcome(trained, settings, pictures, out)
    tested = "photos held out" if pictures.held_out else "photos of --val"
    epochs = settings.steps * settings.batch_size / len(pictures.train)
    print_table(
        [
            ("model", f"{settings.model}, {settings.weights}, {settings.size} pixels"),
            ("classes", f"{len(trained.model.classes):,}"),
            ("pictures trained on", f"{len(pictures.train):,}"),
            ("steps", f"{settings.steps:,} of {settings.batch_size} ({epochs:.1f} epochs)"),
            ("loss at the end", f"{outcome['loss']:.3f}"),
            ("accuracy on those, as trained on", f"{outcome['accuracy']:.1%}"),
            (f"accuracy on {len(pictures.val):,} {tested}", f"{outcome['val_accuracy']:.1%}"),
            ("time", duration(trained.seconds)),
        ]
    )
    click.echo(f"Model     {Path(out) / 'model.safetensors'}")
    click.echo(f"Curves    tensorboard --logdir {Path(out) / 'tensorboard'}")
    click.echo(f"Evaluate  genmix evaluate {out} {val or 'PHOTOS-THAT-ARE-NEW-TO-IT'}")
