"""What forms, addresses and headers say, read whatever was sent."""

_MOST_DIGITS = 18


def whole_number(text: str) -> int | None:
    """Read a whole number of up to 18 digits; None for anything else.

    >>> whole_number("42"), whole_number("-1"), whole_number("9" * 5000)
    (42, None, None)
    """
    fits = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return int(text) if fits else None
