"""Analytics Engine: points within the limits, and the relay's own code under node."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon import PerformanceMonitor, UsageError
from pytest_perfmon.exporters.cloudflare import (
    CloudflareMetricsExporter,
    CloudflareRelay,
    data_point,
)

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "exporters.md"
TOKEN = "a-secret-of-the-relay-and-the-server"
DEADLINE_S = 20


class Dataset:
    """A binding that keeps its points."""

    def __init__(self):
        self.points = []

    def writeDataPoint(self, point):  # noqa: N802 - Cloudflare's name
        """Keep the point."""
        self.points.append(point)


class Relay:
    """The Worker of the documentation, running under node."""

    def __init__(self, process):
        self.process = process
        self.url = f"http://127.0.0.1:{int(process.stdout.readline())}/"

    def written(self, count):
        """Give the next points that its binding was handed."""
        return [json.loads(self.process.stdout.readline()) for _ in range(count)]

    def status(self, body=b'{"points": []}', method="POST", token=f"Bearer {TOKEN}"):
        """Give the status of its answer to one request."""
        headers = {"Authorization": token} if token is not None else {}
        request = urllib.request.Request(self.url, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
                return response.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code


@pytest.fixture(scope="module")
def relay(tmp_path_factory):
    """The relay as the documentation has it, behind a local HTTP server."""
    node = shutil.which("node")
    if node is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("node is not installed")
    (code,) = re.findall(r"^```javascript\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    path = tmp_path_factory.mktemp("relay") / "relay.mjs"
    path.write_text(code)
    command = [node, HERE / "relay_host.mjs", path, TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Relay(process)
        finally:
            process.terminate()


@pytest.fixture
def monitor():
    """A monitor with figures of nothing."""
    return PerformanceMonitor()


def record(monitor):
    """Count four calls of one operation, one of them failed."""
    for duration in (10.0, 20.0, 30.0):
        monitor.record_metric("db.query", duration)
    monitor.record_metric("db.query", 40.0, success=False)


def check(point):
    """Hold the point of those four calls against the documentation."""
    about, *names = point["blobs"]
    assert json.loads(about) == {"count": 4, "errors": 1, "timestamp": 1_723_046_400_000}
    assert names == ["db.query", "shop", "1.4.0"]
    assert point["indexes"] == ["db.query"]
    average, p50, p95, p99, *others = point["doubles"]
    assert average == 25.0
    assert (p50, p95, p99) == pytest.approx((25.0, 38.5, 39.7), rel=0.011)
    assert others == [4.0, 1.0, 10.0, 40.0, 100.0]


def exporter_to(monitor, analytics, **options):
    """Make an exporter that runs when it is flushed, at the moment of the pattern's example."""
    return CloudflareMetricsExporter(
        monitor,
        analytics,
        service="shop",
        version="1.4.0",
        interval="60min",
        wall_clock=lambda: 1_723_046_400.0,
        **options,
    )


def test_a_point_has_the_patterns_doubles_and_blobs(monitor):
    """One point for an operation, with average, p50, p95, p99 first, and no second one."""
    dataset = Dataset()
    with exporter_to(monitor, dataset) as exporter:
        record(monitor)
        assert exporter.flush()
        assert exporter.flush()
    (point,) = dataset.points
    check(point)


def test_each_operation_is_a_point_of_its_own(monitor):
    """Two operations are two points, and each flush has what was called since the last."""
    dataset = Dataset()
    with exporter_to(monitor, dataset) as exporter:
        for operations in ("ab", "b"):
            for name in operations:
                monitor.record_metric(name, 1.0)
            exporter.flush()
    assert [(*point["indexes"], point["doubles"][4]) for point in dataset.points] == [
        ("a", 1.0),
        ("b", 1.0),
        ("b", 1.0),
    ]


def test_a_flush_in_a_worker_writes_no_more_than_an_invocation_may(monitor):
    """With more operations than that the next flushes write the rest, and no call is lost."""
    dataset = Dataset()
    with exporter_to(monitor, dataset) as exporter:
        for number in range(600):
            monitor.record_metric(f"op.{number:03}", 1.0)
        seen = []
        for _ in range(4):
            monitor.record_metric("each time", 1.0)
            delivered = exporter.flush()
            seen.append((len(dataset.points), exporter.counts().waiting, delivered))
        assert seen == [(250, 351, False), (500, 101, False), (601, 0, True), (602, 0, True)]
        assert exporter.counts().dropped == 0
    counted = [point["doubles"][4] for point in dataset.points if "each time" in point["indexes"]]
    assert counted == [1.0, 3.0]


