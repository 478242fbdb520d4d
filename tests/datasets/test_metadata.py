"""A metadata table gives each photo its label, names no file outside, and has its faults named."""

import gc
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genmix.datasets import open_source
from genmix.errors import SourceError
from tests.datasets.layouts import PICTURE, found, put

Rows = Sequence[tuple[str, object]]


def write(root: Path, kind: str, rows: Rows, label: str = "label") -> Path:
    """Write `rows` as the metadata table of a source."""
    path = root / f"metadata.{kind}"
    if kind == "csv":
        lines = [f"file_name,{label}", *(f"{name},{value}" for name, value in rows)]
        path.write_text("\n".join(lines), encoding="utf-8")
    elif kind == "jsonl":
        objects = (json.dumps({"file_name": name, label: value}) for name, value in rows)
        path.write_text("\n".join(objects), encoding="utf-8")
    else:
        names, values = [name for name, _ in rows], [value for _, value in rows]
        pq.write_table(pa.table({"file_name": names, label: values}), path)
    return root


each_kind = pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])


@each_kind
def test_each_kind_of_table_gives_its_photos_their_labels(tmp_path: Path, kind: str) -> None:
    put(tmp_path, "a.jpg", "deep/b.png")
    write(tmp_path, kind, [("deep/b.png", "柴 犬"), ("a.jpg", "../x")])
    source = open_source(tmp_path)
    assert [(p.path, p.label) for p in source.photos] == [
        ("a.jpg", "../x"),
        ("deep/b.png", "柴 犬"),
    ]
    assert not source.ignored
    assert source.read(source.photos[1]) == PICTURE


@each_kind
def test_the_only_other_column_is_the_label(tmp_path: Path, kind: str) -> None:
    write(put(tmp_path, "a.jpg"), kind, [("a.jpg", "cat")], label="breed")
    assert found(tmp_path)[0] == {"a.jpg": "cat"}


@each_kind
def test_whole_numbers_become_text(tmp_path: Path, kind: str) -> None:
    write(put(tmp_path, "a.jpg", "b.jpg"), kind, [("a.jpg", 0), ("b.jpg", 12)])
    assert found(tmp_path)[0] == {"a.jpg": "0", "b.jpg": "12"}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_true_and_false_become_text(tmp_path: Path, kind: str) -> None:
    write(put(tmp_path, "a.jpg", "b.jpg"), kind, [("a.jpg", True), ("b.jpg", False)])
    assert found(tmp_path)[0] == {"a.jpg": "True", "b.jpg": "False"}


@each_kind
def test_what_a_row_cannot_give_is_ignored_with_a_reason(tmp_path: Path, kind: str) -> None:
    outside = put(tmp_path / "outside", "secret.jpg")
    root = put(tmp_path / "source", "a.jpg", "b.jpg", "c.jpg", "spare.jpg")
    (root / "link.jpg").symlink_to(outside / "secret.jpg")
    (root / "linked").symlink_to(outside)
    (root / "inside.jpg").symlink_to("a.jpg")
    rows = [
        ("./a.jpg", "cat"),
        ("b.jpg", ""),
        ("c.jpg", "  "),
        ("gone.jpg", "cat"),
        ("../outside/secret.jpg", "cat"),
        (str(outside / "secret.jpg"), "cat"),
        ("x/../../outside/secret.jpg", "cat"),
        ("link.jpg", "cat"),
        ("linked/secret.jpg", "cat"),
        ("inside.jpg", "cat"),
    ]
    photos, ignored = found(write(root, kind, rows))
    assert photos == {"a.jpg": "cat", "inside.jpg": "cat"}
    assert ignored == {
        "b.jpg": "no label",
        "c.jpg": "no label",
        "gone.jpg": "no such file",
        "../outside/secret.jpg": "path leaves the folder",
        str(outside / "secret.jpg"): "path leaves the folder",
        "x/../../outside/secret.jpg": "path leaves the folder",
        "link.jpg": "path leaves the folder",
        "linked/secret.jpg": "path leaves the folder",
        "spare.jpg": f"not in metadata.{kind}",
    }


