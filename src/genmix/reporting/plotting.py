"""What all figures share: fonts with Japanese letters, widths of text, colours, shapes and dashes.

Colours are Okabe and Ito's, which colour-blind readers tell apart; shapes and dashes say the same
without them.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from textwrap import wrap
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from genmix.statistics import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, FAINT, GRID, PAPER = "#202124", "#8a8d91", "#e3e4e6", "#ffffff"
BETTER, WORSE = "#0072b2", "#d55e00"
COLOURS: dict[Verdict, str] = {"better": BETTER, "worse": WORSE, "no evidence": INK}
LINES = (INK, BETTER, WORSE, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a7a7a")
SHAPES = "osD^vPX*"
DASHES = ("-", "--", "-.", ":")

# Names of classes, folders and arms may be Japanese; the first font that has a letter draws it.
# IPAexGothic comes with matplotlib-fontja, the others are those of the common systems.
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Hiragino Sans",
    "Yu Gothic",
    "Meiryo",
    "MS Gothic",
    "IPAexGothic",
)


_MARGIN_IN = 0.07
"""What is left free around each part of a figure."""


@contextmanager
def style() -> Iterator[None]:
    """Set the fonts for one figure; nobody else's settings change."""
    import matplotlib as mpl
    from matplotlib.font_manager import get_font_names

    with mpl.rc_context():
        import_module("matplotlib_fontja")  # adds its font, and makes it everybody's
    there = set(get_font_names())
    fonts = [name for name in _FONTS if name in there]
    # A dollar in the name of a folder is a dollar, and begins no formula.
    with mpl.rc_context({"font.family": fonts, "text.parse_math": False}):
        yield


@contextmanager
def quiet_fonts() -> Iterator[None]:
    """Keep a font's lack of bold letters, or of an emoji in a folder's name, from the user."""
    logger = logging.getLogger("matplotlib.font_manager")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        try:
            yield
        finally:
            logger.setLevel(level)


def new_figure(width_in: float, height_in: float) -> "Figure":
    """Return an empty white figure that keeps its parts from overlapping."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=_MARGIN_IN, h_pad=_MARGIN_IN)
    return Figure((width_in, height_in), layout=layout, facecolor="white")


def letters(text: str) -> int:
    """Return how many Latin letters are as wide as a text."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def wrapped(text: str, most: int) -> list[str]:
    """Break a text into lines as wide as so many Latin letters."""
    return wrap(text, max(most * len(text) // max(letters(text), 1), 8)) or [""]
