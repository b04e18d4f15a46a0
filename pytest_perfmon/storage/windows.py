"""Collecting values of keys from runs that are read newest first: the newest few, or all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from typing import Final

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.run import Environment, Series, StoredValue, Window
from pytest_perfmon.model.schema import Record

_FEW: Final = 50
"""Up to so many tests are looked for in a text faster than the text is decoded."""


class WindowBuilder:
    """Takes records, newest first, and keeps what belongs into a `Window`.

    Args:
        environment: the one whose values count.
        nodeids: the tests whose keys are wanted, whatever operations they have.
        limit: how many values of each key, one or more.
    """

    def __init__(self, environment: Environment, nodeids: Collection[str], limit: int) -> None:
        self._fingerprint = environment.fingerprint
        self._limit = limit
        self._nodeids = frozenset(nodeids)
        self._wanting = set(self._nodeids)
        self._short: Counter[str] = Counter()
        self._newest_first: dict[tuple[str, str], list[StoredValue]] = {}
        self._elsewhere: dict[tuple[str, str], Environment] = {}

    @property
    def complete(self) -> bool:
        """Whether every test has keys, and each key seen has as many values as it may have."""
        return not self._wanting

    def may_use(self, text: str) -> bool:
        """Say whether the text of a record may hold a test that is still wanting."""
        return len(self._wanting) > _FEW or any(
            json.dumps(nodeid) in text for nodeid in self._wanting
        )

    def add(self, record: Record) -> None:
        """Take what is wanted from the next older record."""
        if record.environment.fingerprint == self._fingerprint:
            self._take(record)
        else:
            for key in record.keys:
                if key[0] in self._nodeids:
                    self._elsewhere.setdefault(key, record.environment)

    def window(self, runs: int, warnings: tuple[str, ...]) -> Window:
        """Give what was collected."""
        return Window(
            values={Key(*key): tuple(reversed(found)) for key, found in self._newest_first.items()},
            elsewhere={
                Key(*key): environment
                for key, environment in self._elsewhere.items()
                if key not in self._newest_first
            },
            runs=runs,
            warnings=warnings,
        )

    def _take(self, record: Record) -> None:
        nodeids, newest_first, limit = self._nodeids, self._newest_first, self._limit
        for key, value in record.values():
            nodeid = key[0]
            if nodeid not in nodeids:
                continue
            found = newest_first.get(key)
            if found is None:
                found = newest_first[key] = []
                self._short[nodeid] += 1
                self._wanting.add(nodeid)
            if len(found) < limit:
                found.append(value)
                if len(found) == limit:
                    self._short[nodeid] -= 1
                    if not self._short[nodeid]:
                        self._wanting.discard(nodeid)


class SeriesBuilder:
    """Takes records, newest first, and keeps every value of what is wanted.

    Args:
        wanted: an operation's name or a test's node id; None is all.
    """

    def __init__(self, wanted: str | None) -> None:
        self._wanted = wanted
        self._environments: dict[str, Environment] = {}
        self._newest_first: dict[tuple[tuple[str, str], str], list[StoredValue]] = {}

    def may_use(self, text: str) -> bool:
        """Say whether the text of a record may hold what is wanted."""
        return self._wanted is None or json.dumps(self._wanted) in text

    def add(self, record: Record) -> None:
        """Take what is wanted from the next older record."""
        fingerprint = record.environment.fingerprint
        self._environments.setdefault(fingerprint, record.environment)
        for key, value in record.values():
            if self._wanted is None or self._wanted in key:
                self._newest_first.setdefault((key, fingerprint), []).append(value)

    def series(self) -> list[Series]:
        """Give what was collected, sorted by key and fingerprint."""
        return [
            Series(Key(*key), self._environments[fingerprint], tuple(reversed(found)))
            for (key, fingerprint), found in sorted(self._newest_first.items())
        ]
