"""The service under test, and a client beside it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from links.app import create_app


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio, which the driver of the database needs."""
    return "asyncio"


@pytest.fixture
def perf_token() -> str:
    """What opens the dashboard."""
    return secrets.token_urlsafe(32)


@pytest.fixture
async def app(perf_token: str) -> AsyncIterator[FastAPI]:
    """The service, started on a database in memory, so that no figure is that of a disk."""
    app = create_app("sqlite+aiosqlite://", perf_token)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client that follows no redirects."""
    async with AsyncClient(transport=ASGITransport(app), base_url="http://links") as client:
        yield client
