"""What routing refuses, and what has no body, is counted alike in all frameworks."""

from __future__ import annotations

import asyncio

import django_project
import pytest
from django.test import Client
from fastapi import FastAPI, Response
from flask import Flask
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.web import PerfmonASGIMiddleware
from pytest_perfmon.web.flask import PerfmonFlask

ASKED = [("GET", "read-only"), ("HEAD", "read-only"), ("POST", "read-only")]
ASKED += [("GET", "unchanged"), ("GET", "nothing")]
EXPECTED = {
    "GET /read-only/": {200: 1},
    "HEAD /read-only/": {200: 1},
    "POST /read-only/": {405: 1},
    "GET /unchanged/": {304: 1},
    "GET <unmatched>": {404: 1},
}


def by_asgi(app):
    """Ask an ASGI application; gives its monitor."""
    monitor = PerformanceMonitor()
    app = PerfmonASGIMiddleware(app, monitor=monitor)

    async def ask():
        async with AsyncClient(transport=ASGITransport(app), base_url="http://x") as client:
            for method, name in ASKED:
                await client.request(method, f"/{name}/")

    asyncio.run(ask())
    return monitor


def starlette():
    """Ask Starlette."""

    async def read_only(_request):
        return StarletteResponse("answer")

    async def unchanged(_request):
        return StarletteResponse(status_code=304)

    return by_asgi(
        Starlette(routes=[Route("/read-only/", read_only), Route("/unchanged/", unchanged)])
    )


def fastapi():
    """Ask FastAPI, whose routes have HEAD where they say so."""
    app = FastAPI()
    app.api_route("/read-only/", methods=["GET", "HEAD"])(lambda: "answer")
    app.get("/unchanged/")(lambda: Response(status_code=304))
    return by_asgi(app)


def flask():
    """Ask Flask."""
    monitor = PerformanceMonitor()
    app = Flask(__name__)
    PerfmonFlask(app, monitor=monitor)
    app.get("/read-only/", endpoint="read")(lambda: "answer")
    app.get("/unchanged/", endpoint="unchanged")(lambda: ("", 304))
    for method, name in ASKED:
        app.test_client().open(f"/{name}/", method=method, buffered=True)
    return monitor


def django():
    """Ask Django."""
    django_project.MONITOR.reset()
    for method, name in ASKED:
        Client().generic(method, f"/{name}/")
    return django_project.MONITOR


@pytest.mark.parametrize("answered_by", [starlette, fastapi, flask, django])
def test_refusals_and_empty_responses_are_counted_alike(answered_by):
    """HEAD has a name of its own, 405 and 304 belong to their route, 404 to none."""
    counted = {
        stats.operation: {status: one.count for status, one in stats.by_status.items()}
        for stats in answered_by().get_stats()
    }
    assert counted == EXPECTED
