"""One operation's counters: a pending list that anybody may append to, folded now and then.

Appending is atomic and never waits. Folding happens under a lock that is only ever tried, so a
signal handler, a garbage-collector callback or another thread that comes in during a fold leaves
its value on the pending list and goes on; nothing is lost and nothing blocks.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pytest_perfmon.monitor.histogram import LogHistogram
from pytest_perfmon.monitor.stats import OperationStats

FOLD_AT: Final = 256
"""Pending values that start a fold; also the number of raw integers that wait at most."""

ERROR_TYPES_KEPT: Final = 100
OTHER: Final = "__other__"
"""The name under which whatever is beyond a cap is counted together."""

Metadata = Mapping[str, Any]
Attend = Callable[["Operation", int, BaseException | None, Metadata | None], "Operation"]
Tell = Callable[[str, Sequence[int], Sequence[str]], None]

_RETIRED: Final = -1


class Operation:
    """The counters behind one name.

    Whoever times a call reads `clock_ns` twice. A call that succeeded in under `attention_ns` is
    put on `pending`, with `fold()` once that holds `FOLD_AT` values; everything else, and every
    call of a retired operation, goes to `attend`, which gives back the operation to use next time.
    """

    __slots__ = (
        "_busy",
        "_cancelled_count",
        "_error_count",
        "_errors_by_type",
        "_histogram",
        "_lock",
        "_newest_kept",
        "_newest_ns",
        "_success_count",
        "_tell",
        "_total_ns",
        "attend",
        "attention_ns",
        "clock_ns",
        "name",
        "pending",
        "troubles",
    )

    def __init__(
        self,
        name: str,
        *,
        clock_ns: Callable[[], int],
        attention_ns: int,
        newest_kept: int,
        attend: Attend,
        tell: Tell,
    ) -> None:
        self.name = name
        self.clock_ns = clock_ns
        self.attention_ns = attention_ns
        self.attend = attend
        self.pending: list[int] = []
        self.troubles: list[tuple[int, str | None]] = []
        self._tell = tell
        self._newest_kept = newest_kept
        self._newest_ns = array("q")
        self._histogram = LogHistogram()
        self._success_count = self._error_count = self._cancelled_count = self._total_ns = 0
        self._errors_by_type: dict[str, int] = {}
        self.renew_lock()

    def renew_lock(self) -> None:
        """Start with a free lock, as a forked child must: the thread that held it is not there."""
        self._lock = threading.RLock()
        self._busy = False

    def retire(self) -> None:
        """Send every later call to `attend`; called when the operation leaves its monitor."""
        self.attention_ns = _RETIRED

    @property
    def retired(self) -> bool:
        """Whether calls belong elsewhere by now."""
        return self.attention_ns == _RETIRED

    def succeeded(self, elapsed_ns: int) -> None:
        """Count a call that returned."""
        self.pending.append(elapsed_ns)
        if len(self.pending) >= FOLD_AT:
            self.fold()

    def failed(self, elapsed_ns: int, error_type: str | None) -> None:
        """Count a call that raised; without an error type, one that was cancelled."""
        self.troubles.append((elapsed_ns, error_type))
        if len(self.troubles) >= FOLD_AT:
            self.fold()

    def fold(self) -> None:
        """Take what is pending into the counters, unless somebody is at it already."""
        # The lock by name: a listener that forks finds another one in the child.
        lock = self._lock
        if lock.acquire(blocking=False):
            try:
                # The lock lets its own thread in again; `_busy` is what tells a handler that it
                # interrupted a fold.
                if not self._busy:
                    self._busy = True
                    try:
                        self._take()
                    finally:
                        self._busy = False
            finally:
                lock.release()

    def settle(self) -> None:
        """Take what is pending into the counters, after waiting for a fold in another thread."""
        with self._lock:
            self.fold()

    def stats(self) -> OperationStats | None:
        """Give the figures up to now; None before the first call."""
        with self._lock:
            self.fold()
            folding, self._busy = self._busy, True
            try:
                return self._read()
            finally:
                self._busy = folding

    def merge(self, stats: OperationStats) -> None:
        """Add what another process counted under this name."""
        with self._lock:
            self._success_count += stats.success_count
            self._cancelled_count += stats.cancelled_count
            self._total_ns += stats.total_ns
            for error_type, count in stats.errors_by_type.items():
                self._count_errors(error_type, count)
            if stats.count:
                self._histogram.add_bins(stats.bins, min_ns=stats.min_ns, max_ns=stats.max_ns)
                self._keep_newest(list(stats.newest_ns))

    def _read(self) -> OperationStats | None:
        if not (self._success_count or self._error_count or self._cancelled_count):
            return None
        return OperationStats(
            operation=self.name,
            success_count=self._success_count,
            error_count=self._error_count,
            cancelled_count=self._cancelled_count,
            total_ns=self._total_ns,
            min_ns=self._histogram.min_ns,
            max_ns=self._histogram.max_ns,
            errors_by_type=dict(self._errors_by_type),
            bins=self._histogram.bins(),
            newest_ns=self._newest_ns[:],
        )

    def _take(self) -> None:
        values, error_types = self._take_troubles() if self.troubles else ([], [])
        pending = self.pending
        taken = len(pending)
        values += pending[:taken]
        # By count, not clear(): appends that came in meanwhile stay for the next fold.
        del pending[:taken]
        self._success_count += taken
        if values:
            self._total_ns += sum(values)
            self._histogram.add(values)
            self._keep_newest(values)
            self._tell(self.name, values, error_types)

    def _take_troubles(self) -> tuple[list[int], list[str]]:
        taken = self.troubles[:]
        del self.troubles[: len(taken)]
        values, error_types = [], []
        for elapsed_ns, error_type in taken:
            if error_type is None:
                self._cancelled_count += 1
            else:
                values.append(elapsed_ns)
                error_types.append(error_type)
                self._count_errors(error_type, 1)
        return values, error_types

    def _count_errors(self, error_type: str, count: int) -> None:
        self._error_count += count
        known = self._errors_by_type
        name = error_type if error_type in known or len(known) < ERROR_TYPES_KEPT else OTHER
        known[name] = known.get(name, 0) + count

    def _keep_newest(self, values_ns: list[int]) -> None:
        newest = self._newest_ns
        newest.fromlist(values_ns)
        if len(newest) > self._newest_kept:
            del newest[: len(newest) - self._newest_kept]
