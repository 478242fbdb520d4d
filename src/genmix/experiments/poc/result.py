"""What a proof of concept found: plain values that go to JSON and back."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from genmix.errors import ExperimentError
from genmix.experiments.poc.gains import Interval
from genmix.experiments.poc.plan import FINAL, Machine, Plan, Shape
from genmix.experiments.poc.rules import UNFIT, Reason, Verdict

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that was measured.

    Attributes:
        key: Its name, such as "choice", "val", "look mosaic", "clean", "target cartoon".
        kind: "choice", "val", "look", "clean", "corrupted", "attacked" or "target".
        photos: How many photos were judged.
    """

    key: str
    kind: str
    photos: int


@dataclass(frozen=True, slots=True)
class Row:
    """One way of training in a stage's table.

    Attributes:
        arm: Its name; for a prompt its id, for a setting of stage 3 its id.
        kind: "baseline", "mixer", "genmix", "prompt", "set" or "setting".
        scores: Of each metric, its mean with its interval; none where nothing was trained.
        gains: Of each metric, the gain over the baseline of the same seeds.
        change: Gain over the recipe as it was before, on the metric that decides; of candidates.
        measures: Of a prompt: "kept", "seen", "known", "diversity", "closeness".
        chosen: Whether it is part of what was chosen in the stage.
        reasons: Why a prompt was not trained with alone; one of the ready-made recipe may be chosen
            all the same, as part of it.
        seconds: What its trainings took, with judging.
    """

    arm: str
    kind: str
    scores: Mapping[str, Interval]
    gains: Mapping[str, Interval]
    change: Interval | None = None
    measures: Mapping[str, float] | None = None
    chosen: bool = False
    reasons: tuple[Reason, ...] = ()
    seconds: float = 0.0

    @property
    def unfit(self) -> Reason | None:
        """The reason for which the rules call a prompt out; None if they do not."""
        return next((reason for reason in self.reasons if reason.rule in UNFIT), None)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, and how it ended.

    Attributes:
        name: A name of `genmix.experiments.poc.plan.STAGES`.
        primary: Key of the metric that decides.
        metrics: What was measured, the primary one first.
        rows: What was tried.
        verdict: Of the stage.
        chosen: The arm that goes on.
        seconds: What it took.
        planned_seconds: What it was reckoned to take.
    """

    name: str
    primary: str
    metrics: tuple[Metric, ...]
    rows: tuple[Row, ...]
    verdict: Verdict
    chosen: str
    seconds: float
    planned_seconds: float

    @property
    def learnt(self) -> bool:
        """Whether its classifiers learnt anything."""
        return all(reason.rule != "not-learnt" for reason in self.verdict.reasons)

    def row(self, arm: str) -> Row:
        """Return the row of an arm."""
        return next(row for row in self.rows if row.arm == arm)


def unfit_prompts(stages: Iterable[Stage]) -> frozenset[str]:
    """Return the ids of the prompts that the rules call out."""
    return frozenset(row.arm for stage in stages for row in stage.rows if row.unfit)


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was left out because things took longer than was measured.

    Attributes:
        stage: In which stage it was seen.
        planned: How much was planned before.
        kept: How much was left to do.
        slowness: How many times as long as planned a training took.
    """

    stage: str
    planned: Shape
    kept: Shape
    slowness: float


@dataclass(frozen=True, slots=True)
class Example:
    """Pictures kept for the report, below the output folder.

    Attributes:
        label: The photo's class.
        prompt: Id of the prompt.
        original: The photo.
        edit: What the editor made of it.
        hybrid: Both joined.
        composite: With the fractal.
    """

    label: str
    prompt: str
    original: str
    edit: str
    hybrid: str
    composite: str


