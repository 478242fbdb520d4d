"""The report of a proof of concept: decision, reasons and numbers, in both languages."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from genmix.cli.poc_tables import _chosen, print_poc
from genmix.errors import ExperimentError
from genmix.experiments.compare import write_json
from genmix.experiments.poc.plan import PROMPTS
from genmix.experiments.poc.result import Example, Poc
from genmix.experiments.poc.rules import Reason
from genmix.experiments.words import percent, points
from genmix.images import encode_jpeg
from genmix.reporting.document import Table
from genmix.reporting.examples import steps_of
from genmix.reporting.page import render
from genmix.reporting.poc import poc_report
from genmix.reporting.reports import report_of
from genmix.reporting.wording import LANGUAGES, Language, Words
from tests.reporting.proofs import keeping, proof, unlearnt
from tests.reporting.test_reports import read

FOUND = {
    "go": proof(lead=0.05, dropped=True),
    "simpler as good": proof(),
    "simpler better": proof(lead=-0.05),
    "falls": proof({"target cartoon": -0.05}),
    "worse": proof({"clean": -0.08}),
    "small": proof({"target cartoon": -0.01}, half_width=0.01),
    "unclear": proof({"target cartoon": 0.01}),
    "no spread": proof({"target cartoon": 0.0}, half_width=None),
    "one seed": proof(seeds=1),
    "nothing learnt": proof(learnt=False),
    "no target": proof(target="none"),
    "no labels": proof(target="unlabelled", prices=False),
    "prompts that are out": keeping(proof(), "chalk-drawing"),
    "no time": proof(stages=False),
    "nothing learnt at first": unlearnt(proof(learnt=False, stages=False)),
}


def text_of(found: Poc, language: Language) -> str:
    return read(render(poc_report(found, Words(language)))).replace("\xa0", " ")


def written(value: str, half_width: float | None) -> str:
    return value if half_width is None else f"{value} ± {percent(half_width)}"


@pytest.mark.parametrize(
    ("name", "rule", "tone", "begins", "japanese"),
    [
        ("go", "gain-above", "good", "Go.", "採用を推奨します。"),
        ("simpler as good", "gain-above", "good", "Go.", "採用を推奨します。"),
        (
            "simpler better",
            "gain-above",
            "open",
            "Go for augmentation, but",
            "データ拡張は有効ですが、",
        ),
        ("falls", "gain-below", "bad", "No-go.", "採用を見送ります。"),
        ("worse", "worse", "bad", "No-go.", "採用を見送ります。"),
        ("small", "gain-small", "bad", "No-go.", "採用を見送ります。"),
        ("nothing learnt", "not-learnt", "bad", "No-go.", "採用を見送ります。"),
        ("no spread", "no-spread", "open", "Not enough evidence.", "判断材料が不足しています。"),
        ("one seed", "one-seed", "open", "Not enough evidence.", "判断材料が不足しています。"),
        ("unclear", "gain-unclear", "open", "Not enough evidence.", "判断材料が不足しています。"),
    ],
)
def test_every_rule_that_can_decide_has_its_sentence_and_tone(
    name: str, rule: str, tone: str, begins: str, japanese: str
) -> None:
    found = FOUND[name]
    assert found.final.verdict.reasons[0].rule == rule
    for language, start in (("en", begins), ("ja", japanese)):
        report = poc_report(found, Words("en" if language == "en" else "ja"))
        assert report.decision.startswith(start)
        assert report.tone == tone
        gain = found.final.row("chosen").gains[found.final.primary]
        assert points(gain.value) in report.decision


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FOUND)
def test_the_numbers_of_the_page_are_those_of_the_json(name: str, language: Language) -> None:
    found = Poc.from_dict(FOUND[name].to_dict())
    text = text_of(found, language)
    for stage in found.stages:
        for row in stage.rows:
            if stage is not found.final or row.chosen or row.kind == "baseline":
                each = row.scores.values() if row.kind != "prompt" else ()
                for score in each:
                    assert written(percent(score.value), score.half_width) in text
            for gain in row.gains.values():
                assert written(points(gain.value), gain.half_width) in text
            if row.change is not None:
                assert points(row.change.value) in text


def test_a_go_names_the_simpler_way_that_does_better_or_as_well_and_what_to_take() -> None:
    better, as_good, alone = (
        {language: text_of(FOUND[name], language) for language in LANGUAGES}
        for name in ("simpler better", "simpler as good", "go")
    )
    assert "Go for augmentation, but with mixup. On photos of the domain cartoon" in better["en"]
    assert "Take mixup, which is simpler" in better["en"]
    assert "genmix ではなく、より簡単な mixup を推奨します" in better["ja"]
    assert "Make the training set" not in better["en"]
    assert "mixup, which is simpler, may do as well" in as_good["en"]
    assert "より簡単な mixup でも同程度の効果を得られる可能性があります" in as_good["ja"]
    assert "Make the training set" in as_good["en"]
    assert "may do as well" not in alone["en"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_terminal_says_the_same_first(lang: Language) -> None:
    words = {
        "go": ("GO. ", "採用。"),
        "simpler as good": ("GO, AND mixup MAY DO AS WELL. ", "採用（より簡単な mixup でも"),
        "simpler better": ("GO, BUT WITH mixup. ", "採用（genmix ではなく mixup を推奨）。"),
        "falls": ("NO-GO. ", "見送り。"),
    }
    for name, said in words.items():
        console = Console(width=200, record=True)
        print_poc(replace(FOUND[name], stages=FOUND[name].stages[-1:]), console, lang)
        lines = console.export_text().splitlines()
        assert any(line.startswith(said[lang == "ja"]) for line in lines)


def test_money_stands_beside_time_where_there_are_prices() -> None:
    text = text_of(FOUND["go"], "en")
    assert all(f"{value} EUR" in text for value in ("4.56", "1.23", "5.57"))
    without = text_of(FOUND["no labels"], "en")
    assert "EUR" not in without
    assert "not reckoned, as no price was given" in without


def test_what_was_left_out_and_what_there_was_no_time_for_is_said() -> None:
    assert "seeds 5 → 4; settings 1 → 0" in text_of(FOUND["go"], "en")
    assert "シード 5 → 4、設定 1 → 0" in text_of(FOUND["go"], "ja")
    text = text_of(FOUND["no time"], "en")
    assert "Stage 2: prompts: the time given did not allow it" in text
    assert "A larger " in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_stages_left_out_as_nothing_was_learnt_are_not_blamed_on_the_time(
    language: Language,
) -> None:
    text = text_of(FOUND["nothing learnt at first"], language)
    said = {
        "en": ("in stage 1 nothing was learnt", "did not allow it", "A larger "),
        "ja": ("第 1 段階で分類器の学習が成立せず", "時間が足りず", "増やすと、これらの段階も"),
    }
    learnt, *time = said[language]
    assert text.count(learnt) == 2
    assert not any(each in text for each in time)


def test_closeness_is_explained_where_it_is_shown_and_nowhere_else() -> None:
    found = FOUND["go"]
    prompts = found.stage(PROMPTS)
    assert prompts is not None
    rows = tuple(
        replace(row, measures=row.measures and {"kept": 0.9, "seen": 0.6, "diversity": 0.7})
        for row in prompts.rows
    )
    stages = tuple(replace(s, rows=rows) if s is prompts else s for s in found.stages)
    without = replace(found, stages=stages)
    for words, said in ((Words("en"), "loser to target"), (Words("ja"), "対象ドメインへの近さ")):
        assert said in text_of(found, words.language)
        assert said not in text_of(without, words.language)


def test_a_target_without_labels_is_never_said_to_be_tested_on() -> None:
    text = text_of(FOUND["no labels"], "en")
    assert "nothing was tested on them" in text
    assert "Label some pictures of the other domain" in text
    assert "Not measured: photos of other domains" in text
    assert "another domain" not in text_of(FOUND["no target"], "en")


def test_why_prompts_are_out_is_told_by_their_names() -> None:
    text = text_of(FOUND["go"], "ja")
    assert "スクリーニングの合格率が低く、単独では学習していないもの：霧" in text
    assert "ほかの候補を優先し、単独では学習していないもの：雨" in text
    assert "標準レシピのプロンプトをそのまま使います" not in text


def test_where_the_chosen_prompts_are_no_better_it_says_which_stay() -> None:
    found = FOUND["go"]
    stage = found.stage(PROMPTS)
    assert stage is not None
    rows = tuple(replace(row, chosen=row.arm == "graffiti") for row in stage.rows)
    stages = tuple(replace(s, rows=rows) if s is stage else s for s in found.stages)
    text = text_of(replace(found, stages=stages), "ja")
    assert "標準レシピのプロンプトをそのまま使います：グラフィティ。" in text


def test_prompts_that_are_out_and_stay_with_the_ready_made_recipe_are_named() -> None:
    kept, dropped = keeping(FOUND["go"], "chalk-drawing"), FOUND["go"]
    for words, said in (
        (Words("en"), "Of these, the ready-made recipe keeps its own: Chalk drawing."),
        (Words("ja"), "これらのうち、標準レシピの一部として使い続けるもの：チョーク画。"),
    ):
        assert said in text_of(kept, words.language)
        assert said not in text_of(dropped, words.language)
    lost: dict[Language, tuple[str, str]] = {
        "en": ("yes, class lost", "out"),
        "ja": ("○（認識困難）", "不採用"),
    }
    for lang, (stays, out) in lost.items():
        rows = {row.arm: row for row in kept.stages[1].rows}
        assert _chosen(rows["chalk-drawing"], lang) == stays
        assert _chosen(rows["snowy"], lang) == out


def test_pictures_are_of_prompts_that_are_not_out_where_there_are_others(tmp_path: Path) -> None:
    names = ("original", "edit", "hybrid", "composite")
    for name in names:
        (tmp_path / f"{name}.jpg").write_bytes(encode_jpeg(np.full((64, 64, 3), 128, np.uint8)))
    prompts = ("chalk-drawing", "graffiti")
    shown = [Example("dog", each, *(f"{name}.jpg" for name in names)) for each in prompts]
    found = keeping(replace(FOUND["go"], examples=tuple(shown)), "chalk-drawing")
    write_json(tmp_path / "poc.json", found.to_dict())
    page = report_of(tmp_path, "en")
    assert "prompt Graffiti" in page
    assert "prompt Chalk drawing" not in page
    assert "that are out by the rules are not shown: Chalk drawing." in read(page)
    alone = replace(found, examples=tuple(shown[:1]), prompts=("chalk-drawing",))
    write_json(tmp_path / "poc.json", alone.to_dict())
    page = report_of(tmp_path, "en")
    assert "prompt Chalk drawing" in page
    assert "are not shown" not in read(page)


NAMES = {
    "PoC", "genmix", "mixup", "cutmix", "cartoon", "FGSM", "CPU", "GPU", "DiffuseMix", "US", "EUR",
    "dog", "elephant", "efficientnet", "lite", "fine", "tune", "python", "domain", "adaptation",
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_no_english_but_names_is_left_in_japanese(name: str) -> None:
    assert set(re.findall(r"[A-Za-z]{2,}", text_of(FOUND[name], "ja"))) <= NAMES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_folder_of_a_proof_is_reported_with_the_pictures_that_are_left(
    tmp_path: Path, language: Language
) -> None:
    names = ("original", "edit", "hybrid", "composite")
    jpeg = encode_jpeg(np.full((64, 64, 3), 128, np.uint8))
    for name in names:
        (tmp_path / f"{name}.jpg").write_bytes(jpeg)
    example = Example("dog", "graffiti", *(f"{name}.jpg" for name in names))
    assert len(steps_of(tmp_path, example, Words(language))) == len(names)
    values = FOUND["go"].to_dict()
    shown = {name: f"{name}.jpg" for name in names} | {"label": "dog", "prompt": "graffiti"}
    write_json(tmp_path / "poc.json", values | {"examples": [shown]})
    page = report_of(tmp_path, language)
    assert page.count("data:image/jpeg") == len(names)
    for name in names:
        (tmp_path / f"{name}.jpg").rename(tmp_path / "gone.jpg")
        assert "data:image/jpeg" not in report_of(tmp_path, language)
        (tmp_path / "gone.jpg").rename(tmp_path / f"{name}.jpg")
    (tmp_path / "edit.jpg").write_bytes(b"no picture")
    with pytest.raises(ExperimentError, match=r"edit\.jpg cannot be read .*: remove it"):
        report_of(tmp_path, language)


def test_what_may_have_become_worse_is_named_in_the_reasons_and_to_be_watched() -> None:
    found = proof({"corrupted": -0.03})
    assert [reason.rule for reason in found.final.verdict.reasons][:2] == ["gain-above", "watch"]
    english, japanese = text_of(found, "en"), text_of(found, "ja")
    assert "Test photos with noise, blur and the like: −3.0 points (−6.1 to +0.1); more" in english
    assert "Watch what may have become worse" in english
    assert "ノイズやぼけを加えたテスト写真：−3.0 ポイント（−6.1 ～ +0.1）。確実では" in japanese
    assert "悪化の可能性がある項目に注意してください" in japanese


def test_a_choice_that_could_not_be_trained_in_time_is_said_to_be_replaced() -> None:
    found = FOUND["unclear"]
    final = found.final
    verdict = replace(final.verdict, reasons=(*final.verdict.reasons, Reason("replaced")))
    late = replace(found, stages=(*found.stages[:-1], replace(final, verdict=verdict)))
    assert "could not be trained in time, so genmix was judged with its" in text_of(late, "en")
    assert "学習が時間内に終わらなかったため、標準レシピで判定しました" in text_of(late, "ja")


def test_what_was_taken_is_told_from_what_stays_and_stage_1_chooses_nothing() -> None:
    found = FOUND["go"]
    stays = [
        replace(row, chosen=row.arm == "prompts") if stage.name == "mixing" else row
        for stage in found.stages
        for row in stage.rows
    ]
    stages = []
    for stage in found.stages:
        stages.append(replace(stage, rows=tuple(stays[: len(stage.rows)])))
        del stays[: len(stage.rows)]
    for proven, choices in (
        (found, ["–"] * 3 + ["–", "–", "taken"] + ["–", "–", "taken", "–"]),
        (replace(found, stages=tuple(stages)), ["–"] * 5 + ["taken", "–", "stays", "–", "–"]),
    ):
        (section,) = (s for s in poc_report(proven, Words("en")).sections if s.name == "stages")
        table = next(block for block in section.blocks if isinstance(block, Table))
        column = table.head.index("Choice")
        assert [row[column].text for row in table.rows if len(row) > 1] == choices
    (section,) = (
        s for s in poc_report(FOUND["no time"], Words("en")).sections if s.name == "stages"
    )
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert "Choice" not in table.head


def test_the_tables_of_the_stages_are_one_with_a_heading_for_each() -> None:
    for name, stages in (("go", 3), ("no time", 1)):
        sections = poc_report(FOUND[name], Words("en")).sections
        section = next(each for each in sections if each.name == "stages")
        table = next(block for block in section.blocks if isinstance(block, Table))
        headings = [row[0].text for row in table.rows if len(row) == 1]
        assert [text[:7] for text in headings] == ["Stage 1", "Stage 2", "Stage 3"][:stages]
        assert {len(row) for row in table.rows} == {1, len(table.head)}


def test_the_same_proof_gives_the_same_page() -> None:
    report = poc_report(FOUND["go"], Words("ja"))
    assert render(report) == render(poc_report(FOUND["go"], Words("ja")))
