"""Send points to a backend from a background thread, so that nothing waits and nothing raises.

The protocol of a backend is one method, `send(batch)`: hand over all points of the batch, or raise.

- It is called from one thread at a time, never from the application's.
- The batch is a sequence of at least one and at most `batch_size` points; what a point is, the
  source says: `figures.Intervals` gives an `OperationStats` for each operation that was called,
  `figures.Totals` gives one `MonitorSnapshot`, and `offer()` takes whatever it is given.
- Returning means delivered. Whatever `Exception` it raises means that nothing was: the same batch
  comes again after a pause, `attempts` times in all, and is then given up.
- It sees to its own timeout, of some seconds: a call that does not come back holds up what
  follows, which then costs points but no request.

A source has `take()`, which gives the points there are now; `start_in_child()`, which makes it
forget what a forked child's parent will send itself; and `close()`.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from pytest_perfmon.exporters import lifetime
from pytest_perfmon.exporters.outbox import Outbox
from pytest_perfmon.monitor.arguments import checked_count
from pytest_perfmon.monitor.core import LOGGER
from pytest_perfmon.monitor.guard import Guard
from pytest_perfmon.units import NS_PER_S, parse_cap_ns

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
T_co = TypeVar("T_co", covariant=True)


class Backend(Protocol[T_contra]):
    """Where points go; see the module's own page."""

    def send(self, batch: Sequence[T_contra], /) -> None:
        """Deliver the batch, or raise."""


class Source(Protocol[T_co]):
    """Where points come from when nobody offers them."""

    def take(self) -> Iterable[T_co]:
        """Give the points that there are now, each once."""

    def start_in_child(self) -> None:
        """Forget, in a forked child, what its parent will give."""

    def close(self) -> None:
        """Let go of what points come from."""


class ExportThread(threading.Thread):
    """The thread that an exporter works in; what listens to clients can tell ours by it."""


@dataclass(frozen=True, slots=True)
class ExportCounts:
    """What became of an exporter's points in this process.

    Attributes:
        sent: delivered.
        dropped: pushed out of the full queue by newer ones.
        given_up: in batches that failed at each attempt.
        waiting: on their way.
    """

    sent: int
    dropped: int
    given_up: int
    waiting: int


@dataclass(frozen=True, slots=True)
class _Call:
    """Somebody waits until the thread has been round once; after the last call it ends."""

    done: threading.Event
    last: bool


