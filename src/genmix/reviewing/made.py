"""What an output's run made, also where reviews have been applied to it since.

Applying takes pictures out of `images/` and out of the manifest. Both are kept in `.genmix/`, so
that a decision may be taken back; this module knows where.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from genmix.datasets.layout import MANIFEST
from genmix.datasets.manifest import read_rows
from genmix.errors import GenmixError, OutputError, ReviewError
from genmix.jobs.finish import PROMPTS
from genmix.jobs.folder import OutputFolder
from genmix.prompts import load_library

CAUSE = "review"
"""What the reason of a manifest's row begins with, where people have left the picture out."""

NO_PICTURE: dict[str, None] = dict.fromkeys(
    ("output", "output_sha256", "picture_sha256", "width", "height")
)
"""What a row of the manifest says of its picture where there is none."""

RowKey: TypeAlias = tuple[str, str | None, int | None]


@dataclass(frozen=True)
class MadeOutput:
    """An output as its run made it.

    Attributes:
        path: The output.
    """

    path: Path

    @property
    def manifest(self) -> Path:
        """The manifest as it is now."""
        return self.path / MANIFEST

    @property
    def taken_out(self) -> Path:
        """The rows, as they were made, of what reviews have taken out."""
        return self.path / ".genmix" / "taken-out.parquet"

    @property
    def taken_out_pictures(self) -> Path:
        """The folder of their pictures."""
        return self.path / ".genmix" / "taken-out"

    def picture(self, output: str) -> Path:
        """Return where a picture of `output` in the manifest lies, taken out or not."""
        place = self.path / output
        aside = self.taken_out_pictures / output
        return aside if not place.exists() and aside.exists() else place

    def check_finished(self) -> None:
        """Refuse, before any work, an output that a run is to finish first.

        Raises:
            ReviewError: If it has no manifest, `genmix forget` was stopped in it, or its prompts
                cannot be read.
        """
        if not self.manifest.exists() or OutputFolder(self.path).half_forgotten.exists():
            raise ReviewError(f"{self.path} is not finished: run genmix augment on it again first")
        try:
            load_library(str(self.path / PROMPTS))
        except GenmixError as error:
            raise ReviewError(f"{error}; run genmix augment on {self.path} again first") from error

    def columns(self) -> list[str]:
        """Return the names of the manifest's columns.

        Raises:
            ReviewError: If it is no manifest of genmix.
        """
        with self._readable():
            names: list[str] = pq.read_schema(self.manifest).names
        if missing := _NEEDED - set(names):
            raise ReviewError(f"{self.manifest} has no column {min(missing)}: is it genmix's?")
        return names

    def batches(self, columns: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
        """Iterate over columns of the manifest as it was made, some thousand rows at a time.

        Args:
            columns: Those wanted; `source`, `prompt`, `variant` and `reason` come in any case.

        Raises:
            ReviewError: If the manifest cannot be read.
        """
        wanted = list(dict.fromkeys([*columns, *_KEY, "reason"]))
        # Buffering ahead would keep every row group until the end.
        with self._readable(), pq.ParquetFile(self.manifest, pre_buffer=False) as file:
            for batch in file.iter_batches(_BATCH, columns=wanted):
                values = batch.to_pydict()
                for k, reason in enumerate(values["reason"]):
                    if is_review(reason):
                        self._put_back(values, k)
                yield values

    def as_made(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row as it was made, if it is one that reviews have taken out."""
        return self.rows_taken_out.get(key_of(row), row) if is_review(row["reason"]) else row

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise ReviewError(
                f"cannot read {self.manifest}: remove it, and run genmix augment again"
            ) from error

    def _put_back(self, values: dict[str, list[Any]], k: int) -> None:
        before = self.as_made({name: column[k] for name, column in values.items()})
        for name, column in values.items():
            column[k] = before[name]

    @cached_property
    def rows_taken_out(self) -> dict[RowKey, dict[str, Any]]:
        """The rows, as they were made, of what reviews have taken out."""
        if not self.taken_out.exists():
            return {}
        try:
            return {key_of(row): row for row in read_rows(self.taken_out)}
        except OutputError as error:
            raise ReviewError(
                f"cannot read {self.taken_out}, which lists what reviews took out: put it back "
                "from a copy, or make the output anew in another folder (edits are cached) and "
                "copy reviews.sqlite into it"
            ) from error


def key_of(row: Mapping[str, Any]) -> RowKey:
    """Return what tells a row of the manifest from all others."""
    return row["source"], row["prompt"], row["variant"]


def is_review(reason: str | None) -> bool:
    """Tell whether a row's reason is that reviews have taken it out."""
    return reason is not None and reason.startswith(f"{CAUSE}:")


_KEY = ("source", "prompt", "variant")
_NEEDED = {*_KEY, "kind", "label", "edit_key", "decision", "reason", "output", "output_sha256"}
_BATCH = 4096
