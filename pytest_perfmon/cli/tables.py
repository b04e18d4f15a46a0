"""Tables as commands print them: whole for a pipe, fitted to a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_perfmon.cli.output import BOLD, Output
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.reporting.cells import cells, clean, shorten
from pytest_perfmon.reporting.figures import file_of, label_of

_NARROWEST_LABEL: Final = 16
_GAP: Final = 2


def names_of(keys: Iterable[Key]) -> dict[Key, str]:
    """Name operations, with their files where there is more than one file."""
    keys = list(keys)
    one_file = len({file_of(key.nodeid) for key in keys}) == 1
    return {
        key: label_of(key) if one_file else f"{file_of(key.nodeid)}::{label_of(key)}"
        for key in keys
    }


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        texts: one a column; the first is a name, shortened where the line is too long.
        style: of the whole row, as `Output.styled` takes it; empty is none.
    """

    texts: Sequence[str]
    style: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under titles.

    Attributes:
        titles: one a column.
        left: titles of the columns that are texts; others are numbers and end in one line.
    """

    titles: Sequence[str]
    left: Sequence[str]
    rows: list[Row] = field(default_factory=list)

    def write(self, out: Output) -> None:
        """Write the table; nothing where it has no rows."""
        from pytest_perfmon.reporting.terminal import laid_out  # noqa: PLC0415 - tabulate

        if not self.rows:
            return
        texts = [list(self.titles), *([clean(text) for text in row.texts] for row in self.rows)]
        widths = [max(map(cells, column)) for column in zip(*texts, strict=True)]
        if out.width is not None:
            room = out.width - sum(width + _GAP for width in widths[1:])
            widths[0] = min(widths[0], max(_NARROWEST_LABEL, room))
            texts = [[shorten(first, widths[0]), *rest] for first, *rest in texts]
        texts.insert(1, ["-" * width for width in widths])
        aligns = ["left" if title in self.left else "right" for title in self.titles]
        styles = [BOLD, "", *(row.style for row in self.rows)]
        for line, style in zip(laid_out(texts, aligns), styles, strict=True):
            whole = "".join(line)
            out.line(out.styled(whole, style) if style else whole)
