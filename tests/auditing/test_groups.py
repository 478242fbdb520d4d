"""The groups of photos come from a column of the source's own table, of whatever kind."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genmix.auditing.groups import read_groups
from genmix.datasets import open_source
from genmix.errors import SourceError
from tests.datasets.layouts import PICTURE, put

_ROWS = [("a.jpg", "cat", "north"), ("deep/b.jpg", "dog", "south"), ("c.jpg", "dog", None)]


def write(root: Path, kind: str) -> Path:
    put(root, *(name for name, _, _ in _ROWS))
    rows = [{"file_name": f, "label": label, "region": group} for f, label, group in _ROWS]
    path = root / f"metadata.{kind}"
    if kind == "csv":
        lines = [",".join(value or "" for value in row.values()) for row in rows]
        path.write_text("\n".join(["file_name,label,region", *lines]))
    elif kind == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return root


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_each_kind_of_table_gives_its_photos_their_groups(tmp_path: Path, kind: str) -> None:
    assert read_groups(write(tmp_path, kind), "region") == {"a.jpg": "north", "deep/b.jpg": "south"}


def test_photos_in_parquet_files_have_groups_too(tmp_path: Path) -> None:
    for name in ("one.parquet", "two.parquet"):
        rows = [{"image": PICTURE, "label": "cat", "site": k} for k in range(2)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
    expected = {f"{name}.parquet#{k}": str(k) for name in ("one", "two") for k in range(2)}
    assert read_groups(tmp_path, "site") == expected
    assert set(expected) == {photo.path for photo in open_source(tmp_path).photos}
    assert read_groups(tmp_path / "one.parquet", "site") == {
        "one.parquet#0": "0",
        "one.parquet#1": "1",
    }


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_column_that_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SourceError, match=r"no column 'regoin'; did you mean 'region'\?"):
        read_groups(write(tmp_path, kind), "regoin")


def test_class_folders_have_no_groups(tmp_path: Path) -> None:
    put(tmp_path, "cat/a.jpg", "dog/b.jpg")
    with pytest.raises(SourceError, match=r"no table .* metadata\.csv .* label and region"):
        read_groups(tmp_path, "region")


def test_a_value_that_names_no_group_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    (tmp_path / "metadata.jsonl").write_text('{"file_name":"a.jpg","label":"x","region":[1]}')
    with pytest.raises(SourceError, match=r"jsonl:1: the region is \[1\]"):
        read_groups(tmp_path, "region")


def test_a_column_without_any_value_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,label,region\na.jpg,x,\n")
    with pytest.raises(SourceError, match="no value in the column 'region'"):
        read_groups(tmp_path, "region")
