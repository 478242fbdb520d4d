"""The report of a proof of concept: is genmix worth it on these photos, why, and at what cost.

What was tried in each stage is told by `genmix.reporting.poc_stages`.
"""

from collections.abc import Iterator, Sequence

from genmix.experiments.poc.plan import MIXING, PREPARING, PROMPTS
from genmix.experiments.poc.result import Dropped, Metric, Poc, Row, unfit_prompts
from genmix.experiments.poc.rules import (
    GO,
    NO_GO,
    SIMPLER,
    UNCLEAR,
    Decision,
    Verdict,
    finding,
)
from genmix.experiments.poc.saying import in_words, rules_in_words
from genmix.experiments.words import percent, points
from genmix.reporting.document import (
    Block,
    Bullets,
    Card,
    Cell,
    Code,
    Glance,
    Paragraph,
    Picture,
    Pictures,
    Report,
    Section,
    Table,
    Tone,
)
from genmix.reporting.naming import attack_name, prompt_name, short
from genmix.reporting.parts import TONES, differences_figure, interval_row, shell_text, yaml_text
from genmix.reporting.poc_stages import arm_name, difference, mean, stages_sections
from genmix.reporting.wording import Words

DECISIONS: dict[Decision, Tone] = {GO: "good", NO_GO: "bad", UNCLEAR: "open"}

_SAID = {"gain-above", "gain-below", "gain-small", "gain-unclear", "no-spread", "one-seed"}
"""Reasons of which the finding says as much as their own sentences."""


def poc_glance(found: Poc, words: Words) -> Glance:
    """Say what a report of a proof of concept says first."""
    return Glance(
        about=_about(found, words),
        compared=short([arm_name(row.arm, words) for row in found.final.rows], words),
        decision=_decision(found, words),
        tone=_tone(found.final.verdict),
    )


def poc_report(found: Poc, words: Words, examples: Sequence[Sequence[Picture]] = ()) -> Report:
    """Make the report of a proof of concept.

    Args:
        found: What was found.
        words: The language.
        examples: Of some photos, what became of them step by step.
    """
    glance = poc_glance(found, words)
    sections = [
        _gained(found, words),
        *_examples(found, examples, words),
        *stages_sections(found, words),
        _cost(found, words),
        _limits(found, words),
        _next(found, words),
        _judged(found, words),
        _repeat(found, words),
    ]
    return Report(
        language=words.language,
        title=words("poc.title"),
        about=glance.about,
        decision=glance.decision,
        tone=glance.tone,
        why=_why(found, words),
        cards=tuple(_cards(found, words)),
        sections=tuple(sections),
        made_by=words("made_by", version=found.versions.get("genmix", "")),
    )


def metric_text(metric: Metric, found: Poc, words: Words) -> str:
    """Name what was measured in the end."""
    if metric.kind == "attacked":
        return words("metric.attack", name=attack_name(metric.key, words))
    if metric.kind != "target":
        return words(f"poc.metric.{metric.kind}")
    name = metric.key.partition(" ")[2]
    if name:
        return words("metric.target", name=name)
    return words("metric.targets", names=words.listed(found.photos.labelled))


def _primary(found: Poc, words: Words) -> str:
    """Name what decides, as it stands in a sentence."""
    metric = found.final.metrics[0]
    if metric.kind != "target":
        return words(f"poc.sentence.{metric.kind}")
    name = metric.key.partition(" ")[2]
    return words("accuracy.target", name=name) if name else words("accuracy.targets")


def _seeds(found: Poc) -> int:
    return found.final.rows[0].scores[found.final.primary].seeds


def _chosen(found: Poc) -> Row:
    return found.final.row(found.final.chosen)


def _about(found: Poc, words: Words) -> str:
    return words(
        "poc.about",
        photos=f"{found.photos.photos:,}",
        classes=len(found.photos.classes),
        seeds=words("seeds", count=_seeds(found)),
    )


def _decision(found: Poc, words: Words) -> str:
    first = finding(found.final.verdict)
    gain = _chosen(found).gains[found.final.primary]
    return words(
        f"poc.decided.{first.rule}",
        metric=_primary(found, words),
        interval=words.interval(difference(gain)),
        arm=first.values.get("arm", ""),
    )


