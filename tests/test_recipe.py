"""Recipes: presets, users' files, and what is wrong with one, by file and line."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmix.errors import PromptError, RecipeError
from genmix.masks import FAMILIES
from genmix.recipe import Recipe, load_recipe, preset_text, shipped_presets
from genmix.validation import MAX_YAML_BYTES, parse_yaml


def parse(text: str) -> Recipe:
    return parse_yaml(text, Recipe, RecipeError, "my.yaml")


def test_the_presets_of_the_design_ship_and_are_valid() -> None:
    names = {"paper", "classification", "fine-grained", "domain-adaptation", "quick"}
    assert set(shipped_presets()) == names
    for name in names:
        assert load_recipe(name).chosen_prompts()
        assert preset_text(name).startswith("# ")


def test_the_paper_preset_is_the_papers() -> None:
    paper = load_recipe("paper")
    assert (paper.size, paper.masks, paper.blend) == (512, FAMILIES, (0.2, 0.2))
    assert paper.seam.width * paper.size == 20
    assert paper.seam.profile == "linear"
    assert [p.prompt for p in paper.chosen_prompts()] == [
        "Autumn", "snowy", "watercolor art", "sunset", "rainbow", "aurora", "mosaic", "ukiyo-e",
        "a sketch with crayon",
    ]  # fmt: skip


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "size": st.integers(8, 4096),
            "variants": st.integers(1, 100),
            "hybrid_share": st.floats(0, 1),
            "blend": st.floats(0, 1) | st.tuples(st.floats(0, 0.5), st.floats(0.5, 1)).map(list),
            "masks": st.lists(st.sampled_from(FAMILIES), min_size=1),
            "seed": st.integers(0, 2**63 - 1),
            "seam": st.fixed_dictionaries({"width": st.floats(0, 1)}),
            "screens": st.just({"blank": None}),
            "output": st.sampled_from([{"originals": "copy"}, {"format": "png"}]),
        },
    )
)
@settings(deadline=None)
def test_a_recipe_written_out_loads_as_the_same_recipe(changes: dict[str, object]) -> None:
    recipe = Recipe().changed(**changes)
    assert parse(recipe.to_yaml()) == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size: 0", "my.yaml:1: 'size' is 0: it should be greater than or equal to 8"),
        ("seed: 1\nsed: 1", "my.yaml:2: unknown key 'sed'; did you mean 'seed'?"),
        ("seam:\n  widht: 1", "my.yaml:2: unknown key 'seam.widht'; did you mean 'width'?"),
        ("size: big", "'size' is 'big': it should be a whole number"),
        ("size: 64.5", "'size' is 64.5: it should be a whole number"),
        ("hybrid_share: half", "'hybrid_share' is 'half': it should be a number"),
        ("masks: left", "'masks' is 'left': it should be a list: put it in [ ]"),
        ("masks: []", "'masks': should not be empty"),
        ("screens: {blank: yes}", "'screens.blank' is True: it should be a mapping of keys"),
        ("prompts: {library: 3}", "'prompts.library' is 3: it should be text: put it in quotes"),
        ("blend: [0.3, 0.1]", "lowest first"),
        ("blend: 2", "blend"),
        ("masks: [left, spiral]", "spiral"),
        ("fractals: {families: [jula]}", "did you mean 'julia'?"),
        ("seed: 1\nseed: 2", "my.yaml:2: not valid YAML: the key 'seed' stands twice"),
        ("a: &x 1\nb: *x", "my.yaml:2: not valid YAML: aliases (*name) are not allowed"),
        ("size: [", "my.yaml:1: not valid YAML"),
        ("- size", "expected 'key: value' lines, found a list"),
        ("", "found nothing"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
        ("screens: {blnak: null}", "did you mean 'blank'?"),
        ("output: {originals: lnik}", "output.originals"),
        ("seed: 1\nsize: {{size}}", "my.yaml:2: not valid YAML: a key is no single word"),
        ("? [a, b]\n: 1", "my.yaml:1: not valid YAML: a key is no single word"),
        ("masks: " + "[" * 3000, "my.yaml:1: not valid YAML: nested more than 50 deep"),
        ("seed: " + "1" * 5000, "…' is no whole number"),
        ("seed: 0x" + "f" * 5000, "…' is no whole number"),
        ("size: 8\nseed: 2024-99-99", "my.yaml:2: not valid YAML: '2024-99-99' is no date"),
        ("seed: !!int seven", "my.yaml:1: not valid YAML: 'seven' is no whole number"),
        ("seed: !!timestamp today", "my.yaml:1: not valid YAML: 'today' is no date"),
        ("seed: !!bool perhaps", "my.yaml:1: not valid YAML: 'perhaps' is no yes or no"),
    ],
)
def test_a_fault_is_one_line_with_its_place_and_what_would_be_right(
    text: str, message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_presets_and_prompts_name_the_nearest() -> None:
    with pytest.raises(RecipeError, match="did you mean 'paper'"):
        load_recipe("papre")
    with pytest.raises(PromptError, match="did you mean 'snowy'"):
        Recipe().changed(prompts={"only": ["snovy"]}).chosen_prompts()


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"cannot read .*none\.yaml: No such file"):
        load_recipe(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="not UTF-8"):
        load_recipe(tmp_path / "binary.yaml")
    (tmp_path / "huge.yaml").write_bytes(b" " * (MAX_YAML_BYTES + 1))
    with pytest.raises(RecipeError, match="larger than 1 MiB"):
        load_recipe(tmp_path / "huge.yaml")


def test_paths_in_a_recipe_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("id: mine\nprompts: [{id: snow, prompt: snowy}]\n")
    (tmp_path / "recipe.yaml").write_text(
        "prompts: {library: mine.yaml}\nfractals: {folder: pictures}\n"
    )
    recipe = load_recipe(tmp_path / "recipe.yaml")
    assert [p.id for p in recipe.chosen_prompts()] == ["snow"]
    assert recipe.fractals.folder == str(tmp_path / "pictures")


def test_a_changed_mapping_keeps_its_other_keys() -> None:
    recipe = Recipe().changed(seam={"profile": "smooth"}).changed(seam={"width": 0.5})
    assert (recipe.seam.width, recipe.seam.profile) == (0.5, "smooth")
