"""`genmix review`: what reviewers decided about an output, and using it."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from genmix.cli.console import print_json, print_table, say, seed_option

if TYPE_CHECKING:
    from genmix.reviewing import Kappa, Rate, ReviewReport, Undecided


_confidence_option = click.option(
    "--confidence",
    type=click.FloatRange(0.5, 0.9999),
    metavar="X",
    default=0.95,
    show_default=True,
    help="Of every interval and bound.",
)


@click.group()
def review() -> None:
    """Use what people decided about the pictures of an output.

    \b
    genmix review sample OUT            draw pictures to check
    genmix review status OUT            what was decided, and what follows
    genmix review export OUT -o KEPT    a training set of what was kept
    genmix review apply OUT             take out of OUT what was refused
    """


@review.command(short_help="Show what was decided, and what follows.")
@click.argument("out", type=click.Path())
@_confidence_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def status(out: str, confidence: float, as_json: bool) -> None:
    """Show what was decided about the pictures of OUT, and what follows from it.

    \b
    genmix review status train-set
    """
    from genmix.reviewing import open_reviews, review_report

    with open_reviews(out) as store:
        report = review_report(store, confidence)
    if as_json:
        pairs = [{"reviewers": pair, **asdict(kappa)} for pair, kappa in report.agreement.items()]
        print_json(asdict(report) | {"agreement": pairs})
        return
    print_table(_status_rows(report))
    if report.outdated:
        say(f"{report.outdated:,} decisions are about pictures that were made anew or are gone; "
            "they do not count")  # fmt: skip
    if report.sample is not None and report.sample.beyond:
        say(f"{report.sample.beyond:,} more of the sample were decided about, and do not count "
            "until those before them in the order of the drawing are")  # fmt: skip
    if report.sample is None:
        say("nothing bounds how many of all pictures are bad: draw a sample with genmix review "
            "sample, and check it")  # fmt: skip


@review.command(short_help="Draw pictures to check.")
@click.argument("out", type=click.Path())
@click.option("--max-rate", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="X",
              default=0.05, show_default=True,
              help="The share of bad ones to rule out.")  # fmt: skip
@_confidence_option
@click.option("--bad", type=click.IntRange(min=0), metavar="N", default=0, show_default=True,
              help="How many bad ones the sample may have.")  # fmt: skip
@click.option("--by", type=click.Choice(["class", "prompt"]),
              help="Give each its share of the sample.")  # fmt: skip
@seed_option
def sample(
    out: str, max_rate: float, confidence: float, bad: int, by: str | None, seed: int
) -> None:
    """Draw the pictures of OUT to check, to be sure that few of all of them are bad.

    If at most --bad of them turn out bad, fewer than --max-rate of all are. Decisions stay when
    another sample is drawn.

    \b
    genmix review sample train-set --max-rate 0.05
    """
    from genmix.errors import ReviewError
    from genmix.reviewing import Store, count, draw_sample, sample_size

    with Store(out) as store:
        population = count(store)
        try:
            size = sample_size(max_rate, confidence, bad=bad, population=population)
        except ValueError as error:
            raise ReviewError(f"no sample of {out} can show that: {error}") from error
        draw_sample(
            store, size, seed=seed, by="label" if by == "class" else "prompt" if by else None
        )
    if_good = "none is bad" if bad == 0 else f"at most {bad} are bad"
    click.echo(
        f"Check {size:,} of {population:,} pictures: if {if_good}, fewer than {_share(max_rate)} "
        f"of all are, with {_share(confidence)} confidence."
    )


@review.command(short_help="Write what was kept to a new folder.")
@click.argument("out", type=click.Path())
@click.option("-o", "--to", required=True, type=click.Path(), help="The folder to make.")
@click.option("--undecided", type=click.Choice(["keep", "leave-out"]), default="keep",
              show_default=True, help="Pictures that nobody decided about.")  # fmt: skip
def export(out: str, to: str, undecided: "Undecided") -> None:
    """Write what was kept of OUT to a new folder that reads like OUT.

    \b
    genmix review export train-set -o kept
    """
    from genmix.reviewing import export_reviewed

    done = export_reviewed(out, to, undecided=undecided)
    rows = [
        ("pictures", f"{done.pictures:,}"),
        ("… moved to another class", f"{done.relabelled:,}"),
    ]
    rows += [(f"left out, {name}", f"{n:,}") for name, n in sorted(done.left_out.items())]
    print_table(rows)
    for name in sorted(name for name, n in done.classes.items() if not n):
        say(f"no picture of the class '{name}' is left")
    click.echo(f"Look at    {to}")


@review.command(short_help="Take out what reviewers refused.")
@click.argument("out", type=click.Path())
def apply(out: str) -> None:
    """Take out of OUT what reviewers refused, and put back what they no longer refuse.

    \b
    genmix review apply train-set
    """
    from genmix.reviewing import apply_reviews

    done = apply_reviews(out)
    click.echo(
        f"{done.taken_out:,} pictures taken out of {out}, {done.put_back:,} put back; "
        f"{done.out:,} are out now"
    )


def _status_rows(report: "ReviewReport") -> list[tuple[str, str]]:
    rows = [("made pictures", f"{report.pictures:,}")]
    rows += [(f"… {name}", f"{n:,}") for name, n in sorted(report.statuses.items())]
    if (drawn := report.sample) is not None:
        rows += [
            ("", ""),
            (
                f"of the first {drawn.checked:,} of {drawn.size:,} drawn at random",
                f"{drawn.bad:,} bad",
            ),
            (
                f"of all, with {_share(report.confidence)} confidence",
                f"at most {_share(drawn.at_most)} bad",
            ),
        ]
    rows += [("", ""), ("bad of those looked at", _rate(report.checked))]
    rows += [(f"class {name}", _rate(rate)) for name, rate in report.by_label.items()]
    rows += [(f"prompt {name}", _rate(rate)) for name, rate in report.by_prompt.items()]
    rows += [("", ""), *((f"decided by {name}", f"{n:,}") for name, n in report.reviewers.items())]
    rows += [
        (f"{first} and {second} agree", _kappa(kappa))
        for (first, second), kappa in report.agreement.items()
    ]
    return rows


def _rate(rate: "Rate") -> str:
    if not rate.checked:
        return "none yet"
    return (
        f"{rate.bad:,} of {rate.checked:,}: {_share(rate.bad / rate.checked)} "
        f"({_share(rate.low)} to {_share(rate.high)})"
    )


def _kappa(kappa: "Kappa") -> str:
    words = f"{_share(kappa.agreed)} of {kappa.count:,}"
    if kappa.value is None:
        return words
    words += f", κ {kappa.value:.2f}"
    return words if kappa.low is None else f"{words} ({kappa.low:.2f} to {kappa.high:.2f})"


def _share(of_one: float) -> str:
    return f"{100 * of_one:.3g} %"
