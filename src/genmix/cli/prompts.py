"""`genmix prompts`: browse the prompt libraries."""

import click


@click.group()
def prompts() -> None:
    """List and show prompts.

    \b
    genmix prompts list
    genmix prompts list industrial --lang ja
    genmix prompts show snowy
    """


_lang = click.option(
    "--lang", type=click.Choice(["en", "ja"]), default="en", show_default=True, help="Language."
)


_HEADINGS = {"en": ("id", "name", "what it looks like"), "ja": ("ID", "名前", "見た目")}


@prompts.command("list", short_help="List the prompts of a library, or of all.")
@click.argument("library", required=False)
@_lang
def list_(library: str | None, lang: str) -> None:
    """List the prompts of one LIBRARY (a name or a YAML file), or of all that ship.

    \b
    genmix prompts list classification
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console

    from genmix.prompts import load_library, shipped_libraries
    from genmix.reporting.plain import PlainTable

    for name in [library] if library else shipped_libraries():
        found = load_library(name)
        click.echo(click.style(found.id, bold=True))
        if found.description:
            click.echo(getattr(found.description, lang))
        table = PlainTable(box=SIMPLE_HEAD)
        for column in _HEADINGS[lang]:
            table.add_column(column, overflow="fold")
        for prompt in found.prompts:
            table.add_row(prompt.id, getattr(prompt.name, lang), getattr(prompt.description, lang))
        Console().print(table)


@prompts.command(short_help="Show a prompt or a library as YAML.")
@click.argument("name")
def show(name: str) -> None:
    """Show a prompt by its id, or a library by its name or file, as YAML.

    \b
    genmix prompts show snowy
    genmix prompts show industrial > my-prompts.yaml
    """
    import yaml

    from genmix.prompts import load_library, shipped_libraries
    from genmix.prompts.library import ALL

    if name in shipped_libraries() or name.endswith((".yaml", ".yml")):
        shown = load_library(name).model_dump(mode="json", exclude_none=True)
    else:
        shown = load_library(ALL).select([name])[0].model_dump(mode="json")
    click.echo(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True), nl=False)
