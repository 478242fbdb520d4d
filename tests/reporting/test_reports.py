"""Reports: what they say of what was found, in both languages, whatever names users gave."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from genmix.errors import ExperimentError
from genmix.experiments.compare import write_json
from genmix.experiments.findings import Comparison
from genmix.reporting.ablation import ablation_report
from genmix.reporting.comparison import comparison_report
from genmix.reporting.document import Card, Picture, Report, Table
from genmix.reporting.page import render
from genmix.reporting.reports import glance_at, report_of
from genmix.reporting.wording import LANGUAGES, Language, Words
from tests.experiments.made import comparison
from tests.reporting.made import ARMS, HOSTILE, METRICS, ablated, compared

GENMIX = ARMS[-1]


class _Text(HTMLParser):
    """Collects what a reader reads, less what is to be typed."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"style", "code"}
        self.text += [value or "" for name, value in attrs if name in {"alt", "data-label"}]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "code"}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)


def read(page: str) -> str:
    parser = _Text()
    parser.feed(page)
    return " ".join(parser.text)


def reported(found: Comparison, language: Language = "en") -> Report:
    return comparison_report(found, Words(language))


def test_a_gain_is_said_with_its_interval_in_both_languages() -> None:
    found = compared({GENMIX: 0.13})
    best = found.summaries(found.primary, None)[-1].against_reference
    assert best is not None
    assert best.half_width is not None
    low, high = (f"{100 * (best.value + side * best.half_width):+.1f}" for side in (-1, 1))
    english, japanese = reported(found), reported(found, "ja")
    assert english.decision.startswith(f"{GENMIX} is better than baseline on photos of other")
    assert f"95 % interval {low} to {high}" in english.decision
    assert japanese.decision.startswith(
        f"{GENMIX} は、別ドメインの画像に対する正解率で baseline を"
    )
    assert f"95% 信頼区間 {low} ～ {high}" in japanese.decision
    assert english.tone == japanese.tone == "good"


def test_a_proven_arm_goes_before_a_higher_mean_that_is_not_proven() -> None:
    found = compared({"cutmix": 0.05}, arms=("baseline", "cutmix", "mixup"), noise=0.001)
    wild = [
        replace(run, scores={**run.scores, "targets": (0.1, 0.9, 0.9, 0.9, 0.9)[run.seed]})
        if run.arm == "mixup"
        else run
        for run in found.runs
    ]
    assert reported(replace(found, runs=tuple(wild))).decision.startswith("cutmix is better")


@pytest.mark.parametrize(
    ("found", "said", "tone"),
    [
        (compared(dict.fromkeys(ARMS[1:], -0.1)), "Nothing tried is better than", "bad"),
        (compared(noise=0.05), "There is no evidence that anything tried", "open"),
        (compared(seeds=1), "One seed says nothing about chance", "open"),
        (compared(arms=("baseline",)), "Nothing was compared with it", "open"),
    ],
)
def test_what_is_not_a_gain_is_not_called_one(found: Comparison, said: str, tone: str) -> None:
    report = reported(found)
    assert said in report.decision
    assert report.tone == tone
    assert all(card.tone != "good" for card in report.cards)
    assert render(reported(found, "ja"))


