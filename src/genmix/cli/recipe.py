"""`genmix recipe`: start, show and check recipe files."""

import click

from genmix.cli.console import show_left_out


@click.group()
def recipe() -> None:
    """Start, show and check recipes.

    \b
    genmix recipe show
    genmix recipe init my-recipe.yaml --preset paper
    genmix recipe validate my-recipe.yaml
    """


@recipe.command(short_help="Write a recipe to edit, from a preset.")
@click.argument("file", type=click.Path())
@click.option("--preset", default="classification", show_default=True, help="What to start from.")
def init(file: str, preset: str) -> None:
    """Write a recipe FILE to edit, from a preset, every value spelled out.

    \b
    genmix recipe init my-recipe.yaml --preset domain-adaptation
    """
    from pathlib import Path

    from genmix.errors import OutputError, RecipeError
    from genmix.recipe import load_recipe
    from genmix.storage import write_whole

    if not file.endswith((".yaml", ".yml")):
        raise RecipeError(f"a recipe's name ends in .yaml: write {file}.yaml")
    if Path(file).exists():
        raise OutputError(f"{file} exists: choose another name, or remove it first")
    head = (
        f"# A genmix recipe, from the preset {preset}; docs/recipes.md says what each key does.\n"
    )
    chosen = load_recipe(preset).beside(Path(file))
    write_whole(Path(file), (head + chosen.to_yaml()).encode())
    click.echo(f"Edit {file}, then: genmix augment PHOTOS -o OUT --recipe {file}")


@recipe.command(short_help="Show a recipe, or list the presets.")
@click.argument("name", required=False)
def show(name: str | None) -> None:
    """Show a preset or a recipe file with every value; without a name, list the presets.

    \b
    genmix recipe show paper
    """
    from genmix.recipe import load_recipe, preset_text, shipped_presets

    if name is not None:
        click.echo(load_recipe(name).to_yaml(), nl=False)
        return
    for preset in shipped_presets():
        lines = preset_text(preset).splitlines()
        about = " ".join(line.removeprefix("# ") for line in lines if line.startswith("#"))
        click.echo(click.style(preset, bold=True))
        click.echo(click.wrap_text(about, initial_indent="  ", subsequent_indent="  "))


@recipe.command(short_help="Check a recipe and what it names.")
@click.argument("file", type=click.Path())
def validate(file: str) -> None:
    """Check a recipe FILE, its prompts, its editor and its folder of fractals.

    \b
    genmix recipe validate my-recipe.yaml
    """
    from pathlib import Path

    from genmix.fractals import FractalBank
    from genmix.recipe import load_recipe

    checked = load_recipe(file)
    prompts = checked.chosen_prompts()
    checked.editor.open().check(prompts)
    if checked.fractals.folder is not None:
        bank = FractalBank.from_folder(Path(checked.fractals.folder), checked.size)
        show_left_out(dict(bank.unreadable), "not blended in")
    click.echo(f"{file} is valid: {len(prompts)} prompts, {checked.size} pixels")