def _tone(verdict: Verdict) -> Tone:
    """Colour a decision; a go for another way of training is none for genmix."""
    return "open" if finding(verdict).rule == "simpler-better" else DECISIONS[verdict.decision]


def _why(found: Poc, words: Words) -> str:
    """Say from what to what, then every reason, and the rule with its limits."""
    final = found.final
    before = final.rows[0].scores[final.primary]
    after = _chosen(found).scores[final.primary]
    rules = {GO: "go", NO_GO: "no-go", UNCLEAR: "unclear"}
    reasons = [reason for reason in final.verdict.reasons if reason.rule not in _SAID]
    sentences = [
        words(
            "poc.means",
            metric=_primary(found, words),
            before=percent(before.value),
            after=percent(after.value),
        ),
        *(in_words(reason, words.language) for reason in reasons),
        words("poc.rule", rule=rules_in_words(words.language)[rules[final.verdict.decision]]),
    ]
    return words("list.sentences").join(sentences)


def _cards(found: Poc, words: Words) -> Iterator[Card]:
    base, chosen = found.final.rows[0], _chosen(found)
    shown: set[str] = set()
    for metric in found.final.metrics:
        if metric.kind in shown:
            continue
        shown.add(metric.kind)
        gain = difference(chosen.gains[metric.key])
        note = words(
            "card.change" if gain.half_width is not None else "card.bare",
            before=percent(base.scores[metric.key].value),
            after=percent(chosen.scores[metric.key].value),
            ends=words.ends(gain),
        )
        value = words("card.points", value=points(gain.value))
        yield Card(metric_text(metric, found, words), value, note, TONES[gain.verdict])
    cost = found.cost
    yield Card(
        words("poc.card.time"),
        words.duration(sum(cost.seconds.values())),
        words("poc.card.budget", budget=words.duration(cost.budget_seconds)),
    )
    if cost.full.money is not None:
        yield Card(
            words("poc.card.money"), _money(cost.full.money, found), words("poc.card.money_note")
        )


def _gained(found: Poc, words: Words) -> Section:
    final, chosen = found.final, _chosen(found)
    arm = arm_name(chosen.arm, words)
    rows = [
        interval_row(metric_text(metric, found, words), difference(chosen.gains[metric.key]), words)
        for metric in final.metrics
    ]
    title = words("poc.gained.figure", arm=arm)
    note = words("poc.gained.key" if _seeds(found) > 1 else "poc.gained.one_seed")
    blocks: list[Block] = [
        Paragraph(words("poc.gained.what", arm=arm)),
        differences_figure("gained", title, rows, words("poc.axis"), words, note),
        _scores(found, words),
        _ways(found, words),
    ]
    return Section("gained", words("gained.title"), tuple(blocks))


def _scores(found: Poc, words: Words) -> Table:
    base, chosen = found.final.rows[0], _chosen(found)
    rows = []
    for metric in found.final.metrics:
        gain = difference(chosen.gains[metric.key])
        rows.append(
            (
                Cell(metric_text(metric, found, words)),
                Cell(f"{metric.photos:,}"),
                Cell(words.mean(mean(base.scores[metric.key]))),
                Cell(words.mean(mean(chosen.scores[metric.key]))),
                Cell(words.difference(gain)),
                Cell(words.verdict(gain), TONES[gain.verdict]),
            )
        )
    head = (
        words("metrics.head"),
        words("poc.table.photos"),
        words("poc.table.before"),
        words("poc.table.after"),
        words("poc.table.gain"),
        words("table.verdict"),
    )
    return Table(words("poc.table.scores"), head, tuple(rows), words("poc.table.note"))


def _ways(found: Poc, words: Words) -> Table:
    """Compare all ways of training on everything."""
    others = found.final.rows[1:]
    rows = tuple(
        (
            Cell(metric_text(metric, found, words)),
            *(Cell(words.difference(difference(row.gains[metric.key]))) for row in others),
        )
        for metric in found.final.metrics
    )
    head = (words("metrics.head"), *(arm_name(row.arm, words) for row in others))
    return Table(words("poc.table.ways"), head, rows, words("poc.table.ways_note"))


