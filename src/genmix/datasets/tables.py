"""Photos that lie in Parquet files, a row each, as Hugging Face writes image data sets."""

import json
import re
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Self

from genmix.datasets.files import SPLITS
from genmix.datasets.metadata import LICENSE, label_column, label_of, license_of
from genmix.datasets.source import Ignored, Photo
from genmix.errors import ImageError, SourceError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_ROWS_AT_A_TIME = 32
"""So few that, however large the row groups are, only pages and some megabytes are held."""

# What pyarrow is known to raise on damaged files, besides its own exceptions that are none of
# these; StopIteration is a row group with fewer rows than it claims.
_DAMAGE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    StopIteration,
)


class TableSource:
    """Photos that are rows of Parquet files; see `genmix.datasets.source.Source`.

    Reading them in order decodes each row group once.
    """

    def __init__(
        self, root: Path, photos: Sequence[Photo] = (), ignored: Sequence[Ignored] = ()
    ) -> None:
        self.root = root
        self.photos = photos
        self.ignored = ignored
        self._pictures: _Pictures | None = None
        self._lock = threading.Lock()

    def read(self, photo: Photo) -> bytes:
        """Return the encoded bytes of a photo; an ImageError says why not."""
        import pyarrow as pa

        name, _, row = photo.path.rpartition("#")
        with self._lock:
            try:
                if self._pictures is None or self._pictures.path != self.root / name:
                    self._pictures = _Pictures(self.root / name)
                data = self._pictures.read(int(row))
            except (pa.ArrowException, SourceError, *_DAMAGE) as error:
                self._pictures = None
                raise ImageError(f"cannot be read: {_in_short(error)}") from error
        if data is None:
            raise ImageError("no image bytes")
        return data

    def locate(self, photo: Photo) -> Path | None:  # noqa: ARG002
        """Return None: a photo in a table has no file of its own."""
        return None

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        """Leave the listing behind: a worker reads the photos that it is handed."""
        return type(self), (self.root,)


def open_tables(root: Path, names: Sequence[str], beside: Sequence[Ignored] = ()) -> TableSource:
    """List the labelled rows of Parquet files, reading no picture.

    Args:
        root: The folder that `names` are relative to.
        names: The files, with forward slashes, in the order in which to list them.
        beside: What else was found there.

    Raises:
        SourceError: If a file is damaged, has no column of images or of labels, or the files are
            of several splits.
    """
    splits = {split for name in names if (split := _split_of(name))}
    if len(splits) > 1:
        raise SourceError(
            f"{root} has Parquet files of the splits {', '.join(sorted(splits))}: "
            "point at a folder or file of one of them"
        )
    photos: list[Photo] = []
    ignored = list(beside)
    for name in names:
        with reading(root / name), open_parquet(root / name) as table:
            for found in _rows(table, name, root / name):
                if isinstance(found, Photo):
                    photos.append(found)
                else:
                    ignored.append(found)
    if not photos:
        unused = ignored[len(beside) :]
        why = f"{unused[0].path}: {unused[0].reason}" if unused else "no rows"
        raise SourceError(f"{root / names[0]} holds no labelled photos; {why}")
    return TableSource(root.absolute(), photos, ignored)


def open_parquet(path: Path) -> "pq.ParquetFile":
    """Open a Parquet file so that a column is streamed, never held whole."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what a damaged Parquet file raises into one clear line."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, *_DAMAGE) as error:
        raise SourceError(f"cannot read {path} as Parquet: {_in_short(error)}") from error


class _Pictures:
    """The encoded pictures of one Parquet file, a batch in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._table = open_parquet(path)
        self._column = _picture_bytes(self._table.schema_arrow, path)
        meta = self._table.metadata
        sizes = (meta.row_group(i).num_rows for i in range(meta.num_row_groups))
        self._group_starts = list(accumulate(sizes, initial=0))
        self._group_end = 0
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._batch: list[bytes | None] = []
        self._batch_start = 0

    def read(self, row: int) -> bytes | None:
        """Read a row: on from the last one in its row group, else from the group's first."""
        if not self._batch_start <= row < self._group_end:
            group = bisect_right(self._group_starts, row) - 1
            self._batch_start, self._group_end = self._group_starts[group : group + 2]
            self._batch = []
            self._batches = self._table.iter_batches(
                _ROWS_AT_A_TIME, row_groups=[group], columns=[self._column]
            )
        while row >= self._batch_start + len(self._batch):
            self._batch_start += len(self._batch)
            self._batch = _values(next(self._batches))
        return self._batch[row - self._batch_start]


