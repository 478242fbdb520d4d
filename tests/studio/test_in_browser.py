"""The whole way in a real browser, in both languages, by keyboard too; nothing from elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    expect,
    sync_playwright,
)
from torchvision.datasets import ImageFolder

from genmix.datasets.samples import synthetic_photos
from genmix.prompts import load_library
from genmix.recipe import load_recipe
from genmix.reviewing import Filter, Store, history
from genmix.reviewing import page as page_of
from genmix.studio.words import Language, words
from tests.serving.servers import CountingEditor, running, serving
from tests.studio.visitors import augment, open_studio

_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MS = 30_000
PAGES = (
    "/prompts", "/prompts/classification/mosaic", "/compare", "/mix", "/run", "/photos", "/nothing",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, Path]]:
    """A running studio: its address, its photos, its folder."""
    folder = tmp_path_factory.mktemp("studio")
    synthetic_photos(folder / "photos", classes=2, per_class=4, size=160, seed=3)
    app = open_studio(folder / "photos", folder / "out", edits=folder / "edits")
    with running(app) as address:
        yield address, folder / "photos", folder / "out"


def opened(
    browser: Browser, address: str, **options: Any
) -> tuple[BrowserContext, Page, list[str]]:
    """Open a page whose requests to elsewhere, and whose errors, are listed."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    amiss: list[str] = []

    def watch(route: Route) -> None:
        if route.request.url.startswith((address, "data:")):
            route.continue_()
        else:
            amiss.append(route.request.url)
            route.abort()

    context.route("**/*", watch)
    page = context.new_page()
    page.on("pageerror", lambda error: amiss.append(str(error)))

    def listen(said: ConsoleMessage) -> None:
        # htmx reports a request as an error when a later one takes its place.
        given_up = said.text.startswith(("htmx:afterRequest", "htmx:sendAbort"))
        if said.type == "error" and not given_up:
            amiss.append(said.text)

    page.on("console", listen)
    return context, page, amiss


@pytest.mark.parametrize("language", ["en", "ja"])
def test_from_a_photo_to_a_library_and_a_recipe_that_a_run_takes(
    browser: Browser, studio: tuple[str, Path, Path], language: Language
) -> None:
    address, photos, out = studio
    context, page, amiss = opened(browser, address, locale=f"{language}-XX")

    def t(key: str, **values: object) -> str:
        return words(language, key, **values)

    page.goto(address)
    expect(page.locator("html")).to_have_attribute("lang", language)
    page.get_by_role("link", name=t("photo.change")).click()
    page.locator("ul.photos button").nth(5).click()
    page.wait_for_url("**/prompts*")

    mosaic = next(p for p in load_library("classification").prompts if p.id == "mosaic")
    name = mosaic.name.ja if language == "ja" else mosaic.name.en
    page.get_by_role("link", name=t("prompts.open", name=name)).click()
    for step in ("original", "edit", "hybrid", "composite"):
        picture = page.get_by_alt_text(t("step.alt", step=t(f"step.{step}"), name=name))
        expect(picture).to_be_visible()
    page.get_by_role("button", name=t("prompt.copy")).click()
    page.get_by_label(t("prompt.id")).fill(f"tiles-{language}")
    page.get_by_role("button", name=t("prompt.keep")).click()
    expect(page.get_by_text(t("prompt.changed"))).to_be_visible()

    page.get_by_role("link", name=t("prompt.back")).click()
    page.wait_for_load_state("networkidle")
    for each in ("autumn", "snowy", "sunset", "aurora", "rainbow", "ukiyo-e", "watercolor-art"):
        switch = page.locator(f'input[hx-post$="/{each}/switch"]')
        with page.expect_response(f"**/{each}/switch"):
            switch.focus()
            page.keyboard.press("Space")
    expect(page.locator("#count")).to_contain_text(t("prompts.count", on=3, all=10))
    page.get_by_label(t("library.name")).fill(f"looks-{language}")
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_contain_text(f"--prompts-file OUT/prompts/looks-{language}")

    page.get_by_role("navigation", name=t("app.pages")).get_by_text(t("nav.mix")).click()
    page.wait_for_load_state("networkidle")
    page.get_by_label(t("mix.start")).select_option("quick")
    page.get_by_role("button", name=t("mix.start.button")).click()
    page.wait_for_load_state("networkidle")
    page.get_by_label(t("mix.prompts"), exact=True).select_option(f"looks-{language}")
    expect(page.locator("#prompt option")).to_have_count(3)
    page.get_by_label(t("mask.circle")).uncheck()
    seam = page.get_by_label(t("mix.seam"), exact=True)
    seam.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_label(t("mix.name")).fill(f"mix-{language}")
    page.get_by_role("button", name=t("mix.save.button")).click()
    expect(page.locator("#saved")).to_contain_text(f"--recipe OUT/recipes/mix-{language}.yaml")
    expect(page.locator("#mixed .label")).to_contain_text(sorted(photos.iterdir())[1].name)
    page.reload()
    expect(page.get_by_label(t("mask.circle"))).not_to_be_checked()
    context.close()

    recipe = load_recipe(out / "recipes" / f"mix-{language}.yaml")
    assert recipe.masks == ("left", "right", "top", "bottom")
    assert recipe.seam.width == pytest.approx(0.081)
    saved = load_library(out / "prompts" / f"looks-{language}.yaml")
    assert [p.id for p in saved.prompts] == ["mosaic", f"tiles-{language}", "crayon-sketch"]
    arguments = ("--recipe", str(out / "recipes" / f"mix-{language}.yaml"), "--limit", "2")
    run = augment(photos, out.parent / f"run-{language}", *arguments)
    assert run.exit_code == 0, run.output
    assert len(list((out.parent / f"run-{language}" / "images").rglob("*.jpg"))) == 6
    assert amiss == []


