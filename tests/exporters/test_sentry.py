"""Sentry: what its SDK sends to a real HTTP server, from a process of its own."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

pytest.importorskip("sentry_sdk")

APP = Path(__file__).with_name("sentry_app.py")
DEADLINE_S = 60


class SentryServer(ThreadingHTTPServer):
    """Takes envelopes as Sentry does, and keeps the events in them."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Envelopes)
        self.events = []

    @property
    def dsn(self):
        """Where an SDK sends to."""
        return f"http://publickey@127.0.0.1:{self.server_port}/1"


class Envelopes(BaseHTTPRequestHandler):
    """One request of an SDK."""

    def do_POST(self):
        """Keep the events of an envelope: a header, then a header and a payload for each item."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        lines = iter(body.split(b"\n")[1:])
        for header, payload in zip(lines, lines, strict=False):
            if json.loads(header)["type"] == "event":
                self.server.events.append(json.loads(payload))
        answer = b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def told():
    """Run the application in one case, once, and give the events that reached the server."""

    @cache
    def run(case):
        with SentryServer() as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                subprocess.run(
                    [sys.executable, "-W", "error", APP, server.dsn, case],
                    check=True,
                    timeout=DEADLINE_S,
                )
            finally:
                server.shutdown()
                thread.join(DEADLINE_S)
        return server.events

    return run


def in_short(events):
    """Give level, text and fingerprint of each event."""
    return [(one["level"], text_of(one), *one["fingerprint"][1:]) for one in events]


def text_of(event):
    """Give the message of an event, in either of its forms."""
    return event.get("message") or event["logentry"]["message"]


def test_a_slow_hour_is_one_message(told):
    """3,600 slow calls are one event; a very slow one and another day's are news."""
    events = told("slow_hour")
    assert in_short(events) == [
        ("warning", "slow operation 'db.query': 200 ms", "slow", "db.query"),
        ("error", "slow operation 'db.query': 2000 ms", "slow", "db.query"),
        ("warning", "slow operation 'cache.get': 200 ms", "slow", "cache.get"),
        ("warning", "slow operation 'db.query': 200 ms", "slow", "db.query"),
    ]
    assert {event["fingerprint"][0] for event in events} == {"pytest-perfmon"}


def test_a_slow_operation_comes_with_its_performance(told):
    """Duration, metadata without its secrets, the caller's stack, and tags to search by."""
    event = told("slow_hour")[0]
    assert event["tags"]["operation"] == "db.query"
    assert event["tags"]["performance"] == "slow"
    context = event["contexts"]["performance"]
    assert context["duration_ms"] == 200.0
    assert context["metadata"]["table"] == "users"
    assert "hunter2" not in json.dumps(event)
    assert any("sentry_app.py" in frame for frame in context["stack"])


def test_budgets_are_told_on_their_edges(told):
    """Raised, worse and recovered, under one fingerprint; what waits is sent at the end."""
    events = told("budgets")
    key = ("budget", "db.query", "p95", "10 ms")
    assert in_short(events) == [
        ("warning", "'db.query' p95 15.0 ms > 10 ms (1.50x, warning, raised)", *key),
        ("fatal", "'db.query' p95 40.0 ms > 10 ms (4.00x, critical, worse)", *key),
        ("info", "'db.query' p95 5.00 ms is within 10 ms again (was critical)", *key),
        (
            "warning",
            "'auth.login' p99 60.0 ms > 50 ms (1.20x, warning, raised)",
            "budget",
            "auth.login",
            "p99",
            "50 ms",
        ),
    ]
    assert events[0]["contexts"]["performance"]["limit_ms"] == 10.0


def test_an_error_comes_once_with_its_performance(told):
    """Each error is one event, though a framework reports it too, and says how slow it was."""
    fast, slow = (event for event in told("errors") if "exception" in event)
    assert fast["exception"]["values"][-1]["type"] == "ValueError"
    assert fast["exception"]["values"][-1]["stacktrace"]["frames"]
    assert fast["tags"]["operation"] == "payment.process"
    assert [event["tags"]["performance"] for event in (fast, slow)] == ["normal", "slow"]
    assert [event["contexts"]["performance"]["duration_ms"] for event in (fast, slow)] == [
        5.0,
        1500.0,
    ]


def test_names_are_data_and_the_applications_context_stays(told):
    """A hostile name is one fingerprint of its own, and the application's tags are there."""
    hostile, failing = told("hostile")
    assert hostile["fingerprint"][2] == "{{ default }}\n<script>"
    assert "\n" not in text_of(hostile)
    assert hostile["tags"]["request"] == "42"
    assert failing["contexts"]["performance"]["error_type"] == "KeyError"
