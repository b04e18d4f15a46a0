"""Middleware brings nothing with it: no framework, no server, nothing slow to load."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_perfmon import web

PROGRAM = """
import sys
from pytest_perfmon.web import PerfmonASGIMiddleware, PerfmonWSGIMiddleware
from pytest_perfmon.web.flask import PerfmonFlask
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_middleware_loads_no_framework():
    """The middleware of ASGI, WSGI and Flask loads neither a framework nor pytest nor asyncio."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True
    )
    loaded = set(done.stdout.split())
    heavy = {"asyncio", "django", "fastapi", "flask", "jinja2", "numpy", "pytest", "starlette"}
    assert "pytest_perfmon" in loaded
    assert not loaded & heavy


def test_the_public_names_are_all_there_and_no_others():
    """Each name of the package can be had, and one that is none is refused by name."""
    assert [getattr(web, name).__name__ for name in web.__all__] == web.__all__
    assert dir(web) == sorted(web.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Missing'"):
        web.Missing  # noqa: B018 - asking for it is the test
