"""`history`: where stored figures changed, and where they creep."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from pytest_perfmon.cli.arguments import MOST_LAST, last_runs
from pytest_perfmon.cli.exit_codes import FAILED, FINE
from pytest_perfmon.cli.output import GREEN, RED, Output
from pytest_perfmon.cli.runs import SHORT_COMMIT
from pytest_perfmon.cli.stores import add_store_options, chosen_store
from pytest_perfmon.cli.tables import Row, Table, names_of
from pytest_perfmon.errors import UsageError
from pytest_perfmon.model.codec import to_plain
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.run import Environment, Series, StoredValue
from pytest_perfmon.reporting.cells import clean
from pytest_perfmon.reporting.sparkline import sparkline
from pytest_perfmon.stats.change_points import ChangePoint
from pytest_perfmon.stats.cusum import FEWEST_VALUES
from pytest_perfmon.units import format_ns, format_share
from pytest_perfmon.verdicts.history import Course, courses_of

SUMMARY: Final = "show where the medians of stored runs changed, and between which commits"
EXAMPLES: Final = """\
history
history db.query --last=60
history --baseline-name=main --fail-on-degradation
history tests/test_parse.py::test_parse --json | jq '.operations[].changes'"""

SCHEMA: Final = 1
_LAST: Final = 200
_TITLES: Final = ("operation", "runs", "trend", "median", "change", "where")
_LEFT: Final = ("operation", "trend", "where")


class Told(NamedTuple):
    """One figure's newest values, oldest first, and what became of them."""

    key: Key
    environment: Environment
    values: Sequence[StoredValue]
    course: Course


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ask for an operation, a store, and the form of the answer."""
    parser.add_argument(
        "operation",
        nargs="?",
        metavar="OPERATION",
        help="the name of an operation, or the node id of a test; without one, all",
    )
    add_store_options(parser)
    parser.add_argument(
        "--last",
        metavar="N",
        type=last_runs,
        default=_LAST,
        help=f"look at the newest N runs of each operation, at most {MOST_LAST:,} ({_LAST})",
    )
    parser.add_argument(
        "--fail-on-degradation",
        action="store_true",
        help="end with 1 where the newest change of an operation, or its trend, is slower",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Show the history; 1 for a degradation, where that was asked for."""
    store = chosen_store(arguments)
    name = arguments.baseline_name
    out.progress(f"reading {store.describe()}")
    series = store.history(name, arguments.operation, on_damaged=out.warn)
    if not series:
        what = f" of {arguments.operation!r}" if arguments.operation else ""
        raise UsageError(
            f"no stored run{what} in {store.describe()} under the baseline {name!r}: expected"
            " --store and --baseline-name as runs were saved with --perf-save-baseline"
        )
    told = _told(series, arguments.last, out)
    degraded = sum(one.course.degraded for one in told)
    if arguments.json:
        operations = [_plain(one) for one in told]
        out.line(json.dumps({"schema": SCHEMA, "baseline": name, "operations": operations}))
    else:
        _write(told, out)
    return FAILED if degraded and arguments.fail_on_degradation else FINE


def _told(series: Sequence[Series], last: int, out: Output) -> list[Told]:
    values = [_alike(one.values)[-last:] for one in series]
    courses = courses_of(
        [[value.median for value in one] for one in values],
        on_done=lambda done: out.progress(f"looked at {done:,} of {len(series):,} operations"),
    )
    return [
        Told(one.key, one.environment, mine, course)
        for one, mine, course in zip(series, values, courses, strict=True)
    ]


def _alike(values: Sequence[StoredValue]) -> Sequence[StoredValue]:
    """Leave out what is of another unit than the newest value."""
    return [one for one in values if one.unit == values[-1].unit]


def _write(told: Sequence[Told], out: Output) -> None:
    by_place = sorted(told, key=lambda one: one.environment.fingerprint)
    groups = [
        list(members)
        for _, members in groupby(by_place, key=lambda one: one.environment.fingerprint)
    ]
    for number, members in enumerate(groups):
        if number:
            out.line()
        if len(groups) > 1:
            out.line(_environment(members[0].environment))
        table = Table(_TITLES, _LEFT)
        names = names_of(one.key for one in members)
        for one in members:
            table.rows.extend(_rows(one, names[one.key]))
        table.write(out)
    out.line()
    out.line(_summary(told))


def _environment(environment: Environment) -> str:
    fields = ", ".join(f"{name} {value}" for name, value in environment.fields.items())
    return clean(f"environment {environment.fingerprint}: {fields}")


def _rows(told: Told, name: str) -> Iterator[Row]:
    medians = [value.median for value in told.values]
    head = [name, f"{len(medians):,}", sparkline(medians), format_ns(medians[-1])]
    finds = list(_finds(told)) or [("-", _why_nothing(told), "")]
    for change, where, style in finds:
        yield Row([*head, change, where], style)
        head = [""] * len(head)


def _finds(told: Told) -> Iterator[tuple[str, str, str]]:
    trend = told.course.creep
    if trend is not None:
        size = format_share(trend.ratio - 1, signed=True)
        yield size, f"a steady trend over {len(told.values)} runs", _style(trend.ratio)
    for change in told.course.changes:
        size = format_share(change.ratio - 1, signed=True)
        yield size, _where(told.values, change), _style(change.ratio)


def _style(ratio: float) -> str:
    return RED if ratio > 1 else GREEN


def _why_nothing(told: Told) -> str:
    runs = len(told.values)
    return f"needs {FEWEST_VALUES} runs, has {runs}" if runs < FEWEST_VALUES else ""


def _where(values: Sequence[StoredValue], change: ChangePoint) -> str:
    """Show the commits as git takes a range: after the first, up to the second."""
    before, after = values[change.earliest - 1], values[change.latest]
    if before.commit and before.commit == after.commit:
        return f"{before.commit[:SHORT_COMMIT]}, no commit between: not the code"
    return f"{_state(before)}..{_state(after)}"


def _state(value: StoredValue) -> str:
    return value.commit[:SHORT_COMMIT] or value.time[: len("2026-11-24T10:48")]


def _summary(told: Sequence[Told]) -> str:
    degraded = sum(one.course.degraded for one in told)
    improved = sum(one.course.ratio is not None and not one.course.degraded for one in told)
    short = sum(len(one.values) < FEWEST_VALUES for one in told)
    counts = [
        (degraded, "slower"),
        (improved, "faster"),
        (len(told) - degraded - improved - short, "steady"),
        (short, f"with fewer than {FEWEST_VALUES} runs, which tell nothing"),
    ]
    noun = "operation" if len(told) == 1 else "operations"
    said = ", ".join(f"{count:,} {what}" for count, what in counts if count)
    return f"{len(told):,} {noun}: {said}"


def _plain(told: Told) -> dict[str, Any]:
    values = told.values
    return {
        "nodeid": told.key.nodeid,
        "operation": told.key.operation,
        "environment": to_plain(told.environment) | {"fingerprint": told.environment.fingerprint},
        "unit": values[-1].unit,
        "values": [_value(value) for value in values],
        "changes": [
            {
                "change": change.ratio - 1,
                "p": change.p,
                "position": change.position,
                "last_before": _value(values[change.earliest - 1]),
                "first_after": _value(values[change.latest]),
            }
            for change in told.course.changes
        ],
        "creep": told.course.creep
        and {"change": told.course.creep.ratio - 1, "p": told.course.creep.p},
        "degraded": told.course.degraded,
    }


def _value(value: StoredValue) -> dict[str, Any]:
    return {
        "run": value.run_id,
        "time": value.time,
        "commit": value.commit,
        "median_ns": value.median,
    }
