"""Options that choose an editor's settings, and how slow work is shown."""

import pytest
from click.testing import CliRunner

from genmix.cli import main
from genmix.cli.choose import chosen_recipe
from genmix.cli.console import progress_bar
from genmix.errors import RecipeError


def test_settings_are_read_as_numbers_switches_and_words() -> None:
    pairs = ["steps=20", "guidance=2.5", "compile=true", "scheduler=unipc", "lora=a=b"]
    recipe = chosen_recipe("quick", editor="diffusers", editor_preset="fast", editor_set=pairs)
    assert recipe.editor.name == "diffusers"
    assert recipe.editor.settings == {
        "preset": "fast", "steps": 20, "guidance": 2.5, "compile": True, "scheduler": "unipc",
        "lora": "a=b",
    }  # fmt: skip


def test_settings_join_those_of_the_recipe_but_not_those_of_another_editor(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("recipe") / "mine.yaml"
    file.write_text("editor: {name: diffusers, settings: {steps: 9, guidance: 3}}")
    changed = chosen_recipe(str(file), editor_set=["steps=5"])
    assert changed.editor.settings == {"steps": 5, "guidance": 3}
    assert chosen_recipe(str(file), editor="procedural").editor.settings == {}


def test_a_setting_without_a_value_is_bad_usage() -> None:
    with pytest.raises(RecipeError, match="write KEY=VALUE"):
        chosen_recipe("quick", editor_set=["steps"])


def test_an_editor_without_settings_refuses_them(tmp_path_factory: pytest.TempPathFactory) -> None:
    out = str(tmp_path_factory.mktemp("out") / "out")
    command = ["augment", "photos", "-o", out, "--editor-set", "steps=3"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "the editor 'procedural' has no setting 'steps'" in result.stderr


def test_a_log_says_how_fast_it_goes_and_how_long_it_will_take(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 1000.0
    monkeypatch.setattr("genmix.cli.console.time.monotonic", lambda: now)
    with progress_bar() as progress:
        progress("pictures", 0, 30)
        now = 1120.0
        progress("pictures", 10, 30)
    assert "pictures: 10 of 30, 12.0 s each, 4 min left" in capsys.readouterr().err
