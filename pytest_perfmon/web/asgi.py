"""`PerfmonASGIMiddleware`: every HTTP request of an ASGI application as one call of its route."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, cast

from pytest_perfmon.monitor.ambient import current_monitor
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.outcome import error_type_of, is_cancellation
from pytest_perfmon.monitor.requests import SERVER_ERROR
from pytest_perfmon.web.asgi_routes import ScopeRoutes
from pytest_perfmon.web.counting import (
    DISCONNECTED,
    INCOMPLETE,
    RequestCounter,
    checked_template_for,
)
from pytest_perfmon.web.interfaces import ASGIApp, Message, Receive, Scope, Send

_START: Final = "http.response.start"
_BODY: Final = "http.response.body"
_BODIES: Final = (_BODY, "http.response.pathsend", "http.response.zerocopysend")
_TRAILERS: Final = "http.response.trailers"


class PerfmonASGIMiddleware:
    """Counts and times HTTP requests under `METHOD template`, such as `GET /users/{id}`.

    Outside of all others it sees everything: `app = PerfmonASGIMiddleware(app)`; with
    `app.add_middleware(PerfmonASGIMiddleware, monitor=monitor)` it stands where it is put.

    A request lasts from the call of the application to the last byte of its response, streams
    included; what the application does after that (background tasks) is not part of it.

    - A failure is a request whose application raised (counted by the exception's class), or
      whose response is a server error, 500 and above (counted by its number), or has no end.
      Everything else succeeded, 404 too. Exceptions go on unchanged. All of them are told apart
      by status: `OperationStats.status_classes`.
    - Cancelled, and counted apart, are requests whose client went away before the end.
    - The template is what Starlette and FastAPI matched, below mounts and router prefixes. A
      request without one is `GET <unmatched>`, an unknown method is `_OTHER`: no name holds
      anything that a client made up.
    - WebSockets, lifespan and all else are passed through.

    Args:
        app: the application.
        monitor: where to count; the ambient monitor of each request unless one is given.
        exclude: paths and route templates of which nothing is counted, such as `["/health"]`.
        first_byte: also count the time to the first byte, as `GET /users/{id} (first byte)`, and
            have events of requests say it; see `RequestCounter`.
        template_for: gives the template of a scope that has been handled, for other frameworks;
            None for what is found otherwise.

    Raises:
        UsageError: naming the argument and what is allowed.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        monitor: PerformanceMonitor | None = None,
        exclude: Iterable[str] = (),
        first_byte: bool = False,
        template_for: Callable[[Scope], str | None] | None = None,
    ) -> None:
        self.app = app
        self._counter = RequestCounter(monitor=monitor, exclude=exclude, first_byte=first_byte)
        self._template_for = checked_template_for(template_for)
        self._routes = ScopeRoutes()
        self._read_template = self._routes.template if template_for is None else self._template

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        counter = self._counter
        if scope["type"] != "http" or scope["path"] in counter.excluded:
            await self.app(scope, receive, send)
            return
        timed = _TimedRequest()
        timed.counter = counter
        timed.read_template = self._read_template
        timed.request = scope
        timed.method = scope["method"]
        timed.server_receive = receive
        timed.server_send = send
        timed.monitor = monitor = counter.monitor or current_monitor()
        timed.clock_ns = clock_ns = monitor.clock_ns
        timed.start_ns = clock_ns()
        try:
            send_timed = timed.send_noting_first_byte if counter.first_byte else timed.send
            await self.app(scope, timed.receive, send_timed)
        except BaseException as error:
            timed.raised(error)
            raise
        timed.returned()

    def _template(self, scope: Scope) -> str | None:
        hook = cast("Callable[[Scope], str | None]", self._template_for)
        return self._counter.read(hook, scope) or self._routes.template(scope)


class _TimedRequest:
    """One request and its response, timed on their way through `receive` and `send`."""

    # Made for each request by assignments, over values that most requests keep: an `__init__`
    # and slots would cost a tenth of the whole.
    counter: RequestCounter
    read_template: Callable[[Scope], str | None]
    request: Scope
    method: str
    server_receive: Receive
    server_send: Send
    monitor: PerformanceMonitor
    clock_ns: Callable[[], int]
    start_ns: int
    status = 0
    first_byte_ns: int | None = None
    _elapsed_ns: int | None = None
    _has_trailers = False
    _disconnected = False

    async def receive(self) -> Message:
        """Pass a message of the client on, noting that it went away."""
        message = await self.server_receive()
        # servers say so too once the response is complete
        if message["type"] == "http.disconnect" and self._elapsed_ns is None:
            self._disconnected = True
        return message

    async def send(self, message: Message) -> None:
        """Pass a message to the client on, noting the start and the end of the response."""
        try:
            await self.server_send(message)
        except OSError:  # how a server says that the client went away
            self._disconnected = True
            raise
        kind = message["type"]
        if kind == _START:
            self.status = message["status"]
            if "trailers" in message:
                self._has_trailers = message["trailers"]
        elif self._elapsed_ns is None and (
            not (message.get("more_body") or self._has_trailers)
            if kind in _BODIES
            else kind == _TRAILERS and not message.get("more_trailers")
        ):
            self._elapsed_ns = self.clock_ns() - self.start_ns
            # A server error may still turn out to be an exception that is on its way.
            if self.status < SERVER_ERROR:
                self.counter.count(self, self._elapsed_ns)

    async def send_noting_first_byte(self, message: Message) -> None:
        """Pass a message to the client on as `send` does, noting when the server got the body."""
        if self.first_byte_ns is None and _has_content_or_ends(message):
            self.first_byte_ns = self.clock_ns() - self.start_ns
        await self.send(message)

    def raised(self, error: BaseException) -> None:
        """Count a request whose application raised, unless that was after a good response."""
        if self._elapsed_ns is None or self.status >= SERVER_ERROR:
            cancelled = self._disconnected or is_cancellation(error)
            elapsed_ns = self._elapsed_ns
            if elapsed_ns is None:
                elapsed_ns = self.clock_ns() - self.start_ns
            self.counter.count(self, elapsed_ns, error_type_of(error), cancelled=cancelled)

    def returned(self) -> None:
        """Count a request whose application returned, unless the response's end has done so."""
        if self._elapsed_ns is None:
            error_type = DISCONNECTED if self._disconnected else INCOMPLETE
            elapsed_ns = self.clock_ns() - self.start_ns
            self.counter.count(self, elapsed_ns, error_type, cancelled=self._disconnected)
        elif self.status >= SERVER_ERROR:
            self.counter.count(self, self._elapsed_ns)


def _has_content_or_ends(message: Message) -> bool:
    kind = message["type"]
    if kind == _BODY:
        return bool(message.get("body")) or not message.get("more_body")
    return kind in _BODIES
