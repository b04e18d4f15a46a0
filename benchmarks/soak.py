"""A monitored server under full load, with exporters whose backend dies and comes back.

wrk keeps a real uvicorn busy; each request tracks ten of 5,000 operations, more than the monitor
tells apart. All the while an OpenTelemetry and a Pushgateway exporter send to a collector in a
process of its own, which is killed at 45 % of the time and started again at 60 %, and JSON lines go
to a file. Afterwards every count is compared with what the application counted by itself.

Memory that is bounded may still fill slowly. Here it is full from the start, so that what grows
later would be a leak: each operation begins with a call of every order of magnitude that the load
will bring, since a histogram takes up 0.6 KB with the first call of each octave, and the monitor
keeps as many raw durations of each as that makes.

    python benchmarks/soak.py [--minutes M | --quick] [--output FILE]

Needs wrk, Linux, and the extras `prometheus` and `otel`.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

RESULT = Path(__file__).parent / "results" / "soak.json"
NAMES = 5000
NAMES_A_REQUEST = 10
REQUEST = "GET /work/{number}"
MAX_OPERATIONS = 2000
QUICK_MAX_OPERATIONS = 200
OCTAVES_NS = [2**exponent for exponent in range(9, 26)]
RAW_DURATIONS_KEPT = len(OCTAVES_NS)
CONNECTIONS = 16
MINUTES = 10.0
QUICK_SECONDS = 4.0
KILLED_AT, RESTARTED_AT = 0.45, 0.6
READINGS = 600
SHORTEST_FOR_MEMORY_S = 180.0
LEAK_SHARE = 0.05
WAIT_S = 30.0

LOAD = f"""
local number = 0
request = function()
  number = (number + 7919) % {NAMES // NAMES_A_REQUEST}
  return wrk.format("GET", "/work/" .. number)
end
done = function(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format('{{"requests": %d, "failed": %d}}', summary.requests, failed))
end
"""


def serve(port: int, collector: str, folder: Path, *, interval: str, cap: int) -> None:
    """Run the application until it is told to end; then keep what it and its monitor counted."""
    import uvicorn  # noqa: PLC0415 - the process that measures needs none of this
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415 - as above
        OTLPMetricExporter,
    )
    from starlette.applications import Starlette  # noqa: PLC0415 - as above
    from starlette.requests import Request  # noqa: PLC0415 - as above
    from starlette.responses import PlainTextResponse  # noqa: PLC0415 - as above
    from starlette.routing import Route  # noqa: PLC0415 - as above

    from pytest_perfmon import PerformanceMonitor  # noqa: PLC0415 - as above
    from pytest_perfmon.exporters.batching import BatchExporter  # noqa: PLC0415 - as above
    from pytest_perfmon.exporters.figures import Intervals  # noqa: PLC0415 - as above
    from pytest_perfmon.exporters.logs import JsonLines  # noqa: PLC0415 - as above
    from pytest_perfmon.exporters.otel import OpenTelemetryExporter  # noqa: PLC0415 - as above
    from pytest_perfmon.exporters.prometheus import PushgatewayExporter  # noqa: PLC0415 - as above
    from pytest_perfmon.web import PerfmonASGIMiddleware  # noqa: PLC0415 - as above

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # the collector's death is known
    monitor = PerformanceMonitor(max_operations=cap, max_metrics_per_operation=RAW_DURATIONS_KEPT)
    handled: Counter[str] = Counter()
    requests: Counter[str] = Counter()
    exporters: dict[str, BatchExporter[Any]] = {
        "OpenTelemetry": OpenTelemetryExporter(
            monitor,
            OTLPMetricExporter(endpoint=f"{collector}/v1/metrics", timeout=2),
            interval=interval,
        ),
        "Pushgateway": PushgatewayExporter(monitor, collector, job="soak", interval=interval),
        "JSON lines": BatchExporter(
            JsonLines(folder / "lines.json"), Intervals(monitor), interval=interval
        ),
    }

    async def work(request: Request) -> PlainTextResponse:
        requests["handled"] += 1
        first = request.path_params["number"] * NAMES_A_REQUEST
        for number in range(first, first + NAMES_A_REQUEST):
            name = f"work {number}"
            with monitor.track(name):
                handled[name] += 1
        return PlainTextResponse("done")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        monitor.operation(REQUEST)  # takes its place before the others use them up
        for name in (f"work {number}" for number in range(NAMES)):
            for elapsed_ns in OCTAVES_NS:
                monitor.record(name, elapsed_ns)
                handled[name] += 1
        yield
        for exporter in exporters.values():
            exporter.close()
        counted = {stats.operation: stats.count for stats in monitor.get_stats()}
        sent = {
            name: {"sent": counts.sent, "dropped": counts.dropped, "given_up": counts.given_up}
            for name, counts in ((name, one.counts()) for name, one in exporters.items())
        }
        report = {"requests": requests["handled"], "handled": handled, "counted": counted}
        report["exporters"] = sent
        (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")

    app = Starlette(routes=[Route("/work/{number:int}", work)], lifespan=lifespan)
    app.add_middleware(PerfmonASGIMiddleware, monitor=monitor)
    uvicorn.run(app, port=port, log_level="error", access_log=False)


class Collector(BaseHTTPRequestHandler):
    """Takes exports of either kind, and tells the calls that the newest of each held."""

    newest: dict[str, int]

    def do_GET(self) -> None:
        """Tell."""
        self._answer(json.dumps(self.newest).encode())

    def do_POST(self) -> None:
        """Take an OTLP export."""
        from opentelemetry.proto.collector.metrics.v1 import (  # noqa: PLC0415 - here only
            metrics_service_pb2,
        )

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
        if self.headers.get("Content-Encoding") == "gzip":
            import gzip  # noqa: PLC0415 - here only

            body = gzip.decompress(body)
        return body

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


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(*command: object, output: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a command up to the end of the block at most."""
    process = subprocess.Popen([str(word) for word in command], stdout=output, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def started(*arguments: object, port: int) -> Iterator[subprocess.Popen[str]]:
    """Run this script in another process, which listens on the port by now."""
    with running(sys.executable, __file__, *arguments) as process:
        deadline = time.monotonic() + WAIT_S
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{arguments[0]} did not start")
            time.sleep(0.02)
        yield process


def answers(port: int) -> bool:
    """Say whether somebody listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def resident_mb(pid: int) -> float:
    """Read the memory that a process has in RAM, in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1000  # type: ignore[index]


def newest(port: int) -> dict[str, int]:
    """Ask the collector what its newest exports held."""
    with urlopen(f"http://127.0.0.1:{port}/", timeout=WAIT_S) as answer:
        told: dict[str, int] = json.load(answer)
        return told


def soak(seconds: float, interval: str, cap: int) -> dict[str, Any]:
    """Keep the server busy for so long, and give what came of it."""
    port, collector_port = free_port(), free_port()
    collector = ("--collect", collector_port)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "load.lua").write_text(LOAD, encoding="ascii")
        serving = ("--serve", port, f"http://127.0.0.1:{collector_port}", folder, interval, cap)
        with started(*serving, port=port) as server:
            wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{round(seconds)}s", "--timeout=30s"]
            wrk += [f"-s{folder / 'load.lua'}", f"http://127.0.0.1:{port}"]
            start = time.monotonic()
            with running(*wrk, output=subprocess.PIPE) as load:
                readings: list[tuple[float, float]] = []

                def watch(share: float) -> None:
                    while (now := time.monotonic() - start) < share * seconds:
                        readings.append((now, resident_mb(server.pid)))
                        time.sleep(seconds / READINGS)

                with started(*collector, port=collector_port):
                    watch(KILLED_AT)
                    before = newest(collector_port)
                watch(RESTARTED_AT)
                with started(*collector, port=collector_port):
                    watch(1.0)
                    said = load.communicate()[0]
                    server.send_signal(signal.SIGTERM)
                    server.wait(WAIT_S)
                    after = newest(collector_port)
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        lines = (folder / "lines.json").read_text(encoding="utf-8").splitlines()
    written = sum(json.loads(line)["count"] for line in lines)
    return {
        "seconds": seconds,
        **json.loads(said.splitlines()[-1]),
        **compared(report, {**after, "JSON lines": written}),
        "exported_before_the_death": before,
        "killed_at_s": KILLED_AT * seconds,
        "restarted_at_s": RESTARTED_AT * seconds,
        **(memory(readings, seconds) if seconds >= SHORTEST_FOR_MEMORY_S else {}),
    }


def compared(report: dict[str, Any], exported: dict[str, int]) -> dict[str, Any]:
    """Hold the monitor's and the exporters' counts against the application's own."""
    handled, counted = report["handled"], report["counted"]
    requests = counted.pop(REQUEST)
    other = counted.pop("__other__", 0)
    beyond = sum(count for name, count in handled.items() if name not in counted)
    calls = sum(handled.values())
    everything = calls + report["requests"]
    return {
        "names_offered": len(handled),
        "names_told_apart": len(counted) + 1,
        "calls": calls,
        "requests_handled": report["requests"],
        "requests_counted": requests,
        "names_counted_wrong": sum(handled[name] != count for name, count in counted.items()),
        "counted_as_other": other,
        "beyond_the_cap": beyond,
        "exporters": {
            name: {**counts, "calls_missing": everything - exported.get(name, 0)}
            for name, counts in report["exporters"].items()
        },
    }


def memory(readings: list[tuple[float, float]], seconds: float) -> dict[str, Any]:
    """Tell how much memory the server had, and how much more at the end than after a minute."""

    def median(since: float, until: float) -> float:
        return statistics.median(mb for at, mb in readings if since <= at < until)

    early, late = median(60, 120), median(seconds - 60, seconds)
    return {
        "second_minute_mb": round(early, 2),
        "last_minute_mb": round(late, 2),
        "growth_mb": round(late - early, 2),
        "resident_mb": [round(mb, 1) for _, mb in readings[:: max(1, len(readings) // 60)]],
    }


def holds(result: dict[str, Any]) -> list[str]:
    """Give what was promised and did not hold."""
    broken = []
    if result["failed"]:
        broken.append(f"{result['failed']} requests failed")
    if result["requests_counted"] != result["requests_handled"] or result["names_counted_wrong"]:
        broken.append("the monitor's counts are not those of the application")
    if result["counted_as_other"] != result["beyond_the_cap"]:
        broken.append("names beyond the cap are not all counted together")
    broken += [
        f"{name} misses {counts['calls_missing']} calls"
        for name, counts in result["exporters"].items()
        if counts["calls_missing"]
    ]
    if "growth_mb" in result and result["growth_mb"] > LEAK_SHARE * result["second_minute_mb"]:
        broken.append(f"memory grew by {result['growth_mb']} MB after the first minute")
    return broken


def main() -> int:
    """Soak, keep the result, and fail where a promise did not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SECONDS:g} seconds")
    parser.add_argument("--output", type=Path, default=RESULT)
    parser.add_argument("--serve", nargs=5, help=argparse.SUPPRESS)
    parser.add_argument("--collect", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        port, collector, folder, interval, cap = arguments.serve
        serve(int(port), collector, Path(folder), interval=interval, cap=int(cap))
        return 0
    if arguments.collect:
        collect(arguments.collect)
        return 0
    seconds = QUICK_SECONDS if arguments.quick else 60 * arguments.minutes
    result = {"python": platform.python_version(), "quick": arguments.quick}
    if arguments.quick:
        result |= soak(seconds, "200ms", QUICK_MAX_OPERATIONS)
    else:
        result |= soak(seconds, "5s", MAX_OPERATIONS)
    result["broken"] = holds(result)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    shown = {name: value for name, value in result.items() if name != "resident_mb"}
    print(json.dumps(shown, indent=1))
    return bool(result["broken"])


if __name__ == "__main__":
    sys.exit(main())
