"""`genmix audit`: the quality of a finished output, and whether it tilts the data."""

import json
from typing import TYPE_CHECKING

import click

from genmix.cli.console import print_json, print_whole, progress_bar, seed_option

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console
    from rich.text import Text

    from genmix.auditing import Audit
    from genmix.auditing.certainty import Estimate
    from genmix.auditing.quality import Distances, Quality
    from genmix.auditing.space import Diversity
    from genmix.auditing.tilt import Shift, Tilt
    from genmix.reporting.plain import PlainTable

_MOST_ROWS = 20
_NONE = "–"
_ALL = "all"
"""Name of the row without a name."""


@click.command(short_help="Say how good an output is, and whether it tilts the data.")
@click.argument("out", type=click.Path())
@click.option("--source", metavar="DATA", help="The photos that OUT was made of.")
@click.option("--target", metavar="DIR", help="Pictures of the domain to come near to.")
@click.option(
    "--group", metavar="COLUMN", help="Look at groups, too: a column of the source's table."
)
@click.option(
    "--encoder",
    metavar="NAME",
    help="For feature space: efficientnet_lite0, dinov2, a model of timm's, a trained run; or "
    "none.  [default: efficientnet_lite0, if installed]",
)
@click.option("--comparison", metavar="DIR", help="A genmix compare, to find classes that fell.")
@click.option(
    "--pictures",
    type=click.IntRange(min=0),
    metavar="N",
    default=3000,
    show_default=True,
    help="Look at about so many; 0 for the manifest alone.",
)
@seed_option
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def audit(
    out: str,
    source: str | None,
    target: str | None,
    group: str | None,
    encoder: str | None,
    comparison: str | None,
    pictures: int,
    seed: int,
    as_json: bool,
) -> None:
    """Judge a finished output: how good its pictures are, and whether they tilt the data.

    OUT is a folder that genmix augment made. What is found is also written to OUT/audit.json.

    \b
    genmix audit out --source photos
    genmix audit out --source photos --target drawings --group region
    genmix audit out --comparison proof --pictures 0
    """
    from pathlib import Path

    from genmix.auditing import AUDIT
    from genmix.auditing import audit as run
    from genmix.datasets.layout import MANIFEST
    from genmix.storage import check_file, write_whole

    if (Path(out) / MANIFEST).exists():  # better now than when all pictures were looked at
        check_file(Path(out) / AUDIT)
    with progress_bar() as progress:
        found = run(
            out,
            source=source,
            target=target,
            group=group,
            encoder=encoder,
            comparison=comparison,
            pictures=pictures,
            seed=seed,
            progress=progress,
        )
    values = found.to_dict()
    write_whole(Path(out) / AUDIT, json.dumps(values, ensure_ascii=False, indent=1).encode())
    if as_json:
        print_json(values)
        return
    _show(found)
    click.echo(f"Everything  {Path(out) / AUDIT}")


def _show(found: "Audit") -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    looked = found.looked
    lines = [f"{looked.photos:,} photos", f"{looked.pictures:,} pictures looked at"]
    if looked.pictures:
        lines[-1] += f", of {looked.sampled:,} photos"
    if looked.target:
        lines.append(f"{looked.target:,} target pictures")
    if looked.encoder:
        lines.append(f"features of {looked.encoder[0]}")
    console.print(Text("; ".join(lines)))
    for by, title in (("prompt", "Prompts"), ("class", "Classes"), ("group", "Groups")):
        rows = [row for row in found.quality if row.by == by]
        if rows:
            everything = [row for row in found.quality if row.by == "all"]
            _show_quality(found, title, _worst(rows), everything, len(rows), console)
    for by, title in (("class", "classes"), ("group", "groups")):
        tilts = [tilt for tilt in found.tilts if tilt.by == by]
        if any(tilt.rejected.value for tilt in tilts):
            print_whole(_rejected(_largest(tilts), title), console)
        if any(tilt.shifts for tilt in tilts):
            print_whole(_shifts(_largest(tilts), title), console)
    if found.falls:
        print_whole(_falls(found), console)
    _show_findings(found, console)


def _show_quality(
    found: "Audit",
    title: str,
    rows: "Sequence[Quality]",
    everything: "Iterable[Quality]",
    of: int,
    console: "Console",
) -> None:
    few = f"the {len(rows)} of {of:,} of which least is kept" if len(rows) < of else ""
    prompts = title == "Prompts"
    if prompts or any(row.reasons or row.failed for row in rows):
        print_whole(_kept(title, few, [*rows, *everything]), console)
    if any(row.diversity or row.similarity for row in rows):
        print_whole(_diversity(found, title, rows, everything), console)
    if any(row.to_photos or row.to_target for row in rows):
        print_whole(_distances(found, title, [*rows, *everything]), console)
    if prompts and any(row.shift for row in rows):
        print_whole(_looks(found, [*rows, *everything]), console)


