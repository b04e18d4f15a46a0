"""The Django middleware under WSGI and ASGI: routes below includes, by hand and in servers."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead
from pathlib import Path

import django_project
import pytest
from django.test import AsyncClient, Client, RequestFactory
from servers import counts, leave_in_the_middle, request, serve_asgi, serve_wsgi, until

from pytest_perfmon.errors import UsageError
from pytest_perfmon.web.django import PerfmonDjangoMiddleware

# Django leaves the request of a client that went away to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")

NAMES = [
    (["/"], "GET /"),
    (["/api/items/1/", "/api/items/2/"], "GET /api/items/<int:pk>/"),
    (["/api/v1/items/1/"], "GET /api/v1/items/<int:pk>/"),
    (["/api/v1/years/2020/"], "GET /api/v1/years/(?P<year>[0-9]{4})/$"),
    (["/async/"], "GET /async/"),
    (["/nothing/", "/api/items/x/"], "GET <unmatched>"),
]


@pytest.fixture(autouse=True)
def monitor():
    """The project's monitor, empty."""
    django_project.MONITOR.reset()
    return django_project.MONITOR


def counted(ask, expected):
    """Wait until that is what was counted for these operations."""

    def answer():
        return {key: tuple(value) for key, value in ask().items() if key in expected}

    try:
        until(lambda: answer() == expected, 5)
    except AssertionError:
        assert answer() == expected


@pytest.mark.parametrize(("paths", "expected"), NAMES, ids=[name for _, name in NAMES])
def test_a_request_is_named_for_its_route(monitor, paths, expected):
    """All requests of a route have one name, with the prefixes of includes."""
    for path in paths:
        Client().get(path)
    assert counts(monitor) == {expected: (len(paths), {}, 0)}


@pytest.mark.parametrize("method", ["head", "options", "post", "delete"])
def test_any_method_has_its_name(monitor, method):
    """A view is named with each method that it is asked by."""
    getattr(Client(), method)("/api/items/1/")
    assert counts(monitor) == {f"{method.upper()} /api/items/<int:pk>/": (1, {}, 0)}


def test_failures_are_counted_by_what_raised(monitor):
    """A view's exception is counted by class, a 503 by number, and a 403 is none."""
    client = Client(raise_request_exception=False)
    for path in ("/fail/", "/refuse/", "/forbid/"):
        client.get(path)
    assert counts(monitor) == {
        "GET /fail/": (0, {"LookupError": 1}, 0),
        "GET /refuse/": (0, {"503": 1}, 0),
        "GET /forbid/": (1, {}, 0),
    }


def test_excluded_paths_and_routes_are_not_counted(monitor):
    """`exclude` takes a path and a route."""
    Client().get("/counts/")
    Client().get("/left/over/")
    assert counts(monitor) == {}


def test_a_stream_is_counted_when_it_is_closed(monitor):
    """Not with its response, but when all of it was sent and the server closes it."""
    response = Client().get("/stream/")
    assert counts(monitor) == {}
    assert b"".join(response.streaming_content) == b"first\nlast\n"
    response.close()
    assert counts(monitor) == {"GET /stream/": (1, {}, 0)}


async def ask(path):
    """Ask in the way of ASGI, inside Django."""
    return await AsyncClient(raise_request_exception=False).get(path)


@pytest.mark.asyncio
async def test_async_and_sync_views_are_counted_under_asgi(monitor):
    """The async form of the middleware names and counts as the other."""
    for path in ("/async/", "/api/items/1/", "/fail-async/", "/fail/", "/left/over/"):
        await ask(path)
    assert counts(monitor) == {
        "GET /async/": (1, {}, 0),
        "GET /api/items/<int:pk>/": (1, {}, 0),
        "GET /fail-async/": (0, {"LookupError": 1}, 0),
        "GET /fail/": (0, {"LookupError": 1}, 0),
    }


def test_an_exception_below_is_counted_and_goes_on(monitor):
    """What no handler of Django's caught is counted by its class and raised unchanged."""
    error = SystemExit(3)

    def get_response(_request):
        raise error

    with pytest.raises(SystemExit) as caught:
        django_project.Monitoring(get_response)(RequestFactory().get("/"))
    assert caught.value is error
    assert counts(monitor) == {"GET <unmatched>": (0, {"SystemExit": 1}, 0)}


def test_a_bad_attribute_is_named():
    """A mistake in the set-up is an error as Django starts."""

    class Bad(PerfmonDjangoMiddleware):
        exclude = ("health",)

    with pytest.raises(UsageError, match="exclude holds 'health'"):
        Bad(lambda request: request)


@pytest.fixture(scope="module")
def wsgi_port():
    """The port of a gunicorn with eight threads."""
    if sys.platform == "win32":
        pytest.skip("gunicorn does not run on Windows")
    with serve_wsgi("django_project:WSGI", "--threads=8") as port:
        yield port


@pytest.fixture(scope="module")
def asgi_port():
    """The port of a uvicorn."""
    with serve_asgi(django_project.ASGI, lifespan="off") as port:
        yield port


def test_gunicorn_streams_files_and_failures_are_counted(wsgi_port):
    """Files go by the server's own wrapper; streams count at their end or by what broke them."""
    content = Path(django_project.__file__).read_bytes()
    assert request(wsgi_port, "/file/") == (200, content)
    assert request(wsgi_port, "/stream/") == (200, b"first\nlast\n")
    assert request(wsgi_port, "/fail/")[0] == 500
    with pytest.raises(IncompleteRead):
        request(wsgi_port, "/broken/")
    counted(
        lambda: json.loads(request(wsgi_port, "/counts/")[1]),
        {
            "GET /file/": (1, {}, 0),
            "GET /stream/": (1, {}, 0),
            "GET /fail/": (0, {"LookupError": 1}, 0),
            "GET /broken/": (0, {"ArithmeticError": 1}, 0),
        },
    )


def test_gunicorn_requests_at_once_are_counted_exactly(wsgi_port):
    """Of many requests in several threads none is lost and none counted twice."""

    def ask_often(number):
        return [request(wsgi_port, f"/api/items/{number}/")[0] for _ in range(10)]

    with ThreadPoolExecutor(8) as pool:
        assert {one for each in pool.map(ask_often, range(16)) for one in each} == {200}
    counted(
        lambda: json.loads(request(wsgi_port, "/counts/")[1]),
        {"GET /api/items/<int:pk>/": (160, {}, 0)},
    )


def test_uvicorn_streams_are_counted_at_their_end(asgi_port, monitor):
    """Async streams count when they end, by what broke them, and apart where the client left."""
    assert request(asgi_port, "/stream-async/") == (200, b"first\nlast\n")
    with pytest.raises(IncompleteRead):
        request(asgi_port, "/broken-async/")
    leave_in_the_middle(asgi_port, "/endless-async/")
    counted(
        lambda: counts(monitor),
        {
            "GET /stream-async/": (1, {}, 0),
            "GET /broken-async/": (0, {"ArithmeticError": 1}, 0),
            "GET /endless-async/": (0, {}, 1),
        },
    )


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous:Warning")
def test_uvicorn_files_are_counted(asgi_port, monitor):
    """A file under ASGI, which knows no wrapper, arrives whole and is counted."""
    content = Path(django_project.__file__).read_bytes()
    assert request(asgi_port, "/file/") == (200, content)
    counted(lambda: counts(monitor), {"GET /file/": (1, {}, 0)})
