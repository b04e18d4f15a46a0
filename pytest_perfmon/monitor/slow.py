"""What happens after a call that is worth a look: its event, the log line, the callbacks."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, Literal

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.background import Background
from pytest_perfmon.monitor.guard import Guard
from pytest_perfmon.monitor.operation import Metadata
from pytest_perfmon.monitor.retention import Event, EventRing, Slowness, calling_stack, scrub
from pytest_perfmon.units import NS_PER_MS

CaptureStack = Literal["never", "very_slow", "slow"]
EventCallback = Callable[[Event], object]

_CAPTURED: Final[dict[str, tuple[Slowness, ...]]] = {
    "never": (),
    "very_slow": ("very_slow",),
    "slow": ("slow", "very_slow"),
}
_alerting: Final[ContextVar[bool]] = ContextVar("perfmon_alerting", default=False)


class Watch:
    """Makes events of the calls that deserve one, and tells about slow ones.

    Nothing here can hurt the call that was watched: what a callback or a log handler raises is
    logged, once for each callback. (Only what asks the program to stop, such as
    `KeyboardInterrupt`, goes through.) A slow call inside a callback makes no further alert.
    """

    def __init__(
        self,
        *,
        slow_ns: int,
        very_slow_ns: int,
        on_slow: EventCallback | None,
        on_very_slow: EventCallback | None,
        capture_stack: CaptureStack,
        sample_rate: float,
        logger: logging.Logger,
        guard: Guard,
    ) -> None:
        if capture_stack not in _CAPTURED:
            raise UsageError(
                f"capture_stack is {capture_stack!r}: expected one of {', '.join(_CAPTURED)}"
            )
        self._slow_ns = slow_ns
        self._very_slow_ns = very_slow_ns
        self._callbacks: dict[Slowness, tuple[EventCallback, ...]] = {
            "slow": (on_slow,) if on_slow else (),
            "very_slow": tuple(callback for callback in (on_slow, on_very_slow) if callback),
        }
        self._captured = _CAPTURED[capture_stack]
        self._sample_rate = sample_rate
        # An instance of its own: the program's random numbers stay what they would have been.
        self._random = random.Random()  # noqa: S311 - thins events out, guards nothing
        self._logger = logger
        self._guard = guard
        self._background = Background(guard)
        self.events = EventRing()

    def consider(
        self,
        operation: str,
        elapsed_ns: int,
        *,
        error_type: str | None,
        cancelled: bool,
        metadata: Metadata | None,
    ) -> None:
        """Keep an event of the call, and alert, where it was slow, failed, or has metadata.

        `sample_rate` thins out the events that are kept; an alert is never left out.
        """
        slowness = self._slowness(elapsed_ns)
        failed = error_type is not None and not cancelled
        sampled = self._random.random() < self._sample_rate
        if slowness is None and not (sampled and (failed or metadata is not None)):
            return
        event = Event(
            operation=operation,
            duration=elapsed_ns / NS_PER_MS,
            success=error_type is None,
            error_type=error_type,
            slowness=slowness,
            metadata=self._guard.call(scrub, metadata) or {} if metadata is not None else {},
            timestamp=time.time(),
            stack=calling_stack() if slowness in self._captured else (),
        )
        if sampled:
            self.events.add(event)
        if slowness is not None and not _alerting.get():
            token = _alerting.set(True)
            try:
                self._alert(event, slowness)
            finally:
                _alerting.reset(token)

    def start_in_child(self) -> None:
        """Go on in a forked child, where nothing runs in the background."""
        self._background.forget()

    def _slowness(self, elapsed_ns: int) -> Slowness | None:
        if elapsed_ns >= self._very_slow_ns:
            return "very_slow"
        return "slow" if elapsed_ns >= self._slow_ns else None

    def _alert(self, event: Event, slowness: Slowness) -> None:
        self._guard.call(self._log, event)
        for callback in self._callbacks[slowness]:
            answer = self._guard.call(callback, event)
            if hasattr(answer, "__await__"):
                self._background.run(answer, callback)

    def _log(self, event: Event) -> None:
        level = logging.ERROR if event.slowness == "very_slow" else logging.WARNING
        self._logger.log(
            level,
            "operation %r took %.3f ms (threshold %s ms)",
            event.operation,
            event.duration,
            (self._very_slow_ns if event.slowness == "very_slow" else self._slow_ns) / NS_PER_MS,
            extra={"perfmon_operation": event.operation, "perfmon_duration_ms": event.duration},
        )
