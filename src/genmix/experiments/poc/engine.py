"""The proof of concept from start to end: measure, plan, three stages, one decision.

Everything that was decided on the way lies in the folder, so the same call goes on where it was.
"""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from pydantic import TypeAdapter

from genmix import __version__
from genmix.errors import ExperimentError
from genmix.experiments.arms import Arm
from genmix.experiments.bench import CompareSettings
from genmix.experiments.compare import command, write_json
from genmix.experiments.parallel import Crew, Does, Tell, side_by_side
from genmix.experiments.poc.bench import Planes, PocBench, open_runner, write_look
from genmix.experiments.poc.choosing import (
    Choice,
    default_arm,
    first_stage,
    recipe_of,
    second_stage,
    third_stage,
)
from genmix.experiments.poc.clock import Clock
from genmix.experiments.poc.costs import cost_of, priced
from genmix.experiments.poc.deciding import final_arm, judge_all, test_all, train_chosen
from genmix.experiments.poc.examples import write_examples
from genmix.experiments.poc.looking import candidates, edited, looks_for
from genmix.experiments.poc.measuring import measure
from genmix.experiments.poc.photos import Opened, open_all, prepare_all, target_pictures
from genmix.experiments.poc.plan import (
    BASELINE,
    FINAL,
    MIXING,
    PREPARING,
    PROMPTS,
    Machine,
    Plan,
    Task,
    make_plan,
)
from genmix.experiments.poc.records import read_record
from genmix.experiments.poc.result import Poc, Prepared, Stage, unfit_prompts
from genmix.experiments.poc.settings import PocSettings, Prices
from genmix.experiments.poc.testing import ATTACK, CORRUPTIONS, SEVERITY, Exam, Examiner
from genmix.experiments.poc.trials import Budget, Trials
from genmix.experiments.running import Planned, Status
from genmix.experiments.runs import ExperimentFolder
from genmix.jobs.augment import default_edits
from genmix.jobs.folder import WHOLE, OutputFolder, keep_apart
from genmix.jobs.plan import prompts_per_photo
from genmix.networks.models import create_model
from genmix.recipe import Recipe, load_recipe
from genmix.storage import remove, write_whole, writing
from genmix.training.attacks import Attack, check_attack
from genmix.training.corruptions import check_corruption

POC = "poc.json"
CLOCK = "clock.json"
RECIPE = "recipe.yaml"


@dataclass(frozen=True)
class Planning:
    """What is planned, told before anything is trained.

    Attributes:
        plan: The plan.
        machine: What was measured.
        task: What there is.
        spent_seconds: What earlier starts have spent; 0 in the first one.
    """

    plan: Plan
    machine: Machine
    task: Task
    spent_seconds: float = 0.0


def poc(
    settings: PocSettings,
    out: str | Path,
    *,
    jobs: int = 1,
    workers: int = 1,
    edits: Path | None = None,
    prices: Prices | None = None,
    planned: Callable[[Planning], None] = lambda _: None,
    progress: Tell = lambda _: None,
) -> Poc:
    """Find out whether genmix is worth it on somebody's photos, within a time given.

    The same call goes on where it was stopped, to the same numbers. The time that was spent stays
    spent.

    Args:
        settings: Photos, model, budget.
        out: The folder; made if missing.
        jobs: Trainings at a time, each in a process of its own. With more than one, a script needs
            `if __name__ == "__main__":` around what it runs.
        workers: Processes that make edits.
        edits: The folder of the edit cache; in the user's cache folder when left out.
        prices: For the reckoning; earlier ones stay when left out.
        planned: Told the plan before anything is trained.
        progress: Told how far it is.

    Returns:
        What was found; also in `out`, as poc.json, recipe.yaml and examples.

    Raises:
        GenmixError: A subclass that says what is wrong, where, and what to do.
        KeyboardInterrupt: After Ctrl-C; runs under way have written down where they are.
    """
    if jobs < 1:
        raise ExperimentError(f"jobs is {jobs}: give 1 or more")
    for photos in (settings.data, settings.test, *settings.targets.values()):
        if photos:
            keep_apart(photos, out)
    folder, identity = OutputFolder(Path(out)), settings.identity() | {"jobs": jobs}
    was_there = folder.path.exists()
    folder.check(identity)
    folder.open()
    with folder.locked(WHOLE), _unclaimed_left_as_it_was(folder, was_there):
        if (Path(out) / POC).exists():
            found = Poc.read(Path(out) / POC)
        else:
            work = _Work(settings, Path(out), jobs, workers, edits or default_edits(), progress)
            with work.clock.running():
                found = work.run(partial(folder.claim, identity), planned)
        if prices is not None:
            found = replace(found, cost=priced(found.cost, prices))
        write_json(Path(out) / POC, found.to_dict())
    return found


