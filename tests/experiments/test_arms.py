"""Arms from text, and the factors of an ablation."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genmix.errors import ExperimentError, RecipeError
from genmix.experiments.arms import SHARE, Arm, parse_arm, parse_arms, same_edits
from genmix.experiments.factors import FACTORS, plan_ablation
from genmix.masks import FAMILIES
from genmix.recipe import Recipe, load_recipe
from genmix.training.mixers import MIXERS


def test_the_baseline_is_the_standard_transform_alone() -> None:
    assert parse_arm("baseline") == Arm("baseline", transform="standard", mixer=None, recipe=None)


def test_parts_stack_in_the_order_of_the_text() -> None:
    arm = parse_arm("genmix+cutmix+trivialaugment+mixup:alpha=0.4")
    assert arm.mixer == "cutmix+mixup:alpha=0.4"
    assert arm.transform == "trivialaugment"
    assert arm.recipe == load_recipe("classification")
    assert arm.share == SHARE


@pytest.mark.parametrize("name", [*MIXERS, "randaugment", "trivialaugment", "baseline", "genmix"])
def test_every_method_is_an_arm_by_its_name(name: str) -> None:
    assert parse_arm(name).name == name


def test_genmix_takes_a_preset_or_a_file_and_a_share(tmp_path: Path) -> None:
    mine = tmp_path / "Mine.yaml"
    mine.write_text("hybrid_share: 0.5\n")
    for text, share, hybrid in (
        ("genmix:domain-adaptation", SHARE, 0.5),
        ("genmix:domain-adaptation@0.8", 0.8, 0.5),
        ("genmix@1", 1.0, 0.7),
        (f"genmix:{mine}@0.25", 0.25, 0.5),
    ):
        arm = parse_arm(text)
        assert arm.recipe is not None
        assert (arm.share, arm.recipe.hybrid_share) == (share, hybrid)


def test_composites_get_the_size_and_fit_of_the_training() -> None:
    fitted = parse_arm("genmix").fitted(48, "crop")
    assert fitted.recipe is not None
    assert (fitted.recipe.size, fitted.recipe.fit) == (48, "crop")
    assert parse_arm("mixup").fitted(48, "crop") == parse_arm("mixup")


def test_arms_are_listed_with_commas_and_so_are_the_settings_of_a_mixer() -> None:
    arms = parse_arms("baseline, mixup:alpha=0.4,per_sample=true,genmix+cutmix")
    assert [arm.name for arm in arms] == [
        "baseline", "mixup:alpha=0.4,per_sample=true", "genmix+cutmix",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mixpu", "there is no part 'mixpu'; did you mean 'mixup'"),
        ("", "there is no part ''; known: baseline, genmix"),
        ("genmix+", "there is no part ''"),
        ("baseline+mixup", "the baseline stands alone"),
        ("genmix+genmix:paper", "genmix may stand in it once"),
        ("randaugment+augmix", "it may have one of randaugment, trivialaugment, augmix"),
        ("mixup:beta=1", "mixup has no setting 'beta'"),
        ("mixup:alpha=-1", "alpha is -1"),
        ("genmix@0", "the share of composites is 0: give a number above 0, up to 1"),
        ("genmix@1.5", "the share of composites is 1.5"),
        ("genmix@nan", "the share of composites is nan"),
        ("genmix@much", "the share of composites is much"),
        ("genmix:@0.5", "write genmix:RECIPE@SHARE"),
        ("baseline,mixup,baseline", "the arms 'baseline' and 'baseline' are the same"),
        ("genmix,genmix:classification@0.6", "are the same: drop one"),
    ],
)
def test_a_mistake_is_one_line(text: str, words: str) -> None:
    with pytest.raises(ExperimentError) as raised:
        parse_arms(text)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_recipe_that_does_not_exist_is_named() -> None:
    with pytest.raises(RecipeError, match="there is no preset 'papper'"):
        parse_arm("genmix:papper")


@given(st.lists(st.text(min_size=1, max_size=80), min_size=2, max_size=2, unique=True))
def test_different_names_give_different_folders_that_any_system_takes(names: list[str]) -> None:
    slugs = [Arm(name).slug for name in names]
    assert slugs[0].lower() != slugs[1].lower()
    for slug in slugs:
        assert slug == Path(slug).name
        assert slug.isascii()
        assert 0 < len(slug) < 80
        assert not set(slug) & set('<>:"/\\|?* ')


def test_recipes_that_compose_differently_share_their_edits() -> None:
    recipe = load_recipe("quick")
    other = recipe.changed(
        masks=["circle"], seam={"width": 0.3}, hybrid_share=0.1, blend=0.4, fractals={"count": 2}
    )
    assert same_edits(recipe) == same_edits(other)
    for change in (
        {"prompts": {"only": ["snowy"]}}, {"editor": {"strength": 0.5}}, {"size": 64},
        {"variants": 2}, {"seed": 1}, {"screens": {"blank": None}},
    ):  # fmt: skip
        assert same_edits(recipe.changed(**change)) != same_edits(recipe)


BASE = Arm("genmix", recipe=Recipe(prompts={"only": ["snowy", "mosaic", "sunset"]}), share=0.6)


def test_an_ablation_changes_one_thing_at_a_time() -> None:
    plan = plan_ablation(BASE, list(FACTORS))
    reference = plan.arms[0]
    assert (reference.name, reference.identity()) == ("recipe", BASE.identity())
    for arm in plan.arms[1:]:
        mine, own = arm.identity(), reference.identity()
        changed = [key for key in mine["recipe"] if mine["recipe"][key] != own["recipe"][key]]
        assert len(changed) + (mine["share of composites"] != own["share of composites"]) == 1


def test_every_factor_has_the_recipes_own_level_and_numbers_are_sorted() -> None:
    plan = plan_ablation(BASE, list(FACTORS))
    for factor in plan.factors:
        own = [level.name for level in factor.levels if level.arm == "recipe"]
        assert own == [factor.own]
        assert len(factor.levels) >= 2
    by_name = {factor.name: [level.name for level in factor.levels] for factor in plan.factors}
    assert by_name["seam"] == ["0", "0.04", "0.08", "0.16"]
    assert by_name["fractal"] == ["off", "λ 0.1", "λ 0.1 to 0.3", "λ 0.2", "λ 0.3"]
    assert by_name["masks"] == ["all", *FAMILIES]
    assert by_name["screens"] == ["on", "off"]
    assert by_name["prompts"][1:] == [
        "snowy alone", "mosaic alone", "sunset alone",
        "without snowy", "without mosaic", "without sunset",
    ]  # fmt: skip


def test_a_level_that_the_list_lacks_is_added_where_it_belongs() -> None:
    base = BASE.changed(seam={"width": 0.1}, masks=["circle", "left"], blend=[0.0, 0.25])
    plan = plan_ablation(base, ["seam", "masks", "fractal"])
    names = [[level.name for level in factor.levels] for factor in plan.factors]
    assert names[0] == ["0", "0.04", "0.08", "0.1", "0.16"]
    assert names[1][0] == "circle, left"
    assert "λ 0 to 0.25" in names[2]


def test_screens_that_are_off_are_tried_on() -> None:
    off = BASE.changed(screens={"blank": None, "unchanged": None, "structure": None})
    factor = plan_ablation(off, ["screens"]).factors[0]
    assert factor.own == "off"
    assert {level.name for level in factor.levels} == {"on", "off"}


def test_nothing_is_trained_twice() -> None:
    plan = plan_ablation(BASE, ["seam", "composites"], [("seam", "composites")])
    assert len(plan.arms) == 4 * 3
    identities = [str(arm.identity()) for arm in plan.arms]
    assert len(set(identities)) == len(identities)
    pair = plan.pairs[0]
    row = next(k for k, level in enumerate(pair.rows.levels) if level.arm == "recipe")
    assert list(pair.arms[row]) == [level.arm for level in pair.columns.levels]
    assert {arm for cells in pair.arms for arm in cells} == {arm.name for arm in plan.arms}


def test_two_prompts_left_out_are_the_other_alone() -> None:
    two = BASE.changed(prompts={"only": ["snowy", "mosaic"]})
    factor = plan_ablation(two, ["prompts"]).factors[0]
    assert [level.name for level in factor.levels] == ["all", "snowy alone", "mosaic alone"]


def test_editors_are_a_factor_when_they_are_given() -> None:
    factor = plan_ablation(BASE, ["editor"], editors=["other"]).factors[0]
    assert [level.name for level in factor.levels] == ["procedural", "other"]


@pytest.mark.parametrize(
    ("base", "factors", "pairs", "words"),
    [
        (BASE, ["seem"], [], "there is no factor 'seem'; did you mean 'seam'"),
        (BASE, [], [], "there is nothing to change: name some of prompts, masks, seam"),
        (BASE, ["editor"], [], "there is no factor 'editor'"),
        (BASE, [], [("seam", "blend")], "there is no factor 'blend'"),
        (BASE, [], [("seam", "seam")], "the pair seam*seam is one factor: name two"),
        (Arm("mixup"), ["seam"], [], "the arm 'mixup' has no recipe to change"),
        (
            BASE.changed(prompts={"only": ["snowy"]}), ["prompts"], [],
            "the factor 'prompts' has one level in this recipe",
        ),
    ],
)  # fmt: skip
def test_a_factor_that_cannot_be_is_one_line(
    base: Arm, factors: list[str], pairs: list[tuple[str, str]], words: str
) -> None:
    with pytest.raises(ExperimentError, match=words.replace("*", r"\*")):
        plan_ablation(base, factors, pairs)