@pytest.mark.parametrize("language", ["en", "ja"])
def test_fifty_photos_are_run_from_an_estimate_to_the_review(
    browser: Browser, tmp_path: Path, language: Language
) -> None:
    synthetic_photos(tmp_path / "photos", classes=2, per_class=25, size=64, seed=5)
    recipe = load_recipe("quick").changed(
        size=32,
        fractals={"count": 2},
        prompts={"only": ["snowy"]},
        screens=dict.fromkeys(("blank", "unchanged", "structure")),
    )
    (tmp_path / "out" / "recipes").mkdir(parents=True)
    (tmp_path / "out" / ".genmix").mkdir()
    (tmp_path / "out" / "recipes" / "small.yaml").write_text(recipe.to_yaml())

    def t(key: str, **values: object) -> str:
        return words(language, key, **values)

    app = open_studio(tmp_path / "photos", tmp_path / "out", edits=tmp_path / "edits")
    with running(app) as address:
        context, page, amiss = opened(browser, address, locale=f"{language}-XX")
        page.goto(f"{address}/review")
        page.get_by_role("link", name=t("review.none.run")).click()
        page.get_by_label(t("run.recipe"), exact=True).select_option("small")
        page.get_by_role("button", name=t("run.estimate")).click()
        expect(page.locator("#estimate")).to_contain_text(
            "--recipe OUT/recipes/small.yaml", timeout=PATIENCE_MS
        )
        page.get_by_role("button", name=t("run.start"), exact=True).click()
        page.get_by_role("link", name=t("run.review")).click()
        page.get_by_role("textbox").fill("Anna")
        page.keyboard.press("Enter")
        expect(page.get_by_text(t("review.progress", done=0, total=50))).to_be_visible()
        context.close()

    assert amiss == []


@pytest.mark.parametrize("language", ["en", "ja"])
def test_twenty_pictures_are_reviewed_by_keys_and_found_again_and_exported(
    browser: Browser,
    reviewable: Callable[[Path], tuple[Path, Path]],
    tmp_path: Path,
    language: Language,
) -> None:
    photos, out = reviewable(tmp_path)

    def t(key: str, **values: object) -> str:
        return words(language, key, **values)

    def press(key: str) -> None:
        shown = page.locator("[name=output]").first
        before = shown.input_value()
        page.keyboard.press(key)
        expect(shown).not_to_have_value(before)

    with running(open_studio(photos, out)) as address:
        context, page, amiss = opened(browser, address, locale=f"{language}-XX")
        page.goto(f"{address}/review")
        page.get_by_role("textbox").fill("花子")
        page.keyboard.press("Enter")
        expect(page.get_by_text(t("review.progress", done=0, total=30))).to_be_visible()
        page.wait_for_load_state("networkidle")
        press("n")
        press("ArrowLeft")
        for key in "aaraaraaraaraaraaraa":
            press(key)
        expect(page.get_by_text(t("review.progress", done=20, total=30))).to_be_visible()
        shown = page.url
        press("u")
        expect(page.get_by_text(t("review.progress", done=19, total=30))).to_be_visible()
        assert page.url != shown
        shown = page.url

        page.keyboard.press("c")
        page.keyboard.type("a reason with r and a")
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        page.keyboard.press("a")
        page.keyboard.press("Escape")
        page.keyboard.press("z")
        expect(page.locator("#review")).to_have_class("zoomed")
        page.keyboard.press("z")
        assert page.url == shown
        press("r")
        page.reload()
        expect(page.get_by_text(t("review.progress", done=20, total=30))).to_be_visible()
        expect(page.get_by_text(t("review.as", name="花子"))).to_be_visible()
        expect(page.locator("#summary")).to_contain_text(t("review.person", name="花子", count=20))

        page.get_by_role("button", name=t("review.export.button"), exact=True).click()
        kept = t("review.exported", folder="out-kept", count=23)
        expect(page.get_by_text(kept)).to_be_visible()
        context.close()

    assert amiss == []
    with Store(out) as store:
        rejected = {item.output for item in page_of(store, Filter(statuses=("rejected",)), size=30)}
        reasons = [d.reason for output in rejected for d in history(store, output) if d.reason]
    assert reasons == ["a reason with r and a"]
    made = [Path(path) for path, _ in ImageFolder(str(tmp_path / "out-kept" / "images")).samples]
    kept_names = {str(path.relative_to(tmp_path / "out-kept")) for path in made}
    assert len(kept_names) == 23
    assert not kept_names & rejected


