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


def fail():
    """Fail as a view does."""
    raise LookupError("no such thing")


def refuse():
    """Answer that the service is not available."""
    abort(503)


def file():
    """Send a file."""
    return send_file(Path(__file__))


def broken():
    """Stream one piece, and raise."""

    def pieces():
        yield "piece\n"
        raise ArithmeticError("half way")

    return pieces()


def endless():
    """Stream until the client goes away."""

    def pieces():
        while True:
            yield "piece\n" * 1000
            time.sleep(0.001)

    return pieces()


def answer(**captured):
    """Answer with what the rule captured."""
    return json.dumps(captured)


def flask_app(monitor):
    """Make an application of Flask with blueprints in blueprints, streams and files."""
    app = Flask(__name__)
    PerfmonFlask(exclude=["/counts", "/left/<name>"], monitor=monitor).init_app(app)
    app.add_url_rule("/counts", "counts", lambda: json.dumps(counts(monitor)))
    for rule in ("/", "/left/<name>"):
        app.add_url_rule(rule, rule, answer)
    for view in (fail, refuse, file, broken, endless):
        app.add_url_rule(f"/{view.__name__}", view_func=view)
    items = Blueprint("items", __name__, url_prefix="/items")
    items.add_url_rule("/<int:item>", view_func=answer, methods=["GET", "PUT"])
    deep = Blueprint("deep", __name__, url_prefix="/<int:item>/deep")
    deep.add_url_rule("/<path:way>", view_func=answer)
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
