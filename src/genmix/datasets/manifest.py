"""The manifest: one row for every planned item, whatever became of it, as Parquet."""

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genmix.errors import OutputError

Kind: TypeAlias = Literal["original", "composite"]
Decision: TypeAlias = Literal["written", "rejected", "failed"]
Row: TypeAlias = Mapping[str, Any]

Facts: TypeAlias = Mapping[str, Any]
"""What holds for a whole output, as plain values: it lies in the manifest's own metadata."""

Matching: TypeAlias = Mapping[str, Collection[str]]
"""Texts by column; a row matches that has one of them in its column."""

_FACTS = b"genmix"
_ROW_GROUP = 65_536
_BATCH = 8_192


def schema(screens: Sequence[str]) -> pa.Schema:
    """Return the manifest's columns; what each means stands in `docs/output.md`.

    Args:
        screens: Names of the screens; each has a column `screen_<name>` with its score.
    """
    text, real = pa.string(), pa.float32()
    return pa.schema(
        [
            ("item", text),
            ("kind", text),
            ("source", text),
            ("source_sha256", text),
            ("source_license", text),
            ("label", text),
            ("prompt", text),
            ("variant", pa.int32()),
            ("editor", text),
            ("model_license", text),
            ("edit_seed", pa.int64()),
            ("edit_key", text),
            ("mask", text),
            ("mask_inverted", pa.bool_()),
            ("seam", real),
            ("seam_profile", text),
            ("fractal", text),
            ("blend", real),
            *((f"screen_{name}", real) for name in screens),
            ("decision", text),
            ("reason", text),
            ("output", text),
            ("output_sha256", text),
            ("picture_sha256", text),
            ("width", pa.int32()),
            ("height", pa.int32()),
        ]
    )


def write_rows(path: Path, rows: Sequence[Row], columns: pa.Schema) -> None:
    """Write rows to one Parquet file; a key that a row lacks is null."""
    pq.write_table(pa.Table.from_pylist(list(rows), columns), path)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read every row of a small Parquet file; raises OutputError if it is damaged."""
    with _reading(path):
        return pq.read_table(path).to_pylist()


def read_schema(path: Path) -> pa.Schema:
    """Read the columns of a manifest, or of a part of one; raises OutputError if it is damaged."""
    with _reading(path):
        return pq.read_schema(path)


def join_parts(parts: Iterable[Path], path: Path, facts: Facts) -> None:
    """Join the shards' parts to one manifest, in order, in constant memory.

    Args:
        parts: Parquet files of the same columns.
        path: The file to write.
        facts: What holds for the whole of it; `read_facts` finds it again.

    Raises:
        OutputError: If a part is damaged.
    """
    schema = read_schema(next(iter(parts := list(parts))))
    noted = schema.with_metadata({_FACTS: json.dumps(facts, ensure_ascii=False)})
    with pq.ParquetWriter(path, noted) as writer:
        for table in _gathered(parts):
            writer.write_table(table, row_group_size=_ROW_GROUP)


def read_facts(path: Path) -> Facts:
    """Return what `join_parts` was told of a manifest as a whole; nothing for a shard's part.

    Raises:
        OutputError: If it is damaged.
    """
    facts: Facts = json.loads((read_schema(path).metadata or {}).get(_FACTS, b"{}"))
    return facts


def without_rows(path: Path, to: Path, unwanted: Matching) -> int:
    """Copy a manifest, or a part of one, without some rows, in constant memory.

    Args:
        path: The file to read.
        to: The file to write.
        unwanted: Which rows to leave out: values by column, any of which is enough.

    Returns:
        How many rows were left out.

    Raises:
        OutputError: If the file is damaged.
    """
    left_out = 0
    with pq.ParquetWriter(to, read_schema(path)) as writer:
        for batch in _batches(path, _ROW_GROUP):
            kept = batch.filter(pc.invert(_any_of(batch, unwanted)))
            left_out += batch.num_rows - kept.num_rows
            writer.write_batch(kept)
    return left_out


def find_rows(path: Path, wanted: Matching) -> Iterator[dict[str, Any]]:
    """Yield the whole rows that have one of the values in its column, without holding the others.

    Args:
        path: A manifest, or a part of one.
        wanted: Values by column; a column that the file lacks matches nothing.

    Raises:
        OutputError: If the file is damaged, or has none of these columns.
    """
    names = read_schema(path).names
    there = {column: values for column, values in wanted.items() if column in names}
    if wanted and not there:
        raise OutputError(_FOREIGN.format(path=path, column=next(iter(wanted))))
    for batch in _batches(path, _BATCH):
        yield from batch.filter(_any_of(batch, there)).to_pylist()


def iterate_rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Iterate over some columns of a manifest without holding it whole.

    Raises:
        OutputError: If the file is damaged, or lacks one of the columns.
    """
    if missing := set(columns) - set(read_schema(path).names):
        raise OutputError(_FOREIGN.format(path=path, column=min(missing)))
    for batch in _batches(path, _ROW_GROUP, columns):
        yield from batch.to_pylist()


_FOREIGN = "{path} has no column '{column}': it is no manifest of this version of genmix"


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what a damaged file raises into one clear line."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        number = getattr(error, "errno", None)
        why = os.strerror(number) if number else "it is damaged"
        raise OutputError(
            f"cannot read {path}: {why}; run genmix augment on its output again, which makes it "
            "anew"
        ) from error


def _batches(
    path: Path, rows: int, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield a file's rows so that what was read is let go; buffering would keep every row group."""
    wanted = None if columns is None else list(columns)
    with _reading(path), pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        yield from file.iter_batches(rows, columns=wanted)


def _any_of(batch: pa.RecordBatch, values: Matching) -> pa.Array:
    """Tell for each row whether one of its columns has one of the values."""
    found = pa.array([False] * batch.num_rows)
    for column, wanted in values.items():
        same = pc.is_in(batch.column(column), value_set=pa.array(sorted(wanted), pa.string()))
        found = pc.or_(found, same)
    return found


def _gathered(parts: Iterable[Path]) -> Iterator[pa.Table]:
    """Read parts and hand them on in tables of about a row group."""
    held: list[pa.Table] = []
    for part in parts:
        with _reading(part):
            held.append(pq.read_table(part))
        if sum(table.num_rows for table in held) >= _ROW_GROUP:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)
