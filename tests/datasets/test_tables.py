"""Parquet files give a photo a row, are listed without their pictures, and read bit by bit."""

import io
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genmix.datasets import open_source
from genmix.errors import ImageError, SourceError
from tests.datasets.layouts import PICTURE, found, labels, put, reasons

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def structs(pictures: Sequence[bytes | None]) -> pa.Array:
    cells = [None if data is None else {"bytes": data, "path": "x.jpg"} for data in pictures]
    return pa.array(cells, STRUCT)


def write(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)
    return path


@pytest.mark.parametrize("pictures", [structs([b"1", b"2"]), [b"1", b"2"]])
@pytest.mark.parametrize("names", [("image", "label"), ("img", "breed")])
def test_a_file_gives_a_photo_a_row(tmp_path: Path, pictures: Any, names: tuple[str, str]) -> None:
    path = write(
        tmp_path / "a.parquet", dict(zip(names, (pictures, ["cat", "柴 犬"]), strict=True))
    )
    source = open_source(path)
    assert labels(source) == {"a.parquet#0": "cat", "a.parquet#1": "柴 犬"}
    assert [source.read(photo) for photo in source.photos] == [b"1", b"2"]
    assert source.locate(source.photos[0]) is None
    assert not source.ignored


def test_a_folder_gives_its_files_in_order_and_their_rows_in_theirs(tmp_path: Path) -> None:
    write(tmp_path / "b.parquet", {"image": [b"b"], "label": [1]})
    write(
        tmp_path / "a" / "1.parquet", {"image": [b"%d" % i for i in range(12)], "label": [0] * 12}
    )
    put(tmp_path, "README.md", data=b"text")
    source = open_source(tmp_path)
    paths = [*(f"a/1.parquet#{row}" for row in range(12)), "b.parquet#0"]
    assert [photo.path for photo in source.photos] == paths
    assert reasons(source) == {"README.md": "not a Parquet file"}
    assert source.read(source.photos[11]) == b"11"
    assert source.read(source.photos[12]) == b"b"


def test_rows_are_read_in_any_order_across_row_groups(tmp_path: Path) -> None:
    pictures = [b"%d" % row for row in range(100)]
    write(
        tmp_path / "a.parquet", {"image": structs(pictures), "label": [0] * 100}, row_group_size=40
    )
    source = open_source(tmp_path)
    for row in [*range(100), 99, 0, 50, 49, 39, 40, 7, 7, 81]:
        assert source.read(source.photos[row]) == pictures[row]


def test_class_labels_of_hugging_face_become_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import ClassLabel, Dataset, Features, Image

    features = Features({"image": Image(), "label": ClassLabel(names=["cat", "柴犬"])})
    cells = [{"bytes": PICTURE, "path": None}] * 3
    data = Dataset.from_dict({"image": cells, "label": [1, 0, None]}, features)
    data.to_parquet(tmp_path / "train-00000-of-00001.parquet")
    photos, ignored = found(tmp_path)
    name = "train-00000-of-00001.parquet"
    assert photos == {f"{name}#0": "柴犬", f"{name}#1": "cat"}
    assert ignored == {f"{name}#2": "no label"}


def test_a_number_without_a_name_is_no_label(tmp_path: Path) -> None:
    about = {"info": {"features": {"label": {"names": ["cat"], "_type": "ClassLabel"}}}}
    table = pa.table({"image": [b"1", b"2", b"3"], "label": [0, -1, 1]})
    with_names = table.replace_schema_metadata({"huggingface": json.dumps(about)})
    pq.write_table(with_names, tmp_path / "a.parquet")
    assert found(tmp_path) == (
        {"a.parquet#0": "cat"},
        {"a.parquet#1": "no label for -1", "a.parquet#2": "no label for 1"},
    )
    for odd in (b"{", b"[]", b'{"info": {"features": {"label": {"names": 7}}}}'):
        pq.write_table(table.replace_schema_metadata({"huggingface": odd}), tmp_path / "a.parquet")
        assert set(found(tmp_path)[0].values()) == {"0", "-1", "1"}


