"""Rows of an SQL store as values, believed only after they were checked; damaged ones are named."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isfinite
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, func, select

from pytest_perfmon.errors import NewerSchemaError
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.packed import MOST
from pytest_perfmon.model.run import Environment, StoredValue
from pytest_perfmon.model.schema import Record, read_record
from pytest_perfmon.storage.directory import LARGEST_FILE
from pytest_perfmon.storage.sql.tables import (
    JUDGED,
    RUNS,
    SERIES,
    VALUES,
    moment_of,
    newest_values,
    text_of,
)

CHUNK: Final = 400
"""As many numbers go into one statement; older SQLite takes 999."""

_RUN_ID: Final = itemgetter(StoredValue._fields.index("run_id"))
_TIME: Final = itemgetter(StoredValue._fields.index("time"))
_KINDS: Final = (int, float, float, float)
"""Of the judged columns."""

_Row = Sequence[Any]


class _Head(NamedTuple):
    """How a run's values begin."""

    run_id: str
    time: str
    commit: str


class Origin(NamedTuple):
    """What values are of and where they come from."""

    key: Key
    fingerprint: str


class _Series(NamedTuple):
    origin: Origin
    unit: str


class Rows:
    """Reads rows inside one transaction.

    Args:
        connection: in that transaction.
        described: what messages call the store.
        on_damaged: called with one line for each row that cannot be used.
    """

    def __init__(
        self, connection: Connection, described: str, on_damaged: Callable[[str], object]
    ) -> None:
        self._connection = connection
        self._described = described
        self._on_damaged = on_damaged
        self._heads: dict[int, _Head | None] = {}

    def values(
        self,
        *conditions: Any,
        only: Callable[[Key], bool] = lambda _: True,
        limit: int | None = None,
    ) -> dict[Origin, tuple[StoredValue, ...]]:
        """Give values by what they are of, oldest first; origins without any are left out.

        Args:
            conditions: what has to hold for their rows of `perfmon_series`.
            only: what has to hold for their keys.
            limit: as many of each, the newest; None is all.
        """
        series = {n: one for n, one in self._series(*conditions).items() if only(one.origin.key)}
        found: dict[Origin, list[StoredValue]] = {}
        for chunk in chunks(sorted(series), CHUNK):
            statement = newest_values(self._connection.dialect.name, chunk, limit)
            rows = self._fine(self._connection.execute(statement).all())
            self._look_up({row[1] for row in rows})
            heads = self._heads
            for number, run, calls, median, p95, control_ns in rows:
                head = heads[run]
                if head is not None:
                    origin, unit = series[number]
                    value = StoredValue(*head, unit, calls, median, p95, control_ns)
                    found.setdefault(origin, []).append(value)
        for values in found.values():
            # twice, because tuples to compare would be as many again for the garbage collector
            values.sort(key=_RUN_ID)
            values.sort(key=_TIME)
        # a key whose unit changed has two series, each with as many
        return {
            origin: tuple(values if limit is None else values[-limit:])
            for origin, values in found.items()
        }

    def environments(self, name: str) -> dict[str, Environment]:
        """Give the environments in which runs of a baseline were made, by fingerprint."""
        kept = RUNS.c.fingerprint, RUNS.c.environment
        newest = func.max(RUNS.c.number)
        statement = select(newest, *kept).where(RUNS.c.name == name).group_by(*kept)
        found = {}
        for number, fingerprint, text in self._connection.execute(statement):
            try:
                found[fingerprint] = _environment(fingerprint, text)
            except ValueError as error:
                self._skip(RUNS, number, error)
        return found

    def _series(self, *conditions: Any) -> dict[int, _Series]:
        texts = SERIES.c.nodeid, SERIES.c.operation, SERIES.c.unit
        statement = select(SERIES.c.number, SERIES.c.fingerprint, *texts).where(*conditions)
        found = {}
        for number, fingerprint, *kept in self._connection.execute(statement):
            try:
                nodeid, operation, unit = map(text_of, kept)
            except ValueError as error:
                self._skip(SERIES, number, error)
            else:
                found[number] = _Series(Origin(Key(nodeid, operation), fingerprint), unit)
        return found

    def _fine(self, rows: Sequence[_Row]) -> Sequence[_Row]:
        # column by column, because that is many times as fast, and nearly always enough
        columns = list(zip(*rows, strict=True))[2:]
        if all(map(_are_fine, columns, _KINDS)):
            return rows
        fine = []
        for row in rows:
            faults = [
                f"its {column.name!r} is {value!r}"
                for column, kind, value in zip(JUDGED, _KINDS, row[2:], strict=True)
                if not _are_fine((value,), kind)
            ]
            if faults:
                self._skip(VALUES, f"(series {row[0]}, run {row[1]})", ", ".join(faults))
            else:
                fine.append(row)
        return fine

    def _look_up(self, runs: Iterable[int]) -> None:
        columns = RUNS.c.number, RUNS.c.id, RUNS.c.time, RUNS.c.commit_id, RUNS.c.dirty
        missing = sorted(set(runs) - self._heads.keys())
        self._heads.update(dict.fromkeys(missing))
        for chunk in chunks(missing, CHUNK):
            statement = select(*columns).where(RUNS.c.number.in_(chunk))
            for number, run_id, time, commit, dirty in self._connection.execute(statement):
                try:
                    moment_of(time)
                    self._heads[number] = _Head(
                        text_of(run_id), time, "" if dirty else text_of(commit)
                    )
                except (ValueError, TypeError) as error:
                    self._skip(RUNS, number, error)

    def _skip(self, table: Table, row: object, reason: object) -> None:
        self._on_damaged(skipped(table, row, self._described, reason))


