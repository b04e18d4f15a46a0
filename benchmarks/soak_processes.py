"""The processes of `soak.py`: an application, bare or monitored, and a collector of its exports.

The first argument says which, the second is the port; a monitored application takes four more: how
many names its monitor tells apart, the collector's URL, a folder and the interval of the exports.
"""

# ruff: noqa: PLC0415 - each process loads what its own part needs, and nothing of the others

from __future__ import annotations

import gzip
import json
import logging
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from pytest_perfmon import PerformanceMonitor
    from pytest_perfmon.exporters.batching import BatchExporter

NAMES = 5000
NAMES_A_REQUEST = 10
REQUEST = "GET /work/{number}"
OCTAVES_NS = [2**exponent for exponent in range(9, 26)]
RAW_DURATIONS_KEPT = len(OCTAVES_NS)


@dataclass(slots=True)
class Handled:
    """What the application counts by itself."""

    requests: int = 0
    calls: Counter[str] = field(default_factory=Counter)

    def fill(self, record: Callable[[str, int], object]) -> None:
        """Begin with a call of every order of magnitude that the load brings, by each name."""
        for name in (f"work {number}" for number in range(NAMES)):
            for elapsed_ns in OCTAVES_NS:
                record(name, elapsed_ns)
                self.calls[name] += 1


def application(
    handled: Handled,
    track: Callable[[str], AbstractContextManager[object]],
    living: Callable[[], AbstractContextManager[None]],
) -> Starlette:
    """Give the application, whose requests track ten names each."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def work(request: Request) -> PlainTextResponse:
        handled.requests += 1
        first = request.path_params["number"] * NAMES_A_REQUEST
        for number in range(first, first + NAMES_A_REQUEST):
            name = f"work {number}"
            with track(name):
                handled.calls[name] += 1
        return PlainTextResponse("done")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        with living():
            yield

    return Starlette(routes=[Route("/work/{number:int}", work)], lifespan=lifespan)


def run(app: Starlette, port: int) -> None:
    """Serve until told to end."""
    import uvicorn

    uvicorn.run(app, port=port, log_level="error", access_log=False)


def serve_bare(port: int) -> None:
    """Serve the application without a monitor."""
    handled = Handled()
    handled.fill(lambda _name, _elapsed_ns: None)
    run(application(handled, nullcontext, nullcontext), port)


def serve_monitored(port: int, cap: int, collector: str, folder: Path, interval: str) -> None:
    """Serve it with middleware and exporters; at the end keep what was counted."""
    from pytest_perfmon import PerformanceMonitor
    from pytest_perfmon.web import PerfmonASGIMiddleware

    monitor = PerformanceMonitor(max_operations=cap, max_metrics_per_operation=RAW_DURATIONS_KEPT)
    exporters = exporters_of(monitor, collector, folder / "lines.json", interval)
    handled = Handled()

    @contextmanager
    def living() -> Iterator[None]:
        monitor.operation(REQUEST)  # takes its place before the others use them up
        handled.fill(monitor.record)
        yield
        for exporter in exporters.values():
            exporter.close()
        report = told(monitor, handled, exporters)
        (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")

    app = application(handled, monitor.track, living)
    app.add_middleware(PerfmonASGIMiddleware, monitor=monitor)
    run(app, port)


def exporters_of(
    monitor: PerformanceMonitor, collector: str, lines: Path, interval: str
) -> dict[str, BatchExporter[Any]]:
    """Give one exporter of each kind that keeps its connection, its totals or its intervals."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    from pytest_perfmon.exporters.batching import BatchExporter
    from pytest_perfmon.exporters.figures import Intervals
    from pytest_perfmon.exporters.logs import JsonLines
    from pytest_perfmon.exporters.otel import OpenTelemetryExporter
    from pytest_perfmon.exporters.prometheus import PushgatewayExporter

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # the collector's death is known
    otlp = OTLPMetricExporter(endpoint=f"{collector}/v1/metrics", timeout=2)
    return {
        "OpenTelemetry": OpenTelemetryExporter(monitor, otlp, interval=interval),
        "Pushgateway": PushgatewayExporter(monitor, collector, job="soak", interval=interval),
        "JSON lines": BatchExporter(JsonLines(lines), Intervals(monitor), interval=interval),
    }


def told(
    monitor: PerformanceMonitor, handled: Handled, exporters: dict[str, BatchExporter[Any]]
) -> dict[str, Any]:
    """Give what the application, its monitor and the exporters have counted."""
    counts = {name: exporter.counts() for name, exporter in exporters.items()}
    return {
        "requests": handled.requests,
        "handled": handled.calls,
        "counted": {stats.operation: stats.count for stats in monitor.get_stats()},
        "exporters": {
            name: {"sent": one.sent, "dropped": one.dropped, "given_up": one.given_up}
            for name, one in counts.items()
        },
    }


class Collector(BaseHTTPRequestHandler):
    """Takes exports of either kind, and tells the calls that the newest of each held."""

    newest: dict[str, int]

    def do_GET(self) -> None:
        """Tell."""
        self._answer(json.dumps(self.newest).encode())

    def do_POST(self) -> None:
        """Take an OTLP export."""
        from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

        export = metrics_service_pb2.ExportMetricsServiceRequest.FromString(self._body())
        self.newest["OpenTelemetry"] = sum(
            point.count
            for resource in export.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.histogram.data_points
        )
        self._answer(metrics_service_pb2.ExportMetricsServiceResponse().SerializeToString())

    def do_PUT(self) -> None:
        """Take a push."""
        calls = re.findall(
            rb'^perfmon_operation_calls_total\{.*outcome="success".*\} (\S+)$',
            self._body(),
            re.MULTILINE,
        )
        self.newest["Pushgateway"] = round(sum(map(float, calls)))
        self._answer(b"")

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        compressed = self.headers.get("Content-Encoding") == "gzip"
        return gzip.decompress(body) if compressed else body

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def collect(port: int) -> None:
    """Run the collector until it is killed."""
    handler = type("Handler", (Collector,), {"newest": {}})
    ThreadingHTTPServer(("127.0.0.1", port), handler).serve_forever()


def main() -> None:
    """Be the process that the arguments ask for."""
    role, port, *more = sys.argv[1:]
    if role == "bare":
        serve_bare(int(port))
    elif role == "monitored":
        cap, collector, folder, interval = more
        serve_monitored(int(port), int(cap), collector, Path(folder), interval)
    else:
        collect(int(port))


if __name__ == "__main__":
    main()
