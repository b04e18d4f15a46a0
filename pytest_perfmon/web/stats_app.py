"""`StatsApp`: a monitor's figures in a web application, for ASGI and for WSGI servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.core import LOGGER, PerformanceMonitor
from pytest_perfmon.web.access import Refusals, TokenCheck
from pytest_perfmon.web.endpoint import Endpoint, Metrics
from pytest_perfmon.web.exchange import Request, Response
from pytest_perfmon.web.interfaces import Receive, Scope, Send, StartResponse
from pytest_perfmon.web.view import Viewer


class StatsApp:
    """A read-only application that shows a monitor: mount it under a path of one's own.

    The object itself is an ASGI application, its `wsgi` a WSGI one. There are

    - `/`: the dashboard, a page that refreshes itself;
    - `/stats.json`: the same for programs, `?limit=` and `?offset=` choosing a part;
    - `/metrics`: what `metrics` gives, for Prometheus.

    Whoever asks needs the token, as `Authorization: Bearer TOKEN`, or in a browser as the password
    with any user name. What is shown are names and aggregates of operations, and when slow calls
    ended: never metadata, stacks or errors. The figures are those of this process.

    Args:
        monitor: whose figures are shown.
        token: at least 32 characters, such as `secrets.token_urlsafe(32)` gives.
        allow_unauthenticated: True, and no token, shows the figures to everybody who can connect.
        budgets: limits on the p95 by operation, as `PerformanceBudget` takes them.
        metrics: gives the text for Prometheus, such as `exporters.prometheus.metrics_text`.
        clock_ns: a clock that never goes back, in integer nanoseconds.

    Raises:
        UsageError: without a good token or the explicit wish to have none; for a bad budget.
    """

    def __init__(
        self,
        monitor: PerformanceMonitor,
        *,
        token: str | None = None,
        allow_unauthenticated: bool = False,
        budgets: Mapping[str, float | str] | None = None,
        metrics: Metrics | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._endpoint = Endpoint(
            monitor,
            access=_access(token, allow_unauthenticated=allow_unauthenticated),
            refusals=Refusals(clock_ns),
            viewer=Viewer(monitor, budgets or {}, clock_ns),
            metrics=metrics,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection; a websocket is refused."""
        if scope["type"] == "http":
            await self._answer(scope, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        elif scope["type"] == "lifespan":
            await _live(receive, send)

    def wsgi(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one WSGI request."""
        request = _wsgi_request(environ)
        response = self._endpoint.refuse(request) or self._endpoint.read(request)
        start_response(f"{response.status.value} {response.status.phrase}", list(response.headers))
        return [_body(request, response)]

    async def _answer(self, scope: Scope, send: Send) -> None:
        request = _asgi_request(scope)
        # Refused here and now: in threads, a flood of them would use up the application's.
        response = self._endpoint.refuse(request)
        if response is None:
            response = await _beside_the_loop(self._endpoint.read, request)
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in response.headers
        ]
        start = {"type": "http.response.start", "status": response.status.value}
        await send(start | {"headers": headers})
        await send({"type": "http.response.body", "body": _body(request, response)})


def _access(token: str | None, *, allow_unauthenticated: bool) -> TokenCheck | None:
    if not allow_unauthenticated:
        return TokenCheck(token)
    if token is not None:
        raise UsageError("allow_unauthenticated is True: expected no token beside it")
    LOGGER.warning("the stats endpoint shows its figures to everybody who can connect")
    return None


def _asgi_request(scope: Scope) -> Request:
    # servers and routers differ in whether `path` repeats what `root_path` says
    prefix = scope.get("root_path", "").rstrip("/")
    path = scope["path"]
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        path = path[len(prefix) :]
    return Request(
        method=scope["method"],
        path=_below(prefix, path),
        prefix=prefix,
        query=scope.get("query_string", b""),
        authorization=[value for name, value in scope["headers"] if name == b"authorization"],
    )


def _wsgi_request(environ: Mapping[str, Any]) -> Request:
    prefix = environ.get("SCRIPT_NAME", "").rstrip("/")
    authorization = environ.get("HTTP_AUTHORIZATION")
    return Request(
        method=environ["REQUEST_METHOD"],
        path=_below(prefix, _text(environ.get("PATH_INFO", ""))),
        prefix=_text(prefix),
        query=environ.get("QUERY_STRING", "").encode("latin-1", "replace"),
        authorization=[] if authorization is None else [authorization.encode("latin-1", "replace")],
    )


def _below(prefix: str, path: str) -> str:
    """Give the path below the prefix; only below one can it lack its slash."""
    return path if path or prefix else "/"


def _text(value: str) -> str:
    """Decode what WSGI hands on as bytes in the form of a text."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")


def _body(request: Request, response: Response) -> bytes:
    return b"" if request.method == "HEAD" else response.body


async def _beside_the_loop(read: Callable[[Request], Response], request: Request) -> Response:
    """Read in a thread where asyncio runs, so that no other request waits for the figures."""
    if asyncio._get_running_loop() is None:  # noqa: SLF001 - documented; a server may run on trio
        return read(request)
    return await asyncio.to_thread(read, request)


async def _live(receive: Receive, send: Send) -> None:
    """Take part in a server's start and end, of which nothing here depends."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
