"""WSGI applications for a real server: Flask's, and plain ones; each tells what was counted."""

from __future__ import annotations

import json
import time
from pathlib import Path

from flask import Blueprint, Flask, abort, send_file
from servers import counts
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.web.flask import PerfmonFlask
from pytest_perfmon.web.wsgi import PerfmonWSGIMiddleware


def flask_app(monitor):
    """Make an application of Flask with blueprints in blueprints, streams and files."""
    app = Flask(__name__)
    PerfmonFlask(exclude=["/counts", "/left/<name>"], monitor=monitor).init_app(app)
    items = Blueprint("items", __name__, url_prefix="/items")

    @app.get("/counts")
    def counted():
        return json.dumps(counts(monitor))

    @app.get("/left/<name>")
    def left(name):
        return name

    @app.get("/")
    def home():
        return "home"

    @app.get("/fail")
    def fail():
        raise LookupError("no such thing")

    @app.get("/refuse")
    def refuse():
        abort(503)

    @app.get("/file")
    def file():
        return send_file(Path(__file__))

    @app.get("/broken")
    def broken():
        def pieces():
            yield "piece\n"
            raise ArithmeticError("half way")

        return pieces()

    @app.get("/endless")
    def endless():
        def pieces():
            while True:
                yield "piece\n" * 1000
                time.sleep(0.001)

        return pieces()

    @items.route("/<int:item>", methods=["GET", "PUT"])
    def item(item):
        return str(item)

    deep = Blueprint("deep", __name__, url_prefix="/<int:item>/deep")
    deep.get("/<path:way>")(lambda item, way: f"{item} {way}")
    items.register_blueprint(deep)
    app.register_blueprint(items)
    app.register_blueprint(items, url_prefix="/v2", name="again")
    return app


MONITOR = PerformanceMonitor()
FLASK = flask_app(MONITOR)


def plain(environ, start_response):
    """Send a file by the server's own wrapper, or raise."""
    if environ["PATH_INFO"] == "/fail":
        raise LookupError("no such thing")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](Path(__file__).open("rb"))


PLAIN = DispatcherMiddleware(
    FLASK, {"/plain": PerfmonWSGIMiddleware(plain, monitor=MONITOR, template_for=lambda _: "/file")}
)
SHOP = PerfmonWSGIMiddleware(
    DispatcherMiddleware(plain, {"/shop": Flask(__name__)}), monitor=MONITOR
)
