"""The manifest: one row for every planned item, whatever became of it, as Parquet."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

Kind: TypeAlias = Literal["original", "composite"]
Decision: TypeAlias = Literal["written", "rejected", "failed"]
Row: TypeAlias = Mapping[str, Any]

_ROW_GROUP = 65_536


def schema(screens: Sequence[str]) -> pa.Schema:
    """Return the manifest's columns; what each means stands in `docs/output.md`.

    Args:
        screens: Names of the screens; each has a column `screen_<name>` with its score.
    """
    text, real = pa.string(), pa.float32()
    return pa.schema(
        [
            ("kind", text),
            ("source", text),
            ("source_sha256", text),
            ("label", text),
            ("prompt", text),
            ("variant", pa.int32()),
            ("editor", text),
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
            ("width", pa.int32()),
            ("height", pa.int32()),
        ]
    )


def write_rows(path: Path, rows: Sequence[Row], columns: pa.Schema) -> None:
    """Write rows to one Parquet file; a key that a row lacks is null."""
    pq.write_table(pa.Table.from_pylist(list(rows), columns), path)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read every row of a small Parquet file."""
    return pq.read_table(path).to_pylist()


def join_parts(parts: Iterable[Path], path: Path) -> None:
    """Join the shards' parts to one manifest, in order, in constant memory.

    Args:
        parts: Parquet files of the same columns.
        path: The file to write.
    """
    with pq.ParquetWriter(path, pq.read_schema(next(iter(parts := list(parts))))) as writer:
        for table in _gathered(parts):
            writer.write_table(table, row_group_size=_ROW_GROUP)


def iterate_rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Iterate over some columns of a manifest without holding it whole."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=list(columns)):
            yield from batch.to_pylist()


def _gathered(parts: Iterable[Path]) -> Iterator[pa.Table]:
    """Read parts and hand them on in tables of about a row group."""
    held: list[pa.Table] = []
    for part in parts:
        held.append(pq.read_table(part))
        if sum(table.num_rows for table in held) >= _ROW_GROUP:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)
