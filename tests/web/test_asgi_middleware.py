"""The ASGI middleware by hand: every message of a request in order, on a scripted clock."""

from __future__ import annotations

import asyncio

import pytest
from servers import counts

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.web import PerfmonASGIMiddleware

START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b"x"}
MORE = {"type": "http.response.body", "body": b"x", "more_body": True}
GONE = {"type": "http.disconnect"}


class Route:
    """A route as Starlette leaves it in the scope."""

    path_format = "/items/{id}"


def scope_of(method="GET", path="/items/3", **more):
    """Give an HTTP scope."""
    return {"type": "http", "method": method, "path": path, "root_path": "", **more}


def app_of(clock, *steps, route=Route):
    """Make an application of steps: a message is sent, "receive" receives, a time passes, or raise.

    The route is known as the application begins.
    """

    async def app(scope, receive, send):
        if route is not None:
            scope["route"] = route()
        for step in steps:
            if step == "receive":
                await receive()
            elif isinstance(step, dict):
                await send(step)
            elif isinstance(step, BaseException):
                raise step
            else:
                clock.advance(step)

    return app


def serve(app, scope, incoming=(), send=None):
    """Run one connection to its end; gives what was sent."""
    sent = []
    messages = iter(incoming)

    async def receive():
        return next(messages)

    async def collect(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send or collect))
    return sent


def counted(monitor, clock, *steps, incoming=(), route=Route, **options):
    """Run one request of those steps; gives what was counted."""
    app = PerfmonASGIMiddleware(app_of(clock, *steps, route=route), monitor=monitor, **options)
    serve(app, scope_of(), incoming)
    return counts(monitor)


def status(number):
    """Give a response's start of that status."""
    return START | {"status": number}


def test_a_request_lasts_to_its_last_byte(monitor, clock):
    """Time before the start and between pieces counts; what runs after the response does not."""
    counted(monitor, clock, "2ms", START, "3ms", MORE, "4ms", END, "1s")
    assert monitor.get_stats("GET /items/{id}").max == 9


def test_a_request_is_counted_with_its_last_byte(monitor, clock):
    """A background task that still runs does not hold its request back."""
    seen = []

    async def app(scope, _receive, send):
        scope["route"] = Route()
        await send(START)
        await send(END)
        seen.append(counts(monitor))

    serve(PerfmonASGIMiddleware(app, monitor=monitor), scope_of())
    assert seen == [{"GET /items/{id}": (1, {}, 0)}]


def test_messages_pass_unchanged(monitor, clock):
    """The server gets the application's own messages, and the application the server's."""
    app = PerfmonASGIMiddleware(app_of(clock, "receive", START, MORE, END), monitor=monitor)
    sent = serve(app, scope_of(), [{"type": "http.request"}])
    assert [id(message) for message in sent] == [id(START), id(MORE), id(END)]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((status(404), END), (1, {}, 0)),
        ((status(499), END), (1, {}, 0)),
        ((status(500), END), (0, {"500": 1}, 0)),
        ((status(503), MORE, END), (0, {"503": 1}, 0)),
    ],
    ids=["404", "499", "500", "503"],
)
def test_a_server_error_is_a_failure_and_nothing_below(monitor, clock, steps, expected):
    """From 500 on a response is counted as a failure of that number."""
    assert counted(monitor, clock, *steps) == {"GET /items/{id}": expected}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((ValueError("x"),), (0, {"ValueError": 1}, 0)),
        ((status(500), END, ValueError("x")), (0, {"ValueError": 1}, 0)),
        ((START, MORE, ValueError("x")), (0, {"ValueError": 1}, 0)),
        ((START, END, ValueError("x")), (1, {}, 0)),
        ((asyncio.CancelledError(),), (0, {}, 1)),
    ],
    ids=["at once", "answered by 500", "in the stream", "after a response", "cancelled"],
)
def test_an_exception_is_counted_once_and_goes_on_unchanged(monitor, clock, steps, expected):
    """The class of what ended a request is counted; after a good response it is not its own."""
    error = steps[-1]
    with pytest.raises(type(error)) as caught:
        counted(monitor, clock, "1ms", *steps)
    assert caught.value is error
    assert counts(monitor) == {"GET /items/{id}": expected}