def _rows(table: "pq.ParquetFile", name: str, path: Path) -> Iterator[Photo | Ignored]:
    schema = table.schema_arrow
    picture = _picture_bytes(schema, path)
    column = label_column(path, _label_candidates(schema))
    class_names = _class_names(schema, column)
    wanted = [column, *({LICENSE} & set(schema.names))]
    row = 0
    for group in range(table.num_row_groups):
        without = _rows_without(table, group, picture)
        for batch in table.iter_batches(row_groups=[group], columns=wanted):
            for values in batch.to_pylist():
                value, here = values[column], f"{name}#{row}"
                label = _label(value, class_names, f"{path}#{row}")
                if next(without, True):
                    yield Ignored(here, "no image bytes")
                elif label is None:
                    yield Ignored(here, "no label" if value is None else f"no label for {value!r}")
                else:
                    yield Photo(here, label, license_of(values.get(LICENSE)))
                row += 1


def _picture_bytes(schema: "pa.Schema", path: Path) -> str:
    """Find the column of encoded pictures: "image", "image.bytes" if it is a struct, or alike."""
    import pyarrow as pa

    def is_binary(kind: pa.DataType) -> bool:
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)

    found = {}
    for field in schema:
        if is_binary(field.type):
            found[field.name] = field.name
        elif pa.types.is_struct(field.type) and any(
            part.name == "bytes" and is_binary(part.type) for part in field.type
        ):
            found[field.name] = f"{field.name}.bytes"
    if "image" in found:
        return found["image"]
    if len(found) == 1:
        return next(iter(found.values()))
    which = f"could be any of {', '.join(found)}" if found else "is missing"
    raise SourceError(f"{path}: the column of encoded images {which}: call it 'image'")


def _label_candidates(schema: "pa.Schema") -> list[str]:
    from pyarrow import types

    kinds = (types.is_integer, types.is_string, types.is_large_string, types.is_dictionary)
    candidates = [field for field in schema if field.name != LICENSE]
    return [f.name for f in candidates if f.name == "label" or any(of(f.type) for of in kinds)]


def _class_names(schema: "pa.Schema", column: str) -> list[str] | None:
    """Read the names of a Hugging Face `ClassLabel`, which stand in the schema's metadata."""
    try:
        about = json.loads((schema.metadata or {})[b"huggingface"])
        names = about["info"]["features"][column]["names"]
    except (LookupError, ValueError, TypeError, RecursionError):  # not there, or not as it should
        return None
    return [str(name) for name in names] if isinstance(names, list) else None


def _label(value: object, class_names: list[str] | None, place: str) -> str | None:
    if class_names is not None and isinstance(value, int):
        return label_of(class_names[value], place) if 0 <= value < len(class_names) else None
    return label_of(value, place)


def _rows_without(table: "pq.ParquetFile", group: int, picture: str) -> Iterator[bool]:
    """Tell for each row of a row group whether its picture is null.

    The pictures themselves are read only if the file's statistics leave it open.
    """
    about = table.metadata.row_group(group)
    columns = [about.column(i) for i in range(about.num_columns)]
    nulls = next((c.statistics for c in columns if c.path_in_schema == picture), None)
    if nulls is not None and nulls.has_null_count and nulls.null_count == 0:
        yield from repeat(False)
    for batch in table.iter_batches(_ROWS_AT_A_TIME, row_groups=[group], columns=[picture]):
        yield from (data is None for data in _values(batch))


def _values(batch: "pa.RecordBatch") -> list[bytes | None]:
    """Take the encoded pictures out of a batch of one column, plain or `{bytes}`."""
    cells = batch.column(0).to_pylist()
    return [cell["bytes"] if isinstance(cell, dict) else cell for cell in cells]


def _split_of(name: str) -> str | None:
    """Find the split that a file's folder or name gives: "train" for data/train-00000.parquet."""
    words = (re.split(r"[-._]", part.lower())[0] for part in name.split("/"))
    return next((word for word in words if word in SPLITS), None)


def _in_short(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return f"{reason:.120}" if reason else "damaged"
