"""Which status a request is counted with, the same by ASGI and by WSGI."""

from __future__ import annotations

import pytest
from interfaces_by_hand import by_asgi, by_wsgi
from servers import counts

from pytest_perfmon.web import PerfmonWSGIMiddleware

INTERFACES = pytest.mark.parametrize("serve", [by_asgi, by_wsgi])


def statuses(monitor, operation="GET /x"):
    """Give how many calls of an operation have which status."""
    stats = monitor.get_stats(operation)
    return {status: durations.count for status, durations in stats.by_status.items()}


@INTERFACES
@pytest.mark.parametrize(
    ("status", "failure"),
    [(200, {}), (204, {}), (304, {}), (307, {}), (404, {}), (405, {}), (503, {"503": 1})],
)
def test_each_status_is_counted(monitor, clock, serve, status, failure):
    """Fast successes, redirections and refusals have their status as failures have."""
    serve(monitor, clock, [], status=status)
    assert statuses(monitor) == {status: 1}
    assert counts(monitor) == {"GET /x": (1 - len(failure), failure, 0)}


@INTERFACES
def test_classes_are_told_of_each_route(monitor, clock, serve):
    """A route's `2xx`, `3xx`, `4xx` and `5xx` add up to its calls."""
    for status in [200] * 5 + [201, 304, 404, 404, 500]:
        serve(monitor, clock, [b"x"], status=status)
    stats = monitor.get_stats("GET /x")
    assert stats.status_classes == {"2xx": 6, "3xx": 1, "4xx": 2, "5xx": 1}
    assert sum(stats.status_classes.values()) == stats.count


@INTERFACES
def test_what_raises_before_its_response_is_answered_by_500(monitor, clock, serve):
    """An application that raises before it began is a server's 500, under the error's class."""
    with pytest.raises(LookupError):
        serve(monitor, clock, [LookupError("x")], status=None)
    assert statuses(monitor) == {500: 1}
    assert counts(monitor) == {"GET /x": (0, {"LookupError": 1}, 0)}


@INTERFACES
def test_a_stream_that_breaks_keeps_its_status(monitor, clock, serve):
    """A failure in the body has the status that was sent before, as in the server's own log."""
    with pytest.raises(LookupError):
        serve(monitor, clock, [b"x", LookupError("x")], status=200)
    assert statuses(monitor) == {200: 1}
    assert counts(monitor) == {"GET /x": (0, {"LookupError": 1}, 0)}


@INTERFACES
def test_what_nobody_waited_for_has_no_status(monitor, clock, serve):
    """A cancelled request is in no figure but its own."""
    with pytest.raises(GeneratorExit):
        serve(monitor, clock, [b"x", GeneratorExit()])
    assert monitor.get_stats("GET /x").by_status == {}
    assert counts(monitor) == {"GET /x": (0, {}, 1)}


@INTERFACES
def test_a_head_is_an_operation_of_its_own(monitor, clock, serve):
    """HEAD has its own name, and its status."""
    serve(monitor, clock, [], method="HEAD")
    assert statuses(monitor, "HEAD /x") == {200: 1}


@INTERFACES
def test_a_slow_request_has_its_status(monitor, clock, serve):
    """What makes an event is counted with its status too."""
    serve(monitor, clock, ["2s", b"x"], status=201)
    assert statuses(monitor) == {201: 1}


@pytest.mark.parametrize(
    "before",
    [
        [{"type": "http.response.early_hint", "links": []}],
        [{"type": "http.response.start", "status": 103, "headers": []}],
    ],
    ids=["a hint", "a start"],
)
def test_an_informational_response_of_asgi_is_not_the_response(monitor, clock, before):
    """Early hints are neither a status nor a first byte: what follows them is."""
    by_asgi(monitor, clock, ["2ms", b"x"], before=before, first_byte=True)
    assert statuses(monitor) == {200: 1}
    assert monitor.get_stats("GET /x (first byte)").max == 2


def test_early_hints_of_wsgi_are_not_the_response(monitor, clock):
    """What a server offers in the environ for hints is called past the middleware."""
    hinted = []

    def app(environ, start_response):
        environ["wsgi.early_hints"]([("Link", "</style.css>")])
        clock.advance("2ms")
        start_response("200 OK", [])
        return [b"x"]

    app = PerfmonWSGIMiddleware(app, monitor=monitor, first_byte=True)
    environ = {"REQUEST_METHOD": "GET", "wsgi.early_hints": hinted.append}
    body = app(environ, lambda *_: None)
    assert list(body) == [b"x"]
    body.close()
    assert len(hinted) == 1
    assert statuses(monitor, "GET <unmatched>") == {200: 1}
    assert monitor.get_stats("GET <unmatched> (first byte)").max == 2


@pytest.mark.parametrize("line", ["OK", "-20 OK", ""])
def test_a_status_that_is_none_is_a_server_error(monitor, line):
    """A WSGI status line that says no number is what its server will refuse."""

    def app(_environ, start_response):
        start_response(line, [])
        return []

    body = PerfmonWSGIMiddleware(app, monitor=monitor)({"REQUEST_METHOD": "GET"}, lambda *_: None)
    list(body)
    body.close()
    assert statuses(monitor, "GET <unmatched>") == {500: 1}
