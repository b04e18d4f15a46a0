"""A real Prometheus scrapes an application, and a real Pushgateway is killed and comes back."""

from __future__ import annotations

import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from processes import free_port, get, get_json, program, running, until
from prometheus_client.parser import text_string_to_metric_families

from pytest_perfmon.exporters.batching import ExportCounts
from pytest_perfmon.exporters.prometheus import PushgatewayExporter, metrics_text
from pytest_perfmon.monitor.core import PerformanceMonitor

pytestmark = pytest.mark.slow


@pytest.fixture
def monitor():
    """The application's monitor."""
    return PerformanceMonitor()


@pytest.fixture
def application(monitor):
    """An application whose every page but /metrics is one call; gives its port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/metrics":
                body = metrics_text(monitor).encode()
            else:
                with monitor.track("page"):
                    body = b"ok"
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Be quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def prometheus(application, tmp_path):
    """A Prometheus that scrapes the application five times a second; gives its URL."""
    path, port = program("prometheus"), free_port()
    config = tmp_path / "prometheus.json"  # JSON is YAML
    target = {"job_name": "shop", "static_configs": [{"targets": [f"127.0.0.1:{application}"]}]}
    config.write_text(
        json.dumps({"global": {"scrape_interval": "200ms"}, "scrape_configs": [target]})
    )
    command = [path, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
    url = f"http://127.0.0.1:{port}"
    with running([*command, f"--web.listen-address=127.0.0.1:{port}"], f"{url}/-/ready"):
        yield url


def query(prometheus, expression):
    """Give the answer's values by their labels without job, instance and name."""
    page = f"{prometheus}/api/v1/query?query={urllib.parse.quote(expression)}"
    return {
        tuple(
            label
            for name, label in sorted(one["metric"].items())
            if name not in ("__name__", "instance", "job")
        ): float(one["value"][1])
        for one in get_json(page)["data"]["result"]
    }


def test_prometheus_answers_with_the_exact_counts(prometheus, application, monitor):
    """After 57 pages and three failures, queries give 57, three, and a quantile in seconds."""
    for _ in range(57):
        assert get(f"http://127.0.0.1:{application}/") == "ok"
    for _ in range(3):
        monitor.record("db.query", 40_000_000, error_type="TimeoutError")
    count = "perfmon_operation_duration_seconds_count"
    counted = {("page",): 57.0, ("db.query",): 3.0}
    until(lambda: query(prometheus, count) == counted)
    assert query(prometheus, 'perfmon_operation_calls_total{outcome="success"}') == {
        ("db.query", "success"): 0.0,
        ("page", "success"): 57.0,
    }
    assert query(prometheus, "perfmon_operation_errors_total") == {
        ("TimeoutError", "db.query"): 3.0
    }
    (p95,) = query(
        prometheus,
        "histogram_quantile(0.95, sum by (le)"
        ' (perfmon_operation_duration_seconds_bucket{operation="db.query"}))',
    ).values()
    assert 0.025 <= p95 <= 0.05
    targets = get_json(f"{prometheus}/api/v1/targets")["data"]["activeTargets"]
    assert [target["lastError"] for target in targets] == [""]


def test_two_processes_push_and_a_dead_gateway_costs_nothing(monitor):
    """Groups of two instances add up; what is counted during an outage is there after it."""
    path, port = program("prometheus-pushgateway"), free_port()
    url = f"http://127.0.0.1:{port}"
    other = PerformanceMonitor()
    pushes = [
        PushgatewayExporter(one, url, job="shop", instance=name, interval="600s")
        for one, name in ((monitor, "a"), (other, "b"))
    ]

    def counted():
        families = text_string_to_metric_families(get(f"{url}/metrics"))
        return {
            (sample.labels["instance"], sample.labels["operation"]): sample.value
            for family in families
            for sample in family.samples
            if sample.name == "perfmon_operation_duration_seconds_count"
        }

    command = [path, f"--web.listen-address=127.0.0.1:{port}"]
    with running(command, f"{url}/-/ready"):
        for _ in range(10):
            monitor.record_metric("page", 1.0)
            other.record_metric("page", 1.0)
        other.record_metric("job", 1.0)
        assert [push.flush() for push in pushes] == [True, True]
        assert counted() == {("a", "page"): 10, ("b", "page"): 10, ("b", "job"): 1}
    for _ in range(5):
        monitor.record_metric("page", 1.0)
    assert not pushes[0].flush()
    with running(command, f"{url}/-/ready"):
        monitor.record_metric("page", 1.0)
        assert [push.flush() for push in pushes] == [True, True]
        assert counted() == {("a", "page"): 16, ("b", "page"): 10, ("b", "job"): 1}
        assert pushes[0].counts() == ExportCounts(sent=2, dropped=0, given_up=1, waiting=0)
        pushes[0].forget()
        assert counted() == {("b", "page"): 10, ("b", "job"): 1}
        pushes[1].forget()
        assert counted() == {}
