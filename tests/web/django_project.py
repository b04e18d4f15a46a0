"""A Django project in one file: routes under includes, sync and async views, streams and files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.exceptions import PermissionDenied
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import include, path, re_path
from django.views.decorators.http import require_safe
from servers import counts

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.web.django import PerfmonDjangoMiddleware

MONITOR = PerformanceMonitor()


class Monitoring(PerfmonDjangoMiddleware):
    """The middleware with a monitor of its own."""

    monitor = MONITOR
    exclude = ("/counts/", "/left/<str:name>/")


def answer(_request, **_captured):
    """Answer."""
    return HttpResponse("answer")


async def answer_async(_request):
    """Answer after a while."""
    await asyncio.sleep(0)
    return HttpResponse("answer")


def fail(_request):
    """Fail as a view does."""
    raise LookupError("no such thing")


async def fail_async(_request):
    """Fail as an async view does."""
    raise LookupError("no such thing")


def forbid(_request):
    """Raise what Django answers by 403."""
    raise PermissionDenied


def refuse(_request):
    """Answer that the service is not available."""
    return HttpResponse(status=503)


def file(_request):
    """Send a file."""
    return FileResponse(Path(__file__).open("rb"))


@require_safe
def read_only(_request):
    """Answer, or refuse to be written to."""
    return HttpResponse("answer")


def unchanged(_request):
    """Say that nothing has changed."""
    return HttpResponse(status=304)


def stream(_request):
    """Stream two pieces."""
    return StreamingHttpResponse(iter([b"first\n", b"last\n"]))


def broken(_request):
    """Stream one piece, and raise."""

    def pieces():
        yield b"piece\n"
        raise ArithmeticError("half way")

    return StreamingHttpResponse(pieces())


async def stream_async(_request):
    """Stream two pieces asynchronously."""

    async def pieces():
        yield b"first\n"
        await asyncio.sleep(0)
        yield b"last\n"

    return StreamingHttpResponse(pieces())


async def broken_async(_request):
    """Stream one piece asynchronously, and raise."""

    async def pieces():
        yield b"piece\n"
        raise ArithmeticError("half way")

    return StreamingHttpResponse(pieces())


async def endless_async(_request):
    """Stream until the client goes away."""

    async def pieces():
        while True:
            yield b"piece\n" * 1000
            await asyncio.sleep(0.001)

    return StreamingHttpResponse(pieces())


def counted(_request):
    """Tell what was counted."""
    return HttpResponse(json.dumps(counts(MONITOR)))


inner = [
    path("items/<int:pk>/", answer),
    re_path(r"^years/(?P<year>[0-9]{4})/$", answer),
]
urlpatterns = [
    path("", answer),
    path("counts/", counted),
    path("left/<str:name>/", answer),
    path("async/", answer_async),
    path("fail/", fail),
    path("fail-async/", fail_async),
    path("forbid/", forbid),
    path("refuse/", refuse),
    path("file/", file),
    path("read-only/", read_only),
    path("unchanged/", unchanged),
    path("stream/", stream),
    path("broken/", broken),
    path("stream-async/", stream_async),
    path("broken-async/", broken_async),
    path("endless-async/", endless_async),
    path("api/", include([path("v1/", include(inner)), *inner])),
]

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        LOGGING_CONFIG=None,
        MIDDLEWARE=[f"{__name__}.Monitoring"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="of a test",
        USE_TZ=True,
    )
    django.setup()

WSGI = get_wsgi_application()
ASGI = get_asgi_application()
