"""The application that `web_overhead.py` serves, bare and in each of the middleware compared."""

# ruff: noqa: PLC0415 - each server loads what its own case needs, and nothing of the others

from __future__ import annotations

from typing import Any

from pytest_perfmon.monitor.core import PerformanceMonitor


def asgi_bare() -> Any:
    """Answer `/items/{id}` by Starlette."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def item(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"item {request.path_params['id']}")

    return Starlette(routes=[Route("/items/{id}", item)])


def asgi_perfmon() -> Any:
    """Count by this package's middleware."""
    from pytest_perfmon.web import PerfmonASGIMiddleware

    return PerfmonASGIMiddleware(asgi_bare(), monitor=PerformanceMonitor())


def asgi_prometheus_fastapi_instrumentator() -> Any:
    """Count by prometheus-fastapi-instrumentator as it comes."""
    from prometheus_fastapi_instrumentator import Instrumentator

    app = asgi_bare()
    Instrumentator().instrument(app)
    return app


def asgi_opentelemetry() -> Any:
    """Count and trace by OpenTelemetry's SDK, without sending anything anywhere."""
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

    return OpenTelemetryMiddleware(asgi_bare(), **_providers())


def wsgi_bare() -> Any:
    """Answer `/items/<number>` by Flask."""
    from flask import Flask

    app = Flask(__name__)
    app.add_url_rule("/items/<number>", view_func=_item)
    return app


def wsgi_perfmon() -> Any:
    """Count by this package's middleware."""
    from pytest_perfmon.web.flask import PerfmonFlask

    app = wsgi_bare()
    PerfmonFlask(app, monitor=PerformanceMonitor())
    return app


def wsgi_opentelemetry() -> Any:
    """Count and trace by OpenTelemetry's SDK, without sending anything anywhere."""
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware

    return OpenTelemetryMiddleware(wsgi_bare(), **_providers())


def _item(number: str) -> str:
    return f"item {number}"


def _providers() -> dict[str, Any]:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider

    return {
        "meter_provider": MeterProvider(metric_readers=[InMemoryMetricReader()]),
        "tracer_provider": TracerProvider(),
    }
