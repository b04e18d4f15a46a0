"""Cloudflare's Analytics Engine: one data point for each operation and interval.

A point has, in this order:

- `indexes`: the operation, which is what Cloudflare samples by;
- `doubles`: average, p50, p95, p99 in milliseconds; count, errors; shortest, longest and summed
  duration in milliseconds;
- `blobs`: a JSON text of count, errors and the timestamp in milliseconds since 1970 UTC; the
  operation; the service; its version.

Source: https://developers.cloudflare.com/analytics/analytics-engine/limits/
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Protocol, TypedDict
from urllib.parse import urlsplit

from pytest_perfmon.errors import UsageError
from pytest_perfmon.exporters.addresses import without_secrets
from pytest_perfmon.exporters.batching import BatchExporter
from pytest_perfmon.exporters.figures import Intervals
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.stats import OperationStats
from pytest_perfmon.units import NS_PER_MS, NS_PER_S, parse_cap_ns

POINTS_AT_MOST: Final = 250
"""Points that one invocation of a Worker may write."""

INDEX_BYTES: Final = 96
BLOB_BYTES: Final = 4000
"""Room for each of four blobs, so that all are within 16 KB."""


class DataPoint(TypedDict):
    """What `writeDataPoint` takes."""

    indexes: list[str]
    doubles: list[float]
    blobs: list[str]


class AnalyticsEngine(Protocol):
    """A binding of a Worker to a data set, such as `env.PERF`."""

    def writeDataPoint(self, point: DataPoint, /) -> Any:  # noqa: N802 - Cloudflare's name
        """Write the point; gives nothing, and fails silently."""


def data_point(
    stats: OperationStats, *, timestamp_ms: int, service: str = "", version: str = ""
) -> DataPoint:
    """Give an operation's figures as a point within Cloudflare's limits; longer texts are cut."""
    told = {"count": stats.count, "errors": stats.error_count, "timestamp": timestamp_ms}
    return {
        "indexes": [_cut(stats.operation, INDEX_BYTES)],
        "doubles": [
            stats.avg,
            stats.p50,
            stats.p95,
            stats.p99,
            float(stats.count),
            float(stats.error_count),
            stats.min,
            stats.max,
            stats.total_ns / NS_PER_MS,
        ],
        "blobs": [
            json.dumps(told),
            *(_cut(text, BLOB_BYTES) for text in (stats.operation, service, version)),
        ],
    }


def _cut(text: str, size: int) -> str:
    """Give as much of the text as fits into that many bytes of UTF-8, in whole characters."""
    return text.encode(errors="replace")[:size].decode(errors="ignore")


class CloudflareRelay:
    """Writes points from outside Cloudflare, through the Worker in docs/exporters.md.

    Cloudflare has no HTTP interface to write to; the Worker is one, with a secret.

    Args:
        url: where the Worker answers; https, or http on this machine.
        token: the secret that the Worker knows too.
        timeout: the longest that one request may take.

    Raises:
        UsageError: for a URL over which the token would go in the clear, or no token.
    """

    def __init__(self, url: str, token: str, *, timeout: str = "5s") -> None:
        parts = urlsplit(url)
        here = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}
        if parts.scheme != "https" and not here:
            raise UsageError(
                f"url is {without_secrets(url)!r}: expected https, or http on this machine"
            )
        if not token or not all("!" <= character <= "~" for character in token):
            raise UsageError(
                "token is not the Worker's secret: expected visible ASCII characters without spaces"
                " or line ends"
            )
        self._url = url
        self._token = token
        self._timeout_s = parse_cap_ns(timeout, "timeout") / NS_PER_S
        # what is said in the clear on this machine stays on it
        proxies = [urllib.request.ProxyHandler({})] if here else []
        self._opener = urllib.request.build_opener(_NoRedirect, *proxies)

    def __repr__(self) -> str:
        return f"CloudflareRelay({without_secrets(self._url)!r})"

    def write(self, points: Sequence[DataPoint]) -> None:
        """Hand the points to the Worker.

        Raises:
            OSError: where the Worker cannot be reached or does not answer with success.
        """
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self._url,
            data=json.dumps({"points": points}).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                "User-Agent": "pytest-perfmon",
            },
            method="POST",
        )
        with self._opener.open(request, timeout=self._timeout_s):
            pass


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Makes a redirection an error: the token is for one address only."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nowhere."""


class _Binding:
    def __init__(self, analytics: AnalyticsEngine) -> None:
        self._analytics = analytics
        self._convert = _converter_for(analytics)

    def __repr__(self) -> str:
        return f"the Analytics Engine binding {self._analytics!r}"

    def write(self, points: Sequence[DataPoint]) -> None:
        for point in points:
            self._analytics.writeDataPoint(self._convert(point))


def _converter_for(analytics: AnalyticsEngine) -> Callable[[DataPoint], Any]:
    """Give what makes of a point what a binding takes.

    Under Pyodide a dict would reach JavaScript as a proxy, in which the binding finds no field and
    of which it says nothing.
    """
    if sys.platform == "emscripten":
        import js  # noqa: PLC0415 - is there under Pyodide alone, as the next one
        from pyodide.ffi import JsProxy, to_js  # noqa: PLC0415 - as above

        if isinstance(analytics, JsProxy):
            return partial(to_js, dict_converter=js.Object.fromEntries)
    return lambda point: point


class _Backend:
    def __init__(
        self,
        target: _Binding | CloudflareRelay,
        service: str,
        version: str,
        wall_clock: Callable[[], float],
    ) -> None:
        self._target = target
        self._service = service
        self._version = version
        self._wall_clock = wall_clock

    def __repr__(self) -> str:
        return repr(self._target)

    def send(self, batch: Sequence[OperationStats]) -> None:
        now = round(self._wall_clock() * 1000)
        self._target.write(
            [
                data_point(stats, timestamp_ms=now, service=self._service, version=self._version)
                for stats in batch
            ]
        )


class CloudflareMetricsExporter(BatchExporter[OperationStats]):
    """Writes a monitor's figures to an Analytics Engine data set in the background.

    In a Worker there are no threads and the clock stands still between requests: call `flush()`
    once at the end of one, which writes there and then. It writes no more than the 250 points that
    one invocation may; it gives False while others wait, which the next ones write. Until then
    nothing is lost: newer calls are added up for the interval after that.

    Args:
        monitor: whose calls are exported, from now on.
        analytics: the Worker's binding, or a `CloudflareRelay` elsewhere.
        service: the third blob, which tells this application from others.
        version: the fourth blob.
        interval: how often figures are written.
        queue_size: the most points that wait while the relay is down.
        wall_clock: seconds since 1970 UTC.

    Raises:
        UsageError: naming the argument and what is allowed.
    """

    def __init__(
        self,
        monitor: PerformanceMonitor,
        analytics: AnalyticsEngine | CloudflareRelay,
        *,
        service: str = "",
        version: str = "",
        interval: str = "60s",
        queue_size: int = 10_000,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        target = analytics if isinstance(analytics, CloudflareRelay) else _Binding(analytics)
        super().__init__(
            _Backend(target, service, version, wall_clock),
            Intervals(monitor),
            interval=interval,
            batch_size=POINTS_AT_MOST,
            queue_size=queue_size,
            name="cloudflare",
            # Each request to a relay is an invocation; all that a binding gets here is in one.
            at_once=POINTS_AT_MOST if isinstance(target, _Binding) else None,
        )
