"""The store for teams: runs in a database, where many save at once and windows cost little."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Select, delete, exists, func, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from pytest_perfmon.errors import RunExistsError, StoreError
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.run import Environment, Run, Series, StoredValue, Window
from pytest_perfmon.model.schema import run_to_json
from pytest_perfmon.storage.names import check_baseline_name
from pytest_perfmon.storage.sql.place import Place
from pytest_perfmon.storage.sql.rows import Origin, Rows, chunks, packed, record_of, skipped
from pytest_perfmon.storage.sql.tables import (
    RUNS,
    SERIES,
    VALUES,
    ascii_of,
    digest_of,
    moment_of,
)

_RECORDS_AT_ONCE: Final = 16
"""Whole runs that are read in one transaction, which keeps others from saving to SQLite."""


class SqlStore:
    """Keeps runs as rows; see `tables` for which.

    Args:
        place: the database.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    @classmethod
    def at(cls, url: str, root: Path) -> SqlStore:
        """Give the store of a `sqlite:` or `postgresql+psycopg:` URL; nothing is connected to.

        Raises:
            UsageError: it names no database, or what is needed to speak to it is not installed.
        """
        return cls(Place.of(url, root))

    def describe(self) -> str:
        """Name the place, for messages."""
        return self._place.described

    def save(self, run: Run) -> str:
        """Write the run in one transaction; when this returns, it is on the database's disk.

        Raises:
            RunExistsError: it is there already.
            StoreError: the database cannot be written, or contradicts itself; every earlier run is
                as it was.
            ValueError: the run holds what no reader would accept.
        """
        where = f"{self.describe()} (run {run.id})"
        row = {
            "name": check_baseline_name(run.name),
            "record": packed(run_to_json(run)),
            "time": run.time,
            "id": run.id,
            "commit_id": ascii_of(run.commit.id),
            "branch": ascii_of(run.commit.branch),
            "dirty": run.commit.dirty,
            "fingerprint": run.environment.fingerprint,
            "environment": json.dumps(dict(run.environment.fields)),
        }
        try:
            with self._place.writing() as connection:
                saved = connection.execute(insert(RUNS).values(row))
                (number,) = tuple(saved.inserted_primary_key or ())
                _save_values(connection, run, number)
        except IntegrityError:
            if self._holds(run):
                raise RunExistsError(f"cannot save the run to {where}: it exists there") from None
            raise StoreError(f"cannot save the run to {where}: its tables are damaged") from None
        return where

    def _holds(self, run: Run) -> bool:
        this = RUNS.c.name == run.name, RUNS.c.time == run.time, RUNS.c.id == run.id
        with self._place.reading() as connection:
            return connection is not None and bool(connection.scalar(select(exists().where(*this))))

    def window(
        self, name: str, environment: Environment, nodeids: Collection[str], limit: int = 30
    ) -> Window:
        """Give the newest values of every key of those tests; the database finds them.

        Raises:
            StoreError: the database cannot be read at all.
            NewerSchemaError: a later version of this package made or upgraded it.
        """
        named = SERIES.c.name == check_baseline_name(name)
        asked = frozenset(nodeids)
        warnings: list[str] = []

        def only(key: Key) -> bool:
            return key.nodeid in asked

        with self._place.reading() as connection:
            if connection is None:
                return Window(values={}, elsewhere={}, runs=0)
            rows = Rows(connection, self.describe(), warnings.append)
            here = SERIES.c.fingerprint == environment.fingerprint
            values = rows.values(named, here, only=only, limit=limit)
            unknown_here = SERIES.c.digest.not_in(_digests_with_values(name, environment))
            there = rows.values(named, ~here, unknown_here, only=only, limit=1)
            elsewhere = _newest_environments(there, rows.environments(name)) if there else {}
            runs = select(func.count()).select_from(RUNS).where(RUNS.c.name == name)
            count = connection.scalars(runs).one()
        found = {origin.key: kept for origin, kept in values.items()}
        return Window(
            values=found,
            elsewhere={key: one for key, one in elsewhere.items() if key not in found},
            runs=count,
            warnings=tuple(warnings),
        )

    def runs(
        self, name: str | None = None, *, on_damaged: Callable[[str], object] | None = None
    ) -> Iterator[Run]:
        """Give whole runs, newest first, of one baseline or of all.

        Runs that are saved meanwhile are not among them; those that are removed are left out.

        Args:
            name: the baseline.
            on_damaged: called with one line for each row that is skipped.

        Raises:
            StoreError, NewerSchemaError: as `window`; the latter also for a record.
        """
        wanted = [] if name is None else [RUNS.c.name == check_baseline_name(name)]
        columns = RUNS.c.number, RUNS.c.name, RUNS.c.time, RUNS.c.id, RUNS.c.record
        newest_first = RUNS.c.time.desc(), RUNS.c.id.desc()
        with self._place.reading() as connection:
            if connection is None:
                return
            ordered = select(RUNS.c.number).where(*wanted).order_by(*newest_first)
            numbers = connection.scalars(ordered).all()
        for chunk in chunks(numbers, _RECORDS_AT_ONCE):
            with self._place.reading() as connection:
                if connection is None:
                    return
                whole = select(*columns).where(RUNS.c.number.in_(chunk)).order_by(*newest_first)
                found = connection.execute(whole).all()
            for row in found:
                try:
                    run = record_of(row, self.describe()).run()
                except ValueError as error:
                    if on_damaged:
                        on_damaged(skipped(RUNS, row[0], self.describe(), error))
                else:
                    yield run

    def history(
        self,
        name: str,
        wanted: str | None = None,
        *,
        on_damaged: Callable[[str], object] | None = None,
    ) -> list[Series]:
        """Give all values of a baseline, by key and environment.

        Args:
            name: the baseline.
            wanted: the exact name of an operation, or the exact node id of a test; None is all.
            on_damaged: called with one line for each row that is skipped.

        Raises:
            StoreError, NewerSchemaError: as `window`.
        """
        conditions = [SERIES.c.name == check_baseline_name(name)]
        if wanted is not None:
            text = ascii_of(wanted)
            conditions.append(or_(SERIES.c.operation == text, SERIES.c.nodeid == text))
        with self._place.reading() as connection:
            if connection is None:
                return []
            rows = Rows(connection, self.describe(), on_damaged or _say_nothing)
            values = rows.values(*conditions)
            environments = rows.environments(name)
        return [
            Series(origin.key, environments[origin.fingerprint], kept)
            for origin, kept in sorted(values.items())
            if origin.fingerprint in environments
        ]

    def remove(self, run: Run) -> None:
        """Delete the run's rows.

        Raises:
            StoreError: it is not there, or the database cannot be written.
        """
        name = check_baseline_name(run.name)
        columns = RUNS.c.number, RUNS.c.fingerprint
        this = select(*columns).where(
            RUNS.c.name == name, RUNS.c.time == run.time, RUNS.c.id == run.id
        )
        with self._place.writing() as connection:
            found = connection.execute(this).one_or_none()
            if found is not None:
                number, fingerprint = found
                series = select(SERIES.c.number).where(
                    SERIES.c.name == name, SERIES.c.fingerprint == fingerprint
                )
                # by the whole of their key, because values have no index of runs
                of_run = (
                    VALUES.c.series.in_(series),
                    VALUES.c.moment == moment_of(run.time),
                    VALUES.c.run == number,
                )
                connection.execute(delete(VALUES).where(*of_run))
                connection.execute(delete(RUNS).where(RUNS.c.number == number))
        if found is None:
            raise StoreError(f"cannot remove the run {run.id} from {self.describe()}: it has none")


