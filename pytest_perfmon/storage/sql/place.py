"""Where a database is, how it is spoken of, and transactions on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from pytest_perfmon.errors import StoreError, UsageError
from pytest_perfmon.storage.sql.upgrade import (
    SCHEMA,
    bring_up,
    keep_from_upgrades,
    refuse_newer,
    version_of,
)

SQLITE_WAITS_S: Final = 60
"""How long a save waits for those before it; each takes a fraction of a second."""

_CONNECT_TIMEOUT_S: Final = 10
_BINARY: Final = 1
"""The format of results in PostgreSQL's protocol; 0 is text."""

_BEGIN: Final = "perfmon_begin"
_BEGIN_WRITING: Final = "BEGIN IMMEDIATE"
_ONE_STATE: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_FORM: Final = {
    "sqlite": "sqlite:///PATH",
    "postgresql+psycopg": "postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE",
}


class Place:
    """A database; nothing is connected to before the first transaction.

    Connections are not kept: a test run reads once and saves once, and processes fork in between.

    Attributes:
        described: what messages call it; never what one logs in with.
    """

    def __init__(self, url: URL, described: str, file: Path | None) -> None:
        self.described = described
        self._file = file
        self._secrets = _secrets_of(url)
        self._engine = _engine_of(url)

    @classmethod
    def of(cls, text: str, root: Path) -> Self:
        """Understand a URL; SQLite's path is relative to the root directory.

        Raises:
            UsageError: it names no database, or what is needed to speak to it is not installed.
        """
        scheme = text.partition(":")[0]
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            url = None
        places = () if url is None else (url.host, url.drivername != "sqlite" and url.database)
        if url is None or not url.database or any("@" in place for place in places if place):
            raise UsageError(
                f"--perf-store is a {scheme} URL that names no database: expected {_FORM[scheme]},"
                " with %40 for @ and %2F for / in names and passwords"
            )
        if url.drivername != "sqlite":
            port = f":{url.port}" if url.port else ""
            return cls(url, f"{scheme}://{url.host or ''}{port}/{url.database}", None)
        if url.database == ":memory:" or url.host or url.query or "\0" in url.database:
            raise UsageError(
                f"--perf-store is a {scheme} URL that names more than a file:"
                f" expected {_FORM[scheme]}"
            )
        path = root / url.database
        return cls(url.set(database=str(path)), str(path), path)

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Give a transaction that sees one state of the store; None where nothing was ever saved.

        Raises:
            StoreError: the database cannot be read.
            NewerSchemaError: a later version of this package made or upgraded it.
        """
        with self._complaining("read"):
            if self._file is not None and not self._file.exists():
                yield None
                return
            with self._engine.connect() as connection:
                if not self._prepare(connection, create=False):
                    yield None
                    return
                with connection.begin():
                    if self._file is None:
                        connection.exec_driver_sql(_ONE_STATE)
                    refuse_newer(connection)
                    yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction that is kept as a whole when the block ends, or not at all.

        SQLAlchemy's `IntegrityError` goes through: what it means is known where it is raised.

        Raises:
            StoreError: the database cannot be written.
            NewerSchemaError: as `reading`.
        """
        with self._complaining("write to"):
            if self._file is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._engine.connect() as connection:
                self._prepare(connection, create=True)
                connection.execution_options(**{_BEGIN: _BEGIN_WRITING})
                with connection.begin():
                    keep_from_upgrades(connection)
                    refuse_newer(connection)
                    yield connection

    def _prepare(self, connection: Connection, *, create: bool) -> bool:
        """Make or upgrade the tables where that is due; say whether there are any."""
        with connection.begin():
            version = version_of(connection)
        if (version is None and create) or (version is not None and version < SCHEMA):
            connection.execution_options(**{_BEGIN: _BEGIN_WRITING})
            with connection.begin():
                bring_up(connection, self._file)
        return version is not None or create

    @contextmanager
    def _complaining(self, action: str) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except StoreError as error:
            raise type(error)(f"cannot {action} the store {self.described}: {error}") from None
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            # not chained: what SQLAlchemy and drivers say may quote the URL and the figures
            raise StoreError(
                f"cannot {action} the store {self.described}: {self._reason(error)};"
                " --perf-store=URL names another place"
            ) from None

    def _reason(self, error: Exception) -> str:
        said = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
        reason = " ".join(str(said).split())
        for secret in self._secrets:
            reason = reason.replace(secret, "***")
        return reason


def _secrets_of(url: URL) -> list[str]:
    texts = [url.password, *url.normalized_query.get("password", ())]
    return [str(one) for one in texts if one]


def _engine_of(url: URL) -> Engine:
    arguments: dict[str, Any] = {"timeout": SQLITE_WAITS_S}
    if url.drivername != "sqlite":
        arguments = {"connect_timeout": url.query.get("connect_timeout", _CONNECT_TIMEOUT_S)}
    try:
        engine = create_engine(
            url, poolclass=NullPool, connect_args=arguments, hide_parameters=True
        )
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--perf-store is a {url.drivername} URL, which needs {error.name}:"
            " pip install 'pytest-perfmon[sql]'"
        ) from None
    if url.drivername == "sqlite":
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin)
    else:
        event.listen(engine, "before_cursor_execute", _ask_for_binary)
    return engine


def _leave_transactions_to_us(connection: Any, _record: object) -> None:
    # the driver would begin too late, with the first change, and end before tables are made
    connection.isolation_level = None
    connection.text_factory = _any_text


def _any_text(raw: bytes) -> str:
    """Read what somebody damaged, too; it is checked like everything else."""
    return raw.decode("utf-8", errors="replace")


def _ask_for_binary(_connection: Connection, cursor: Any, *_: object) -> None:
    # a window is 120,000 numbers, which need not be written out and read again
    cursor.format = _BINARY


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
