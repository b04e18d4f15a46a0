"""The WSGI middleware by hand: what a server calls, in order, on a scripted clock."""

from __future__ import annotations

import asyncio
import io
import wsgiref.util
from types import SimpleNamespace
from wsgiref.validate import validator

import pytest
from servers import counts

from pytest_perfmon.errors import UsageError
from pytest_perfmon.web import PerfmonWSGIMiddleware

FLASK_RULE = {"werkzeug.request": SimpleNamespace(url_rule=SimpleNamespace(rule="/items/<id>"))}


def environ_of(method="GET", path="/items/3", **more):
    """Give an environ as a server makes it."""
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": ""} | more
    wsgiref.util.setup_testing_defaults(environ)
    return environ


def app_of(clock, pieces=(b"x",), status="200 OK", *, before=0, error=None):
    """Make an application that takes some time and answers with these pieces."""

    def app(environ, start_response):
        environ.update(FLASK_RULE)
        clock.advance(before)
        if error is not None:
            raise error
        start_response(status, [("Content-Type", "text/plain")])
        return pieces

    return app


class Started:
    """A server's `start_response`, which keeps what it was called with."""

    def __init__(self):
        self.calls = []
        self.written = []

    def __call__(self, *arguments):
        """Keep the arguments, and give what writes."""
        self.calls.append(arguments)
        return self.written.append


def serve(app, environ=None, *, pieces=None):
    """Do as a server does, taking all pieces or so many; gives what was received."""
    body = app(environ or environ_of(), Started())
    received = []
    try:
        for piece in body:
            received.append(piece)
            if len(received) == pieces:
                break
    finally:
        if hasattr(body, "close"):
            body.close()
    return received


def streamed(clock, *steps):
    """Give pieces, let time pass, or raise."""
    for step in steps:
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, str):
            clock.advance(step)
        else:
            yield step


def test_a_request_lasts_until_its_body_is_closed(monitor, clock):
    """The call, the pieces and the closing count, in which the server's own time is."""
    body = streamed(clock, "3ms", b"a", "4ms", b"b", "5ms")
    app = PerfmonWSGIMiddleware(app_of(clock, body, before="2ms"), monitor=monitor)
    assert serve(app) == [b"a", b"b"]
    assert monitor.get_stats("GET /items/<id>").max == 14


def test_nothing_is_counted_before_the_close(monitor, clock):
    """A body that is still being sent has not ended, though all of it is there."""
    body = PerfmonWSGIMiddleware(app_of(clock), monitor=monitor)(environ_of(), Started())
    assert list(body) == [b"x"]
    assert counts(monitor) == {}
    body.close()
    body.close()
    assert counts(monitor) == {"GET /items/<id>": (1, {}, 0)}


def test_the_applications_own_close_is_called(monitor, clock):
    """What the application wants to be told at the end it is told, before the request ends."""

    class Closable:
        closed = 0

        def __iter__(self):
            return iter([b"x"])

        def close(self):
            self.closed += 1
            clock.advance("7ms")

    body = Closable()
    serve(PerfmonWSGIMiddleware(app_of(clock, body), monitor=monitor))
    assert body.closed == 1
    assert monitor.get_stats("GET /items/<id>").max == 7


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("404 Not Found", (1, {}, 0)),
        ("500 Internal Server Error", (0, {"500": 1}, 0)),
        ("503 Service Unavailable", (0, {"503": 1}, 0)),
    ],
)
def test_a_server_error_is_a_failure_and_nothing_below(monitor, clock, status, expected):
    """From 500 on a response is counted as a failure of that number."""
    serve(PerfmonWSGIMiddleware(app_of(clock, status=status), monitor=monitor))
    assert counts(monitor) == {"GET /items/<id>": expected}