def _examples(found: Poc, examples: Sequence[Sequence[Picture]], words: Words) -> Iterator[Section]:
    blocks = [
        Pictures(pictures[0].description, tuple(pictures)) for pictures in examples if pictures
    ]
    if blocks:
        note, unfit = [words("poc.examples.note")], unfit_prompts(found.stages)
        hidden = [each for each in found.prompts if each in unfit]
        if len(hidden) < len(found.prompts) and hidden:
            names = [prompt_name(each, words.language) for each in hidden]
            note.append(words("poc.examples.without", names=short(names, words)))
        below = Paragraph(words("list.sentences").join(note), quiet=True)
        yield Section("examples", words("poc.examples.title"), (*blocks, below))


def _cost(found: Poc, words: Words) -> Section:
    cost, full = found.cost, found.cost.full
    total = words(
        "poc.cost.total",
        time=words.duration(sum(cost.seconds.values())),
        budget=words.duration(cost.budget_seconds),
        device=words(f"device.{full.device}"),
        gpu=f"{cost.gpu_hours:.2f}",
        money=_money(cost.money, found) if cost.money is not None else words("poc.cost.none"),
    )
    gain = _chosen(found).gains[found.final.primary]
    against = words(
        "poc.cost.against",
        interval=words.interval(difference(gain)),
        metric=_primary(found, words),
        time=words.duration(3600 * (full.edit_hours + full.train_hours)),
    )
    blocks: list[Block] = [
        Paragraph(total),
        *(Paragraph(_left_out(each, words)) for each in found.dropped),
        _times(found, words),
        _full(found, words),
        Paragraph(against),
    ]
    if full.money is None:
        blocks.append(Paragraph(words("poc.full.no_price"), quiet=True))
    return Section("cost", words("poc.cost.title"), tuple(blocks))


def _times(found: Poc, words: Words) -> Table:
    """Show the time of each stage, as it was and as it was planned."""
    planned = {PREPARING: found.plan.seconds.get(PREPARING, 0.0)}
    planned |= {stage.name: stage.planned_seconds for stage in found.stages}
    took = found.cost.seconds
    stages = [name for name in planned if name in took]
    rows = tuple(
        (Cell(words(f"poc.cost.{row}")), *(Cell(words.duration(times[name])) for name in stages))
        for row, times in (("took", took), ("planned", planned))
    )
    head = (words("poc.table.time"), *(words(f"poc.cost.{name}") for name in stages))
    return Table(words("poc.cost.table"), head, rows)


def _full(found: Poc, words: Words) -> Table:
    full = found.cost.full
    gpu = full.device == "cuda"
    edit = words.duration(3600 * full.edit_hours)
    lines = [
        ("edits", edit, 0.0, None),
        ("train", words.duration(3600 * full.train_hours), full.gpu_hours, None),
        (
            "both",
            words.duration(3600 * (full.edit_hours + full.train_hours)),
            full.gpu_hours,
            full.money,
        ),
        ("diffusion", "–", full.diffusion_gpu_hours, full.diffusion_money),
    ]
    rows = tuple(
        (
            Cell(words(f"poc.full.{name}", edits=f"{full.edits:,}")),
            Cell(time),
            Cell(f"{hours:.2f}" if hours or gpu else "0"),
            Cell("–" if money is None else _money(money, found)),
        )
        for name, time, hours, money in lines
    )
    head = (
        words("repeat.what"),
        words("poc.full.time"),
        words("poc.full.gpu"),
        words("poc.full.money"),
    )
    title = words("poc.full.title", photos=f"{full.photos:,}")
    return Table(title, head, rows, words("poc.full.note"))


def _money(value: float, found: Poc) -> str:
    return f"{value:,.2f} {found.cost.currency}"


def _left_out(dropped: Dropped, words: Words) -> str:
    changes = [
        words(f"poc.dropped.{name}", planned=planned, kept=kept)
        for name in ("seeds", "choosing_seeds", "prompts", "dials")
        if (planned := getattr(dropped.planned, name)) != (kept := getattr(dropped.kept, name))
    ]
    return words(
        "poc.dropped.what",
        slowness=f"{dropped.slowness:.1f}",
        stage=words(f"poc.stage.{dropped.stage}"),
        changes=words("list.semicolon").join(changes),
    )


