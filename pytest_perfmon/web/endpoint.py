"""From a request to its answer: who asks, for what, and which part of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from pytest_perfmon.monitor.core import LOGGER, PerformanceMonitor
from pytest_perfmon.web import dashboard
from pytest_perfmon.web.access import Refusals, TokenCheck
from pytest_perfmon.web.document import to_json
from pytest_perfmon.web.exchange import HTML, JSON, TEXT, Request, Response, refusal
from pytest_perfmon.web.paging import BOUNDS, Page, parse_page
from pytest_perfmon.web.view import View, Viewer

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_PAGES: Final[Mapping[str, tuple[str, Callable[[View, Page], bytes]]]] = {
    "/": (HTML, dashboard.to_html),
    "/stats.json": (JSON, to_json),
}
_RENDERED_AT_MOST: Final = 64

Metrics = Callable[[PerformanceMonitor], str]


class Endpoint:
    """Answers requests about a monitor; never raises, and never says why it could not answer.

    Args:
        monitor: whose figures they are.
        access: who may see them; None shows them to everybody.
        refusals: is told of requests without the token.
        viewer: what looks at the monitor.
        metrics: gives the text of `/metrics`; None is a path that is not there.
    """

    def __init__(
        self,
        monitor: PerformanceMonitor,
        *,
        access: TokenCheck | None,
        refusals: Refusals,
        viewer: Viewer,
        metrics: Metrics | None,
    ) -> None:
        self._monitor = monitor
        self._access = access
        self._refusals = refusals
        self._viewer = viewer
        self._metrics = metrics
        self._rendered: tuple[View | None, dict[tuple[str, Page], bytes]] = (None, {})

    def refuse(self, request: Request) -> Response | None:
        """Answer who may not read, at once; None for who may.

        The token comes first, so that without it all requests look the same.
        """
        if self._access is not None and not self._access.admits(request.authorization):
            self._refusals.note(request.authorization)
            return refusal(
                HTTPStatus.UNAUTHORIZED,
                "The token is missing or wrong.",
                ("WWW-Authenticate", 'Basic realm="performance", charset="UTF-8"'),
            )
        if request.method not in ("GET", "HEAD"):
            return refusal(
                HTTPStatus.METHOD_NOT_ALLOWED, "This can only be read.", ("Allow", "GET, HEAD")
            )
        return None

    def read(self, request: Request) -> Response:
        """Answer who may read; this can take as long as looking at a whole monitor does."""
        try:
            return self._read(request)
        except Exception:  # noqa: BLE001 - logged with its traceback, told to nobody outside
            LOGGER.exception("the stats endpoint could not answer")
            return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "This could not be answered.")

    def _read(self, request: Request) -> Response:
        path = request.path
        if path in _PAGES:
            return self._page(path, request.query)
        if path in dashboard.ASSETS:
            return Response(HTTPStatus.OK, dashboard.ASSETS[path], dashboard.asset(path))
        if path == "/metrics" and self._metrics is not None:
            return Response(HTTPStatus.OK, METRICS_TYPE, self._metrics(self._monitor).encode())
        if not path:
            # the page's links are relative to the slash; so is this one, whoever is in between
            place = quote(request.prefix.rpartition("/")[2], safe="")
            return refusal(
                HTTPStatus.PERMANENT_REDIRECT,
                "The page is one slash further.",
                ("Location", f"./{place}/" if place else "./"),
            )
        return refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _page(self, path: str, query: bytes) -> Response:
        page = parse_page(query)
        if page is None:
            return Response(HTTPStatus.BAD_REQUEST, TEXT, f"{BOUNDS}\n".encode())
        content_type, render = _PAGES[path]
        view = self._viewer.view()
        shown, rendered = self._rendered
        if shown is not view:
            rendered = {}
            self._rendered = (view, rendered)
        body = rendered.get((path, page))
        if body is None:
            body = render(view, page)
            if len(rendered) < _RENDERED_AT_MOST:
                rendered[path, page] = body
        return Response(HTTPStatus.OK, content_type, body)