def skipped(table: Table, row: object, described: str, reason: object) -> str:
    """Say which row was skipped, where and why."""
    return f"row {row} of {table.name} in {described} was skipped: {reason}"


def packed(text: str) -> bytes:
    """Pack a run's text as it is kept."""
    return zlib.compress(text.encode("ascii"), level=zlib.Z_BEST_SPEED)


def record_of(row: _Row, described: str) -> Record:
    """Check what a row of runs holds.

    Args:
        row: (number, name, time, id, record).
        described: what messages call the store.

    Raises:
        ValueError: it is damaged; the text is the reason.
        NewerSchemaError: a later version of this package wrote the record.
    """
    number, name, time, run_id, data = row
    try:
        record = read_record(_unpacked(data))
    except NewerSchemaError as error:
        raise NewerSchemaError(
            f"cannot read row {number} of {RUNS.name} in {described}: {error}"
        ) from None
    if (record.name, record.time, record.id) != (name, time, run_id):
        raise ValueError(
            f"it holds the run {record.id} of {record.time}, which its columns do not say"
        )
    return record


def chunks(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Give the numbers in parts of that size; the last may be smaller."""
    return (numbers[start : start + size] for start in range(0, len(numbers), size))


def _unpacked(data: Any) -> str:
    if type(data) is not bytes:
        raise ValueError("its record is not binary")
    machine = zlib.decompressobj()
    try:
        text = machine.decompress(data, LARGEST_FILE).decode("ascii")
    except (zlib.error, UnicodeDecodeError):
        raise ValueError("its record is not packed text") from None
    if not machine.eof:
        raise ValueError(f"its record is cut short, or has more than {LARGEST_FILE} bytes")
    return text


def _environment(fingerprint: str, text: str) -> Environment:
    try:
        fields = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise ValueError("its environment is not JSON") from None
    if type(fields) is not dict or not set(map(type, fields.values())) <= {str}:
        raise ValueError("its environment's fields are not texts")
    environment = Environment(fields)
    if environment.fingerprint != fingerprint:
        raise ValueError("its fingerprint does not agree with its environment")
    return environment


def _are_fine(column: Sequence[Any], kind: type) -> bool:
    return (
        set(map(type, column)) == {kind}
        and all(map(isfinite, column))
        and min(column) >= 0
        and max(column) <= MOST
    )
