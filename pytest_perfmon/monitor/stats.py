"""What a monitor has counted, as frozen values: of one operation, of all of them, in short."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.bins import Bins
from pytest_perfmon.monitor.histogram import Durations, quantile_of_bins
from pytest_perfmon.units import NS_PER_MS


@dataclass(frozen=True, slots=True)
class OperationStats:
    """One operation's figures at one moment; durations are milliseconds unless named `_ns`.

    Calls that were cancelled are counted apart and are in no other figure: how long they took
    says when somebody lost patience.

    Attributes:
        operation: the operation's name.
        success_count: calls that returned.
        error_count: calls that raised.
        cancelled_count: calls that were cancelled or closed before their end.
        total_ns: sum of the counted durations.
        min_ns: the shortest of them; 0 where nothing was counted.
        max_ns: the longest of them.
        errors_by_type: failures by qualified class name.
        bins: the life-time histogram, as (bin number, count) pairs.
        newest_ns: the newest durations as they were recorded, at most
            `max_metrics_per_operation` of them.
        by_status: the same calls by their status code (HTTP's for requests), those without one
            under None. Eight codes are told apart; each further one is counted as the first of
            its hundred (418 as 400), and what is no code as 0.
    """

    operation: str
    success_count: int
    error_count: int
    cancelled_count: int
    total_ns: int
    min_ns: int
    max_ns: int
    errors_by_type: Mapping[str, int]
    bins: Bins
    newest_ns: Sequence[int]
    by_status: Mapping[int | None, Durations]

    @property
    def count(self) -> int:
        """Calls that succeeded or failed."""
        return self.success_count + self.error_count

    @property
    def success_rate(self) -> float:
        """The share of counted calls that succeeded, 0 to 1; 1 where nothing was counted."""
        return self.success_count / self.count if self.count else 1.0

    @property
    def status_classes(self) -> dict[str, int]:
        """Calls that have a status code by its class, such as `{"2xx": 90, "4xx": 3}`."""
        classes: dict[str, int] = {}
        for status in sorted(one for one in self.by_status if one is not None):
            name = f"{status // 100}xx"
            classes[name] = classes.get(name, 0) + self.by_status[status].count
        return classes

    @property
    def avg(self) -> float:
        """The exact mean; 0 where nothing was counted."""
        return self.total_ns / self.count / NS_PER_MS if self.count else 0.0

    @property
    def min(self) -> float:
        """The exact shortest duration."""
        return self.min_ns / NS_PER_MS

    @property
    def max(self) -> float:
        """The exact longest duration."""
        return self.max_ns / NS_PER_MS

    @property
    def p50(self) -> float:
        """The median, as `quantile(0.5)`."""
        return self.quantile(0.5)

    @property
    def p95(self) -> float:
        """The 95th percentile, as `quantile(0.95)`."""
        return self.quantile(0.95)

    @property
    def p99(self) -> float:
        """The 99th percentile, as `quantile(0.99)`."""
        return self.quantile(0.99)

    def quantile(self, q: float) -> float:
        """Give the quantile of all counted calls; linear between the two nearest ranks.

        Exact while every duration is among the newest ones kept, else from the life-time
        histogram and within 1.1 % of the exact figure. 0 where nothing was counted.

        Raises:
            UsageError: unless q is between 0 and 1.
        """
        if not 0 <= q <= 1:
            raise UsageError(f"q is {q!r}: expected a share between 0 and 1, such as 0.95")
        if not self.count:
            return 0.0
        if len(self.newest_ns) == self.count:
            return _quantile_of_values(sorted(self.newest_ns), q) / NS_PER_MS
        estimate = quantile_of_bins(self.bins, q)
        return min(max(estimate, self.min_ns), self.max_ns) / NS_PER_MS


def _quantile_of_values(ascending: Sequence[int], q: float) -> float:
    position = q * (len(ascending) - 1)
    below = int(position)
    lower = ascending[below]
    if below == position:
        return lower
    return lower + (position - below) * (ascending[below + 1] - lower)


@dataclass(frozen=True, slots=True)
class MonitorSnapshot:
    """Everything a monitor has counted, as plain data that can be pickled to another process."""

    operations: tuple[OperationStats, ...]


@dataclass(frozen=True, slots=True)
class MonitorSummary:
    """A monitor in four figures.

    Attributes:
        total: counted calls of all operations.
        error_rate: the share of them that failed, 0 to 1.
        avg: their mean duration in milliseconds.
        slowest: the operation with the highest mean; None where nothing was counted.
    """

    total: int
    error_rate: float
    avg: float
    slowest: str | None


def summarize(operations: Iterable[OperationStats]) -> MonitorSummary:
    """Sum up operations; all zero and None where nothing was counted."""
    counted = [stats for stats in operations if stats.count]
    total = sum(stats.count for stats in counted)
    if not total:
        return MonitorSummary(total=0, error_rate=0.0, avg=0.0, slowest=None)
    return MonitorSummary(
        total=total,
        error_rate=sum(stats.error_count for stats in counted) / total,
        avg=sum(stats.total_ns for stats in counted) / total / NS_PER_MS,
        slowest=max(counted, key=lambda stats: stats.avg).operation,
    )
