"""Hostile paths, uploads, texts and numbers: each is refused, or shown as text."""

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import markupsafe
import pytest
from PIL import Image as PilImage
from starlette.applications import Starlette

from genmix.prompts import load_library
from genmix.studio.words import catalogue
from tests.studio.test_pages import MIX
from tests.studio.visitors import Visitor, ask_raw, open_studio

SECRET = "the secret of another folder"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds a secret, photos with hostile names, and the studio's folder."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "secret.yaml").write_text(f"id: secret\nname: {SECRET}\n")
    for label in ("<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "{{7*7}}", "a&b"):
        (folder / "photos" / label).mkdir(parents=True)
        for name in (f"{SCRIPT.replace('/', '')}.png", "{% include 'fault.html' %}.png"):
            PilImage.new("RGB", (48, 32), "teal").save(folder / "photos" / label / name)
    return folder


@pytest.fixture(scope="module")
def hostile(folder: Path) -> Iterator[Starlette]:
    """A studio on these photos."""
    app = open_studio(folder / "photos", folder / "out")
    with Visitor(app):
        yield app


@pytest.fixture
def attacker(hostile: Starlette) -> Visitor:
    """Somebody with a session and a token."""
    return Visitor(hostile).sign_in()


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/../../../secret.yaml",
        "/static/vendor/../../words/en.yaml",
        "/static//etc/passwd",
        "/static/..\\app.py",
        "/static/\0",
        "/photos/../../secret.yaml/small.jpg",
        "/photos/..%2f..%2fsecret/small.jpg",
        "/prompts/../secret/x",
        "/prompts/..%2fsecret/snowy",
        "/prompts//etc/passwd",
        "/looks/../secret.jpg",
        "/looks/classification/../../secret.jpg",
        "/looks/..\\secret/snowy.jpg",
        "/families/../secret.jpg",
        "/palettes/../../secret.jpg",
        "/works/../secret/x.jpg",
        "/review/../secret.jpg",
        "/review/..%2f..%2fsecret.jpg",
        "/works/0000000000000000/edit.jpg",
        "/../secret.yaml",
        "//evil.example/",
    ],
)
def test_no_path_leads_out_of_what_is_served(hostile: Starlette, path: str) -> None:
    status, body = ask_raw(hostile, path)

    assert SECRET.encode() not in body
    assert b"import" not in body
    assert status in {200, 400, 404, 422} if path.startswith("/photos") else status in {400, 404}


@pytest.mark.parametrize(
    "name",
    ["../secret", "/etc/passwd", "secret.yaml", "../../secret.yaml", "..", "\0", "~", "linked",
     "http://evil.example/x.yaml", "C:\\secret", SCRIPT, "a" * 5000],
)  # fmt: skip
def test_only_known_libraries_are_opened(attacker: Visitor, folder: Path, name: str) -> None:
    (folder / "out" / "prompts").mkdir(exist_ok=True)
    link = folder / "out" / "prompts" / "linked.yaml"
    if not link.is_symlink():
        link.symlink_to(folder / "secret.yaml")
    answer = attacker.get("/prompts", params={"library": name})
    recipe = attacker.submit("/mix/open", {"recipe": name})
    mixed = attacker.submit("/mix/try", {**MIX, "library": name})

    assert answer.status_code == 404
    assert [recipe.status_code, mixed.status_code] == [422, 422]
    for each in (answer, recipe, mixed):
        assert SECRET not in each.text
        assert SCRIPT not in each.text


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "../up", "a/b", "a\\b", "/abs", "x.yaml", "CON", "con", "nul", "com1",
     "classification", "all", "ä", "名前", "x\0", "-x", "x-", "a" * 41, "UPPER", "a b", "$(id)",
     "a;b", "linked", "quick"],
)  # fmt: skip
def test_no_file_is_written_under_a_name_that_is_not_safe(
    attacker: Visitor, folder: Path, name: str
) -> None:
    before = {p for p in folder.rglob("*") if ".genmix" not in p.parts}
    (folder / "out" / "prompts").mkdir(exist_ok=True)
    (folder / "out" / "recipes").mkdir(exist_ok=True)
    for place in ("prompts", "recipes"):
        link = folder / "out" / place / "linked.yaml"
        if not link.is_symlink():
            link.symlink_to(folder / "secret.yaml")
    fields = {"name": name, "replace": "on"}
    if name != "quick":
        assert attacker.submit("/libraries/classification/save", fields).status_code == 422
    if name != "all":
        asked = {**MIX, **fields}
        assert attacker.submit("/mix/save", asked).status_code == 422

    assert SECRET in (folder / "secret.yaml").read_text()
    links = {folder / "out" / p for p in ("prompts", "recipes")}
    links |= {place / "linked.yaml" for place in links}
    assert {p for p in folder.rglob("*") if ".genmix" not in p.parts} <= before | links