def test_cards_stand_for_each_kind_of_picture_and_the_time() -> None:
    labels = [card.label for card in reported(compared({GENMIX: 0.1})).cards]
    assert labels == [
        "Other domains, mean of cartoon and sketch",
        "Held-out photos",
        "Corrupted, mean of all kinds and severities",
        "Attacked: FGSM, ε = 4/255",
        "Time to train and judge",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_of_every_metric_is_in_the_tables(language: Language) -> None:
    found = compared({GENMIX: 0.1})
    text = read(render(reported(found, language))).replace("\xa0", " ")
    for metric in found.metrics:
        for summary in found.summaries(metric):
            assert summary.mean.half_width is not None
            number = f"{100 * summary.mean.value:.1f} ± {100 * summary.mean.half_width:.1f}"
            assert number in text, (metric.key, summary.arm)


def test_many_arms_are_dealt_out_to_tables_that_fit_a_page() -> None:
    arms = ["baseline", *(f"mixup:alpha=0.{k}" for k in range(1, 8))]
    report = reported(compared(arms=arms))
    gained = next(section for section in report.sections if section.name == "gained")
    tables = [block for block in gained.blocks if isinstance(block, Table)]
    assert [len(table.head) for table in tables] == [5, 5, 3]
    assert all(table.head[1] == "baseline" for table in tables)
    assert {name for table in tables for name in table.head[1:]} == set(arms)


def test_a_comparison_of_several_sizes_shows_each() -> None:
    report = reported(compared({GENMIX: 0.1}, shots=(5, 20, None)))
    arms = next(section for section in report.sections if section.name == "arms")
    titles = [block.title for block in arms.blocks if hasattr(block, "title")]
    assert any("accuracy over the number of training photos" in title for title in titles)
    assert sum("5 photos of each class" in title for title in titles) == 1
    assert "Accuracy with all photos" in report.why


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_users_cannot_put_anything_into_the_page(language: Language) -> None:
    metrics = (*METRICS[1:2], replace(METRICS[2], key=f"target {HOSTILE}"))
    found = compared(
        {"cutmix": 0.1}, arms=("baseline", "cutmix"), metrics=metrics, classes=[HOSTILE]
    )
    about = {**found.about, "command": ["genmix", "compare", HOSTILE]}
    hostile = replace(
        found,
        about={**about, "arms": {f"cutmix{HOSTILE}": about["arms"]["cutmix"]}},
        arms=("baseline", f"cutmix{HOSTILE}"),
        runs=tuple(
            replace(run, arm=f"cutmix{HOSTILE}") if run.arm == "cutmix" else run
            for run in found.runs
        ),
    )
    picture = Picture(b"jpeg", f'a" onload="{HOSTILE}', HOSTILE)
    page = render(comparison_report(hostile, Words(language), [picture]))
    assert "<img src=x" not in page
    assert 'a" onload' not in page
    assert page.count("&lt;img src=x") >= 8


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_photos_lie_stands_in_the_command_and_nowhere_else(language: Language) -> None:
    page = render(reported(compared(), language))
    assert page.count("/data/") == 2
    assert "genmix compare &#39;/data/my photos&#39; \\\n  -o /data/proof" in page


def test_the_recipe_of_the_leading_arm_is_there_to_copy() -> None:
    with_genmix = render(reported(compared({GENMIX: 0.1})))
    assert "hybrid_share: 0.5" in with_genmix
    assert "US 12,657,783 B1" in with_genmix.replace("12,\n", "12,")
    assert "hybrid_share" not in render(reported(compared({"cutmix": 0.1})))


def test_what_was_not_measured_is_a_limit_and_a_next_step() -> None:
    page = read(render(reported(compared(metrics=METRICS[1:2]))))
    assert "Not measured: photos of other domains, noisy and otherwise corrupted photos and" in page
    assert "Test under attack" in page
    full = read(render(reported(compared())))
    assert "Not measured" not in full
    assert "Test under attack" not in full


def test_a_record_without_settings_still_makes_a_report() -> None:
    assert "genmix compare photos" in render(reported(comparison({"genmix": 0.1})))


def test_an_ablation_says_what_helps_most_and_what_hurts() -> None:
    found = ablated({"fractal=off": 0.1, "screens=off": -0.1})
    report = ablation_report(found, Words("en"))
    assert report.tone == "good"
    assert "“The share λ of the fractal” set to off, +" in report.decision
    text = read(render(report))
    assert "Worse: off, −" in text
    assert "The screens: off" in text
    worse = ablation_report(ablated({"screens=off": -0.1}), Words("en"))
    assert worse.decision.startswith("No change makes the recipe better")
    assert worse.tone == "bad"
    nothing = ablation_report(ablated(noise=0.05), Words("en"))
    assert nothing.decision.startswith("There is no evidence that any of the")
    one = ablation_report(ablated(seeds=1), Words("en"))
    assert one.decision.startswith("One seed says nothing about chance.")


def test_an_ablation_says_how_often_chance_alone_speaks() -> None:
    text = read(render(ablation_report(ablated(), Words("en"))))
    assert "With 3 factors that do nothing" in text
    assert "14.3 % of such ablations" in text


ALLOWED = {
    "baseline", "cutmix", "trivialaugment", "genmix", "domain", "adaptation", "TrivialAugment",
    "cartoon", "sketch", "FGSM", "PGD", "ECE", "Holm", "DiffuseMix", "US", "CPU",
    "dog", "elephant", "efficientnet", "lite", "fine", "tune", "python", "torch", "timm",
}  # fmt: skip
"""Names of methods, arms, folders, classes, people and packages."""


@pytest.mark.parametrize(
    "page",
    [
        render(comparison_report(compared({GENMIX: 0.1}, shots=(5, None)), Words("ja"))),
        render(comparison_report(compared(seeds=1), Words("ja"))),
        render(comparison_report(compared(metrics=METRICS[1:2], noise=0.05), Words("ja"))),
        render(ablation_report(ablated({"screens=off": -0.1}), Words("ja"))),
        render(ablation_report(ablated({"fractal=off": 0.1}), Words("ja"))),
    ],
    ids=["gain", "one seed", "no evidence", "worse", "better"],
)
def test_no_english_is_left_in_a_japanese_report_but_names(page: str) -> None:
    assert set(re.findall(r"[A-Za-z]{2,}", read(page))) <= ALLOWED


def test_a_folder_with_neither_is_an_error_that_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"no poc\.json, comparison\.json or"):
        report_of(tmp_path, "en")


def test_an_ablation_is_reported_as_one_though_its_comparison_lies_beside_it(
    tmp_path: Path,
) -> None:
    found = ablated()
    write_json(tmp_path / "comparison.json", found.comparison.to_dict())
    assert "Which way of training is better?" in report_of(tmp_path, "en")
    write_json(tmp_path / "ablation.json", found.to_dict())
    assert "What does each part of the recipe do?" in report_of(tmp_path, "en")


def test_the_same_results_give_the_same_page() -> None:
    found = compared({GENMIX: 0.1}, shots=(5, None))
    assert render(reported(found)) == render(reported(found))
    assert isinstance(reported(found).cards[0], Card)


def test_a_glance_says_what_the_report_says_first(tmp_path: Path) -> None:
    found = ablated({"fractal=off": 0.1})
    write_json(tmp_path / "comparison.json", found.comparison.to_dict())
    of_arms = glance_at(tmp_path, "en")
    write_json(tmp_path / "ablation.json", found.to_dict())
    of_parts, report = glance_at(tmp_path, "ja"), ablation_report(found, Words("ja"))

    assert of_arms.compared.startswith("recipe, ")
    assert (of_parts.about, of_parts.decision, of_parts.tone) == (
        report.about,
        report.decision,
        report.tone,
    )
