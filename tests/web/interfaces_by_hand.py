"""One description of a response, served by hand through each middleware on a scripted clock."""

from __future__ import annotations

import asyncio
import wsgiref.util
from http import HTTPStatus

import django_project
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from flask import Flask, Response

from pytest_perfmon.web import PerfmonASGIMiddleware, PerfmonWSGIMiddleware
from pytest_perfmon.web.flask import PerfmonFlask


def pieces_of(clock, steps):
    """Give the pieces among the steps; a text lets time pass, an exception is raised."""
    for step in steps:
        if isinstance(step, str):
            clock.advance(step)
        elif isinstance(step, BaseException):
            raise step
        else:
            yield step


def by_asgi(monitor, clock, steps, *, status=200, method="GET", before=(), **options):
    """Serve by ASGI: each piece is a message, and an empty one ends the body."""

    async def app(_scope, _receive, send):
        for message in before:
            await send(message)
        if status is not None:
            await send({"type": "http.response.start", "status": status, "headers": []})
        for piece in pieces_of(clock, steps):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    async def ignore(*_):
        """Be the other side."""

    app = PerfmonASGIMiddleware(app, monitor=monitor, template_for=lambda _: "/x", **options)
    scope = {"type": "http", "method": method, "path": "/x", "root_path": ""}
    asyncio.run(app(scope, ignore, ignore))


def take(body):
    """Take all pieces and close, as a server does."""
    try:
        for _ in body:
            pass
    finally:
        body.close()


def by_wsgi(monitor, clock, steps, *, status=200, method="GET", **options):
    """Serve by WSGI: the pieces are those of an iterable."""

    def app(_environ, start_response):
        if status is None:
            next(pieces_of(clock, steps))
        start_response(f"{status} {HTTPStatus(status).phrase}", [])
        return pieces_of(clock, steps)

    app = PerfmonWSGIMiddleware(app, monitor=monitor, template_for=lambda _: "/x", **options)
    environ = {"REQUEST_METHOD": method, "PATH_INFO": "/x"}
    wsgiref.util.setup_testing_defaults(environ)
    take(app(environ, lambda *_: None))


def by_flask(monitor, clock, steps, **options):
    """Serve by Flask, streamed."""
    app = Flask(__name__)
    PerfmonFlask(app, monitor=monitor, **options)
    app.get("/x")(lambda: Response(pieces_of(clock, steps)))
    app.test_client().get("/x", buffered=True)


def django_middleware(monitor, get_response, options):
    """Make the middleware of a Django project that has these settings."""
    settings = {"monitor": monitor, **options}
    return type("Mine", (django_project.PerfmonDjangoMiddleware,), settings)(get_response)


def by_django(monitor, clock, steps, **options):
    """Serve by a Django view, streamed."""

    def view(_request):
        return StreamingHttpResponse(pieces_of(clock, steps))

    request = RequestFactory().get("/x")
    take(django_middleware(monitor, view, options)(request))


def by_async_django(monitor, clock, steps, **options):
    """Serve by an async Django view, streamed."""

    async def pieces():
        for piece in pieces_of(clock, steps):
            yield piece

    async def view(_request):
        return StreamingHttpResponse(pieces())

    async def serve():
        response = await django_middleware(monitor, view, options)(RequestFactory().get("/x"))
        try:
            async for _ in response:
                pass
        finally:
            response.close()

    asyncio.run(serve())


def by_whole_django(monitor, clock, steps, **options):
    """Serve by a Django view that gives its body in one."""

    def view(_request):
        return HttpResponse(b"".join(pieces_of(clock, steps)))

    django_middleware(monitor, view, options)(RequestFactory().get("/x"))
