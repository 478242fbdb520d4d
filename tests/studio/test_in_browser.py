"""The whole way in a real browser, in both languages, by keyboard too; nothing from elsewhere."""

from collections.abc import Iterator
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

from genmix.datasets.samples import synthetic_photos
from genmix.prompts import load_library
from genmix.recipe import load_recipe
from genmix.studio.words import Language, words
from tests.serving.servers import CountingEditor, running, serving
from tests.studio.visitors import augment, open_studio

_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MS = 30_000
PAGES = ("/prompts", "/prompts/classification/mosaic", "/compare", "/mix", "/photos", "/nothing")


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_fits_its_width_and_loads_nothing_from_elsewhere(
    browser: Browser, studio: tuple[str, Path, Path], scheme: Any
) -> None:
    address, _, _ = studio
    language = {"light": "ja", "dark": "en"}[scheme]
    context, page, amiss = opened(browser, address, color_scheme=scheme, bypass_csp=True, locale=language)  # fmt: skip  # noqa: E501
    for path in PAGES:
        page.goto(address + path)
        page.wait_for_load_state("networkidle")
        found = Axe().run(page).response["violations"]
        assert [(path, fault["id"]) for fault in found] == []
        for width in (1440, 820, 390, 320):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
    context.close()
    assert [each for each in amiss if "404" not in each] == []  # of the page that is not there


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
