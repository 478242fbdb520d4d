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


@prompts.command("list")
@click.argument("library", required=False)
@_lang
def list_(library: str | None, lang: str) -> None:
    """List the prompts of one LIBRARY (a name or a YAML file), or of all that ship.

    \b
    genmix prompts list classification
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from genmix.prompts import load_library, shipped_libraries

    for name in [library] if library else shipped_libraries():
        found = load_library(name)
        about = f"{getattr(found.description, lang)}" if found.description else ""
        table = Table(
            title=f"[bold]{found.id}[/bold]  {about}", box=SIMPLE_HEAD, title_justify="left"
        )
        for column in ("id", "name", "what it looks like"):
            table.add_column(column, overflow="fold")
        for prompt in found.prompts:
            table.add_row(prompt.id, getattr(prompt.name, lang), getattr(prompt.description, lang))
        Console().print(table)


@prompts.command()
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
