"""The names of requests, with real applications of Starlette and FastAPI."""

from __future__ import annotations

import asyncio
import warnings

import pytest
from asgi_apps import fastapi_app, starlette_app
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from servers import counts

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.web.asgi import PerfmonASGIMiddleware


def names(app, method, *paths, root_path=""):
    """Give the names under which requests of these paths are counted."""
    monitor = PerformanceMonitor()
    app = PerfmonASGIMiddleware(app, monitor=monitor)

    async def ask():
        transport = ASGITransport(app, raise_app_exceptions=False, root_path=root_path)
        async with AsyncClient(transport=transport, base_url="http://x") as client:
            for path in paths:
                await client.request(method, path)

    asyncio.run(ask())
    return sorted(counts(monitor))


HOST = "http://api.example.org"
STARLETTE = [
    ("GET", ["/"], "GET /"),
    ("GET", ["/items/1", "/items/2"], "GET /items/{id}"),
    ("HEAD", ["/items/1", "/items/2"], "HEAD /items/{id}"),
    ("POST", ["/items/1", "/items/2"], "POST /items/{id}"),
    ("OPTIONS", ["/items/1"], "OPTIONS /items/{id}"),
    ("GET", ["/files/a", "/files/a/b"], "GET /files/{path}"),
    ("GET", ["/nothing", "/nothing/else", "/items/x"], "GET <unmatched>"),
    ("GET", ["/v1/items/1", "/v1/items/2"], "GET /v1/items/{id}"),
    ("GET", ["/v1/"], "GET /v1/"),
    ("GET", ["/v2/items/1", "/v2/items/2"], "GET /v2/items/{id}"),
    ("GET", ["/v2/deep/items/1", "/v2/deep/items/2"], "GET /v2/deep/items/{id}"),
    ("GET", ["/v1/no/thing", "/v1/no"], "GET /v1/{path}"),
    ("GET", ["/t/acme/items/1", "/t/items/items/2"], "GET /t/{tenant}/items/{id}"),
    ("GET", ["/t/a/u/1/items/1", "/t/b/u/07/items/2"], "GET /t/{tenant}/u/{user}/items/{id}"),
    ("GET", [f"{HOST}/hosted/items/1", f"{HOST}/hosted/items/2"], "GET /hosted/items/{id}"),
    ("GET", ["/bare/a", "/bare/a/b", "/bare/"], "GET /bare/{path}"),
    ("GET", ["/any/a/1", "/any/b/2"], "GET /any/{thing}/{path}"),
]
FASTAPI = [
    ("GET", ["/direct/a", "/direct/b"], "GET /direct/{name}"),
    ("PUT", ["/direct/a", "/direct/b"], "PUT /direct/{name}"),
    ("GET", ["/nothing", "/none"], "GET <unmatched>"),
    ("GET", ["/api/users/1", "/api/users/2", "/api/users/x"], "GET /api/users/{user_id}"),
    ("GET", ["/api2/users/1", "/api2/users/2"], "GET /api2/users/{user_id}"),
    ("POST", ["/api/users/1/orders/2"], "POST /api/users/{user_id}/orders/{order_id}"),
    ("GET", ["/plain/1", "/plain/2"], "GET /plain/{x}"),
    ("GET", ["/api/plain/1", "/api/plain/2"], "GET /api/plain/{x}"),
    ("GET", ["/part/things/1", "/part/things/2"], "GET /part/things/{thing}"),
    ("GET", ["/part/inner/users/1"], "GET /part/inner/users/{user_id}"),
    ("GET", ["/part/plain/1", "/part/plain/2"], "GET /part/plain/{x}"),
    ("GET", ["/of/a/things/1", "/of/b/things/2"], "GET /of/{tenant}/things/{thing}"),
    ("GET", ["/of/a/plain/1", "/of/b/plain/2"], "GET /of/{tenant}/plain/{x}"),
    ("GET", ["/included/part/things/1"], "GET /included/part/things/{thing}"),
    ("GET", ["/included/of/a/things/1", "/included/of/b/things/1"], "GET /{mount}/things/{thing}"),
    ("GET", ["/bare/a", "/bare/b/c"], "GET /bare/{path}"),
    ("GET", ["/docs"], "GET /docs"),
    ("GET", ["/openapi.json"], "GET /openapi.json"),
]


def identify(value):
    """Name a case by what is expected of it."""
    return value if isinstance(value, str) and " " in value else ""


@pytest.mark.parametrize(("method", "paths", "expected"), STARLETTE, ids=identify)
def test_a_request_of_starlette_is_named_for_its_route(method, paths, expected):
    """All requests of a route have one name, mounts spelled as they were declared."""
    assert names(starlette_app(), method, *paths) == [expected]


@pytest.fixture(scope="module")
def fastapi_routes():
    """One application for all cases: FastAPI takes its time to make one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fastapi_app()


@pytest.mark.parametrize(("method", "paths", "expected"), FASTAPI, ids=identify)
def test_a_request_of_fastapi_is_named_for_its_route(fastapi_routes, method, paths, expected):
    """All requests of a route have one name, with the prefixes of included routers and mounts."""
    assert names(fastapi_routes, method, *paths) == [expected]


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/proxy/items/1", "/items/{id}"),
        ("/proxy/v1/items/1", "/v1/items/{id}"),
        ("/proxy/t/a/items/1", "/t/{tenant}/items/{id}"),
    ],
)
def test_the_servers_own_root_path_is_no_part_of_a_name(path, template):
    """Behind a proxy that serves the application below a prefix, names stay what they were."""
    assert names(starlette_app(), "GET", path, root_path="/proxy") == [f"GET {template}"]


def test_the_middleware_may_stand_inside(monitor):
    """Added to Starlette's own stack it finds the same names."""
    app = starlette_app()
    app.add_middleware(PerfmonASGIMiddleware, monitor=monitor)

    async def ask():
        async with AsyncClient(transport=ASGITransport(app), base_url="http://x") as client:
            await client.get("/t/acme/items/1")

    asyncio.run(ask())
    assert counts(monitor) == {"GET /t/{tenant}/items/{id}": (1, {}, 0)}


def test_the_applications_own_root_path_is_no_part_of_a_name():
    """FastAPI's `root_path` says where a proxy serves it, not what its routes are called."""
    app = FastAPI()
    app.root_path = "/proxied"
    part = FastAPI()
    part.get("/things/{thing}")(lambda thing: thing)
    app.mount("/part", part)
    assert names(app, "GET", "/proxied/part/things/1") == ["GET /part/things/{thing}"]
