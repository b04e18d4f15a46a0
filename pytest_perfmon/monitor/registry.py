"""The operations of one monitor by name, at most so many of them and one more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fnmatch import fnmatchcase

from pytest_perfmon.monitor.arguments import checked_name
from pytest_perfmon.monitor.operation import OTHER, Operation


class Registry:
    """Keeps `operations` by name; `admit` gives a name its place where it has none yet.

    Beyond `max_operations` names, all further ones share the operation `__other__`. The dict is a
    plain one and stays the same object: the path of a call looks into it directly.

    Args:
        make: makes the counters of one operation.
        max_operations: the cap.
        overflowing: told the first name that is beyond the cap, again after a reset.
    """

    __slots__ = ("_admission", "_make", "_overflowing", "max_operations", "operations")

    def __init__(
        self,
        make: Callable[[str], Operation],
        *,
        max_operations: int,
        overflowing: Callable[[str], None],
    ) -> None:
        self.operations: dict[str, Operation] = {}
        self._make = make
        self.max_operations = max_operations
        self._overflowing = overflowing
        self._admission = threading.RLock()

    def find(self, name: str) -> Operation:
        """Give the operation of that name, admitting the name where it is new."""
        return self.operations.get(name) or self.admit(name)

    def admit(self, name: str) -> Operation:
        """Give the operation of a name that was not found.

        Raises:
            UsageError: for a name that is no text.
        """
        checked_name(name)
        known = self.operations
        with self._admission:
            if name == OTHER or len(known) - (OTHER in known) < self.max_operations:
                return known.setdefault(name, self._make(name))
            first = OTHER not in known
            other = known.setdefault(OTHER, self._make(OTHER))
        if first:
            self._overflowing(name)
        return other

    def remove(self, operation: Operation) -> None:
        """Take the operation's place away, unless a newer one has that by now."""
        with self._admission:
            if self.operations.get(operation.name) is operation:
                del self.operations[operation.name]

    def all(self) -> list[Operation]:
        """Give the operations there are now, in the order of their admission."""
        return list(self.operations.values())

    def matching(self, pattern: str) -> list[Operation]:
        """Give the operations whose name matches the glob pattern."""
        return [operation for operation in self.all() if fnmatchcase(operation.name, pattern)]

    def start_in_child(self) -> None:
        """Go on in a forked child with fresh locks: whoever held the old ones is not there."""
        self._admission = threading.RLock()
        for operation in self.all():
            operation.renew_lock()
