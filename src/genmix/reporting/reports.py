"""The report of whatever lies in an experiment's folder, in the language that is asked for."""

from pathlib import Path

from genmix.errors import ExperimentError
from genmix.experiments.effects import Ablation
from genmix.experiments.findings import Comparison
from genmix.reporting.ablation import ablation_report
from genmix.reporting.comparison import comparison_report
from genmix.reporting.examples import composites_of
from genmix.reporting.page import render
from genmix.reporting.wording import Language, Words


def report_of(folder: Path, language: Language) -> str:
    """Write the report of what `genmix compare` or `genmix ablate` left in a folder.

    Args:
        folder: Theirs.
        language: Of the report.

    Returns:
        A page of HTML.

    Raises:
        ExperimentError: If there is nothing to report of, or it cannot be read.
    """
    words = Words(language)
    ablation, comparison = folder / "ablation.json", folder / "comparison.json"
    if ablation.exists():
        return render(ablation_report(Ablation.read(ablation), words))
    if comparison.exists():
        found = Comparison.read(comparison)
        return render(comparison_report(found, words, composites_of(folder, words)))
    raise ExperimentError(
        f"{folder} holds neither comparison.json nor ablation.json: give the folder of a finished "
        "genmix compare or genmix ablate"
    )
