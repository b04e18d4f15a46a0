"""Collecting each key's newest values from runs that are read newest first."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Final

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.run import Environment, StoredValue, Window
from pytest_perfmon.model.schema import Record

_FEW: Final = 50
"""Up to so many keys are looked for in a text faster than the text is decoded."""


class WindowBuilder:
    """Takes records, newest first, and keeps what belongs into a `Window`.

    Args:
        environment: the one whose values count.
        keys: what values are wanted of.
        limit: how many of each, one or more.
    """

    def __init__(self, environment: Environment, keys: Collection[Key], limit: int) -> None:
        self._fingerprint = environment.fingerprint
        self._limit = limit
        self._newest_first: dict[tuple[str, str], list[StoredValue]] = {key: [] for key in keys}
        self._wanting = set(self._newest_first)
        self._elsewhere: dict[tuple[str, str], Environment] = {}

    @property
    def complete(self) -> bool:
        """Whether every key has as many values as it may have."""
        return not self._wanting

    def may_use(self, text: str) -> bool:
        """Say whether the text of a record may hold a key that is still wanting."""
        return len(self._wanting) > _FEW or any(
            json.dumps(nodeid) in text for nodeid, _ in self._wanting
        )

    def add(self, record: Record) -> None:
        """Take what is wanted from the next older record."""
        if record.environment.fingerprint == self._fingerprint:
            self._take(record)
        else:
            for key in self._wanting.intersection(record.keys):
                self._elsewhere.setdefault(key, record.environment)

    def window(self, runs: int, warnings: tuple[str, ...]) -> Window:
        """Give what was collected."""
        values = {
            Key(*key): tuple(reversed(found)) for key, found in self._newest_first.items() if found
        }
        return Window(
            values=values,
            elsewhere={
                Key(*key): environment
                for key, environment in self._elsewhere.items()
                if key not in values
            },
            runs=runs,
            warnings=warnings,
        )

    def _take(self, record: Record) -> None:
        wanting, newest_first, limit = self._wanting, self._newest_first, self._limit
        for key, value in record.values():
            if key in wanting:
                found = newest_first[key]
                found.append(value)
                if len(found) == limit:
                    wanting.discard(key)
