"""The report of whatever lies in an experiment's folder, in the language that is asked for."""

from itertools import islice
from pathlib import Path

from genmix.errors import ExperimentError
from genmix.experiments.effects import Ablation
from genmix.experiments.findings import Comparison
from genmix.experiments.poc.result import Poc
from genmix.reporting.ablation import ablation_report
from genmix.reporting.comparison import comparison_report
from genmix.reporting.examples import composites_of, steps_of
from genmix.reporting.page import render
from genmix.reporting.poc import poc_report
from genmix.reporting.wording import Language, Words


def report_of(folder: Path, language: Language) -> str:
    """Write the report of what `genmix poc`, `compare` or `ablate` left in a folder.

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
    proof = folder / "poc.json"
    if proof.exists():
        return _of_a_proof(folder, Poc.read(proof), words)
    if ablation.exists():
        return render(ablation_report(Ablation.read(ablation), words))
    if comparison.exists():
        found = Comparison.read(comparison)
        return render(comparison_report(found, words, composites_of(folder, words)))
    raise ExperimentError(
        f"{folder} holds no poc.json, comparison.json or ablation.json: give the folder of a "
        "finished genmix poc, compare or ablate"
    )


_EXAMPLES = 3


def _of_a_proof(folder: Path, found: Poc, words: Words) -> str:
    """Write the report of a proof of concept; pictures may have been withdrawn since."""
    steps = (steps_of(folder, example, words) for example in found.examples)
    return render(poc_report(found, words, list(islice(filter(None, steps), _EXAMPLES))))
