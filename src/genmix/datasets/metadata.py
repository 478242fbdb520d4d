"""Tables that give photos their labels: the rows of each kind, and how a label reads as text."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from genmix.errors import SourceError

FILE_NAME = "file_name"


def metadata_rows(path: Path) -> Iterator[tuple[str, str, object]]:
    """Read the rows of a metadata table one by one.

    Args:
        path: A table called as one of `METADATA`.

    Yields:
        For each row that is not blank, where it stands, such as "photos/metadata.csv:7", its file
        name, and the value in its label column.

    Raises:
        SourceError: If the table is damaged or lacks a column, with the file and the line.
    """
    try:
        for place, file_name, value in _READERS[path.name](path):
            if not isinstance(file_name, str) or not file_name.strip():
                raise SourceError(f"{place}: no {FILE_NAME}")
            yield place, file_name, value
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error


def label_column(place: object, candidates: Sequence[str]) -> str:
    """Choose the column that holds the labels.

    Args:
        place: The table, for the message.
        candidates: The columns that could.

    Returns:
        "label" if it is there, else the only candidate.

    Raises:
        SourceError: If there is none, or several of which none is called "label".
    """
    if "label" in candidates:
        return "label"
    if len(candidates) == 1:
        return candidates[0]
    found = f"could be any of {', '.join(candidates)}" if candidates else "is missing"
    raise SourceError(f"{place}: the label column {found}: call it 'label'")


def label_of(value: object, place: str) -> str | None:
    """Turn a table's value into a label, altered only by becoming text.

    Args:
        value: What stands in the label column.
        place: The table and row, for the message.

    Returns:
        The label; None for nothing or blank text.

    Raises:
        SourceError: If the value is neither text, a whole number, nor true or false.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str | int):
        raise SourceError(
            f"{place}: the label is {value!r:.40}: make it text, a whole number, or true or false"
        )
    return str(value)


_Row: TypeAlias = tuple[str, object, object]


def _csv_rows(path: Path) -> Iterator[_Row]:
    reader = csv.reader(_lines(path), strict=True)
    try:
        header = next(reader, [])
        column = _label_column(path, header)
        for cells in reader:
            place = f"{path}:{reader.line_num}"
            if cells and len(cells) != len(header):
                raise SourceError(
                    f"{place}: {len(cells)} columns; the first line has {len(header)}"
                )
            row = dict(zip(header, cells, strict=False))
            if row:
                yield place, row[FILE_NAME], row[column]
    except csv.Error as error:
        raise SourceError(f"{path}:{reader.line_num}: not valid CSV: {error}") from error


def _json_rows(path: Path) -> Iterator[_Row]:
    column = ""
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        row = _json_row(line, place)
        column = column or _label_column(place, list(row))
        yield place, row.get(FILE_NAME), row.get(column)


def _json_row(line: str, place: str) -> dict[str, object]:
    try:
        row = json.loads(line)
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:  # "\ud800": half a character
        raise SourceError(f"{place}: holds text that is not valid Unicode") from error
    except json.JSONDecodeError as error:
        raise SourceError(f"{place}: not valid JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # a number or a nesting without end
        raise SourceError(f"{place}: not valid JSON") from error
    if not isinstance(row, dict):
        raise SourceError(f'{place}: expected {{"file_name": …, "label": …}} on each line')
    return row


def _parquet_rows(path: Path) -> Iterator[_Row]:
    from genmix.datasets.tables import open_parquet, reading

    with reading(path), open_parquet(path) as table:
        column = _label_column(path, table.schema_arrow.names)
        number = 0
        for batch in table.iter_batches(columns=[FILE_NAME, column]):
            for row in batch.to_pylist():
                number += 1
                yield f"{path}, row {number}", row[FILE_NAME], row[column]


_READERS: dict[str, Callable[[Path], Iterator[_Row]]] = {
    "metadata.csv": _csv_rows,
    "metadata.jsonl": _json_rows,
    "metadata.parquet": _parquet_rows,
}

METADATA = tuple(_READERS)
"""What a metadata table may be called."""


def _label_column(place: object, columns: Sequence[str]) -> str:
    if FILE_NAME not in columns:
        found = ", ".join(columns) or "none"
        raise SourceError(
            f"{place}: no column '{FILE_NAME}'; found: {found:.200}; "
            "rename the file if it is no table of labels"
        )
    return label_column(place, [column for column in columns if column != FILE_NAME])


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 file, with or without a byte order mark."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise SourceError(f"{path}:{number}: not UTF-8 text: save it as UTF-8") from error