def test_what_the_server_did_not_take_is_not_shown_as_saved(
    browser: Browser, reviewable: Callable[[Path], tuple[Path, Path]], tmp_path: Path
) -> None:
    with running(open_studio(*reviewable(tmp_path))) as address:
        context, page, _ = opened(browser, address, locale="en")
        page.goto(f"{address}/review")
        page.get_by_role("textbox").fill("Anna")
        page.keyboard.press("Enter")
        page.wait_for_load_state("networkidle")
        context.route("**/review/decide*", lambda route: route.abort())
        shown = page.locator("[name=output]").first.input_value()
        page.keyboard.press("a")
        expect(page.get_by_text(words("en", "review.lost"))).to_be_visible()
        assert page.locator("[name=output]").first.input_value() == shown
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_fits_its_width_and_loads_nothing_from_elsewhere(
    browser: Browser, studio: tuple[str, Path, Path], scheme: Any
) -> None:
    address, _, _ = studio
    language = {"light": "ja", "dark": "en"}[scheme]
    context, page, amiss = opened(browser, address, color_scheme=scheme, bypass_csp=True, locale=language)  # fmt: skip  # noqa: E501
    check_pages(page, address, PAGES)
    context.close()
    assert [each for each in amiss if "404" not in each] == []  # of the page that is not there


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_review_pages_are_accessible_and_fit_their_width(
    browser: Browser,
    reviewable: Callable[[Path], tuple[Path, Path]],
    tmp_path: Path,
    scheme: Any,
) -> None:
    language = {"light": "ja", "dark": "en"}[scheme]
    with running(open_studio(*reviewable(tmp_path))) as address:
        context, page, amiss = opened(browser, address, color_scheme=scheme, bypass_csp=True, locale=language)  # fmt: skip  # noqa: E501
        check_pages(page, address, ["/review"])
        page.get_by_role("textbox").fill("A" * 80)
        page.keyboard.press("Enter")
        page.locator("#do-accept").wait_for()
        page.wait_for_load_state("networkidle")
        page.keyboard.press("a")
        expect(page.locator("#said")).not_to_be_empty()
        check_pages(
            page,
            address,
            ["/review", "/review?show=all&score=blank&low=1", "/review/grid?show=all"],
        )
        context.close()
    assert amiss == []


def check_pages(page: Page, address: str, paths: Sequence[str]) -> None:
    """Look for faults of accessibility, and for what is wider than the page."""
    for path in paths:
        page.goto(address + path)
        page.wait_for_load_state("networkidle")
        found = Axe().run(page).response["violations"]
        assert [(path, fault["id"]) for fault in found] == []
        for width in (1440, 820, 390, 320):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)


def test_a_slow_edit_shows_its_progress_and_stops_at_a_key(
    browser: Browser, studio: tuple[str, Path, Path], tmp_path: Path
) -> None:
    editor = CountingEditor()
    editor.open_gate.clear()
    with serving(editor) as server:
        app = open_studio(studio[1], tmp_path / "out", editor=server, edits=tmp_path / "edits")
        with running(app) as address:
            context, page, amiss = opened(browser, address, locale="en", bypass_csp=True)
            page.goto(f"{address}/prompts/classification/snowy")
            page.get_by_role("button", name="Try it").click()
            expect(page.get_by_label(words("en", "progress.editing"))).to_be_visible()
            assert Axe().run(page).response["violations"] == []
            page.get_by_role("button", name=words("en", "app.stop")).press("Enter")
            expect(page.get_by_text(words("en", "app.stopped"))).to_be_visible()
            context.close()
        assert editor.batches == []
        editor.open_gate.set()

    assert amiss == []


def test_the_first_key_leads_past_the_navigation_and_focus_is_seen(
    browser: Browser, studio: tuple[str, Path, Path]
) -> None:
    context, page, _ = opened(browser, studio[0], locale="en")
    page.goto(f"{studio[0]}/prompts")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    context.close()
