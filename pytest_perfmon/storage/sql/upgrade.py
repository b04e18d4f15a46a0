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
    if not inspect(connection).has_table(VERSION.name):
        return None
    versions = connection.scalars(select(VERSION.c.version)).all()
    if len(versions) != 1 or type(versions[0]) is not int:
        raise StoreError(f"{VERSION.name} holds {list(versions)!r}: expected one version")
    return versions[0]


def has_tables(connection: Connection, schema: int = SCHEMA) -> bool:
    """Say whether there are tables, of a version that this one knows.

    Raises:
        NewerSchemaError: they are of a later one.
        StoreError: as `version_of`.
    """
    version = version_of(connection)
    if version is not None and version > schema:
        raise NewerSchemaError(
            f"it has schema {version}, this version of pytest-perfmon reads up to {schema}"
        )
    return version is not None


def keep_from_upgrades(connection: Connection) -> None:
    """Let nobody upgrade the tables before this transaction has ended.

    SQLite has that from the lock with which its transaction began.

    Raises:
        NewerSchemaError: somebody has, just before.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock_shared(_ADVISORY_LOCK)))
    has_tables(connection)


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
        StoreError: as `version_of`.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    if not has_tables(connection, schema):
        TABLES.create_all(connection)
        connection.execute(insert(VERSION).values(version=schema))
        return
    version = connection.scalars(select(VERSION.c.version)).one()
    if version == schema:
        return
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
