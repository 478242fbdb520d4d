"""Tables for the terminal in which every word is shown as it is.

Rich reads markup in strings, so of a class `bolt [ok]` it would show `bolt`, and fail on `[/]`.
"""

from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from genmix.storage import one_line


class PlainTable(Table):
    """A table of rich whose cells and headings are no markup; style them with `Text`."""

    def add_column(
        self, header: RenderableType = "", footer: RenderableType = "", **options: Any
    ) -> None:
        """Add a column, as `Table` does."""
        super().add_column(_plain(header), _plain(footer), **options)

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row, as `Table` does."""
        lines = (one_line(cell) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*(None if line is None else _plain(line) for line in lines), **options)


def _plain(shown: RenderableType) -> RenderableType:
    return Text(shown) if isinstance(shown, str) else shown
