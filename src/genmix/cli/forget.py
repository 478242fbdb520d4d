"""`genmix forget`: take a photo back, and all that was made of it."""

from typing import TYPE_CHECKING

import click

from genmix.cli.console import edits_option, print_json, print_table, say

if TYPE_CHECKING:
    from genmix.jobs.forget import Forgotten


@click.command(short_help="Remove photos and all that was made of them.")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("--from", "out", required=True, type=click.Path(), help="The output.")
@edits_option
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def forget(sources: tuple[str, ...], out: str, edits: str | None, as_json: bool) -> None:
    """Remove photos and all that was made of them from an output and the edit cache.

    SOURCE is a photo's file, its path as the manifest has it, or the SHA-256 of its bytes. Its
    pictures, edits, rows and reviews go, and its name with them; forgotten.jsonl keeps its hash and
    the day. Augmenting again leaves it out. The source folder is yours: remove the photo there
    yourself.

    If it was stopped, running the same command again ends it.

    \b
    genmix forget photos/ann/portrait.jpg --from train-set
    genmix forget ann/portrait.jpg ann/garden.jpg --from train-set --edits edits
    """
    from pathlib import Path

    from genmix.jobs.forget import forget as remove
    from genmix.reviewing import forget_reviews

    done = remove(sources, out, edits=Path(edits) if edits else None, also=forget_reviews)
    if as_json:
        print_json(done.to_dict())
        return
    _show(done)


def _show(done: "Forgotten") -> None:
    if not done.photos:
        click.echo(f"Nothing to do: forgotten before, as {done.out / 'forgotten.jsonl'} says.")
        return
    print_table(
        [
            ("photos forgotten", f"{done.photos:,}"),
            ("pictures removed", f"{done.pictures:,}"),
            ("rows of the manifest removed", f"{done.rows:,}"),
            ("edits removed from the cache", f"{done.edits:,}"),
        ]
    )
    click.echo(f"Record         {done.out / 'forgotten.jsonl'}")
    if done.sheet == "redrawn":
        say("the contact sheet was drawn anew without them")
    elif done.sheet == "removed":
        say("the contact sheet was removed: there is nothing left to draw it from")
    if done.audit_removed:
        say("audit.json was removed, as its figures counted them: run genmix audit again")
    if done.blended_folder is not None:
        say(
            f"warning: pictures of {done.blended_folder} were blended in: if one of them was the "
            "photo, it is still in others; make the set anew without it"
        )
