"""A library that is not installed is one line that says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_perfmon.errors import UsageError
from pytest_perfmon.exporters.extras import Extra, MissingExtraError


@pytest.mark.parametrize(
    ("module", "library", "line"),
    [
        ("prometheus", "prometheus_client", "the Prometheus exporter needs prometheus_client"),
        ("otel", "opentelemetry", "the OpenTelemetry exporter needs opentelemetry.context"),
    ],
)
def test_importing_an_exporter_without_its_library_says_what_to_install(module, library, line):
    """The last line of the traceback is all that a user has to read."""
    script = (
        f"import sys; sys.modules[{library!r}] = None; import pytest_perfmon.exporters.{module}"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    error = done.stderr.splitlines()[-1]
    assert error == (
        f"pytest_perfmon.exporters.extras.MissingExtraError:"
        f" {line}: pip install 'pytest-perfmon[{module}]'"
    )


def test_it_is_a_usage_error_and_an_import_error():
    """Both `except ImportError` and `except UsageError` catch it."""
    with pytest.raises(MissingExtraError) as caught, Extra("otel", "this"):
        import not_there_at_all  # noqa: F401
    assert isinstance(caught.value, UsageError)
    assert isinstance(caught.value, ImportError)
    assert str(caught.value) == "this needs not_there_at_all: pip install 'pytest-perfmon[otel]'"


def test_other_errors_go_through():
    """What goes wrong inside a library that is there is not taken for a missing one."""
    with pytest.raises(ZeroDivisionError), Extra("otel", "this"):
        raise ZeroDivisionError


def test_the_core_needs_no_extra():
    """Batches and figures load neither of the libraries."""
    script = (
        "import sys, pytest_perfmon.exporters.batching, pytest_perfmon.exporters.figures;"
        "print({'prometheus_client', 'opentelemetry', 'sentry_sdk', 'numpy', 'pytest'}"
        " & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "set()\n"