@given(name=st.text(min_size=1), service=st.text(), times=st.integers(1, 20))
def test_every_point_is_within_the_limits(name, service, times):
    """Whatever names are: 96 bytes of index, 16 KB of blobs, whole characters, valid JSON."""
    monitor = PerformanceMonitor()
    monitor.record_metric(name * times * 10, 1.0)
    (stats,) = monitor.get_stats()
    point = data_point(stats, timestamp_ms=1, service=service * 2000, version="1")
    json.loads(json.dumps(point))
    ((index,), blobs) = point["indexes"], point["blobs"]
    assert len(index.encode()) <= 96
    assert stats.operation.startswith(index)
    assert sum(len(blob.encode()) for blob in blobs) <= 16_000
    assert len(blobs) <= 20
    assert len(point["doubles"]) <= 20


def test_a_lone_surrogate_is_replaced(monitor):
    """A name that has no UTF-8 is exported with question marks."""
    monitor.record_metric("\udc80op", 1.0)
    (stats,) = monitor.get_stats()
    assert data_point(stats, timestamp_ms=1)["indexes"] == ["?op"]


def test_the_documented_relay_writes_what_it_is_handed(monitor, relay):
    """Over HTTP and through the Worker's code, the binding gets the very point."""
    with exporter_to(monitor, CloudflareRelay(relay.url, TOKEN)) as exporter:
        record(monitor)
        assert exporter.flush("20s")
    (point,) = relay.written(1)
    check(point)


def test_a_batch_is_no_more_than_a_worker_may_write(monitor, relay):
    """600 operations go in three requests, and the Worker takes all."""
    with exporter_to(monitor, CloudflareRelay(relay.url, TOKEN)) as exporter:
        names = {f"op.{number:03}" for number in range(600)}
        for name in names:
            monitor.record_metric(name, 1.0)
        assert exporter.flush("20s")
        assert exporter.counts().sent == 600
    assert {point["indexes"][0] for point in relay.written(600)} == names


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 204),
        ({"token": None}, 401),
        ({"token": ""}, 401),
        ({"token": TOKEN}, 401),
        ({"token": f"Bearer {TOKEN[:-1]}"}, 401),
        ({"token": f"Bearer {TOKEN}x"}, 401),
        ({"method": "PUT"}, 405),
        ({"method": "GET", "body": None}, 405),
        ({"body": b"not JSON"}, 400),
        ({"body": b"null"}, 400),
        ({"body": b'{"points": 5}'}, 400),
        ({"body": b'{"points": [null]}'}, 400),
        ({"body": b'{"points": [{"indexes": ["a", "b"], "doubles": [], "blobs": []}]}'}, 400),
        ({"body": b'{"points": [{"indexes": [], "doubles": ["1"], "blobs": []}]}'}, 400),
        ({"body": json.dumps({"points": [{}] * 251}).encode()}, 400),
    ],
)
def test_the_relay_takes_only_points_from_who_knows_the_secret(relay, asked, status):
    """Other methods, secrets and bodies are refused, and nothing of them is written."""
    assert relay.status(**asked) == status


@pytest.mark.parametrize(
    "url", ["http://perf-relay.example/", "ftp://127.0.0.1/", "file:///etc/passwd", "relay"]
)
def test_a_secret_never_goes_in_the_clear(url):
    """Only https, or http on this machine, is a relay's address."""
    with pytest.raises(UsageError, match="url is"):
        CloudflareRelay(url, TOKEN)


@pytest.mark.parametrize("token", ["", f"{TOKEN}\n", f" {TOKEN}", "tökén"])
def test_a_relay_needs_a_secret_that_a_header_can_hold(token):
    """No token, or one read with its line end, is a usage error that does not show it."""
    with pytest.raises(UsageError, match="expected visible ASCII") as raised:
        CloudflareRelay("https://perf-relay.example/", token)
    assert TOKEN not in str(raised.value)


@contextlib.contextmanager
def answering(status, location):
    """Run a server that answers like that; gives its address and the requests it got."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            got.append(self.path)
            self.send_response(status)
            self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - as above

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/relay", got
        finally:
            server.shutdown()
            thread.join(DEADLINE_S)


@pytest.mark.parametrize("status", [302, 307, 500])
def test_an_answer_that_is_no_success_is_a_failure(monitor, status, caplog):
    """The batch is kept for another attempt, and the secret is sent to no other address."""
    with answering(status, "/elsewhere") as (url, got):
        exporter = exporter_to(monitor, CloudflareRelay(url, TOKEN))
        record(monitor)
        assert not exporter.flush("20s")
        assert exporter.counts().waiting == 1
        assert got == ["/relay"]
        exporter.close()
    assert TOKEN not in caplog.text
    assert "CloudflareRelay('http://127.0.0.1" in caplog.text
