"""The saved form of a run: versioned JSON text, read without trust.

Version 1 is one object, pure ASCII, one result a line so that people can search it:

    schema       the version, 1
    id           of the run, 12 hexadecimal digits
    name         the baseline it belongs to
    time         UTC, `2026-11-24T10:48:12.123456+00:00`
    commit       {id, branch, dirty}
    environment  {fingerprint, fields}; the fingerprint must agree with the fields
    columns      the names of what stands in each result, in order
    results      a list of lists, one a key

The columns are `nodeid` and `operation`, which make the key, and members of `Summary`, times in
nanoseconds. `intervals` (`median:61.5:64 p95:80:91.25`) and `distribution` (`96:12 97:30`) are
packed into text; they are unpacked and checked only where a run is read whole. `more` is null or an
object with those of `errors`, `peak_memory`, `allocations`, `interrupted` and `warnings` that say
something. Members and columns that are not named here are ignored.

Nothing that is read is executed, and nothing is believed before it was checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import repeat
from typing import Any, Final, NoReturn

from pytest_perfmon.errors import NewerSchemaError
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.run import Commit, Environment, Run, StoredValue
from pytest_perfmon.model.table import COLUMNS, Columns, check, checked_columns, row_of, summaries

SCHEMA: Final = 1

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
UPGRADES: Final[Mapping[int, Upgrade]] = {}
"""By version: what turns a record of that version into one of the next."""

_JUDGED: Final = ("unit", "calls", "median", "p95", "control_ns")


@dataclass(frozen=True, slots=True)
class Record:
    """A saved run, checked, whose results are still plain: judging needs few of their members.

    Attributes:
        keys: (node id, operation), no two equal; they match equal `Key`s in mappings.
        columns: the members of the results by name, each in the order of the keys.
    """

    id: str
    name: str
    time: str
    commit: Commit
    environment: Environment
    keys: Sequence[tuple[str, str]]
    columns: Columns

    def values(self) -> Iterator[tuple[tuple[str, str], StoredValue]]:
        """Give what judging needs, by key."""
        judged = [self.columns[name] for name in _JUDGED]
        commit = "" if self.commit.dirty else self.commit.id
        plain = zip(repeat(self.id), repeat(self.time), repeat(commit), *judged, strict=False)
        return zip(self.keys, map(StoredValue._make, plain), strict=True)

    def run(self) -> Run:
        """Build the whole run.

        Raises:
            ValueError: intervals or a distribution are damaged; the text is the reason.
        """
        keys = (Key(*key) for key in self.keys)
        results = dict(zip(keys, summaries(self.columns), strict=True))
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
        "columns": list(COLUMNS),
    }
    lines = [f'"{name}":{_encode(value)},' for name, value in head.items()]
    rows = ",\n".join(_encode(row_of(key, summary)) for key, summary in run.results.items())
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
    columns = checked_columns(data["columns"], data["results"])
    keys = list(zip(columns["nodeid"], columns["operation"], strict=True))
    check(len(set(keys)) == len(keys), "two results have the same key")
    commit, environment = data["commit"], Environment(data["environment"]["fields"])
    fields = environment.fields
    check(_is_id(data["id"]), "'id' is not 12 hexadecimal digits")
    check(type(data["name"]) is str, "'name' is not a text")
    check(_is_utc(data["time"]), "'time' is not a UTC time with microseconds")
    check({type(commit["id"]), type(commit["branch"])} <= {str}, "'commit' is not made of texts")
    check(type(commit["dirty"]) is bool, "'dirty' is not true or false")
    check(
        type(fields) is dict and set(map(type, fields.values())) <= {str},
        "the environment's fields are not texts",
    )
    check(
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
        columns=columns,
    )


def _is_id(value: Any) -> bool:
    return type(value) is str and re.fullmatch("[0-9a-f]{12}", value) is not None


def _is_utc(value: Any) -> bool:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return time.utcoffset() == timedelta(0) and time.isoformat(timespec="microseconds") == value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is no figure")


_decode: Final = json.JSONDecoder(parse_constant=_refuse_constant).decode
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
