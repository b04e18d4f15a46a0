"""The service over HTTP: `flask --app tasks.app:from_environment run`."""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, abort, current_app, request
from pytest_perfmon import PerformanceMonitor
from pytest_perfmon.instrument.sqlalchemy import instrument_engine
from pytest_perfmon.web import StatsApp
from pytest_perfmon.web.flask import PerfmonFlask
from sqlalchemy import Engine, create_engine
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from tasks import store
from tasks.budgets import BUDGETS

blueprint = Blueprint("tasks", __name__, url_prefix="/tasks")


def database() -> Engine:
    """Give the database of the application that handles this request."""
    engine: Engine = current_app.extensions["tasks"]
    return engine


@blueprint.post("/")
def add() -> tuple[dict[str, int], int]:
    """Keep a task."""
    title = request.form.get("title") or abort(HTTPStatus.BAD_REQUEST)
    return {"number": store.add(database(), title)}, HTTPStatus.CREATED


@blueprint.get("/")
def unfinished() -> list[dict[str, Any]]:
    """List the open tasks."""
    return [{"number": number, "title": title} for number, title in store.unfinished(database())]


@blueprint.post("/<int:number>/done")
def finish(number: int) -> tuple[str, int]:
    """End a task."""
    if not store.finish(database(), number):
        abort(HTTPStatus.NOT_FOUND)
    return "", HTTPStatus.NO_CONTENT


def create_app(database_url: str, perf_token: str) -> Flask:
    """Make the service on that database; the token opens its dashboard under `/perf/`."""
    monitor = PerformanceMonitor(slow_threshold="500ms", very_slow_threshold="2s")
    engine = create_engine(database_url)
    store.prepare(engine)
    instrument_engine(engine, monitor)

    app = Flask(__name__)
    app.extensions |= {"tasks": engine, "perfmon": monitor}
    app.register_blueprint(blueprint)
    PerfmonFlask(app, monitor=monitor)
    # Outside of what is counted: looking at the figures does not change them.
    stats = StatsApp(monitor, token=perf_token, budgets=BUDGETS)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/perf": stats.wsgi})  # type: ignore[method-assign]
    return app


def from_environment() -> Flask:
    """Make the service that `TASKS_DATABASE` and `PERF_TOKEN` describe."""
    database_url = os.environ.get("TASKS_DATABASE", "sqlite:///tasks.db")
    return create_app(database_url, os.environ["PERF_TOKEN"])
