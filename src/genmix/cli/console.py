"""What the verbs share: options that mean the same everywhere, progress, and tables."""

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from rich.console import Console

    from genmix.jobs import Share
    from genmix.reporting.plain import PlainTable

SOME_FAILED = 3
"""The exit code of a run that is done but for some inputs, if `--strict` was given."""

_SHOWN = 10


def _all_processors() -> int:
    from genmix.processes import available_cpus

    return available_cpus()


def workers_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--workers`."""
    return click.option(
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        default=_all_processors,
        show_default="all processors",
        help="Processes. The result does not depend on it.",
    )(command)


class _ShareType(click.ParamType["Share"]):
    name = "i/n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Share":
        from genmix.jobs import Share

        match = re.fullmatch(r"(\d+)/(\d+)", str(value))
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            self.fail(f"{value!r} is no share: write i/n, from 1/n to n/n", param, ctx)
        return Share(int(match[1]), int(match[2]))


def shard_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--shard`."""
    return click.option(
        "--shard",
        type=_ShareType(),
        metavar="I/N",
        help="Do one part of n, e.g. 2/4; any order, any machine.",
    )(command)


def seed_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--seed`."""
    return click.option(
        "--seed",
        type=click.IntRange(min=0),
        metavar="N",
        default=0,
        show_default=True,
        help="Of every random choice.",
    )(command)


def edits_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--edits`."""
    return click.option(
        "--edits", metavar="DIR", help="The edit cache  [default: the user's cache]"
    )(command)


def recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose a recipe and change it; see `genmix.cli.choose`."""
    options = [
        click.option(
            "--recipe",
            metavar="NAME|FILE",
            default="classification",
            show_default=True,
            help="A preset (genmix recipe show) or a recipe file.",
        ),
        click.option(
            "--prompts", metavar="ID,ID,…", help="Only these prompts, or a library's name."
        ),
        click.option("--prompts-file", metavar="FILE", help="Your own prompt library (YAML)."),
        click.option(
            "--editor", metavar="NAME", help="procedural, diffusers:MODEL or http://HOST:PORT."
        ),
        click.option(
            "--editor-preset", metavar="NAME", help="Of diffusers: paper, balanced or fast."
        ),
        click.option(
            "--editor-set",
            metavar="KEY=VALUE",
            multiple=True,
            help="A setting of the editor, e.g. steps=20; may be repeated.",
        ),
        click.option(
            "--size",
            type=click.IntRange(8, 4096),
            metavar="N",
            help="Side of the pictures in pixels.",
        ),
        click.option(
            "--seed", type=click.IntRange(min=0), metavar="N", help="Of every random choice."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def check_sheet(sheet: str, option: str, photos: Iterable[str] = ()) -> None:
    """Make sure, before a sheet is drawn, that it can be written and replaces none of the photos.

    Args:
        sheet: Its file.
        option: That names it.
        photos: Files that it shows.

    Raises:
        click.BadParameter: If it is called another kind of file, or is one of the photos.
        OutputError: If it cannot be written.
    """
    from pathlib import Path

    from genmix.storage import check_file

    if Path(sheet).suffix.lower() not in {"", ".png"}:
        raise click.BadParameter(
            f"{sheet} is no name of a PNG file: end it in .png", param_hint=f"'{option}'"
        )
    if Path(sheet).resolve() in {Path(photo).resolve() for photo in photos}:
        raise click.BadParameter(
            f"{sheet} is one of the photos, and would be overwritten: choose another name",
            param_hint=f"'{option}'",
        )
    check_file(Path(sheet))


def say(message: str) -> None:
    """Print a line for people, on standard error, where it does not mix with results."""
    from genmix.storage import one_line

    click.echo(one_line(message), err=True)


def print_json(values: Mapping[str, Any]) -> None:
    """Print JSON on standard output: as it is in UTF-8, in ASCII where that is not UTF-8."""
    import json

    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    unicode = encoding.lower().startswith("utf")
    click.echo(json.dumps(values, ensure_ascii=not unicode, indent=1))


def show_left_out(reasons: dict[str, str], what: str) -> None:
    """Name the first of what was left out, with the reasons, on standard error."""
    for path, reason in list(reasons.items())[:_SHOWN]:
        say(f"{what}: {path}: {reason}")
    if len(reasons) > _SHOWN:
        say(f"… and {len(reasons) - _SHOWN:,} more; --json lists all")


class Show(Protocol):
    """Shows that so many of a stage's items are done, with a few words of how it goes."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Show it."""


def watched() -> bool:
    """Tell whether standard error is a terminal; it is None where it was closed."""
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def progress_bar() -> Iterator[Show]:
    """Show how far a run is: a bar with rate and time left, or a line now and then in a log."""
    if not watched():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<9}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TextColumn("{task.fields[rate]:>12}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), expand=True) as bars:
        yield _Bars(bars)


class _Bars:
    """One bar for each stage."""

    def __init__(self, bars: Any) -> None:
        self._bars = bars
        self._tasks: dict[str, tuple[Any, int, float]] = {}

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        if stage not in self._tasks:
            task = self._bars.add_task(stage, total=total, rate="", note="", completed=done)
            self._tasks[stage] = (task, done, time.monotonic())
        task, before, started = self._tasks[stage]
        seconds = time.monotonic() - started
        rate = _rate(done - before, seconds) if seconds > 1 else ""
        self._bars.update(task, completed=done, total=total, rate=rate, note=note)


class _Lines:
    """A line when a stage begins and ends, and every half minute between."""

    _SECONDS = 30.0

    def __init__(self) -> None:
        self._said: dict[str, tuple[int, float]] = {}
        self._began: dict[str, tuple[int, float]] = {}

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        before, began = self._began.setdefault(stage, (done, time.monotonic()))
        last, at = self._said.get(stage, (-1, 0.0))
        due = time.monotonic() - at >= self._SECONDS or done == total
        if done != last and due:
            seconds = time.monotonic() - began
            pace = ""
            if before < done < total:
                left = seconds / (done - before) * (total - done)
                pace = f", {_rate(done - before, seconds)}, {duration(left)} left"
            say(f"{stage}: {done:,} of {total:,}{', ' if note else ''}{note}{pace}")
            self._said[stage] = (done, time.monotonic())


def _rate(count: int, seconds: float) -> str:
    """Write a rate so that slow work has digits, too."""
    if 0 < count < seconds:
        return f"{seconds / count:.1f} s each"
    return f"{count / seconds:.1f}/s"


def print_table(rows: list[tuple[str, str]]) -> None:
    """Print a table of two columns on standard output."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console

    from genmix.reporting.plain import PlainTable

    table = PlainTable(box=SIMPLE_HEAD, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right", overflow="fold")
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)


def print_whole(table: "PlainTable", console: "Console") -> None:
    """Print a table, beyond the terminal's edge if need be: a number that is cut is another.

    Args:
        table: Its columns that do not wrap are shown whole, of the others 16 letters a line.
        console: Where.
    """
    from rich.cells import cell_len
    from rich.measure import Measurement

    spare = 0
    for column in table.columns:
        texts = [str(cell) for cell in (column.header, *column.cells)]
        if column.no_wrap:
            column.min_width = max(cell_len(line) for text in texts for line in text.split("\n"))
        else:
            longest = max((cell_len(word) for text in texts for word in text.split()), default=0)
            spare += max(0, longest - _FOLDED)
    anywhere = console.options.update(max_width=_ANY_WIDTH)
    needed = Measurement.get(console, anywhere, table).minimum - spare
    width = console.width
    console.width = max(needed, width)
    console.print(table)
    console.width = width


_FOLDED = 16
_ANY_WIDTH = 10_000


def duration(seconds: float) -> str:
    """Write a time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def size_of(count: float) -> str:
    """Write a number of bytes as people say it."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit in {"B", "kB"} else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
