"""Reports in a real browser: nothing cut, nothing scrolled, nothing loaded, and a clean PDF."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from genmix.images import encode_jpeg
from genmix.reporting.ablation import ablation_report
from genmix.reporting.comparison import comparison_report
from genmix.reporting.document import Picture, Report
from genmix.reporting.page import render
from genmix.reporting.poc import poc_report
from genmix.reporting.wording import LANGUAGES, Language, Words
from tests.reporting.made import ARMS, ablated, compared
from tests.reporting.proofs import large, proof

LONG = "mixup:alpha=0.40,per_sample=true+cutmix:alpha=1.0+trivialaugment"

COMPARISON = compared(
    {ARMS[-1]: 0.1, "cutmix": -0.1}, arms=(*ARMS, LONG), shots=(5, None), classes=[LONG] * 3
)
PROOF = large(proof(dropped=True))
ABLATION = ablated(
    {"fractal=off": 0.1},
    factors=("prompts", "masks", "seam", "fractal", "screens"),
    pairs=[("screens", "masks"), ("masks", "fractal")],
)

CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

COLOURS = """() => Object.fromEntries(
    ['--ink', '--soft', '--better', '--worse', '--paper', '--panel'].map(name =>
        [name, getComputedStyle(document.documentElement).getPropertyValue(name).trim()]))"""

CUT = """() => [...document.body.querySelectorAll('*')].filter(element => {
    const box = element.getBoundingClientRect();
    if (element.closest('thead') || !box.width) return false;
    const svg = element.closest('svg');
    const frame = svg ? svg.getBoundingClientRect() : {left: 0, right: innerWidth};
    const over = !svg && element.clientWidth && element.scrollWidth > element.clientWidth + 1;
    return over || box.left < frame.left - 0.5 || box.right > frame.right + 0.5;
}).map(element => element.outerHTML.slice(0, 120))"""
"""Elements that stand out of the window, or whose content stands out of them."""


def report(kind: str, language: Language) -> Report:
    """A report with long names, many tables, and a gain beside a loss."""
    words = Words(language)
    if kind == "ablation":
        return ablation_report(ABLATION, words)
    jpeg = encode_jpeg(np.full((64, 96, 3), 128, np.uint8))
    pictures = [Picture(jpeg, "grey", "雪景色・とても長い名前のクラス_0001") for _ in range(5)]
    if kind == "proof":
        return poc_report(PROOF, words, [pictures[:4]] * 3)
    return comparison_report(COMPARISON, words, pictures)


def numbers(kind: str) -> set[str]:
    """The means that a report of this kind must hold."""
    if kind == "proof":
        rows = [row for row in PROOF.final.rows if row.chosen or row.kind == "baseline"]
        return {f"{100 * score.value:.1f}" for row in rows for score in row.scores.values()}
    found = ABLATION.comparison if kind == "ablation" else COMPARISON
    arms = [found.reference] if kind == "ablation" else found.arms
    return {
        f"{100 * summary.mean.value:.1f}"
        for metric in found.metrics
        for summary in found.summaries(metric, found.shots[-1])
        if summary.arm in arms
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(
    scope="module",
    params=[(kind, lang) for kind in ("comparison", "ablation", "proof") for lang in LANGUAGES],
    ids="-".join,
)
def opened(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Page, list[str]]]:
    """A report in the browser, which may run no script, and what it asked for."""
    kind, language = request.param
    file = tmp_path_factory.mktemp("report") / f"{kind}.html"
    file.write_text(render(report(kind, language)), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda asking: asked.append(asking.url))
    page.goto(file.as_uri())
    yield page, asked
    context.close()


@pytest.mark.parametrize("width", [390, 700, 1440])
def test_nothing_is_cut_and_nothing_scrolls_sideways(
    opened: tuple[Page, list[str]], width: int
) -> None:
    page, _ = opened
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT) == []


def test_nothing_is_loaded_but_the_file_itself(opened: tuple[Page, list[str]]) -> None:
    page, asked = opened
    assert [url.split(":", 1)[0] for url in asked if not url.startswith("data:")] == ["file"]
    assert page.locator("script, link, iframe, [src^=http], [href^=http]").count() == 0
    broken = "[...document.images].filter(image => !image.naturalWidth).length"
    assert page.evaluate(broken) == 0


def test_anchors_are_unique_and_every_figure_has_a_name(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    anchors = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(anchors) == len(set(anchors))
    for svg in page.locator("svg").all():
        for name in str(svg.get_attribute("aria-labelledby")).split():
            assert page.locator(f"[id='{name}']").count() == 1
    assert page.locator("img:not([alt])").count() == 0


def test_text_can_be_told_from_its_ground_in_light_and_dark(
    opened: tuple[Page, list[str]],
) -> None:
    page, _ = opened
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, media="screen")
        colours = page.evaluate(COLOURS)
        for name in ("--ink", "--soft", "--better", "--worse"):
            assert contrast(colours[name], colours["--panel"]) >= 4.5, (scheme, name)


def test_it_prints_to_a_few_pages_with_every_number(
    opened: tuple[Page, list[str]], tmp_path: Path
) -> None:
    page, _ = opened
    pages = printed(page, tmp_path / "report.pdf")
    assert 2 <= len(pages) <= {"ablation": 4}.get(Path(page.url).stem, 5)
    for number, text in enumerate(pages, 1):
        assert f"{number}/{len(pages)}" in text.replace(" ", "")
    text = " ".join(" ".join(pages).split())
    for expected in numbers(Path(page.url).stem):
        assert expected in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_proof_of_concept_of_the_usual_length_prints_to_four_pages(
    browser: Browser, language: Language, tmp_path: Path
) -> None:
    jpeg = encode_jpeg(np.full((64, 64, 3), 128, np.uint8))
    pictures = [[Picture(jpeg, "grey", "grey")] * 4] * 3
    found = poc_report(proof(dropped=True), Words(language), pictures)
    page = browser.new_page()
    page.set_content(render(found))
    sheets = printed(page, tmp_path / "report.pdf")
    assert len(sheets) <= 4
    assert _plain(found.decision) in _plain(sheets[0])
    page.close()


def _plain(text: str) -> str:
    return re.sub(r"\s", "", text)


def printed(page: Page, pdf: Path) -> list[str]:
    """Print a page as PDF, and return the text of each of its sheets."""
    page.emulate_media(color_scheme="dark", media="print")
    page.pdf(path=pdf, prefer_css_page_size=True, print_background=True)
    done = subprocess.run(
        ["pdftotext", "-layout", pdf, "-"], check=True, capture_output=True, text=True
    )
    return done.stdout.split("\f")[:-1]


def test_the_print_is_on_white_whatever_the_screen(
    opened: tuple[Page, list[str]],
) -> None:
    page, _ = opened
    page.emulate_media(color_scheme="dark", media="print")
    assert page.evaluate(COLOURS)["--paper"] == "#ffffff"


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast of two colours."""
    light, dark = sorted(map(_luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    shares = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
