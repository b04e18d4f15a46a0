"""The report as lines for a terminal: a table, remarks, footnotes and counts in 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

import tabulate

from pytest_perfmon.model.verdict import Outcome
from pytest_perfmon.reporting.cells import cells, clean, shorten, wrap
from pytest_perfmon.reporting.layout import OUTCOME
from pytest_perfmon.reporting.remarks import IMPROVED
from pytest_perfmon.reporting.report import Report, count_line, unmeasured_line
from pytest_perfmon.reporting.table import UNIT, Row

_PLAIN: Final[Mapping[str, bool]] = MappingProxyType({})
_BOLD: Final = MappingProxyType({"bold": True})
_RED: Final = MappingProxyType({"red": True, "bold": True})
_YELLOW: Final = MappingProxyType({"yellow": True})
_GREEN: Final = MappingProxyType({"green": True})
_MARKUP: Final = {
    Outcome.PASSED.value: _GREEN,
    Outcome.FAILED.value: _RED,
    Outcome.UNDECIDED.value: _YELLOW,
    Outcome.NOT_CHECKED.value: _YELLOW,
    IMPROVED: _GREEN,
}
_GAP: Final = 2
_NARROWEST_LABEL: Final = 16
_WIDEST_CELL: Final = 24
_TAG_WIDTH: Final = 13
_LEFT: Final = (UNIT, OUTCOME)
_SUPERSCRIPTS: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Segment(NamedTuple):
    """A piece of a line, with the markup that pytest's terminal writer takes as keywords."""

    text: str
    markup: Mapping[str, bool] = _PLAIN


Line: TypeAlias = tuple[Segment, ...]


def terminal_lines(report: Report, *, width: int = 80) -> tuple[Line, ...]:
    """Show the report; nothing at all where no perf test ran and nobody left a note.

    Args:
        report: what to show.
        width: cells, 40 or more, that no line exceeds. A table that is wider goes on below, with
            the names repeated.
    """
    blocks = [
        list(_table(report, width)),
        list(_remarks(report, width)),
        [_plain(line) for line in _footnotes(report, width)],
        [_plain(line) for line in _closing(report, width)],
    ]
    lines: list[Line] = []
    for block in filter(None, blocks):
        lines += [(), *block] if lines else block
    return tuple(lines)


def _plain(text: str) -> Line:
    return (Segment(text),)


def _marks(numbers: Iterable[int]) -> str:
    """Show footnote numbers raised, a space before each: ` ¹ ³`."""
    return "".join(" " + str(number).translate(_SUPERSCRIPTS) for number in numbers)


class _Column(NamedTuple):
    title: str
    texts: Sequence[str]
    width: int
    align: str


def _table(report: Report, width: int) -> Iterator[Line]:
    rows = report.rows
    if not rows:
        return
    labels = [clean(row.label) + _marks(row.footnotes) for row in rows]
    columns = [
        _column(title, [row.cells[index] for row in rows])
        for index, title in enumerate(report.columns)
    ]
    narrowest = min(max(map(cells, labels)), _NARROWEST_LABEL)
    for part_number, part in enumerate(_parts(columns, width - narrowest)):
        if part_number:
            yield ()
        room = width - sum(column.width + _GAP for column in part)
        texts = [_label(row, room) for row in rows]
        label_width = max(map(cells, texts))
        yield from _part(report, [_Column("", texts, label_width, "left"), *part], width)


def _label(row: Row, room: int) -> str:
    suffix = shorten(_marks(row.footnotes), room // 2)
    return shorten(clean(row.label), max(1, room - cells(suffix))) + suffix


def _column(title: str, texts: Sequence[str]) -> _Column:
    shown = [shorten(clean(text), _WIDEST_CELL) for text in texts]
    heading = shorten(clean(title), _WIDEST_CELL)
    widest = max(cells(text) for text in (heading, *shown))
    return _Column(heading, shown, widest, "left" if title in _LEFT else "right")


def _parts(columns: Sequence[_Column], room: int) -> Iterator[Sequence[_Column]]:
    """Split columns so that each part fits beside the labels; at least one part, even empty."""
    part: list[_Column] = []
    for column in columns:
        if part and sum(one.width + _GAP for one in (*part, column)) > room:
            yield part
            part = []
        part.append(column)
    yield part


def _part(report: Report, columns: Sequence[_Column], width: int) -> Iterator[Line]:
    texts = [
        [column.title for column in columns],
        ["-" * column.width for column in columns],
        *([column.texts[index] for column in columns] for index in range(len(report.rows))),
    ]
    heading, rule, *lines = laid_out(texts, [column.align for column in columns])
    yield (Segment("".join(heading), _BOLD),)
    yield _plain("".join(rule))
    rest = iter(lines)
    for group in report.groups:
        if group.title:
            yield (Segment(shorten(clean(group.title), width), _BOLD),)
        for row in group.rows:
            yield tuple(_segment(text, row) for text in next(rest))


def _segment(text: str, row: Row) -> Segment:
    outcome = row.outcome.value if row.outcome else ""
    if not outcome or text.strip() != outcome:
        return Segment(text)
    return Segment(text, _RED if row.fails else _MARKUP[outcome])


def laid_out(rows: Sequence[Sequence[str]], aligns: Sequence[str]) -> Iterator[list[str]]:
    """Pad every cell to its column, with the gap before it, and nothing at the end of a line.

    tabulate counts characters where a terminal counts cells, so it lays out stand-ins as long as
    the cells are wide.
    """
    stand_ins = [["x" * cells(text) for text in row] for row in rows]
    laid_out = tabulate.tabulate(
        stand_ins, tablefmt="plain", disable_numparse=True, colalign=aligns
    ).splitlines()
    widths = [max(map(len, column)) for column in zip(*stand_ins, strict=True)]
    for line, row, blanks in zip(laid_out, rows, stand_ins, strict=True):
        pieces, start = [], 0
        for width, text, blank in zip(widths, row, blanks, strict=True):
            piece = line[start : start + width]
            pieces.append((" " * _GAP if start else "") + piece.replace(blank, text, 1))
            start += width + _GAP
        pieces[-1] = pieces[-1].rstrip()
        yield pieces


def _remarks(report: Report, width: int) -> Iterator[Line]:
    for remark, footnotes in report.remarks:
        markup = _RED if remark.fails else _MARKUP[remark.tag]
        text = clean(remark.text) + _marks(footnotes)
        first, *others = wrap(text, width - _TAG_WIDTH)
        yield (Segment(f"{remark.tag:{_TAG_WIDTH}}", markup), Segment(first))
        where = [shorten(clean(remark.verdicts[0].key.nodeid), width - _TAG_WIDTH)]
        for line in others + (where if remark.fails and len(remark.verdicts) == 1 else []):
            yield _plain(" " * _TAG_WIDTH + line)


def _footnotes(report: Report, width: int) -> Iterator[str]:
    for number, text in enumerate(report.footnotes, start=1):
        mark = _marks([number]).strip()
        indent = cells(mark) + 1
        first, *others = wrap(clean(text), width - indent)
        yield f"{mark} {first}"
        yield from (" " * indent + line for line in others)


def _closing(report: Report, width: int) -> Iterator[str]:
    for text in (*report.notes, count_line(report), unmeasured_line(report)):
        if text:
            yield from wrap(clean(text), width)
