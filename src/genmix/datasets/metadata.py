"""Tables that give photos their labels: the rows of each kind, and how a label reads as text."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from genmix.errors import SourceError, nearest

FILE_NAME = "file_name"
LABEL = "label"

LICENSE = "license"
"""The column that may state a photo's licence; it is never taken for the labels."""


def metadata_rows(path: Path) -> Iterator[tuple[str, str, object, str | None]]:
    """Read the rows of a metadata table one by one.

    Args:
        path: A table called as one of `METADATA`.

    Yields:
        For each row that is not blank, where it stands, such as "photos/metadata.csv:7", its file
        name, the value in its label column, and its licence where one is stated.

    Raises:
        SourceError: If the table is damaged or lacks a column, with the file and the line.
    """
    return _named_rows(path, None)


def column_values(path: Path, column: str) -> Iterator[tuple[str, str, object]]:
    """Read another column of a metadata table, row by row.

    Args:
        path: A table called as one of `METADATA`.
        column: Its name.

    Yields:
        For each row that is not blank, where it stands, its file name, and the value in the column.

    Raises:
        SourceError: If the table is damaged or lacks the column, with the file and the line.
    """
    return (row[:3] for row in _named_rows(path, column))


def _named_rows(path: Path, wanted: str | None) -> Iterator[tuple[str, str, object, str | None]]:
    try:
        for place, file_name, value, stated in _READERS[path.name](path, wanted):
            if not isinstance(file_name, str) or not file_name.strip():
                raise SourceError(f"{place}: no {FILE_NAME}")
            yield place, file_name, value, license_of(stated)
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
    if LABEL in candidates:
        return LABEL
    if len(candidates) == 1:
        return candidates[0]
    found = f"could be any of {', '.join(candidates)}" if candidates else "is missing"
    raise SourceError(f"{place}: the label column {found}: call it '{LABEL}'")


def label_of(value: object, place: str, what: str = "label") -> str | None:
    """Turn a table's value into a label, altered only by becoming text.

    Args:
        value: What stands in the label column.
        place: The table and row, for the message.
        what: What the column is called in the message.

    Returns:
        The label; None for nothing or blank text.

    Raises:
        SourceError: If the value is neither text, a whole number, nor true or false.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str | int):
        raise SourceError(
            f"{place}: the {what} is {value!r:.40}: make it text, a whole number, or true or false"
        )
    return str(value)


def license_of(value: object) -> str | None:
    """Turn what stands in the column `LICENSE` into text; None for nothing or blank text."""
    text = "" if value is None else str(value).strip()
    return sys.intern(text) if text else None  # few licences, many photos


_Row: TypeAlias = tuple[str, object, object, object]


def _csv_rows(path: Path, wanted: str | None) -> Iterator[_Row]:
    reader = csv.reader(_lines(path), strict=True)
    try:
        header = next(reader, [])
        column = _column(path, header, wanted)
        for cells in reader:
            place = f"{path}:{reader.line_num}"
            if cells and len(cells) != len(header):
                raise SourceError(
                    f"{place}: {len(cells)} columns; the first line has {len(header)}"
                )
            row = dict(zip(header, cells, strict=False))
            if row:
                yield place, row[FILE_NAME], row[column], row.get(LICENSE)
    except csv.Error as error:
        raise SourceError(f"{path}:{reader.line_num}: not valid CSV: {error}") from error


def _json_rows(path: Path, wanted: str | None) -> Iterator[_Row]:
    column = _json_column(path, wanted)
    for place, row in _json_lines(path):
        yield place, row.get(FILE_NAME), row.get(column), row.get(LICENSE)


def _json_column(path: Path, wanted: str | None) -> str:
    """Choose the column among those of all lines, each of which may leave some out."""
    columns: dict[str, None] = {}
    for _, row in _json_lines(path):
        columns.update(dict.fromkeys(row))
        if {FILE_NAME, wanted or LABEL} <= columns.keys():
            break
    return _column(path, list(columns), wanted) if columns else LABEL


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield each line that is not blank, and where it stands."""
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            yield (place := f"{path}:{number}"), _json_row(line, place)


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


def _parquet_rows(path: Path, wanted: str | None) -> Iterator[_Row]:
    from genmix.datasets.tables import open_parquet, reading

    with reading(path), open_parquet(path) as table:
        names = table.schema_arrow.names
        column = _column(path, names, wanted)
        used = dict.fromkeys([FILE_NAME, column, *({LICENSE} & set(names))])
        number = 0
        for batch in table.iter_batches(columns=list(used)):
            for row in batch.to_pylist():
                number += 1
                yield f"{path}, row {number}", row[FILE_NAME], row[column], row.get(LICENSE)


_READERS: dict[str, Callable[[Path, str | None], Iterator[_Row]]] = {
    "metadata.csv": _csv_rows,
    "metadata.jsonl": _json_rows,
    "metadata.parquet": _parquet_rows,
}

METADATA = tuple(_READERS)
"""What a metadata table may be called."""


def _column(place: object, columns: Sequence[str], wanted: str | None) -> str:
    """Return the column that is wanted, if it is there; else that of the labels."""
    if FILE_NAME not in columns:
        found = ", ".join(columns) or "none"
        raise SourceError(
            f"{place}: no column '{FILE_NAME}'; found: {found:.200}; "
            "rename the file if it is no table of labels"
        )
    others = [column for column in columns if column != FILE_NAME]
    if wanted is None:
        return label_column(place, [name for name in others if name != LICENSE])
    if wanted not in others:
        raise SourceError(f"{place}: no column '{wanted}'; {nearest(wanted, others)}")
    return wanted


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 file, with or without a byte order mark."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise SourceError(f"{path}:{number}: not UTF-8 text: save it as UTF-8") from error
