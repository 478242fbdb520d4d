"""The page Results: what lies in the folders is found, told in a sentence, reported in place."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner
from playwright.sync_api import Browser, Frame, Page, expect

from genmix import studio
from genmix.cli import main
from genmix.errors import MissingExtraError
from genmix.experiments.bench import CompareSettings
from genmix.experiments.compare import compare, write_json
from genmix.studio.results import MOST_MEGABYTES, Results, UnreadableError
from genmix.studio.words import LANGUAGES, Language, words
from genmix.studio.work import StoppedError, Work
from genmix.training.settings import TrainSettings
from tests.experiments.places import make_place
from tests.reporting.made import ARMS, HOSTILE, ablated, compared
from tests.reporting.proofs import proof
from tests.serving.servers import running
from tests.studio.test_hostile import SECRET
from tests.studio.test_in_browser import browser, opened
from tests.studio.visitors import Visitor, ask_raw, open_studio

__all__ = ["browser"]

GAIN = compared({ARMS[-1]: 0.1}, shots=(5, None))


def write(folder: Path, name: str, values: dict[str, Any]) -> Path:
    """Write what an experiment leaves in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / name, values)
    return folder


def begin(folder: Path, *inside: str) -> Path:
    """Write what an experiment leaves that was stopped."""
    for each in (".genmix", *inside):
        (folder / each).mkdir(parents=True, exist_ok=True)
    (folder / ".genmix" / "job.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, and results of every kind in the studio's folder `out`."""
    place = make_place(tmp_path_factory.mktemp("results"))
    results = place / "out" / "results"
    (place / "out" / ".genmix").mkdir(parents=True)
    train = TrainSettings(model="test_resnet", weights="scratch", size=32, steps=2, batch_size=8)
    compare(
        CompareSettings(data=str(place / "photos"), train=train),
        f"baseline,genmix:{place / 'mine.yaml'}",
        results / "real",
        seeds=2,
        edits=place / "edits",
    )
    write(results / "proof", "poc.json", proof().to_dict())
    write(results / "parts", "ablation.json", ablated({"fractal=off": 0.1}).to_dict())
    write(results / "parts", "comparison.json", GAIN.to_dict())
    hostile = compared({"cutmix": 0.1}, arms=("baseline", "cutmix"), classes=[HOSTILE])
    told = json.dumps(hostile.to_dict()).replace("cutmix", f"\\u202e\\ud800{HOSTILE}")
    (results / HOSTILE.replace("/", "")).mkdir()
    (results / HOSTILE.replace("/", "") / "comparison.json").write_text(told)
    begin(results / "begun", "work")
    spoilt = GAIN.to_dict()
    write(results / "spoilt", "comparison.json", {**spoilt, "about": {"versions": "none"}})
    (results / "broken").mkdir()
    (results / "broken" / "comparison.json").write_text('{"format": 1, "arms": {}}')
    for age, folder in enumerate(sorted(results.iterdir())):
        for file in folder.glob("*.json"):
            os.utime(file, (1.7e9 - age, 1.7e9 - age))
    return place


@pytest.fixture(scope="module")
def visitor(place: Path) -> Iterator[Visitor]:
    """Somebody in a studio with these results."""
    with Visitor(open_studio(place / "photos", place / "out")) as visitor:
        yield visitor.sign_in()


@pytest.fixture(scope="module")
def address(place: Path) -> Iterator[str]:
    """Where a studio with these results is open."""
    with running(open_studio(place / "photos", place / "out")) as address:
        yield address


def outcome_of(visitor: Visitor, path: str) -> str:
    """Do what a page asks for by itself, and wait for what comes of it."""
    answer = visitor.submit(path)
    while found := re.search(r'hx-get="(/works/[^"]+)"', answer.text):
        answer = visitor.get(found[1])
    return str(answer.text)


def listed(visitor: Visitor) -> str:
    """Return the page with all results read."""
    outcome_of(visitor, "/results/read")
    return str(visitor.get("/results").text)


def id_of(page: str, name: str) -> str:
    found = re.search(rf'href="/results/(\w+)">{re.escape(name)}<', page)
    assert found, name
    return found[1]


def test_every_result_is_told_in_its_own_sentence_and_the_newest_stands_first(
    visitor: Visitor,
) -> None:
    page = listed(visitor)
    names = re.findall(r"<h2>(?:<a [^>]+>)?([^<]+)", page)

    assert names == ["results/begun", *sorted(n for n in names if n != "results/begun")]
    assert page.count("domain-adaptation@0.8 is better") == 1  # not of what lies beside an ablation
    assert "“The share λ of the fractal” set to off" in page
    assert "Go. On photos of the domain cartoon" in page
    assert "1,670 labelled photos" in page
    assert page.count("Not finished") == page.count("run the same command again. It goes on") == 1
    assert page.count("Cannot be read") == page.count("“comparison.json” cannot be read") == 1


def test_a_report_is_the_builder_s_in_the_language_of_the_page(
    visitor: Visitor, place: Path
) -> None:
    id_ = id_of(listed(visitor), "results/real")
    (place / "out" / "results" / "real" / "report.html").write_text(SECRET)
    shown = outcome_of(visitor, f"/results/{id_}/make")
    address = re.search(r'src="([^"]+)"', shown)
    assert address
    english = visitor.get(address[1].replace("&amp;", "&"))
    japanese = visitor.get(f"/results/{id_}/report.html?lang=ja")
    sent = visitor.get(f"/results/{id_}/report.html?lang=en&download=1")

    said = re.search(r'<p class="sentence">([^<]+)<', english.text)
    assert said
    assert f'<p class="finding">{said[1]}</p>' in listed(visitor)
    assert english.text.count('src="data:image/jpeg') == 2  # a composite for each of two prompts
    assert '<html lang="en">' in english.text
    assert '<html lang="ja">' in japanese.text
    assert SECRET not in english.text + japanese.text
    assert sent.headers["content-disposition"].endswith("''results-real.en.html")
    policy = english.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-same-origin allow-modals; default-src 'none';")
    assert "script" not in policy
    assert "frame-ancestors 'self'" in policy
    assert english.headers["x-frame-options"] == "SAMEORIGIN"


def test_only_a_report_may_be_framed(visitor: Visitor) -> None:
    id_ = id_of(listed(visitor), "results/proof")
    for path in ("/results", f"/results/{id_}", "/results/0000/report.html", "/prompts"):
        answer = visitor.get(path)
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "sandbox" not in answer.headers["content-security-policy"]


def test_names_and_results_that_somebody_made_up_are_text(visitor: Visitor) -> None:
    page = listed(visitor)
    id_ = id_of(page, f"results/{HOSTILE}".replace("<", "&lt;").replace(">", "&gt;"))
    around = visitor.get(f"/results/{id_}").text
    report = visitor.get(f"/results/{id_}/report.html").text

    for text in (page, around, report):
        assert "<img src=x" not in text
        assert "&lt;img src=x" in text
    assert "\u202e" not in page + around


def test_a_result_that_changes_is_read_and_reported_anew(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", "comparison.json", GAIN.to_dict())
    results = Results(tmp_path)
    (before,) = results.listing().results
    results.read([before], Work())
    write(folder, "comparison.json", compared(dict.fromkeys(ARMS[1:], -0.1)).to_dict())
    (after,) = results.listing().results

    assert results.unread([before]) == []
    assert before.id == after.id
    assert results.unread([after]) == [after]
    begin(folder, "work/cutmix")
    assert results.listing().results[0].state == "more"


def test_reading_ends_when_it_is_stopped_takes_too_long_or_lacks_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a", "comparison.json", GAIN.to_dict())
    results, stopped = Results(tmp_path), Work()
    (found,) = results.listing().results
    stopped.cancel()
    with pytest.raises(StoppedError):
        results.report(found, "en", stopped)
    monkeypatch.setattr("genmix.studio.results._MOST_SECONDS", -1.0)
    with pytest.raises(UnreadableError, match="too long"):
        results.report(found, "en", Work())
    monkeypatch.setattr("genmix.studio.results.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'genmix\[proof\]'"):
        results.report(found, "en", Work())


def test_what_is_no_file_of_a_result_is_told_and_not_read(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", "poc.json", proof().to_dict())
    out = tmp_path / "out"
    for name in ("linked", "large", "folder"):
        begin(out / name)
    (out / "linked" / "poc.json").symlink_to(tmp_path / "elsewhere" / "poc.json")
    (out / "linked" / "comparison.json").write_text("{}")
    (out / "folder" / "ablation.json").mkdir()
    with (out / "large" / "comparison.json").open("wb") as file:
        file.truncate(MOST_MEGABYTES * 1_000_000 + 1)
    (out / "way-out").symlink_to(tmp_path / "elsewhere")
    (out / "train" / "images" / "cat").mkdir(parents=True)
    (out / "train" / "manifest.parquet").touch()
    write(out / "train" / "images" / "cat", "comparison.json", GAIN.to_dict())
    begin(out / "augmented", "images")
    os.mkfifo(out / "pipe")

    found = {each.name: each.state for each in Results(out).listing().results}
    assert found == {"linked": "linked", "large": "large", "folder": "linked"}


def test_only_the_folders_that_were_given_are_looked_through_and_not_for_ever(
    tmp_path: Path,
) -> None:
    write(tmp_path / "beside", "comparison.json", GAIN.to_dict())
    write(tmp_path / "given" / "x", "comparison.json", GAIN.to_dict())
    write(tmp_path / "out" / "a" / "b" / "c" / "d" / "e", "comparison.json", GAIN.to_dict())
    for k in range(120):
        begin(tmp_path / "out" / "many" / str(k), "runs")
    results = Results(tmp_path / "out", [tmp_path / "given"])
    listing = results.listing()

    assert "given/x" in {each.name for each in listing.results} or listing.older
    assert not any("beside" in each.name or "/e" in each.name for each in listing.results)
    assert (len(listing.results), listing.older, listing.whole) == (100, 21, True)
    for k in range(1001):
        (tmp_path / "given" / str(k)).mkdir()
    assert not results.listing().whole


@pytest.mark.parametrize(
    "path",
    ["/results/../../secret.yaml", "/results/..%2f..%2fsecret/report.html", "/results//etc/passwd",
     "/results/results%2freal", "/results/results/real/report.html", "/results/\0", "/results/.",
     "/results/0000000000000000", "/results/0000000000000000/report.html"],
)  # fmt: skip
def test_no_address_leads_to_anything_but_a_result(visitor: Visitor, path: str) -> None:
    status, body = ask_raw(visitor.app, path)  # type: ignore[arg-type]

    assert status == 404
    assert b"root:" not in body


def test_reports_are_made_by_own_pages_alone(visitor: Visitor) -> None:
    for path in ("/results/read", "/results/0000000000000000/make"):
        assert visitor.post(path).status_code == 403
    assert visitor.submit("/results/0000000000000000/make").status_code == 404


def test_a_folder_that_was_named_for_results_is_shown(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "proof", "comparison.json", GAIN.to_dict())
    opened_with: list[studio.Settings] = []
    monkeypatch.setattr(studio, "serve", lambda settings, *_: opened_with.append(settings))
    words = ["studio", str(photos), "-o", str(tmp_path / "out"), "--results"]
    done = CliRunner().invoke(main, [*words, str(tmp_path / "proof")])
    assert done.exit_code == 0, done.output
    with Visitor(studio.create_app(opened_with[0])) as visitor:
        assert 'hx-post="/results/read"' in visitor.get("/results").text


def test_without_results_the_page_says_which_commands_make_one(photos: Path, out: Path) -> None:
    with Visitor(open_studio(photos, out)) as visitor:
        page = visitor.get("/results").text

    for verb in ("poc", "compare", "ablate"):
        assert f"genmix {verb} SOURCE -o OUT/results/{verb}" in page
    assert str(out) not in page
    assert "SOURCE and OUT stand for" in page


def test_words_for_folders_are_explained_only_where_they_stand(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").symlink_to(photos)
    with Visitor(open_studio(Path("photos"), Path("made"))) as visitor:
        page = visitor.get("/results").text

    assert "genmix poc photos -o made/results/poc" in page
    assert "stand for" not in page


def test_a_report_that_cannot_be_made_is_told_in_plain_words(visitor: Visitor, place: Path) -> None:
    id_ = id_of(listed(visitor), "results/spoilt")
    told = outcome_of(visitor, f"/results/{id_}/make")

    assert "The report cannot be made." in told
    assert "iframe" not in told
    assert str(place) not in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_results_are_read_in_the_browser_at_every_width(
    browser: Browser, address: str, language: Language
) -> None:
    def t(key: str, **values: object) -> str:
        return words(language, key, **values)

    scheme: Any = {"en": "light", "ja": "dark"}[language]
    context, page, amiss = opened(
        browser, address, locale=f"{language}-XX", color_scheme=scheme, bypass_csp=True
    )
    page.goto(address)
    page.get_by_role("link", name=t("nav.results"), exact=True).click()
    page.get_by_role("link", name="results/real").wait_for()
    check(page)
    page.get_by_role("link", name="results/real").press("Enter")
    frame = page.frame_locator("iframe")
    frame.locator("footer").wait_for()
    expect(frame.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("iframe")).to_have_attribute(
        "title", t("results.frame", name="results/real")
    )
    page.wait_for_load_state("networkidle")
    check(page)
    report = next(each for each in page.frames if "report.html" in each.url)
    for width in (1440, 390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert report.evaluate("document.documentElement.scrollWidth") <= width
        page.wait_for_function(
            "() => { const f = document.querySelector('iframe'); return Math.abs("
            "f.clientHeight - f.contentDocument.documentElement.offsetHeight) < 3; }"
        )
    assert cut(report) == []
    context.close()
    assert amiss == []


def test_a_report_is_printed_opened_and_kept_from_its_page(browser: Browser, address: str) -> None:
    context, page, amiss = opened(browser, address, locale="en")
    page.goto(f"{address}/results")
    page.get_by_role("link", name="results/real").click()
    page.frame_locator("iframe").locator("footer").wait_for()
    page.wait_for_load_state()
    page.evaluate(
        "document.querySelector('iframe').contentWindow.onbeforeprint ="
        " () => { document.title = 'printed'; }"
    )
    page.get_by_role("button", name="Print").press("Enter")
    expect(page).to_have_title("printed")
    with context.expect_page() as other:
        page.get_by_role("link", name="Open in a new tab").click()
    expect(other.value.locator("h1")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "results-real.en.html"
    context.close()
    assert amiss == []


def cut(report: Frame) -> list[str]:
    """Return what stands out of a report's frame."""
    found: list[str] = report.evaluate(
        "[...document.body.querySelectorAll('*')].filter(each => { const box ="
        " each.getBoundingClientRect(); return !each.closest('thead, svg') && box.width &&"
        " (box.left < -0.5 || box.right > innerWidth + 0.5); }).map(each => each.outerHTML)"
    )
    return found


def check(page: Page) -> None:
    """Look for faults of accessibility, and for what is wider than the page."""
    assert [fault["id"] for fault in Axe().run(page).response["violations"]] == []
    for width in (1440, 820, 390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