def test_a_missing_label_in_a_table_is_no_label(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    lines = ['{"file_name": "a.jpg", "label": 1}', '{"file_name": "b.jpg", "label": null}']
    (tmp_path / "metadata.jsonl").write_text("\n".join([*lines, '{"file_name": "c.jpg"}', ""]))
    assert found(tmp_path) == ({"a.jpg": "1"}, {"b.jpg": "no label", "c.jpg": "no label"})


def test_a_label_that_the_first_line_lacks_is_still_the_label(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.jpg")
    lines = [
        {"file_name": "a.jpg", "width": 500},
        {"file_name": "b.jpg", "width": 9, "label": "cat"},
    ]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert found(tmp_path) == ({"b.jpg": "cat"}, {"a.jpg": "no label"})


def test_without_a_label_the_columns_of_all_lines_are_looked_at(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.jpg")
    table = tmp_path / "metadata.jsonl"
    table.write_text('{"file_name": "a.jpg"}\n{"file_name": "b.jpg", "breed": "pug"}')
    assert found(tmp_path) == ({"b.jpg": "pug"}, {"a.jpg": "no label"})
    table.write_text('{"file_name": "a.jpg", "width": 5}\n{"file_name": "b.jpg", "breed": "pug"}')
    with pytest.raises(
        SourceError, match=r"metadata\.jsonl: the label column could be any of width"
    ):
        open_source(tmp_path)


@each_kind
def test_a_row_that_stands_twice_counts_once_but_may_not_disagree(
    tmp_path: Path, kind: str
) -> None:
    put(tmp_path, "a.jpg")
    write(tmp_path, kind, [("a.jpg", "cat"), ("./a.jpg", "cat")])
    assert found(tmp_path) == ({"a.jpg": "cat"}, {})
    write(tmp_path, kind, [("a.jpg", "cat"), ("./a.jpg", "dog")])
    with pytest.raises(SourceError, match=r"a\.jpg is labelled 'dog' here and 'cat' before"):
        open_source(tmp_path)


def test_a_byte_order_mark_blank_lines_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.jpg")
    table = 'file_name,label\r\na.jpg,"big, red"\r\n\r\nb.jpg,"two\r\nlines"\r\n'
    (tmp_path / "metadata.csv").write_bytes(b"\xef\xbb\xbf" + table.encode())
    assert found(tmp_path)[0] == {"a.jpg": "big, red", "b.jpg": "two\r\nlines"}
    (tmp_path / "metadata.csv").unlink()
    line = b'{"file_name": "a.jpg", "label": "cat"}\r\n\r\n'
    (tmp_path / "metadata.jsonl").write_bytes(b"\xef\xbb\xbf" + line)
    assert found(tmp_path)[0] == {"a.jpg": "cat"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("csv", b"", "metadata.csv: no column 'file_name'; found: none"),
        ("csv", b"file,label\na.jpg,cat\n", "no column 'file_name'; found: file, label"),
        ("csv", b"file_name;label\na.jpg;cat\n", "no column 'file_name'; found: file_name;label"),
        ("csv", b"file_name\na.jpg\n", "the label column is missing: call it 'label'"),
        ("csv", b"file_name,x,y\na.jpg,1,2\n", "the label column could be any of x, y"),
        ("csv", b"file_name,label\n", "holds no labelled photos; metadata.csv: no rows"),
        ("csv", b"file_name,label\nb.jpg,cat\n", "holds no labelled photos; b.jpg: no such file"),
        ("csv", b"file_name,label\na.jpg,cat,dog\n", "metadata.csv:2: 3 columns; the first"),
        ("csv", b"file_name,label\na.jpg,cat\na.jpg\n", "metadata.csv:3: 1 columns; the first"),
        ("csv", b'file_name,label\na.jpg,"cat\n', "metadata.csv:2: not valid CSV"),
        ("csv", b"file_name,label\na.jpg,\x94L\n", "metadata.csv:2: not UTF-8 text"),
        ("csv", b"file_name,label\n,cat\n", "metadata.csv:2: no file_name"),
        ("jsonl", b"", "holds no labelled photos; metadata.jsonl: no rows"),
        ("jsonl", b'{"file_name": "a.jpg"\n', "metadata.jsonl:1: not valid JSON: Expecting"),
        ("jsonl", b"[" * 100_000, "metadata.jsonl:1: not valid JSON"),
        ("jsonl", b'{"file_name": "a.jpg", "label": 1' + b"0" * 5000 + b"}", "not valid JSON"),
        ("jsonl", b'\n["a.jpg", "cat"]\n', "metadata.jsonl:2: expected"),
        ("jsonl", b'{"name": "a.jpg", "label": 1}', "metadata.jsonl: no column 'file_name'"),
        ("jsonl", b'{"file_name": 7, "label": 1}', "metadata.jsonl:1: no file_name"),
        ("jsonl", b'{"file_name": "a.jpg", "label": 1.5}', "metadata.jsonl:1: the label is 1.5"),
        ("jsonl", b'{"file_name": "a.jpg", "label": ["x"]}', "the label is ['x']"),
        ("jsonl", rb'{"file_name": "a.jpg", "label": "\ud800"}', "not valid Unicode"),
        ("jsonl", b"\xff\xfe{\0", "metadata.jsonl:1: not UTF-8 text"),
        ("parquet", b"PAR1", "metadata.parquet as Parquet: "),
    ],
)
def test_a_fault_in_a_table_is_named_with_its_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    put(tmp_path, "a.jpg")
    (tmp_path / f"metadata.{name}").write_bytes(content)
    with pytest.raises(SourceError, match=re.escape(message)) as raised:
        open_source(tmp_path)
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_two_tables_are_one_too_many(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    write(write(tmp_path, "csv", [("a.jpg", "cat")]), "jsonl", [("a.jpg", "cat")])
    with pytest.raises(SourceError, match=r"has metadata\.csv and metadata\.jsonl: keep one"):
        open_source(tmp_path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of its own files
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_labels_are_those_that_hugging_face_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    from datasets import Image, load_dataset

    root = put(tmp_path / "source", "a.jpg", "b.jpg", "deep/c.jpg")
    write(root, kind, [("b.jpg", "dog"), ("deep/c.jpg", "cat"), ("a.jpg", "柴犬")])
    theirs = load_dataset(
        "imagefolder", data_dir=str(root), split="train", cache_dir=str(tmp_path / "cache")
    ).cast_column("image", Image(decode=False))
    assert found(root)[0] == {
        Path(row["image"]["path"]).relative_to(root).as_posix(): row["label"] for row in theirs
    }
    gc.collect()  # here, where the warning of a file that it left open is ignored


@each_kind
def test_a_column_license_states_each_photos_licence_and_is_never_the_label(
    tmp_path: Path, kind: str
) -> None:
    put(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    rows = [("a.jpg", "cat", "CC-BY-4.0"), ("b.jpg", "dog", " CC0-1.0 "), ("c.jpg", "dog", "")]
    path = tmp_path / f"metadata.{kind}"
    if kind == "csv":
        lines = ["file_name,breed,license", *(",".join(row) for row in rows)]
        path.write_text("\n".join(lines))
    elif kind == "jsonl":
        keys = ("file_name", "breed", "license")
        path.write_text("\n".join(json.dumps(dict(zip(keys, row, strict=True))) for row in rows))
    else:
        names, labels, licences = (list(column) for column in zip(*rows, strict=True))
        table = pa.table({"file_name": names, "breed": labels, "license": licences})
        pq.write_table(table, path)
    found_there = [(p.path, p.label, p.license) for p in open_source(tmp_path).photos]
    assert found_there == [
        ("a.jpg", "cat", "CC-BY-4.0"),
        ("b.jpg", "dog", "CC0-1.0"),
        ("c.jpg", "dog", None),
    ]


def test_one_photo_with_two_licences_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    (tmp_path / "metadata.csv").write_text(
        "file_name,label,license\na.jpg,cat,MIT\na.jpg,cat,CC0-1.0"
    )
    with pytest.raises(SourceError, match=r"csv:3: the licence of a\.jpg is 'CC0-1\.0' here and"):
        open_source(tmp_path)