def _digests_with_values(name: str, environment: Environment) -> Select[Any]:
    series = SERIES.alias()
    return select(series.c.digest).where(
        series.c.name == name,
        series.c.fingerprint == environment.fingerprint,
        exists().where(VALUES.c.series == series.c.number),
    )


def _newest_environments(
    values: Mapping[Origin, Sequence[StoredValue]], environments: Mapping[str, Environment]
) -> dict[Key, Environment]:
    newest: dict[Key, tuple[str, str]] = {}
    for (key, fingerprint), (*_, value) in values.items():
        if fingerprint in environments:
            newest[key] = max(newest.get(key, ("", "")), (value.time, fingerprint))
    return {key: environments[fingerprint] for key, (_, fingerprint) in newest.items()}


def _save_values(connection: Connection, run: Run, number: int) -> None:
    """Write what judging needs of a run's results, and the series that are new with it."""
    moment = moment_of(run.time)
    texts = {
        digest_of(*key, summary.unit): (*key, summary.unit) for key, summary in run.results.items()
    }
    series = _numbers_of_series(connection, run, texts)
    values = [
        {
            "series": series[digest],
            "moment": moment,
            "run": number,
            "calls": summary.calls,
            "median": float(summary.median),
            "p95": float(summary.p95),
            "control_ns": float(summary.control_ns),
        }
        for digest, summary in zip(texts, run.results.values(), strict=True)
    ]
    if values:
        connection.execute(insert(VALUES), values)


def _numbers_of_series(
    connection: Connection, run: Run, texts: Mapping[str, tuple[str, str, str]]
) -> Mapping[str, int]:
    """Give the series of those digests, made where they are missing."""
    name, fingerprint = run.name, run.environment.fingerprint
    kept = select(SERIES.c.digest, SERIES.c.number).where(
        SERIES.c.name == name, SERIES.c.fingerprint == fingerprint
    )
    known = {row.digest: row.number for row in connection.execute(kept)}
    # sorted, so that of processes that make the same ones none waits for another in a ring
    missing = sorted(texts.keys() - known.keys())
    if not missing:
        return known
    columns = "name", "fingerprint", "digest", "nodeid", "operation", "unit"
    new = [
        dict(
            zip(
                columns,
                (name, fingerprint, digest, *map(ascii_of, texts[digest])),
                strict=True,
            )
        )
        for digest in missing
    ]
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(dialect.insert(SERIES).on_conflict_do_nothing(), new)
    return {row.digest: row.number for row in connection.execute(kept)}


def _say_nothing(_: str) -> None:
    """Let damage pass."""
