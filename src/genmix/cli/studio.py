"""`genmix studio`: prompts, mixing, runs, reviews and results in the browser."""

import ipaddress
import os
from pathlib import Path

import click

from genmix.cli.console import say

_AUTH = "GENMIX_STUDIO_AUTH"


@click.command(short_help="Prompts, mixing and reviews in the browser.")
@click.argument("source", required=False, type=click.Path())
@click.option("-o", "--out", type=click.Path(), default="genmix-studio", show_default=True,
              help="Where pictures are made, and prompts and recipes saved.")  # fmt: skip
@click.option("--lang", type=click.Choice(["ja", "en"]),
              help="The language  [default: the browser's]")  # fmt: skip
@click.option("--editor", metavar="NAME", default="procedural", show_default=True,
              help="procedural, diffusers:MODEL or http://HOST:PORT.")  # fmt: skip
@click.option("--results", type=click.Path(exists=True, file_okay=False), metavar="DIR",
              multiple=True, help="More results to show; may be given again.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True,
              help="The port; 0 takes a free one.")  # fmt: skip
@click.option("--auth", metavar="USER:PASSWORD",
              help=f"Who is let in  [default: what {_AUTH} says]")  # fmt: skip
@click.option("--auth-file", type=click.Path(), metavar="FILE", help="The same, from a file.")
@click.option("--no-auth", is_flag=True, help="Let everybody in, also from other machines.")
def studio(
    source: str | None,
    out: str,
    lang: str | None,
    editor: str,
    results: tuple[str, ...],
    host: str,
    port: int,
    auth: str | None,
    auth_file: str | None,
    no_auth: bool,
) -> None:
    """Open the studio: write prompts, set the mix, make the pictures and review them.

    SOURCE is what genmix augment takes; without it, a few sample photos. The studio listens to this
    machine alone, unless --host says otherwise; then a password is needed.

    \b
    genmix studio photos -o studio
    genmix studio photos -o studio --lang ja --port 0
    GENMIX_STUDIO_AUTH=anna:secret genmix studio photos -o studio --host 0.0.0.0
    """
    from genmix.editing import open_editor
    from genmix.errors import MissingExtraError

    password = None if no_auth else _password(auth, auth_file)
    if password is None and not no_auth and not _is_loopback(host):
        raise click.UsageError(
            f"--host {host} lets other machines in, and there is no password: set {_AUTH}, give "
            "--auth-file, or say --no-auth"
        )
    try:
        from genmix import studio as room
    except ImportError as error:
        raise MissingExtraError("genmix studio", "studio") from error
    if editor.partition(":")[0] not in ("http", "https", "diffusers"):
        open_editor(editor)
    settings = room.Settings(
        source=source or _samples(),
        out=out,
        language=lang,  # type: ignore[arg-type]
        editor=editor,
        password=password,
        host=host,
        results=results,
    )
    room.serve(settings, port, lambda address: say(f"genmix studio: open {address}"))
    say("genmix studio: closed")


def _password(auth: str | None, file: str | None) -> tuple[str, str] | None:
    given, where = auth, "--auth"
    if given is None and file is not None:
        where = file
        try:
            given = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"cannot read the password in {file}: {error}") from error
    if given is None:
        where = _AUTH
        given = os.environ.get(_AUTH)
    if given is None:
        return None
    user, colon, password = given.partition(":")
    if not (user and colon and password):
        raise click.UsageError(f"{where} does not hold USER:PASSWORD")
    return user, password


def _samples() -> str:
    """Return a folder of sample photos, made if it is not there."""
    from genmix.datasets.samples import demo_photos, synthetic_photos
    from genmix.errors import MissingExtraError
    from genmix.storage import cache_folder

    folder = cache_folder() / "studio-samples"
    if not folder.exists():
        try:
            demo_photos(folder)
        except MissingExtraError:
            synthetic_photos(folder, classes=4, per_class=6, size=320, seed=1)
    return str(folder)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
