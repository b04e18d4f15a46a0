"""The Flask integration: rules, blueprints and exceptions, in the process and in gunicorn."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead
from pathlib import Path

import pytest
import wsgi_apps
from servers import counts, leave_in_the_middle, request, serve_wsgi, until

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.web.flask import PerfmonFlask

NAMES = [
    ("GET", ["/"], "GET /"),
    ("GET", ["/items/1", "/items/2"], "GET /items/<int:item>"),
    ("HEAD", ["/items/1"], "HEAD /items/<int:item>"),
    ("OPTIONS", ["/items/1"], "OPTIONS /items/<int:item>"),
    ("GET", ["/v2/1", "/v2/2"], "GET /v2/<int:item>"),
    ("GET", ["/items/1/deep/a/b"], "GET /items/<int:item>/deep/<path:way>"),
    ("GET", ["/v2/1/deep/a"], "GET /v2/<int:item>/deep/<path:way>"),
    ("GET", ["/nothing", "/items/x"], "GET <unmatched>"),
    ("DELETE", ["/items/1", "/items/2"], "DELETE /items/<int:item>"),
    ("POST", ["/v2/1/deep/a"], "POST /v2/<int:item>/deep/<path:way>"),
]


@pytest.fixture
def monitor():
    """A monitor on the real clock."""
    return PerformanceMonitor()


@pytest.fixture
def client(monitor):
    """A client of a fresh application."""
    app = wsgi_apps.flask_app(monitor)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app.test_client()


def ask(client, path, method="GET"):
    """Take the whole answer, as a server does; gives its status."""
    with client.open(path, method=method) as answer:
        answer.get_data()
        return answer.status_code


@pytest.mark.parametrize(("method", "paths", "expected"), NAMES, ids=[name for *_, name in NAMES])
def test_a_request_is_named_for_its_rule(client, monitor, method, paths, expected):
    """All requests of a rule have one name, with the prefixes of blueprints."""
    for path in paths:
        ask(client, path, method)
    assert counts(monitor) == {expected: (len(paths), {}, 0)}


def test_failures_are_counted_by_what_raised(client, monitor):
    """An exception is counted by its class though Flask answers it; `abort(503)` by its own."""
    assert ask(client, "/fail") == 500
    assert ask(client, "/refuse") == 503
    assert counts(monitor) == {
        "GET /fail": (0, {"LookupError": 1}, 0),
        "GET /refuse": (0, {"503": 1}, 0),
    }


def test_an_exception_that_flask_lets_through_is_counted_once(client, monitor):
    """In debugging, when Flask raises what a view raised, it is counted and goes on."""
    client.application.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(LookupError):
        client.get("/fail")
    assert counts(monitor) == {"GET /fail": (0, {"LookupError": 1}, 0)}


def test_excluded_paths_and_rules_are_not_counted(client, monitor):
    """`exclude` takes a path and a rule."""
    assert ask(client, "/counts") == ask(client, "/left/over") == 200
    assert counts(monitor) == {}


def test_the_application_may_come_with_the_extension(monitor):
    """`PerfmonFlask(app)` is `init_app` at once."""
    app = wsgi_apps.Flask("fresh")
    PerfmonFlask(app, monitor=monitor)
    app.get("/x/<y>")(lambda y: y)
    ask(app.test_client(), "/x/3")
    assert counts(monitor) == {"GET /x/<y>": (1, {}, 0)}


def test_a_dispatched_application_is_named_with_its_prefix(monitor):
    """Werkzeug's dispatcher around applications of Flask gives each its prefix."""
    inner = wsgi_apps.Flask("inner")
    inner.get("/x/<y>")(lambda y: y)
    outer = wsgi_apps.Flask("outer")
    outer.wsgi_app = wsgi_apps.PerfmonWSGIMiddleware(
        wsgi_apps.DispatcherMiddleware(outer.wsgi_app, {"/shop": inner}), monitor=monitor
    )
    outer.get("/x/<y>")(lambda y: y)
    ask(outer.test_client(), "/shop/x/3")
    ask(outer.test_client(), "/x/3")
    assert sorted(counts(monitor)) == ["GET /shop/x/<y>", "GET /x/<y>"]


@pytest.fixture(scope="module")
def port():
    """The port of a gunicorn with eight threads."""
    if sys.platform == "win32":
        pytest.skip("gunicorn does not run on Windows")
    with serve_wsgi("wsgi_apps:PLAIN", "--threads=8") as port:
        yield port


def counted(port, expected):
    """Wait until that is what the server counted for these operations."""

    def answer():
        return {key: value for key, value in there().items() if key in expected}

    def there():
        every = json.loads(request(port, "/counts")[1])
        return {key: (value[0], value[1], value[2]) for key, value in every.items()}

    try:
        until(lambda: answer() == expected, 5)
    except AssertionError:
        assert answer() == expected


def test_gunicorn_streams_and_files_are_counted_at_their_end(port):
    """A file of Flask's and one by the server's own wrapper arrive whole, and count once."""
    content = Path(wsgi_apps.__file__).read_bytes()
    assert request(port, "/file") == (200, content)
    assert request(port, "/plain/file") == (200, content)
    counted(port, {"GET /file": (2, {}, 0)})


def test_gunicorn_exceptions_are_counted_by_class(port):
    """Raised in a view, or in a stream after the answer has begun, or by a plain application."""
    assert request(port, "/fail")[0] == 500
    with pytest.raises(IncompleteRead):
        request(port, "/broken")
    counted(
        port,
        {
            "GET /fail": (0, {"LookupError": 1}, 0),
            "GET /broken": (0, {"ArithmeticError": 1}, 0),
        },
    )


def test_gunicorn_clients_that_leave_are_counted_apart(port):
    """A stream whose client goes away is neither success nor failure."""
    leave_in_the_middle(port, "/endless")
    counted(port, {"GET /endless": (0, {}, 1)})


def test_gunicorn_requests_at_once_are_counted_exactly(port):
    """Of many requests in several threads none is lost and none counted twice."""

    def ask(number):
        return [request(port, f"/items/{number}")[0] for _ in range(25)]

    with ThreadPoolExecutor(8) as pool:
        assert {status for statuses in pool.map(ask, range(16)) for status in statuses} == {200}
    counted(port, {"GET /items/<int:item>": (400, {}, 0)})
