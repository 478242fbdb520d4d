"""The rules choose and decide as they say; pure functions, so any number may be tried."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genmix.experiments.poc.gains import Interval, gain, interval
from genmix.experiments.poc.rules import (
    ALLOWED,
    GO,
    LEAST_KEPT,
    NO_GO,
    SMALL_GAIN,
    UNCLEAR,
    Guarded,
    Reason,
    Rival,
    best_change,
    better,
    decide,
    finding,
    in_order,
    judge_stage,
    learnt,
    prompt_set,
    unfit,
)
from genmix.experiments.poc.saying import in_words, rules_in_words

shares = st.floats(0, 1)
differences = st.floats(-1, 1)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    """Any gain with any certainty."""
    error = draw(st.floats(1e-6, 0.5))
    seeds = draw(st.integers(1, 10))
    return Interval(draw(differences), 2.5 * error, error, seeds, 100)


def sure(value: float, half_width: float = 0.01) -> Interval:
    return Interval(value, half_width, half_width / 2, 5, 200)


@given(intervals())
def test_go_needs_all_of_the_interval_above_0_and_more_than_one_seed(found: Interval) -> None:
    verdict = decide(found, learnt=True)
    assert (verdict.decision == GO) is (found.low > 0 and found.seeds > 1)


@given(intervals(), st.sampled_from(sorted(ALLOWED)), intervals())
def test_what_is_guarded_can_only_speak_against(
    found: Interval, kind: str, other: Interval
) -> None:
    alone = decide(found, learnt=True).decision
    both = decide(found, [Guarded("x", kind, other)], learnt=True).decision
    assert both in {alone, NO_GO}


def test_a_certain_loss_beyond_what_is_allowed_is_a_no_go() -> None:
    gained = sure(0.10)
    for kind, allowed in ALLOWED.items():
        lost = Guarded("clean", kind, sure(-allowed - 0.02))
        verdict = decide(gained, [lost], learnt=True)
        assert verdict.decision == NO_GO
        assert verdict.reasons[0].rule == "worse"


def test_a_small_certain_loss_and_a_large_uncertain_one_are_no_veto() -> None:
    small = Guarded("clean", "clean", sure(-0.008, 0.004))
    unsure = Guarded("attacked", "attacked", sure(-0.05, 0.08))
    verdict = decide(sure(0.10), [small, unsure], learnt=True)
    assert verdict.decision == GO
    assert [(r.rule, r.values.get("metric")) for r in verdict.reasons[1:]] == [
        ("watch", "attacked")
    ]


def test_a_gain_that_is_certainly_small_is_a_no_go_and_a_wide_one_is_unclear() -> None:
    assert decide(sure(0.0, SMALL_GAIN / 2), learnt=True).decision == NO_GO
    assert decide(sure(0.02, 0.03), learnt=True).decision == UNCLEAR
    assert decide(sure(-0.05), learnt=True).decision == NO_GO


def test_a_small_gain_that_is_certain_is_a_go_and_the_rules_say_so() -> None:
    """Also below the limit of no-go: that is for gains that are not certain."""
    assert decide(sure(0.005, 0.003), learnt=True).decision == GO
    assert "the gain is not certainly above 0, and certainly below" in rules_in_words("en")["no-go"]
    assert "0 を確実に上回るとはいえないこと" in rules_in_words("ja")["no-go"]


def test_accuracy_that_certainly_falls_is_called_that_before_what_else_is_worse() -> None:
    worse = Guarded("clean", "clean", sure(-0.05))
    verdict = decide(sure(-0.05, 0.02), [worse], learnt=True)
    assert verdict.decision == NO_GO
    assert [reason.rule for reason in verdict.reasons] == ["gain-below", "worse"]
    assert in_words(verdict.reasons[0]).endswith("so accuracy certainly falls.")
    assert in_words(verdict.reasons[0], "ja").endswith("正解率は確実に低下しています。")


def test_a_loss_is_only_called_certain_of_what_is_certain() -> None:
    """That it is larger than is allowed is only estimated: −2.3 to −0.1, where 1.0 is allowed."""
    lost = Guarded("clean", "clean", sure(-0.012, 0.011))
    reason = decide(sure(0.06), [lost], learnt=True).reasons[0]
    assert reason.rule == "worse"
    assert in_words(reason).endswith(
        "the loss is certain, and its estimate is beyond the 1.0 points that are allowed."
    )
    assert in_words(reason, "ja").endswith(
        "悪化は確実で、推定値も許容範囲の 1.0 ポイントを超えています。"
    )
    for lang, words in (
        ("en", "certain and, by its estimate, larger"),
        ("ja", "悪化が確実で推定値"),
    ):
        said = rules_in_words(lang)  # type: ignore[arg-type]
        assert words in said["go"]
        assert words in said["no-go"]


ALIKE = Interval(0.0, None, 0.0, 3, 30)
"""The gain of an arm that sees the same photos right as the baseline."""


def test_without_any_spread_nothing_is_said_to_be_certain_and_no_interval_is_made_up() -> None:
    for value in (0.0, 0.2):
        verdict = decide(replace(ALIKE, value=value), learnt=True)
        assert verdict.decision == UNCLEAR
        assert [reason.rule for reason in verdict.reasons] == ["no-spread"]
        assert verdict == judge_stage(replace(ALIKE, value=value))
    assert "with every seed and on every photo alike" in in_words(verdict.reasons[0])


def test_what_learnt_nothing_is_never_a_go() -> None:
    assert decide(sure(0.3), learnt=False).decision == NO_GO
    assert judge_stage(sure(0.3), learnt=False).decision == NO_GO
    assert not learnt(sure(0.35, 0.03), 1 / 3)
    assert learnt(sure(0.40, 0.03), 1 / 3)


def test_a_simpler_way_that_does_as_well_is_named() -> None:
    rivals = [
        Rival("mixup", gain=sure(0.09), lead=sure(0.01, 0.02)),
        Rival("cutmix", gain=sure(0.01, 0.02), lead=sure(0.09)),
        Rival("augmix", gain=sure(0.05), lead=sure(0.05)),
        Rival("pixmix", gain=sure(0.15), lead=sure(-0.05)),
    ]
    verdict = decide(sure(0.10), rivals=rivals, learnt=True)
    assert verdict.decision == GO
    assert [(reason.rule, reason.values.get("arm")) for reason in verdict.reasons[1:]] == [
        ("simpler-as-good", "mixup"),
        ("beats-simpler", "augmix"),
        ("simpler-better", "pixmix"),
    ]


@pytest.mark.parametrize(
    ("leads", "rule", "arm"),
    [
        ({"mixup": 0.05, "cutmix": 0.06}, "gain-above", None),
        ({"mixup": 0.001, "cutmix": 0.05}, "simpler-as-good", "mixup"),
        ({"mixup": 0.001, "cutmix": -0.05}, "simpler-better", "cutmix"),
        ({"mixup": -0.05, "cutmix": -0.07}, "simpler-better", "cutmix"),
    ],
)
def test_of_a_go_it_is_said_first_that_a_simpler_way_does_better_or_as_well(
    leads: dict[str, float], rule: str, arm: str | None
) -> None:
    rivals = [Rival(name, sure(0.09), sure(lead)) for name, lead in leads.items()]
    first = finding(decide(sure(0.10), rivals=rivals, learnt=True))
    assert (first.rule, first.values.get("arm")) == (rule, arm)
    assert finding(decide(sure(0.02, 0.03), rivals=rivals, learnt=True)).rule == "gain-unclear"


def test_a_simpler_way_that_loses_too_much_elsewhere_is_not_recommended() -> None:
    lost = Guarded("clean", "clean", sure(-0.05))
    rival = Rival("cutmix", sure(0.15), sure(-0.05), [lost])
    assert [r.rule for r in decide(sure(0.10), [], [rival], learnt=True).reasons] == ["gain-above"]


@given(intervals())
def test_a_stage_is_a_go_or_a_no_go_only_where_its_interval_is_to_one_side(found: Interval) -> None:
    decision = judge_stage(found).decision
    assert (decision == GO) is (found.seeds > 1 and found.low > 0)
    assert (decision == NO_GO) is (found.seeds > 1 and found.high < 0)
    assert judge_stage(None).decision == UNCLEAR


@given(shares, shares, shares, shares)
def test_a_prompt_stays_in_if_more_is_kept_and_seen(
    kept: float, seen: float, known: float, chance: float
) -> None:
    if unfit(kept, seen, known, chance) is None:
        assert unfit(min(1, kept + 0.1), min(1, seen + 0.1), known, chance) is None
    assert unfit(LEAST_KEPT - 0.01, 1, known, chance) is not None


def test_a_prompt_that_hides_the_class_is_out_and_a_hard_one_is_not() -> None:
    reason = unfit(1.0, 0.15, 0.95, 0.14)
    assert reason is not None
    assert reason.rule == "class-lost"
    assert unfit(1.0, 0.35, 0.95, 0.14) is None


def test_the_rule_for_prompts_says_what_becomes_of_those_of_the_ready_made_recipe() -> None:
    assert "keeps all prompts that it comes with" in rules_in_words("en")["prompt"]
    assert "標準レシピを使う場合は残ります" in rules_in_words("ja")["prompt"]


@given(st.dictionaries(st.sampled_from("abcdefgh"), intervals()))
def test_the_set_holds_what_helped_best_first_or_nothing(gains: dict[str, Interval]) -> None:
    chosen = prompt_set(gains)
    helped = {name for name, found in gains.items() if found.value > 0}
    assert set(chosen) == (helped if len(helped) > 1 else set())
    values = [gains[name].value for name in chosen]
    assert values == sorted(values, reverse=True)


@given(st.dictionaries(st.sampled_from("abcdefgh"), intervals(), min_size=1))
def test_a_change_is_taken_only_above_its_standard_error_and_then_the_best(
    gains: dict[str, Interval],
) -> None:
    best = best_change(gains)
    if best is None:
        assert not any(map(better, gains.values()))
    else:
        assert gains[best].value > gains[best].error
        assert gains[best].value == max(found.value for found in gains.values() if better(found))


def test_equal_numbers_are_put_in_the_order_of_their_names() -> None:
    assert in_order({"b": 0.5, "c": 0.7, "a": 0.5}) == ["c", "a", "b"]


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_rule_and_reason_has_words(lang: str) -> None:
    said = rules_in_words(lang)  # type: ignore[arg-type]
    rules = {"choose", "interval", "prompt", "change", "go", "no-go", "unclear", "simpler"}
    assert set(said) == rules
    assert "{" not in "".join(said.values())
    worse = Guarded("clean", "clean", sure(-0.05))
    rival = Rival("mixup", sure(0.1), sure(0.01, 0.02))
    verdicts = [
        decide(sure(0.1), [worse, Guarded("x", "clean", sure(-0.05, 0.1))], [rival], learnt=True),
        decide(sure(0.0, 0.001), learnt=True),
        decide(sure(-0.05), learnt=True),
        decide(ALIKE, learnt=True),
        decide(sure(0.02, 0.1), learnt=False),
        judge_stage(sure(-0.1)),
        judge_stage(None),
        judge_stage(replace(sure(0.1), seeds=1)),
    ]
    reasons = [reason for verdict in verdicts for reason in verdict.reasons]
    reasons += [Reason("untried"), Reason("replaced")]
    reasons += [r for r in (unfit(0.1, 1, 1, 0), unfit(1, 0, 1, 0)) if r is not None]
    for reason in reasons:
        text = in_words(reason, lang)  # type: ignore[arg-type]
        assert text
        assert "{" not in text


def test_what_is_said_in_japanese_has_the_signs_of_japanese_print() -> None:
    reasons = decide(sure(0.1), [Guarded("clean", "clean", sure(-0.05, 0.1))], learnt=True).reasons
    said = [*rules_in_words("ja").values(), *(in_words(reason, "ja") for reason in reasons)]
    for text in said:
        assert not re.search(r"[():~]| %", text), text


def test_a_remark_names_the_metric_and_what_is_allowed() -> None:
    unsure = sure(-0.05, 0.08)
    for key, english, japanese in (
        ("target cartoon", "Other domain cartoon: −5.0", "別ドメイン（cartoon）：−5.0"),
        ("corrupted", "Test photos with noise, blur and the like: −5.0", "ノイズやぼけを加えた"),
        ("fgsm@2/255", "Attacked test photos: −5.0", "敵対的攻撃を加えたテスト写真：−5.0"),
    ):
        kind = key if key in ALLOWED else "attacked"
        remark = decide(sure(0.1), [Guarded(key, kind, unsure)], learnt=True).reasons[1]
        assert remark.rule == "watch"
        assert in_words(remark).startswith(english)
        assert "points may be lost, but that is not certain" in in_words(remark)
        assert in_words(remark, "ja").startswith(japanese)


def test_english_reasons_give_points_with_their_signs() -> None:
    (reason,) = decide(sure(0.104, 0.05), learnt=True).reasons
    assert in_words(reason) == (
        "The gain is +10.4 points (+5.4 to +15.4): all of the interval lies above 0."
    )


def test_an_interval_counts_seeds_and_photos() -> None:
    rng = np.random.default_rng(0)
    photos = rng.normal(0, 1, 50)
    same_seeds = np.tile(photos, (4, 1))
    found = interval([same_seeds])
    assert found.half_width == pytest.approx(2.0096 * photos.std(ddof=1) / np.sqrt(50), rel=1e-4)
    same_photos = np.tile(rng.normal(0, 1, 4)[:, None], (1, 50))
    found = interval([same_photos])
    spread = same_photos[:, 0].std(ddof=1)
    assert found.half_width == pytest.approx(3.1824 * spread / 2, rel=1e-4)


def test_sets_of_pictures_count_alike_whatever_their_sizes() -> None:
    small, large = np.ones((3, 2)), np.zeros((3, 200))
    assert interval([small, large]).value == 0.5
    assert interval([small, large]).photos == 202


def test_an_arm_against_itself_gains_nothing_and_has_no_interval() -> None:
    right = np.random.default_rng(0).random((3, 20))
    found = gain([right], [right])
    assert (found.value, found.half_width, found.above, found.below) == (0.0, None, False, False)


def test_blocks_without_photos_or_of_other_seeds_are_refused() -> None:
    for blocks in ([], [np.zeros((2, 0))], [np.zeros((2, 3)), np.zeros((3, 3))]):
        with pytest.raises(ValueError, match="the same seeds"):
            interval(blocks)


@pytest.mark.parametrize(
    ("seeds", "seed_spread", "photo_spread"),
    [(2, 0.3, 0.0), (3, 0.3, 0.0), (3, 0.0, 1.0), (3, 0.1, 0.5), (5, 0.3, 0.5)],
)
def test_the_interval_covers_the_truth_as_often_as_it_says(
    seeds: int, seed_spread: float, photo_spread: float
) -> None:
    """Classifiers that differ by seed, on photos that differ in hardness, none being better."""
    rng = np.random.default_rng(7)
    missed = went = 0
    trials = 300
    for _ in range(trials):
        easier = rng.normal(0, photo_spread, 150) + rng.normal(0, seed_spread, (seeds, 1))
        one, other = rng.normal(size=(2, seeds, 150))
        found = gain([(easier / 2 + one > 0) * 1.0], [(other - easier / 2 > 0) * 1.0])
        missed += not found.low <= 0 <= found.high
        went += found.above
    # 5 % may be missed, and half of them upwards; four standard errors of 300 trials on top.
    assert missed / trials < 0.05 + 4 * 0.0126
    assert went / trials < 0.025 + 4 * 0.009