@dataclass(frozen=True, slots=True)
class Full:
    """What the whole data set would cost, once, with the chosen recipe on this machine.

    Attributes:
        photos: Labelled photos that there are.
        edits: Edits to make.
        edit_hours: Hours to make them, with all processors.
        train_hours: Hours to train one model that sees each photo so often as here.
        device: What trains: "cpu" or "cuda".
        gpu_hours: Hours of a GPU that this takes.
        money: What it costs; None without prices.
        diffusion_gpu_hours: Hours of a GPU if a diffusion model made the edits instead, at
            `DIFFUSION_SECONDS` each.
        diffusion_money: What those cost; None without a price.
    """

    photos: int
    edits: int
    edit_hours: float
    train_hours: float
    device: str
    gpu_hours: float
    money: float | None
    diffusion_gpu_hours: float
    diffusion_money: float | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What the proof of concept cost.

    Attributes:
        seconds: What each stage took, over all starts.
        budget_seconds: The time given.
        gpu_hours: Hours of a GPU.
        money: What it cost; None without prices.
        currency: Of all money.
        full: What the whole data set would cost.
        cpu_price: What an hour of this machine costs, if it was given.
        gpu_price: What an hour of a GPU costs, if it was given.
    """

    seconds: Mapping[str, float]
    budget_seconds: float
    gpu_hours: float
    money: float | None
    currency: str
    full: Full
    cpu_price: float | None = None
    gpu_price: float | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was read of the photos.

    Attributes:
        counts: Photos of each part, and pictures of each target.
        photos: Labelled photos that there are, before any was left out.
        copies: Photos that are copies of another one, which went to the same side.
        conflicting: Groups of copies that carry different labels.
        left_out: What was not used, with the reason.
        labelled: Names of the targets with labels.
        classes: Names of the classes.
        train_classes: Photos of each class that are trained on.
    """

    counts: Mapping[str, int]
    photos: int
    copies: int
    conflicting: int
    left_out: Mapping[str, str]
    labelled: tuple[str, ...]
    classes: tuple[str, ...]
    train_classes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Poc:
    """A proof of concept, all of it.

    Attributes:
        command: What was run.
        settings: What the user decided.
        versions: Of genmix and what it stands on.
        machine: What was measured before planning.
        plan: What was planned.
        dropped: What was left out for want of time.
        photos: What was read of the photos.
        preset: What it started from: a preset's name or a recipe file.
        looks: Ids of the prompts that were kept for judging.
        stages: Baseline, prompts, mixing, and the final judgement, in this order.
        recipe: The chosen recipe, as plain values.
        share: Share of training pictures that are composites.
        prompts: Ids of the chosen prompts.
        examples: Pictures made with it.
        cost: What it took, and what more would take.
    """

    command: tuple[str, ...]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    machine: Machine
    plan: Plan
    dropped: tuple[Dropped, ...]
    photos: Prepared
    preset: str
    looks: tuple[str, ...]
    stages: tuple[Stage, ...]
    recipe: Mapping[str, Any]
    share: float
    prompts: tuple[str, ...]
    examples: tuple[Example, ...]
    cost: Cost

    @property
    def final(self) -> Stage:
        """The final judgement; its verdict is the decision."""
        return self.stages[-1]

    def stage(self, name: str) -> Stage | None:
        """Return a stage; None if there was no time for it, or nothing learnt before it."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave.

        Raises:
            ExperimentError: If the values are not those of a proof of concept.
        """
        if not isinstance(values, Mapping):
            raise ExperimentError("it is a list or a number")
        if values.get("format") != FORMAT:
            raise ExperimentError(f"its format is {values.get('format')}: make it anew")
        given = {key: value for key, value in values.items() if key != "format"}
        try:
            found = TypeAdapter(cls).validate_python(given)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise ExperimentError(f"{place} is missing or wrong") from error
        if "train" not in found.settings:
            raise ExperimentError("settings.train is missing")
        if not found.stages or found.stages[-1].name != FINAL:
            raise ExperimentError("its last stage is not the decision")
        for stage in found.stages:
            if not stage.verdict.reasons:
                raise ExperimentError(f"the verdict of its stage '{stage.name}' has no reasons")
        if found.final.chosen not in {row.arm for row in found.final.rows}:
            raise ExperimentError(f"'{found.final.chosen}' was chosen, and is no arm of it")
        return found

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a `poc.json`.

        Raises:
            ExperimentError: If it is none.
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_bytes()))
        except (OSError, ValueError, ExperimentError) as error:
            raise ExperimentError(
                f"cannot read {path} as a proof of concept ({error}): give the poc.json that "
                "genmix wrote"
            ) from error
