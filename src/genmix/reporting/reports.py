"""The report of whatever lies in an experiment's folder, in the language that is asked for."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from genmix.errors import ExperimentError
from genmix.experiments.effects import Ablation
from genmix.experiments.findings import Comparison
from genmix.experiments.poc.result import Poc, unfit_prompts
from genmix.reporting.ablation import ablation_glance, ablation_report
from genmix.reporting.comparison import comparison_glance, comparison_report
from genmix.reporting.document import Glance
from genmix.reporting.examples import composites_of, steps_of
from genmix.reporting.page import render
from genmix.reporting.poc import poc_glance, poc_report
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
    words, found = Words(language), _found(folder)
    if isinstance(found, Poc):
        return _of_a_proof(folder, found, words)
    if isinstance(found, Ablation):
        return render(ablation_report(found, words))
    return render(comparison_report(found, words, composites_of(folder, words)))


def glance_at(folder: Path, language: Language) -> Glance:
    """Say what the report of a folder says first, in a moment; see `report_of`.

    Raises:
        ExperimentError: If there is nothing to report of, or it cannot be read.
    """
    words, found = Words(language), _found(folder)
    if isinstance(found, Poc):
        return poc_glance(found, words)
    if isinstance(found, Ablation):
        return ablation_glance(found, words)
    return comparison_glance(found, words)


def glances_at(
    folders: Sequence[Path], languages: Sequence[Language]
) -> list[dict[Language, Glance] | None]:
    """Do the same for many folders, in several languages; None where one cannot be reported of."""
    found: list[dict[Language, Glance] | None] = []
    for folder in folders:
        try:
            found.append({language: glance_at(folder, language) for language in languages})
        except Exception:  # noqa: BLE001 (one folder may hold anything; others count)
            found.append(None)
    return found


def _found(folder: Path) -> Poc | Ablation | Comparison:
    """Read what lies in a folder; an ablation's comparison lies beside it."""
    ablation, comparison = folder / "ablation.json", folder / "comparison.json"
    proof = folder / "poc.json"
    if proof.exists():
        return Poc.read(proof)
    if ablation.exists():
        return Ablation.read(ablation)
    if comparison.exists():
        return Comparison.read(comparison)
    raise ExperimentError(
        f"{folder} holds no poc.json, comparison.json or ablation.json: give the folder of a "
        "finished genmix poc, compare or ablate"
    )


_EXAMPLES = 3


def _of_a_proof(folder: Path, found: Poc, words: Words) -> str:
    """Write the report of a proof of concept; pictures may have been withdrawn since."""
    unfit = unfit_prompts(found.stages)
    fit = [example for example in found.examples if example.prompt not in unfit]
    steps = (steps_of(folder, example, words) for example in fit or found.examples)
    return render(poc_report(found, words, list(islice(filter(None, steps), _EXAMPLES))))
