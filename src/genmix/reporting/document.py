"""What a report is made of: sections of paragraphs, lists, tables, figures, pictures and code.

Plain values with all words in place; `genmix.reporting.page` makes a page of them, and knows
nothing of what was found.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from genmix.reporting.wording import Language

Tone: TypeAlias = Literal["good", "bad", "open"]
"""What a finding means for the reader: a gain, a loss, or not known yet."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences.

    Attributes:
        text: The sentences.
        quiet: Whether it explains what stands above, and may be set smaller.
    """

    kind: ClassVar = "paragraph"
    text: str
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    kind: ClassVar = "bullets"
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: What stands in it.
        tone: What it means, where it is a judgement; shown by weight and colour beside the words.
    """

    text: str
    tone: Tone | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table; on a narrow screen each row becomes a block of its own.

    Attributes:
        title: What it shows, as its caption.
        head: Above the columns; the first column names the rows.
        rows: As many cells in each as `head` has; a row of one cell is a heading for those below.
        note: How to read it.
        words: Whether cells hold words, which stand to the left, and not numbers.
    """

    kind: ClassVar = "table"
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    words: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure.

    Attributes:
        title: What it shows, as its caption.
        svg: From `genmix.reporting.charts`; trusted, put into the page as it is.
        description: The same in words, for those who cannot see it.
        note: How to read it.
    """

    kind: ClassVar = "figure"
    title: str
    svg: str
    description: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo or an edit.

    Attributes:
        jpeg: Its bytes.
        description: What it shows, for those who cannot see it.
        caption: What stands below.
    """

    jpeg: bytes
    description: str
    caption: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """Some pictures side by side."""

    kind: ClassVar = "pictures"
    title: str
    pictures: tuple[Picture, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One number that a reader should take away.

    Attributes:
        label: What it is.
        value: The number with its unit.
        note: Its interval, and what it comes from.
        tone: What it means.
    """

    label: str
    value: str
    note: str
    tone: Tone = "open"


@dataclass(frozen=True, slots=True)
class Code:
    """Something to copy: a command, a recipe."""

    kind: ClassVar = "code"
    title: str
    text: str


Block: TypeAlias = Paragraph | Bullets | Table | Figure | Pictures | Code


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report with its heading.

    Attributes:
        name: Its anchor, the same in every language.
        title: Its heading.
        blocks: What stands in it.
        detail: Whether it is there to look things up, and may be set small in print.
    """

    name: str
    title: str
    blocks: tuple[Block, ...]
    detail: bool = False


@dataclass(frozen=True, slots=True)
class Glance:
    """What a report says first, which takes no figures to know.

    Attributes:
        about: On which photos, in one line.
        compared: What was compared, in one line.
        decision: What was found, in one sentence.
        tone: What it means.
    """

    about: str
    compared: str
    decision: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report.

    Attributes:
        language: Of all its words.
        title: What was done.
        about: On which photos, in one line.
        decision: What was found, in one sentence.
        tone: What it means.
        why: What the decision rests on, in a few sentences.
        cards: The numbers to take away.
        sections: All else, the most important first.
        made_by: The last line: what made it.
    """

    language: Language
    title: str
    about: str
    decision: str
    tone: Tone
    why: str
    cards: tuple[Card, ...]
    sections: tuple[Section, ...]
    made_by: str
