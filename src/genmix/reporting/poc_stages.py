"""The stages of a proof of concept in its report: what was tried, what it gave, what was chosen.

All numbers here are of the photos that choices were made by; the judgement is told elsewhere.
"""

from collections.abc import Iterator, Sequence

from genmix.experiments.poc.gains import Interval
from genmix.experiments.poc.plan import BASELINE, MIXING, PROMPTS
from genmix.experiments.poc.result import Poc, Row, Stage
from genmix.experiments.poc.rules import UNFIT, Verdict
from genmix.experiments.poc.saying import in_words, rules_in_words
from genmix.reporting.document import Block, Bullets, Cell, Paragraph, Section, Table
from genmix.reporting.naming import prompt_name, short
from genmix.reporting.parts import differences_figure, interval_row
from genmix.reporting.wording import Words
from genmix.statistics import Difference, Mean
from genmix.statistics import Verdict as Judged


def difference(gain: Interval) -> Difference:
    """Return a gain as reports write differences; all of its interval on one side is a verdict."""
    verdict: Judged = "better" if gain.above else "worse" if gain.below else "no evidence"
    return Difference(gain.seeds, gain.value, gain.half_width, None, None, verdict)


def mean(score: Interval) -> Mean:
    """Return a score as reports write means."""
    return Mean(score.seeds, score.value, score.half_width)


def arm_name(arm: str, words: Words) -> str:
    """Name a way of training; a mixer keeps its own name."""
    return words.get(f"poc.arm.{arm}", arm)


def stages_sections(found: Poc, words: Words) -> Iterator[Section]:
    """Yield the section of the stages, and that of what each part contributed."""
    stages = {name: found.stage(name) for name in (BASELINE, PROMPTS, MIXING)}
    tried = [stage for stage in stages.values() if stage is not None and stage.rows]
    blocks: list[Block] = [
        Paragraph(words("poc.stages.what")),
        Bullets(tuple(_ended(name, found, words) for name in stages)),
        _table(tried, words),
    ]
    if (prompts := stages[PROMPTS]) is not None and prompts.rows:
        blocks.append(_prompts(prompts, words))
        if others := words("list.sentences").join(_others(prompts, words)):
            blocks.append(Paragraph(others, quiet=True))
    yield Section("stages", words("poc.stages.title"), tuple(blocks))
    yield from _contributions(found, words)


def verdict_cell(verdict: Verdict, words: Words) -> str:
    """Name a decision."""
    return words(f"poc.verdict.{verdict.decision}")


def _ended(name: str, found: Poc, words: Words) -> str:
    stage, title = found.stage(name), words(f"poc.stage.{name}")
    if stage is None or not stage.rows:
        why = "no_time" if found.stages[0].learnt else "not_learnt"
        return words(f"poc.stages.{why}", stage=title)
    reasons = [in_words(reason, words.language) for reason in stage.verdict.reasons]
    return words(
        "poc.stages.ended",
        stage=title,
        verdict=verdict_cell(stage.verdict, words),
        reasons=words("list.sentences").join(reasons),
        time=words.duration(stage.seconds),
    )


def _table(stages: Sequence[Stage], words: Words) -> Table:
    """Show the ways of training of all stages; prompts have a table of their own."""
    changes = any(row.change is not None for stage in stages for row in _shown(stage))
    head = [words("table.arm"), words("poc.table.choice"), words("poc.table.gain")]
    # Where nothing was changed, nothing was chosen.
    head += [words("poc.table.change"), words("poc.table.chosen")] if changes else []
    head.append(words("poc.table.time"))
    rows: list[tuple[Cell, ...]] = []
    for stage in stages:
        seeds = words("seeds", count=_shown(stage)[0].scores[stage.primary].seeds)
        title = words("poc.stages.of", stage=words(f"poc.stage.{stage.name}"), seeds=seeds)
        rows += [(Cell(title),), *(_line(row, stage, words, changes) for row in _shown(stage))]
    note = [words("poc.stages.note")]
    if changes:
        note += [words("poc.stages.note_change"), rules_in_words(words.language)["change"]]
    title, said = words("poc.stages.table"), words("list.sentences").join(note)
    return Table(title, tuple(head), tuple(rows), said)


