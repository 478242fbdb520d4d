"""Options of every verb that trains, and the defaults that depend on one another."""

from collections.abc import Callable
from typing import Any

import click

_PREACT = "preact_resnet18"


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what is trained, on pictures of what size; `settle` fills in what is left out."""
    return _with(
        command,
        click.option(
            "--model",
            metavar="NAME",
            default="efficientnet_lite0",
            show_default=True,
            help=f"Any of timm's, or {_PREACT} for small pictures.",
        ),
        click.option(
            "--weights",
            type=click.Choice(["scratch", "fine-tune", "linear-probe"]),
            help=f"What to start from, and to train  [default: fine-tune; scratch for {_PREACT}]",
        ),
        click.option(
            "--size",
            type=click.IntRange(8, 4096),
            metavar="N",
            help=f"Side of the pictures in pixels  [default: 128; 32 for {_PREACT}]",
        ),
    )


def optimizer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add how it is trained."""
    return _with(
        command,
        click.option(
            "--batch-size",
            type=click.IntRange(2, 65_536),
            metavar="N",
            default=64,
            show_default=True,
            help="Pictures of a batch.",
        ),
        click.option(
            "--optimizer",
            metavar="NAME",
            default="adamw",
            show_default=True,
            help="Any of timm's but adahessian.",
        ),
        click.option(
            "--lr", type=float, metavar="X", help="Learning rate  [default: by --weights]"
        ),
        click.option("--weight-decay", type=float, metavar="X", default=0.05, show_default=True),
        click.option(
            "--schedule",
            type=click.Choice(["cosine", "step", "none"]),
            default="cosine",
            show_default=True,
            help="How the learning rate falls.",
        ),
        click.option(
            "--warmup-steps",
            type=click.IntRange(min=0),
            metavar="N",
            default=0,
            show_default=True,
            help="Steps in which the learning rate rises.",
        ),
        click.option(
            "--average",
            type=click.FloatRange(0, 1),
            metavar="SHARE",
            default=0.0,
            show_default=True,
            help="Take the mean of the weights over this share of the steps, at the end.",
        ),
        click.option(
            "--label-smoothing",
            type=click.FloatRange(0, 1),
            metavar="X",
            default=0.0,
            show_default=True,
        ),
        click.option(
            "--precision",
            type=click.Choice(["no", "fp16", "bf16"]),
            default="no",
            show_default=True,
            help="Mixed precision.",
        ),
    )


def settle(chosen: dict[str, Any]) -> None:
    """Fill in the size and the weights to start from, where they were left out."""
    small = chosen["model"].startswith(_PREACT)
    chosen["size"] = chosen["size"] or (32 if small else 128)
    chosen["weights"] = chosen["weights"] or ("scratch" if small else "fine-tune")


def _with(command: Callable[..., Any], *options: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command