def test_a_client_that_goes_away_is_counted_apart(monitor, clock):
    """A response cut off after the server told of a disconnect is neither success nor failure."""
    steps = (START, MORE, "receive")
    assert counted(monitor, clock, *steps, incoming=[GONE]) == {"GET /items/{id}": (0, {}, 1)}


def test_a_disconnect_after_the_response_changes_nothing(monitor, clock):
    """Listening for the disconnect after the last byte leaves a success a success."""
    steps = (START, END, "receive")
    assert counted(monitor, clock, *steps, incoming=[GONE]) == {"GET /items/{id}": (1, {}, 0)}


def test_a_disconnect_after_a_server_error_hides_no_exception(monitor, clock):
    """A complete 500 whose exception follows the disconnect is that exception's failure."""
    steps = (status(500), END, "receive", ValueError("x"))
    with pytest.raises(ValueError, match="x"):
        counted(monitor, clock, *steps, incoming=[GONE])
    assert counts(monitor) == {"GET /items/{id}": (0, {"ValueError": 1}, 0)}


def test_a_send_that_finds_the_client_gone_is_a_cancellation(monitor, clock):
    """An OSError of the server's send, in whatever the application makes of it, is no failure."""

    async def app(_scope, _receive, send):
        try:
            await send(START)
        except OSError as error:
            raise RuntimeError("client disconnected") from error

    async def broken(_message):
        raise BrokenPipeError

    with pytest.raises(RuntimeError):
        serve(PerfmonASGIMiddleware(app, monitor=monitor), scope_of(), send=broken)
    assert counts(monitor) == {"GET <unmatched>": (0, {}, 1)}


def test_a_response_without_an_end_is_a_failure(monitor, clock):
    """An application that returns before the last byte has failed, where the client is there."""
    assert counted(monitor, clock, START, MORE) == {
        "GET /items/{id}": (0, {"IncompleteResponse": 1}, 0)
    }


@pytest.mark.parametrize(
    "steps",
    [
        (START | {"trailers": True}, END, "5ms", {"type": "http.response.trailers"}),
        (
            START | {"trailers": True},
            END,
            {"type": "http.response.trailers", "more_trailers": True},
            "5ms",
            {"type": "http.response.trailers"},
        ),
        (START, "5ms", {"type": "http.response.pathsend", "path": "/x"}),
        ({"type": "http.response.early_hint"}, START, "5ms", END),
    ],
    ids=["trailers", "more trailers", "a file by its path", "early hints"],
)
def test_extensions_end_a_response_where_they_say(monitor, clock, steps):
    """Trailers come after the body, a path takes its place, hints end nothing."""
    assert counted(monitor, clock, *steps) == {"GET /items/{id}": (1, {}, 0)}
    assert monitor.get_stats("GET /items/{id}").max == 5


def test_the_first_byte_is_an_operation_where_asked(monitor, clock):
    """With `first_byte` the time to the first piece of the body is counted beside the whole."""
    counted(monitor, clock, "2ms", START, "3ms", MORE, "4ms", END, first_byte=True)
    assert monitor.get_stats("GET /items/{id}").max == 9
    assert monitor.get_stats("GET /items/{id} (first byte)").max == 5


def test_failures_and_slow_requests_say_status_and_first_byte(monitor, clock):
    """An event of a request tells what it was answered with and, if asked, when that began."""
    counted(monitor, clock, "2ms", START, MORE, "2s", END, first_byte=True)
    counted(monitor, clock, status(503), END)
    assert [event.metadata for event in monitor.events()] == [
        {"status": 200, "first_byte_ms": 2},
        {"status": 503},
    ]


def test_fast_successes_make_no_events(monitor, clock):
    """What is nothing special costs no event."""
    counted(monitor, clock, START, END)
    assert monitor.events() == ()


@pytest.mark.parametrize("kind", ["websocket", "lifespan", "made-up"])
def test_other_connections_pass_through(monitor, kind):
    """WebSockets and lifespan reach the application with the server's own functions."""
    passed = []

    async def app(*connection):
        passed.append(connection)

    async def receive():
        """Never called."""

    async def send(_message):
        """Never called."""

    scope = {"type": kind}
    asyncio.run(PerfmonASGIMiddleware(app, monitor=monitor)(scope, receive, send))
    assert passed == [(scope, receive, send)]
    assert counts(monitor) == {}