def _judged(found: Poc, words: Words) -> Section:
    photos = found.photos
    items = [
        words("poc.judged.split", **{part: f"{photos.counts[part]:,}" for part in _PARTS}),
        words("poc.judged.once"),
    ]
    for key, count in photos.counts.items():
        first, _, name = key.partition(" ")
        if first == "target":
            known = "labelled" if name in photos.labelled else "unlabelled"
            items.append(words(f"poc.judged.{known}", name=name, count=f"{count:,}"))
    if photos.copies:
        items.append(words("poc.judged.copies", count=photos.copies))
    if photos.conflicting:
        items.append(words("poc.judged.conflicting", count=photos.conflicting))
    if photos.left_out:
        items.append(words("poc.judged.left_out", count=len(photos.left_out)))
    rules = tuple(rules_in_words(words.language).values())
    blocks = (Bullets(tuple(items)), Paragraph(words("poc.judged.rules")), Bullets(rules))
    return Section("judged", words("poc.judged.title"), blocks, detail=True)


_PARTS = ("train", "val", "test")


def _limits(found: Poc, words: Words) -> Section:
    seeds = _seeds(found)
    items = [words("limits.one_seed" if seeds == 1 else "poc.limits.seeds", count=seeds)]
    if 1 < seeds < _FEW_SEEDS:
        items.append(words("limits.few_seeds", count=seeds))
    items.append(words("poc.limits.short", steps=f"{found.plan.steps:,}"))
    if not found.photos.labelled:
        items.append(words("limits.not_measured", kinds=words("kind.domain")))
    robust = min(metric.photos for metric in found.final.metrics)
    items += [
        words("limits.attacks"),
        words("poc.limits.robust", count=robust),
        words("poc.limits.once"),
        words("limits.patent"),
    ]
    return Section("limits", words("limits.title"), (Bullets(tuple(items)),))


_FEW_SEEDS = 5


def _next(found: Poc, words: Words) -> Section:
    verdict = found.final.verdict
    rules = {reason.rule for reason in verdict.reasons}
    first = finding(verdict)
    items = [words(f"poc.next.{verdict.reasons[0].rule}")]
    if first.rule in SIMPLER:
        items.append(words(f"poc.next.{first.rule}", arm=first.values["arm"]))
    if verdict.decision == GO and first.rule != "simpler-better":
        items.append(words("poc.next.use"))
    if "watch" in rules:
        items.append(words("poc.next.watch"))
    if found.stages[0].learnt and any(found.stage(name) is None for name in (PROMPTS, MIXING)):
        items.append(words("poc.next.stages"))
    if not any(key.startswith("target ") for key in found.photos.counts):
        items.append(words("next.measure_domain"))
    elif not found.photos.labelled:
        items.append(words("poc.next.labels"))
    return Section("next", words("next.title"), (Bullets(tuple(items)),))


def _repeat(found: Poc, words: Words) -> Section:
    train = found.settings["train"]
    facts = (
        ("facts.classes", short(found.photos.classes, words)),
        ("facts.model", words("facts.model_value", **train)),
        (
            "facts.budget",
            words("facts.budget_value", steps=found.plan.steps, batch_size=train["batch_size"]),
        ),
        ("poc.facts.preset", found.preset),
        ("poc.facts.share", words.percent(f"{100 * found.share:.0f}")),
        (
            "facts.machine",
            words(
                "poc.facts.machine",
                device=words(f"device.{found.machine.device}"),
                cpus=found.machine.cpus,
            ),
        ),
        ("facts.versions", ", ".join(f"{name} {each}" for name, each in found.versions.items())),
    )
    rows = tuple((Cell(words(name)), Cell(str(value))) for name, value in facts)
    blocks = (
        Code(words("repeat.command"), shell_text(found.command)),
        Paragraph(words("poc.same"), quiet=True),
        Table(
            words("repeat.facts"), (words("repeat.what"), words("repeat.value")), rows, words=True
        ),
        Code(words("repeat.recipe"), yaml_text(found.recipe)),
    )
    return Section("repeat", words("repeat.title"), blocks, detail=True)
