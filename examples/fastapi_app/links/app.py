"""The service over HTTP: `uvicorn --factory links.app:from_environment`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, HttpUrl
from pytest_perfmon import PerformanceMonitor
from pytest_perfmon.instrument.sqlalchemy import instrument_engine
from pytest_perfmon.web import PerfmonASGIMiddleware, StatsApp
from sqlalchemy.ext.asyncio import create_async_engine

from links.budgets import BUDGETS
from links.store import LinkStore, UnknownLinkError

router = APIRouter(prefix="/links")


class NewLink(BaseModel):
    """What a client sends to have an address shortened."""

    target: HttpUrl


@router.post("", status_code=HTTPStatus.CREATED)
async def add(link: NewLink, request: Request) -> dict[str, str]:
    """Shorten an address."""
    return {"code": await request.app.state.links.add(str(link.target))}


@router.get("/{code}")
async def follow(code: str, request: Request) -> RedirectResponse:
    """Lead a visitor on."""
    try:
        return RedirectResponse(await request.app.state.links.follow(code))
    except UnknownLinkError:
        raise HTTPException(HTTPStatus.NOT_FOUND) from None


@router.get("/{code}/visits")
async def visits(code: str, request: Request) -> dict[str, int]:
    """Tell how often a link was followed."""
    try:
        return {"visits": await request.app.state.links.visits(code)}
    except UnknownLinkError:
        raise HTTPException(HTTPStatus.NOT_FOUND) from None


def create_app(database_url: str, perf_token: str) -> FastAPI:
    """Make the service on that database; the token opens its dashboard under `/perf/`."""
    monitor = PerformanceMonitor(slow_threshold="500ms", very_slow_threshold="2s")
    engine = create_async_engine(database_url)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.links = LinkStore(engine)
        await app.state.links.prepare()
        with instrument_engine(engine, monitor):
            yield
        await engine.dispose()

    app = FastAPI(title="Short links", lifespan=lifespan)
    app.state.monitor = monitor
    app.include_router(router)
    app.mount("/perf", StatsApp(monitor, token=perf_token, budgets=BUDGETS))
    app.add_middleware(PerfmonASGIMiddleware, monitor=monitor, exclude=["/perf/{path}"])
    return app


def from_environment() -> FastAPI:
    """Make the service that `LINKS_DATABASE` and `PERF_TOKEN` describe."""
    database_url = os.environ.get("LINKS_DATABASE", "sqlite+aiosqlite:///links.db")
    return create_app(database_url, os.environ["PERF_TOKEN"])
