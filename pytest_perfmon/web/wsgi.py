"""`PerfmonWSGIMiddleware`: every request of a WSGI application as one call of its route."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from typing import Final

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.web.bodies import Body, SizedBody, TimedRequest, end_with_close
from pytest_perfmon.web.counting import RequestCounter, checked_template_for
from pytest_perfmon.web.interfaces import Environ, StartResponse, WSGIApp

ROUTE_KEY: Final = "pytest_perfmon.route"
"""Where in the environ an integration leaves the template of the route."""

ERROR_KEY: Final = "pytest_perfmon.error"
"""Where in the environ an integration leaves the exception that its framework made a response."""

# What a framework leaves in the environ, and the way from there to its template.
_ROUTES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (ROUTE_KEY, ()),
    ("werkzeug.request", ("url_rule", "rule")),  # Flask
    ("bottle.route", ("rule",)),  # Bottle
)


class PerfmonWSGIMiddleware:
    """Counts and times requests under `METHOD template`, such as `GET /users/<int:id>`.

    `app.wsgi_app = PerfmonWSGIMiddleware(app.wsgi_app)` with Flask (`PerfmonFlask` does that, and
    knows the exceptions too), else `app = PerfmonWSGIMiddleware(app)`.

    A request lasts from the call of the application to the server's `close()` of what it
    returned, so that streamed bodies count to their end.

    - A failure is a request whose application or iterable raised (counted by the exception's
      class), or whose response is a server error, 500 and above (counted by its number).
      Everything else succeeded, 404 too. Exceptions go on unchanged. All of them are told apart
      by status: `OperationStats.status_classes`.
    - Cancelled, and counted apart, are requests whose body the server closed before its end.
    - The template is what Flask and Bottle leave in the environ, below the prefix of a
      dispatcher. A request without one is `GET <unmatched>`, an unknown method is `_OTHER`.

    A `wsgi.file_wrapper` stays what the server knows, so that it can still send the file itself.

    Args:
        app: the application.
        monitor: where to count; the ambient monitor of each request unless one is given.
        exclude: paths and route templates of which nothing is counted, such as `["/health"]`.
        first_byte: also count the time to the first byte, as `GET /users/<int:id> (first byte)`,
            and have events of requests say it; see `RequestCounter`.
        template_for: gives the template of an environ that has been handled, for other
            frameworks; None for what is found otherwise.

    Raises:
        UsageError: naming the argument and what is allowed.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        monitor: PerformanceMonitor | None = None,
        exclude: Iterable[str] = (),
        first_byte: bool = False,
        template_for: Callable[[Environ], str | None] | None = None,
    ) -> None:
        self.app = app
        self._counter = RequestCounter(monitor=monitor, exclude=exclude, first_byte=first_byte)
        self._template_for = checked_template_for(template_for)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        prefix = environ.get("SCRIPT_NAME", "")
        if prefix + environ.get("PATH_INFO", "") in self._counter.excluded:
            return self.app(environ, start_response)
        template: str | None = None
        timed = TimedRequest(
            self._counter,
            environ,
            environ["REQUEST_METHOD"],
            lambda _environ: template or self._template(environ, prefix),
            lambda: environ.get(ERROR_KEY),
        )

        def start_timed(
            status: str, headers: list[tuple[str, str]], exc_info: object = None
        ) -> Callable[[bytes], None]:
            nonlocal template
            # Now or never: Flask takes its request out of the environ when that is done.
            template = self._template(environ, prefix)
            # Not every server takes a third argument that is None.
            more = () if exc_info is None else (exc_info,)
            write = start_response(status, headers, *more)
            timed.status = int(status[:3]) if status[:3].isdecimal() else 0

            def write_timed(piece: bytes) -> None:
                if piece:
                    timed.note_first_byte()
                write(piece)

            return write_timed

        try:
            body = self.app(environ, start_timed)
        except BaseException as error:
            timed.end(error)
            raise
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(body, wrapper):
            end_with_close(body, timed)
            return body
        return SizedBody(body, timed) if isinstance(body, Sized) else Body(body, timed)

    def _template(self, environ: Environ, prefix: str) -> str | None:
        read = self._counter.read
        if self._template_for and (template := read(self._template_for, environ)):
            return template
        template = read(_route_template, environ)
        # A dispatcher has moved its prefix from the path to the script's name.
        return template and environ.get("SCRIPT_NAME", "").removeprefix(prefix) + template


def _route_template(environ: Environ) -> str | None:
    for key, way in _ROUTES:
        found = environ.get(key)
        for attribute in way:
            found = getattr(found, attribute, None)
        if found is not None:
            return f"/{str(found).lstrip('/')}"
    return None
