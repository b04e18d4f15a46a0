"""Write runs as a table of comma-separated values, a row an operation of a run.

All that a run holds has a column. Texts are quoted, numbers are not. Times are nanoseconds, in
columns that end in `_ns`. What is not known is an empty text, and so is a percentile with too few
values behind it, and its interval.
`environment` is a JSON object, `distribution` is `bin:count` pairs, `warnings` has a line each.

Spreadsheets take a cell that begins with =, +, -, @, a tab or a carriage return for a formula. A
text that does, after any apostrophes, gets one more apostrophe in front, which a reader that wants
it back as it was takes away.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from pytest_perfmon.formats.figures import FIGURES, INTERVALS, figures_of
from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.packed import pack_distribution
from pytest_perfmon.model.run import Run

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

COLUMNS: Final = (
    "run",
    "baseline",
    "time",
    "commit",
    "branch",
    "dirty",
    "fingerprint",
    "environment",
    "nodeid",
    "operation",
    "unit",
    "rounds",
    "calls",
    "errors",
    *(f"{name}_ns" for name in FIGURES),
    *(f"{name}_{end}_ns" for name in INTERVALS for end in ("low", "high")),
    "control_ns",
    "peak_memory_bytes",
    "allocations",
    "interrupted",
    "warnings",
    "distribution",
)


def csv_texts(runs: Iterable[Run]) -> Iterator[str]:
    """Give the table piece by piece: the line of column names, then the rows of each run.

    Every line ends in a newline; runs come in the order given, and none waits for the next.
    """
    yield _lines([COLUMNS])
    for run in runs:
        head = _head(run)
        rows = (head | _row(key, summary) for key, summary in run.results.items())
        yield _lines([_cell(row.get(name)) for name in COLUMNS] for row in rows)


def _lines(rows: Iterable[Sequence[str | float]]) -> str:
    text = io.StringIO()
    # only quoted is a carriage return inside a text not taken for the end of a line
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _head(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "baseline": run.name,
        "time": run.time,
        "commit": run.commit.id,
        "branch": run.commit.branch,
        "dirty": run.commit.dirty,
        "fingerprint": run.environment.fingerprint,
        "environment": json.dumps(dict(run.environment.fields)),
    }


def _row(key: Key, summary: Summary) -> dict[str, Any]:
    row = {
        "nodeid": key.nodeid,
        "operation": key.operation,
        "unit": summary.unit,
        "rounds": summary.rounds,
        "calls": summary.calls,
        "errors": summary.errors,
        "control_ns": summary.control_ns or None,
        "peak_memory_bytes": summary.peak_memory,
        "allocations": summary.allocations,
        "interrupted": summary.interrupted,
        "warnings": "\n".join(summary.warnings),
        "distribution": pack_distribution(summary.distribution),
    }
    for name, (ns, interval) in figures_of(summary).items():
        row[f"{name}_ns"] = ns
        if interval is not None:
            row[f"{name}_low_ns"], row[f"{name}_high_ns"] = interval
    return row


def _cell(value: Any) -> str | float:
    """Write a value so that no spreadsheet runs it; numbers may begin with a minus."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.lstrip("'").startswith(_FORMULA):
        return f"'{value}"
    cell: str | float = value
    return cell
