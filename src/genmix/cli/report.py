"""`genmix report`: what an experiment found, as one page for people."""

import click


@click.command(short_help="Write a report, in English or Japanese.")
@click.argument("folder", type=click.Path())
@click.option(
    "--lang",
    type=click.Choice(["en", "ja"]),
    default="en",
    show_default=True,
    help="Of the report: English or Japanese.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(),
    metavar="FILE",
    help="Where to write it  [default: report.html or report.ja.html in FOLDER]",
)
def report(folder: str, lang: str, out: str | None) -> None:
    """Write a report of what genmix compare, ablate or poc found in FOLDER.

    One HTML file that opens in any browser without a network, and prints to a few pages.

    \b
    genmix report proof
    genmix report proof --lang ja -o 報告書.html
    """
    from pathlib import Path

    from genmix.cli.experiment import need_proof

    need_proof("genmix report")
    from genmix.reporting.reports import report_of
    from genmix.reporting.wording import LANGUAGES
    from genmix.storage import write_whole

    language = next(each for each in LANGUAGES if each == lang)
    name = "report.html" if language == "en" else f"report.{language}.html"
    path = Path(out) if out else Path(folder, name)
    write_whole(path, report_of(Path(folder), language).encode())
    click.echo(f"Open       {path}")
