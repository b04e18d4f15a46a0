"""What all middleware shares: how a request is named, and what of it counts as a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol, cast

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.ambient import checked_monitor
from pytest_perfmon.monitor.core import LOGGER, PerformanceMonitor
from pytest_perfmon.monitor.guard import Guard
from pytest_perfmon.monitor.requests import METHODS, OTHER_METHOD, SERVER_ERROR, UNMATCHED
from pytest_perfmon.units import NS_PER_MS

Hook = Callable[[Any], str | None]

DISCONNECTED: Final = "ClientDisconnected"
INCOMPLETE: Final = "IncompleteResponse"


class Timed(Protocol):
    """A request that has been timed: what counting it takes.

    Attributes:
        monitor: where to count.
        method: of the request.
        read_template: gives the route's template, None where there is none.
        request: what that is read from.
        status: of the response; 0 before it has begun.
        first_byte_ns: from the request's start to the first byte; None where there was none yet,
            or nobody asked.
    """

    monitor: PerformanceMonitor
    method: str
    read_template: Hook
    request: Any
    status: int
    first_byte_ns: int | None


class RequestCounter:
    """Counts requests under `METHOD template`, on the monitor given or the ambient one.

    Args:
        monitor: where to count; None for whichever monitor is ambient when a request comes in.
        exclude: paths and route templates of which nothing is counted.
        first_byte: whether the time to the first byte is counted too, as `… (first byte)`. That
            is when the server is handed the first piece of the body that is not empty, since
            servers of either interface hold the head of a response back until then; where the
            body has no content, the end of the response.

    Raises:
        UsageError: naming the argument and what is allowed.
    """

    __slots__ = ("_guard", "excluded", "first_byte", "monitor")

    def __init__(
        self,
        *,
        monitor: PerformanceMonitor | None,
        exclude: Iterable[str],
        first_byte: bool,
    ) -> None:
        self.monitor = checked_monitor(monitor)
        self.first_byte = first_byte
        self._guard = Guard(LOGGER)
        self.excluded = _checked_exclude(exclude)

    def read(self, read: Hook, request: Any) -> str | None:
        """Read a request's route template; what that raises is logged once, and no template."""
        try:
            return read(request)
        except Exception as error:  # noqa: BLE001 - a framework's insides, or a hook
            self._guard.complain(read, error)
            return None

    def count(
        self,
        timed: Timed,
        elapsed_ns: int,
        error_type: str | None = None,
        *,
        cancelled: bool = False,
    ) -> None:
        """Count one request, unless its route is excluded.

        A server error is a failure of that number's name where nothing else is known of it. A
        request that ended before its response began, or has no valid status, is one of
        `SERVER_ERROR`: that is what servers then answer.
        Failed and slow requests are events that say the status and, where that is known, the
        milliseconds to the first byte.
        """
        try:
            template = timed.read_template(timed.request) or UNMATCHED
            excluded = template in self.excluded
        except Exception as error:  # noqa: BLE001 - a framework's insides, or a hook's odd answer
            self._guard.complain(timed.read_template, error)
            template, excluded = UNMATCHED, UNMATCHED in self.excluded
        if excluded:
            return
        method = timed.method
        if method not in METHODS:
            method = OTHER_METHOD
        name = f"{method} {template}"
        monitor = timed.monitor
        operation = monitor.operation(name)
        if operation is None:
            return
        status = timed.status or SERVER_ERROR
        if error_type is None and status >= SERVER_ERROR:
            error_type = str(status)
        if error_type is None and elapsed_ns < operation.attention_ns:
            operation.answered(elapsed_ns, status)
        else:
            monitor.record(
                name,
                elapsed_ns,
                error_type=error_type,
                cancelled=cancelled,
                metadata=_about(timed.status, timed.first_byte_ns),
                status=status,
            )
        if timed.first_byte_ns is not None:
            first_byte = monitor.operation(f"{name} (first byte)")
            if first_byte is not None:
                first_byte.succeeded(timed.first_byte_ns)  # no event: a slow request is one


def checked_template_for(template_for: Hook | None) -> Hook | None:
    """Give a hook for route templates back: a function, or None."""
    if template_for is None or callable(template_for):
        return template_for
    raise UsageError(
        f"template_for is {template_for!r}: expected a function that gives a request's template"
    )


def _about(status: int, first_byte_ns: int | None) -> dict[str, float]:
    about: dict[str, float] = {"status": status} if status else {}
    if first_byte_ns is not None:
        about["first_byte_ms"] = first_byte_ns / NS_PER_MS
    return about


def _checked_exclude(exclude: Iterable[str]) -> frozenset[str]:
    if isinstance(exclude, str):
        raise UsageError(f"exclude is {exclude!r}: expected several paths, such as [{exclude!r}]")
    paths: frozenset[object] = frozenset(exclude)
    for path in paths:
        if not isinstance(path, str) or not path.startswith(("/", UNMATCHED)):
            raise UsageError(
                f"exclude holds {path!r}: expected paths or route templates that start with '/',"
                f" or {UNMATCHED!r}"
            )
    return cast("frozenset[str]", paths)
