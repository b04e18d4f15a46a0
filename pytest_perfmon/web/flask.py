"""`PerfmonFlask`: every request of a Flask application as one call of its rule."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.web.wsgi import ERROR_KEY, ROUTE_KEY, PerfmonWSGIMiddleware

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.routing import Rule


class PerfmonFlask:
    """Counts and times requests under `METHOD rule`, such as `GET /users/<int:id>`.

    `PerfmonFlask(app)`, or `init_app(app)` later, for as many applications as there are. As
    `PerfmonWSGIMiddleware`, which it puts around `app.wsgi_app`; on top of that, a server error
    is counted by the class of the exception that Flask made it from, and a 405 under the rule
    whose path was asked for.

    Args:
        app: the application; None to hand it to `init_app`.
        monitor: where to count; the ambient monitor of each request unless one is given.
        exclude: paths and rules of which nothing is counted.
        first_byte: also count the time to the first byte, as `GET /users/<int:id> (first byte)`,
            and have events of requests say it; see `RequestCounter`.

    Raises:
        UsageError: naming the argument and what is allowed.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        monitor: PerformanceMonitor | None = None,
        exclude: Iterable[str] = (),
        first_byte: bool = False,
    ) -> None:
        self._monitor = monitor
        self._exclude = exclude
        self._first_byte = first_byte
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Count the requests of this application from now on."""
        app.wsgi_app = PerfmonWSGIMiddleware(  # type: ignore[method-assign]
            app.wsgi_app,
            monitor=self._monitor,
            exclude=self._exclude,
            first_byte=self._first_byte,
        )
        app.teardown_request(_leave_route_and_error)


def _leave_route_and_error(error: BaseException | None) -> None:
    from flask import request  # noqa: PLC0415 - Flask is there wherever this is called

    rule = request.url_rule or _rule_of_other_methods()
    if rule is not None:
        request.environ[ROUTE_KEY] = rule.rule
    if error is not None:
        request.environ[ERROR_KEY] = error


def _rule_of_other_methods() -> Rule | None:
    """Give the rule whose path was asked for by a method that it has not; None for no path."""
    from flask import current_app, request  # noqa: PLC0415 - as above
    from werkzeug.exceptions import HTTPException, MethodNotAllowed  # noqa: PLC0415 - as above

    refused = request.routing_exception
    if isinstance(refused, MethodNotAllowed) and refused.valid_methods:
        adapter = current_app.create_url_adapter(request)
        with suppress(HTTPException):  # what the routing may raise
            if adapter is not None:
                return adapter.match(method=min(refused.valid_methods), return_rule=True)[0]
    return None
