"""One operation's counters: a pending list that anybody may append to, folded now and then.

Appending is atomic and never waits. Folding happens under a lock that is only ever tried, so a
signal handler, a garbage-collector callback or another thread that comes in during a fold leaves
its value on the pending list and goes on; nothing is lost and nothing blocks.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from pytest_perfmon.monitor.histogram import Durations, LogHistogram
from pytest_perfmon.monitor.stats import OperationStats

FOLD_AT: Final = 256
"""Pending values that start a fold; also the number of raw integers that wait at most."""

ERROR_TYPES_KEPT: Final = 100
STATUSES_KEPT: Final = 8
"""Status codes that are told apart; all others are counted as the first of their hundred."""

OTHER: Final = "__other__"
"""The name under which whatever is beyond a cap is counted together."""

Metadata = Mapping[str, Any]
Attend = Callable[["Operation", int, BaseException | None, Metadata | None], "Operation"]
Tell = Callable[[str, Sequence[int], Sequence[str]], None]

_RETIRED: Final = -1
_STATUSES: Final = range(100, 1000)


class Part:
    """The calls of an operation that have the same status code, or none."""

    __slots__ = ("durations", "pending")

    def __init__(self) -> None:
        self.pending: list[int] = []
        self.durations = LogHistogram()


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
        "_lock",
        "_newest_kept",
        "_newest_ns",
        "_parts",
        "_success_count",
        "_tell",
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
        plain = Part()
        self.pending = plain.pending
        self.troubles: list[tuple[int, str | None, int | None]] = []
        self._parts: dict[int | None, Part] = {None: plain}
        self._tell = tell
        self._newest_kept = newest_kept
        self._newest_ns = array("q")
        self._success_count = self._error_count = self._cancelled_count = 0
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

    def answered(self, elapsed_ns: int, status: int) -> None:
        """Count a call that returned with a status code such as HTTP's."""
        part = self._parts.get(status) or self._part(status)
        pending = part.pending
        pending.append(elapsed_ns)
        if len(pending) >= FOLD_AT:
            self.fold()

    def failed(self, elapsed_ns: int, error_type: str | None, status: int | None = None) -> None:
        """Count a call that raised; without an error type, one that was cancelled."""
        self.troubles.append((elapsed_ns, error_type, status))
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
            with self._undisturbed():
                return self._read()

    def merge(self, stats: OperationStats) -> None:
        """Add what another process counted under this name."""
        with self._lock, self._undisturbed():
            self._success_count += stats.success_count
            self._cancelled_count += stats.cancelled_count
            for error_type, count in stats.errors_by_type.items():
                self._count_errors(error_type, count)
            for status, durations in stats.by_status.items():
                self._part(status).durations.merge(durations)
            self._keep_newest(list(stats.newest_ns))

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Keep a handler that comes in from folding; the lock lets its own thread in again."""
        folding, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = folding

    def _part(self, status: int | None) -> Part:
        """Give the part of a status, which is new or beyond the cap."""
        parts = self._parts
        if status is None or status in parts:
            return parts[status]
        if status not in _STATUSES:
            kept = 0
        else:
            kept = int(status) if len(parts) <= STATUSES_KEPT else status // 100 * 100
        return parts.setdefault(kept, Part())

    def _read(self) -> OperationStats | None:
        if not (self._success_count or self._error_count or self._cancelled_count):
            return None
        by_status = {
            status: durations
            for status, part in self._parts.copy().items()
            if (durations := part.durations.durations()).bins
        }
        whole = _whole(list(by_status.values()))
        return OperationStats(
            operation=self.name,
            success_count=self._success_count,
            error_count=self._error_count,
            cancelled_count=self._cancelled_count,
            total_ns=whole.total_ns,
            min_ns=whole.min_ns,
            max_ns=whole.max_ns,
            errors_by_type=dict(self._errors_by_type),
            bins=whole.bins,
            newest_ns=self._newest_ns[:],
            by_status=by_status,
        )

    def _take(self) -> None:
        values, error_types = self._take_troubles() if self.troubles else ([], [])
        for part in self._parts.copy().values():
            if pending := part.pending[:]:
                # By count, not clear(): appends that came in meanwhile stay for the next fold.
                del part.pending[: len(pending)]
                self._success_count += len(pending)
                part.durations.add(pending)
                values += pending
        if values:
            self._keep_newest(values)
            self._tell(self.name, values, error_types)

    def _take_troubles(self) -> tuple[list[int], list[str]]:
        taken = self.troubles[:]
        del self.troubles[: len(taken)]
        values, error_types = [], []
        failed: dict[int | None, list[int]] = {}
        for elapsed_ns, error_type, status in taken:
            if error_type is None:
                self._cancelled_count += 1
            else:
                failed.setdefault(status, []).append(elapsed_ns)
                values.append(elapsed_ns)
                error_types.append(error_type)
                self._count_errors(error_type, 1)
        for status, durations_ns in failed.items():
            self._part(status).durations.add(durations_ns)
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


def _whole(parts: Sequence[Durations]) -> Durations:
    if len(parts) == 1:
        return parts[0]
    histogram = LogHistogram()
    for part in parts:
        histogram.merge(part)
    return histogram.durations()