@pytest.mark.parametrize("where", ["call", "piece", "close"])
def test_an_exception_is_counted_once_and_goes_on_unchanged(monitor, clock, where):
    """Raised in the call, by a piece or on closing, an exception is a failure of its class."""
    error = LookupError("x")

    class Closing:
        def __iter__(self):
            return iter([b"x"])

        def close(self):
            raise error

    if where == "call":
        app = app_of(clock, error=error)
    elif where == "piece":
        app = app_of(clock, streamed(clock, b"x", error))
    else:
        app = app_of(clock, Closing())
    with pytest.raises(LookupError) as caught:
        serve(PerfmonWSGIMiddleware(app, monitor=monitor))
    assert caught.value is error
    assert counts(monitor) == {"GET /items/<id>": (0, {"LookupError": 1}, 0)}


def test_a_cancellation_is_counted_apart(monitor, clock):
    """What only says that nobody wants the result is no failure."""
    app = app_of(clock, error=asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        serve(PerfmonWSGIMiddleware(app, monitor=monitor))
    assert counts(monitor) == {"GET /items/<id>": (0, {}, 1)}


def test_a_body_closed_before_its_end_is_counted_apart(monitor, clock):
    """A server that stops in the middle has lost its client."""
    body = streamed(clock, b"a", b"b", b"c")
    serve(PerfmonWSGIMiddleware(app_of(clock, body), monitor=monitor), pieces=2)
    assert counts(monitor) == {"GET /items/<id>": (0, {}, 1)}


@pytest.mark.parametrize(
    ("method", "status"),
    [("HEAD", "200 OK"), ("GET", "304 Not Modified"), ("GET", "204 No Content")],
)
def test_what_has_no_body_is_complete_without_one(monitor, clock, method, status):
    """A server need not take the pieces of an answer that is only a head."""
    app = PerfmonWSGIMiddleware(app_of(clock, status=status), monitor=monitor)
    app(environ_of(method), Started()).close()
    assert counts(monitor) == {f"{method} /items/<id>": (1, {}, 0)}


def test_written_pieces_and_exc_info_reach_the_server(monitor, clock):
    """The old `write` works, a third argument arrives, and the last status is what counts."""
    started = Started()

    def app(_environ, start_response):
        clock.advance("2ms")
        start_response("200 OK", [])(b"written")
        clock.advance("3ms")
        start_response("500 Oh", [("A", "b")], ("type", "error", "traceback"))
        return []

    app = PerfmonWSGIMiddleware(app, monitor=monitor, first_byte=True)
    body = app(environ_of(), started)
    assert (list(body), started.written) == ([], [b"written"])
    body.close()
    assert started.calls == [
        ("200 OK", []),
        ("500 Oh", [("A", "b")], ("type", "error", "traceback")),
    ]
    assert counts(monitor)["GET <unmatched>"] == (0, {"500": 1}, 0)
    assert monitor.get_stats("GET <unmatched> (first byte)").max == 2


def test_the_first_byte_is_the_first_piece(monitor, clock):
    """With `first_byte` the time to the first piece is counted beside the whole."""
    body = streamed(clock, "3ms", b"a", "4ms", b"b")
    serve(PerfmonWSGIMiddleware(app_of(clock, body), monitor=monitor, first_byte=True))
    assert monitor.get_stats("GET /items/<id>").max == 7
    assert monitor.get_stats("GET /items/<id> (first byte)").max == 3


@pytest.mark.parametrize("has_close", [True, False])
def test_a_file_wrapper_stays_one(monitor, clock, has_close):
    """The server gets the very object that it knows how to send, and its close is the end."""
    file = io.BytesIO(b"content")
    content = file if has_close else SimpleNamespace(read=file.read)
    environ = environ_of(**{"wsgi.file_wrapper": wsgiref.util.FileWrapper})
    wrapped = wsgiref.util.FileWrapper(content)
    body = PerfmonWSGIMiddleware(app_of(clock, wrapped), monitor=monitor)(environ, Started())
    assert body is wrapped
    assert counts(monitor) == {}
    clock.advance("5ms")
    body.close()
    assert file.closed is has_close
    assert monitor.get_stats("GET /items/<id>").max == 5


def test_a_file_wrapper_that_cannot_be_changed_counts_at_once(monitor, clock):
    """A wrapper whose `close` is fixed is passed on, and its request ends with the call."""

    class Fixed:
        __slots__ = ()

        def close(self):
            """Do nothing."""

    environ = environ_of(**{"wsgi.file_wrapper": Fixed})
    PerfmonWSGIMiddleware(app_of(clock, Fixed()), monitor=monitor)(environ, Started())
    assert counts(monitor) == {"GET /items/<id>": (1, {}, 0)}


def test_the_number_of_pieces_stays_known(monitor, clock):
    """A list has a length, from which servers tell the content's, and a stream has none."""
    app = PerfmonWSGIMiddleware(app_of(clock, [b"x"]), monitor=monitor)
    assert len(app(environ_of(), Started())) == 1
    app = PerfmonWSGIMiddleware(app_of(clock, streamed(clock)), monitor=monitor)
    assert not hasattr(app(environ_of(), Started()), "__len__")


def test_it_keeps_to_the_specification(monitor):
    """Python's own validator finds nothing wrong on either side of the middleware."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode()]

    app = validator(PerfmonWSGIMiddleware(validator(app), monitor=monitor))
    environ = environ_of()
    environ["QUERY_STRING"] = ""
    body = app(environ, Started())
    assert list(body) == [b"/items/3"]
    body.close()
    assert counts(monitor) == {"GET <unmatched>": (1, {}, 0)}


@pytest.mark.parametrize(
    ("left", "template"),
    [
        (FLASK_RULE, "/items/<id>"),
        ({"werkzeug.request": SimpleNamespace(url_rule=None)}, "<unmatched>"),
        ({"bottle.route": SimpleNamespace(rule="/items/<id>")}, "/items/<id>"),
        ({"bottle.route": None}, "<unmatched>"),
        ({}, "<unmatched>"),
    ],
)
def test_the_route_is_read_where_a_framework_leaves_it(monitor, left, template):
    """Flask's and Bottle's templates are found; a path that has none shows nothing."""

    def app(environ, start_response):
        environ.update(left)
        start_response("200 OK", [])
        return []

    serve(PerfmonWSGIMiddleware(app, monitor=monitor))
    assert counts(monitor) == {f"GET {template}": (1, {}, 0)}


def test_a_dispatchers_prefix_is_part_of_the_name(monitor, clock):
    """What a dispatcher moves to the script's name comes first, the server's own prefix not."""
    inner = app_of(clock)

    def dispatcher(environ, start_response):
        environ["SCRIPT_NAME"] += "/shop"
        return inner(environ, start_response)

    app = PerfmonWSGIMiddleware(dispatcher, monitor=monitor)
    serve(app, environ_of(SCRIPT_NAME="/proxied"))
    assert counts(monitor) == {"GET /shop/items/<id>": (1, {}, 0)}


@pytest.mark.parametrize("excluded", ["/app/items/3", "/items/<id>"])
def test_excluded_paths_and_templates_are_not_counted(monitor, clock, excluded):
    """`exclude` takes what a client asks for, and what the application calls it."""
    app = PerfmonWSGIMiddleware(app_of(clock), monitor=monitor, exclude=[excluded])
    assert serve(app, environ_of(SCRIPT_NAME="/app")) == [b"x"]
    assert counts(monitor) == {}


def test_another_frameworks_template_is_asked_for(monitor, clock):
    """`template_for` comes first; where it gives None the environ's own is taken."""
    answers = iter(["/pages/{page}", None])
    options = {"template_for": lambda _environ: next(answers)}
    app = PerfmonWSGIMiddleware(app_of(clock), monitor=monitor, **options)
    serve(app)
    serve(app, environ_of("BREW"))
    assert sorted(counts(monitor)) == ["GET /pages/{page}", "_OTHER /items/<id>"]


def test_a_bad_argument_is_named():
    """A mistake in the set-up is an error that says which argument and what is allowed."""
    with pytest.raises(UsageError, match="template_for is 3: expected a function"):
        PerfmonWSGIMiddleware(None, template_for=3)