@contextmanager
def _unclaimed_left_as_it_was(folder: OutputFolder, was_there: bool) -> Iterator[None]:
    """Where it ends before there is a plan, leave no trace: other settings may have the folder."""
    try:
        yield
    except BaseException:
        if not folder.claimed:
            remove(folder.path / CLOCK)
            shutil.rmtree(folder.hidden, ignore_errors=True)
            if not was_there and not any(folder.path.iterdir()):
                folder.path.rmdir()
        raise


class _Work:
    """One proof of concept under way."""

    def __init__(
        self,
        settings: PocSettings,
        out: Path,
        jobs: int,
        workers: int,
        edits: Path,
        tell: Tell,
    ) -> None:
        self.settings = settings
        self.out = out
        self.jobs = jobs
        self.workers = workers
        self.edits = edits
        self.tell = tell
        self.clock = Clock(out / CLOCK)
        self.runs = ExperimentFolder(out / "experiment")
        self.plan = out / "plan.json"

    def run(self, claim: Callable[[], None], planned: Callable[[Planning], None]) -> Poc:
        """Do all of it; the folder is claimed when there is a plan."""
        self.clock.begin(PREPARING)
        opened = open_all(self.settings)
        preset = self.settings.recipe or (
            "domain-adaptation" if self.settings.targets else "classification"
        )
        recipe = load_recipe(preset).changed(size=self.settings.train.size, fit=self.settings.fit)
        looks = looks_for(recipe, target=bool(self.settings.targets))
        planning = self._plan(opened, recipe, [look.id for look in looks])
        claim()
        if not self.plan.exists():
            write_json(self.plan, asdict(planning))
        planned(planning)
        plan = planning.plan
        photos = prepare_all(self.out, self.settings, plan, opened, self._step("photos"))
        bench = self._bench(plan)
        self._write_looks(recipe, looks, bench)
        budget = Budget(
            plan, planning.machine, planning.task, self.clock, self.out / "dropped.json"
        )
        default = default_arm(recipe)
        opens = partial(open_runner, bench, self.out / "looks", self.runs, self.edits)
        identity = {"format": 1, **bench.train.model_dump(exclude={"workers"})}
        with self.runs.opened(identity, []):
            with self._crew(opens, self.jobs) as crew:
                trials = Trials(
                    self.runs,
                    self.out / "photos" / "train",
                    self.edits,
                    self.workers,
                    crew,
                    budget,
                    self.tell,
                )
                choice = self._choose(trials, default, bench, [look.id for look in looks])
                self.clock.begin(FINAL)
                chosen = final_arm(default, choice.arm)
                write_json(self.out / "chosen.json", chosen.identity() | {"arm": chosen.name})
                seeds = trials.finished([default], range(plan.shape.seeds))
                arms = train_chosen(trials, default, chosen, seeds)
            stage = self._test(trials, self._exam(plan, photos), arms)
            best = next(arm for arm in (*arms, default) if arm.name == stage.chosen)
            return self._result(planning, photos, preset, choice, stage, best, budget)

    def _bench(self, plan: Plan) -> CompareSettings:
        """Say what all trainings share."""
        return CompareSettings(
            data=str(self.out / "photos" / "train"),
            val=str(self.out / "photos" / "val"),
            train=self.settings.training(plan.steps),
            fit=self.settings.fit,
        )

    def _exam(self, plan: Plan, photos: Prepared) -> Exam:
        """Say what is tested on."""
        return Exam(
            self.out,
            self.settings.train.size,
            self.settings.fit,
            photos.classes,
            plan.robust_photos,
            photos.labelled,
        )

    def _plan(self, opened: Opened, recipe: Recipe, looks: Sequence[str]) -> Planning:
        """Read the plan, or measure this machine and make one."""
        if self.plan.exists():
            planning = read_record(self.plan, TypeAdapter(Planning).validate_python)
            return replace(planning, spent_seconds=self.clock.spent)
        self._rehearse(recipe, opened.classes)
        self.tell(Status(0, 0, "this machine", "measuring"))
        machine = measure(self.settings, opened, recipe, self.jobs, self.workers)
        task = Task(
            photos=len(opened.data.photos),
            classes=len(opened.classes),
            test=None if opened.test is None else len(opened.test.photos),
            targets=sum(len(source.photos) for source in opened.targets.values()),
            labelled=bool(opened.labelled),
            prompts=prompts_per_photo(recipe, recipe.chosen_prompts()),
            variants=recipe.variants,
            candidates=len(candidates(recipe, looks)),
            looks=len(looks),
            batch_size=self.settings.train.batch_size,
            weights=self.settings.train.weights,
            steps=self.settings.steps,
        )
        plan = make_plan(task, machine, self.settings.budget_seconds, self.clock.spent)
        return Planning(plan, machine, task)

    def _rehearse(self, recipe: Recipe, classes: Sequence[str]) -> None:
        """Find out now what would else be found missing later."""
        train = self.settings.train
        with torch.random.fork_rng(devices=[]):  # the last layer is drawn, and not used
            pretrained = train.weights != "scratch"
            create_model(train.model, classes, size=train.size, pretrained=pretrained)
        recipe.editor.open().check(recipe.chosen_prompts())
        check_attack(Attack.parse(ATTACK))
        check_corruption(CORRUPTIONS[0], SEVERITY)
        self.settings.training(self.settings.steps or 10**6)

    def _write_looks(self, recipe: Recipe, looks: Sequence[Any], bench: CompareSettings) -> None:
        """Edit the photos to choose by into the looks that nothing is trained on."""
        missing = [look for look in looks if not (self.out / "looks" / f"{look.id}.npy").exists()]
        if not missing:
            return
        val = PocBench(bench, self.out / "looks").val
        images = [np.ascontiguousarray(val[k][0].permute(1, 2, 0).numpy()) for k in range(len(val))]
        names = [photo.path for photo in val.photos]
        for done, look in enumerate(missing):
            self._step("looks")("looks", done, len(missing))
            changed = edited(recipe, images, names, look)
            with writing(self.out):
                write_look(self.out / "looks" / f"{look.id}.npy", changed)

    def _choose(
        self, trials: Trials, default: Arm, bench: CompareSettings, looks: Sequence[str]
    ) -> Choice:
        """Go through the three stages."""
        step = self._step("prompts")
        choice = Choice(
            trials=trials,
            default=default,
            arm=default,
            val=PocBench(bench, self.out / "looks").val,
            looks=tuple(looks),
            targets=self._targets,
            record=self.out / "looked.json",
            tell=lambda done, total: step("prompts", done, total),
        )
        self.clock.begin(BASELINE)
        first = first_stage(choice)
        choice.stages.append(first)
        if not first.learnt:
            return choice
        for name, stage in ((PROMPTS, second_stage), (MIXING, third_stage)):
            self.clock.begin(name)
            if (found := stage(choice)) is not None:
                choice.stages.append(replace(found, seconds=self.clock.seconds[name]))
        trials.forget_models(choosing=True)
        return choice

    def _test(self, trials: Trials, exam: Exam, arms: Sequence[Arm]) -> Stage:
        """Test everything once."""
        step = self._step("corruptions")
        exam.corrupt_all(lambda done, total: step("corruptions", done, total))
        opens = partial(Examiner, exam, self.runs)

        def crew(models: int) -> AbstractContextManager[Crew]:
            return self._crew(opens, min(self.jobs, models))

        return judge_all(trials, exam, test_all(trials, exam, arms, crew, self.tell))

    @contextmanager
    def _crew(self, opens: Callable[[], Does], processes: int) -> Iterator[Crew]:
        """Do runs here, one after the other, or side by side."""
        if self.jobs > 1:
            with side_by_side(opens, self.jobs, processes) as crew:
                yield crew
            return
        here: list[Does] = []

        def one_by_one(todo: Sequence[Planned], tell: Tell) -> None:
            if not here:
                here.append(opens())
            for planned in todo:
                here[0].run(planned, tell)

        yield one_by_one

    def _targets(self) -> dict[str, Planes]:
        return {name: target_pictures(self.out, name) for name in self.settings.targets}

    def _step(self, name: str) -> Callable[[str, int, int], None]:
        """Tell how far a part is that trains nothing."""
        return lambda _, done, total: self.tell(
            Status(0, 0, name, "preparing", done, max(1, total))
        )

    def _result(
        self,
        planning: Planning,
        photos: Prepared,
        preset: str,
        choice: Choice,
        final: Stage,
        best: Arm,
        budget: Budget,
    ) -> Poc:
        """Write down what goes on from here, and put everything together."""
        recipe = recipe_of(best)
        place = self.out / RECIPE
        write_whole(place, recipe.beside(place).to_yaml().encode())
        unfit = unfit_prompts(choice.stages)
        examples = write_examples(self.out, recipe, self.edits, unfit)
        choice.trials.forget_models(choosing=False)
        choice.trials.forget_sets()
        shutil.rmtree(self.runs.path / "work", ignore_errors=True)
        seconds = self.clock.seconds
        return Poc(
            command=tuple(command()),
            settings=self.settings.model_dump(mode="json", exclude={"train": {"steps"}}),
            versions={
                "genmix": __version__,
                "python": sys.version.split()[0],
                "torch": torch.__version__,
                "timm": timm.__version__,
            },
            machine=planning.machine,
            plan=planning.plan,
            dropped=tuple(budget.dropped),
            photos=photos,
            preset=preset,
            looks=choice.looks,
            stages=(*choice.stages, replace(final, seconds=seconds[FINAL])),
            recipe=recipe.model_dump(mode="json"),
            share=best.share,
            prompts=tuple(prompt.id for prompt in recipe.chosen_prompts()),
            examples=examples,
            cost=cost_of(seconds, planning.plan, planning.machine, photos, recipe),
        )
