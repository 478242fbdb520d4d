"""The page Review as a visitor's requests see it: judging, walking, sampling, exporting."""

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from starlette.applications import Starlette
from torchvision.datasets import ImageFolder

from genmix.reviewing import Store, count, decide, find, page, review_report
from genmix.reviewing.queue import Filter
from tests.serving.servers import PATIENCE_SECONDS
from tests.studio.visitors import Visitor, open_process, open_studio

PICTURES = 30

_FIELD = re.compile(r'name="(output|sha256)" value="([^"]*)"')


@pytest.fixture
def places(tmp_path: Path, reviewable: Callable[[Path], tuple[Path, Path]]) -> tuple[Path, Path]:
    """Photos, and what was made of them."""
    return reviewable(tmp_path)


@pytest.fixture
def studio(places: tuple[Path, Path]) -> Iterator[Starlette]:
    """A studio on a finished output."""
    app = open_studio(*places)
    with Visitor(app):
        yield app


def reviewer(studio: Starlette, name: str) -> Visitor:
    visitor = Visitor(studio).sign_in()
    assert visitor.submit("/review/name", {"name": name, "next": "/review"}).status_code == 303
    return visitor


def shown(answer: str) -> dict[str, str]:
    """Return which picture a page shows."""
    return dict(_FIELD.findall(answer))