def _shown(stage: Stage) -> list[Row]:
    return [row for row in stage.rows if row.scores and row.kind != "prompt"]


def _line(row: Row, stage: Stage, words: Words, changes: bool) -> tuple[Cell, ...]:
    """Show one way of training."""
    gain = row.gains.get(stage.primary)
    return (
        Cell(arm_name(row.arm, words)),
        Cell(words.mean(mean(row.scores[stage.primary]))),
        _gain(gain, words),
        *([_gain(row.change, words), _choice(row, stage, words)] if changes else []),
        Cell(words.duration(row.seconds)),
    )


def _gain(gain: Interval | None, words: Words) -> Cell:
    return Cell("–" if gain is None else words.difference(difference(gain)))


def _choice(row: Row, stage: Stage, words: Words) -> Cell:
    """Say whether a change was taken, or what was there stays; stage 1 chooses nothing."""
    if not row.chosen or stage.name == BASELINE:
        return Cell("–")
    if row.change is None and row.kind != "prompt":
        return Cell(words("poc.stays"))
    return Cell(words("poc.yes"), "good")


def _prompts(stage: Stage, words: Words) -> Table:
    """Show the prompts that were trained with alone."""
    trained = [row for row in stage.rows if row.kind == "prompt" and row.scores]
    measures, note = ["kept", "seen", "diversity"], [words("poc.prompts.note")]
    if any("closeness" in (row.measures or {}) for row in trained):
        measures.append("closeness")
        note.append(words("poc.prompts.note_closeness"))
    rows = tuple(
        (
            Cell(prompt_name(row.arm, words.language)),
            *(Cell(_measure(key, (row.measures or {}).get(key), words)) for key in measures),
            Cell(words.difference(difference(row.gains[stage.primary]))),
            _choice(row, stage, words),
        )
        for row in trained
    )
    head = (
        words("poc.table.prompt"),
        *(words(f"poc.measure.{key}") for key in measures),
        words("poc.table.gain"),
        words("poc.table.chosen"),
    )
    return Table(words("poc.prompts.table"), head, rows, words("list.sentences").join(note))


def _measure(key: str, value: float | None, words: Words) -> str:
    if value is None:
        return "–"
    if key in ("diversity", "closeness"):
        return f"{value:.2f}".replace("-", "−")
    return words.percent(f"{100 * value:.0f}")


def _others(stage: Stage, words: Words) -> Iterator[str]:
    """Say which prompts stay where the chosen set was no better; name those not trained with."""
    if any(row.kind == "set" and not row.chosen for row in stage.rows):
        used = [row.arm for row in stage.rows if row.kind == "prompt" and row.chosen]
        names = [prompt_name(each, words.language) for each in used]
        yield words("poc.prompts.stays", names=short(names, words))
    rest = [row for row in stage.rows if row.kind == "prompt" and not row.scores]
    groups = {rule: [row for row in rest if row.unfit and row.unfit.rule == rule] for rule in UNFIT}
    groups["unfit_stays"] = [row for row in rest if row.unfit and row.chosen]
    groups["untried"] = [row for row in rest if not row.unfit]
    for key, rows in groups.items():
        if rows:
            names = [prompt_name(row.arm, words.language) for row in rows]
            yield words(f"poc.prompts.{key}", names=short(names, words))


def _contributions(found: Poc, words: Words) -> Iterator[Section]:
    """Draw what every part added to what was there before it."""
    rows = []
    for stage in found.stages:
        for row in stage.rows:
            if row.kind == "genmix" and stage.name == BASELINE:
                change: Interval | None = row.gains[stage.primary]
            else:
                change = row.change
            if change is not None:
                taken = row.chosen and row.change is not None
                key = "poc.parts.chosen" if taken else "poc.parts.row"
                name = words(key, part=arm_name(row.arm, words))
                rows.append(interval_row(name, difference(change), words))
    if rows:
        title, axis = words("poc.parts.figure"), words("poc.parts.axis")
        note = words("poc.parts.note")
        figure = differences_figure("parts", title, rows, axis, words, note)
        yield Section("parts", words("poc.parts.title"), (figure,))
