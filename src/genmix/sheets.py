"""Sheets: labelled grids of pictures for people to look at. Others decide what is on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image as PilImage
from PIL import ImageDraw, ImageFont

from genmix.images import Image, resize
from genmix.storage import one_line

_PAPER = (250, 250, 248)
_INK = (32, 33, 36)
_FAINT = (112, 115, 120)
_LINE = (205, 206, 208)
_GAP = 6
_MARGIN = 20


@dataclass(frozen=True)
class SheetRow:
    """One line of pictures.

    Attributes:
        title: What stands left of it.
        cells: uint8 pictures, RGB, of any size, or a few words where there is none.
        heading: What stands above it, where a new group begins.
        captions: What stands above each cell, where that is not the same in every row.
    """

    title: str
    cells: Sequence[Image | str]
    heading: str | None = None
    captions: Sequence[str] = ()


def draw_sheet(
    rows: Sequence[SheetRow], columns: Sequence[str] = (), *, title: str = "", cell_px: int = 144
) -> Image:
    """Draw a labelled grid.

    Args:
        rows: The lines.
        columns: What stands above each column; nothing if empty.
        title: What stands on top.
        cell_px: Side of the square that each picture is fitted into.

    Returns:
        uint8, height x width x 3, RGB.
    """
    text, small = _px(cell_px * 0.115), _px(cell_px * 0.1)
    left = _MARGIN + _gutter(rows, small)
    step = cell_px + _GAP
    top = _MARGIN + (round(text * 2.6) if title else 0)
    heights = [_names_px(row.captions, small, cell_px) + step for row in rows]
    heading_px = round(text * 2.6)
    tops = np.cumsum(
        [
            top + _names_px(columns, small, cell_px),
            *(h + heading_px * (r.heading is not None) for h, r in zip(heights, rows, strict=True)),
        ]
    )
    width = left + max(len(row.cells) for row in rows) * step - _GAP + _MARGIN
    page = PilImage.new("RGB", (width, int(tops[-1]) + _MARGIN), _PAPER)
    pen = ImageDraw.Draw(page)
    if title:
        pen.text((_MARGIN, _MARGIN), title, _INK, _font(title, round(text * 1.35)))
    _write_names(pen, columns, left, int(tops[0]), small, cell_px)
    for row, start in zip(rows, tops.tolist(), strict=False):
        y = start + (heading_px if row.heading is not None else 0)
        if row.heading is not None:
            heading = _end_of(one_line(row.heading), text, width - 2 * _MARGIN)
            pen.text((_MARGIN, y - _GAP - 2), heading, _INK, _font(heading, text), "ls")
        y += _names_px(row.captions, small, cell_px)
        _write_names(pen, row.captions, left, y, small, cell_px)
        _write_title(pen, row.title, left, y + cell_px // 2, small)
        for k, cell in enumerate(row.cells):
            _draw_cell(page, pen, cell, left + k * step, y, cell_px, small)
    return np.asarray(page)


def _write_names(
    pen: ImageDraw.ImageDraw,
    names: Sequence[str],
    left: int,
    bottom: int,
    size: int,
    cell_px: int,
) -> None:
    for k, name in enumerate(names):
        centre = (left + k * (cell_px + _GAP) + cell_px / 2, bottom - _GAP)
        lines = _wrapped(name, size, cell_px)
        pen.text(centre, lines, _INK, _font(name, size), "md", align="center")


def _write_title(pen: ImageDraw.ImageDraw, title: str, left: int, middle: int, size: int) -> None:
    if not title:
        return
    lines = _wrapped(title, size, left - _MARGIN - 10)
    pen.text((left - 10, middle), lines, _FAINT, _font(title, size), "rm", align="right")


def _names_px(names: Sequence[str], size: int, cell_px: int) -> int:
    """Height that names above cells need, in pixels."""
    lines = max((_wrapped(name, size, cell_px).count("\n") + 1 for name in names), default=0)
    return round(size * 1.35) * lines + _GAP if lines else 0


def _px(size: float) -> int:
    return max(11, round(size))


def _gutter(rows: Sequence[SheetRow], size: int) -> int:
    widest = max((_width(row.title, size) for row in rows), default=0)
    return min(round(widest), 12 * size) + 12 if widest else 0


def _width(text: str, size: int) -> float:
    return _font(text, size).getlength(text)


def _wrapped(text: str, size: int, width: int) -> str:
    """Break text into lines that fit, at spaces and hyphens where it can, and at most three."""
    lines = [""]
    for word in text.replace("-", "- ").split(" "):
        joint = "" if not lines[-1] or lines[-1].endswith("-") else " "
        if not lines[-1] or _width(lines[-1] + joint + word, size) <= width:
            lines[-1] += joint + word
        else:
            lines.append(word)
    return "\n".join(_cut(line, size, width) for line in lines[:3])


def _cut(line: str, size: int, width: int) -> str:
    if _width(line, size) <= width:
        return line
    while line and _width(line + "…", size) > width:
        line = line[:-1]
    return line + "…"


def _end_of(line: str, size: int, width: int) -> str:
    """Cut a heading from the front: of a path, the file's name says most."""
    if _width(line, size) <= width:
        return line
    while line and _width("…" + line, size) > width:
        line = line[1:]
    return "…" + line


def _draw_cell(
    page: PilImage.Image,
    pen: ImageDraw.ImageDraw,
    cell: Image | str,
    left: int,
    top: int,
    cell_px: int,
    size: int,
) -> None:
    if isinstance(cell, str):
        centre = (left + cell_px / 2, top + cell_px / 2)
        lines = _wrapped(cell, size, cell_px)
        pen.text(centre, lines, _FAINT, _font(cell, size), "mm", align="center")
        return
    scale = cell_px / max(cell.shape[:2])
    height, width = (max(1, round(side * scale)) for side in cell.shape[:2])
    x, y = left + (cell_px - width) // 2, top + (cell_px - height) // 2
    page.paste(PilImage.fromarray(resize(cell, height, width)), (x, y))
    pen.rectangle((x, y, x + width - 1, y + height - 1), outline=_LINE)


_CJK_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKjp-Regular.otf",
    "NotoSansJP-Regular.otf",
    "ipaexg.ttf",
    "ipag.ttf",
    "ipagp.ttf",
    "fonts-japanese-gothic.ttf",
    "ヒラギノ角ゴシック W3.ttc",
    "Hiragino Sans GB.ttc",
    "YuGothR.ttc",
    "meiryo.ttc",
    "msgothic.ttc",
    "DroidSansFallbackFull.ttf",
)
"""Files that Linux, macOS and Windows keep Japanese in, best first; Pillow knows the folders."""


_LAST_LATIN = 0x24F


def japanese_font() -> str | None:
    """Return the family of the font in which Japanese is written here, if there is one."""
    font = _cjk_font(12)
    return None if font is None else font.getname()[0]


def _font(text: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Choose a font that has the text's script; without one, Pillow's own shows boxes."""
    foreign = any(ord(letter) > _LAST_LATIN for letter in text)
    return (_cjk_font(size) if foreign else None) or _latin_font(size)


@cache
def _latin_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


@cache
def _cjk_font(size: int) -> ImageFont.FreeTypeFont | None:
    for name in _CJK_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return None
