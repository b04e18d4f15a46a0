"""The operations of one monitor by name, at most so many of them and one more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fnmatch import fnmatchcase

from pytest_perfmon.monitor.arguments import checked_name
from pytest_perfmon.monitor.operation import OTHER, Operation


class Registry(dict[str, Operation]):
    """Finds an operation by name, and admits the name where it is new.

    Beyond `max_operations` names, all further ones share the operation `__other__`.

    Args:
        make: makes the counters of one operation.
        max_operations: the cap.
        overflowing: told the first name that is beyond the cap, again after a reset.
    """

    __slots__ = ("_admission", "_make", "_max_operations", "_overflowing")

    def __init__(
        self,
        make: Callable[[str], Operation],
        *,
        max_operations: int,
        overflowing: Callable[[str], None],
    ) -> None:
        self._make = make
        self._max_operations = max_operations
        self._overflowing = overflowing
        self._admission = threading.RLock()

    def __missing__(self, name: str) -> Operation:
        checked_name(name)
        with self._admission:
            known = len(self) - (OTHER in self)
            if name == OTHER or known < self._max_operations:
                return self.setdefault(name, self._make(name))
            first = OTHER not in self
            other = self.setdefault(OTHER, self._make(OTHER))
        if first:
            self._overflowing(name)
        return other

    def matching(self, pattern: str) -> list[Operation]:
        """Give the operations whose name matches the glob pattern."""
        operations = list(self.values())
        return [operation for operation in operations if fnmatchcase(operation.name, pattern)]

    def start_in_child(self) -> None:
        """Go on in a forked child with fresh locks: whoever held the old ones is not there."""
        self._admission = threading.RLock()
        for operation in self.values():
            operation.renew_lock()
