"""The ASGI middleware in a real uvicorn: streams, disconnects, WebSockets, many at once."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead

import pytest
from asgi_apps import starlette_app
from servers import counts, leave_in_the_middle, request, serve_asgi, until
from websockets.sync.client import connect

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.web.asgi import PerfmonASGIMiddleware


@pytest.fixture
def monitor():
    """A monitor on the real clock."""
    return PerformanceMonitor()


@pytest.fixture
def port(monitor):
    """The port of a server with a fresh application."""
    app = PerfmonASGIMiddleware(starlette_app(), monitor=monitor, exclude=["/up", "/files/{path}"])
    with serve_asgi(app) as port:
        yield port


def counted(monitor, expected):
    """Wait until that is what was counted: a server counts when a client has the last byte."""
    try:
        until(lambda: counts(monitor) == expected, 5)
    except AssertionError:
        assert counts(monitor) == expected


def test_all_methods_and_statuses_are_counted(monitor, port):
    """HEAD, OPTIONS, 404 and 405 are requests like any other."""
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
        request(port, "/items/7", method)
    request(port, "/items/seven")
    expected = {f"{one} /items/{{id}}": (1, {}, 0) for one in ("GET", "HEAD", "OPTIONS")}
    expected |= {f"{one} /items/{{id}}": (1, {}, 0) for one in ("PUT", "DELETE")}
    counted(monitor, expected | {"GET <unmatched>": (1, {}, 0)})


def test_lifespan_reaches_the_application_and_excluded_paths_do_not_count(monitor, port):
    """The application was started, as it says at a path that is excluded."""
    assert request(port, "/up") == (200, b"True")
    assert request(port, "/files/a/b") == (200, b"/files/a/b")
    assert request(port, "/items/1")[0] == 200
    counted(monitor, {"GET /items/{id}": (1, {}, 0)})


def test_exceptions_are_counted_by_class_and_answered_as_ever(monitor, port):
    """The server answers 500 as without the middleware."""
    assert request(port, "/fail") == (500, b"Internal Server Error")
    counted(monitor, {"GET /fail": (0, {"LookupError": 1}, 0)})


def test_a_stream_that_breaks_is_a_failure(monitor, port):
    """An exception between two pieces is counted by its class."""
    with pytest.raises(IncompleteRead):
        request(port, "/broken")
    counted(monitor, {"GET /broken": (0, {"ArithmeticError": 1}, 0)})


def test_a_stream_counts_when_it_ends(monitor, port):
    """A stream is not counted while its client still reads, and once after that."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /gated HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b""
        while b"first\n" not in received:
            received += connection.recv(1000)
        assert counts(monitor) == {}
        assert request(port, "/open") == (200, b"open")
        while piece := connection.recv(1000):
            received += piece
    assert b"last\n" in received
    counted(monitor, {"GET /open": (1, {}, 0), "GET /gated": (1, {}, 0)})


def test_a_client_that_leaves_in_the_middle_is_counted_apart(monitor, port):
    """A stream whose client goes away ends, and is neither success nor failure."""
    leave_in_the_middle(port, "/endless")
    counted(monitor, {"GET /endless": (0, {}, 1)})


def test_background_tasks_hold_no_request_back(monitor, port):
    """A request is counted while the task that it started still runs."""
    assert request(port, "/with-task") == (200, b"x")
    counted(monitor, {"GET /with-task": (1, {}, 0)})
    request(port, "/end-task")


def test_websockets_work_and_are_not_counted(monitor, port):
    """A WebSocket passes through."""
    with connect(f"ws://127.0.0.1:{port}/echo") as websocket:
        websocket.send("hello")
        assert websocket.recv() == "hello"
    assert counts(monitor) == {}


def test_concurrent_requests_are_counted_exactly(monitor, port):
    """Of many requests at once none is lost and none counted twice."""

    def ask(number):
        return [request(port, f"/t/{number}/items/{each}")[0] for each in range(25)]

    with ThreadPoolExecutor(8) as pool:
        assert {status for statuses in pool.map(ask, range(16)) for status in statuses} == {200}
    counted(monitor, {"GET /t/{tenant}/items/{id}": (400, {}, 0)})
