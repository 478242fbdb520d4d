"""`genmix serve`: an editor for other machines."""

import ipaddress
import os
from pathlib import Path

import click

from genmix.cli.console import say

_KEY = "GENMIX_API_KEY"


@click.command(short_help="Offer an editor over HTTP.")
@click.option("--editor", metavar="NAME", default="procedural", show_default=True,
              help="The editor to offer.")  # fmt: skip
@click.option(
    "--strength",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="X",
    default=1.0,
    show_default=True,
    help="How far it goes from the original.",
)
@click.option("--editor-preset", metavar="NAME", help="Of diffusers: paper, balanced or fast.")
@click.option("--editor-set", multiple=True, metavar="KEY=VALUE",
              help="A setting of the editor; may be repeated.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True,
              help="The port; 0 takes a free one.")  # fmt: skip
@click.option("--api-key-file", type=click.Path(), metavar="FILE",
              help=f"API keys, one a line  [default: that of {_KEY}]")  # fmt: skip
@click.option("--max-upload", type=click.FloatRange(0, min_open=True), metavar="MB", default=64,
              show_default=True, help="Of a request.")  # fmt: skip
@click.option("--max-pixels", type=click.IntRange(min=64), metavar="N", default=2048 * 2048,
              show_default=True, help="Of a picture.")  # fmt: skip
@click.option("--max-pictures", type=click.IntRange(min=1), metavar="N", default=16,
              show_default=True, help="Edits that a request may ask for.")  # fmt: skip
@click.option("--rate", type=click.IntRange(min=1), metavar="N",
              help="Edits a minute for each key  [default: no limit]")  # fmt: skip
@click.option("--queue", type=click.IntRange(min=1), metavar="N", default=256, show_default=True,
              help="Pictures that may wait.")  # fmt: skip
def serve(
    editor: str,
    strength: float,
    editor_preset: str | None,
    editor_set: tuple[str, ...],
    host: str,
    port: int,
    api_key_file: str | None,
    max_upload: float,
    max_pixels: int,
    max_pictures: int,
    rate: int | None,
    queue: int,
) -> None:
    """Offer an editor over HTTP, to genmix on other machines and to OpenAI's clients.

    It listens to this machine alone, unless --host says otherwise; then an API key is needed, from
    the environment (GENMIX_API_KEY) or a file.

    \b
    genmix serve --editor diffusers:timbrooks/instruct-pix2pix
    genmix serve --editor procedural --host 0.0.0.0 --api-key-file keys.txt
    """
    from genmix.cli.choose import editor_settings
    from genmix.errors import MissingExtraError

    keys = _keys(api_key_file)
    if not keys and not _is_loopback(host):
        raise click.UsageError(
            f"--host {host} lets other machines in, and there is no API key: set {_KEY}, or give "
            "--api-key-file"
        )
    if queue < max_pictures:
        raise click.UsageError(
            f"--queue {queue} is too short for a request of --max-pictures {max_pictures}"
        )
    chosen = editor_settings(editor_preset, editor_set)
    try:
        from genmix import serving
    except ImportError as error:
        raise MissingExtraError("genmix serve", "serve") from error
    limits = serving.Limits(
        upload_bytes=round(max_upload * 1e6),
        pixels=max_pixels,
        pictures=max_pictures,
        queue=queue,
        per_minute=rate,
    )
    serving.serve(
        editor,
        strength=strength,
        settings=chosen,
        host=host,
        port=port,
        keys=keys,
        limits=limits,
        progress=lambda words: say(f"genmix serve: {words}"),
    )


def _keys(file: str | None) -> list[str]:
    if file is None:
        return [key] if (key := os.environ.get(_KEY, "").strip()) else []
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"cannot read the API keys in {file}: {error}") from error
    keys = [line.strip() for line in lines if line.strip()]
    if not keys:
        raise click.UsageError(f"there is no API key in {file}: write one a line")
    return keys


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
