"""`PerfmonDjangoMiddleware`: every request of a Django project as one call of its route."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.web.bodies import AsyncBody, Body, TimedRequest, end_with_close
from pytest_perfmon.web.counting import RequestCounter

Request = Any
Response = Any


class PerfmonDjangoMiddleware:
    """Counts and times requests under `METHOD route`, such as `GET /users/<int:pk>/`.

    It stands first in `MIDDLEWARE`, as `"pytest_perfmon.web.django.PerfmonDjangoMiddleware"`, and
    works under WSGI and ASGI with views of both kinds. To set something, name a subclass:

        class Monitoring(PerfmonDjangoMiddleware):
            monitor = PerformanceMonitor(slow_threshold=500)
            exclude = ["/health/"]

    A request lasts until its response is there, a streamed one until that is closed.

    - A failure is a response that is a server error, 500 and above: counted by the class of the
      exception that a view raised, else by its number; and a stream that raised. Everything else
      succeeded, 404 too. All of them are told apart by status: `OperationStats.status_classes`.
    - Cancelled, and counted apart, are streams that were closed before their end.
    - The route is what Django resolved, `include()` prefixes before it. A request without one is
      `GET <unmatched>`, an unknown method is `_OTHER`.

    Attributes:
        monitor: where to count; None for the ambient monitor of each request.
        exclude: paths and routes of which nothing is counted, with a slash in front.
        first_byte: also count the time to the first byte, as `GET /users/<int:pk>/ (first byte)`,
            and have events of requests say it; see `RequestCounter`.

    Raises:
        UsageError: naming the attribute and what is allowed, when Django starts.
    """

    sync_capable: ClassVar = True
    async_capable: ClassVar = True

    monitor: ClassVar[PerformanceMonitor | None] = None
    exclude: ClassVar[Iterable[str]] = ()
    first_byte: ClassVar[bool] = False

    def __init__(self, get_response: Callable[[Request], Any]) -> None:
        self._get_response = get_response
        self._counter = RequestCounter(
            monitor=self.monitor, exclude=self.exclude, first_byte=self.first_byte
        )
        self._is_async = inspect.iscoroutinefunction(get_response)
        if self._is_async:
            _mark_coroutine_function(self)

    def __call__(self, request: Request) -> Response | Awaitable[Response]:
        """Handle one request."""
        if self._is_async:
            return self._handle_async(request)
        if request.path in self._counter.excluded:
            return self._get_response(request)
        timed = self._timed(request)
        try:
            response = self._get_response(request)
        except BaseException as error:
            timed.end(error)
            raise
        _end_with(response, timed)
        return response

    def process_exception(self, request: Request, error: Exception) -> None:
        """Note what a view raised, before Django makes a response of it."""
        request.perfmon_error = error

    async def _handle_async(self, request: Request) -> Response:
        if request.path in self._counter.excluded:
            return await self._get_response(request)
        timed = self._timed(request)
        try:
            response = await self._get_response(request)
        except BaseException as error:
            timed.end(error)
            raise
        _end_with(response, timed)
        return response

    def _timed(self, request: Request) -> TimedRequest:
        return TimedRequest(
            self._counter,
            request,
            request.method,
            _route,
            lambda: getattr(request, "perfmon_error", None),
        )


def _route(request: Request) -> str | None:
    match = request.resolver_match
    return None if match is None else f"/{match.route.lstrip('/')}"


def _end_with(response: Response, timed: TimedRequest) -> None:
    """Have the request end with its response, which goes on the way that Django sends it."""
    timed.status = response.status_code
    if not response.streaming:
        timed.end()
    elif getattr(response, "file_to_stream", None) is not None:
        # With other content it would be no file any more, which servers send by themselves.
        end_with_close(response, timed)
    else:
        body = AsyncBody if response.is_async else Body
        response.streaming_content = body(response.streaming_content, timed)


def _mark_coroutine_function(middleware: PerfmonDjangoMiddleware) -> None:
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(middleware)
    else:
        # The mark that asgiref, and so Django, looks for there.
        middleware._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined] # noqa: SLF001 - there is no public one in 3.11