def _kept(title: str, few: str, rows: "Iterable[Quality]") -> "PlainTable":
    table = _table(
        f"{title}: what was kept{', ' if few else ''}{few}",
        "",
        "planned",
        "kept %",
        "95 %\ninterval",
        "structure",
        "near\ntwins",
        "rejected by",
    )
    table.columns[-1].justify = "left"
    table.columns[-1].no_wrap = False
    for row in rows:
        causes = ", ".join(f"{name} {count:,}" for name, count in row.reasons.items())
        failed = f"failed {row.failed:,}" if row.failed else ""
        structure = row.scores.get("structure")
        table.add_row(
            row.name or _ALL,
            f"{row.planned:,}",
            _NONE if row.kept is None else f"{100 * row.kept.value:.1f}",
            _interval(row.kept, 100, 1),
            _NONE if structure is None else f"{structure:.2f}",
            f"{row.near_twins:,}" if row.looked_at else _NONE,
            ", ".join(filter(None, [causes, failed])) or _NONE,
        )
    return table


def _diversity(
    found: "Audit", title: str, rows: "Sequence[Quality]", everything: "Iterable[Quality]"
) -> "PlainTable":
    numbers = {row.diversity.pictures for row in rows if row.diversity}
    at = f", in feature space, of {min(numbers):,} pictures each" if numbers else ""
    table = _table(
        f"{title}: diversity{at}",
        "",
        "looked at",
        "like its\nphoto",
        "95 %\ninterval",
        "spread",
        "nearest",
        "Vendi\nscore",
    )
    prompts = title == "Prompts"
    for row in [*rows, *(everything if prompts else ())]:
        table.add_row(
            row.name or _ALL,
            f"{row.looked_at:,}",
            _NONE if row.similarity is None else f"{row.similarity.value:.2f}",
            _interval(row.similarity, 1, 2),
            *_spread(row.diversity),
        )
    if prompts:
        table.add_section()
        for yardstick in found.yardsticks:
            cells = ("", "", *_spread(yardstick.diversity))
            table.add_row(f"the {yardstick.name}", f"{yardstick.pictures:,}", *cells)
    return table


def _distances(found: "Audit", title: str, rows: "Iterable[Quality]") -> "PlainTable":
    """Tabulate how far pictures are from the photos and from the target."""
    at = next(each for row in rows if (each := row.to_photos or row.to_target))
    number = f", Fréchet of {at.pictures:,} pictures each"
    headings = ["", "from\nphotos", "Fréchet", "from\ntarget", "Fréchet", "closer\nby %", "95 %"]
    table = _table(f"{title}: distance × 1000{number}", *headings)
    for row in rows:
        closer = row.to_target.closer if row.to_target else None
        table.add_row(
            row.name or _ALL,
            *_distance(row.to_photos),
            *_distance(row.to_target),
            _NONE if closer is None else _sign(100 * closer.value, 0),
            _interval(closer, 100, 0),
        )
    for yardstick in found.yardsticks:
        if yardstick.to_target:
            table.add_section()
            table.add_row("the photos", "", "", *_distance(yardstick.to_target), "", "")
    return table


def _looks(found: "Audit", rows: "Iterable[Quality]") -> "PlainTable":
    from genmix.auditing.measures import MEASURES

    title = "Prompts: shift from the photos (mean ± half of its 95 % interval)"
    table = _table(title, "", *MEASURES)
    for row in rows:
        shift = row.shift or {}
        table.add_row(row.name or _ALL, *(_shifted(shift.get(name)) for name in MEASURES))
    table.add_section()
    for yardstick in found.yardsticks:
        cells = (f"{yardstick.measures[name]:.1f}" for name in MEASURES)
        table.add_row(f"the {yardstick.name}", *cells)
    return table


def _rejected(tilts: "Iterable[Tilt]", title: str) -> "PlainTable":
    table = _table(
        f"Tilt: {title} against all others, photo by photo",
        "",
        "photos",
        "share before\n→ after %",
        "rejected\n%",
        "minus\nothers",
        "95 %\ninterval",
        "p\n(Holm)",
        "",
    )
    for tilt in tilts:
        after = _NONE if tilt.share_after is None else f"{100 * tilt.share_after:.1f}"
        table.add_row(
            tilt.name or _ALL,
            f"{tilt.photos:,}",
            f"{100 * tilt.share_before:.1f} → {after}",
            f"{100 * tilt.rejected.value:.1f}",
            _sign(100 * tilt.gap.value, 1),
            _interval(tilt.gap, 100, 0, signed=True),
            _p(tilt.adjusted_p),
            _warning() if tilt.matters else "",
        )
    return table