def judge(visitor: Visitor, page: str, verdict: str = "accept", **more: str) -> str:
    """Say something of the picture on a page, and return the next page."""
    answer = visitor.submit("/review/decide", {**shown(page), "verdict": verdict, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def test_without_pictures_the_page_says_so(visitor: Visitor) -> None:
    for path in ("/review", "/review/grid"):
        assert "no finished pictures" in visitor.get(path).text
    assert visitor.get("/review/summary").status_code == 404


def test_the_name_is_asked_once_and_kept_whatever_letters_it_has(studio: Starlette) -> None:
    visitor = Visitor(studio).sign_in()
    asked = visitor.get("/review").text
    refused = visitor.submit("/review/name", {"name": "  ", "next": "/review"})
    visitor.submit("/review/name", {"name": "花子; <b>", "next": "/review"})

    assert 'name="output"' not in asked
    assert refused.status_code == 422
    assert "花子; &lt;b&gt;" in visitor.get("/review").text
    visitor.submit("/review/leave")
    assert 'name="output"' not in visitor.get("/review").text


def test_the_most_doubtful_comes_first_and_what_is_said_is_on_the_disk(
    studio: Starlette, places: tuple[Path, Path]
) -> None:
    anna = reviewer(studio, "Anna")
    first = anna.get("/review").text
    second = judge(anna, first, "reject", reason="too dark")

    with Store(places[1]) as store:
        expected = page(store, size=2)
        assert shown(first)["output"] == expected[0].output
        assert shown(second)["output"] == expected[1].output
        assert find(store, expected[0].output).status == "rejected"
    rows = sqlite3.connect(places[1] / "reviews.sqlite").execute(
        "SELECT reviewer, verdict, reason, client FROM decisions"
    )
    assert rows.fetchall() == [("Anna", "reject", "too dark", "genmix studio")]


def test_undo_previous_and_next_lead_where_one_expects(studio: Starlette) -> None:
    anna = reviewer(studio, "Anna")
    first = anna.get("/review").text
    second = judge(anna, first)
    back = anna.submit("/review/step", {**shown(second), "to": "previous"}).text
    again = anna.submit("/review/step", {**shown(back), "to": "next"}).text
    undone = anna.submit("/review/undo", shown(second))

    assert shown(back) == shown(first)
    assert "You accepted it" in back
    assert shown(again) == shown(second)
    assert shown(undone.text) == shown(first)
    assert "You accepted it" not in undone.text
    place = unquote(undone.headers["hx-replace-url"])
    assert place == f"/review?at={shown(first)['output']}"
    assert shown(anna.get(undone.headers["hx-replace-url"]).text) == shown(first)
    assert "nothing to take back" in anna.submit("/review/undo", shown(second)).text


def test_a_wrong_label_names_a_class_of_the_output_or_none(
    studio: Starlette, places: tuple[Path, Path]
) -> None:
    anna = reviewer(studio, "Anna")
    page_ = anna.get("/review").text
    with Store(places[1]) as store:
        item = find(store, shown(page_)["output"])
    (other,) = {p.name for p in places[0].iterdir()} - {item.label}
    refused = anna.submit(
        "/review/decide", {**shown(page_), "verdict": "label-wrong", "label": "whale"}
    )
    judge(anna, page_, "label-wrong", label=other)

    assert refused.status_code == 422
    with Store(places[1]) as store:
        assert find(store, item.output).better_label == other


def test_a_picture_that_was_made_anew_is_not_judged_unseen(studio: Starlette) -> None:
    anna = reviewer(studio, "Anna")
    fields = shown(anna.get("/review").text)
    answer = anna.submit("/review/decide", {**fields, "sha256": "0" * 64, "verdict": "accept"})

    assert answer.status_code == 422
    assert "Load the page again" in answer.text


def test_filters_narrow_the_walk_and_the_overview(
    studio: Starlette, places: tuple[Path, Path]
) -> None:
    anna = reviewer(studio, "Anna")
    label = sorted(p.name for p in places[0].iterdir())[1]
    with Store(places[1]) as store:
        wanted = {i.output for i in page(store, Filter(labels=(label,)), size=99)}
        least = min(i.scores["blank"] for i in page(store, size=99))
    path = f"/review?label={label}"
    seen = set()
    page_ = anna.get(path).text
    while fields := shown(page_):
        seen.add(fields["output"])
        answer = anna.submit(f"/review/decide?label={label}", {**fields, "verdict": "accept"})
        page_ = answer.text

    assert seen == wanted
    assert "All of these are judged" in page_
    assert f"{len(wanted)} of {len(wanted)} judged" in page_
    low = anna.get("/review/grid", params={"show": "all", "score": "blank", "high": least}).text
    assert "Pictures: 1." in low
    assert anna.get("/review/grid", params={"score": "nose", "low": 1}).status_code == 422
    assert f"Pictures: {PICTURES}." in anna.get("/review/grid?show=all").text


def test_the_overview_goes_on_page_by_page(studio: Starlette) -> None:
    anna = reviewer(studio, "Anna")
    first = anna.get("/review/grid?show=all").text
    more = re.search(r'href="(/review/grid\?[^"]*after=[^"]*)"', first)
    assert more
    second = anna.get(more[1].replace("&amp;", "&")).text
    seen = [set(re.findall(r"small\.jpg\?of=([^&]+)&", each)) for each in (first, second)]

    assert [len(each) for each in seen] == [24, PICTURES - 24]
    assert not seen[0] & seen[1]


def test_both_pictures_are_shown_at_the_same_size_and_only_those_of_the_output(
    studio: Starlette,
) -> None:
    anna = reviewer(studio, "Anna")
    addresses = re.findall(r'src="(/review/\w+\.jpg\?[^"]*)"', anna.get("/review").text)
    answers = [anna.get(each.replace("&amp;", "&")) for each in addresses]

    assert len(answers) == 6  # the pair, and two pairs ahead
    assert {answer.headers["content-type"] for answer in answers} == {"image/jpeg"}
    for of in ("images/none.jpg", "../out/manifest.parquet", "manifest.parquet", ""):
        for kind in ("made", "photo", "small"):
            assert anna.get(f"/review/{kind}.jpg", params={"of": of}).status_code == 422


def test_a_sample_is_drawn_and_its_bound_is_told_in_words(studio: Starlette) -> None:
    anna = reviewer(studio, "Anna")
    before = anna.get("/review/summary").text
    sent = anna.submit("/review/sample", {"percent": "10"})
    page_ = anna.get(sent.headers["location"]).text
    size = int(re.search(r"0 of (\d+) judged", page_)[1])  # type: ignore[index]
    for _ in range(size):
        answer = anna.submit(
            "/review/decide?show=unseen&sample=1", {**shown(page_), "verdict": "accept"}
        )
        page_ = answer.text

    assert f"Check {size} to be 95% sure that fewer than 10% are bad" in before
    assert "All of these are judged" in page_
    after = anna.get("/review/summary").text
    assert (
        f"The first {size} of the {size} in the sample are judged, and 0 of them are bad." in after
    )
    most = re.search(r"95% sure that at most ([\d.]+)% of all are bad", after)
    assert most
    assert float(most[1]) < 10


def test_agreement_is_told_in_words_and_by_its_number(
    studio: Starlette, places: tuple[Path, Path]
) -> None:
    with Store(places[1]) as store:
        items = page(store, size=20)
        for k, item in enumerate(items):
            decide(store, "Anna", item.output, item.output_sha256, "accept" if k % 2 else "reject")
            decide(store, "Ben", item.output, item.output_sha256, "accept" if k % 2 else "reject")
    told = reviewer(studio, "Ben").get("/review/summary").text

    assert "Anna and Ben said the same of 100% of 20 pictures." in told
    assert "They agree well." in told
    assert "κ 1.00" in told


def test_what_was_kept_is_exported_beside_the_output_and_opens_without_the_rejected(
    studio: Starlette, places: tuple[Path, Path]
) -> None:
    anna = reviewer(studio, "Anna")
    page_ = anna.get("/review").text
    for verdict in ("reject", "accept", "reject"):
        page_ = judge(anna, page_, verdict)
    told = anna.submit("/review/export", {"name": "kept"})
    while "progress" in told.text:
        told = anna.get(re.search(r'hx-get="([^"]+)"', told.text)[1])  # type: ignore[index]
    again = anna.submit("/review/export", {"name": "kept"})

    assert f"Pictures in it: {PICTURES - 2}." in told.text
    assert "genmix review export OUT -o OUT-kept" in told.text
    assert len(ImageFolder(str(places[1].parent / "out-kept" / "images"))) == PICTURES - 2
    assert again.status_code == 422
    assert "There is a folder of that name already" in again.text
    for name in ("../x", "", "a/b", "CON"):
        assert anna.submit("/review/export", {"name": name}).status_code == 422


def test_an_export_says_that_it_includes_what_nobody_has_judged_and_how_many_that_are(
    studio: Starlette,
) -> None:
    def undecided() -> str:
        found = re.search(r'id="export-undecided".*?>(.*?)<', anna.get("/review/summary").text)
        return found[1] if found else ""

    anna = reviewer(studio, "Anna")
    page_ = anna.get("/review").text
    before = undecided()
    judge(anna, page_, "accept")

    assert "Pictures that nobody has judged are included unless you tick the box below." in page_
    assert before == f"Not judged yet: {PICTURES}"
    assert undecided() == f"Not judged yet: {PICTURES - 1}"


def test_two_who_review_at_once_share_the_work_and_lose_nothing(
    studio: Starlette, places: tuple[Path, Path]
) -> None:
    confirmed: list[tuple[str, str]] = []
    amiss: list[str] = []

    def work(name: str) -> None:
        visitor = reviewer(studio, name)
        page_ = visitor.get("/review").text
        while fields := shown(page_):
            answer = visitor.submit("/review/decide", {**fields, "verdict": "accept"})
            if answer.status_code != 200 or "Saved: accepted" not in answer.text:
                amiss.append(answer.text)
                return
            confirmed.append((name, fields["output"]))
            page_ = answer.text

    threads = [threading.Thread(target=work, args=(name,)) for name in ("Anna", "Ben")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert amiss == []
    assert len(confirmed) == len({output for _, output in confirmed}) == PICTURES
    with Store(places[1]) as store:
        assert count(store, Filter(statuses=("accepted",))) == PICTURES
        assert review_report(store).agreement == {}


def test_four_who_all_judge_everything_overwrite_nothing(
    studio: Starlette, places: tuple[Path, Path]
) -> None:
    names = ("Anna", "Ben", "Chie", "Dai")
    confirmed: list[tuple[str, str]] = []

    def work(name: str) -> None:
        visitor = reviewer(studio, name)
        page_ = visitor.get("/review?show=unseen").text
        while "All of these are judged" not in page_:
            if fields := shown(page_):
                fields["verdict"] = "accept" if name < "C" else "reject"
                page_ = visitor.submit("/review/decide?show=unseen", fields).text
                confirmed.append((name, fields["output"]))
            else:  # the others look at what is left
                page_ = visitor.get("/review?show=unseen").text

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(confirmed) == len(set(confirmed)) == 4 * PICTURES
    with Store(places[1]) as store:
        report = review_report(store)
    assert report.reviewers == dict.fromkeys(names, PICTURES)
    assert report.statuses == {"disputed": PICTURES}


def test_nothing_that_was_confirmed_is_lost_when_the_server_is_killed(
    places: tuple[Path, Path],
) -> None:
    confirmed: list[tuple[str, str]] = []
    enough = threading.Event()

    def work(address: str, name: str) -> None:
        with httpx.Client(
            base_url=address, headers={"origin": address}, timeout=PATIENCE_SECONDS
        ) as client:
            token = re.search(r'name="token" value="(\w+)"', client.get("/prompts").text)
            assert token
            sent = {"token": token[1]}
            client.post("/review/name", data={**sent, "name": name, "next": "/review"})
            page_ = client.get("/review?show=unseen").text
            try:
                while fields := shown(page_):
                    fields = {**fields, **sent, "verdict": "reject"}
                    page_ = client.post("/review/decide?show=unseen", data=fields).text
                    if "Saved: rejected" in page_:
                        confirmed.append((name, fields["output"]))
                    if len(confirmed) > PICTURES:
                        enough.set()
            except httpx.TransportError:
                return

    with open_process(*places) as (address, process):
        names = ("Anna", "Ben")
        threads = [threading.Thread(target=work, args=(address, name)) for name in names]
        for thread in threads:
            thread.start()
        assert enough.wait(PATIENCE_SECONDS)
        process.kill()
        for thread in threads:
            thread.join()

    rows = sqlite3.connect(places[1] / "reviews.sqlite").execute(
        "SELECT reviewer, output FROM decisions WHERE verdict = 'reject'"
    )
    assert len(confirmed) > PICTURES
    assert set(confirmed) <= set(rows.fetchall())