@pytest.mark.parametrize("options", [{}, {"write_statistics": False}, {"row_group_size": 2}])
def test_null_pictures_and_labels_are_ignored_with_a_reason(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    pictures = structs([b"0", None, b"2", b"3"])
    values = ["a", "b", None, ""]
    write(tmp_path / "a.parquet", {"image": pictures, "label": values}, **options)
    photos, ignored = found(tmp_path)
    assert photos == {"a.parquet#0": "a"}
    assert ignored == {
        "a.parquet#1": "no image bytes",
        "a.parquet#2": "no label",
        "a.parquet#3": "no label for ''",
    }


def test_labels_of_every_plain_type_become_text(tmp_path: Path) -> None:
    for values in (
        pa.array([3], pa.uint8()),
        pa.array([3], pa.int64()),
        pa.array(["3"], pa.large_string()),
        pa.array(["3"]).dictionary_encode(),
    ):
        write(tmp_path / "a.parquet", {"image": [b"1"], "kind": values})
        assert found(tmp_path)[0] == {"a.parquet#0": "3"}
    write(tmp_path / "a.parquet", {"image": [b"1"], "label": [True]})
    assert found(tmp_path)[0] == {"a.parquet#0": "True"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": ["cat"]}, "the column of encoded images is missing: call it 'image'"),
        ({"a": [b"1"], "b": [b"2"], "label": [1]}, "could be any of a, b: call it 'image'"),
        ({"image": [b"1"]}, "the label column is missing: call it 'label'"),
        ({"image": [b"1"], "x": [1], "y": ["1"]}, "the label column could be any of x, y"),
        ({"image": [b"1"], "label": [1.5]}, "the label is 1.5: make it text"),
        ({"image": [b"1"], "label": [["a"]]}, "the label is ['a']: make it text"),
        ({"image": pa.array([], pa.binary()), "label": pa.array([], pa.string())}, "; no rows"),
        ({"image": pa.array([None], pa.binary()), "label": [1]}, "a.parquet#0: no image bytes"),
    ],
)
def test_a_table_that_does_not_fit_is_one_clear_line(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    path = write(tmp_path / "a.parquet", columns)
    for source in (path, tmp_path):
        with pytest.raises(SourceError, match=re.escape(message)) as raised:
            open_source(source)
        assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    "names",
    [
        ["train-00000-of-00001.parquet", "test-00000-of-00001.parquet"],
        ["train/0.parquet", "validation/0.parquet"],
        ["data/train.parquet", "data/test.parquet"],
    ],
)
def test_files_of_several_splits_are_not_mixed(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        write(tmp_path / name, {"image": [b"1"], "label": [1]})
    with pytest.raises(SourceError, match=r"of the splits \w+, \w+: point at"):
        open_source(tmp_path)
    assert len(open_source(tmp_path / names[0]).photos) == 1


def test_photos_beside_parquet_files_are_one_kind_too_many(tmp_path: Path) -> None:
    write(put(tmp_path, "cat/1.jpg") / "a.parquet", {"image": [b"1"], "label": [1]})
    with pytest.raises(SourceError, match="both photos and Parquet files"):
        open_source(tmp_path)


def test_damaged_files_are_one_clear_line_at_every_byte(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"image": structs([b"1" * 50] * 20), "label": [0] * 20}), buffer)
    whole, path = buffer.getvalue(), tmp_path / "a.parquet"
    for end in range(0, len(whole), 23):
        path.write_bytes(whole[:end])
        with pytest.raises(SourceError, match="as Parquet: ") as raised:
            open_source(tmp_path)
        assert "\n" not in str(raised.value)


def test_damage_in_the_pictures_is_an_image_error_and_the_rest_still_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    options: dict[str, Any] = {"row_group_size": 1, "compression": "none", "use_dictionary": False}
    write(path, {"image": [b"x" * 99, b"y" * 99], "label": [0, 1]}, **options)
    source = open_source(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"x" * 99) - 4  # the length of the first picture
    data[at : at + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"^cannot be read: "):
        source.read(source.photos[0])
    assert source.read(source.photos[1]) == b"y" * 99


def test_a_file_that_vanished_or_shrank_is_an_image_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"image": [b"1", b"2"], "label": [0, 0]})
    source = open_source(path)
    write(path, {"image": [b"1"], "label": [0]})
    with pytest.raises(ImageError, match=r"^cannot be read: "):
        source.read(source.photos[1])
    path.unlink()
    with pytest.raises(ImageError, match=r"^cannot be read: "):
        source.read(source.photos[0])


def test_a_pickled_source_reads_without_its_listing(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", {"image": [b"%d" % i for i in range(300)], "label": [0] * 300})
    source = open_source(tmp_path)
    assert source.read(source.photos[5]) == b"5"
    sent = pickle.dumps(source)
    assert len(sent) < 1000
    assert pickle.loads(sent).read(source.photos[299]) == b"299"


def test_memory_stays_constant_however_large_the_row_group_is(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write(
        path,
        {"image": structs([os.urandom(100_000) for _ in range(1500)]), "label": [0] * 1500},
        write_batch_size=16,
        compression="none",
    )
    code = """
import resource, sys
import pyarrow.parquet
from genmix.datasets import open_source
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
before = peak()
source = open_source(sys.argv[1])
listed = peak()
assert all(len(source.read(photo)) == 100_000 for photo in source.photos)
print(listed - before, peak() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    )
    listing, reading = (int(mebibytes) for mebibytes in done.stdout.split())
    assert listing < 32
    assert reading < 72  # of a row group of 143


def test_a_column_license_states_each_photos_licence_and_is_never_the_label(tmp_path: Path) -> None:
    columns = {"image": [b"1", b"2"], "breed": ["cat", "dog"], "license": ["MIT", None]}
    photos = open_source(write(tmp_path / "a.parquet", columns)).photos
    assert [(photo.label, photo.license) for photo in photos] == [("cat", "MIT"), ("dog", None)]
