"""Read the JSON that pytest-benchmark saves, of every version since 3.0.

One file is one run. Times are seconds; a value is a round's mean where a round has several
iterations. `datetime` has a zone since version 5.0 and is UTC without one before.

What a stored run has no place for is left behind: groups, parameters, `extra_info`, options,
profiles, the standard deviation and quartiles, the order of the values, the machine's name, and
the version that measured. Percentiles, intervals and the distribution follow from `stats.data`. In
a file without it, which is what `--benchmark-save` writes, they are not known and stay so: a
summary's p90, p95 and p99 are then 0.

A file that this package wrote holds the whole run in a member of its own, and that is read instead.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pytest_perfmon.formats.labels import key_of, own_name
from pytest_perfmon.model.measurement import Key, Measurement, Summary
from pytest_perfmon.model.packed import MOST
from pytest_perfmon.model.run import Commit, Environment, Run
from pytest_perfmon.model.schema import run_from_json
from pytest_perfmon.stats.summary import summary_of
from pytest_perfmon.units import NS_PER_S

OWN_MEMBER: Final = "pytest_perfmon"
"""Where a file that this package wrote holds the record of the run."""

MEASURED_BY: Final = "measured by"
"""The environment's field that keeps what another tool measured apart from what this one did."""

IMPLEMENTATIONS: Final[Mapping[str, str]] = MappingProxyType({"CPython": "cpython", "PyPy": "pypy"})
SYSTEMS: Final[Mapping[str, str]] = MappingProxyType(
    {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}
)
UNVERSIONED: Final = "unversioned"
UNKNOWN_BRANCH: Final = "(unknown)"

_NO_COMMIT: Final = frozenset({UNVERSIONED, "unknown"})
_NO_BRANCH: Final = frozenset({UNKNOWN_BRANCH, "(detached head)"})
_ORDERED: Final = ("min", "median", "max")


class Imported(NamedTuple):
    """What came of a file.

    Attributes:
        run: what can be used of it.
        notes: a line for each thing that cannot, or only in part, with the reason.
    """

    run: Run
    notes: tuple[str, ...] = ()


def from_pytest_benchmark(data: bytes, name: str) -> Imported:
    """Read a file into a run of the baseline of that name.

    The run's id follows from the file's content, so that a file which is imported again is the
    same run. Of several entries of one test, which come from reruns, the last counts.

    Raises:
        ValueError: nothing of the file can be used; the text is the reason.
        NewerSchemaError: a later version of this package wrote it.
    """
    saved = _decoded(data)
    if OWN_MEMBER in saved:
        try:
            run = run_from_json(json.dumps(saved[OWN_MEMBER]))
        except ValueError as error:
            raise ValueError(f"its {OWN_MEMBER!r} is damaged: {error}") from None
        return Imported(replace(run, name=name))
    entries = saved.get("benchmarks")
    if type(entries) is not list:
        raise ValueError("it is not of pytest-benchmark: it has no list of 'benchmarks'")
    results, notes = _results(entries)
    if not results:
        raise ValueError(f"it holds no benchmark that can be used{_because(notes)}")
    run = Run(
        id=hashlib.sha256(data).hexdigest()[:12],
        name=name,
        time=_time(saved.get("datetime")),
        commit=_commit(saved.get("commit_info")),
        environment=_environment(saved.get("machine_info")),
        results=results,
    )
    return Imported(run, notes)


def _because(notes: Sequence[str]) -> str:
    return f": {notes[0]}" if notes else ""


def _decoded(data: bytes) -> dict[str, Any]:
    if not data.strip():
        raise ValueError("it is empty")
    try:
        saved = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"it is not JSON, or cut short ({error})") from None
    if type(saved) is not dict:
        raise ValueError("it is not of pytest-benchmark: it is no JSON object")
    return saved


def _results(entries: Sequence[Any]) -> tuple[dict[Key, Summary], tuple[str, ...]]:
    results: dict[Key, Summary] = {}
    notes: list[str] = []
    for position, entry in enumerate(entries, 1):
        try:
            key = _key(entry)
        except ValueError as error:
            notes.append(f"benchmark {position} was left out: {error}")
            continue
        try:
            summary = _summary(entry.get("stats"), notes, key)
        except ValueError as error:
            notes.append(f"{_named(key)} was left out: {error}")
            continue
        if key in results:
            notes.append(f"{_named(key)} is there more than once: the last one counts")
        results[key] = summary
    return results, tuple(dict.fromkeys(notes))


