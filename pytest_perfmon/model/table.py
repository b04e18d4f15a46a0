"""The results of a saved run as a table: a row a key, a column a member of `Summary`.

Rows are lists, not objects, because names repeated thirty thousand times are most of what reading
a window of thirty runs would cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Any, Final

from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.packed import (
    MOST,
    pack_distribution,
    pack_intervals,
    unpack_distribution,
    unpack_intervals,
)

Columns = Mapping[str, Sequence[Any]]

_TEXT: Final = frozenset({str})
_COUNT: Final = frozenset({int})
_TIME: Final = frozenset({int, float})
_MORE: Final[frozenset[type]] = frozenset({dict, NoneType})
_WORDS: Final = {_TEXT: "a text", _COUNT: "a count", _TIME: "a time", _MORE: "an object or null"}

_FIGURES: Final[Mapping[str, frozenset[type]]] = {
    "unit": _TEXT,
    "rounds": _COUNT,
    "calls": _COUNT,
    "mean": _TIME,
    "min": _TIME,
    "median": _TIME,
    "p90": _TIME,
    "p95": _TIME,
    "p99": _TIME,
    "max": _TIME,
    "control_ns": _TIME,
}
COLUMNS: Final[Mapping[str, frozenset[type]]] = {
    "nodeid": _TEXT,
    "operation": _TEXT,
    **_FIGURES,
    "intervals": _TEXT,
    "distribution": _TEXT,
    "more": _MORE,
}
"""By name, in the order in which they are written: the types of what stands in a column."""

_RARE: Final[Mapping[str, Callable[[Any], bool]]] = {
    "errors": lambda value: type(value) is int and 0 <= value <= MOST,
    "peak_memory": lambda value: type(value) is int and 0 <= value <= MOST,
    "allocations": lambda value: type(value) is int and -MOST <= value <= MOST,
    "interrupted": lambda value: type(value) is bool,
    "warnings": lambda value: type(value) is list and set(map(type, value)) <= _TEXT,
}
"""By name: what may stand in `more`, where it says anything."""


def row_of(key: Key, summary: Summary) -> list[Any]:
    """Write one result, in the order of `COLUMNS`.

    Raises:
        ValueError: its intervals or distribution could not be read back.
    """
    rare = {
        "errors": summary.errors or None,
        "peak_memory": summary.peak_memory,
        "allocations": summary.allocations,
        "interrupted": summary.interrupted or None,
        "warnings": list(summary.warnings) or None,
    }
    return [
        key.nodeid,
        key.operation,
        *(getattr(summary, name) for name in _FIGURES),
        pack_intervals(summary.intervals),
        pack_distribution(summary.distribution),
        {name: value for name, value in rare.items() if value is not None} or None,
    ]


def checked_columns(names: Any, rows: Any) -> Columns:
    """Turn rows into columns and check each as a whole, which costs little beside decoding them.

    Intervals and distributions are checked only as far as that they are texts.

    Args:
        names: of the columns; those that are not in `COLUMNS` are kept unchecked.
        rows: lists of that length.

    Raises:
        ValueError: a row or column is not what it has to be; the text names it.
        KeyError: a column is missing.
    """
    check(type(names) is list and set(map(type, names)) <= _TEXT, "'columns' are not names")
    check(type(rows) is list and set(map(type, rows)) <= {list}, "'results' are not lists")
    check(set(map(len, rows)) <= {len(names)}, "'results' have not one value a column")
    columns = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
    check(len(columns) == len(names), "two 'columns' have the same name")
    for name, types in COLUMNS.items():
        column = columns[name]
        check(set(map(type, column)) <= types, f"a result's {name!r} is not {_WORDS[types]}")
        if column and types in (_COUNT, _TIME):
            check(
                min(column) >= 0 and max(column) <= MOST,
                f"a result's {name!r} is not a number from 0 to {MOST:.2g}",
            )
    for more in filter(None, columns["more"]):
        for name in _RARE.keys() & more.keys():
            check(_RARE[name](more[name]), f"a result's {name!r} is impossible")
    return columns


def summaries(columns: Columns) -> Iterator[Summary]:
    """Build the figures of each row.

    Raises:
        ValueError: intervals or a distribution are damaged; the text names them.
    """
    figures = zip(*(columns[name] for name in _FIGURES), strict=True)
    packed = zip(columns["intervals"], columns["distribution"], columns["more"], strict=True)
    for values, (intervals, distribution, more) in zip(figures, packed, strict=True):
        rare = {name: value for name, value in (more or {}).items() if name in _RARE}
        yield Summary(
            **dict(zip(_FIGURES, values, strict=True)),
            intervals=unpack_intervals(intervals),
            distribution=unpack_distribution(distribution),
            errors=rare.pop("errors", 0),
            warnings=tuple(rare.pop("warnings", ())),
            **rare,
        )


def check(fine: bool, reason: str) -> None:  # noqa: FBT001 - the condition is the subject
    """Raise ValueError for that reason where something is not fine."""
    if not fine:
        raise ValueError(reason)
