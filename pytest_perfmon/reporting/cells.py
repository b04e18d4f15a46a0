"""Text by the cells that it takes on a terminal: cleaned, measured, shortened, wrapped."""

from __future__ import annotations

import unicodedata
from typing import Final

ELLIPSIS: Final = "…"


def clean(text: str) -> str:
    r"""Show what a terminal would act on instead of print as an escape: a newline as `\n`.

    Control and format characters, exotic spaces and lone surrogates are replaced, so that a name
    can neither move the cursor nor reverse the line. Printable text is given back as it is.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text
    )


def cells(text: str) -> int:
    """Count the terminal cells of printable text: 2 a wide character, 0 a combining one."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def head(text: str, limit: int) -> str:
    """Give the longest beginning that fits into so many cells."""
    used = 0
    for index, character in enumerate(text):
        used += _cells_of(character)
        if used > limit:
            return text[:index]
    return text


def _tail(text: str, limit: int) -> str:
    tail = head(text[::-1], limit)[::-1]
    # a combining character without its base would join the ellipsis
    while tail and not _cells_of(tail[0]):
        tail = tail[1:]
    return tail


def shorten(text: str, limit: int) -> str:
    """Fit text into so many cells by an ellipsis in its middle; both ends of a name tell most."""
    if cells(text) <= limit:
        return text
    if limit < 1:
        return ""
    front = head(text, limit // 2)
    return front + ELLIPSIS + _tail(text, limit - cells(front) - 1)


def wrap(text: str, limit: int) -> list[str]:
    """Break text at its spaces into lines of at most so many cells; longer words are cut.

    Args:
        text: printable text; runs of spaces count as one.
        limit: cells, 2 or more, so that a wide character fits.

    Returns:
        At least one line.
    """
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cells(joined) <= limit:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        rest = word
        while cells(rest) > limit:
            lines[-1] = head(rest, limit)
            rest = rest[len(lines[-1]) :]
            lines.append("")
        lines[-1] = rest
    return lines
