"""The service under test, and a client beside it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tasks.app import create_app


class ClosingClient(FlaskClient):
    """Reads each response whole and closes it, as a server does: a request lasts until then."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request."""
        return super().open(*args, buffered=True, **kwargs)


@pytest.fixture
def perf_token() -> str:
    """What opens the dashboard."""
    return secrets.token_urlsafe(32)


@pytest.fixture
def app(perf_token: str) -> Iterator[Flask]:
    """The service on a database in memory, so that no figure is that of a disk."""
    app = create_app("sqlite://", perf_token)
    app.test_client_class = ClosingClient
    yield app
    app.extensions["tasks"].dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the service."""
    return app.test_client()
