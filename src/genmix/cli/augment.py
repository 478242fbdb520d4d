"""`genmix augment`: the main job."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from genmix.cli.console import (
    SOME_FAILED,
    duration,
    edits_option,
    print_json,
    print_table,
    progress_bar,
    recipe_options,
    say,
    shard_option,
    show_left_out,
    size_of,
    workers_option,
)

if TYPE_CHECKING:
    from genmix.jobs import Estimate, Share, Summary
    from genmix.provenance.signing import Signing
    from genmix.reviewing import Applied


@click.command()
@click.argument("source", type=click.Path())
@click.option("-o", "--out", required=True, type=click.Path(), help="The output folder.")
@recipe_options
@edits_option
@click.option(
    "--variants", type=click.IntRange(min=1), metavar="N", help="Pictures by photo and prompt."
)
@click.option(
    "--originals",
    type=click.Choice(["none", "link", "copy"]),
    help="Put the photos themselves into the set; as PNG where torchvision would misread one.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Use this many photos, of all classes."
)
@click.option(
    "--license", "photo_license", metavar="ID", help="Of the photos, e.g. CC-BY-4.0 (SPDX)."
)
@click.option(
    "--sign-cert", type=click.Path(), metavar="FILE", help="Sign as C2PA asks: the certificate."
)
@click.option("--sign-key", type=click.Path(), metavar="FILE", help="Its private key.")
@workers_option
@shard_option
@click.option("--apply-reviews", is_flag=True, help="Take out what reviewers refused.")
@click.option("--dry-run", is_flag=True, help="Count and estimate time and disk; write nothing.")
@click.option("--strict", is_flag=True, help="Exit with 3 if any photo could not be used.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def augment(
    source: str,
    out: str,
    recipe: str,
    edits: str | None,
    originals: str | None,
    limit: int | None,
    photo_license: str | None,
    sign_cert: str | None,
    sign_key: str | None,
    workers: int,
    shard: "Share | None",
    apply_reviews: bool,
    dry_run: bool,
    strict: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Make a training set of a folder of labelled photos.

    SOURCE is a folder with a folder for each class, a Hugging Face imagefolder with metadata, or
    Parquet. Running the same command again goes on where it was stopped.

    \b
    genmix augment photos -o train-set --originals link
    genmix augment photos -o drawings --recipe domain-adaptation --size 256
    genmix augment photos -o trial --limit 20 --prompts snowy,fog --variants 2
    """
    from pathlib import Path

    from genmix import jobs
    from genmix.cli.choose import chosen_recipe

    if originals is not None:
        choices["output"] = {"originals": originals}
    if photo_license is not None:
        choices["rights"] = {"photos": photo_license}
    if (sign_cert is None) is not (sign_key is None):
        raise click.UsageError("--sign-cert and --sign-key belong together: give both")
    settings: dict[str, Any] = {
        "recipe": chosen_recipe(recipe, **choices),
        "workers": workers,
        "limit": limit,
        "share": shard or jobs.WHOLE,
        "edits": Path(edits) if edits else None,
    }
    if apply_reviews:
        _check_reviews(out)
    if dry_run:
        _show_estimate(jobs.estimate(source, out, **settings), out, as_json)
        return
    with progress_bar() as progress:
        summary = jobs.augment(
            source,
            out,
            signing=_signing(sign_cert, sign_key),
            progress=progress,
            **settings,
        )
    if not as_json:
        _show_summary(summary)
    applied = _applied(out) if apply_reviews and summary.finished else None
    if as_json:
        reviews = {"reviews": applied and asdict(applied)} if apply_reviews else {}
        print_json(summary.to_dict() | reviews)
    elif apply_reviews:
        click.echo(f"Reviews        {_reviewed(applied, summary.finished)}")
    if strict and summary.tally.failed:
        sys.exit(SOME_FAILED)


def _signing(certificate: str | None, key: str | None) -> "Signing | None":
    if certificate is None or key is None:
        return None
    from pathlib import Path

    from genmix.provenance.signing import open_signing

    return open_signing(Path(certificate), Path(key))


def _check_reviews(out: str) -> None:
    """Refuse reviews that cannot be read before any work is done for them."""
    from genmix.reviewing import has_reviews, open_reviews

    if has_reviews(out):
        open_reviews(out).close()


def _applied(out: str) -> "Applied | None":
    """Apply the reviews; None where there are none yet."""
    from genmix.reviewing import apply_reviews, has_reviews

    return apply_reviews(out) if has_reviews(out) else None


def _reviewed(applied: "Applied | None", finished: bool) -> str:
    if not finished:
        return "are applied when every share is done"
    if applied is None:
        return "none yet, so every picture stays"
    return "1 picture is out" if applied.out == 1 else f"{applied.out:,} pictures are out"


def _show_estimate(found: "Estimate", out: str, as_json: bool) -> None:
    if as_json:
        print_json(found.to_dict())
        return
    click.echo(f"Dry run: nothing is written to {out}")
    print_table(
        [
            ("photos", f"{found.photos:,}"),
            ("classes", f"{found.classes:,}"),
            ("pictures to make", f"{found.items:,}"),
            ("time, nothing cached", duration(found.seconds)),
            ("time, all edits cached", duration(found.seconds_cached)),
            ("disk for the output", size_of(found.output_bytes)),
            ("disk for the edit cache", size_of(found.cache_bytes)),
            ("free at the output", size_of(found.free_bytes)),
        ]
    )
    show_left_out(found.ignored, "not used")
    click.echo(f"Reckoned from {found.sampled} pictures that were made in memory.")


def _show_summary(summary: "Summary") -> None:
    tally = summary.tally
    made = summary.edits_made + summary.edits_reused
    rows = [
        ("planned", f"{summary.planned:,}"),
        ("written", f"{tally.written:,}"),
        ("kept from an earlier run", f"{summary.kept_from_before:,}"),
        ("edits made", f"{summary.edits_made:,}"),
        ("edits re-used from the cache", f"{summary.edits_reused:,}"),
        *((f"rejected: {cause}", f"{n:,}") for cause, n in tally.rejected.most_common()),
        *((f"failed: {cause}", f"{n:,}") for cause, n in tally.failed.most_common()),
        ("time", duration(summary.seconds) if made else "nothing to do"),
    ]
    print_table(rows)
    show_left_out(tally.failed_photos, "could not be used")
    show_left_out(summary.ignored, "not used")
    show_left_out(summary.fractals_left_out, "not blended in")
    if summary.forgotten:
        say(f"photos that genmix forget withdrew from this output: {summary.forgotten:,}")
    for label in sorted(label for label, count in tally.classes.items() if not count):
        say(f"warning: nothing of the class '{label}' was written")
    if not summary.finished:
        click.echo(f"This share is done; {summary.out} is complete when every share is.")
        return
    click.echo(f"Training set   {summary.out / 'images'}")
    click.echo(f"Look at        {summary.out / 'contact-sheet.png'}")
    click.echo(f"Every picture  {summary.out / 'manifest.parquet'}")
