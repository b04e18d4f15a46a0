"""A saved run: where, when and of what it was measured, and its figures by key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pytest_perfmon.model.measurement import Key, Summary


@dataclass(frozen=True, slots=True)
class Environment:
    """The machine and interpreter that figures come from, as named fields.

    Attributes:
        fields: text by name; the built-in ones and those that hooks add.
    """

    fields: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that are equal exactly where all fields are."""
        text = json.dumps(dict(sorted(self.fields.items())))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def differences(self, other: Environment) -> tuple[str, ...]:
        """Name the fields that differ, as `python: 3.11.7 there, 3.12.1 here` (other is there)."""
        names = sorted(self.fields.keys() | other.fields.keys())
        return tuple(
            f"{name}: {other.fields.get(name, 'unknown')} there,"
            f" {self.fields.get(name, 'unknown')} here"
            for name in names
            if self.fields.get(name) != other.fields.get(name)
        )


@dataclass(frozen=True, slots=True)
class Commit:
    """The state of the code that was measured; empty texts where git has nothing to say."""

    id: str = ""
    branch: str = ""
    dirty: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One saved run.

    Attributes:
        id: unique, 12 hexadecimal digits.
        name: the baseline it belongs to.
        time: UTC, ISO 8601 with microseconds and `+00:00`; sorts as text.
        commit: what was measured.
        environment: where.
        results: figures by key.
    """

    id: str
    name: str
    time: str
    commit: Commit
    environment: Environment
    results: Mapping[Key, Summary]


class StoredValue(NamedTuple):
    """What judging needs of one key in one stored run; nanoseconds.

    A tuple because a window holds tens of thousands of them. `commit` is empty where the run was
    not of a clean commit.
    """

    run_id: str
    time: str
    commit: str
    unit: str
    calls: int
    median: float
    p95: float
    control_ns: float


@dataclass(frozen=True, slots=True)
class Window:
    """The newest stored values of many keys under one baseline name and environment.

    Attributes:
        values: oldest first, at most as many as were asked for; keys without any are left out.
        elsewhere: for keys with no value from this environment: the newest other environment
            that has one.
        runs: how many runs of that name the store holds, any environment.
        warnings: files that could not be used, each with its reason.
    """

    values: Mapping[Key, tuple[StoredValue, ...]]
    elsewhere: Mapping[Key, Environment]
    runs: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """Every stored value of one key under one baseline name in one environment.

    Attributes:
        key: what the values are of.
        environment: where they come from.
        values: one a run, oldest first, one or more.
    """

    key: Key
    environment: Environment
    values: tuple[StoredValue, ...]