class BatchExporter(Generic[T]):
    """Sends what a source gives, and what is offered, in batches: by size and at each interval.

    A daemon thread does the work; a platform without threads sends in `flush()`. While the backend
    fails, pauses double from the interval up to `longest_pause`, and one line in the log says so,
    and one that it is over. A forked child starts with an empty queue and a thread of its own.
    What is left is sent when the process ends, by `close()`, or on leaving `with`.

    Args:
        backend: where batches go.
        source: asked for points at each interval and in `flush()`; None where all are offered.
        interval: the longest that a point waits while the backend is well, such as `"10s"`.
        batch_size: the most points that `send` gets at once; so many waiting start a batch.
        queue_size: the most points that wait; then the oldest are dropped and counted.
        attempts: how often a batch is tried.
        longest_pause: where doubling the pause ends.
        exit_time: the longest that `close()` waits for what is left.
        name: what it is called in `perfmon_export_points_total`; its backend's class unless given.
        at_once: the most points that are sent at an interval, or by one `flush()`; the rest waits
            for the next one. All that there are unless given.

    Raises:
        UsageError: naming the argument and what is allowed.
    """

    def __init__(
        self,
        backend: Backend[T],
        source: Source[T] | None = None,
        *,
        interval: str = "10s",
        batch_size: int = 500,
        queue_size: int = 10_000,
        attempts: int = 3,
        longest_pause: str = "60s",
        exit_time: str = "5s",
        name: str | None = None,
        at_once: int | None = None,
    ) -> None:
        self.name = type(backend).__name__ if name is None else name
        self._backend = backend
        self._source = source
        self._interval_s = parse_cap_ns(interval, "interval") / NS_PER_S
        self._longest_pause_s = parse_cap_ns(longest_pause, "longest_pause") / NS_PER_S
        self._exit_s = parse_cap_ns(exit_time, "exit_time") / NS_PER_S
        self._batch_size = checked_count(batch_size, "batch_size")
        self._queue_size = checked_count(queue_size, "queue_size")
        self._attempts = checked_count(attempts, "attempts")
        self._at_once = None if at_once is None else checked_count(at_once, "at_once")
        self._guard = Guard(LOGGER)
        self._closed = False
        self._begin()
        lifetime.begin(self)

    def _begin(self) -> None:
        self._outbox: Outbox[T] = Outbox(self._queue_size)
        self._unsent: list[T] = []
        self._failures = self._tries = self._sent = self._given_up = 0
        # Unlike an Event, it may be put into by whoever interrupts somebody putting into it.
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._called: bool = False
        self._thread: threading.Thread | None = None
        thread = ExportThread(target=self._run, name="perfmon-export", daemon=True)
        # Without threads (Pyodide), or too late in the interpreter's life for a new one.
        with contextlib.suppress(RuntimeError):
            thread.start()
            self._thread = thread

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._backend!r})"

    def offer(self, point: T) -> None:
        """Queue one point; never waits and never raises."""
        self._outbox.put(point)
        if len(self._outbox) >= self._batch_size and not self._called:
            self._called = True
            self._calls.put(None)

    def flush(self, timeout: str = "5s") -> bool:
        """Send what there is now; whether all of it was delivered within that time.

        A backend that has just failed is tried once, whatever is left of its pause.

        Raises:
            UsageError: for a timeout without a unit.
        """
        return self._deliver_now(parse_cap_ns(timeout, "timeout") / NS_PER_S, last=False)

    def close(self) -> None:
        """Send what is left, waiting no longer than `exit_time`, and stop; what then fails is lost.

        May be called again, and does nothing then.
        """
        if self._closed:
            return
        self._closed = True  # before the thread ends: nobody may wait for it any longer
        lifetime.end(self)
        self._deliver_now(self._exit_s, last=True)
        if self._source is not None:
            self._guard.call(self._source.close)

    def counts(self) -> ExportCounts:
        """Say what became of the points up to now."""
        return ExportCounts(
            sent=self._sent,
            dropped=self._outbox.dropped,
            given_up=self._given_up,
            waiting=self._waiting(),
        )

    def start_in_child(self) -> None:
        """Go on in a forked child: its parent sends what was waiting."""
        if self._source is not None:
            self._guard.call(self._source.start_in_child)
        self._begin()

    def _deliver_now(self, timeout_s: float, *, last: bool) -> bool:
        given_up = self._given_up
        if self._thread is None:
            self._work()
        elif not self._closed or last:
            call = _Call(threading.Event(), last=last)
            self._calls.put(call)
            if not call.done.wait(timeout_s):
                return False
        return not self._waiting() and self._given_up == given_up

    def _waiting(self) -> int:
        return len(self._outbox) + len(self._unsent)

    def _run(self) -> None:
        due_s = time.monotonic() + self._interval_s
        while True:
            try:
                call = self._calls.get(timeout=max(0.0, due_s - time.monotonic()))
            except Empty:
                call = None
            else:
                if call is None and self._failures:
                    continue  # a full queue is no reason to disturb a backend that is down
            due_s = time.monotonic() + self._work()
            if call is not None:
                call.done.set()
                if call.last:
                    return

    def _work(self) -> float:
        """Collect and send; gives the seconds until the next time."""
        self._called = False
        # What is more than goes at once stays in the source, which adds it up, until that is gone.
        if self._source is not None and (self._at_once is None or not self._waiting()):
            for point in self._guard.call(self._taken, self._source) or ():
                self._outbox.put(point)
        left = self._waiting()  # no more than this, or steady offers would hold up `flush` for ever
        if self._at_once is not None:
            left = min(left, self._at_once)
        while left > 0:
            batch = self._unsent or self._outbox.take(min(left, self._batch_size))
            if not batch:
                break
            left -= len(batch)
            self._unsent = batch
            if not self._delivered(batch):
                return self._pause_s()
        return self._interval_s

    def _taken(self, source: Source[T]) -> list[T]:
        return list(source.take())

    def _pause_s(self) -> float:
        doubled = min(self._failures - 1, 30)  # beyond that a float would overflow in the end
        return min(self._interval_s * float(2**doubled), self._longest_pause_s)

    def _delivered(self, batch: list[T]) -> bool:
        try:
            self._backend.send(tuple(batch))
        except Exception as error:  # noqa: BLE001 - whatever a backend raises is its failure, not ours
            self._failures += 1
            self._tries += 1
            if self._failures == 1:
                self._guard.call(
                    LOGGER.warning,
                    "%r takes no points; trying again",
                    self._backend,
                    exc_info=error,
                )
            if self._tries >= self._attempts:
                self._given_up += len(batch)
                self._unsent, self._tries = [], 0
            return False
        self._sent += len(batch)
        self._unsent, self._tries = [], 0
        if self._failures:
            self._failures = 0
            self._guard.call(LOGGER.info, "%r takes points again", self._backend)
        return True
