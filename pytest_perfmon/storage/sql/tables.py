"""The tables of an SQL store, and the one statement that speed depends on.

A run is kept twice over. `perfmon_runs` holds each as the text that `model.schema` writes, packed:
that is the truth, and what copies and reports are made from. `perfmon_values` holds what judging
needs of each result, in the order in which judging reads it: a series is what one key gave in one
environment and unit under one baseline name, and the newest values of a series lie side by side.

Texts that people chose (node ids, operations, commits, environments) are kept as ASCII, with the
escapes of JSON, because databases differ in what else they can hold: PostgreSQL has no NUL, and
its encoding is whatever its owner chose.

There are no foreign keys: a save would look up two of them a result, a removal would search all
values for each, and the store writes runs and values in one transaction anyway.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
    true,
)

_NUMBER: Final = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts rows by itself only where the column is called INTEGER."""

TABLES: Final = MetaData()

VERSION: Final = Table(
    "perfmon_schema",
    TABLES,
    Column("version", Integer, primary_key=True, autoincrement=False),
)
"""One row: the version of what the other tables look like."""

RUNS: Final = Table(
    "perfmon_runs",
    TABLES,
    Column("number", _NUMBER, primary_key=True),
    Column("name", Text, nullable=False),
    Column("time", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("commit_id", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("dirty", Boolean, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),
    UniqueConstraint("name", "time", "id"),
)

SERIES: Final = Table(
    "perfmon_series",
    TABLES,
    Column("number", _NUMBER, primary_key=True),
    Column("name", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("nodeid", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("unit", Text, nullable=False),
    UniqueConstraint("name", "fingerprint", "digest"),
)
"""`digest` stands for the three texts after it, which may be too long for PostgreSQL's indexes."""

VALUES: Final = Table(
    "perfmon_values",
    TABLES,
    Column("series", BigInteger, primary_key=True, autoincrement=False),
    Column("moment", BigInteger, primary_key=True, autoincrement=False),
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("calls", BigInteger, nullable=False),
    Column("median", Double, nullable=False),
    Column("p95", Double, nullable=False),
    Column("control_ns", Double, nullable=False),
    sqlite_with_rowid=False,
)
"""`moment` is the run's time in microseconds since 1970; times are nanoseconds."""

JUDGED: Final = tuple(VALUES.c[name] for name in ("calls", "median", "p95", "control_ns"))
"""The columns of figures."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MOMENT: Final = -(2**63)


def ascii_of(text: str) -> str:
    """Write a text as the databases keep it."""
    return json.dumps(text)[1:-1]


def text_of(kept: Any) -> str:
    """Read what `ascii_of` wrote.

    Raises:
        ValueError: it did not write that.
    """
    if type(kept) is not str:
        raise ValueError("it is not a text")
    return str(json.loads(f'"{kept}"'))


def digest_of(nodeid: str, operation: str, unit: str) -> str:
    """Stand for what a series is of in 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps([nodeid, operation, unit]).encode()).hexdigest()[:32]


def moment_of(time: str) -> int:
    """Count the microseconds from 1970 to a run's time."""
    return (datetime.fromisoformat(time) - _EPOCH) // timedelta(microseconds=1)


def newest_values(dialect: str, series: Sequence[int], limit: int | None) -> Select[Any]:
    """Select (series, run, *judged) of the newest values of each of those series.

    All that are of the last moment taken are among them. Either form walks the index of
    `perfmon_values` a series at a time and reads no row that it does not give, however long the
    history. Numbering the rows of each series instead would read them all.

    Args:
        dialect: SQLAlchemy's name of the database's kind.
        series: their numbers, a few hundred at most.
        limit: how many of each; None for all.
    """
    columns = VALUES.c.series, VALUES.c.run, *JUDGED
    if limit is None:
        return select(*columns).where(VALUES.c.series.in_(series))
    wanted = SERIES.c.number.in_(series)
    if dialect == "sqlite":
        other = VALUES.alias()
        last = (
            select(other.c.moment)
            .where(other.c.series == SERIES.c.number)
            .order_by(other.c.moment.desc())
            .limit(1)
            .offset(limit - 1)
            .scalar_subquery()
        )
        since = VALUES.c.moment >= func.coalesce(last, _FIRST_MOMENT)
        return select(*columns).where(wanted, VALUES.c.series == SERIES.c.number, since)
    newest = (
        select(*columns)
        .where(VALUES.c.series == SERIES.c.number)
        .order_by(VALUES.c.moment.desc())
        .fetch(limit, with_ties=True)
        .lateral()
    )
    return select(*newest.c).select_from(SERIES.join(newest, true())).where(wanted)
