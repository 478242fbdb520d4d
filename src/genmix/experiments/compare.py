"""The comparison: every arm trained on the same budget with the same seeds, judged and compared."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import timm
import torch

from genmix import __version__
from genmix.errors import ExperimentError
from genmix.experiments.arms import BASELINE, Arm, parse_arms, same_edits
from genmix.experiments.bench import Bench, CompareSettings, scores_of
from genmix.experiments.findings import Comparison, Run, Shots, in_order
from genmix.experiments.runs import ExperimentFolder, Task
from genmix.experiments.words import shots_text
from genmix.jobs import augment
from genmix.jobs.augment import default_edits
from genmix.mixing import GenMixDataset
from genmix.recipe import Recipe
from genmix.storage import write_whole
from genmix.training.checkpoint import CARD, WEIGHTS
from genmix.training.loop import Moment

__all__ = ["CompareSettings", "Status", "compare"]


@dataclass(frozen=True, slots=True)
class Status:
    """How far a comparison is.

    Attributes:
        run: Which run is under way, counted from 1; finished ones of earlier times count.
        runs: How many there are.
        name: What the run is: arm, photos, seed.
        stage: "edits", "training", or "judging" and on what.
        step: Of the stage.
        steps: Steps of the stage.
        loss: Of the last batch in training.
        accuracy: Of the last batch in training, in [0, 1].
        seconds_left: For all runs, reckoned from those of this time; None before the first ended.
    """

    run: int
    runs: int
    name: str
    stage: str
    step: int = 0
    steps: int = 1
    loss: float | None = None
    accuracy: float | None = None
    seconds_left: float | None = None


def compare(
    settings: CompareSettings,
    arms: str | Sequence[Arm],
    out: str | Path,
    *,
    seeds: int | Sequence[int] = 5,
    shots: Iterable[Shots] = (None,),
    reference: str = BASELINE,
    edits: Path | None = None,
    workers: int = 1,
    keep_models: bool = False,
    progress: Callable[[Status], None] = lambda _: None,
) -> Comparison:
    """Compare ways of training.

    Runs that `out` holds already are not done again, so the same call goes on where it was
    stopped, and arms, seeds and sizes may be added later.

    Args:
        settings: What all arms share.
        arms: As `parse_arms` takes them, or arms.
        out: The folder of the comparison; made if missing.
        seeds: How many, from 0 on, or which. A seed is the start of the model, the order of the
            photos and, with `shots`, which photos: the same for every arm.
        shots: Sizes of the training set, in photos of each class; None is all of them.
        reference: The arm that the others are compared with; the first one, if it is not there.
        edits: The folder of the edit cache; in the user's cache folder when left out.
        workers: Processes that make edits.
        keep_models: Keep the weights of every run; else only what was measured is kept.
        progress: Told how far it is.

    Returns:
        What was found; also in `out`, as comparison.json and comparison.csv.

    Raises:
        GenmixError: A subclass that says what is wrong, where, and what to do.
    """
    chosen = [arm.fitted(settings.train.size, settings.fit) for arm in _arms(arms)]
    numbers = tuple(range(seeds)) if isinstance(seeds, int) else tuple(sorted(set(seeds)))
    if not numbers:
        raise ExperimentError("there are no seeds: give one or more")
    bench = Bench(settings)
    tasks = [
        Task(arm, size, seed) for size in in_order(shots) for seed in numbers for arm in chosen
    ]
    sizes = tuple(bench.size_of(size) for size in in_order(shots))
    folder = ExperimentFolder(Path(out))
    if any(folder.read(task) is None for task in tasks):
        bench.rehearse(chosen)
    with folder.opened(bench.identity(), chosen):
        runner = _Runner(bench, folder, edits or default_edits(), workers, keep_models, progress)
        results = runner.run_all(tasks)
        names = tuple(arm.name for arm in chosen)
        found = Comparison(
            arms=names,
            reference=reference if reference in names else names[0],
            shots=in_order(shots),
            seeds=numbers,
            metrics=bench.metrics,
            runs=tuple(
                Run(task.arm.name, task.shots, task.seed, result["scores"], result["seconds"])
                for task, result in zip(tasks, results, strict=True)
            ),
            sizes=sizes,
            about=_about(bench, chosen),
        )
        write_json(folder.path / "comparison.json", found.to_dict())
        write_whole(folder.path / "comparison.csv", found.to_csv().encode())
    return found


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write plain values so that people can read them too."""
    write_whole(path, json.dumps(values, ensure_ascii=False, indent=1).encode())


