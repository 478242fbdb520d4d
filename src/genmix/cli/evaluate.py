"""`genmix evaluate`: what a trained model scores, clean, attacked, corrupted, on other domains."""

import json
from typing import TYPE_CHECKING

import click

from genmix.cli.console import progress_bar, say, seed_option, workers_option

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from genmix.networks.models import Classifier
    from genmix.training.attacks import Attack
    from genmix.training.data import Photos


@click.command()
@click.argument("model", type=click.Path())
@click.argument("data", type=click.Path())
@click.option(
    "--domains", type=click.Path(), metavar="DIR", help="Other domains: a folder of each in it."
)
@click.option("--attacks", metavar="NAME@E,…", help="E.g. fgsm@4/255,pgd@4/255,pgd-20@8/255.")
@click.option("--autoattack", metavar="E", help="AutoAttack at this ε, e.g. 4/255; slow.")
@click.option("--corruptions", metavar="NAME,…|all", help="The common corruptions, e.g. fog,snow.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Attack and corrupt this many photos, of all classes.",
)
@click.option("-o", "--out", type=click.Path(), metavar="FILE", help="The whole report, as JSON.")
@click.option(
    "--predictions", type=click.Path(), metavar="FILE", help="Every prediction, as Parquet."
)
@seed_option
@workers_option
def evaluate(
    model: str,
    data: str,
    domains: str | None,
    attacks: str | None,
    autoattack: str | None,
    corruptions: str | None,
    limit: int | None,
    out: str | None,
    predictions: str | None,
    seed: int,
    workers: int,
) -> None:
    """Judge a trained MODEL on the labelled photos DATA.

    MODEL is what genmix train made. DATA has no classes that the model does not know. Accuracies
    stand with their 95 % interval.

    \b
    genmix evaluate run test-photos
    genmix evaluate run test-photos --attacks fgsm@4/255,pgd@4/255 --limit 300
    genmix evaluate run test-photos --corruptions all -o report.json
    genmix evaluate run photo-test --domains other-domains
    """
    from pathlib import Path

    from rich.console import Console

    from genmix.errors import MissingExtraError
    from genmix.jobs.folder import keep_apart
    from genmix.storage import check_file, write_whole

    try:
        from genmix.cli.scores import print_evaluation
        from genmix.training.checkpoint import load_checkpoint
        from genmix.training.data import Photos
        from genmix.training.evaluation import evaluate as judge
        from genmix.training.evaluation import predict
    except ModuleNotFoundError as error:
        if str(error.name).startswith("genmix"):
            raise
        raise MissingExtraError("genmix evaluate", "torch") from error
    if out and predictions and Path(out).resolve() == Path(predictions).resolve():
        raise click.UsageError("--out and --predictions name one file: give two")
    wished = _read_attacks(attacks, autoattack)
    names = _read_corruptions(corruptions)
    classifier = load_checkpoint(model)
    photos = Photos(data, classifier.size, classifier.classes, fit=classifier.fit)
    others = _open_domains(Path(domains), classifier) if domains else {}
    _say_what_is_not_used({data: photos, **others})
    for file in filter(None, [out, predictions]):
        keep_apart(data, file)
        check_file(Path(file))
    helpers = workers if workers > 1 else 0
    with progress_bar() as progress:
        clean = predict(classifier, photos, workers=helpers, progress=progress)
        if predictions:
            write_whole(Path(predictions), _as_parquet(photos, *clean))
        found = judge(
            classifier,
            photos,
            attacks=wished,
            corruptions=names,
            domains=others,
            limit=limit,
            seed=seed,
            clean=clean,
            workers=helpers,
            progress=progress,
        )
    if out:
        about = {"model": model, "data": data, "limit": limit, "seed": seed}
        report = json.dumps({**about, **found.to_dict()}, ensure_ascii=False, indent=1)
        write_whole(Path(out), report.encode())
    print_evaluation(found, Console())
    for name, path in (("The whole report", out), ("Every prediction", predictions)):
        if path:
            click.echo(f"{name}  {path}")


def _read_attacks(attacks: str | None, autoattack: str | None) -> "list[Attack]":
    """Read `--attacks` and `--autoattack`."""
    from genmix.errors import TrainingError
    from genmix.training.attacks import Attack, check_attack

    written = [("--attacks", name) for name in (attacks.split(",") if attacks else ())]
    if autoattack:
        written.append(("--autoattack", f"autoattack@{autoattack}"))
    found = []
    for option, name in written:
        try:
            found.append(Attack.parse(name))
        except TrainingError as error:
            raise click.BadParameter(str(error), param_hint=f"'{option}'") from error
        check_attack(found[-1])
    return list(dict.fromkeys(found))


def _read_corruptions(names: str | None) -> tuple[str, ...]:
    """Read `--corruptions`: names with commas between, or all."""
    from genmix.errors import TrainingError
    from genmix.training.corruptions import CORRUPTIONS, check_corruption

    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(","))) if names else ()
    if "all" in chosen:
        chosen = CORRUPTIONS
    for name in chosen:
        try:
            check_corruption(name, 1)
        except TrainingError as error:
            raise click.BadParameter(str(error), param_hint="'--corruptions'") from error
    return chosen


def _open_domains(folder: "Path", classifier: "Classifier") -> "dict[str, Photos]":
    """Open each folder in a folder as a domain."""
    from genmix.errors import TrainingError
    from genmix.training.data import Photos

    if not folder.is_dir():
        raise TrainingError(f"{folder} is no folder: give one that holds a folder for each domain")
    places = sorted(
        place for place in folder.iterdir() if place.is_dir() and not place.name.startswith(".")
    )
    if not places:
        raise TrainingError(f"{folder} is empty: put a folder of class folders for each domain in")
    return {
        place.name: Photos(place, classifier.size, classifier.classes, fit=classifier.fit)
        for place in places
    }


def _say_what_is_not_used(opened: "dict[str, Photos]") -> None:
    for place, photos in opened.items():
        if photos.ignored:
            first = photos.ignored[0]
            say(f"not used in {place}: {len(photos.ignored):,}, as {first.path}: {first.reason}")


def _as_parquet(photos: "Photos", probabilities: "Tensor", labels: "Tensor") -> bytes:
    """Write a row for each photo: its path, class, prediction, and all probabilities."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    confidence, predicted = probabilities.max(1)
    names = photos.classes
    table = pa.table(
        {
            "path": [photo.path for photo in photos.photos],
            "label": [names[number] for number in labels.tolist()],
            "predicted": [names[number] for number in predicted.tolist()],
            "confidence": confidence.numpy(),
            "probabilities": pa.array(list(probabilities.numpy())),
        },
        metadata={"classes": json.dumps(names, ensure_ascii=False)},
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())
