"""Monitoring inside web applications: middleware that counts requests, and a page that shows them.

Nothing here imports a framework; names are loaded when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_perfmon.web.asgi import PerfmonASGIMiddleware
    from pytest_perfmon.web.stats_app import StatsApp
    from pytest_perfmon.web.wsgi import PerfmonWSGIMiddleware

__all__ = ["PerfmonASGIMiddleware", "PerfmonWSGIMiddleware", "StatsApp"]

_HOMES = {
    "PerfmonASGIMiddleware": "asgi",
    "PerfmonWSGIMiddleware": "wsgi",
    "StatsApp": "stats_app",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