@pytest.mark.parametrize("excluded", ["/items/3", "/items/{id}"])
def test_excluded_paths_and_templates_are_not_counted(monitor, clock, excluded):
    """`exclude` takes what a client asks for, and what the application calls it."""
    assert counted(monitor, clock, START, END, exclude=[excluded]) == {}
    assert counted(monitor, clock, START, END, exclude=["/items"]) != {}


def test_no_name_holds_what_a_client_made_up(monitor, clock):
    """Unknown methods and paths without a route have one name each."""
    app = PerfmonASGIMiddleware(app_of(clock, START, END, route=None), monitor=monitor)
    for number in range(5):
        serve(app, scope_of(f"M{number}", f"/{number}"))
        serve(app, scope_of("get", f"/{number}"))
        serve(app, scope_of("GET", f"/{number}"))
    assert counts(monitor) == {
        "GET <unmatched>": (5, {}, 0),
        "_OTHER <unmatched>": (10, {}, 0),
    }


def test_another_frameworks_template_is_asked_for(monitor, clock):
    """`template_for` comes first; where it gives None the scope's own route is taken."""
    answers = iter(["/pages/{page}", None])
    options = {"template_for": lambda _scope: next(answers)}
    app = PerfmonASGIMiddleware(app_of(clock, START, END), monitor=monitor, **options)
    serve(app, scope_of())
    serve(app, scope_of())
    assert sorted(counts(monitor)) == ["GET /items/{id}", "GET /pages/{page}"]


def test_a_template_that_cannot_be_read_hurts_nobody(monitor, clock, caplog):
    """What a hook or a strange route raises is logged once, and the request is counted."""

    class Strange:
        @property
        def path_format(self):
            raise RuntimeError("strange")

    def broken(_scope):
        raise KeyError("nothing there")

    app = app_of(clock, START, END, route=Strange)
    app = PerfmonASGIMiddleware(app, monitor=monitor, template_for=broken)
    for _ in range(3):
        assert len(serve(app, scope_of())) == 2
    assert counts(monitor) == {"GET <unmatched>": (3, {}, 0)}
    assert len(caplog.records) == 2


def test_a_hooks_odd_answer_hurts_nobody(monitor, clock):
    """A template that is a list is none."""
    app = app_of(clock, START, END)
    app = PerfmonASGIMiddleware(app, monitor=monitor, template_for=lambda _: ["/items"])
    assert len(serve(app, scope_of())) == 2
    assert counts(monitor) == {"GET <unmatched>": (1, {}, 0)}


def test_the_ambient_monitor_counts_unless_one_is_given(monitor, clock):
    """Without a monitor a request goes to the one that is ambient as it comes in."""
    app = PerfmonASGIMiddleware(app_of(clock, START, END))
    with monitor.activate():
        serve(app, scope_of())
    serve(app, scope_of())
    assert counts(monitor) == {"GET /items/{id}": (1, {}, 0)}


def test_a_disabled_monitor_counts_nothing(clock):
    """A monitor that is switched off leaves a request as it is."""
    monitor = PerformanceMonitor(enabled=False)
    app = PerfmonASGIMiddleware(app_of(clock, START, END), monitor=monitor)
    assert len(serve(app, scope_of())) == 2
    assert counts(monitor) == {}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"exclude": "/health"}, "exclude is '/health'"),
        ({"exclude": ["health"]}, "exclude holds 'health'"),
        ({"exclude": [3]}, "exclude holds 3"),
        ({"monitor": "mine"}, "monitor is 'mine'"),
        ({"template_for": "/x"}, "template_for is '/x'"),
    ],
)
def test_a_bad_argument_is_named(options, named):
    """A mistake in the set-up is an error that says which argument and what is allowed."""
    with pytest.raises(UsageError, match=named) as caught:
        PerfmonASGIMiddleware(None, **options)
    assert "expected" in str(caught.value)
