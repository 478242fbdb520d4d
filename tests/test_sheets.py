"""Sheets: everything is on the page, nothing runs over."""

import numpy as np
import pytest

from genmix.images import Image
from genmix.sheets import SheetRow, draw_sheet


def picture(level: int, height: int = 40, width: int = 40) -> Image:
    return np.full((height, width, 3), level, np.uint8)


def ink(sheet: Image) -> float:
    """Share of the page that is darker than its paper."""
    return float((sheet.min(axis=2) < 160).mean())


def test_every_picture_is_on_the_sheet_once_at_its_place() -> None:
    rows = [SheetRow("a", [picture(10), picture(60)]), SheetRow("b", [picture(110), picture(160)])]
    sheet = draw_sheet(rows, ["one", "two"], cell_px=50)
    areas = [int((sheet == level).all(axis=2).sum()) for level in (10, 60, 110, 160)]
    assert areas == [48 * 48] * 4  # a line of one pixel runs around each
    ys, xs = np.nonzero((sheet == 160).all(axis=2))
    assert ys.min() > sheet.shape[0] / 2
    assert xs.min() > sheet.shape[1] / 2


def test_a_picture_keeps_its_proportions() -> None:
    sheet = draw_sheet([SheetRow("", [picture(10, 20, 40)])], cell_px=80)
    ys, xs = np.nonzero((sheet == 10).all(axis=2))
    assert [int(np.ptp(axis)) + 3 for axis in (xs, ys)] == [80, 40]


def test_words_stand_where_there_is_no_picture() -> None:
    empty = draw_sheet([SheetRow("", ["", picture(250)])], cell_px=80)
    worded = draw_sheet([SheetRow("", ["left out", picture(250)])], cell_px=80)
    assert ink(worded) > ink(empty) == 0


@pytest.mark.parametrize(
    "words", ["ねこ", "a name without end " * 9, "unbroken" * 30, "é ü ñ", "two\nlines"]
)
def test_names_of_any_script_and_length_stay_on_the_page(words: str) -> None:
    sheet = draw_sheet(
        [SheetRow(words, [picture(250)], heading=words, captions=[words])], [words], cell_px=80
    )
    assert ink(sheet) > 0
    for edge in (sheet[:3], sheet[-3:], sheet[:, :3], sheet[:, -3:]):
        assert ink(edge) == 0


def test_titles_headings_and_captions_each_take_their_room() -> None:
    plain = draw_sheet([SheetRow("", [picture(0)])])
    more = [
        draw_sheet([SheetRow("", [picture(0)])], title="t"),
        draw_sheet([SheetRow("", [picture(0)])], ["c"]),
        draw_sheet([SheetRow("", [picture(0)], heading="h")]),
        draw_sheet([SheetRow("", [picture(0)], captions=["c"])]),
    ]
    assert all(sheet.shape[0] > plain.shape[0] for sheet in more)
