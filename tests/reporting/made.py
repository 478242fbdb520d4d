"""What experiments could have found, with everything that a report may have to say of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from genmix.experiments.arms import Arm, parse_arm
from genmix.experiments.effects import Ablation
from genmix.experiments.factors import plan_ablation
from genmix.experiments.findings import Comparison, Metric, Shots
from tests.experiments.made import comparison

ARMS = ("baseline", "cutmix", "trivialaugment", "genmix:domain-adaptation@0.8")

METRICS = (
    Metric("targets", "Top-1 accuracy on other domains, mean of cartoon and sketch", "mean"),
    Metric("val", "Top-1 accuracy on held-out photos", "held-out"),
    Metric("target cartoon", "Top-1 accuracy on cartoon", "cartoon"),
    Metric("target sketch", "Top-1 accuracy on sketch", "sketch"),
    Metric("attack fgsm@4/255", "under fgsm@4/255", "fgsm@4/255"),
    Metric("attack pgd-20@4/255", "under pgd-20@4/255", "pgd-20@4/255"),
    Metric("corruptions", "mean over corruptions and severities", "corrupted"),
    Metric("ece", "Calibration error (ECE)", "calibration error", higher_is_better=False),
)

HOSTILE = "<img src=x onerror=alert(1)>"
"""A name that a folder may have."""


def compared(
    gains: Mapping[str, float] | None = None,
    *,
    arms: Sequence[str] = ARMS,
    metrics: Sequence[Metric] = METRICS,
    seeds: int = 5,
    shots: Sequence[Shots] = (None,),
    classes: Sequence[str] = ("dog", "elephant"),
    noise: float = 0.01,
) -> Comparison:
    """Make a comparison as `genmix compare` writes it."""
    found = comparison(gains, arms=arms, seeds=seeds, shots=shots, metrics=metrics, noise=noise)
    return replace(found, about=about([parse_arm(arm) for arm in arms], metrics, classes))


def ablated(
    gains: Mapping[str, float] | None = None,
    *,
    factors: Sequence[str] = ("masks", "fractal", "screens"),
    pairs: Sequence[tuple[str, str]] = (("fractal", "screens"),),
    seeds: int = 5,
    noise: float = 0.01,
) -> Ablation:
    """Make an ablation as `genmix ablate` writes it."""
    plan = plan_ablation(parse_arm("genmix:domain-adaptation@0.8"), factors, pairs)
    arms = [arm.name for arm in plan.arms]
    found = comparison(gains, arms=arms, seeds=seeds, metrics=METRICS, noise=noise)
    described = replace(found, about=about(plan.arms, METRICS, ("dog", "elephant")))
    return Ablation(described, plan.factors, plan.pairs)


def about(arms: Sequence[Arm], metrics: Sequence[Metric], classes: Sequence[str]) -> dict[str, Any]:
    """Return the record of settings, versions and command."""
    kinds = [metric.key for metric in metrics]
    return {
        "command": ["genmix", "compare", "/data/my photos", "-o", "/data/proof", "--seeds", "5"],
        "settings": {
            "data": "/data/my photos",
            "val": None,
            "targets": {"sketch": "/data/sketch"},
            "train": {
                "model": "efficientnet_lite0",
                "weights": "fine-tune",
                "size": 112,
                "steps": 500,
                "batch_size": 32,
                "optimizer": "adamw",
                "mixer": None,
            },
            "fit": "crop",
            "attacks": [key.split(" ")[1] for key in kinds if key.startswith("attack ")],
            "corruptions": ["fog"] if "corruptions" in kinds else [],
            "limit": 40,
        },
        "arms": {arm.name: arm.identity() for arm in arms},
        "photos": {
            "train": 1336,
            **{key: 334 for key in kinds if key == "val" or key.startswith("target ")},
        },
        "classes": list(classes),
        "versions": {"genmix": "0.1.0", "python": "3.11.7", "torch": "2.15.0", "timm": "1.0.31"},
        "device": "cpu",
        "threads": [1],
    }
