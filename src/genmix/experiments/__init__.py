"""Does it help? Arms, comparison and ablation over seeds."""

from genmix.experiments.ablate import ablate
from genmix.experiments.arms import Arm, parse_arm, parse_arms
from genmix.experiments.bench import CompareSettings
from genmix.experiments.compare import Status, compare
from genmix.experiments.effects import Ablation
from genmix.experiments.findings import Comparison
from genmix.training.settings import TrainSettings

__all__ = [
    "Ablation",
    "Arm",
    "CompareSettings",
    "Comparison",
    "Status",
    "TrainSettings",
    "ablate",
    "compare",
    "parse_arm",
    "parse_arms",
]
