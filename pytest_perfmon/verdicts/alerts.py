"""Alerts on edges: a slow hour is one message when it begins and one when it is over."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pytest_perfmon.model.verdict import Severity
from pytest_perfmon.units import NS_PER_MS, format_limit_ns, format_ns, parse_cap_ns
from pytest_perfmon.verdicts.live import Percentile, StatsSource, percentile
from pytest_perfmon.verdicts.performance_budget import BudgetViolation

COOLDOWN: Final = "5min"
EPISODES_KEPT: Final = 4000

AlertState = Literal["raised", "worse", "recovered"]
_Limit = tuple[str, Percentile, float]


@dataclass(frozen=True, slots=True)
class Alert:
    """The moment in which an operation left its limit, got worse, or came back.

    Attributes:
        operation: its name.
        criterion: which figure of it has the limit.
        limit: milliseconds.
        actual: the figure now, milliseconds.
        severity: how far it is exceeded; after recovery, the worst that was told.
        state: `raised`, `worse` than told before, or `recovered`.
    """

    operation: str
    criterion: Percentile
    limit: float
    actual: float
    severity: Severity
    state: AlertState

    @property
    def key(self) -> tuple[str, str, str]:
        """What all alerts about the same limit have in common: operation, figure and limit."""
        return self.operation, self.criterion, format_limit_ns(self.limit * NS_PER_MS)

    @property
    def text(self) -> str:
        """The alert in one line without line breaks."""
        actual = format_ns(self.actual * NS_PER_MS)
        limit = format_limit_ns(self.limit * NS_PER_MS)
        what = f"{self.operation!r} {self.criterion} {actual}"
        if self.state == "recovered":
            return f"{what} is within {limit} again (was {self.severity})"
        ratio = self.actual / self.limit
        return f"{what} > {limit} ({ratio:.2f}x, {self.severity}, {self.state})"


@dataclass(slots=True)
class _Episode:
    rank: int
    told_ns: int
    seen_ns: int
    standing: bool


class Edges:
    """Says which of the things that go on are news; safe to ask from any thread, also after forks.

    A thing is news when it begins, when it ranks higher than told before, and when it begins
    again at least one cooldown after the last news of it. Its end is news where its beginning was.

    Args:
        cooldown: such as `"5min"`.
        clock_ns: a clock that never goes back, in integer nanoseconds.

    Attributes:
        lock: held while one is asked; whoever holds it asks several times undisturbed.

    Raises:
        UsageError: for a cooldown without a unit.
    """

    def __init__(
        self, cooldown: str = COOLDOWN, clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._cooldown_ns = parse_cap_ns(cooldown, "cooldown")
        self._clock_ns = clock_ns
        self._episodes: dict[Hashable, _Episode] = {}
        self.renew_lock()
        _edges.add(self)

    def renew_lock(self) -> None:
        """Start with a free lock, as a forked child must: the thread that held it is not there."""
        # It lets its own thread in again: a signal handler may come in between.
        self.lock = threading.RLock()

    def begins(self, key: Hashable, rank: int = 0) -> bool:
        """Say whether it is news that the thing stands now; it stands until `ends`."""
        return self._seen(key, rank, standing=True)

    def happens(self, key: Hashable, rank: int = 0) -> bool:
        """Say whether it is news that the thing happened; it is over a cooldown after the last."""
        return self._seen(key, rank, standing=False)

    def ends(self, key: Hashable) -> bool:
        """Say whether it is news that the thing stands no longer."""
        with self.lock:
            episode = self._episodes.get(key)
            if episode is None or not episode.standing:
                return False
            episode.standing = False
            episode.told_ns = episode.seen_ns = self._clock_ns()
            return True

    def _seen(self, key: Hashable, rank: int, *, standing: bool) -> bool:
        with self.lock:
            now_ns = self._clock_ns()
            episode = self._episodes.pop(key, None)
            if episode is None or rank > episode.rank:
                news = True
            else:
                quiet_ns = now_ns - (episode.told_ns if standing else episode.seen_ns)
                news = not episode.standing and quiet_ns >= self._cooldown_ns
            if episode is None or news:
                episode = _Episode(rank, told_ns=now_ns, seen_ns=now_ns, standing=standing)
            episode.seen_ns = now_ns
            self._episodes[key] = episode
            if len(self._episodes) > EPISODES_KEPT:
                del self._episodes[next(iter(self._episodes))]
            return news


_edges: Final[weakref.WeakSet[Edges]] = weakref.WeakSet()


def _renew_locks_in_child() -> None:
    for edges in _edges:
        edges.renew_lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_renew_locks_in_child)


class AlertGate:
    """Turns violations that are found at each check into alerts where something changes.

    Args:
        cooldown: how long after an alert the same limit must not raise another one, unless its
            severity rises.
        clock_ns: a clock that never goes back, in integer nanoseconds.

    Raises:
        UsageError: for a cooldown without a unit.
    """

    def __init__(
        self, *, cooldown: str = COOLDOWN, clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._edges = Edges(cooldown, clock_ns)
        self._raised: dict[_Limit, BudgetViolation] = {}

    def update(self, violations: Iterable[BudgetViolation], source: StatsSource) -> list[Alert]:
        """Give what is news about the violations that stand now.

        A limit that was told about recovers where the source knows figures of its operation and
        no violation: an operation that nobody calls has not become fast.
        """
        standing: dict[_Limit, BudgetViolation] = {
            (one.operation, one.criterion, one.budget): one for one in violations
        }
        with self._edges.lock:
            return self._news(standing, source)

    def _news(self, standing: Mapping[_Limit, BudgetViolation], source: StatsSource) -> list[Alert]:
        alerts = []
        for key, violation in standing.items():
            if self._edges.begins(key, list(Severity).index(violation.severity)):
                state: AlertState = "worse" if key in self._raised else "raised"
                self._raised[key] = violation
                alerts.append(_alert(violation, violation.actual, state))
        for key in [one for one in self._raised if one not in standing]:
            stats = source.get_stats(key[0])
            if stats is not None and self._edges.ends(key):
                told = self._raised.pop(key)
                alerts.append(_alert(told, percentile(stats, told.criterion), "recovered"))
        return alerts


def _alert(violation: BudgetViolation, actual: float, state: AlertState) -> Alert:
    return Alert(
        operation=violation.operation,
        criterion=violation.criterion,
        limit=violation.budget,
        actual=actual,
        severity=violation.severity,
        state=state,
    )