def _key(entry: Any) -> Key:
    if type(entry) is not dict:
        raise ValueError("it is no JSON object")
    label = entry.get("fullname")
    if type(label) is not str or not label:
        raise ValueError(f"its 'fullname' is {_shown(label)}: expected a text")
    test, bracket, parameters = label.partition("[")
    label = test.replace("::()::", "::") + bracket + parameters  # pytest before 4.0, in classes
    name = entry.get("name")
    return key_of(label, name if type(name) is str and name else own_name(label))


def _summary(stats: Any, notes: list[str], key: Key) -> Summary:
    if type(stats) is not dict:
        raise ValueError("it has no 'stats'")
    iterations = _count(stats, "iterations")
    values = stats.get("data")
    if values:
        try:
            return _measured(values, iterations, key.operation)
        except ValueError as error:
            notes.append(f"{_named(key)} has no percentiles: {error}")
    return _stated(stats, iterations)


def _measured(values: Any, iterations: int, operation: str) -> Summary:
    """Summarise the values as if they had been measured here."""
    if type(values) is not list or not _are_times(values):
        raise ValueError("its 'data' is damaged")
    return summary_of(
        Measurement(
            operation,
            [round(seconds * iterations * NS_PER_S) for seconds in values],
            calls_per_value=iterations,
            rounds=len(values),
        )
    )


def _stated(stats: Mapping[str, Any], iterations: int) -> Summary:
    """Take the figures that the file states, and leave open those that it does not."""
    rounds = _count(stats, "rounds")
    figures = {}
    for name in (*_ORDERED, "mean"):
        if not _are_times([stats.get(name)]):
            raise ValueError(f"its {name!r} is {_shown(stats.get(name))}: expected seconds")
        figures[name] = stats[name] * NS_PER_S
    ordered = [figures[name] for name in _ORDERED]
    if ordered != sorted(ordered):
        raise ValueError("its figures are not in order: expected min <= median <= max")
    return Summary(
        unit="call" if iterations == 1 else "per-round mean",
        rounds=rounds,
        calls=rounds * iterations,
        errors=0,
        p90=0.0,
        p95=0.0,
        p99=0.0,
        intervals={},
        distribution=(),
        **figures,
    )


def _are_times(values: Sequence[Any]) -> bool:
    """Say whether all can be seconds: numbers from 0 to the 292 years that a record can hold.

    The list is checked as a whole, because a file can hold millions of values.
    """
    return (
        set(map(type, values)) <= {int, float}
        and min(values) >= 0
        and max(values) <= MOST / NS_PER_S
        and not math.isnan(sum(values))  # which the comparisons before can miss
    )


def _count(stats: Mapping[str, Any], name: str) -> int:
    value = stats.get(name)
    if type(value) is not int or not 1 <= value <= MOST:
        raise ValueError(f"its {name!r} is {_shown(value)}: expected a count from 1")
    return value


def _time(value: Any) -> str:
    try:
        time = datetime.fromisoformat(value)
        zoned = time if time.tzinfo else time.replace(tzinfo=UTC)
        return zoned.astimezone(UTC).isoformat(timespec="microseconds")
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"its 'datetime' is {_shown(value)}: expected an ISO 8601 time") from None


def _commit(info: Any) -> Commit:
    """Read the commit; one of which nothing says that it was clean counts as dirty."""
    if type(info) is not dict:
        return Commit()
    commit, branch = _text(info.get("id")), _text(info.get("branch"))
    return Commit(
        id="" if commit in _NO_COMMIT else commit,
        branch="" if branch in _NO_BRANCH else branch,
        dirty=info.get("dirty") is not False,
    )


def _environment(info: Any) -> Environment:
    """Name the fields as runs of this package do; those that the file lacks are left out."""
    info = info if type(info) is dict else {}
    cpu = info["cpu"] if type(info.get("cpu")) is dict else {}
    implementation = _text(info.get("python_implementation"))
    system = _text(info.get("system"))
    count = cpu.get("count")
    fields = {
        "implementation": IMPLEMENTATIONS.get(implementation, implementation),
        "python": _text(info.get("python_version")),
        "system": SYSTEMS.get(system, system),
        "machine": _text(info.get("machine")),
        "cpu": " ".join((_text(cpu.get("brand_raw")) or _text(cpu.get("brand"))).split()),
        "cpus": str(count) if type(count) is int else "",
        MEASURED_BY: "pytest-benchmark",
    }
    return Environment({name: value for name, value in fields.items() if value})


def _text(value: Any) -> str:
    return value if type(value) is str else ""


def _named(key: Key) -> str:
    return key.nodeid if key.nodeid.isprintable() else repr(key.nodeid)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"  # noqa: PLR2004 - a piece of a line
