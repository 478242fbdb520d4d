"""The ablation: a recipe with one thing changed at a time, run and judged as a comparison is."""

from collections.abc import Callable, Sequence
from pathlib import Path

from genmix.experiments.arms import Arm
from genmix.experiments.bench import CompareSettings
from genmix.experiments.compare import Status, compare, write_json
from genmix.experiments.effects import Ablation
from genmix.experiments.factors import FACTORS, REFERENCE, plan_ablation
from genmix.experiments.findings import Shots

__all__ = ["FACTORS", "ablate"]


def ablate(
    settings: CompareSettings,
    base: Arm,
    out: str | Path,
    *,
    factors: Sequence[str] = tuple(FACTORS),
    pairs: Sequence[tuple[str, str]] = (),
    editors: Sequence[str] = (),
    seeds: int | Sequence[int] = 5,
    shots: Shots = None,
    edits: Path | None = None,
    workers: int = 1,
    jobs: int = 1,
    progress: Callable[[Status], None] = lambda _: None,
) -> Ablation:
    """Find out what each part of a recipe does.

    Running it again goes on where it was stopped; factors, pairs and seeds may be added later.

    Args:
        settings: What all runs share.
        base: The recipe as it is, and what else is done to the pictures.
        out: The folder; made if missing.
        factors: Names of `FACTORS`, each changed alone.
        pairs: Two names each, changed together.
        editors: Other editors to try, as the factor "editor".
        seeds: See `compare`.
        shots: Photos of each class to train on; all when left out.
        edits: See `compare`.
        workers: See `compare`.
        jobs: See `compare`.
        progress: See `compare`.

    Returns:
        What was found; also in `out`, as ablation.json.

    Raises:
        GenmixError: A subclass that says what is wrong, where, and what to do.
    """
    plan = plan_ablation(base, factors, pairs, editors)
    found = compare(
        settings,
        plan.arms,
        out,
        seeds=seeds,
        shots=[shots],
        reference=REFERENCE,
        edits=edits,
        workers=workers,
        jobs=jobs,
        progress=progress,
    )
    ablation = Ablation(found, plan.factors, plan.pairs)
    write_json(Path(out) / "ablation.json", ablation.to_dict())
    return ablation
