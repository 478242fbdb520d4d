"""Which group each photo belongs to, by a column of the source's own table."""

import posixpath
from collections.abc import Iterator
from pathlib import Path

from genmix.datasets import open_source
from genmix.datasets.metadata import METADATA, column_values, label_of
from genmix.datasets.tables import TableSource, open_parquet, reading
from genmix.errors import SourceError, nearest


def read_groups(source: str | Path, column: str) -> dict[str, str]:
    """Read a column of a source: of its metadata table, or of the Parquet files that hold it.

    Args:
        source: The photos, as `genmix.datasets.open_source` takes them.
        column: Which column.

    Returns:
        The group of each photo that has one, by its path in the source.

    Raises:
        SourceError: If the source has no table or no such column, or a value is no name of a group.
    """
    opened = open_source(source)
    root = Path(source)
    values: Iterator[tuple[str, str, object]]
    if isinstance(opened, TableSource):
        names = dict.fromkeys(photo.path.rpartition("#")[0] for photo in opened.photos)
        values = (row for name in names for row in _of_file(opened.root, name, column))
    elif table := next((root / name for name in METADATA if (root / name).exists()), None):
        values = column_values(table, column)
    else:
        raise SourceError(
            f"{source} has no table that could say which photo is of which group: put a "
            f"metadata.csv there, with the columns file_name, label and {column}"
        )
    groups = {}
    for place, name, value in values:
        if (group := label_of(value, place, column)) is not None:
            groups[posixpath.normpath(name)] = group
    if not groups:
        raise SourceError(f"{source} has no value in the column '{column}'")
    return groups


def _of_file(root: Path, name: str, column: str) -> Iterator[tuple[str, str, object]]:
    """Yield place, photo and value for each row of a Parquet file."""
    with reading(root / name), open_parquet(root / name) as table:
        columns = table.schema_arrow.names
        if column not in columns:
            raise SourceError(f"{root / name}: no column '{column}'; {nearest(column, columns)}")
        row = 0
        for batch in table.iter_batches(columns=[column]):
            for value in batch.column(0).to_pylist():
                yield f"{root / name}#{row}", f"{name}#{row}", value
                row += 1
