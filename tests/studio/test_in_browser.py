"""The whole way in a real browser, in both languages, by keyboard too; nothing from elsewhere."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    expect,
    sync_playwright,
)
from starlette.types import ASGIApp, Receive, Scope, Send
from torchvision.datasets import ImageFolder

from genmix import jobs
from genmix.cli import main
from genmix.datasets.samples import synthetic_photos
from genmix.prompts import load_library
from genmix.recipe import load_recipe
from genmix.reviewing import Filter, Store, find, history
from genmix.reviewing import page as page_of
from genmix.studio.words import Language, words
from tests.serving.servers import PATIENCE_SECONDS, CountingEditor, running, serving
from tests.studio.visitors import open_process, open_studio

_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MS = 30_000
RUN_MS = 1000 * PATIENCE_SECONDS
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
def test_the_whole_way_from_a_folder_of_photos_to_a_reviewed_training_set(
    browser: Browser, tmp_path: Path, language: Language
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    synthetic_photos(photos, classes=2, per_class=25, size=64, seed=5)
    with running(open_studio(photos, out, edits=tmp_path / "edits")) as address:
        context, page, amiss = opened(browser, address, locale=f"{language}-XX")
        page.goto(address)
        expect(page.locator("html")).to_have_attribute("lang", language)
        save_a_library(page, language)
        save_a_recipe(page, language)
        made = run_all(page, language, out)
        review_twenty(page, language, made)
        context.close()

    assert amiss == []
    recipe = load_recipe(out / "recipes" / "mix.yaml")
    assert recipe.masks == ("left", "right", "top", "bottom")
    assert recipe.seam.width == pytest.approx(0.081)
    assert [p.id for p in load_library(out / "prompts" / "looks.yaml").prompts] == KEPT_PROMPTS
    with Store(out) as store:
        rejected = {item.output for item in page_of(store, Filter(statuses=("rejected",)), size=30)}
        reasons = [d.reason for output in rejected for d in history(store, output) if d.reason]
    assert reasons == ["a reason with r and a"]
    kept = [Path(path) for path, _ in ImageFolder(str(tmp_path / "out-kept" / "images")).samples]
    assert len(kept) == made - len(rejected) == made - 7
    assert not {str(path.relative_to(tmp_path / "out-kept")) for path in kept} & rejected
    shown = ["augment", str(photos), "-o", str(out), "--recipe", f"{out}/recipes/mix.yaml"]
    again = CliRunner().invoke(main, shown)  # the command that the pages show goes on with the run
    assert again.exit_code == 0, again.output


KEPT_PROMPTS = ["mosaic", "tiles", "crayon-sketch"]


def save_a_library(page: Page, language: Language) -> None:
    """Choose a photo, try a prompt on it, copy that, switch most off, and save what is left."""
    t = partial(words, language)
    page.get_by_role("link", name=t("photo.change")).click()
    page.locator("ul.photos button").nth(5).click()
    page.wait_for_url("**/prompts*")

    mosaic = next(p for p in load_library("classification").prompts if p.id == "mosaic")
    name = getattr(mosaic.name, language)
    page.get_by_role("link", name=t("prompts.open", name=name)).click()
    for step in ("original", "edit", "hybrid", "composite"):
        picture = page.get_by_alt_text(t("step.alt", step=t(f"step.{step}"), name=name))
        expect(picture).to_be_visible()
    page.get_by_role("button", name=t("prompt.copy")).click()
    page.get_by_label(t("prompt.id")).fill("tiles")
    page.get_by_role("button", name=t("prompt.keep")).click()
    expect(page.get_by_text(t("prompt.changed"))).to_be_visible()

    page.get_by_role("link", name=t("prompt.back")).click()
    page.wait_for_load_state("networkidle")
    for each in load_library("classification").prompts:
        if each.id not in KEPT_PROMPTS:
            with page.expect_response(f"**/{each.id}/switch"):
                page.locator(f'input[hx-post$="/{each.id}/switch"]').focus()
                page.keyboard.press("Space")
    expect(page.locator("#count")).to_contain_text(t("prompts.count", on=3, all=10))
    discard = page.get_by_role("button", name=t("library.discard"))
    expect(discard).to_be_visible()
    page.get_by_label(t("library.name")).fill("looks")
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_contain_text("--prompts-file OUT/prompts/looks")
    expect(discard).to_have_count(0)


def save_a_recipe(page: Page, language: Language) -> None:
    """Set the mix for the saved library, reload, and find it."""
    t = partial(words, language)
    page.get_by_role("navigation", name=t("app.pages")).get_by_text(t("nav.mix")).click()
    page.wait_for_load_state("networkidle")
    page.get_by_label(t("mix.start")).select_option("quick")
    page.get_by_role("button", name=t("mix.start.button")).click()
    page.wait_for_load_state("networkidle")
    page.get_by_label(t("mix.prompts"), exact=True).select_option("looks")
    expect(page.locator("#prompt option")).to_have_count(3)
    page.get_by_label(t("mask.circle")).uncheck()
    seam = page.get_by_label(t("mix.seam"), exact=True)
    seam.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_label(t("mix.name")).fill("mix")
    page.get_by_role("button", name=t("mix.save.button")).click()
    expect(page.locator("#saved")).to_contain_text("--recipe OUT/recipes/mix.yaml")
    expect(page.locator("#mixed .label")).to_contain_text("disc")
    page.reload()
    expect(page.get_by_label(t("mask.circle"))).not_to_be_checked()


def run_all(page: Page, language: Language, out: Path) -> int:
    """Ask what the run would take, start it, wait for its end, and count what it made."""
    t = partial(words, language)
    navigation = page.get_by_role("navigation", name=t("app.pages"))
    navigation.get_by_text(t("nav.review"), exact=True).click()
    page.get_by_role("link", name=t("review.none.run")).click()
    page.wait_for_load_state()
    page.get_by_label(t("run.recipe"), exact=True).select_option("mix")
    page.get_by_role("button", name=t("run.estimate")).click()
    shown = "--recipe OUT/recipes/mix.yaml"
    expect(page.locator("#estimate")).to_contain_text(shown, timeout=RUN_MS)
    page.get_by_role("button", name=t("run.start"), exact=True).click()
    page.get_by_role("link", name=t("run.review")).click(timeout=RUN_MS)
    return len(list((out / "images").rglob("*.jpg")))


def review_twenty(page: Page, language: Language, made: int) -> None:
    """Judge by keys, take one back and judge it anew, reload, find everything, and export."""
    t = partial(words, language)

    def press(key: str) -> None:
        shown = page.locator("[name=output]").first
        before = shown.input_value()
        page.keyboard.press(key)
        expect(shown).not_to_have_value(before)

    def judged(count: int) -> None:
        expect(page.get_by_text(t("review.progress", done=count, total=made))).to_be_visible()

    give_name(page, "花子")
    judged(0)
    press("n")
    press("ArrowLeft")
    for key in "aaraaraaraaraaraaraa":
        press(key)
    judged(20)
    shown = page.url
    press("u")
    judged(19)
    assert page.url != shown
    page.keyboard.press("c")
    page.keyboard.type("a reason with r and a")
    page.keyboard.press("Escape")
    press("r")
    page.reload()
    judged(20)
    expect(page.get_by_text(t("review.as", name="花子"))).to_be_visible()
    expect(page.locator("#summary")).to_contain_text(t("review.person", name="花子", count=20))

    page.get_by_role("button", name=t("review.export.button"), exact=True).click()
    exported = t("review.exported", folder="out-kept", count=made - 7)
    expect(page.get_by_text(exported)).to_be_visible()


def give_name(page: Page, name: str) -> None:
    """Say who reviews, and wait for the first picture."""
    page.get_by_role("textbox").fill(name)
    page.keyboard.press("Enter")
    page.locator("#do-accept").wait_for()
    page.wait_for_load_state("networkidle")


def test_a_switch_holds_for_the_mix_of_all_libraries_too(
    browser: Browser, studio: tuple[str, Path, Path]
) -> None:
    context, page, amiss = opened(browser, studio[0], locale="en")
    page.goto(f"{studio[0]}/mix")
    open_settings(page, "domain-adaptation")
    assert_offered(page, *load_recipe("domain-adaptation").prompts.only or ())
    page.goto(f"{studio[0]}/prompts?library=classification")
    expect(page.locator("#count")).to_contain_text("1 of 9")
    switch(page, "mosaic")
    page.goto(f"{studio[0]}/prompts?library=domain-adaptation")
    switch(page, "graffiti")
    page.goto(f"{studio[0]}/mix")
    five = [id_ for id_ in load_recipe("domain-adaptation").prompts.only or () if id_ != "graffiti"]
    assert_offered(page, *five, "mosaic")
    page.wait_for_load_state("networkidle")
    page.get_by_label(words("en", "mix.prompts"), exact=True).select_option("industrial")
    expect(page.locator("#prompt option")).to_have_count(16)
    context.close()

    assert amiss == []


def open_settings(page: Page, name: str) -> None:
    """Begin the page Mix with a preset or a saved recipe."""
    page.get_by_label(words("en", "mix.start")).select_option(name)
    page.get_by_role("button", name=words("en", "mix.start.button"), exact=True).click()
    expect(page.get_by_text(words("en", "mix.opened"))).to_be_visible()


def assert_offered(page: Page, *ids: str) -> None:
    """Make sure that the page Mix offers these prompts, in this order."""
    offered = page.locator("#prompt option").evaluate_all("all => all.map((each) => each.value)")
    assert offered == list(ids)


def switch(page: Page, id_: str) -> None:
    """Switch a prompt on or off."""
    page.wait_for_load_state("networkidle")
    with page.expect_response(f"**/{id_}/switch"):
        page.locator(f'input[hx-post$="/{id_}/switch"]').click()


def test_a_library_saved_over_its_own_name_shows_at_once_what_is_left_in_it(
    browser: Browser, studio: tuple[str, Path, Path]
) -> None:
    address = studio[0]
    context, page, amiss = opened(browser, address, locale="en")
    page.goto(f"{address}/prompts")
    switch(page, "mosaic")
    save_as(page, "own")
    expect(page.locator("#prompt-cards li")).to_have_count(9)
    page.goto(f"{address}/prompts?library=own")
    switch(page, "snowy")
    page.get_by_label(words("en", "prompts.find")).fill("season")
    expect(page.locator("#prompt-cards li")).to_have_count(2)
    page.get_by_label(words("en", "library.replace")).check()
    save_as(page, "own")
    expect(page.locator("#prompt-cards li")).to_have_count(1)
    expect(page.locator("#count")).to_contain_text(words("en", "prompts.count", on=7, all=7))
    page.get_by_label(words("en", "prompts.find")).fill("")
    expect(page.locator("#prompt-cards li")).to_have_count(7)
    context.close()

    assert amiss == []


def save_as(page: Page, name: str) -> None:
    """Save a library by a name."""
    page.get_by_label(words("en", "library.name"), exact=True).fill(name)
    page.get_by_role("button", name=words("en", "library.save.button")).click()
    expect(page.locator("#saved")).to_contain_text(f"prompts/{name}.yaml")


def test_going_back_shows_what_was_changed_since(
    browser: Browser, reviewable: Callable[[Path], tuple[Path, Path]], tmp_path: Path
) -> None:
    with running(open_studio(*reviewable(tmp_path))) as address:
        context = browser.new_context(locale="en")  # watching its requests would turn its cache off
        page = context.new_page()
        page.goto(f"{address}/prompts")
        switch(page, "snowy")
        page.goto(f"{address}/prompts/classification/mosaic")
        page.go_back()
        expect(page.locator("#count")).to_contain_text(words("en", "prompts.count", on=8, all=9))
        expect(page.locator("li.off input:not(:checked)")).to_have_count(1)
        expect(page.locator("li:not(.off) input:checked")).to_have_count(8)
        page.goto(f"{address}/review")
        give_name(page, "Anna")
        page.keyboard.press("a")
        expect(page.locator("#summary")).to_contain_text(words("en", "review.people"))
        page.goto(f"{address}/run")
        page.go_back()
        expect(page.locator("#summary")).to_contain_text(words("en", "review.people"))
        context.close()


def test_single_keys_do_nothing_while_somebody_writes_or_reads_about_them(
    browser: Browser, reviewable: Callable[[Path], tuple[Path, Path]], tmp_path: Path
) -> None:
    with running(open_studio(*reviewable(tmp_path))) as address:
        context, page, amiss = opened(browser, address, locale="en")
        page.goto(f"{address}/review")
        give_name(page, "Anna")
        shown = page.locator("[name=output]").first.input_value()
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
        page.wait_for_load_state("networkidle")
        assert page.locator("[name=output]").first.input_value() == shown
        expect(page.get_by_text(words("en", "review.progress", done=0, total=30))).to_be_visible()
        context.close()

    assert amiss == []


def test_a_phone_shows_no_keys_to_press(
    browser: Browser, reviewable: Callable[[Path], tuple[Path, Path]], tmp_path: Path
) -> None:
    with running(open_studio(*reviewable(tmp_path))) as address:
        context, page, amiss = opened(browser, address, locale="ja", is_mobile=True, has_touch=True)
        page.goto(f"{address}/review")
        page.get_by_role("textbox").fill("花子")
        page.get_by_role("button", name=words("ja", "review.who.button")).tap()
        page.get_by_role("button", name=words("ja", "review.accept"), exact=True).tap()
        expect(page.locator("#said")).to_contain_text(words("ja", "review.accept"))
        assert not any(key.is_visible() for key in page.locator("kbd").all())
        context.close()

    assert amiss == []


def test_after_a_wrong_label_the_next_key_judges_the_next_picture(
    browser: Browser, reviewable: Callable[[Path], tuple[Path, Path]], tmp_path: Path
) -> None:
    photos, out = reviewable(tmp_path)
    with running(open_studio(photos, out)) as address:
        context, page, amiss = opened(browser, address, locale="en")
        page.goto(f"{address}/review")
        give_name(page, "Anna")
        first = shown_in(page)
        for key in ("w", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        expect(page.locator("#said")).to_contain_text("Saved: wrong label")
        second = shown_in(page)
        page.keyboard.press("a")
        expect(page.locator("#said")).to_contain_text("Saved: accepted")
        context.close()

    assert amiss == []
    with Store(out) as store:
        assert find(store, first).better_label in {place.name for place in photos.iterdir()}
        assert find(store, second).status == "accepted"


def test_what_the_server_did_not_take_is_not_shown_as_saved(
    browser: Browser, reviewable: Callable[[Path], tuple[Path, Path]], tmp_path: Path
) -> None:
    with running(open_studio(*reviewable(tmp_path))) as address:
        context, page, _ = opened(browser, address, locale="en")
        page.goto(f"{address}/review")
        give_name(page, "Anna")
        context.route("**/review/decide*", lambda route: route.abort())
        shown = page.locator("[name=output]").first.input_value()
        page.keyboard.press("a")
        expect(page.get_by_text(words("en", "review.lost"))).to_be_visible()
        assert page.locator("[name=output]").first.input_value() == shown
        context.close()


def test_two_browsers_at_once_lose_no_decision_though_the_server_is_killed(
    browser: Browser, reviewable: Callable[[Path], tuple[Path, Path]], tmp_path: Path
) -> None:
    places = reviewable(tmp_path)
    saved = review_at_once(browser, places, kill_after=30)
    with sqlite3.connect(places[1] / "reviews.sqlite") as connection:
        rows = connection.execute("SELECT reviewer, output FROM decisions").fetchall()

    assert len(rows) == len(set(rows)) == 2 * 30
    assert saved == set(rows)


def review_at_once(
    browser: Browser, places: tuple[Path, Path], kill_after: int
) -> set[tuple[str, str]]:
    """Let two judge everything, kill the server meanwhile, and return what was shown as saved."""
    pages: dict[str, Page] = {}
    saved: set[tuple[str, str]] = set()
    with open_process(*places) as (address, process):
        for who in ("Anna", "Ben"):
            _, pages[who], _ = opened(browser, address, locale="en")
            pages[who].goto(f"{address}/review?show=unseen")
            give_name(pages[who], who)
        while len(saved) < kill_after:
            judge_at_once(pages, saved)
        for page in pages.values():
            page.keyboard.press("a")
        process.kill()
    with sqlite3.connect(places[1] / "reviews.sqlite") as connection:
        rows = set(connection.execute("SELECT reviewer, output FROM decisions").fetchall())
    assert saved <= rows
    finished = words("en", "review.finished")
    with open_process(*places, "--port", address.rpartition(":")[2]):
        for page in pages.values():
            page.goto(f"{address}/review?show=unseen")
        while not all(page.get_by_text(finished).count() for page in pages.values()):
            judge_at_once(pages, saved)
    for page in pages.values():
        page.context.close()
    return saved | rows


def judge_at_once(pages: dict[str, Page], saved: set[tuple[str, str]]) -> None:
    """Press a key in all pages, then see in each that its decision was saved."""
    judging = {who: (page, shown_in(page)) for who, page in pages.items()}
    for page, _ in judging.values():
        page.keyboard.press("a")
    for who, (page, before) in judging.items():
        if before:
            expect(page.locator(f'[name=output][value="{before}"]')).to_have_count(0)
            expect(page.locator("#said")).to_contain_text("Saved: accepted")
            saved.add((who, before))
        else:  # the other one looks at what is left
            page.reload()


def shown_in(page: Page) -> str:
    """Return which picture a page shows; "" if none."""
    field = page.locator("[name=output]")
    return field.first.input_value() if field.count() else ""


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
        give_name(page, "A" * 80)
        page.keyboard.press("a")
        expect(page.locator("#said")).not_to_be_empty()
        check_pages(
            page,
            address,
            ["/review", "/review?show=all&score=blank&low=1", "/review/grid?show=all", "/run"],
        )
        context.close()
    assert amiss == []


def test_long_names_of_classes_fit_every_page_and_a_photo_that_fails_says_so(
    browser: Browser, tmp_path: Path
) -> None:
    photos, out, edits = (tmp_path / name for name in ("photos", "out", "edits"))
    synthetic_photos(photos, classes=2, per_class=3, size=64, seed=5)
    for place, name in zip(
        sorted(photos.iterdir()), ("long_" * 16, "大輪の向日葵" * 8), strict=True
    ):
        place.rename(photos / name)
    (photos / ("long_" * 16) / "broken.jpg").write_bytes(b"no picture")
    recipe = load_recipe("quick").changed(size=32, fractals={"count": 1}, prompts={"only": ["fog"], "library": "industrial"})  # fmt: skip  # noqa: E501
    jobs.augment(photos, out, recipe, edits=edits)
    with running(open_studio(photos, out, edits=edits)) as address:
        context, page, _ = opened(browser, address, locale="ja", bypass_csp=True)
        page.goto(f"{address}/review")
        give_name(page, "花子")
        page.keyboard.press("r")
        expect(page.locator("#said")).not_to_be_empty()
        paths = ("/photos", "/prompts", "/compare", "/mix", "/run", "/review", "/review/grid")
        check_pages(page, address, paths)
        page.goto(f"{address}/photos")
        expect(page.locator(".photos .no-look")).to_have_text(words("ja", "photo.unusable"))
        context.close()


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


def test_a_click_is_not_lost_while_the_scripts_are_on_their_way(
    browser: Browser, studio: tuple[str, Path, Path], tmp_path: Path
) -> None:
    app = open_studio(studio[1], tmp_path / "out", edits=tmp_path / "edits")
    with running(slow_scripts(app)) as address:
        context, page, amiss = opened(browser, address, locale="en")
        page.goto(f"{address}/run", wait_until="commit")
        page.get_by_role("button", name=words("en", "run.estimate")).click()
        expect(page.locator("#estimate")).not_to_be_empty(timeout=RUN_MS)
        context.close()

    assert amiss == []


def slow_scripts(app: ASGIApp, seconds: float = 0.5) -> ASGIApp:
    """Answer a request for a script late, as a slow network would."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith(".js"):
            await asyncio.sleep(seconds)
        await app(scope, receive, send)

    return slow


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
            editing = page.get_by_label(words("en", "progress.editing"))
            expect(editing).to_be_visible(timeout=PATIENCE_MS)  # once the editor's process is there
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
