"""Names: whatever an experiment can measure or change has words in both languages."""

import re

import pytest

from genmix.experiments.arms import TRANSFORMS, parse_arm
from genmix.experiments.factors import EDITOR, FACTORS, plan_ablation
from genmix.experiments.findings import Metric
from genmix.masks import FAMILIES
from genmix.prompts import load_library, shipped_libraries
from genmix.recipe import shipped_presets
from genmix.reporting.naming import (
    arm_text,
    attack_name,
    factor_name,
    kind_of,
    level_name,
    metric_name,
)
from genmix.reporting.wording import LANGUAGES, Language, Words, catalogue
from genmix.training.attacks import Attack
from tests.reporting.made import METRICS, compared

NAMES = {"RandAugment", "TrivialAugment", "AugMix", "mixup", "cutmix", "mine"}


def english_in(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z]{2,}", text)) - NAMES


@pytest.mark.parametrize("preset", shipped_presets())
def test_every_factor_and_level_of_every_preset_has_japanese_words(preset: str) -> None:
    words = Words("ja")
    factors = plan_ablation(parse_arm(f"genmix:{preset}"), tuple(FACTORS)).factors
    assert len(factors) == len(FACTORS)
    for factor in factors:
        assert f"factor.{factor.name}" in catalogue("ja")
        assert not english_in(factor_name(factor, words))
        for name in [factor.own, *(level.name for level in factor.levels)]:
            assert not english_in(level_name(factor, name, words)), name


def test_the_editor_keeps_its_name_as_a_level() -> None:
    arm = parse_arm("genmix")
    factor = plan_ablation(arm, [EDITOR], editors=["diffusers:a/b"]).factors[0]
    assert factor_name(factor, Words("ja")) == "エディター"
    assert level_name(factor, "diffusers:a/b", Words("ja")) == "diffusers:a/b"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mask_family_prompt_and_verdict_has_words(language: Language) -> None:
    known = catalogue(language)
    assert {f"mask.{family}" for family in FAMILIES} <= known.keys()
    assert {f"verdict.{each}" for each in ("better", "worse", "no evidence")} <= known.keys()
    assert {f"library.{name}" for name in shipped_libraries()} <= known.keys()
    factor = plan_ablation(parse_arm("genmix:domain-adaptation"), ["prompts"]).factors[0]
    for prompt in load_library("domain-adaptation").prompts:
        name = getattr(prompt.name, language)
        assert name in level_name(factor, f"without {prompt.id}", Words(language))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_every_metric_has_a_kind_and_a_name(metric: Metric) -> None:
    assert kind_of(metric) in {"clean", "domain", "attacked", "corrupted", "calibration"}
    found = compared()
    assert metric_name(metric, found, Words("en"))
    left = english_in(metric_name(metric, found, Words("ja")))
    assert left <= {"cartoon", "sketch", "FGSM", "PGD", "ECE"}


@pytest.mark.parametrize(
    ("attack", "name"),
    [
        ("fgsm@4/255", "FGSM, ε = 4/255"),
        ("pgd@4/255", "PGD, ε = 4/255"),
        ("pgd-20@4/255", "PGD, 20 steps, ε = 4/255"),
        ("autoattack@1/255", "AutoAttack, ε = 1/255"),
    ],
)
def test_an_attack_is_named_as_in_the_field(attack: str, name: str) -> None:
    assert attack_name(str(Attack.parse(attack)), Words("en")) == name


@pytest.mark.parametrize(
    "arm",
    ["baseline", "mixup+cutmix", *TRANSFORMS, "genmix", "genmix:domain-adaptation@0.8+cutmix"],
)
def test_what_an_arm_does_is_said_in_japanese(arm: str) -> None:
    assert not english_in(arm_text(parse_arm(arm).identity(), Words("ja")))


def test_what_an_arm_does_names_share_prompts_and_mixers() -> None:
    arm = parse_arm("genmix:paper@0.8+cutmix")
    said = arm_text(arm.identity(), Words("en"))
    assert "80 % of the pictures are composites (prompts: general classification" in said
    assert "mixed by cutmix" in said
    ids = [prompt.id for prompt in load_library("classification").prompts[:4]]
    some = arm.changed(prompts={"library": "classification", "only": ids})
    assert "プロンプト：一般的な画像分類から 4 種類、" in arm_text(some.identity(), Words("ja"))
    few = arm.changed(prompts={"library": "classification", "only": ["snowy"]})
    assert "プロンプト：雪景色、" in arm_text(few.identity(), Words("ja"))
    own = few.changed(prompts={"library": "/home/me/mine.yaml", "only": None})
    assert "（プロンプト：mine.yaml、" in arm_text(own.identity(), Words("ja"))
