"""The saved form of a run: versioned JSON text, read without trust.

Version 1 is one object, pure ASCII, one result a line so that people can search it:

    schema       the version, 1
    id           of the run, 12 hexadecimal digits
    name         the baseline it belongs to
    time         UTC, `2026-11-24T10:48:12.123456+00:00`
    commit       {id, branch, dirty}
    environment  {fingerprint, fields}; the fingerprint must agree with the fields
    results      a list of objects, one a key

A result's members are those of `Summary`, in nanoseconds, beside the key's `nodeid` and
`operation`. `errors`, `peak_memory`, `allocations`, `interrupted` and `warnings` are left out where
they say nothing. Two members are packed into text, which reads several times faster than lists do:
`intervals` (`median:61.5:64 p95:80:91.25`) and `distribution` (`96:12 97:30`). They are unpacked
and checked only where a run is read whole. Members that are not named here are ignored.

Nothing that is read is executed, and nothing is believed before it was checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import repeat
from operator import itemgetter
from typing import Any, Final, NoReturn

from pytest_perfmon.errors import NewerSchemaError
from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.packed import (
    MOST,
    pack_distribution,
    pack_intervals,
    unpack_distribution,
    unpack_intervals,
)
from pytest_perfmon.model.run import Commit, Environment, Run, StoredValue

SCHEMA: Final = 1

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
UPGRADES: Final[Mapping[int, Upgrade]] = {}
"""By version: what turns a record of that version into one of the next."""

_TEXT: Final = frozenset({str})
_COUNT: Final = frozenset({int})
_TIME: Final = frozenset({int, float})
_MEMBERS: Final[Mapping[str, frozenset[type]]] = {
    "nodeid": _TEXT,
    "operation": _TEXT,
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
    "intervals": _TEXT,
    "distribution": _TEXT,
}
_OPTIONAL: Final[Mapping[str, Callable[[Any], bool]]] = {
    "errors": lambda value: type(value) is int and 0 <= value <= MOST,
    "peak_memory": lambda value: type(value) is int and 0 <= value <= MOST,
    "allocations": lambda value: type(value) is int and -MOST <= value <= MOST,
    "interrupted": lambda value: type(value) is bool,
    "warnings": lambda value: type(value) is list and set(map(type, value)) <= _TEXT,
}
_WORDS: Final = {_TEXT: "a text", _COUNT: "a count", _TIME: "a time"}
_required: Final = itemgetter(*_MEMBERS)
_JUDGED: Final = ("unit", "calls", "median", "p95", "control_ns")
_PACKED: Final = {"nodeid", "operation", "intervals", "distribution"}
_AS_IT_IS: Final = tuple(name for name in _MEMBERS if name not in _PACKED)


@dataclass(frozen=True, slots=True)
class Record:
    """A saved run, checked, whose results are still plain: judging needs few of their members.

    Attributes:
        keys: (node id, operation), no two equal; they match equal `Key`s in mappings.
        rows: the result of each key.
        columns: the members that every result has, by name, in the order of the keys.
    """

    id: str
    name: str
    time: str
    commit: Commit
    environment: Environment
    keys: Sequence[tuple[str, str]]
    rows: Sequence[Mapping[str, Any]]
    columns: Mapping[str, Sequence[Any]]

    def values(self) -> Iterator[tuple[tuple[str, str], StoredValue]]:
        """Give what judging needs, by key."""
        judged = [self.columns[name] for name in _JUDGED]
        plain = zip(repeat(self.id), repeat(self.time), *judged, strict=False)
        return zip(self.keys, map(StoredValue._make, plain), strict=True)

    def run(self) -> Run:
        """Build the whole run.

        Raises:
            ValueError: intervals or a distribution are damaged; the text is the reason.
        """
        results = {Key(*key): _summary(row) for key, row in zip(self.keys, self.rows, strict=True)}
        return Run(self.id, self.name, self.time, self.commit, self.environment, results)


def run_to_json(run: Run) -> str:
    """Write a run as text of the newest schema.

    Raises:
        ValueError: the run holds what reading would refuse (a figure that is not finite or below
            zero, an impossible id or time), so that no run is saved that cannot be read.
    """
    head = {
        "schema": SCHEMA,
        "id": run.id,
        "name": run.name,
        "time": run.time,
        "commit": {"id": run.commit.id, "branch": run.commit.branch, "dirty": run.commit.dirty},
        "environment": {
            "fingerprint": run.environment.fingerprint,
            "fields": dict(run.environment.fields),
        },
    }
    lines = [f'"{name}":{_encode(value)},' for name, value in head.items()]
    rows = ",\n".join(_encode(_row(key, summary)) for key, summary in run.results.items())
    text = "\n".join(["{", *lines, '"results":[', rows, "]}\n"])
    read_record(text)
    return text


def run_from_json(text: str) -> Run:
    """Read a run, of any schema up to the newest.

    Raises:
        ValueError: the text is damaged; the message is the reason.
        NewerSchemaError: a later version of this package wrote it.
    """
    return read_record(text).run()


def read_record(
    text: str, *, schema: int = SCHEMA, upgrades: Mapping[int, Upgrade] = UPGRADES
) -> Record:
    """Read a run as far as judging needs it.

    Args:
        text: what `run_to_json` gave, now or in an earlier version.
        schema: the version to arrive at.
        upgrades: one for each version below it.

    Raises:
        ValueError: the text is damaged; the message is the reason.
        NewerSchemaError: its schema is above `schema`.
    """
    try:
        data = _decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON, or cut short ({error})") from None
    if type(data) is not dict or type(data.get("schema")) is not int or data["schema"] < 1:
        raise ValueError("not a saved run: it has no schema number")
    if data["schema"] > schema:
        raise NewerSchemaError(
            f"it has schema {data['schema']}, this version of pytest-perfmon reads up to {schema}"
        )
    try:
        for version in range(data["schema"], schema):
            data = upgrades[version](data)
        return _record(data)
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is missing") from None
    except (TypeError, AttributeError):
        raise ValueError("a member is of the wrong type") from None


def _record(data: dict[str, Any]) -> Record:
    rows = data["results"]
    columns = _checked_columns(rows)
    keys = list(zip(columns["nodeid"], columns["operation"], strict=True))
    _check(len(set(keys)) == len(keys), "two results have the same key")
    commit, environment = data["commit"], Environment(data["environment"]["fields"])
    fields = environment.fields
    _check(_is_id(data["id"]), "'id' is not 12 hexadecimal digits")
    _check(type(data["name"]) is str, "'name' is not a text")
    _check(_is_utc(data["time"]), "'time' is not a UTC time with microseconds")
    _check({type(commit["id"]), type(commit["branch"])} <= _TEXT, "'commit' is not made of texts")
    _check(type(commit["dirty"]) is bool, "'dirty' is not true or false")
    _check(
        type(fields) is dict and set(map(type, fields.values())) <= _TEXT,
        "the environment's fields are not texts",
    )
    _check(
        data["environment"]["fingerprint"] == environment.fingerprint,
        "the environment's fingerprint does not agree with its fields",
    )
    return Record(
        id=data["id"],
        name=data["name"],
        time=data["time"],
        commit=Commit(commit["id"], commit["branch"], commit["dirty"]),
        environment=environment,
        keys=keys,
        rows=rows,
        columns=columns,
    )


def _checked_columns(rows: Any) -> Mapping[str, Sequence[Any]]:
    """Check all results, a column at a time, which costs little beside decoding them."""
    _check(type(rows) is list, "'results' is not a list")
    if not rows:
        return dict.fromkeys(_MEMBERS, ())
    columns = dict(zip(_MEMBERS, zip(*map(_required, rows), strict=True), strict=True))
    for name, types in _MEMBERS.items():
        column = columns[name]
        _check(set(map(type, column)) <= types, f"a result's {name!r} is not {_WORDS[types]}")
        if types is not _TEXT:
            _check(
                min(column) >= 0 and max(column) <= MOST,
                f"a result's {name!r} is not a number from 0 to {MOST:.2g}",
            )
    for row in rows:
        if len(row) > len(_MEMBERS):
            for name in _OPTIONAL.keys() & row.keys():
                _check(_OPTIONAL[name](row[name]), f"a result's {name!r} is impossible")
    return columns


def _check(fine: bool, reason: str) -> None:  # noqa: FBT001 - the condition is the subject
    if not fine:
        raise ValueError(reason)


def _is_id(value: Any) -> bool:
    return type(value) is str and re.fullmatch("[0-9a-f]{12}", value) is not None


def _is_utc(value: Any) -> bool:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return time.utcoffset() == timedelta(0) and time.isoformat(timespec="microseconds") == value


def _row(key: Key, summary: Summary) -> dict[str, Any]:
    row = {
        "nodeid": key.nodeid,
        "operation": key.operation,
        "unit": summary.unit,
        "rounds": summary.rounds,
        "calls": summary.calls,
        "mean": summary.mean,
        "min": summary.min,
        "median": summary.median,
        "p90": summary.p90,
        "p95": summary.p95,
        "p99": summary.p99,
        "max": summary.max,
        "control_ns": summary.control_ns,
        "intervals": pack_intervals(summary.intervals),
        "distribution": pack_distribution(summary.distribution),
    }
    if summary.errors:
        row["errors"] = summary.errors
    if summary.peak_memory is not None:
        row["peak_memory"] = summary.peak_memory
    if summary.allocations is not None:
        row["allocations"] = summary.allocations
    if summary.interrupted:
        row["interrupted"] = True
    if summary.warnings:
        row["warnings"] = list(summary.warnings)
    return row


def _summary(row: Mapping[str, Any]) -> Summary:
    return Summary(
        **{name: row[name] for name in _AS_IT_IS},
        intervals=unpack_intervals(row["intervals"]),
        distribution=unpack_distribution(row["distribution"]),
        errors=row.get("errors", 0),
        peak_memory=row.get("peak_memory"),
        allocations=row.get("allocations"),
        interrupted=row.get("interrupted", False),
        warnings=tuple(row.get("warnings", ())),
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is no figure")


_decode: Final = json.JSONDecoder(parse_constant=_refuse_constant).decode
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
