"""The time to the first byte means the same under every interface and framework."""

from __future__ import annotations

import io
import wsgiref.util

import pytest
from interfaces_by_hand import (
    by_asgi,
    by_async_django,
    by_django,
    by_flask,
    by_whole_django,
    by_wsgi,
)

from pytest_perfmon.web import PerfmonWSGIMiddleware

STREAMING = [by_asgi, by_wsgi, by_flask, by_django, by_async_django]


def first_bytes(monitor):
    """Give the milliseconds to the first bytes, and to the last."""
    stats = {one.operation: one for one in monitor.get_stats()}
    (whole,) = (name for name in stats if "first byte" not in name)
    first = stats.get(f"{whole} (first byte)")
    return None if first is None else first.max, stats[whole].max


@pytest.mark.parametrize("serve", STREAMING)
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["2ms", b"first", "3ms", b"last", "4ms"], (2, 9)),
        (["2ms", b"", "3ms", b"first", "4ms", b"last"], (5, 9)),
        (["2ms", b"", "3ms"], (5, 5)),
        (["2ms"], (2, 2)),
    ],
    ids=["pieces", "an empty piece first", "only empty pieces", "no piece"],
)
def test_the_first_byte_is_the_first_content_of_the_body(monitor, clock, serve, steps, expected):
    """The first piece that is not empty is the first byte; without one the end is."""
    serve(monitor, clock, steps, first_byte=True)
    assert first_bytes(monitor) == expected


def test_a_body_in_one_is_its_first_byte(monitor, clock):
    """A Django response that is no stream has its first byte when it is there."""
    by_whole_django(monitor, clock, ["2ms", b"all"], first_byte=True)
    assert first_bytes(monitor) == (2, 2)


@pytest.mark.parametrize("serve", [by_asgi, by_wsgi, by_django, by_async_django])
def test_a_request_that_fails_before_its_first_byte_has_none(monitor, clock, serve):
    """Nothing is made up for a stream that broke before it had any content."""
    with pytest.raises(LookupError):
        serve(monitor, clock, ["2ms", b"", LookupError("x")], first_byte=True)
    assert first_bytes(monitor) == (None, 2)


@pytest.mark.parametrize("serve", [*STREAMING, by_whole_django])
def test_nobody_pays_who_did_not_ask(monitor, clock, serve):
    """Without `first_byte` there is one operation, and events say nothing of it."""
    serve(monitor, clock, [b"x", "2s"])
    assert len(monitor.get_stats()) == 1
    assert [event.metadata for event in monitor.events()] == [{"status": 200}]


@pytest.mark.parametrize("serve", STREAMING)
def test_a_slow_first_byte_is_one_alert(monitor, clock, serve, caplog):
    """A request that is slow from its first byte on is told once, with that time."""
    serve(monitor, clock, ["2s", b"x"], first_byte=True)
    assert [event.metadata["first_byte_ms"] for event in monitor.events()] == [2000]
    assert len(caplog.records) == 1


def test_a_file_by_its_path_is_handed_over_at_once(monitor, clock):
    """ASGI's extension that sends a file by its path has its first byte there."""
    path = {"type": "http.response.pathsend", "path": "/x"}
    start = {"type": "http.response.start", "status": 200, "headers": []}
    by_asgi(monitor, clock, ["3ms"], before=[start, path], status=None, first_byte=True)
    assert first_bytes(monitor) == (0, 0)


def test_a_wrapped_file_is_handed_over_with_the_call(monitor, clock):
    """A `wsgi.file_wrapper` has its first byte when the server gets it, and its end at `close`."""

    def app(environ, start_response):
        start_response("200 OK", [])
        clock.advance("2ms")
        return environ["wsgi.file_wrapper"](io.BytesIO(b"content"))

    environ = {"REQUEST_METHOD": "GET", "wsgi.file_wrapper": wsgiref.util.FileWrapper}
    wsgiref.util.setup_testing_defaults(environ)
    body = PerfmonWSGIMiddleware(app, monitor=monitor, first_byte=True)(environ, lambda *_: None)
    clock.advance("3ms")
    body.close()
    assert first_bytes(monitor) == (2, 5)