def test_a_link_among_the_photos_shows_nothing_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "elsewhere.jpg").write_bytes(jpeg())
    (tmp_path / "photos" / "cat" / "a.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    (tmp_path / "photos" / "cat" / "b.jpg").write_bytes(jpeg())
    with Visitor(open_studio(tmp_path / "photos", tmp_path / "out")) as visitor:
        ids = re.findall(r'name="photo" value="(\w+)"', visitor.sign_in().get("/photos").text)
        answers = [visitor.get(f"/photos/{each}/small.jpg").status_code for each in ids]
        look = visitor.get("/looks/industrial/fog.jpg", params={"photo": ids[0]})

    assert answers == [422, 200]
    assert look.status_code == 422


def jpeg(width: int = 64, height: int = 48) -> bytes:
    buffer = io.BytesIO()
    PilImage.new("RGB", (width, height), "navy").save(buffer, "JPEG")
    return buffer.getvalue()


def bomb() -> bytes:
    """Return a PNG that claims to be 100,000 pixels wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello", id="text"),
        pytest.param(f"<html>{SCRIPT}".encode(), id="html"),
        pytest.param(f'<svg xmlns="http://www.w3.org/2000/svg">{SCRIPT}</svg>'.encode(), id="svg"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="png-head-only"),
        pytest.param(b"\xff\xd8\xff\xe0" + b"\0" * 500, id="jpeg-head-and-nothing"),
        pytest.param(jpeg(900, 900)[:400], id="truncated"),
        pytest.param(b"GIF89a" + b"\xff" * 50, id="gif-of-noise"),
        pytest.param(b"II*\0" + b"\xff" * 100, id="tiff-of-noise"),
        pytest.param(b"BM" + b"\xff" * 100, id="bmp-of-noise"),
        pytest.param(b"RIFF\x10\0\0\0WEBPVP8 " + b"\xff" * 40, id="webp-of-noise"),
        pytest.param(b"PK\x03\x04" + b"\0" * 100, id="zip"),
        pytest.param(b"\x80\x04\x95cos\nsystem\n.", id="pickle"),
        pytest.param(b"%PDF-1.7\n", id="pdf"),
        pytest.param(bomb(), id="bomb"),
        pytest.param(jpeg() + b"\0" * 20_000_001, id="larger-than-is-taken"),
    ],
)
def test_an_upload_that_is_no_usable_picture_is_refused(attacker: Visitor, data: bytes) -> None:
    answer = attacker.submit("/photos/send", {"next": "/mix"}, files={"file": ("a.jpg", data)})

    assert answer.status_code in {413, 422}
    assert "/photos/u" not in attacker.get("/mix").text


def test_a_body_that_lies_about_its_length_is_cut_off(attacker: Visitor) -> None:
    def endless() -> Iterator[bytes]:
        yield b"--x\r\nContent-Disposition: form-data; name=file; filename=a.jpg\r\n\r\n"
        for _ in range(400):
            yield b"\0" * 65_536

    kind = {"content-type": "multipart/form-data; boundary=x"}
    assert attacker.post("/photos/send", content=endless(), headers=kind).status_code == 413
    claimed = {**kind, "content-length": "99999999999"}
    assert attacker.post("/photos/send", content=b"", headers=claimed).status_code == 413


@pytest.mark.parametrize("length", ["21000000", "9" * 18, "9" * 5000])
@pytest.mark.parametrize("part", [True, False])
def test_what_is_too_large_is_told_in_the_visitor_s_language_and_not_read(
    attacker: Visitor, length: str, part: bool
) -> None:
    read: list[bytes] = []

    def body() -> Iterator[bytes]:
        read.append(b"")
        yield b"--x--"

    headers = {
        "content-type": "multipart/form-data; boundary=x",
        "content-length": length,
        "accept-language": "ja",
        **({"hx-request": "true"} if part else {}),
    }
    answer = attacker.post("/photos/send", content=body(), headers=headers)

    assert answer.status_code == 413
    assert catalogue("ja")["fault.large"] in answer.text
    assert ("<nav" in answer.text, 'href="/prompts"' in answer.text) == (not part, not part)
    assert read == []


@pytest.mark.parametrize(
    "body", [b"", b"--x", b"--x\r\n\r\n", b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--"]
)
def test_a_malformed_form_is_refused(attacker: Visitor, body: bytes) -> None:
    kind = {"content-type": "multipart/form-data; boundary=x", "x-genmix-token": attacker.token}

    assert 400 <= attacker.post("/photos/send", content=body, headers=kind).status_code < 500


@pytest.mark.parametrize(
    "name", ["../../evil.jpg", "..\\..\\evil.jpg", "/etc/evil.jpg", f"{SCRIPT}.jpg", "a\0b.jpg",
             '"><img src=x onerror=alert(1)>.jpg', "x" * 3000 + ".jpg", "‮gpj.exe.jpg"]
)  # fmt: skip
def test_a_hostile_file_name_is_text_and_nothing_else(
    attacker: Visitor, folder: Path, name: str
) -> None:
    before = set(folder.rglob("*"))
    answer = attacker.submit("/photos/send", {"next": "/mix"}, files={"file": (name, jpeg())})
    page = attacker.get("/mix").text

    assert answer.status_code == 303
    assert set(folder.rglob("*")) == before
    assert SCRIPT not in page
    assert "<img src=x" not in page
    assert "‮" not in page


@pytest.mark.parametrize(
    "words", [SCRIPT, '"><img src=x onerror=alert(1)>', "{{7*7}}", "</textarea><script>alert(1)",
              "{% raw %}", "' onmouseover='alert(1)", "javascript:alert(1)", "${7*7}", "%s%n", "\\"]
)  # fmt: skip
def test_hostile_words_in_a_prompt_are_text_in_the_page_and_in_the_file(
    attacker: Visitor, folder: Path, words: str
) -> None:
    keys = ("name_en", "name_ja", "description_en", "description_ja", "prompt", "instruction")
    fields = dict.fromkeys(keys, words)
    sent = attacker.submit("/prompts/classification/snowy", {**fields, "id": "snowy", "tags": ""})
    pages = [attacker.get(p).text for p in ("/prompts", "/prompts/classification/snowy")]
    attacker.submit("/libraries/classification/save", {"name": "held", "replace": "on"})

    assert sent.status_code == 303
    saved = load_library(folder / "out" / "prompts" / "held.yaml")
    assert next(p for p in saved.prompts if p.id == "snowy").name.en == words
    for page in pages:
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "onmouseover='" not in page
        assert str(markupsafe.escape(words)) in page


def test_hostile_class_and_file_names_of_the_source_are_text(attacker: Visitor) -> None:
    pages = [attacker.get(path).text for path in ("/prompts", "/mix", "/photos", "/compare")]

    for page in pages:
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<svg" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in pages[2]
    assert "{{7*7}}" in pages[2]


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "",
             "/a\r\nSet-Cookie: x=y", "\\\\evil.example", "/%0d%0aX: y\n", "data:text/html,x"]
)  # fmt: skip
def test_nobody_is_sent_to_another_site(attacker: Visitor, path: str) -> None:
    answer = attacker.submit("/language", {"language": "en", "next": path})
    shown = attacker.get("/photos", params={"next": path}).text

    assert answer.headers["location"].startswith("/")
    assert "evil" not in answer.headers["location"]
    assert "x=y" not in answer.headers.get("set-cookie", "")
    targets = re.findall(r'name="next" value="([^"]*)"', shown)
    assert [target for target in targets if not re.match(r"/(?![/\\\\])", target)] == []


@pytest.mark.parametrize(
    "change",
    [
        {"seam": "nan"}, {"seam": "1e999"}, {"seam": "-1"}, {"hybrid_share": "101"},
        {"blend_low": ""}, {"blend_high": "inf"}, {"size": "0"}, {"size": "999999999999"},
        {"size": "٣٢"}, {"size": "-8"}, {"fit": "../x"}, {"profile": SCRIPT}, {"masks": []},
        {"masks": ["nose"]}, {"families": "none"}, {"palettes": []}, {"strength": "0"},
        {"originals": "symlink"}, {"seed": "1" * 400}, {"seed": "0x1"},
    ],
    ids=str,
)  # fmt: skip
def test_a_mix_that_cannot_be_is_refused(attacker: Visitor, change: dict[str, object]) -> None:
    answer = attacker.submit("/mix/try", {**MIX, **change})

    assert answer.status_code == 422
    assert SCRIPT not in answer.text
    assert attacker.get("/mix").status_code == 200


@pytest.mark.parametrize("variant", ["9" * 5000, "-1", "x", "²", SCRIPT, ""])
def test_a_variation_that_is_no_number_shows_the_first(attacker: Visitor, variant: str) -> None:
    answer = attacker.submit("/mix/try", {**MIX, "variant": variant})

    assert answer.status_code == 200


@pytest.mark.parametrize("find", [SCRIPT, '" autofocus onfocus=alert(1) x="', "{{7*7}}", "\0", "(" * 9999])  # fmt: skip  # noqa: E501
def test_a_hostile_search_is_text(attacker: Visitor, find: str) -> None:
    page = attacker.get("/prompts", params={"find": find})

    assert page.status_code == 200
    assert SCRIPT not in page.text
    assert '" autofocus' not in page.text


@pytest.fixture(scope="module")
def reviewed(
    folder: Path, reviewable: Callable[[Path], tuple[Path, Path]]
) -> Iterator[tuple[Starlette, Path]]:
    """A studio with pictures to review, and its folder."""
    photos, out = reviewable(folder / "reviewed")
    app = open_studio(photos, out)
    with Visitor(app):
        yield app, out


@pytest.mark.parametrize(
    "of",
    ["../../secret.yaml", "images/../../../secret.yaml", "/etc/passwd", "reviews.sqlite", "\0",
     "..\\secret", "manifest.parquet", ".genmix/job.json", "' OR 1=1 --", SCRIPT, "x" * 5000],
)  # fmt: skip
def test_no_picture_is_shown_or_judged_that_the_run_did_not_make(
    reviewed: tuple[Starlette, Path], of: str
) -> None:
    attacker = Visitor(reviewed[0]).sign_in()
    attacker.submit("/review/name", {"name": "Mallory", "next": "/review"})
    pictures = [attacker.get(f"/review/{k}.jpg", params={"of": of}) for k in ("made", "photo")]
    fields = {"output": of, "sha256": "0" * 64, "verdict": "accept"}
    judged = attacker.submit("/review/decide", fields)
    page = attacker.get("/review", params={"at": of})

    assert [each.status_code for each in (*pictures, judged)] == [422, 422, 422]
    assert page.status_code == 200
    for each in (*pictures, judged, page):
        assert SECRET not in each.text
        assert SCRIPT not in each.text


@pytest.mark.parametrize(
    "words", [SCRIPT, '"><img src=x onerror=alert(1)>', "{{7*7}}", "a\0b\r\nSet-Cookie: x=y", "‮x"]
)
def test_hostile_names_reasons_and_filters_of_reviewers_are_text(
    reviewed: tuple[Starlette, Path], words: str
) -> None:
    attacker = Visitor(reviewed[0]).sign_in()
    named = attacker.submit("/review/name", {"name": words, "next": "//evil.example"})
    page = attacker.get("/review").text
    fields = dict(re.findall(r'name="(output|sha256)" value="([^"]*)"', page))
    judged = attacker.submit("/review/decide", {**fields, "verdict": "reject", "reason": words})
    asked = dict.fromkeys(("show", "label", "prompt", "cause", "low", "high", "after"), words)
    pages = [attacker.get(p, params=asked) for p in ("/review", "/review/grid")]
    told = attacker.get("/review/summary")

    assert named.headers["location"] == "/"
    assert "x=y" not in re.split(r"[;,] ", named.headers["set-cookie"])
    assert [each.status_code for each in (judged, *pages, told)] == [200] * 4
    for text in (page, judged.text, told.text, *(each.text for each in pages)):
        assert SCRIPT not in text
        assert "<img src=x" not in text
        assert "‮" not in text


@pytest.mark.parametrize(
    "change",
    [{"verdict": "undo"}, {"verdict": SCRIPT}, {"verdict": ""}, {"sha256": ""}, {"sha256": "x"},
     {"reason": "x" * 2001}, {"verdict": "label-wrong", "label": SCRIPT}],
    ids=str,
)  # fmt: skip
def test_a_decision_that_cannot_be_is_refused(
    reviewed: tuple[Starlette, Path], change: dict[str, str]
) -> None:
    attacker = Visitor(reviewed[0]).sign_in()
    attacker.submit("/review/name", {"name": "Mallory", "next": "/review"})
    page = attacker.get("/review?show=all").text
    fields = dict(re.findall(r'name="(output|sha256)" value="([^"]*)"', page))
    answer = attacker.submit("/review/decide", {**fields, "verdict": "accept", **change})

    assert answer.status_code == 422
    assert SCRIPT not in answer.text


def test_a_decision_needs_a_token_and_a_name(reviewed: tuple[Starlette, Path]) -> None:
    attacker = Visitor(reviewed[0]).sign_in()
    fields = {"output": "x", "sha256": "0" * 64, "verdict": "accept"}
    nameless = attacker.submit("/review/decide", fields)

    assert nameless.status_code == 422
    for path in ("decide", "undo", "step", "name", "leave", "sample", "export"):
        assert attacker.post(f"/review/{path}", data=fields).status_code == 403


@pytest.mark.parametrize("number", ["-1", "0", "9" * 18, "1" * 5000, "x", SCRIPT, "１", "1e9"])
def test_odd_page_numbers_show_a_page(attacker: Visitor, number: str) -> None:
    assert attacker.get("/photos", params={"page": number, "label": SCRIPT}).status_code == 200


def test_no_page_tells_where_things_lie_on_the_disk(attacker: Visitor, folder: Path) -> None:
    (folder / "out" / "recipes").mkdir(exist_ok=True)
    (folder / "out" / "recipes" / "broken.yaml").write_text("size: many\n")
    paths = ("/prompts", "/mix", "/photos", "/compare", "/nothing", "/prompts/classification/fog")
    pages = [attacker.get(path).text for path in paths]
    pages.append(attacker.submit("/mix/open", {"recipe": "broken"}).text)
    pages.append(attacker.submit("/mix/save", {**MIX, "name": "mine"}).text)
    pages.append(attacker.submit("/libraries/classification/save", {"name": "ours"}).text)

    assert [page for page in pages if str(folder) in page or "/site-packages/" in page] == []