def _shifts(tilts: "Iterable[Tilt]", title: str) -> "PlainTable":
    from genmix.auditing.measures import MEASURES
    from genmix.auditing.tilt import FEATURES

    measures = [
        name for name in (*MEASURES, FEATURES) if any(name in (t.shifts or {}) for t in tilts)
    ]
    table = _table(
        f"Tilt: how much more {title} shift than all others",
        "",
        "photos",
        *measures,
    )
    for tilt in tilts:
        if tilt.shifts:
            cells = (_size(tilt.shifts.get(name)) for name in measures)
            table.add_row(tilt.name or _ALL, f"{tilt.looked_at:,}", *cells)
    table.caption = (
        "in standard deviations of the photos, and mean distances of two photos; * p (Holm) below "
        "0.05; yellow: and large enough to warn of"
    )
    return table


def _falls(found: "Audit") -> "PlainTable":
    table = _table(
        "Classes that fell although the mean rose",
        "",
        "arm",
        "tested on",
        "before\n%",
        "change,\npoints",
        "95 %\ninterval",
        "p\n(Holm)",
        "",
    )
    for fall in found.falls[:_MOST_ROWS]:
        table.add_row(
            fall.name or _ALL,
            fall.arm,
            f"{fall.photos} ({fall.tested:,})",
            f"{100 * fall.before:.1f}",
            _sign(100 * fall.gap.value, 1),
            _interval(fall.gap, 100, 1, signed=True),
            _NONE if fall.adjusted_p is None else _p(fall.adjusted_p),
            _warning() if fall.matters else "",
        )
    if len(found.falls) > _MOST_ROWS:
        table.caption = f"and {len(found.falls) - _MOST_ROWS:,} that fell less"
    return table


def _show_findings(found: "Audit", console: "Console") -> None:
    from rich.table import Table
    from rich.text import Text

    from genmix.auditing import sentence

    warnings = [finding for finding in found.findings if finding.warning]
    for finding in sorted(found.findings, key=lambda finding: not finding.warning)[:_MOST_ROWS]:
        line = Table.grid(padding=(0, 1))
        mark = _warning() if finding.warning else Text("·", "yellow")
        line.add_row(mark, Text(sentence(finding)))
        console.print(line)
    if len(found.findings) > _MOST_ROWS:
        console.print(f"… and {len(found.findings) - _MOST_ROWS:,} more in the file below")
    if not warnings:
        console.print("Nothing to warn of was found.")


def _worst(rows: "Sequence[Quality]") -> "Sequence[Quality]":
    """Return all rows, or those of which least is kept where there are many."""
    if len(rows) <= _MOST_ROWS:
        return rows
    return sorted(rows, key=lambda row: 1.0 if row.kept is None else row.kept.value)[:_MOST_ROWS]


def _largest(tilts: "Sequence[Tilt]") -> "Sequence[Tilt]":
    """Return all, or of many those that lost most."""
    if len(tilts) <= _MOST_ROWS:
        return tilts
    return sorted(tilts, key=lambda tilt: -tilt.gap.value)[:_MOST_ROWS]


def _table(title: str, *columns: str) -> "PlainTable":
    """Make a table whose first column is words, and all others numbers."""
    from rich.box import SIMPLE_HEAD

    from genmix.reporting.plain import PlainTable

    table = PlainTable(
        box=SIMPLE_HEAD,
        title=title,
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        pad_edge=False,
        collapse_padding=True,
    )
    for k, name in enumerate(columns):
        table.add_column(name, justify="right" if k else "left", overflow="fold", no_wrap=k > 0)
    return table


def _warning() -> "Text":
    from rich.text import Text

    return Text("!", "yellow")


def _interval(found: "Estimate | None", scale: float, digits: int, *, signed: bool = False) -> str:
    if found is None or found.low is None or found.high is None:
        return _NONE
    write = _sign if signed else (lambda value, digits: f"{value:.{digits}f}".replace("-", "−"))
    return f"{write(scale * found.low, digits)} to {write(scale * found.high, digits)}"


def _sign(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else text[1:]


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _spread(found: "Diversity | None") -> "tuple[str, str, str]":
    if found is None:
        return _NONE, _NONE, _NONE
    return f"{found.spread:.3f}", f"{found.nearest:.3f}", f"{found.vendi:.1f}"


def _distance(found: "Distances | None") -> "tuple[str, str]":
    if found is None:
        return _NONE, _NONE
    reach = found.discrepancy.high
    half = "" if reach is None else f" ± {1000 * (reach - found.discrepancy.value):.0f}"
    return f"{1000 * found.discrepancy.value:.0f}{half}", f"{1000 * found.frechet:.0f}"


def _shifted(found: "Estimate | None") -> str:
    if found is None:
        return _NONE
    half = "" if found.high is None else f" ± {found.high - found.value:.1f}"
    return f"{_sign(found.value, 1)}{half}"


def _size(found: "Shift | None") -> "Text":
    from rich.text import Text

    from genmix.statistics import SIGNIFICANCE

    if found is None:
        return Text(_NONE)
    text = f"{_sign(found.size, 2)}{'*' if found.adjusted_p < SIGNIFICANCE else ' '}"
    return Text(text, "yellow" if found.matters else "")