class _Runner:
    """Does the runs that are not done yet, one after the other."""

    def __init__(
        self,
        bench: Bench,
        folder: ExperimentFolder,
        edits: Path,
        workers: int,
        keep_models: bool,
        progress: Callable[[Status], None],
    ) -> None:
        self._bench = bench
        self._folder = folder
        self._edits = edits
        self._workers = workers
        self._keep_models = keep_models
        self._progress = progress
        self._made: dict[str, GenMixDataset] = {}

    def run_all(self, tasks: Sequence[Task]) -> list[dict[str, Any]]:
        """Return the result of each task, training what is missing."""
        results = [self._folder.read(task) for task in tasks]
        left = sum(result is None for result in results)
        done = len(tasks) - left
        began = time.monotonic()
        for k, task in enumerate(tasks):
            if results[k] is not None:
                continue
            here = done - (len(tasks) - left)
            seconds = (time.monotonic() - began) / here * (len(tasks) - done) if here else None
            status = Status(done + 1, len(tasks), _name(task), "training", seconds_left=seconds)
            results[k] = self._run(task, status)
            done += 1
        return [result for result in results if result is not None]

    def _run(self, task: Task, status: Status) -> dict[str, Any]:
        edits = None if task.arm.recipe is None else self._open_edits(task.arm, status)
        steps = self._bench.settings.train.steps

        def on_step(moment: Moment) -> None:
            loss, accuracy = moment.loss, moment.accuracy
            at = replace(status, step=moment.step, steps=steps, loss=loss, accuracy=accuracy)
            self._progress(at)

        work = self._folder.work(task)
        trained = self._bench.fit_model(task, work, edits, on_step)
        began = time.monotonic()

        def on_judged(what: str, done: int, total: int) -> None:
            self._progress(replace(status, stage=f"judging, {what}", step=done, steps=total))

        judged = self._bench.judge(trained.model, on_judged)
        result = {
            "name": task.arm.name,
            "arm": task.arm.identity(),
            "shots": task.shots,
            "seed": task.seed,
            "scores": scores_of(judged),
            "seconds": trained.seconds + time.monotonic() - began,
            "loss of the last step": trained.history[-1].loss,
            "evaluation": judged.to_dict(),
        }
        self._folder.finish(
            task, result, [work / CARD, work / WEIGHTS] if self._keep_models else []
        )
        return result

    def _open_edits(self, arm: Arm, status: Status) -> GenMixDataset:
        """Make the edits that an arm composes, once for all arms that share them."""

        def on_edits(stage: str, done: int, total: int) -> None:
            if stage == "pictures":
                self._progress(replace(status, stage="edits", step=done, steps=total))

        if arm.name not in self._made and arm.recipe is not None:
            made = self._folder.sets / _digest(same_edits(arm.recipe))
            augment(
                self._bench.settings.data,
                made,
                same_edits(arm.recipe),
                workers=self._workers,
                edits=self._edits,
                progress=on_edits,
            )
            self._made[arm.name] = GenMixDataset(
                self._bench.settings.data,
                made,
                recipe=arm.recipe,
                probability=arm.share,
                edits=self._edits,
            )
        return self._made[arm.name]


def _arms(arms: str | Sequence[Arm]) -> list[Arm]:
    found = parse_arms(arms) if isinstance(arms, str) else list(arms)
    if not found:
        raise ExperimentError("there are no arms: give one or more")
    return found


def _name(task: Task) -> str:
    few = "" if task.shots is None else f", {shots_text(task.shots)}"
    return f"{task.arm.name}{few}, seed {task.seed}"


def _digest(recipe: Recipe) -> str:
    return blake2b(recipe.to_yaml().encode(), digest_size=6).hexdigest()


def _about(bench: Bench, arms: Sequence[Arm]) -> dict[str, Any]:
    """Return what somebody needs to repeat the comparison."""
    return {
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "settings": bench.settings.model_dump(mode="json"),
        "arms": {arm.name: arm.identity() for arm in arms},
        "photos": {
            "train": len(bench.train),
            "val": len(bench.val),
            **{f"target {name}": len(photos) for name, photos in bench.targets.items()},
        },
        "classes": list(bench.train.classes),
        "versions": {
            "genmix": __version__,
            "python": sys.version.split()[0],
            "torch": torch.__version__,
            "timm": timm.__version__,
        },
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }
