"""The command `genmix`: one module a verb, each parses, calls and prints."""

import errno
import io
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

from genmix import __version__
from genmix.cli.ablate import ablate
from genmix.cli.audit import audit
from genmix.cli.augment import augment
from genmix.cli.compare import compare
from genmix.cli.console import say
from genmix.cli.demo import demo
from genmix.cli.doctor import doctor
from genmix.cli.edit import edit
from genmix.cli.evaluate import evaluate
from genmix.cli.forget import forget
from genmix.cli.fractals import fractals
from genmix.cli.mix import mix
from genmix.cli.poc import poc
from genmix.cli.preview import preview
from genmix.cli.prompts import prompts
from genmix.cli.recipe import recipe
from genmix.cli.report import report
from genmix.cli.review import review
from genmix.cli.screen import screen
from genmix.cli.serve import serve
from genmix.cli.studio import studio
from genmix.cli.trace import trace
from genmix.cli.train import train
from genmix.errors import GenmixError, PromptError, RecipeError, nearest

_BAD_USAGE = 2
_FAILED = 1
_INTERRUPTED = 130
_TERMINATED = 143


class _Genmix(click.Group):
    """The group of verbs: shows a user's mistake in one line, and lists verbs as they are used."""

    def invoke(self, ctx: click.Context) -> object:
        _show_what_has_no_place()
        try:
            with _asked_to_stop() as terminated:
                return super().invoke(ctx)
        except GenmixError as error:
            if ctx.params["debug"]:
                raise
            say(f"Error: {error}")
            ctx.exit(_BAD_USAGE if isinstance(error, PromptError | RecipeError) else _FAILED)
        except OSError as error:
            if ctx.params["debug"] or error.errno in {None, errno.EPIPE}:
                raise
            say(f"Error: {error}; genmix --debug shows where")
            ctx.exit(_FAILED)
        except KeyboardInterrupt:
            click.echo("stopped; run the same command again to go on", err=True)
            ctx.exit(_TERMINATED if terminated() else _INTERRUPTED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            ctx.fail(f"there is no command '{args[0]}'; {nearest(args[0], self.commands)}")
        if "" in args:
            before = args[args.index("") - 1] if args.index("") else ""
            what = before if before.startswith("-") else "an argument"
            ctx.fail(f"{what} is empty: is a variable of the shell not set?")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """List the verbs in the order in which a newcomer needs them."""
        return list(self.commands)


def _show_what_has_no_place() -> None:
    """Write what a terminal's or a file's encoding does not have as escapes, not as an error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Take SIGTERM, which schedulers send, as Ctrl-C: a run writes down where it is and cleans up.

    Yields:
        Whether it came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    came = threading.Event()

    def stop(_: int, frame: FrameType | None) -> None:
        came.set()
        on_ctrl_c = signal.getsignal(signal.SIGINT)
        if not callable(on_ctrl_c):  # ignored, as it is for what a script starts in the background
            raise KeyboardInterrupt
        on_ctrl_c(signal.SIGINT, frame)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGTERM, before)


@click.group(cls=_Genmix, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="genmix %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Turn a folder of labelled photos into a training set that makes a better classifier.

    \b
    genmix demo -o demo-output          see it on photos that come with a package
    genmix augment PHOTOS -o TRAIN      make a training set of your own photos
    """


for _command in (
    demo,
    augment,
    screen,
    audit,
    review,
    preview,
    edit,
    trace,
    forget,
    prompts,
    recipe,
    fractals,
    serve,
    studio,
    mix,
    train,
    evaluate,
    compare,
    ablate,
    poc,
    report,
    doctor,
):
    main.add_command(_command)
