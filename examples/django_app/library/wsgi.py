"""The project for a WSGI server, with its dashboard beside it: `gunicorn library.wsgi:application`.

The dashboard stands outside of Django, so that looking at the figures does not change them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.util import shift_path_info

from django.core.wsgi import get_wsgi_application
from pytest_perfmon.web import StatsApp

from library.monitoring import BUDGETS, monitor

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")
_project = get_wsgi_application()
_stats = StatsApp(monitor, token=os.environ["PERF_TOKEN"], budgets=BUDGETS)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a request: below `/perf` with figures, elsewhere with the project."""
    path = environ.get("PATH_INFO", "")
    if path == "/perf" or path.startswith("/perf/"):
        shift_path_info(environ)
        return _stats.wsgi(environ, start_response)
    answer: Iterable[bytes] = _project(environ, start_response)
    return answer
