"""The comparison: every arm trained on the same budget with the same seeds, judged and compared."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch

from genmix import __version__
from genmix.errors import ExperimentError
from genmix.experiments.arms import BASELINE, Arm, parse_arms, same_edits
from genmix.experiments.bench import Bench, CompareSettings
from genmix.experiments.findings import Comparison, Run, Shots, in_order
from genmix.experiments.parallel import run_side_by_side
from genmix.experiments.running import FINISHED, TRAINING, Planned, Runner, Status
from genmix.experiments.runs import ExperimentFolder, Task
from genmix.experiments.sets import make_set
from genmix.experiments.timing import TimeLeft
from genmix.experiments.words import shots_text
from genmix.jobs.augment import default_edits
from genmix.jobs.folder import keep_apart
from genmix.recipe import Recipe
from genmix.storage import write_whole

__all__ = ["CompareSettings", "Status", "compare", "count_without_model"]


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
    jobs: int = 1,
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
        jobs: Runs to train at a time, each in a process of its own with its share of the
            processors, and one of the GPUs in turn. With more than one, a script needs
            `if __name__ == "__main__":` around what it runs.
        keep_models: Keep the weights of every run that is done now; else only what was measured is
            kept.
        progress: Told how far it is.

    Returns:
        What was found; also in `out`, as comparison.json and comparison.csv.

    Raises:
        GenmixError: A subclass that says what is wrong, where, and what to do.
        KeyboardInterrupt: After Ctrl-C; runs under way have written down where they are.
    """
    if jobs < 1:
        raise ExperimentError(f"jobs is {jobs}: give 1 or more")
    chosen = [arm.fitted(settings.train.size, settings.fit) for arm in _arms(arms)]
    numbers = tuple(range(seeds)) if isinstance(seeds, int) else tuple(sorted(set(seeds)))
    if not numbers:
        raise ExperimentError("there are no seeds: give one or more")
    for photos in filter(None, [settings.data, settings.val, *settings.targets.values()]):
        keep_apart(photos, out)
    bench = Bench(settings)
    tasks = [
        Task(arm, size, seed) for size in in_order(shots) for seed in numbers for arm in chosen
    ]
    sizes = tuple(bench.size_of(size) for size in in_order(shots))
    folder = ExperimentFolder(Path(out))
    folder.check(bench.identity(), chosen)
    if any(folder.read(task) is None for task in tasks):
        bench.rehearse(chosen)
    with folder.opened(bench.identity(), chosen):
        work = _Work(bench, folder, edits or default_edits(), keep_models)
        results = _run_all(tasks, work, workers, min(jobs, len(tasks)), progress)
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
            about=_about(bench, chosen, results),
        )
        write_json(folder.path / "comparison.json", found.to_dict())
        write_whole(folder.path / "comparison.csv", found.to_csv().encode())
    return found


def count_without_model(found: Comparison, out: str | Path) -> int:
    """Count the runs of a comparison whose weights were not kept, as nobody had asked then."""
    folder = ExperimentFolder(Path(out))
    tasks = (Task(Arm(run.arm), run.shots, run.seed) for run in found.runs)
    return sum(not folder.has_model(task) for task in tasks)


def command() -> list[str]:
    """Return the command line that runs now; `python -m genmix` reads as `genmix`."""
    program = Path(sys.argv[0]).name
    return ["genmix" if program == "__main__.py" else program, *sys.argv[1:]]


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write plain values so that people can read them too."""
    write_whole(path, json.dumps(values, ensure_ascii=False, indent=1).encode())


@dataclass(frozen=True)
class _Work:
    """What all runs need, wherever they are done."""

    bench: Bench
    folder: ExperimentFolder
    edits: Path
    keep_models: bool


def _run_all(
    tasks: Sequence[Task],
    work: _Work,
    workers: int,
    jobs: int,
    progress: Callable[[Status], None],
) -> list[dict[str, Any]]:
    """Do the runs that are not done yet, and return the results of all."""
    todo = _planned(tasks, work.folder)
    watch = _Watch(len(tasks), todo, jobs, progress)
    _make_edits(todo, work, workers, watch)
    if jobs == 1:
        runner = Runner(work.bench, work.folder, work.edits, keep_models=work.keep_models)
        for planned in todo:
            runner.run(planned, watch)
    elif todo:
        settings = work.bench.settings
        opens = partial(
            Runner.open, settings, work.folder, work.edits, keep_models=work.keep_models
        )
        run_side_by_side(opens, todo, jobs, watch)
    return [result for task in tasks if (result := work.folder.read(task)) is not None]


class _Watch:
    """Tells how far the runs are, with what only the whole comparison knows."""

    def __init__(
        self, runs: int, todo: Sequence[Planned], jobs: int, tell: Callable[[Status], None]
    ) -> None:
        self._done = runs - len(todo)
        self._left = TimeLeft({one.status.run: one.task.arm.name for one in todo}, jobs)
        self._tell = tell

    def __call__(self, status: Status) -> None:
        """Pass on how far a run is."""
        now = time.monotonic()
        self._left.note(status, now)
        self._done += status.stage == FINISHED
        self._tell(replace(status, done=self._done, seconds_left=self._left.seconds(now)))


def _planned(tasks: Sequence[Task], folder: ExperimentFolder) -> list[Planned]:
    """List the runs that are still to do."""
    left = [task for task in tasks if folder.read(task) is None]
    first = len(tasks) - len(left) + 1
    return [
        Planned(task, Status(number, len(tasks), _name(task), TRAINING))
        for number, task in enumerate(left, first)
    ]


def _make_edits(
    todo: Iterable[Planned], work: _Work, workers: int, tell: Callable[[Status], None]
) -> None:
    """Make the edits that runs compose, once for all that share them."""
    needed: dict[Path, tuple[Recipe, Status]] = {}
    for planned in todo:
        if (recipe := planned.task.arm.recipe) is not None:
            needed.setdefault(work.folder.set_of(recipe), (same_edits(recipe), planned.status))
    for made, (recipe, status) in needed.items():

        def on_edits(done: int, total: int, status: Status = status) -> None:
            tell(replace(status, stage="edits", step=done, steps=total))

        data = work.bench.settings.data
        make_set(data, made, recipe, work.edits, workers=workers, progress=on_edits)


def _arms(arms: str | Sequence[Arm]) -> list[Arm]:
    found = parse_arms(arms) if isinstance(arms, str) else list(arms)
    if not found:
        raise ExperimentError("there are no arms: give one or more")
    return found


def _name(task: Task) -> str:
    few = "" if task.shots is None else f", {shots_text(task.shots)}"
    return f"{task.arm.name}{few}, seed {task.seed}"


def _about(
    bench: Bench, arms: Sequence[Arm], results: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what somebody needs to repeat the comparison."""
    # What earlier versions ran does not say.
    threads = {number for result in results for number in result.get("threads", ["unknown"])}
    return {
        "command": command(),
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
        "threads": sorted(threads, key=str),
    }
