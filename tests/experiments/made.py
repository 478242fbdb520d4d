"""Comparisons and ablations made by hand, for tests of what is said and drawn of them."""

from collections.abc import Mapping, Sequence

import numpy as np

from genmix.experiments.effects import Ablation, Factor, Level, Pair
from genmix.experiments.findings import Comparison, Metric, Run, Shots

VAL = Metric("val", "Accuracy on held-out photos", "val")
SKETCH = Metric("target sketch", "Accuracy on sketch", "sketch")
ECE = Metric("ece", "Calibration error", "calibration error", higher_is_better=False)
ARMS = ("baseline", "mixup", "genmix")


def comparison(
    gains: Mapping[str, float] | None = None,
    *,
    arms: Sequence[str] = ARMS,
    seeds: int = 5,
    shots: Sequence[Shots] = (None,),
    metrics: Sequence[Metric] = (VAL, SKETCH, ECE),
    noise: float = 0.01,
) -> Comparison:
    """Make a comparison in which arms gain so much over 0.5, the first one being the reference."""
    rng = np.random.default_rng(0)
    runs = []
    for size in shots:
        for seed in range(seeds):
            start = 0.5 + (0.0 if size is None else -0.2) + float(rng.normal(0, 0.03))
            for arm in arms:
                gain = (gains or {}).get(arm, 0.0)
                scores = {
                    metric.key: start
                    + (gain if metric.higher_is_better else -gain)
                    + noise * float(rng.normal())
                    for metric in metrics
                }
                runs.append(Run(arm, size, seed, scores, 1.5))
    return Comparison(
        arms=tuple(arms),
        reference=arms[0],
        shots=tuple(shots),
        seeds=tuple(range(seeds)),
        metrics=tuple(metrics),
        runs=tuple(runs),
        sizes=tuple(float(size or 40) for size in shots),
        about={"command": "genmix compare photos"},
    )


def factor(name: str, levels: Sequence[str], own: str) -> Factor:
    """Make a factor whose own level is the arm "recipe"."""
    made = (Level(level, "recipe" if level == own else f"{name}={level}") for level in levels)
    return Factor(name, f"The {name}", tuple(made), own)


def ablation(gains: Mapping[str, float] | None = None, *, seeds: int = 5) -> Ablation:
    """Make an ablation of two factors and their pair."""
    seam = factor("seam", ("0", "0.08", "0.16"), "0.08")
    screens = factor("screens", ("on", "off"), "on")
    cells = tuple(
        tuple(
            ", ".join(arm for arm in (row.arm, column.arm) if arm != "recipe") or "recipe"
            for column in screens.levels
        )
        for row in seam.levels
    )
    arms = ["recipe", *(arm for row in cells for arm in row if arm != "recipe")]
    found = comparison(gains, arms=arms, seeds=seeds, metrics=[VAL])
    return Ablation(found, (seam, screens), (Pair(seam, screens, cells),))
