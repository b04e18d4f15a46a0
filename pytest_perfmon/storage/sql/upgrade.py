"""The version of an SQL store's tables, and bringing older ones up to date where they stand.

The figures of a run are versioned by themselves (`model.schema`) and never rewritten here: an
upgrade changes what the tables look like. It is one transaction, so that a process that is killed
in the middle of it leaves the store as it was; SQLite's file is copied first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, insert, inspect, select, update

from pytest_perfmon.errors import NewerSchemaError, StoreError
from pytest_perfmon.storage.sql.tables import TABLES, VERSION

SCHEMA: Final = 1

Upgrade = Callable[[Connection], None]
UPGRADES: Final[Mapping[int, Upgrade]] = {}
"""By version: what turns tables of that version into those of the next."""

_ADVISORY_LOCK: Final = 0x706572666D6F6E
"""PostgreSQL's locks are numbers that everybody chooses freely; this spells `perfmon`."""


def version_of(connection: Connection) -> int | None:
    """Give the version of the tables that are there; None where there are none.

    Raises:
        StoreError: the table of the version does not hold one.
    """
    return _kept_version(connection) if inspect(connection).has_table(VERSION.name) else None


def refuse_newer(connection: Connection) -> None:
    """Make sure, inside a transaction, that the tables which are there can be read.

    Raises:
        NewerSchemaError: they are of a later version than this one knows.
        StoreError: as `version_of`.
    """
    _check(_kept_version(connection), SCHEMA)


def keep_from_upgrades(connection: Connection) -> None:
    """Let nobody upgrade the tables before this transaction has ended.

    SQLite has that from the lock with which its transaction began.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock_shared(_ADVISORY_LOCK)))


def bring_up(
    connection: Connection,
    database: Path | None,
    *,
    schema: int = SCHEMA,
    upgrades: Mapping[int, Upgrade] = UPGRADES,
) -> None:
    """Make the tables, or upgrade older ones, inside the transaction that has begun.

    Where several processes come at once, one does it and the others find it done.

    Args:
        connection: in a transaction; on SQLite one that has the right to write.
        database: SQLite's file.
        schema: the version to arrive at.
        upgrades: one for each version below it.

    Raises:
        NewerSchemaError: somebody upgraded it beyond this version meanwhile.
        StoreError: as `version_of`, or there is no way from its version to that one.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    version = version_of(connection)
    if version is None:
        TABLES.create_all(connection)
        connection.execute(insert(VERSION).values(version=schema))
        return
    _check(version, schema)
    if version == schema:
        return
    if not upgrades.keys() >= set(range(version, schema)):
        raise StoreError(f"it has schema {version}, which was never one of pytest-perfmon's")
    if database is not None:
        back_up(database, database.with_name(f"{database.name}.schema-{version}"))
    for step in range(version, schema):
        upgrades[step](connection)
    connection.execute(update(VERSION).values(version=schema))


def back_up(database: Path, copy: Path) -> None:
    """Copy SQLite's file as it is after the last transaction, whole or not at all.

    A copy of that name is replaced: it is from an upgrade that was killed, and may lack what an
    older version has saved since.
    """
    partial = copy.with_name(f"{copy.name}.partial")
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(partial)) as target:
        source.backup(target)
    partial.replace(copy)


def _kept_version(connection: Connection) -> int:
    versions = connection.scalars(select(VERSION.c.version)).all()
    if len(versions) != 1 or type(versions[0]) is not int:
        raise StoreError(f"{VERSION.name} holds {list(versions)!r}: expected one version")
    return versions[0]


def _check(version: int, schema: int) -> None:
    if version > schema:
        raise NewerSchemaError(
            f"it has schema {version}, this version of pytest-perfmon reads up to {schema}"
        )
